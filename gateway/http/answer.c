#include "gateway/http/answer.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/obs/obs.h"

static void on_body(void *ctx, http_exchange *x, base_span bytes) {
  (void)ctx;
  http_consume(x, bytes.n);
}
static void on_end(void *ctx, http_exchange *x) { (void)ctx, (void)x; }
static void on_closed(void *ctx, http_exchange *x, bool aborted) { (void)ctx, (void)x, (void)aborted; }

const http_handler gw_answered = {.on_body = on_body, .on_end = on_end, .on_closed = on_closed};

void gw_answer(http_exchange *x, int status, const char *text, const http_header *extra, size_t extra_count) {
  char length[24];
  snprintf(length, sizeof length, "%zu", strlen(text));
  http_header headers[4 + GW_ANSWER_EXTRA] = {
      {base_span_str("content-type"), base_span_str("text/plain; charset=utf-8")},
      {base_span_str("cache-control"), base_span_str("no-store")},
      {base_span_str("x-content-type-options"), base_span_str("nosniff")},
      {base_span_str("content-length"), base_span_str(length)},
  };
  assert(extra_count <= GW_ANSWER_EXTRA);
  for (size_t i = 0; i < extra_count; i++) {
    headers[4 + i] = extra[i];
  }
  http_exchange_handle(x, &gw_answered, NULL);
  gw_obs_http_response(status);
  http_respond(x, status, headers, 4 + extra_count, false);
  http_body(x, base_span_str(text), true);
}
