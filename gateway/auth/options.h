/* options.h - gw_auth_options: whether they make sense, and a copy of our own. Internal to gateway/auth. */
#ifndef PONTE_GATEWAY_AUTH_OPTIONS_H
#define PONTE_GATEWAY_AUTH_OPTIONS_H

#include "gateway/auth/auth.h"

/* INVALID: *why says what and where. */
base_err gw__auth_options_check(const gw_auth_options *o, base_buf *why) BASE_MUST_USE;
/* NO_MEMORY: what was copied is to be disposed of, too. */
base_err gw__auth_options_copy(const gw_auth_options *from, gw_auth_options *to) BASE_MUST_USE;
void gw__auth_options_dispose(gw_auth_options *o);

#endif
