#include "http/h1.h"

#include "http/test_world.h"

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

typedef struct {
  world w;
  atomic_int go;
} drain_world;

static void drain_now(void *ctx) { http_h1_server_drain(((drain_world *)ctx)->w.server); }

static void draining_finishes_what_runs(void) {
  drain_world d;
  answer a;
  memset(&d, 0, sizeof d);
  const http_app app = {.on_request = on_request, .app = &d.w};
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

TEST_MAIN(TEST(requests_follow_each_other), TEST(pipelined_requests_are_answered_in_order),
          TEST(bodies_go_both_ways_chunked), TEST(each_head_says_how_the_body_goes), TEST(what_smells_is_refused),
          TEST(too_much_body_is_refused_on_the_way), TEST(a_client_that_expects_100_gets_it),
          TEST(an_early_answer_leaves_the_connection_usable), TEST(an_upgrade_hands_the_connection_over),
          TEST(draining_finishes_what_runs))
