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

void http_refuse(http_exchange *x, const http_app *app, base_span origin, int status, const char *text) {
  char length[24];
  snprintf(length, sizeof length, "%zu", strlen(text));
  http_header headers[3 + HTTP_REFUSAL_HEADERS] = {
      {base_span_str("content-length"), base_span_str(length)},
      {base_span_str("content-type"), base_span_str("text/plain; charset=utf-8")},
      {base_span_str("cache-control"), base_span_str("no-store")},
  };
  size_t n = app && app->refusal_headers ? app->refusal_headers(app->app, origin, headers + 3) : 0;
  bool empty = text[0] == '\0';
  http_respond(x, status, headers, 3 + n, empty);
  if (!empty) {
    http_body(x, base_span_str(text), true);
  }
}

void http_respond_text(http_exchange *x, int status, const char *text) {
  http_refuse(x, NULL, base_span_of(NULL, 0), status, text);
}
