/* testing_exchange.h - an exchange that keeps what it is told, for tests and fuzzers of handlers. Test code only. */
#ifndef PONTE_GATEWAY_TESTING_EXCHANGE_H
#define PONTE_GATEWAY_TESTING_EXCHANGE_H

#include <stdio.h>

#include "base/buf.h"
#include "http/exchange.h"

typedef struct {
  http_exchange x;
  int status;    /* 0 = not answered */
  base_buf head; /* "name: value\n"... */
  base_buf body;
  size_t consumed;
  size_t stuck; /* what http_queued tells */
  bool ended, reset;
} testing_exchange;

static inline void testing_respond(http_exchange *x, int status, const http_header *headers, size_t count, bool end) {
  testing_exchange *t = (testing_exchange *)x;
  t->status = status;
  t->ended = end;
  for (size_t i = 0; i < count; i++) {
    base_err e =
        base_buf_printf(&t->head, "%.*s: %.*s\n", BASE_SPAN_ARG(headers[i].name), BASE_SPAN_ARG(headers[i].value));
    (void)e;
  }
}
static inline void testing_body(http_exchange *x, base_span bytes, bool end) {
  testing_exchange *t = (testing_exchange *)x;
  base_err e = base_buf_append(&t->body, bytes);
  (void)e;
  t->ended |= end;
}
static inline void testing_consume(http_exchange *x, size_t bytes) { ((testing_exchange *)x)->consumed += bytes; }
static inline size_t testing_queued(const http_exchange *x) { return ((const testing_exchange *)x)->stuck; }
static inline void testing_reset(http_exchange *x) { ((testing_exchange *)x)->reset = true; }

static inline void testing_exchange_init(testing_exchange *t) {
  static const http_exchange_vt vt = {testing_respond, testing_body, testing_consume, testing_queued, testing_reset};
  *t = (testing_exchange){.x = {.vt = &vt}};
  base_buf_init(&t->head, 1 << 20);
  base_buf_init(&t->body, 64 << 20);
}
static inline void testing_exchange_dispose(testing_exchange *t) {
  base_buf_dispose(&t->head);
  base_buf_dispose(&t->body);
}

static inline void testing_browser_sends(testing_exchange *t, base_span bytes) {
  t->x.handler->on_body(t->x.ctx, &t->x, bytes);
}
static inline void testing_browser_ends(testing_exchange *t) { t->x.handler->on_end(t->x.ctx, &t->x); }
static inline void testing_close(testing_exchange *t, bool aborted) {
  t->x.handler->on_closed(t->x.ctx, &t->x, aborted);
}

/* "name: value" is a line of the answer's head. */
static inline bool testing_has(const testing_exchange *t, const char *line) {
  base_span head = base_buf_span(&t->head);
  size_t n = strlen(line);
  for (size_t at = 0; at + n < head.n; at++) {
    bool begins = at == 0 || head.p[at - 1] == '\n';
    if (begins && memcmp(head.p + at, line, n) == 0 && head.p[at + n] == '\n') {
      return true;
    }
  }
  return false;
}

#endif
