/* An HTTP/2 client session whose server is a stranger. First byte: bits 0-2 the size of the pieces, bit 3 half-closes the calls at once, bit 4 stops the
 * socket, bit 5 gives no credit beyond 1,000 bytes, bit 6 cancels calls from inside their events, bit 7 leaves the server's SETTINGS to the input. Each call ends
 * exactly once, headers before data before status, and no run passes the credit. */
#include "gateway/upstream/h2/session.h"

#include "fuzz.h"
#include "wire/frame.h"

enum { HALF_CLOSE = 8, STUCK = 16, LITTLE = 32, CANCEL = 64, NO_SETTINGS = 128, CALLS = 8 };

struct world;
struct call {
  struct world *world;
  gw_h2c_call *call;
  size_t credit;
  int headers, statuses;
};
struct world {
  gw_h2c *s;
  uint8_t mode;
  int deaths;
  size_t count;
  struct call calls[CALLS];
};

static base_err sink_send(void *ctx, base_span bytes) {
  (void)ctx;
  FUZZ_CHECK(bytes.n > 0);
  return BASE_OK;
}
static size_t sink_queued(void *ctx) { return ((struct world *)ctx)->mode & STUCK ? 1 << 20 : 0; }
static void sink_nothing(void *ctx) { (void)ctx; }
static void sink_dead(void *ctx, base_err why) {
  struct world *w = ctx;
  (void)why;
  FUZZ_CHECK(gw_h2c_calls(w->s) == 0 && w->deaths++ == 0);
}

static void on_headers(void *ctx, const wire_metadata *headers) {
  struct call *c = ctx;
  FUZZ_CHECK(c->headers++ == 0 && c->statuses == 0 && headers->count <= WIRE_METADATA_MAX_PAIRS);
}
static void on_data(void *ctx, base_span run) {
  struct call *c = ctx;
  FUZZ_CHECK(c->headers == 1 && c->statuses == 0 && run.n > 0 && run.n <= c->credit);
  c->credit -= run.n;
  if (c->world->mode & CANCEL) {
    gw_h2c_cancel(c->call);
  } else if (!(c->world->mode & LITTLE)) {
    c->credit += run.n;
    gw_h2c_credit(c->call, run.n);
  }
}
static void on_written(void *ctx, size_t bytes) { FUZZ_CHECK(((struct call *)ctx)->statuses == 0 && bytes > 0); }
static void on_status(void *ctx, const wire_status *status, bool unprocessed) {
  struct call *c = ctx;
  FUZZ_CHECK(c->statuses++ == 0 && status->code >= 0);
  FUZZ_CHECK(!unprocessed || (c->headers == 0 && status->code == 14));
  FUZZ_CHECK(base_span_utf8(base_buf_span(&status->message)));
}
static const gw_h2c_call_events events = {on_headers, on_data, on_written, on_status};

static void start(struct world *w) {
  struct call *c = &w->calls[w->count];
  size_t room = gw_h2c_room(w->s);
  *c = (struct call){.world = w, .credit = w->mode & LITTLE ? 1000 : 1 << 20};
  base_err e = gw_h2c_start(w->s, base_span_str("/test.Service/Method"), 1000, NULL, &events, c, &c->call);
  FUZZ_CHECK(base_is_ok(e) == (room > 0));
  if (base_is_ok(e)) {
    w->count++;
    gw_h2c_credit(c->call, c->credit);
    FUZZ_OK(gw_h2c_write(c->call, base_span_of("\0\0\0\0\1x", 6), (w->mode & HALF_CLOSE) != 0));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0};
  static const gw_h2c_sink sink = {sink_send, sink_queued, sink_nothing, sink_nothing, sink_nothing, sink_dead};
  static const gw_h2c_options options = {
      .authority = "a", .max_message_bytes = 10000, .max_header_bytes = 2000, .max_streams = CALLS};
  static const size_t pieces[] = {1, 2, 3, 7, 9, 64, 1000, 1 << 20};
  struct world w = {.mode = size ? data[0] : 0};
  if (size == 0) {
    return 0;
  }
  FUZZ_OK(gw_h2c_new(&options, &sink, &w, 0, &w.s));
  gw_h2c_flush(w.s, 0);
  if (!(w.mode & NO_SETTINGS)) {
    gw_h2c_receive(w.s, base_span_of(settings, sizeof settings), 0);
    start(&w);
    start(&w);
  }
  gw_h2c_flush(w.s, 0);
  size_t piece = pieces[w.mode & 7];
  for (size_t at = 1; at < size && w.deaths == 0; at += piece) {
    gw_h2c_receive(w.s, base_span_of(data + at, size - at < piece ? size - at : piece), (int64_t)at);
    if (w.count < CALLS && at % 3 == 0) {
      start(&w);
    }
    gw_h2c_flush(w.s, (int64_t)at);
    FUZZ_CHECK(gw_h2c_calls(w.s) <= CALLS);
  }
  gw_h2c_on_time(w.s, 1 << 30);
  gw_h2c_close(w.s, "the end");
  FUZZ_CHECK(gw_h2c_calls(w.s) == 0);
  for (size_t i = 0; i < w.count; i++) {
    FUZZ_CHECK(w.calls[i].statuses == 1);
  }
  gw_h2c_free(w.s);
  return 0;
}
