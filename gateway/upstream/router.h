/* router.h - an upstream that is several: calls go to the leg with the longest matching path prefix ("/package.Service/", or "/" for the rest).
 * Loop thread only; the table is fixed before the first call.
 */
#ifndef PONTE_GATEWAY_ROUTER_H
#define PONTE_GATEWAY_ROUTER_H

#include "gateway/upstream/upstream.h"

/* Freed through the vtable; it frees its legs. */
base_err gw_router_new(gw_upstream **out) BASE_MUST_USE;
/* Takes the leg over, also on an error; one leg may have several routes. The prefix is copied. INVALID: not of the form "/" or "/name/"; EXISTS: added before. */
base_err gw_router_add(gw_upstream *router, const char *prefix, gw_upstream *leg) BASE_MUST_USE;
/* True for a prefix that gw_router_add takes; for the check of a configuration. */
bool gw_router_prefix_ok(const char *prefix);

#endif
