#include "http/admin.h"

#include "http/test_world.h"

static bool is_ready(void *ctx, const char **why) {
  *why = "the upstream is away\n";
  return atomic_load((atomic_int *)ctx) != 0;
}

static base_err page(void *ctx, base_span path, const char **type, base_buf *out) {
  (void)ctx;
  if (base_span_is(path, "/broken")) {
    return base_fail(BASE_E_UNAVAILABLE);
  }
  *type = "application/json";
  return base_span_is(path, "/keys") ? base_buf_str(out, "{}") : base_fail(BASE_E_NOT_FOUND);
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
  http_admin_set_pages(admin, page, NULL);
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
  CHECK(test_send_text(fd, "GET /keys?x HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 200);
  CHECK(has(&a, "application/json"));
  CHECK_STR(a.body, "{}");
  CHECK(test_send_text(fd, "DELETE /keys HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 405);
  CHECK(test_send_text(fd, "GET /broken HTTP/1.1\r\n" H "\r\n"));
  CHECK_INT(read_answer(fd, &a, false), 503);
  close(fd);
  test_loop_end(&t);
  http_admin_free(admin);
}

TEST_MAIN(TEST(the_admin_listener_answers))
