/* router.h - an upstream that is several: calls go to the leg with the longest matching route. Loop thread only; the table is fixed before the first call.
 *
 * A route is "/" (the rest), "/package." (all services below a package), "/package.Service/" or one method, "/package.Service/Method". A leg may serve several.
 */
#ifndef PONTE_GATEWAY_ROUTER_H
#define PONTE_GATEWAY_ROUTER_H

#include "gateway/upstream/upstream.h"

/* Freed through the vtable; it frees its legs. Its max_message_bytes is its legs' largest; a call's limit is that of the leg behind it. A call that no route serves
 * does not start: NO_ROUTE. */
base_err gw_router_new(gw_upstream **out) BASE_MUST_USE;
/* Takes the leg over, also on an error; the same leg may come again with another route. The route is copied. INVALID: none of the forms above; EXISTS: added before. */
base_err gw_router_add(gw_upstream *router, const char *route, gw_upstream *leg) BASE_MUST_USE;
/* True for a route that gw_router_add takes; for the check of a configuration. */
bool gw_router_prefix_ok(const char *route);

#endif
