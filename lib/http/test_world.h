/* test_world.h - test code only: an HTTP/1.1 server on a thread of its own whose application has a behaviour for each path, and a client that
 * reads answers by their framing. */
#ifndef PONTE_HTTP_TEST_WORLD_H
#define PONTE_HTTP_TEST_WORLD_H

#include <stdlib.h>

#include "base/test.h"
#include "http/h1.h"
#include "net/test_peer.h"

enum { MIB = 1 << 20, BIG = 8 * MIB };

/* An application with a behaviour for each path. */
typedef struct {
  test_loop t;
  net_listener *listener;
  http_h1_server *server;
  atomic_int requests, bodies, ended, closed, aborted, writable, pipes, upgrades, peak_queued;
} world;

typedef struct {
  world *w;
  http_exchange *x;
  net_timer *later;
  char path[64];
  base_buf body;
  size_t left;
} call;

static inline void hello(http_exchange *x) {
  const http_header h[] = {{base_span_str("content-length"), base_span_str("5")},
                           {base_span_str("x-test"), base_span_str("1")}};
  http_respond(x, 200, h, 2, false);
  http_body(x, base_span_str("hello"), true);
}

/* Writes while there is room; the rest when on_writable says so. */
static inline void pour(call *c) {
  static uint8_t block[16384];
  while (c->left > 0 && http_queued(c->x) <= HTTP_WRITABLE_LOW) {
    size_t n = c->left < sizeof block ? c->left : sizeof block;
    c->left -= n;
    http_body(c->x, base_span_of(block, n), c->left == 0);
  }
  int queued = (int)http_queued(c->x);
  if (queued > atomic_load(&c->w->peak_queued)) {
    atomic_store(&c->w->peak_queued, queued);
  }
}

static inline void on_later(void *ctx) {
  call *c = ctx;
  if (strcmp(c->path, "/reset") == 0) {
    http_respond(c->x, 200, NULL, 0, false);
    http_body(c->x, base_span_str("part"), false);
    http_reset(c->x);
    return;
  }
  hello(c->x);
}

static inline void on_body(void *ctx, http_exchange *x, base_span bytes) {
  call *c = ctx;
  atomic_fetch_add(&c->w->bodies, (int)bytes.n);
  if (strcmp(c->path, "/keep") == 0) {
    return;
  }
  if (strcmp(c->path, "/echo") == 0 && !base_is_ok(base_buf_append(&c->body, bytes))) {
    abort();
  }
  http_consume(x, bytes.n);
}

static inline void on_end(void *ctx, http_exchange *x) {
  call *c = ctx;
  atomic_fetch_add(&c->w->ended, 1);
  if (strcmp(c->path, "/hello") == 0 || strcmp(c->path, "/keep") == 0) {
    hello(x);
  } else if (strcmp(c->path, "/later") == 0 || strcmp(c->path, "/reset") == 0) {
    net_timer_set(c->later, 5);
  } else if (strcmp(c->path, "/echo") == 0) {
    http_respond(x, 200, NULL, 0, false);
    http_body(x, base_buf_span(&c->body), false);
    http_body(x, (base_span){0}, true);
  } else if (strcmp(c->path, "/big") == 0) {
    c->left = BIG;
    http_respond(x, 200, NULL, 0, false);
    pour(c);
  } else if (strcmp(c->path, "/block") == 0) { /* at once, without minding the reader */
    void *block = calloc(1, BIG);
    http_respond(x, 200, NULL, 0, false);
    http_body(x, base_span_of(block, BIG), true);
    free(block);
  } else if (strcmp(c->path, "/none") == 0) {
    http_respond(x, 204, NULL, 0, true);
  } else if (strcmp(c->path, "/empty") == 0) {
    http_respond(x, 200, NULL, 0, true);
  } else if (strcmp(c->path, "/short") == 0) {
    const http_header h = {base_span_str("content-length"), base_span_str("9")};
    http_respond(x, 200, &h, 1, false);
    http_body(x, base_span_str("hello"), true);
  } else if (strcmp(c->path, "/split") == 0) {
    const http_header h = {base_span_str("x-a"), base_span_str("1\r\nx-b: 2")};
    http_respond(x, 200, &h, 1, true);
  }
}

static inline void on_writable(void *ctx, http_exchange *x) {
  call *c = ctx;
  (void)x;
  atomic_fetch_add(&c->w->writable, 1);
  pour(c);
}

static inline void on_closed(void *ctx, http_exchange *x, bool aborted) {
  call *c = ctx;
  (void)x;
  atomic_fetch_add(&c->w->aborted, aborted);
  atomic_fetch_add(&c->w->closed, 1);
  net_timer_free(c->later);
  base_buf_dispose(&c->body);
  free(c);
}

static const http_handler handler = {on_body, on_end, on_writable, on_closed};

static inline void on_request(void *app, http_exchange *x, const http_request *r) {
  world *w = app;
  atomic_fetch_add(&w->requests, 1);
  if (base_span_is(r->path, "/refuse")) {
    http_respond_text(x, 403, "no\n");
    return;
  }
  if (base_span_is(r->path, "/unknown")) {
    return;
  }
  call *c = calloc(1, sizeof *c);
  c->w = w;
  c->x = x;
  snprintf(c->path, sizeof c->path, "%.*s", BASE_SPAN_ARG(r->path));
  base_buf_init(&c->body, 16 * MIB);
  c->later = net_timer_new(w->t.loop, on_later, c);
  http_exchange_handle(x, &handler, c);
  if (strcmp(c->path, "/early") == 0) {
    hello(x);
  }
}

