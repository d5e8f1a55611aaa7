/* plat_js.h - the client's platform in the browser: plat.h over the functions of plat.js. One thread. */
#ifndef PONTE_WC_PLAT_JS_H
#define PONTE_WC_PLAT_JS_H

#include "wc/plat.h"

/* Static; lives as long as the module. */
wc_plat *wc_plat_js(void);

#endif
