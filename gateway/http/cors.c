#include "gateway/http/cors.h"

#include <stdio.h>

#include "gateway/http/answer.h"
#include "gateway/obs/obs.h"

#define HEADER(name_, value_) \
  (http_header) { .name = base_span_str(name_), .value = (value_) }

enum { REQUESTED_MAX = 1024, A_DAY_S = 86400 };

size_t gw_cors_headers(const gw_policy *p, base_span origin, http_header out[GW_CORS_HEADERS]) {
  size_t n = 0;
  if (p->origin_count == 0) {
    return 0;
  }
  out[n++] = HEADER("vary", base_span_str("origin"));
  if (gw_policy_origin_listed(p, origin)) {
    /* The origin itself and not "*": caches must keep answers apart, and credentials demand it. */
    out[n++] = HEADER("access-control-allow-origin", origin);
    if (p->credentials) {
      out[n++] = HEADER("access-control-allow-credentials", base_span_str("true"));
    }
  }
  return n;
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

void gw_cors_preflight(const gw_policy *p, http_exchange *x, const http_request *r) {
  http_header out[GW_CORS_HEADERS + 5];
  char age[24];
  size_t n = gw_cors_headers(p, http_request_header(r, "origin"), out);
  base_span names = http_request_header(r, "access-control-request-headers");
  snprintf(age, sizeof age, "%lld", (long long)(p->max_age_s > 0 ? p->max_age_s : p->max_age_s < 0 ? 0 : A_DAY_S));
  out[n++] = HEADER("vary", base_span_str("access-control-request-headers"));
  out[n++] = HEADER("access-control-allow-methods", base_span_str("GET, HEAD, POST"));
  out[n++] = HEADER("access-control-max-age", base_span_str(age));
  /* gRPC metadata has any name, so what is asked for is allowed; what must not pass is dropped later (gw_metadata_is_forwarded). */
  if (is_name_list(names)) {
    out[n++] = HEADER("access-control-allow-headers", names);
  }
  http_exchange_handle(x, &gw_answered, NULL);
  gw_obs_http_response(204);
  http_respond(x, 204, out, n, true);
}
