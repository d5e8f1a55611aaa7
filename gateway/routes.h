/* routes.h - what becomes of a request, after the checks that come before all else: Host -> Origin -> preflight -> draining -> route. The same for plain requests and
 * for upgrades to a WebSocket, which may come on any path. Loop thread only.
 *
 *   upgrade             gateway/ws           (HTTP/1.1 only)
 *   application/grpc-web* gateway/http/grpc_web.h
 *   the rest            gateway/http/static.h
 */
#ifndef PONTE_GATEWAY_ROUTES_H
#define PONTE_GATEWAY_ROUTES_H

#include "gateway/http/grpc_web.h"
#include "gateway/http/policy.h"
#include "gateway/http/static.h"
#include "gateway/ws/ws.h"

/* All is borrowed and outlives the connections. */
typedef struct {
  const gw_policy *policy;
  gw_ws_hub *hub;
  gw_static *files; /* NULL: no files */
  gw_grpc_web_options grpc_web;
  bool draining; /* everything new is refused with 503 */
} gw_routes;

/* http_app.refusal_headers: those of CORS. */
size_t gw_routes_refusal_headers(void *routes, base_span origin, http_header out[HTTP_REFUSAL_HEADERS]);
/* http_app.on_request; `routes` is a gw_routes. */
void gw_routes_on_request(void *routes, http_exchange *x, const http_request *request);
/* http_h1_options.on_upgrade. False for what is refused: on_request then answers it. */
bool gw_routes_on_upgrade(void *routes, net_conn *conn, const http_request *request, base_span rest);

#endif
