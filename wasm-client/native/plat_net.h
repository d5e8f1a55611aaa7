/* plat_net.h - the client's platform over lib/net, for the CLI and tests. Belongs to the loop's thread. */
#ifndef PONTE_WC_PLAT_NET_H
#define PONTE_WC_PLAT_NET_H

#include "net/loop.h"
#include "wc/plat.h"

base_err wc_plat_net_new(net_loop *loop, wc_plat **out) BASE_MUST_USE;
/* Where records are kept from now on, a file each (wc_net/records.h); copied. Without it nothing is kept. NO_MEMORY. */
base_err wc_plat_net_set_folder(wc_plat *p, const char *folder) BASE_MUST_USE;
/* After the loop has been freed: only then do the last closed sockets let go. */
void wc_plat_net_free(wc_plat *p);

#endif
