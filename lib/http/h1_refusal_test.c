/* Answers of the carrier's own carry the application's headers for the Origin, as far as it is known. */
#include "http/test_world.h"

#define ORIGIN "Origin: https://a.example\r\n"
#define LONG                                                                                                           \
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
  "aaaaaaaaaaaaaa"

static const struct {
  const char *first, *second; /* two writes, the second once the first was read; NULL: no second */
  int status;
  bool named;
  const char *reason;
} rows[] = {
    {"POST /echo HTTP/1.1\r\n" H ORIGIN "Content-Length: 999\r\n\r\n", NULL, 413, true, "too long by its header"},
    {"POST /keep HTTP/1.1\r\n" H ORIGIN "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\nzz\r\n", 400, true,
     "a bad chunk, after the head is gone"},
    {"POST /keep HTTP/1.1\r\n" H ORIGIN "Transfer-Encoding: chunked\r\n\r\n", "80\r\n" LONG "\r\n", 413, true,
     "too long by what came, after the head is gone"},
    {"POST /keep HTTP/1.1\r\n" H ORIGIN "Transfer-Encoding: chunked\r\n\r\nzz\r\n", NULL, 400, true,
     "a bad chunk at once"},
    {"POST /keep HTTP/1.1\r\n" H ORIGIN "Content-Length: 5\r\n\r\n", "", 408, true, "a body that does not come"},
    {"POST /x HTTP/1.1\r\n" H ORIGIN "Content-Length: 5, 5\r\n\r\n", NULL, 400, true, "a bad length behind the Origin"},
    {"POST /x HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n" ORIGIN "\r\n", NULL, 400, false, "a bad length before it"},
    {"GET /x HTTP/1.1\r\n" H ORIGIN "x: " LONG LONG LONG LONG "\r\n\r\n", NULL, 431, true, "too long a header"},
    {"GET /x HTTP/1.1\r\n" H ORIGIN "Expect: all\r\n\r\n", NULL, 417, true, "an expectation"},
    {"GET /x HTTP/1.1\r\n" ORIGIN "\r\n", NULL, 400, true, "no Host"},
    {"GET /unknown HTTP/1.1\r\n" H ORIGIN "\r\n", NULL, 404, true, "what the application leaves alone"},
    {"GET /unknown HTTP/1.1\r\n" H "\r\n", NULL, 404, false, "no Origin"},
    {"GET /unknown HTTP/1.1\r\n" H ORIGIN "Origin: https://b.example\r\n\r\n", NULL, 404, false, "two of them"},
    {"POST /echo HTTP/1.1\r\n" H ORIGIN "Content-Length: 1\r\n\r\nxGET /unknown HTTP/1.1\r\n" H "\r\n", NULL, 404,
     false, "the one of the request before"},
};

static void the_origin_is_told(void) {
  const http_h1_options options = {.max_header_bytes = 400, .max_body_bytes = 100, .body_timeout_ms = 50};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    answer a;
    int status;
    start(&w, options);
    int fd = client_of(&w);
    CHECK(test_send_text(fd, rows[i].first));
    if (rows[i].second) {
      CHECK(test_wait(&w.requests, 1));
      CHECK(test_send_text(fd, rows[i].second));
    }
    do {
      status = read_answer(fd, &a, false);
    } while (status == 200);
    CHECK_MSG(status == rows[i].status, "%s: %d", rows[i].reason, status);
    CHECK_MSG(has(&a, "x-for: https://a.example\r\n") == rows[i].named, "%s: %s", rows[i].reason, a.head);
    CHECK_MSG(rows[i].named || !has(&a, "x-for"), "%s: %s", rows[i].reason, a.head);
    close(fd);
    finish(&w);
  }
}

/* A second one would be taken for the answer of the client's next request. */
static void who_was_answered_early_hears_nothing_more(void) {
  static const struct {
    const char *head, *rest, *reason;
  } early[] = {
      {"POST /early HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\n", NULL, "a bad chunk at once"},
      {"POST /early HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\nzz\r\n", "a bad chunk later"},
      {"POST /unknown HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "zz\r\n", "where nobody took the request"},
      {"POST /early HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", "", "a body that does not come"},
  };
  const http_h1_options options = {.body_timeout_ms = 50};
  for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
    world w;
    answer a;
    start(&w, options);
    int fd = client_of(&w);
    CHECK(test_send_text(fd, early[i].head));
    CHECK_MSG(read_answer(fd, &a, false) > 0, "%s", early[i].reason);
    CHECK(!early[i].rest || test_send_text(fd, early[i].rest));
    CHECK_MSG(read_answer(fd, &a, false) == -1 && a.head[0] == '\0', "%s: %s", early[i].reason, a.head);
    close(fd);
    finish(&w);
  }
}

TEST_MAIN(TEST(the_origin_is_told), TEST(who_was_answered_early_hears_nothing_more))
