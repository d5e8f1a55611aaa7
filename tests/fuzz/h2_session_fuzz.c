/* An HTTP/2 server session fed by a stranger. First byte: bit 0 puts the preface before the rest, bits 1-3 the size of the pieces, bit 4 stops the
 * socket, bit 5 keeps request bodies unconsumed. The application echoes bodies. Each exchange must be closed exactly once. */
#include <assert.h>
#include <stdlib.h>

#include "gateway/http2/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STUCK = 0x10, KEEP = 0x20 };

struct app {
  uint8_t mode;
  size_t opened, closed, out;
};

static void on_body(void *ctx, http_exchange *x, base_span bytes) {
  struct app *a = ctx;
  http_body(x, bytes, false);
  if (!(a->mode & KEEP)) {
    http_consume(x, bytes.n);
  }
}
static void on_end(void *ctx, http_exchange *x) {
  (void)ctx;
  http_body(x, base_span_str("end"), true);
}
static void on_closed(void *ctx, http_exchange *x, bool aborted) {
  (void)x, (void)aborted;
  ((struct app *)ctx)->closed++;
}
static const http_handler handler = {on_body, on_end, NULL, on_closed};

static void on_request(void *ctx, http_exchange *x, const http_request *r) {
  struct app *a = ctx;
  a->opened++;
  http_exchange_handle(x, &handler, a);
  assert(r->path.n > 0 && r->path.p[0] == '/' && r->authority.n > 0);
  if (r->header_count > 0 && r->headers[0].name.n == 1) {
    http_reset(x);
  }
  http_respond(x, 200, r->headers, r->header_count, false);
}

static base_err sink_write(void *ctx, base_span bytes) {
  ((struct app *)ctx)->out += bytes.n;
  return BASE_OK;
}
static size_t sink_queued(void *ctx) { return ((struct app *)ctx)->mode & STUCK ? 1 << 20 : 0; }
static void sink_want(void *ctx) { (void)ctx; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
  static const gw_h2_sink sink = {sink_write, sink_queued, sink_want};
  static const size_t pieces[] = {1, 2, 3, 7, 9, 64, 1000, 1 << 20};
  struct app a = {.mode = size ? data[0] : 0};
  http_app app = {.on_request = on_request, .app = &a};
  gw_h2_session *s = NULL;
  if (size == 0 ||
      !base_is_ok(gw_h2_session_new(&(gw_h2_options){.resets_burst = 50, .resets_per_s = 1}, &app, &sink, &a, &s))) {
    return 0;
  }
  base_err e = BASE_OK;
  if (a.mode & 1) {
    e = gw_h2_session_receive(s, base_span_of(preface, sizeof preface - 1), 0);
  }
  size_t piece = pieces[(a.mode >> 1) & 7];
  for (size_t at = 1; at < size && base_is_ok(e) && !gw_h2_session_done(s); at += piece) {
    size_t n = size - at < piece ? size - at : piece;
    e = gw_h2_session_receive(s, base_span_of(data + at, n), (int64_t)at);
    gw_h2_session_flush(s);
    assert(gw_h2_session_streams(s) <= 100);
  }
  gw_h2_session_drain(s);
  a.mode &= (uint8_t)~STUCK;
  gw_h2_session_flush(s);
  gw_h2_session_free(s);
  assert(a.opened == a.closed);
  return 0;
}
