#include "http/exchange.h"

#include <stdio.h>

base_span http_request_header(const http_request *r, const char *name) {
  for (size_t i = 0; i < r->header_count; i++) {
    if (base_span_is(r->headers[i].name, name)) {
      return r->headers[i].value;
    }
  }
  return base_span_of(NULL, 0);
}

void http_respond_text(http_exchange *x, int status, const char *text) {
  char length[24];
  snprintf(length, sizeof length, "%zu", strlen(text));
  const http_header headers[] = {
      {base_span_str("content-length"), base_span_str(length)},
      {base_span_str("content-type"), base_span_str("text/plain; charset=utf-8")},
      {base_span_str("cache-control"), base_span_str("no-store")},
  };
  http_respond(x, status, headers, sizeof headers / sizeof *headers, false);
  http_body(x, base_span_str(text), true);
}
