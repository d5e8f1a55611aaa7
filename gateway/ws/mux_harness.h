/* mux_harness.h - a client made of frames, for the tests of the multiplex: builds messages, keeps what came back. Test code only. */
#ifndef PONTE_GATEWAY_MUX_HARNESS_H
#define PONTE_GATEWAY_MUX_HARNESS_H

#include <stdlib.h>

#include "base/test.h"
#include "gateway/upstream/fake.h"
#include "gateway/ws/mux_session.h"
#include "wire/mux.h"

enum { HARNESS_FRAMES = 4096 };

struct got {
  uint8_t type, flags;
  uint32_t call;
  size_t n;        /* of the payload */
  uint32_t number; /* CREDIT: bytes; STATUS: code; DRAIN: last call */
};

struct harness {
  gw_fake up;
  gw_gate gate;
  gw_mux *mux;
  struct got got[HARNESS_FRAMES];
  int count;
  size_t messages, queued;
  bool hold; /* the peer does not read: sent bytes stay queued */
  int close_code, closes;
  char close_reason[128];
  base_buf out; /* the client's next message */
};

static inline void harness_keep(struct harness *h, const wire_mux_frame *f) {
  struct got *g = &h->got[h->count < HARNESS_FRAMES ? h->count++ : HARNESS_FRAMES - 1];
  *g = (struct got){.type = f->type, .flags = f->flags, .call = f->call, .n = f->payload.n};
  if (f->type == WIRE_MUX_CREDIT) {
    CHECK_OK(wire_mux_get_credit(f->payload, &g->number));
  } else if (f->type == WIRE_MUX_STATUS) {
    wire_status s;
    wire_status_init(&s);
    CHECK_OK(wire_mux_get_status(f->payload, &s));
    g->number = (uint32_t)s.code;
    wire_status_dispose(&s);
  } else if (f->type == WIRE_MUX_DRAIN) {
    wire_mux_drain d;
    CHECK_OK(wire_mux_get_drain(f->payload, &d));
    g->number = d.last_call;
  }
}

static inline void harness_send(void *ctx, base_span message) {
  struct harness *h = ctx;
  CHECK(h->closes == 0);
  CHECK(message.n > 0 && message.n <= WIRE_MUX_MESSAGE_MAX);
  h->messages++;
  h->queued += h->hold ? message.n : 0;
  while (message.n > 0) {
    wire_mux_frame f;
    base_err e = wire_mux_next(&message, &f);
    CHECK_OK(e);
    if (!base_is_ok(e)) {
      return;
    }
    harness_keep(h, &f);
  }
}
static inline size_t harness_queued(void *ctx) { return ((struct harness *)ctx)->queued; }
static inline void harness_want_flush(void *ctx) { (void)ctx; }
static inline void harness_close(void *ctx, int code, const char *reason) {
  struct harness *h = ctx;
  h->closes++;
  h->close_code = code;
  snprintf(h->close_reason, sizeof h->close_reason, "%s", reason);
}
static const gw_ws_sink harness_sink = {
    .send = harness_send, .queued = harness_queued, .want_flush = harness_want_flush, .close = harness_close};

static inline void harness_open(struct harness *h, const gw_mux_options *options) {
  memset(h, 0, sizeof *h);
  gw_fake_init(&h->up);
  h->gate = (gw_gate){.upstream = &h->up.base};
  base_buf_init(&h->out, 1 << 20);
  CHECK_OK(gw_mux_new(options, &h->gate, &harness_sink, h, 0, &h->mux));
}
static inline void harness_free(struct harness *h) {
  gw_mux_free(h->mux);
  gw_fake_dispose(&h->up);
  base_buf_dispose(&h->out);
}
/* Sends what h->out holds as one message, from an exact-size copy, so that a sanitizer sees a byte read past the end; then flushes. */
static inline void harness_tell(struct harness *h, int64_t now_ms) {
  size_t n = base_buf_size(&h->out);
  uint8_t *copy = malloc(n ? n : 1);
  if (copy == NULL) {
    abort();
  }
  if (n > 0) {
    memcpy(copy, base_buf_span(&h->out).p, n);
  }
  base_buf_clear(&h->out);
  gw_mux_receive(h->mux, base_span_of(copy, n), now_ms);
  free(copy);
  gw_mux_flush(h->mux, now_ms);
}
static inline void harness_put_hello(struct harness *h, uint32_t credit) {
  wire_mux_hello hello = {.version = WIRE_MUX_VERSION, .call_credit = credit, .max_message = 1 << 20};
  CHECK_OK(wire_mux_put_hello(&h->out, &hello));
}
static inline void harness_hello(struct harness *h, uint32_t credit) {
  harness_open(h, NULL);
  harness_put_hello(h, credit);
  harness_tell(h, 0);
  CHECK_INT(h->closes, 0);
}
static inline void harness_put_open(struct harness *h, uint32_t call) {
  wire_mux_open o = {.path = base_span_str("/pkg.Service/Method"), .timeout_ms = 0};
  wire_metadata_init(&o.metadata);
  CHECK_OK(wire_mux_put_open(&h->out, call, &o));
  wire_metadata_dispose(&o.metadata);
}
/* A gRPC message of n payload bytes as DATA. */
static inline void harness_put_message(struct harness *h, uint32_t call, uint32_t n, bool end) {
  base_buf b;
  base_buf_init(&b, 1 << 20);
  for (uint32_t i = 0; i < 5; i++) {
    CHECK_OK(base_buf_u8(&b, i == 0 ? 0 : (uint8_t)(n >> (8 * (4 - i)))));
  }
  for (uint32_t i = 0; i < n; i++) {
    CHECK_OK(base_buf_u8(&b, 'x'));
  }
  CHECK_OK(wire_mux_put_data(&h->out, call, base_buf_span(&b), end));
  base_buf_dispose(&b);
}
static inline void harness_flush(struct harness *h) { gw_mux_flush(h->mux, 0); }
/* How many frames of this type came for the call; the last one at *last. */
static inline int harness_count(const struct harness *h, uint8_t type, uint32_t call, struct got *last) {
  int n = 0;
  for (int i = 0; i < h->count; i++) {
    if (h->got[i].type == type && h->got[i].call == call) {
      n++;
      if (last) {
        *last = h->got[i];
      }
    }
  }
  return n;
}
static inline size_t harness_data(const struct harness *h, uint32_t call) {
  size_t n = 0;
  for (int i = 0; i < h->count; i++) {
    n += h->got[i].type == WIRE_MUX_DATA && h->got[i].call == call ? h->got[i].n : 0;
  }
  return n;
}

#endif
