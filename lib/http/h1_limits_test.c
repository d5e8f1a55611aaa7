/* What a peer may cost: memory, time, and exchanges that must end whatever it does. */
#include "base/clock.h"
#include "http/test_world.h"

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

/* lws closes at a FIN and drops what is queued, so nothing may be read before the answer is written. */
static void a_half_closed_client_gets_a_long_answer(void) {
  world w;
  start(&w, (http_h1_options){0});
  int fd = test_connect_from(net_listener_port(w.listener), 4096);
  CHECK(test_send_text(fd, "GET /block HTTP/1.1\r\n" H "\r\n"));
  shutdown(fd, SHUT_WR);
  CHECK(test_wait(&w.ended, 1));
  char *block = malloc(MIB);
  size_t total = 0, n;
  while ((n = test_read(fd, block, MIB)) > 0) {
    total += n;
  }
  free(block);
  CHECK_MSG(total > BIG, "%zu", total);
  close(fd);
  finish(&w);
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

/* More than one turn's worth, in one read: the rest waits its turn and is not forgotten. */
static void many_pipelined_requests_are_answered(void) {
  enum { MANY = 500 };
  static const char one[] = "GET /hello HTTP/1.1\r\n" H "\r\n";
  world w;
  answer a;
  start(&w, (http_h1_options){0});
  int fd = client_of(&w);
  char *all = malloc(MANY * (sizeof one - 1) + 1);
  REQUIRE(all != NULL);
  for (int i = 0; i < MANY; i++) {
    memcpy(all + (size_t)i * (sizeof one - 1), one, sizeof one);
  }
  CHECK(test_send_text(fd, all));
  free(all);
  int answered = 0;
  while (answered < MANY && read_answer(fd, &a, false) == 200) {
    answered++;
  }
  CHECK_INT(answered, MANY);
  close(fd);
  finish(&w);
  CHECK_INT(w.aborted, 0);
}

static void an_old_connection_closes_behind_an_answer(void) {
  world w;
  answer a;
  start(&w, (http_h1_options){.lifetime_ms = 20});
  int fd = client_of(&w);
  int64_t born_ms = base_now_ms();
  int served = 0, status = 0;
  do {
    CHECK(test_send_text(fd, "GET /hello HTTP/1.1\r\n" H "\r\n"));
    status = read_answer(fd, &a, false);
    served++;
  } while (status == 200 && strstr(a.head, "connection: close") == NULL && base_now_ms() - born_ms < 10000);
  CHECK_INT(status, 200);
  CHECK(base_now_ms() - born_ms >= 20 && served > 1);
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  finish(&w);
  CHECK_INT(w.aborted, 0);
}

TEST_MAIN(TEST(a_slow_reader_holds_the_application_back), TEST(an_unread_body_is_bounded),
          TEST(a_fin_at_any_moment_ends_everything), TEST(a_half_closed_client_gets_its_answer),
          TEST(a_half_closed_client_gets_a_long_answer), TEST(broken_answers_look_broken),
          TEST(slow_clients_are_timed_out), TEST(an_old_connection_closes_behind_an_answer),
          TEST(many_pipelined_requests_are_answered))
