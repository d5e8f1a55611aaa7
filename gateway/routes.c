#include "gateway/routes.h"

#include "gateway/http/answer.h"
#include "gateway/http/cors.h"
#include "gateway/obs/obs.h"
#include "gateway/ws/handshake.h"
#include "wire/mux.h"

/* Host and Origin, in this order: a request for another name is not even worth the question where it comes from. */
static const char *refusal(const gw_routes *routes, const http_request *r, enum gw_rejection *reason) {
  if (!gw_policy_host_ok(routes->policy, r->authority)) {
    *reason = GW_REJECT_HOST;
    return "this gateway does not answer to that Host; --allow-host adds a name\n";
  }
  if (!gw_policy_origin_ok(routes->policy, http_request_header(r, "origin"), r->authority, r->tls)) {
    *reason = GW_REJECT_ORIGIN;
    return "pages of that Origin may not use this gateway; --allow-origin adds one\n";
  }
  return NULL;
}

static gw_ws_request upgrade_of(const http_request *r) {
  return (gw_ws_request){.method = r->method,
                         .key = http_request_header(r, "sec-websocket-key"),
                         .version = http_request_header(r, "sec-websocket-version"),
                         .protocols = http_request_header(r, "sec-websocket-protocol"),
                         .extensions = http_request_header(r, "sec-websocket-extensions"),
                         .path = r->path};
}

/* A WebSocket was meant, but the upgrade was refused or not asked for. */
static bool wants_websocket(const http_request *r) {
  return http_request_header(r, "sec-websocket-key").p != NULL ||
         http_request_header(r, "sec-websocket-version").p != NULL || base_span_is(r->path, "/" WIRE_MUX_SUBPROTOCOL);
}

static void refuse_websocket(http_exchange *x, const http_request *r, http_header *extra, size_t n) {
  static const char version[] = "sec-websocket-version";
  gw_ws_answer answer;
  const gw_ws_request upgrade = upgrade_of(r);
  gw_ws_handshake(&upgrade, &answer);
  gw_obs_rejected(GW_REJECT_HANDSHAKE);
  if (answer.status == 101) {
    answer.status = 426;
    answer.text = "a WebSocket is opened here, over HTTP/1.1, with Upgrade: websocket\n";
  }
  if (answer.status == 426) {
    extra[n++] = (http_header){base_span_str(version), base_span_str("13")};
  }
  gw_answer(x, answer.status, answer.text, extra, n);
}

size_t gw_routes_refusal_headers(void *app, base_span origin, http_header out[HTTP_REFUSAL_HEADERS]) {
  _Static_assert((int)GW_CORS_HEADERS <= (int)HTTP_REFUSAL_HEADERS, "all must fit");
  const gw_routes *routes = app;
  return gw_cors_headers(routes->policy, origin, out);
}

void gw_routes_on_request(void *app, http_exchange *x, const http_request *r) {
  gw_routes *routes = app;
  enum gw_rejection reason;
  http_header cors[GW_CORS_HEADERS + 1];
  size_t cors_count = gw_cors_headers(routes->policy, http_request_header(r, "origin"), cors);
  const char *why = refusal(routes, r, &reason);
  if (why) {
    gw_obs_rejected(reason);
    gw_answer(x, 403, why, cors, cors_count);
    return;
  }
  if (gw_cors_is_preflight(r)) {
    gw_cors_preflight(routes->policy, x, r);
    return;
  }
  if (routes->draining) {
    gw_obs_rejected(GW_REJECT_DRAINING);
    gw_answer(x, 503, "the gateway is going down; try again\n", cors, cors_count);
  } else if (gw_grpc_web_is(r)) {
    gw_grpc_web_handle(&routes->grpc_web, x, r, cors, cors_count);
  } else if (wants_websocket(r)) {
    refuse_websocket(x, r, cors, cors_count);
  } else if (routes->files) {
    gw_static_handle(routes->files, x, r, cors, cors_count);
  } else {
    gw_answer(x, 404, "not found\n", cors, cors_count);
  }
}

bool gw_routes_on_upgrade(void *app, net_conn *conn, const http_request *r, base_span rest) {
  gw_routes *routes = app;
  enum gw_rejection reason;
  const gw_ws_request upgrade = upgrade_of(r);
  if (routes->draining || refusal(routes, r, &reason) || !base_is_ok(gw_ws_start(routes->hub, conn, &upgrade, rest))) {
    return false;
  }
  gw_obs_http_response(101);
  return true;
}
