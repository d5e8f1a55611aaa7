/* testing_world.h - a session in memory with nghttp2's client on the other side, and an application that takes notes. Test code only. */
#ifndef PONTE_GATEWAY_HTTP2_TESTING_WORLD_H
#define PONTE_GATEWAY_HTTP2_TESTING_WORLD_H

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/test.h"
#include "gateway/http2/session.h"

enum { BIG = 1 << 20, MAX_STREAMS = 16 };

/* What one exchange of the server saw. */
typedef struct {
  http_exchange *x;
  bool answer_at_end;
  size_t body, closed, aborted, ended, writable;
} seen;

typedef struct {
  int status;
  size_t body;
  bool closed;
  uint32_t code;
  char header[64]; /* the value of x-test */
} answer;

typedef struct world {
  gw_h2_session *server;
  nghttp2_session *client;
  base_buf to_client;
  bool stuck;         /* the socket takes nothing more */
  size_t stuck_bytes; /* what it pretends to hold */
  size_t writes;
  base_err error; /* of receive */
  int64_t now_ms;
  size_t chunk; /* client bytes are fed in pieces of this size; 0 = whole */
  /* the application */
  char method[16], path[128], authority[64], cookie[64];
  size_t requests, header_count;
  seen seen[MAX_STREAMS];
  bool decline, hold, early, keep_window;
  size_t body_left;
  /* the client */
  answer answers[2 * MAX_STREAMS + 2];
  int goaways;
  uint32_t goaway_code;
} world;

/* ---- application ---- */

static void on_body(void *ctx, http_exchange *x, base_span bytes) {
  seen *s = ctx;
  s->body += bytes.n;
  (void)x;
}
static void on_body_consume(void *ctx, http_exchange *x, base_span bytes) {
  on_body(ctx, x, bytes);
  http_consume(x, bytes.n);
}
static void answer_hello(http_exchange *x) {
  const http_header h[] = {{base_span_str("x-test"), base_span_str("yes")}};
  http_respond(x, 200, h, 1, false);
  http_body(x, base_span_str("hello"), true);
}
static void on_end(void *ctx, http_exchange *x) {
  seen *s = ctx;
  s->ended++;
  if (s->answer_at_end) {
    answer_hello(x);
  }
}
static void on_writable(void *ctx, http_exchange *x) {
  (void)x;
  ((seen *)ctx)->writable++;
}
static void on_closed(void *ctx, http_exchange *x, bool aborted) {
  (void)x;
  seen *s = ctx;
  s->closed++;
  s->aborted += aborted;
  s->x = NULL;
}
static const http_handler holding = {on_body, on_end, on_writable, on_closed};
static const http_handler consuming = {on_body_consume, on_end, on_writable, on_closed};

static void copy(char *to, size_t size, base_span s) { snprintf(to, size, "%.*s", BASE_SPAN_ARG(s)); }

static void app_request(void *app, http_exchange *x, const http_request *r) {
  world *w = app;
  copy(w->method, sizeof w->method, r->method);
  copy(w->path, sizeof w->path, r->path);
  copy(w->authority, sizeof w->authority, r->authority);
  copy(w->cookie, sizeof w->cookie, http_request_header(r, "cookie"));
  w->header_count = r->header_count;
  if (w->decline) {
    w->requests++;
    return;
  }
  seen *s = &w->seen[w->requests++ % MAX_STREAMS];
  *s = (seen){.x = x, .answer_at_end = !w->hold && !w->early};
  http_exchange_handle(x, w->keep_window ? &holding : &consuming, s);
  if (w->early) {
    answer_hello(x);
  }
}

/* ---- sink ---- */

static base_err sink_write(void *ctx, base_span bytes) {
  world *w = ctx;
  w->writes++;
  if (w->stuck) {
    w->stuck_bytes += bytes.n;
  }
  return base_buf_append(&w->to_client, bytes);
}
static size_t sink_queued(void *ctx) { return ((world *)ctx)->stuck_bytes; }
static void sink_want(void *ctx) { (void)ctx; }

/* ---- client ---- */

