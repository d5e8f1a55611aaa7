#include "gateway/http/cors.h"

#include "gateway/http/answer.h"
#include "gateway/obs/obs.h"

#define HEADER(name_, value_) \
  (http_header) { .name = base_span_str(name_), .value = (value_) }

enum { REQUESTED_MAX = 1024 };

size_t gw_cors_headers(base_span origin, http_header out[GW_CORS_HEADERS]) {
  if (origin.p == NULL) {
    return 0;
  }
  /* The origin itself and not "*": caches must keep answers apart, and tokens may come with it. */
  out[0] = HEADER("access-control-allow-origin", origin);
  out[1] = HEADER("vary", base_span_str("origin"));
  return 2;
}

bool gw_cors_is_preflight(const http_request *r) {
  return base_span_is(r->method, "OPTIONS") && http_request_header(r, "origin").p != NULL &&
         http_request_header(r, "access-control-request-method").p != NULL;
}

/* A list of header names and nothing else: it goes back into a header of ours. */
static bool is_name_list(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    uint8_t c = s.p[i];
    bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == '.' || c == ',' || c == ' ';
    if (!ok) {
      return false;
    }
  }
  return s.n > 0 && s.n <= REQUESTED_MAX;
}

void gw_cors_preflight(http_exchange *x, const http_request *r) {
  http_header out[GW_CORS_HEADERS + 5];
  size_t n = gw_cors_headers(http_request_header(r, "origin"), out);
  base_span names = http_request_header(r, "access-control-request-headers");
  out[1].value = base_span_str("origin, access-control-request-headers");
  out[n++] = HEADER("access-control-allow-methods", base_span_str("GET, HEAD, POST"));
  out[n++] = HEADER("access-control-max-age", base_span_str("86400"));
  /* gRPC metadata has any name, so what is asked for is allowed; what must not pass is dropped later (gw_metadata_is_forwarded). */
  if (is_name_list(names)) {
    out[n++] = HEADER("access-control-allow-headers", names);
  }
  http_exchange_handle(x, &gw_answered, NULL);
  gw_obs_http_response(204);
  http_respond(x, 204, out, n, true);
}
