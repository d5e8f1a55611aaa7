/* upstream_world.h - test code only: a loop with one upstream on it, and calls that remember what they were told. */
#ifndef PONTE_TESTS_UPSTREAM_WORLD_H
#define PONTE_TESTS_UPSTREAM_WORLD_H

#include "base/clock.h"
#include "base/test.h"
#include "gateway/upstream/cluster.h"
#include "process.h"
#include "wire/frame.h"

typedef struct {
  net_loop *loop;
  net_timer *tick;
  rpc_client *client;
  gw_upstream *up;
  const char *what; /* for messages */
} world;

static world w;

static inline void stop_loop(void *ctx) { net_loop_stop(ctx); }

static inline void world_make(const char *what) {
  w = (world){.what = what};
  CHECK_OK(net_loop_new(NULL, &w.loop));
  CHECK_OK(rpc_client_new(&(rpc_client_options){0}, &w.client));
  w.tick = net_timer_new(w.loop, stop_loop, w.loop);
}

static inline void world_open(const gw_cluster_options *options, const char *what) {
  base_buf why;
  base_buf_init(&why, 4096);
  world_make(what);
  base_err e = gw_cluster_new(w.loop, w.client, options, &why, &w.up);
  CHECK_MSG(base_is_ok(e), "%s: %.*s", what, BASE_SPAN_ARG(base_buf_span(&why)));
  base_buf_dispose(&why);
}

/* A millisecond of the loop, and what the core's threads have. */
static inline void turn(void) {
  net_timer_set(w.tick, 1);
  net_loop_run(w.loop);
  rpc_client_drain(w.client);
}

static inline void world_close(void) {
  if (w.up) {
    w.up->vt->stop(w.up);
    w.up->vt->stop(w.up); /* twice is harmless */
  }
  net_loop_free(w.loop);
  rpc_client_end_calls(w.client);
  if (w.up) {
    w.up->vt->free(w.up);
  }
  rpc_client_free(w.client);
}

/* Turns the loop until the condition holds; fails the test after the deadline. */
#define UNTIL(cond)                                                       \
  do {                                                                    \
    int64_t end__ = base_now_ms() + WAIT_S * 1000;                        \
    while (base_now_ms() < end__ && !(cond)) {                            \
      turn();                                                             \
    }                                                                     \
    CHECK_MSG(base_now_ms() < end__, "%s: %s never came", w.what, #cond); \
  } while (0)

struct seen {
  gw_up_call *call;
  bool inside; /* a function of the leg is running: no event may come */
  int headers, statuses, code;
  size_t data, written;
  char header[64], text[256]; /* text: of the first message, if it is short */
  char message[512];
  bool details;
};

static inline void on_headers(void *ctx, const wire_metadata *headers) {
  struct seen *s = ctx;
  base_span v;
  CHECK(!s->inside && s->data == 0 && s->statuses == 0);
  s->headers++;
  if (wire_metadata_get(headers, "x-echo-text", &v)) {
    snprintf(s->header, sizeof s->header, "%.*s", BASE_SPAN_ARG(v));
  }
}
static inline void on_data(void *ctx, base_span run) {
  struct seen *s = ctx;
  CHECK(!s->inside && s->headers == 1 && s->statuses == 0);
  /* Short answers come in one piece. */
  if (s->data == 0 && run.n > WIRE_FRAME_HEAD) {
    snprintf(s->text, sizeof s->text, "%.*s", (int)run.n - WIRE_FRAME_HEAD, (const char *)run.p + WIRE_FRAME_HEAD);
  }
  s->data += run.n;
}
static inline void on_written(void *ctx, size_t bytes) {
  struct seen *s = ctx;
  CHECK(!s->inside && s->statuses == 0);
  s->written += bytes;
}
static inline void on_status(void *ctx, const wire_status *status) {
  struct seen *s = ctx;
  base_span v;
  CHECK(!s->inside && s->statuses == 0);
  s->statuses++;
  s->code = status->code;
  snprintf(s->message, sizeof s->message, "%.*s", BASE_SPAN_ARG(base_buf_span(&status->message)));
  s->details = wire_metadata_get(&status->trailers, "grpc-status-details-bin", &v);
}
static const gw_up_events events = {on_headers, on_data, on_written, on_status};

static inline bool start_at(struct seen *s, const char *path, int64_t timeout_ms, const wire_metadata *m) {
  *s = (struct seen){.inside = true};
  base_err e = w.up->vt->start(w.up, base_span_str(path), timeout_ms, m, &events, s, &s->call);
  s->inside = false;
  CHECK_OK(e);
  return base_is_ok(e);
}

/* One message, in two pieces cut inside the head: any split must do. Returns how many bytes. */
static inline size_t tell(struct seen *s, base_span message, bool end) {
  uint8_t bytes[4096];
  if (message.n + WIRE_FRAME_HEAD > sizeof bytes) {
    CHECK(false);
    return 0;
  }
  wire_frame_head(bytes, 0, (uint32_t)message.n);
  if (message.n > 0) {
    memcpy(bytes + WIRE_FRAME_HEAD, message.p, message.n);
  }
  s->inside = true;
  CHECK_OK(w.up->vt->write(s->call, base_span_of(bytes, 3), false));
  CHECK_OK(w.up->vt->write(s->call, base_span_of(bytes + 3, message.n + WIRE_FRAME_HEAD - 3), end));
  s->inside = false;
  return message.n + WIRE_FRAME_HEAD;
}

static inline void credit(struct seen *s, size_t bytes) {
  s->inside = true;
  w.up->vt->credit(s->call, bytes);
  s->inside = false;
}

static inline void cancel(struct seen *s) {
  s->inside = true;
  w.up->vt->cancel(s->call);
  s->inside = false;
}

#endif
