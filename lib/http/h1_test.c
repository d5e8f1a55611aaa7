#include "http/h1.h"

#include <stdlib.h>

#include "base/test.h"
#include "http/admin.h"
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

static void hello(http_exchange *x) {
  const http_header h[] = {{base_span_str("content-length"), base_span_str("5")},
                           {base_span_str("x-test"), base_span_str("1")}};
  http_respond(x, 200, h, 2, false);
  http_body(x, base_span_str("hello"), true);
}

/* Writes while there is room; the rest when on_writable says so. */
static void pour(call *c) {
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

static void on_later(void *ctx) {
  call *c = ctx;
  if (strcmp(c->path, "/reset") == 0) {
    http_respond(c->x, 200, NULL, 0, false);
    http_body(c->x, base_span_str("part"), false);
    http_reset(c->x);
    return;
  }
  hello(c->x);
}

static void on_body(void *ctx, http_exchange *x, base_span bytes) {
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

static void on_end(void *ctx, http_exchange *x) {
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

static void on_writable(void *ctx, http_exchange *x) {
  call *c = ctx;
  (void)x;
  atomic_fetch_add(&c->w->writable, 1);
  pour(c);
}

static void on_closed(void *ctx, http_exchange *x, bool aborted) {
  call *c = ctx;
  (void)x;
  atomic_fetch_add(&c->w->aborted, aborted);
  atomic_fetch_add(&c->w->closed, 1);
  net_timer_free(c->later);
  base_buf_dispose(&c->body);
  free(c);
}

static const http_handler handler = {on_body, on_end, on_writable, on_closed};

static void on_request(void *app, http_exchange *x, const http_request *r) {
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

static void pipe_on_bytes(void *codec, base_span bytes) {
  pipe_codec *p = codec;
  (void)!base_is_ok(net_conn_write(p->conn, bytes));
}
static void pipe_on_drained(void *codec) { (void)codec; }
static void pipe_on_closed(void *codec) {
  pipe_codec *p = codec;
  atomic_fetch_add(&p->w->pipes, 1);
  free(p);
}
static const net_codec_vt pipe_vt = {pipe_on_bytes, pipe_on_drained, NULL, pipe_on_closed};

static bool on_upgrade(void *app, net_conn *conn, const http_request *r, base_span rest) {
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

static void start(world *w, http_h1_options options) {
  memset(w, 0, sizeof *w);
  options.on_upgrade = on_upgrade;
  const http_app app = {on_request, w};
  CHECK_OK(net_loop_new(NULL, &w->t.loop));
  CHECK_OK(http_h1_server_new(w->t.loop, &app, &options, &w->server));
  const net_listener_options listen = {.address = "127.0.0.1:0", .on_accept = http_h1_on_accept, .ctx = w->server};
  CHECK_OK(net_listen(w->t.loop, &listen, &w->listener));
  test_loop_start(&w->t);
}

static void finish(world *w) {
  test_loop_end(&w->t);
  CHECK_INT(http_h1_server_connections(w->server), 0);
  http_h1_server_free(w->server);
}

static int client_of(const world *w) { return test_connect(net_listener_port(w->listener)); }

/* Reads one response's head and, by its framing, its body; text is head and decoded body. Returns the status, or -1. */
typedef struct {
  char head[2048];
  char body[512];
  size_t body_n;
} answer;

static bool read_line(int fd, char *out, size_t size) {
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

static bool read_body(int fd, answer *a, size_t n) {
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

static bool read_chunks(int fd, answer *a) {
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

static int read_answer(int fd, answer *a, bool to_head) {
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

static bool has(const answer *a, const char *text) { return strstr(a->head, text) != NULL; }

#define H "Host: a\r\n"

/* --- tests --- */

static void requests_follow_each_other(void) {
  world w;
  answer a;
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  for (int i = 0; i < 3; i++) {
    CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "\r\n"));
    CHECK_INT(read_answer(fd, &a, false), 200);
    CHECK_STR(a.body, "hello");
    CHECK(has(&a, "x-test: 1\r\n"));
    CHECK(has(&a, "date: "));
    CHECK(!has(&a, "connection:"));
  }
  CHECK(test_wait(&w.closed, 3));
  close(fd);
  finish(&w);
  CHECK_INT(w.aborted, 0);
  CHECK_INT(w.ended, 3);
}

static void pipelined_requests_are_answered_in_order(void) {
  static const char *const kinds[] = {"/hello", "/later", "/echo", "/none", "/unknown"};
  world w;
  answer a;
  char text[20000];
  size_t n = 0;
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  for (int i = 0; i < 100; i++) {
    n += (size_t)snprintf(text + n, sizeof text - n, "POST %s HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\n%04d",
                          kinds[i % 5], i);
  }
  CHECK(test_send(fd, text, n));
  for (int i = 0; i < 100; i++) {
    char want[8];
    snprintf(want, sizeof want, "%04d", i);
    int status = read_answer(fd, &a, false);
    CHECK_INT(status, i % 5 == 3 ? 204 : i % 5 == 4 ? 404 : 200);
    if (i % 5 == 2) {
      CHECK_STR(a.body, want);
    }
  }
  close(fd);
  finish(&w);
  CHECK_INT(w.requests, 100);
  CHECK_INT(w.aborted, 0);
}

static void bodies_go_both_ways_chunked(void) {
  world w;
  answer a;
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  CHECK(test_send_text(fd, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
  CHECK(test_wait(&w.bodies, 3));
  CHECK(test_send_text(fd, "2;x\r\nde\r\n0\r\nT: 1\r\n\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK(has(&a, "transfer-encoding: chunked"));
  CHECK_STR(a.body, "abcde");
  close(fd);
  finish(&w);
}

static void each_head_says_how_the_body_goes(void) {
  static const struct {
    const char *request;
    int status;
    bool to_head, closes;
    const char *has, *hasnt, *reason;
  } rows[] = {
      {"GET /hello HTTP/1.1\r\n" H "\r\n", 200, false, false, "content-length: 5", "chunked", "fixed"},
      {"HEAD /hello HTTP/1.1\r\n" H "\r\n", 200, true, false, "content-length: 5", "chunked", "HEAD"},
      {"HEAD /echo HTTP/1.1\r\n" H "\r\n", 200, true, false, "date", "chunked", "HEAD of a stream"},
      {"GET /none HTTP/1.1\r\n" H "\r\n", 204, false, false, "204 No Content", "content-length", "204"},
      {"GET /empty HTTP/1.1\r\n" H "\r\n", 200, false, false, "content-length: 0", "chunked", "an empty body"},
      {"GET /hello HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 200, false, true, "connection: close", "chunked",
       "close"},
      {"GET /hello HTTP/1.0\r\n\r\n", 200, false, true, "connection: close", "chunked", "1.0"},
      {"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, false, false, "connection: keep-alive", "chunked",
       "1.0 keep-alive"},
      {"POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", 200, false, true,
       "connection: close", "chunked", "a stream on 1.0 ends with the connection"},
      {"GET /unknown HTTP/1.1\r\n" H "\r\n", 404, false, false, "content-type: text/plain", "connection:", "nobody's"},
      {"POST /refuse HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 403, false, false, "HTTP/1.1 403 Forbidden",
       "connection:", "refused, and the body is dropped"},
      {"GET /split HTTP/1.1\r\n" H "\r\n", 500, false, false, "500", "x-b", "a header that would split the response"},
  };
  world w;
  answer a;
  start(&w, (http_h1_options){0});
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fd = client_of(&w);
    CHECK(test_send_text(fd, rows[i].request));
    int status = read_answer(fd, &a, rows[i].to_head);
    CHECK_MSG(status == rows[i].status, "%s: %d", rows[i].reason, status);
    CHECK_MSG(has(&a, rows[i].has) && !has(&a, rows[i].hasnt), "%s: %s", rows[i].reason, a.head);
    if (rows[i].closes) {
      CHECK_MSG(test_read_end(fd) == 0, "%s", rows[i].reason);
    } else {
      CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "\r\n"));
      CHECK_MSG(read_answer(fd, &a, false) == 200, "%s: the next request", rows[i].reason);
    }
    close(fd);
  }
  finish(&w);
}

/* Every refusal is an answer, a close, and nothing of what follows is taken for a request. */
static void what_smells_is_refused(void) {
  static const struct {
    const char *request;
    int status;
  } rows[] = {
      {"POST /hello HTTP/1.1\r\n" H "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /hello HTTP/1.1\r\n" H "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400},
      {"POST /hello HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"GET /hello HTTP/1.1\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x00", 400},
      {"POST /hello HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /hello HTTP/1.1\r\n" H "Expect: more\r\nContent-Length: 1\r\n\r\nx", 417},
      {"POST /hello HTTP/1.1\r\n" H "Content-Length: 9999999\r\n\r\n", 413},
  };
  world w;
  answer a;
  start(&w, (http_h1_options){.max_body_bytes = 1000});
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fd = client_of(&w);
    CHECK(test_send_text(fd, rows[i].request));
    CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "\r\n"));
    int status = read_answer(fd, &a, false);
    CHECK_MSG(status == rows[i].status && has(&a, "connection: close"), "row %zu: %d %s", i, status, a.head);
    CHECK_MSG(test_read_end(fd) == 0, "row %zu goes on", i);
    close(fd);
  }
  finish(&w);
  CHECK_INT(w.requests, w.closed);
}

static void too_much_body_is_refused_on_the_way(void) {
  world w;
  answer a;
  start(&w, (http_h1_options){.max_body_bytes = 10});
  int fd = client_of(&w);
  CHECK(test_send_text(fd, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n"));
  CHECK(test_wait(&w.bodies, 8));
  CHECK(test_send_text(fd, "8\r\n12345678\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 413);
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  finish(&w);
  CHECK_INT(w.aborted, 1);
  CHECK_INT(w.closed, 1);
}

static void a_client_that_expects_100_gets_it(void) {
  world w;
  answer a;
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  CHECK(test_send_text(fd, "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 100);
  CHECK(test_send_text(fd, "ab"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK_STR(a.body, "ab");
  /* Refused before the body: whether one follows cannot be known, so the connection ends. */
  CHECK(test_send_text(fd, "POST /refuse HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 403);
  CHECK(has(&a, "connection: close"));
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  finish(&w);
}

static void a_slow_reader_holds_the_application_back(void) {
  world w;
  start(&w, (http_h1_options){0});
  int fd = test_connect_from(net_listener_port(w.listener), 4096);
  CHECK(test_send_text(fd, "GET /big HTTP/1.1\r\n" H "Connection: close\r\n\r\n"));
  CHECK(test_wait(&w.ended, 1));
  size_t total = 0, n;
  char *block = malloc(MIB);
  while ((n = test_read(fd, block, MIB)) > 0) {
    total += n;
  }
  free(block);
  CHECK(total > BIG);
  CHECK(total < BIG + BIG / 100);
  close(fd);
  finish(&w);
  CHECK_INT(w.aborted, 0);
  CHECK(w.writable > 0);
  CHECK_MSG(w.peak_queued < 256 * 1024, "%d", w.peak_queued);
}

/* The application that does not consume is given a window and no more; the rest stays in the sender's socket. */
static void an_unread_body_is_bounded(void) {
  world w;
  answer a;
  char block[65536] = {0};
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  struct timeval quick = {.tv_usec = 200000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &quick, sizeof quick);
  CHECK(test_send_text(fd, "POST /keep HTTP/1.1\r\n" H "Content-Length: 100000000\r\n\r\n"));
  size_t sent = 0;
  for (int i = 0; i < 1500 && test_send(fd, block, sizeof block); i++) {
    sent += sizeof block;
  }
  CHECK(sent < 100000000 - 2 * MIB); /* it got stuck */
  CHECK(test_wait(&w.bodies, 65536));
  CHECK_MSG(w.bodies <= 2 * 65536, "%d", w.bodies);
  test_abort(fd);
  CHECK(test_wait(&w.closed, 1)); /* noticed behind the pause */
  CHECK_INT(w.aborted, 1);
  fd = client_of(&w);
  CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  close(fd);
  finish(&w);
}

/* The peer goes away after each byte of a dialogue: every exchange ends exactly once. */
static void a_fin_at_any_moment_ends_everything(void) {
  static const char dialogue[] =
      "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /later HTTP/1.1\r\n" H
      "\r\n";
  world w;
  start(&w, (http_h1_options){0});
  for (size_t n = 0; n < sizeof dialogue; n++) {
    for (int how = 0; how < 3; how++) {
      int fd = client_of(&w);
      CHECK(test_send(fd, dialogue, n));
      if (how == 0) {
        close(fd);
      } else if (how == 1) {
        test_abort(fd);
      } else {
        char rest[2048];
        shutdown(fd, SHUT_WR);
        test_read(fd, rest, sizeof rest);
        close(fd);
      }
    }
  }
  CHECK(test_wait(&w.closed, w.requests));
  finish(&w);
  CHECK_INT(w.closed, w.requests);
}

static void a_half_closed_client_gets_its_answer(void) {
  world w;
  answer a;
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  CHECK(test_send_text(fd, "GET /later HTTP/1.1\r\n" H "\r\n"));
  shutdown(fd, SHUT_WR);
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK_STR(a.body, "hello");
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  finish(&w);
  CHECK_INT(w.aborted, 0);
}

static void broken_answers_look_broken(void) {
  world w;
  answer a;
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  CHECK(test_send_text(fd, "GET /reset HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), -1);
  close(fd);
  fd = client_of(&w);
  CHECK(test_send_text(fd, "GET /short HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), -1);
  close(fd);
  CHECK(test_wait(&w.closed, 2));
  finish(&w);
  CHECK_INT(w.aborted, 2);
}

static void an_early_answer_leaves_the_connection_usable(void) {
  world w;
  answer a;
  char block[70000] = {0};
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  CHECK(test_send_text(fd, "POST /early HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK(test_send_text(fd, "abcGET /hello HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  /* A long rest is not worth reading. */
  CHECK(test_send_text(fd, "POST /early HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n11170\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK(test_send(fd, block, sizeof block));
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  finish(&w);
  CHECK_INT(w.closed, 3);
  CHECK_INT(w.aborted, 0);
}

static void slow_clients_are_timed_out(void) {
  static const struct {
    const char *text;
    int status;
  } rows[] = {
      {"GET /hello HTT", 408},
      {"GET /hello HTTP/1.1\r\n" H "X: ", 408},
      {"POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nab", 408},
      {"\r\n", -1}, /* idle: closed without a word */
  };
  world w;
  answer a;
  start(&w, (http_h1_options){.head_timeout_ms = 10, .body_timeout_ms = 10, .idle_timeout_ms = 10});
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fd = client_of(&w);
    CHECK(test_send_text(fd, rows[i].text));
    int status = read_answer(fd, &a, false);
    CHECK_MSG(status == rows[i].status, "row %zu: %d", i, status);
    CHECK_INT(test_read_end(fd), 0);
    close(fd);
  }
  /* A pending answer is no slowness of the client's. */
  int fd = client_of(&w);
  CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  close(fd);
  finish(&w);
}

static void an_upgrade_hands_the_connection_over(void) {
  world w;
  answer a;
  char got[8] = "";
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "\r\nGET /pipe HTTP/1.1\r\n" H
                           "Upgrade: test\r\nConnection: Upgrade\r\n\r\nabc"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  char line[64];
  CHECK(read_line(fd, line, sizeof line) && read_line(fd, line + 40, 24));
  CHECK_INT(test_read(fd, got, 3), 3);
  CHECK_STR(got, "abc");
  CHECK(test_send_text(fd, "GET"));
  CHECK_INT(test_read(fd, got, 3), 3);
  CHECK_STR(got, "GET");
  close(fd);
  CHECK(test_wait(&w.pipes, 1));
  /* Declined, and not asked for properly: ordinary requests. */
  fd = client_of(&w);
  CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "Upgrade: other\r\nConnection: Upgrade\r\n\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "Upgrade: test\r\n\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  close(fd);
  finish(&w);
  CHECK_INT(w.upgrades, 2);
}

/* --- draining and the admin page run on the loop's thread --- */

typedef struct {
  world w;
  atomic_int go;
} drain_world;

static void drain_now(void *ctx) { http_h1_server_drain(((drain_world *)ctx)->w.server); }

static void draining_finishes_what_runs(void) {
  drain_world d;
  answer a;
  memset(&d, 0, sizeof d);
  const http_app app = {on_request, &d.w};
  CHECK_OK(net_loop_new(&(net_loop_options){.on_wake = drain_now, .ctx = &d}, &d.w.t.loop));
  CHECK_OK(http_h1_server_new(d.w.t.loop, &app, NULL, &d.w.server));
  const net_listener_options listen = {.address = "127.0.0.1:0", .on_accept = http_h1_on_accept, .ctx = d.w.server};
  CHECK_OK(net_listen(d.w.t.loop, &listen, &d.w.listener));
  test_loop_start(&d.w.t);
  int idle = client_of(&d.w), busy = client_of(&d.w);
  CHECK(test_send_text(idle, "GET /hello HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(idle, &a, false), 200);
  CHECK(test_send_text(busy, "POST /echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\na"));
  CHECK(test_wait(&d.w.bodies, 1));
  net_loop_wake(d.w.t.loop);
  CHECK_INT(test_read_end(idle), 0);
  CHECK(test_send_text(busy, "b"));
  CHECK_INT(read_answer(busy, &a, false), 200);
  CHECK(has(&a, "connection: close"));
  CHECK_INT(test_read_end(busy), 0);
  close(idle);
  close(busy);
  finish(&d.w);
}

static bool is_ready(void *ctx, const char **why) {
  *why = "the upstream is away\n";
  return atomic_load((atomic_int *)ctx) != 0;
}

static void the_admin_listener_answers(void) {
  test_loop t;
  http_admin *admin = NULL, *second = NULL;
  atomic_int ready = 0;
  answer a;
  char taken[32];
  CHECK_OK(net_loop_new(NULL, &t.loop));
  CHECK_OK(http_admin_start(t.loop, "127.0.0.1:0", is_ready, &ready, &admin));
  snprintf(taken, sizeof taken, "127.0.0.1:%d", http_admin_port(admin));
  CHECK_ERR(http_admin_start(t.loop, taken, NULL, NULL, &second), BASE_E_IN_USE);
  test_loop_start(&t);
  int fd = test_connect(http_admin_port(admin));
  CHECK(test_send_text(fd, "GET /healthz HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK(test_send_text(fd, "GET /readyz HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 503);
  CHECK_STR(a.body, "the upstream is away\n");
  ready = 1;
  CHECK(test_send_text(fd, "GET /readyz?verbose HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK(test_send_text(fd, "GET /metrics HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK(has(&a, "text/plain; version=0.0.4"));
  CHECK(strstr(a.body, "process_") != NULL);
  CHECK(test_send_text(fd, "POST /metrics HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 405);
  CHECK(test_send_text(fd, "GET /healthzz HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 404);
  close(fd);
  test_loop_end(&t);
  http_admin_free(admin);
}

TEST_MAIN(TEST(requests_follow_each_other), TEST(pipelined_requests_are_answered_in_order),
          TEST(bodies_go_both_ways_chunked), TEST(each_head_says_how_the_body_goes), TEST(what_smells_is_refused),
          TEST(too_much_body_is_refused_on_the_way), TEST(a_client_that_expects_100_gets_it),
          TEST(a_slow_reader_holds_the_application_back), TEST(an_unread_body_is_bounded),
          TEST(a_fin_at_any_moment_ends_everything), TEST(a_half_closed_client_gets_its_answer),
          TEST(broken_answers_look_broken), TEST(an_early_answer_leaves_the_connection_usable),
          TEST(slow_clients_are_timed_out), TEST(an_upgrade_hands_the_connection_over),
          TEST(draining_finishes_what_runs), TEST(the_admin_listener_answers))
