#include "gateway/http/grpc_web_type.h"

static const gw_web_type types[] = {
    {"application/grpc-web", false},
    {"application/grpc-web+proto", false},
    {"application/grpc-web-text", true},
    {"application/grpc-web-text+proto", true},
};

/* The part before the separator, without blanks around it; *rest is what comes behind. */
static base_span cut(base_span s, char separator, base_span *rest) {
  if (s.n == 0) {
    *rest = s;
    return s;
  }
  const uint8_t *at = memchr(s.p, separator, s.n);
  size_t n = at ? (size_t)(at - s.p) : s.n, used = n + (at ? 1 : 0);
  *rest = base_span_of(s.p + used, s.n - used);
  return base_span_trim(base_span_of(s.p, n));
}

/* "q=0", "q=0.0", ...: RFC 9110 section 12.4.2. */
static bool excludes(base_span parameters) {
  while (parameters.n > 0) {
    base_span value = cut(parameters, ';', &parameters);
    base_span name = cut(value, '=', &value);
    bool zero = base_span_ieq(name, base_span_str("q")) && value.n > 0;
    for (size_t i = 0; zero && i < value.n; i++) {
      zero = value.p[i] == '0' || value.p[i] == '.';
    }
    if (zero) {
      return true;
    }
  }
  return false;
}

static gw_web_type find(base_span value) {
  base_span parameters;
  base_span type = cut(value, ';', &parameters);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (base_span_ieq(type, base_span_str(types[i].name)) && !excludes(parameters)) {
      return types[i];
    }
  }
  return (gw_web_type){NULL, false};
}

gw_web_type gw_web_request_type(const http_request *r) { return find(http_request_header(r, "content-type")); }

gw_web_type gw_web_answer_type(const http_request *r) {
  base_span list = http_request_header(r, "accept");
  while (list.n > 0) {
    gw_web_type accepted = find(cut(list, ',', &list));
    if (accepted.name) {
      return accepted;
    }
  }
  return gw_web_request_type(r);
}
