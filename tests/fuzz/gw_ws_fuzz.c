/* A whole WebSocket connection without a socket, of either subprotocol, with and without compression, under arbitrary bytes, service events and times. What must hold:
 * what is sent is well-formed and ends with the close frame; grpc-websockets sends headers before data and trailers last; zlib stays within its pool.
 *
 * Input: options u8, then steps of op u8 | n u8 | n bytes. */
#include "fuzz.h"

#include "gateway/upstream/fake.h"
#include "gateway/ws/endpoint.h"
#include "gateway/ws/mux_session.h"
#include "gateway/ws/single_session.h"

enum { SINGLE = 1, DEFLATE = 2, TAKEOVER = 4, OPEN_FIRST = 8 };

struct peer {
  bool closed, close_frame, paused;
  size_t queued;
  uint64_t left; /* payload bytes of a frame that is on its way */
};

static void on_write(void *ctx, base_span bytes) {
  struct peer *p = ctx;
  base_cursor c = base_cursor_of(bytes);
  FUZZ_CHECK(!p->closed);
  while (base_cursor_left(&c) > 0) {
    FUZZ_CHECK(!p->close_frame);
    uint8_t first = base_cursor_u8(&c);
    uint64_t n = base_cursor_u8(&c);
    n = n == 126 ? base_cursor_u16(&c) : n == 127 ? base_cursor_u64(&c) : n;
    (void)base_cursor_bytes(&c, (size_t)n);
    FUZZ_CHECK(!c.failed);
    FUZZ_CHECK((first & 0x80) && ((first & 0xf) == WIRE_WS_BINARY || (first & 0xf) >= WIRE_WS_CLOSE));
    p->close_frame = (first & 0xf) == WIRE_WS_CLOSE;
  }
}
static size_t on_queued(void *ctx) { return ((struct peer *)ctx)->queued; }
static void on_want_flush(void *ctx) { (void)ctx; }
static void on_pause(void *ctx, bool paused) {
  struct peer *p = ctx;
  FUZZ_CHECK(p->paused != paused);
  p->paused = paused;
}
static void on_close(void *ctx) {
  struct peer *p = ctx;
  FUZZ_CHECK(!p->closed && p->close_frame);
  p->closed = true;
}
static const gw_ws_pipe pipe_vt = {on_write, on_queued, on_want_flush, on_pause, on_close};

static void service_step(gw_fake *up, uint8_t op, base_span arg) {
  gw_fake_call *c = up->calls;
  for (uint8_t nth = arg.n > 0 ? arg.p[0] % 4 : 0; c && c->next && nth > 0; nth--) {
    c = c->next;
  }
  if (c == NULL) {
    return;
  }
  switch (op) {
  case 0: gw_fake_data(c, arg); break;
  case 1: gw_fake_take(c); break;
  case 2: gw_fake_headers(c, "key", "value"); break;
  default: gw_fake_status(c, arg.n > 1 ? arg.p[1] : 0, "end");
  }
}

static void step(gw_ws_endpoint *e, gw_fake *up, struct peer *p, uint8_t op, base_span arg, int64_t *now) {
  switch (op % 10) {
  case 0:
  case 1:
  case 2: gw_ws_endpoint_receive(e, arg, *now); break;
  case 3:
  case 4:
  case 5:
  case 6: service_step(up, (uint8_t)(op % 10 - 3), arg); break;
  case 7:
    *now += (int64_t)arg.n * 100;
    gw_ws_endpoint_on_time(e, *now);
    break;
  case 8:
    p->queued = arg.n > 128 ? 1 << 20 : 0;
    if (p->queued == 0) {
      gw_ws_endpoint_drained(e);
    }
    break;
  default: gw_ws_endpoint_drain(e, *now, (uint32_t)arg.n);
  }
  gw_ws_endpoint_flush(e, *now);
  gw_fake_end_cancelled(up);
}

static void attach(gw_ws_endpoint *e, gw_gate *gate, uint8_t options) {
  if (options & SINGLE) {
    gw_single *single = NULL;
    const gw_single_options o = {.path = base_span_str("/pkg.Service/Method")};
    FUZZ_OK(gw_single_new(&o, gate, &gw_ws_endpoint_sink, e, 0, &single));
    gw_ws_endpoint_attach(e, &gw_single_vt, single);
    if (options & OPEN_FIRST) {
      gw_single_vt.receive(single, base_span_str("content-type: application/grpc-web\r\n"), true, true, 0);
    }
    return;
  }
  gw_mux *mux = NULL;
  FUZZ_OK(gw_mux_new(&(gw_mux_options){.call_credit = 64, .max_calls = 4}, gate, &gw_ws_endpoint_sink, e, 0, &mux));
  gw_ws_endpoint_attach(e, &gw_mux_vt, mux);
}

static gw_deflate *make_deflate(gw_deflate_pool **pool, uint8_t options) {
  gw_deflate *d = NULL;
  const gw_deflate_options o = {.on = true, .window_bits = 9, .max_ratio = 8, .min_bytes = 16};
  const gw_deflate_params params = {9, 9, options & TAKEOVER, options & TAKEOVER};
  FUZZ_OK(gw_deflate_pool_new(&o, pool));
  FUZZ_OK(gw_deflate_new(*pool, &params, &d));
  return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t scratch[GW_WS_SCRATCH];
  gw_fake up;
  gw_ws_endpoint e;
  gw_deflate_pool *pool = NULL;
  struct peer peer = {0};
  base_cursor c = base_cursor_of(base_span_of(data, size));
  int64_t now = 0;
  uint8_t options = base_cursor_u8(&c);
  gw_fake_init(&up);
  gw_gate gate = {.upstream = &up.base};
  gw_ws_endpoint_init(&e, &pipe_vt, &peer, scratch, options & DEFLATE ? make_deflate(&pool, options) : NULL);
  attach(&e, &gate, options);
  while (base_cursor_left(&c) > 1) {
    uint8_t op = base_cursor_u8(&c);
    size_t n = base_cursor_u8(&c);
    n = n < base_cursor_left(&c) ? n : base_cursor_left(&c);
    step(&e, &up, &peer, op, base_cursor_bytes(&c, n), &now);
  }
  FUZZ_CHECK(pool == NULL || gw_deflate_pool_used(pool) < 128 << 10);
  gw_ws_endpoint_dispose(&e);
  gw_deflate_pool_free(pool);
  gw_fake_dispose(&up);
  return 0;
}