/* --- what an upgraded connection does: it repeats everything --- */

typedef struct {
  world *w;
  net_conn *conn;
} pipe_codec;

static inline void pipe_on_bytes(void *codec, base_span bytes) {
  pipe_codec *p = codec;
  (void)!base_is_ok(net_conn_write(p->conn, bytes));
}
static inline void pipe_on_drained(void *codec) { (void)codec; }
static inline void pipe_on_closed(void *codec) {
  pipe_codec *p = codec;
  atomic_fetch_add(&p->w->pipes, 1);
  free(p);
}
static const net_codec_vt pipe_vt = {pipe_on_bytes, pipe_on_drained, NULL, pipe_on_closed};

static inline bool on_upgrade(void *app, net_conn *conn, const http_request *r, base_span rest) {
  world *w = app;
  atomic_fetch_add(&w->upgrades, 1);
  if (!base_span_is(r->path, "/pipe") || !base_span_is(r->upgrade, "test")) {
    return false;
  }
  pipe_codec *p = calloc(1, sizeof *p);
  p->w = w;
  p->conn = conn;
  net_conn_set_codec(conn, &pipe_vt, p);
  CHECK_OK(net_conn_write(conn, base_span_str("HTTP/1.1 101 Switching Protocols\r\n\r\n")));
  CHECK_OK(net_conn_write(conn, rest));
  return true;
}

/* --- plumbing --- */

/* Its answers name the Origin they are for. */
static inline size_t refusal_headers(void *app, base_span origin, http_header out[HTTP_REFUSAL_HEADERS]) {
  (void)app;
  out[0] = (http_header){base_span_str("x-for"), origin};
  return origin.p != NULL;
}

static inline void start(world *w, http_h1_options options) {
  memset(w, 0, sizeof *w);
  options.on_upgrade = on_upgrade;
  const http_app app = {on_request, w, refusal_headers};
  CHECK_OK(net_loop_new(NULL, &w->t.loop));
  CHECK_OK(http_h1_server_new(w->t.loop, &app, &options, &w->server));
  const net_listener_options listen = {.address = "127.0.0.1:0", .on_accept = http_h1_on_accept, .ctx = w->server};
  CHECK_OK(net_listen(w->t.loop, &listen, &w->listener));
  test_loop_start(&w->t);
}

static inline void finish(world *w) {
  test_loop_end(&w->t);
  CHECK_INT(http_h1_server_connections(w->server), 0);
  http_h1_server_free(w->server);
}

static inline int client_of(const world *w) { return test_connect(net_listener_port(w->listener)); }

/* Reads one response's head and, by its framing, its body; text is head and decoded body. Returns the status, or -1. */
typedef struct {
  char head[2048];
  char body[512];
  size_t body_n;
} answer;

static inline bool read_line(int fd, char *out, size_t size) {
  size_t n = 0;
  while (n + 1 < size && test_read(fd, out + n, 1) == 1) {
    n++;
    out[n] = '\0';
    if (n >= 2 && memcmp(out + n - 2, "\r\n", 2) == 0) {
      return true;
    }
  }
  out[n] = '\0';
  return false;
}

static inline bool read_body(int fd, answer *a, size_t n) {
  char c;
  while (n-- > 0) {
    if (test_read(fd, &c, 1) != 1) {
      return false;
    }
    if (a->body_n + 1 < sizeof a->body) {
      a->body[a->body_n++] = c;
    }
  }
  a->body[a->body_n] = '\0';
  return true;
}

static inline bool read_chunks(int fd, answer *a) {
  char line[64];
  while (read_line(fd, line, sizeof line)) {
    size_t n = strtoul(line, NULL, 16);
    if (!read_body(fd, a, n) || !read_line(fd, line, sizeof line)) {
      return false;
    }
    if (n == 0) {
      return true;
    }
  }
  return false;
}

static inline int read_answer(int fd, answer *a, bool to_head) {
  size_t n = 0;
  int status = -1;
  memset(a, 0, sizeof *a);
  do {
    char *line = a->head + n;
    if (!read_line(fd, line, sizeof a->head - n)) {
      return -1;
    }
    n += strlen(line);
  } while (n < 4 || memcmp(a->head + n - 4, "\r\n\r\n", 4) != 0);
  sscanf(a->head, "HTTP/1.1 %d", &status);
  const char *length = strstr(a->head, "content-length: ");
  if (to_head || status == 204 || status == 100) {
    return status;
  }
  if (length) {
    return read_body(fd, a, strtoul(length + 16, NULL, 10)) ? status : -1;
  }
  if (strstr(a->head, "transfer-encoding: chunked")) {
    return read_chunks(fd, a) ? status : -1;
  }
  while (read_body(fd, a, 1)) {
  }
  return status;
}

static inline bool has(const answer *a, const char *text) { return strstr(a->head, text) != NULL; }

#define H "Host: a\r\n"

#endif