static int client_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                         const uint8_t *value, size_t value_n, uint8_t flags, void *user) {
  (void)ng, (void)flags;
  answer *a = &((world *)user)->answers[frame->hd.stream_id];
  if (base_span_is(base_span_of(name, name_n), ":status")) {
    uint64_t status = 0;
    CHECK(base_span_u64(base_span_of(value, value_n), &status));
    a->status = (int)status;
  }
  if (base_span_is(base_span_of(name, name_n), "x-test")) {
    copy(a->header, sizeof a->header, base_span_of(value, value_n));
  }
  return 0;
}
static int client_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user) {
  (void)ng, (void)flags, (void)data;
  ((world *)user)->answers[id].body += n;
  return 0;
}
static int client_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user) {
  (void)ng;
  answer *a = &((world *)user)->answers[id];
  a->closed = true;
  a->code = code;
  return 0;
}
static int client_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user) {
  (void)ng;
  world *w = user;
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    w->goaways++;
    w->goaway_code = frame->goaway.error_code;
  }
  return 0;
}

/* The Origin goes into x-test. */
static size_t app_refusal_headers(void *app, base_span origin, http_header out[HTTP_REFUSAL_HEADERS]) {
  (void)app;
  out[0] = (http_header){base_span_str("x-test"), origin};
  return origin.p != NULL;
}

static http_app app_of(world *w) { return (http_app){app_request, w, app_refusal_headers}; }

/* With manual windows the client reopens none by itself. */
static void make_client(world *w, bool manual_windows) {
  nghttp2_session_callbacks *cb = NULL;
  nghttp2_session_callbacks_new(&cb);
  nghttp2_session_callbacks_set_on_header_callback(cb, client_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, client_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(cb, client_close);
  nghttp2_session_callbacks_set_on_frame_recv_callback(cb, client_frame);
  nghttp2_option *o = NULL;
  nghttp2_option_new(&o);
  nghttp2_option_set_no_http_messaging(o, 1); /* so that wrong requests can be sent */
  nghttp2_option_set_no_auto_window_update(o, manual_windows);
  nghttp2_session_client_new2(&w->client, cb, w, o);
  nghttp2_option_del(o);
  nghttp2_session_callbacks_del(cb);
  nghttp2_submit_settings(w->client, 0, NULL, 0);
}

static void setup(world *w, const gw_h2_options *options) {
  static const gw_h2_options defaults;
  static const gw_h2_sink sink = {sink_write, sink_queued, sink_want};
  *w = (world){0};
  base_buf_init(&w->to_client, 64 << 20);
  http_app app = app_of(w);
  CHECK_OK(gw_h2_session_new(options ? options : &defaults, &app, &sink, w, &w->server));
  make_client(w, false);
}

static void teardown(world *w) {
  gw_h2_session_free(w->server);
  nghttp2_session_del(w->client);
  base_buf_dispose(&w->to_client);
}

static void feed(world *w, base_span bytes) {
  size_t step = w->chunk ? w->chunk : bytes.n;
  for (size_t at = 0; at < bytes.n && base_is_ok(w->error); at += step) {
    size_t n = bytes.n - at < step ? bytes.n - at : step;
    uint8_t *exact = malloc(n); /* so that a sanitizer sees a read past the piece */
    memcpy(exact, bytes.p + at, n);
    w->error = gw_h2_session_receive(w->server, base_span_of(exact, n), w->now_ms);
    free(exact);
  }
}

/* Until neither side has anything to say. */
static void pump(world *w) {
  for (bool moved = true; moved;) {
    moved = false;
    const uint8_t *p = NULL;
    for (ssize_t n; base_is_ok(w->error) && (n = nghttp2_session_mem_send(w->client, &p)) > 0; moved = true) {
      feed(w, base_span_of(p, (size_t)n));
    }
    gw_h2_session_flush(w->server);
    base_span out = base_buf_span(&w->to_client);
    if (out.n > 0) {
      moved = true;
      CHECK(nghttp2_session_mem_recv(w->client, out.p, out.n) == (ssize_t)out.n);
      base_buf_clear(&w->to_client);
    }
  }
}

#define NV(n, v) \
  { (uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), 0 }

static ssize_t send_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                         nghttp2_data_source *source, void *user) {
  (void)ng, (void)id, (void)source;
  world *w = user;
  size_t n = w->body_left < length ? w->body_left : length;
  memset(buf, 'b', n);
  w->body_left -= n;
  if (w->body_left == 0) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return (ssize_t)n;
}

static int32_t request(world *w, const char *method, const char *path, size_t body) {
  const nghttp2_nv nv[] = {NV(":method", method), NV(":scheme", "http"), NV(":path", path),
                           NV(":authority", "localhost:1")};
  nghttp2_data_provider provider = {.read_callback = send_body};
  w->body_left = body;
  return nghttp2_submit_request(w->client, NULL, nv, 4, body ? &provider : NULL, NULL);
}

#endif
