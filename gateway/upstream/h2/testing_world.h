/* testing_world.h - a client session in memory, calls that take notes, and frames written and read by hand. Test code only. */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_TESTING_WORLD_H
#define PONTE_GATEWAY_UPSTREAM_H2_TESTING_WORLD_H

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "gateway/upstream/h2/internal.h"

enum { MAX_CALLS = 64, PATH_CREDIT = 1 << 20 };

/* What one call was told. */
typedef struct {
  struct world *world;
  gw_h2c_call *call; /* NULL after its status */
  int headers, statuses, code;
  bool unprocessed;
  size_t data, written, runs, trailers;
  char header[64], text[256];                 /* x-test of headers or trailers; the status message */
  void (*on_data)(struct world *w, size_t i); /* what the caller does inside the event */
  void (*on_end)(struct world *w, size_t i);
} told;

typedef struct world {
  gw_h2c *s;
  base_buf out; /* to the server */
  told calls[MAX_CALLS];
  size_t started, sends, queued, chunk;
  int rooms, goings, deaths;
  base_err why, send_error;
  int64_t now_ms;
  bool wanted, inside; /* a flush is asked for; a function runs in which no event may come */
} world;

static base_err sink_send(void *ctx, base_span bytes) {
  world *w = ctx;
  w->sends++;
  return base_is_ok(w->send_error) ? base_buf_append(&w->out, bytes) : w->send_error;
}
static size_t sink_queued(void *ctx) { return ((world *)ctx)->queued; }
static void sink_want(void *ctx) { ((world *)ctx)->wanted = true; }
static void sink_room(void *ctx) { ((world *)ctx)->rooms++; }
static void sink_going(void *ctx) { ((world *)ctx)->goings++; }
static void sink_dead(void *ctx, base_err why) {
  world *w = ctx;
  CHECK_INT(gw_h2c_calls(w->s), 0);
  w->deaths++;
  w->why = why;
}

static void on_headers(void *ctx, const wire_metadata *headers) {
  told *t = ctx;
  base_span v;
  CHECK(!t->world->inside && t->headers == 0 && t->data == 0 && t->statuses == 0);
  t->headers++;
  if (wire_metadata_get(headers, "x-test", &v)) {
    snprintf(t->header, sizeof t->header, "%.*s", BASE_SPAN_ARG(v));
  }
}
static void on_data(void *ctx, base_span run) {
  told *t = ctx;
  CHECK(!t->world->inside && t->headers == 1 && t->statuses == 0 && run.n > 0);
  t->data += run.n;
  t->runs++;
  if (t->on_data) {
    t->on_data(t->world, (size_t)(t - t->world->calls));
  }
}
static void on_written(void *ctx, size_t bytes) {
  told *t = ctx;
  CHECK(!t->world->inside && t->statuses == 0 && bytes > 0);
  t->written += bytes;
}
static void on_status(void *ctx, const wire_status *status, bool unprocessed) {
  told *t = ctx;
  base_span v;
  CHECK(!t->world->inside && t->statuses == 0);
  t->statuses++;
  t->code = status->code;
  t->unprocessed = unprocessed;
  t->trailers = status->trailers.count;
  t->call = NULL;
  snprintf(t->text, sizeof t->text, "%.*s", BASE_SPAN_ARG(base_buf_span(&status->message)));
  if (wire_metadata_get(&status->trailers, "x-test", &v)) {
    snprintf(t->header, sizeof t->header, "%.*s", BASE_SPAN_ARG(v));
  }
  if (t->on_end) {
    t->on_end(t->world, (size_t)(t - t->world->calls));
  }
}
static const gw_h2c_call_events call_events = {on_headers, on_data, on_written, on_status};

static void setup(world *w, const gw_h2c_options *options) {
  static const gw_h2c_sink sink = {sink_send, sink_queued, sink_want, sink_room, sink_going, sink_dead};
  static const gw_h2c_options defaults = {.authority = "svc.test:50051"};
  *w = (world){.now_ms = 1000};
  base_buf_init(&w->out, 64 << 20);
  CHECK_OK(gw_h2c_new(options ? options : &defaults, &sink, w, w->now_ms, &w->s));
  CHECK(w->wanted);
}

static void flush(world *w) {
  w->wanted = false;
  gw_h2c_flush(w->s, w->now_ms);
}

/* In pieces of w->chunk, each in memory of its own, so that a sanitizer sees a read past it. */
static void feed(world *w, base_span bytes) {
  size_t step = w->chunk ? w->chunk : bytes.n;
  for (size_t at = 0; at < bytes.n; at += step) {
    size_t n = bytes.n - at < step ? bytes.n - at : step;
    uint8_t *exact = malloc(n);
    memcpy(exact, bytes.p + at, n);
    gw_h2c_receive(w->s, base_span_of(exact, n), w->now_ms);
    free(exact);
  }
}

