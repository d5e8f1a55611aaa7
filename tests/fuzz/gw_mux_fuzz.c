/* A ponte.v1 connection under arbitrary messages, service events and times. What must hold whatever comes: at most one STATUS a call and nothing of the call
 * after it, HEADERS before DATA, DATA within the client's credit, one close.
 *
 * Input: steps of op u8 | n u8 | n bytes. */
#include <assert.h>
#include <stdlib.h>

#include "gateway/upstream/fake.h"
#include "gateway/ws/mux_session.h"
#include "wire/mux.h"

enum { TRACKED = 256, CREDIT = 64 };

struct peer {
  bool ended[TRACKED];
  size_t received[TRACKED], allowed[TRACKED];
  bool closed;
  size_t queued;
};

static void sink_send(void *ctx, base_span message) {
  struct peer *p = ctx;
  assert(!p->closed && message.n > 0 && message.n <= WIRE_MUX_MESSAGE_MAX);
  while (message.n > 0) {
    wire_mux_frame f;
    base_err e = wire_mux_next(&message, &f);
    assert(base_is_ok(e));
    if (f.call == 0 || f.call >= TRACKED) {
      continue;
    }
    assert(!p->ended[f.call]);
    p->ended[f.call] = f.type == WIRE_MUX_STATUS;
    p->received[f.call] += f.type == WIRE_MUX_DATA ? f.payload.n : 0;
    assert(p->received[f.call] <= CREDIT + p->allowed[f.call]);
  }
}
static size_t sink_queued(void *ctx) { return ((struct peer *)ctx)->queued; }
static void sink_want_flush(void *ctx) { (void)ctx; }
static void sink_close(void *ctx, int code, const char *reason) {
  struct peer *p = ctx;
  assert(!p->closed && code >= 1000 && reason[0]);
  p->closed = true;
}
static const gw_ws_sink sink = {
    .send = sink_send, .queued = sink_queued, .want_flush = sink_want_flush, .close = sink_close};

static gw_fake_call *pick(gw_fake *up, uint8_t nth) {
  gw_fake_call *c = up->calls;
  for (; c && nth > 0; nth--) {
    c = c->next ? c->next : up->calls;
  }
  return c;
}

/* The client's own count of what it allowed: sound CREDIT frames of a message that may or may not be taken. */
static void count_credit(struct peer *p, base_span message) {
  wire_mux_frame f;
  uint32_t bytes = 0;
  while (message.n > 0 && base_is_ok(wire_mux_next(&message, &f))) {
    if (f.type == WIRE_MUX_CREDIT && f.call < TRACKED && base_is_ok(wire_mux_get_credit(f.payload, &bytes))) {
      p->allowed[f.call] += bytes;
    }
  }
}

static void service_step(gw_fake *up, uint8_t op, base_span arg) {
  gw_fake_call *c = pick(up, arg.n > 0 ? arg.p[0] : 0);
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

static void step(gw_mux *m, gw_fake *up, struct peer *p, uint8_t op, base_span arg, int64_t *now) {
  switch (op % 10) {
  case 0:
  case 1:
  case 2:
    count_credit(p, arg);
    gw_mux_receive(m, arg, *now);
    break;
  case 3:
  case 4:
  case 5:
  case 6: service_step(up, (uint8_t)(op % 10 - 3), arg); break;
  case 7:
    *now += arg.n * 100;
    gw_mux_on_time(m, *now);
    break;
  case 8:
    p->queued = arg.n > 128 ? 1 << 20 : 0;
    if (p->queued == 0) {
      gw_mux_writable(m);
    }
    break;
  default: gw_mux_drain(m, *now, (uint32_t)arg.n);
  }
  gw_mux_flush(m, *now);
  gw_fake_end_cancelled(up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gw_fake up;
  gw_mux *m = NULL;
  struct peer peer = {0};
  base_cursor c = base_cursor_of(base_span_of(data, size));
  int64_t now = 0;
  gw_fake_init(&up);
  gw_gate gate = {.upstream = &up.base};
  base_err e = gw_mux_new(&(gw_mux_options){.call_credit = CREDIT, .max_calls = 4}, &gate, &sink, &peer, now, &m);
  if (base_is_ok(e)) {
    base_buf first;
    base_buf_init(&first, 1024);
    wire_mux_hello hello = {.version = WIRE_MUX_VERSION, .call_credit = CREDIT, .ping_interval_ms = 2000};
    if (base_is_ok(wire_mux_put_hello(&first, &hello)) && size % 8 != 0) {
      gw_mux_receive(m, base_buf_span(&first), now);
    }
    base_buf_dispose(&first);
  }
  while (m && base_cursor_left(&c) > 1) {
    uint8_t op = base_cursor_u8(&c);
    size_t n = base_cursor_u8(&c);
    n = n < base_cursor_left(&c) ? n : base_cursor_left(&c);
    step(m, &up, &peer, op, base_cursor_bytes(&c, n), &now);
  }
  gw_mux_free(m);
  gw_fake_dispose(&up);
  return 0;
}