static told *start_with(world *w, int64_t timeout_ms, const wire_metadata *m) {
  told *t = &w->calls[w->started++];
  *t = (told){.world = w};
  w->inside = true;
  base_err e = gw_h2c_start(w->s, base_span_str("/test.Service/Method"), timeout_ms, m, &call_events, t, &t->call);
  w->inside = false;
  CHECK_OK(e);
  return t;
}
static inline told *start(world *w) { return start_with(w, 0, NULL); }

static void credit(told *t, size_t bytes) {
  t->world->inside = true;
  gw_h2c_credit(t->call, bytes);
  t->world->inside = false;
}
static inline void cancel(told *t) {
  t->world->inside = true;
  gw_h2c_cancel(t->call);
  t->world->inside = false;
}

/* A gRPC message of n bytes. */
static base_err write_message(told *t, size_t n, bool end) {
  uint8_t *bytes = calloc(1, n + WIRE_FRAME_HEAD);
  wire_frame_head(bytes, 0, (uint32_t)n);
  t->world->inside = true;
  base_err e = gw_h2c_write(t->call, base_span_of(bytes, n + WIRE_FRAME_HEAD), end);
  t->world->inside = false;
  free(bytes);
  return e;
}

/* -- frames by hand ---------------------------------------------------------------------------------------------------- */

static void put(base_buf *b, base_span s) { CHECK_OK(base_buf_append(b, s)); }
static void put_frame(base_buf *b, uint8_t type, uint8_t flags, uint32_t id, base_span payload) {
  CHECK_OK(base_buf_u24(b, (uint32_t)payload.n));
  CHECK_OK(base_buf_u8(b, type));
  CHECK_OK(base_buf_u8(b, flags));
  CHECK_OK(base_buf_u32(b, id));
  put(b, payload);
}
/* HPACK: a literal without indexing, without Huffman; lengths below 127, or exactly that and more in two bytes. */
static void put_text(base_buf *b, base_span s) {
  if (s.n < 127) {
    CHECK_OK(base_buf_u8(b, (uint8_t)s.n));
  } else {
    CHECK_OK(base_buf_u8(b, 127));
    CHECK_OK(base_buf_varint(b, (uint32_t)s.n - 127));
  }
  put(b, s);
}
static inline void put_field(base_buf *b, base_span name, base_span value) {
  CHECK_OK(base_buf_u8(b, 0));
  put_text(b, name);
  put_text(b, value);
}

/* The n-th frame (from 0) of this type that we sent on the stream (0xffffffff: any); its payload, or p == NULL. */
static inline base_span sent_frame(const world *w, uint8_t type, uint32_t id, int nth) {
  base_cursor c = base_cursor_of(base_buf_span(&w->out));
  (void)base_cursor_bytes(&c, NGHTTP2_CLIENT_MAGIC_LEN);
  while (base_cursor_left(&c) > 0 && !c.failed) {
    uint32_t n = base_cursor_u24(&c);
    uint8_t t = base_cursor_u8(&c);
    (void)base_cursor_u8(&c);
    uint32_t on = base_cursor_u32(&c);
    base_span payload = base_cursor_bytes(&c, n);
    if (!c.failed && t == type && (id == UINT32_MAX || on == id) && nth-- == 0) {
      return payload.p ? payload : base_span_str("");
    }
  }
  CHECK(!c.failed);
  return base_span_of(NULL, 0);
}
/* The first 32 bits of such a frame, or -1: the code of RST_STREAM, the increment of WINDOW_UPDATE. */
static inline int64_t sent_u32(const world *w, uint8_t type, uint32_t id, int nth) {
  base_cursor c = base_cursor_of(sent_frame(w, type, id, nth));
  uint32_t v = base_cursor_u32(&c);
  return c.failed ? -1 : (int64_t)v;
}
static inline int64_t goaway_code(const world *w) {
  base_span p = sent_frame(w, NGHTTP2_GOAWAY, 0, 0);
  base_cursor c = base_cursor_of(p);
  (void)base_cursor_u32(&c);
  uint32_t v = base_cursor_u32(&c);
  return c.failed ? -1 : (int64_t)v;
}

static void teardown(world *w) {
  gw_h2c_close(w->s, "the test is over");
  for (size_t i = 0; i < w->started; i++) {
    CHECK_INT(w->calls[i].statuses, 1);
  }
  gw_h2c_free(w->s);
  base_buf_dispose(&w->out);
}

#endif
