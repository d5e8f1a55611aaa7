#include "net/conn.h"

#include <openssl/ssl.h>
#include <poll.h>

#include "base/test.h"
#include "net/test_cert.h"
#include "net/test_peer.h"

enum { MIB = 1 << 20 };

/* One server for all tests: what its connections do is in `mode`, what they saw is in the counters. */
enum mode {
  ECHO,
  BIG_ANSWER,
  FLOOD,
  PAUSE,
  PAUSE_THEN_ANSWER,
  PAUSE_AND_ANSWER,
  ANSWER_AND_CLOSE,
  CLOSE_TWICE,
  GATHER
};

typedef struct {
  test_loop t;
  net_listener *listener;
  enum mode mode;
  bool refuse;
  atomic_int may_read_on;
  atomic_int accepted, received, drained, flushed, closed, failed, h2;
} server;

typedef struct {
  server *s;
  net_conn *conn;
  net_timer *later;
  base_buf gathered;
  int on_closed_calls;
} peer_codec;

static void fill(uint8_t *p, size_t n, size_t from) {
  for (size_t i = 0; i < n; i++) {
    p[i] = (uint8_t)((from + i) * 31 >> 3);
  }
}

static void write_big(peer_codec *c, size_t n) {
  uint8_t *p = malloc(n);
  fill(p, n, 0);
  base_err e = net_conn_write(c->conn, base_span_of(p, n));
  free(p);
  if (!base_is_ok(e)) {
    atomic_fetch_add(&c->s->failed, base_is(e, BASE_E_TOO_LARGE) ? 1 : 100);
  }
}

static void on_later(void *ctx) {
  peer_codec *c = ctx;
  if (c->s->mode == PAUSE && !atomic_load(&c->s->may_read_on)) {
    net_timer_set(c->later, 5);
    return;
  }
  write_big(c, 5);
  net_conn_pause(c->conn, false);
}

static void on_bytes(void *codec, base_span bytes) {
  peer_codec *c = codec;
  server *s = c->s;
  switch (s->mode) {
  case ECHO: (void)!base_is_ok(net_conn_write(c->conn, bytes)); break;
  case BIG_ANSWER: write_big(c, 8 * MIB); break;
  case FLOOD:
    for (int i = 0; i < 64 && atomic_load(&s->failed) == 0; i++) {
      write_big(c, MIB);
    }
    break;
  case PAUSE:
    net_conn_guard(c->conn, bytes.p[0] == 'g' ? NET_GUARD_ANSWER : NET_GUARD_NONE);
    net_conn_pause(c->conn, true);
    net_timer_set(c->later, 5);
    break;
  case PAUSE_THEN_ANSWER:
    net_conn_pause(c->conn, true);
    if (bytes.p[0] != 's') { /* silence */
      net_timer_set(c->later, 5);
    }
    break;
  case PAUSE_AND_ANSWER:
    net_conn_pause(c->conn, true);
    write_big(c, 8 * MIB);
    break;
  case ANSWER_AND_CLOSE:
    write_big(c, MIB);
    net_conn_close(c->conn, 10000);
    break;
  case CLOSE_TWICE:
    net_conn_close(c->conn, 0);
    net_conn_close(c->conn, 1000);
    CHECK_ERR(net_conn_write(c->conn, bytes), BASE_E_IO);
    net_conn_pause(c->conn, true);
    net_conn_flush_later(c->conn);
    break;
  case GATHER: CHECK_OK(base_buf_append(&c->gathered, bytes)); break;
  }
  if (base_span_is(net_conn_alpn(c->conn), "h2")) {
    atomic_store(&s->h2, 1);
  }
  atomic_fetch_add(&s->received, (int)bytes.n);
}

static void on_drained(void *codec) { atomic_fetch_add(&((peer_codec *)codec)->s->drained, 1); }

static void on_flush(void *codec) {
  peer_codec *c = codec;
  atomic_fetch_add(&c->s->flushed, 1);
  if (base_buf_size(&c->gathered) > 0) {
    (void)!base_is_ok(net_conn_write(c->conn, base_buf_span(&c->gathered)));
    base_buf_clear(&c->gathered);
  }
}

static void on_closed(void *codec) {
  peer_codec *c = codec;
  server *s = c->s;
  if (++c->on_closed_calls > 1) {
    abort();
  }
  net_timer_free(c->later);
  base_buf_dispose(&c->gathered);
  free(c);
  atomic_fetch_add(&s->closed, 1);
}

static const net_codec_vt codec_vt = {on_bytes, on_drained, on_flush, on_closed};

static bool on_accept(void *ctx, net_conn *conn) {
  server *s = ctx;
  atomic_fetch_add(&s->accepted, 1);
  if (s->refuse) {
    return false;
  }
  peer_codec *c = calloc(1, sizeof *c);
  c->s = s;
  c->conn = conn;
  c->later = net_timer_new(net_conn_loop(conn), on_later, c);
  base_buf_init(&c->gathered, MIB);
  net_conn_set_codec(conn, &codec_vt, c);
  CHECK_STR(net_conn_peer(conn), "127.0.0.1");
  return true;
}

static bool start(server *s, enum mode mode, net_listener_options options) {
  s->mode = mode;
  options.address = options.address ? options.address : "127.0.0.1:0";
  options.on_accept = on_accept;
  options.ctx = s;
  CHECK_OK(net_loop_new(NULL, &s->t.loop));
  base_err e = net_listen(s->t.loop, &options, &s->listener);
  CHECK_OK(e);
  if (!base_is_ok(e)) {
    net_loop_free(s->t.loop);
    return false;
  }
  test_loop_start(&s->t);
  return true;
}

static int client_of(server *s) { return test_connect(net_listener_port(s->listener)); }

static bool reads_pattern(int fd, size_t n) {
  uint8_t *got = malloc(n), *want = malloc(n);
  fill(want, n, 0);
  bool ok = test_read(fd, got, n) == n && memcmp(got, want, n) == 0;
  free(got);
  free(want);
  return ok;
}

static void bytes_go_there_and_back(void) {
  server s = {0};
  char got[8] = "";
  REQUIRE(start(&s, ECHO, (net_listener_options){0}));
  int a = client_of(&s), b = client_of(&s);
  CHECK(test_send_text(a, "hello"));
  CHECK_INT(test_read(a, got, 5), 5);
  CHECK_STR(got, "hello");
  close(a);
  CHECK(test_wait(&s.closed, 1));
  test_abort(b);
  CHECK(test_wait(&s.closed, 2));
  test_loop_end(&s.t);
  CHECK_INT(s.closed, 2);
}

static void a_slow_reader_gets_everything(void) {
  server s = {0};
  REQUIRE(start(&s, BIG_ANSWER, (net_listener_options){0}));
  int fd = test_connect_from(net_listener_port(s.listener), 4096);
  CHECK(test_send_text(fd, "x"));
  CHECK(test_wait(&s.received, 1));
  CHECK(net_queued_bytes() > MIB); /* the reader has not begun */
  CHECK(reads_pattern(fd, 8 * MIB));
  CHECK(test_wait(&s.drained, 1));
  CHECK_INT(net_queued_bytes(), 0);
  CHECK_INT(s.failed, 0);
  close(fd);
  CHECK(test_wait(&s.closed, 1));
  test_loop_end(&s.t);
  CHECK_INT(s.drained, 1);
}

static void a_reader_that_stops_is_closed(void) {
  server s = {0};
  REQUIRE(start(&s, BIG_ANSWER, (net_listener_options){.stall_ms = 1}));
  int fd = test_connect_from(net_listener_port(s.listener), 4096);
  CHECK(test_send_text(fd, "x"));
  CHECK(test_wait(&s.closed, 1));
  CHECK_INT(s.failed, 0);
  CHECK_INT(s.drained, 0);
  close(fd);
  test_loop_end(&s.t);
}

static void a_reader_that_never_reads_hits_the_ceiling(void) {
  server s = {0};
  REQUIRE(start(&s, FLOOD, (net_listener_options){0}));
  int fd = test_connect_from(net_listener_port(s.listener), 4096);
  CHECK(test_send_text(fd, "x"));
  CHECK(test_wait(&s.closed, 1));
  CHECK_INT(s.failed, 1); /* TOO_LARGE, once */
  close(fd);
  test_loop_end(&s.t);
  CHECK_INT(net_queued_bytes(), 0); /* dropped with its connection */
}

static void a_dead_peer_is_noticed_behind_a_pause(void) {
  static const char *const reasons[] = {"FIN", "RST", "unread bytes, then RST"};
  for (int how = 0; how < 3; how++) {
    server s = {0};
    REQUIRE(start(&s, PAUSE, (net_listener_options){0}));
    int fd = client_of(&s);
    CHECK(test_send_text(fd, "x"));
    CHECK(test_wait(&s.received, 1));
    if (how == 2) {
      CHECK(test_send_text(fd, "more"));
    }
    if (how == 0) {
      close(fd);
    } else {
      test_abort(fd);
    }
    CHECK_MSG(test_wait(&s.closed, 1), "%s", reasons[how]);
    CHECK_INT(s.received, 1);
    test_loop_end(&s.t);
  }
}

/* Bytes in front of a FIN may still be wanted, but not where all was read that the call needs. */
static void unread_bytes_hold_up_nothing_that_is_guarded(void) {
  server s = {0};
  REQUIRE(start(&s, PAUSE, (net_listener_options){0}));
  int fds[2];
  for (int i = 0; i < 2; i++) {
    fds[i] = client_of(&s);
    CHECK(test_send_text(fds[i], i ? "g" : "x"));
    CHECK(test_wait(&s.received, i + 1));
    CHECK(test_send_text(fds[i], "more"));
  }
  shutdown(fds[0], SHUT_WR);
  shutdown(fds[1], SHUT_WR);
  CHECK_INT(test_read_end(fds[1]), ECONNRESET);
  CHECK_INT(s.closed, 1); /* not the first, whose FIN came first */
  close(fds[0]);
  close(fds[1]);
  test_loop_end(&s.t);
  CHECK_INT(s.received, 2);
}

/* Sends until nothing goes any more: a FIN cannot get through then. */
static void stuff(int fd) {
  static const char junk[65536];
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  while (poll(&p, 1, 200) > 0 && send(fd, junk, sizeof junk, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
  }
}

/* The server reads no more, guarded. */
static int stuffed_client(server *s) {
  int fd = client_of(s);
  CHECK(test_send_text(fd, "g"));
  CHECK(test_wait(&s->received, 1));
  stuff(fd);
  return fd;
}

static void a_dead_peer_is_noticed_behind_a_full_socket(void) {
  server s = {0};
  REQUIRE(start(&s, PAUSE, (net_listener_options){0}));
  int fd = stuffed_client(&s);
  close(fd);
  CHECK(test_wait(&s.closed, 1));
  CHECK_INT(s.received, 1);
  test_loop_end(&s.t);
}

static void what_was_dropped_is_not_read_on(void) {
  server s = {0};
  REQUIRE(start(&s, PAUSE, (net_listener_options){0}));
  int fd = stuffed_client(&s);
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  CHECK_INT(poll(&p, 1, TEST_DEADLINE_S * 1000), 1); /* it is being dropped */
  atomic_store(&s.may_read_on, 1);
  CHECK(reads_pattern(fd, 5));
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  CHECK(test_wait(&s.closed, 1));
  CHECK_INT(s.received, 1);
  test_loop_end(&s.t);
}

static void a_dead_peer_is_noticed_behind_a_later_pause(void) {
  server s = {0};
  char got[5];
  REQUIRE(start(&s, PAUSE_THEN_ANSWER, (net_listener_options){0}));
  int fd = client_of(&s);
  for (int i = 0; i < 3; i++) {
    CHECK(test_send_text(fd, "x"));
    CHECK_INT(test_read(fd, got, sizeof got), sizeof got);
  }
  CHECK(test_send_text(fd, "s"));
  CHECK(test_wait(&s.received, 4));
  close(fd);
  CHECK(test_wait(&s.closed, 1));
  test_loop_end(&s.t);
}

static void a_half_closed_peer_gets_a_quick_answer(void) {
  server s = {0};
  REQUIRE(start(&s, PAUSE_THEN_ANSWER, (net_listener_options){0}));
  int fd = client_of(&s);
  CHECK(test_send_text(fd, "x"));
  shutdown(fd, SHUT_WR);
  CHECK(reads_pattern(fd, 5));
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  CHECK(test_wait(&s.closed, 1));
  test_loop_end(&s.t);
}

static void a_half_closed_peer_may_read_slowly(void) {
  server s = {0};
  const struct timespec while_unread = {.tv_nsec = 600000000};
  REQUIRE(start(&s, PAUSE_AND_ANSWER, (net_listener_options){0}));
  int fd = test_connect_from(net_listener_port(s.listener), 4096);
  CHECK(test_send_text(fd, "x"));
  shutdown(fd, SHUT_WR);
  CHECK(test_wait(&s.received, 1));
  nanosleep(&while_unread, NULL); /* time for the FIN to be wrongly believed in; being right takes none */
  CHECK(reads_pattern(fd, 8 * MIB));
  close(fd);
  CHECK(test_wait(&s.closed, 1));
  test_loop_end(&s.t);
}

/* Closing with unread bytes would reset, and the reset could overtake the answer. */
static void closing_lingers_until_the_answer_is_read(void) {
  server s = {0};
  char junk[70000] = {0};
  REQUIRE(start(&s, ANSWER_AND_CLOSE, (net_listener_options){0}));
  int fd = test_connect_from(net_listener_port(s.listener), 4096);
  CHECK(test_send(fd, junk, sizeof junk));
  CHECK(test_wait(&s.received, 1));
  CHECK(test_send(fd, junk, sizeof junk));
  CHECK(reads_pattern(fd, MIB));
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  CHECK(test_wait(&s.closed, 1));
  test_loop_end(&s.t);
}

static void lingering_has_an_end(void) {
  server s = {0};
  REQUIRE(start(&s, ANSWER_AND_CLOSE, (net_listener_options){0}));
  int fd = client_of(&s);
  CHECK(test_send_text(fd, "x"));
  CHECK(reads_pattern(fd, MIB));
  CHECK_INT(test_read_end(fd), 0);
  net_loop_stop(s.t.loop); /* the peer does not close: freeing the loop must */
  pthread_join(s.t.thread, NULL);
  CHECK_INT(s.closed, 0);
  net_loop_free(s.t.loop);
  CHECK_INT(s.closed, 1);
  close(fd);
}

static void closing_at_once_is_final(void) {
  server s = {0};
  REQUIRE(start(&s, CLOSE_TWICE, (net_listener_options){0}));
  int fd = client_of(&s);
  CHECK(test_send_text(fd, "x"));
  CHECK(test_wait(&s.closed, 1));
  CHECK_INT(test_read_end(fd), 0);
  close(fd);
  test_loop_end(&s.t);
  CHECK_INT(s.flushed, 0);
}

static void a_turn_flushes_once(void) {
  server s = {0};
  char got[3];
  REQUIRE(start(&s, GATHER, (net_listener_options){0}));
  int fd = client_of(&s);
  CHECK(test_send_text(fd, "abc"));
  CHECK_INT(test_read(fd, got, 3), 3);
  CHECK_INT(s.flushed, 1);
  close(fd);
  CHECK(test_wait(&s.closed, 1));
  test_loop_end(&s.t);
}

static void a_silent_connection_is_closed(void) {
  server s = {0};
  REQUIRE(start(&s, ECHO, (net_listener_options){.first_byte_ms = 1}));
  int fd = client_of(&s);
  CHECK_INT(test_read_end(fd), 0);
  CHECK(test_wait(&s.closed, 1));
  close(fd);
  test_loop_end(&s.t);
}

static void too_many_and_unwanted_connections_are_closed(void) {
  server s = {0};
  char got[1];
  REQUIRE(start(&s, ECHO, (net_listener_options){.max_connections = 1}));
  int a = client_of(&s);
  CHECK(test_send_text(a, "1"));
  CHECK_INT(test_read(a, got, 1), 1);
  int b = client_of(&s);
  CHECK_INT(test_read_end(b), 0);
  close(b);
  close(a);
  CHECK(test_wait(&s.closed, 1));
  s.refuse = true;
  a = client_of(&s);
  CHECK_INT(test_read_end(a), 0);
  close(a);
  test_loop_end(&s.t);
  CHECK_INT(s.accepted, 2);
}

static void bad_addresses_are_told(void) {
  static const struct {
    const char *address;
    enum base_err_code want;
    const char *reason;
  } rows[] = {
      {"", BASE_E_INVALID, "empty"},
      {"127.0.0.1", BASE_E_INVALID, "no port"},
      {"127.0.0.1:", BASE_E_INVALID, "empty port"},
      {"127.0.0.1:65536", BASE_E_INVALID, "port too large"},
      {"127.0.0.1:-1", BASE_E_INVALID, "signed port"},
      {"127.0.0.1:80x", BASE_E_INVALID, "letters in the port"},
      {":8080", BASE_E_INVALID, "no host"},
      {"127.0.0.256:0", BASE_E_INVALID, "no address"},
      {"localhost:0", BASE_E_INVALID, "names are not looked up"},
      {"::1:0", BASE_E_INVALID, "IPv6 without brackets"},
      {"[::1:0", BASE_E_INVALID, "bracket left open"},
      {"[]:0", BASE_E_INVALID, "empty brackets"},
      {"[127.0.0.1]:0", BASE_E_INVALID, "IPv4 in brackets"},
      {"192.0.2.1:0", BASE_E_INVALID, "not an address of this machine"},
  };
  net_loop *l = NULL;
  net_listener *first = NULL, *second = NULL;
  char taken[32];
  CHECK_OK(net_loop_new(NULL, &l));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = net_listen(l, &(net_listener_options){.address = rows[i].address, .on_accept = on_accept}, &first);
    CHECK_MSG(base_is(e, rows[i].want), "%s: %s", rows[i].reason, base_err_name(e));
  }
  CHECK_OK(net_listen(l, &(net_listener_options){.address = "127.0.0.1:0", .on_accept = on_accept}, &first));
  snprintf(taken, sizeof taken, "127.0.0.1:%d", net_listener_port(first));
  CHECK_ERR(net_listen(l, &(net_listener_options){.address = taken, .on_accept = on_accept}, &second), BASE_E_IN_USE);
  net_loop_free(l);
}

/* --- TLS --- */

static SSL *tls_client(SSL_CTX *ctx, int fd) {
  static const unsigned char alpn[] = "\x02h2\x08http/1.1";
  SSL *ssl = SSL_new(ctx);
  SSL_set_fd(ssl, fd);
  SSL_set_alpn_protos(ssl, alpn, sizeof alpn - 1);
  if (SSL_connect(ssl) == 1) {
    return ssl;
  }
  SSL_free(ssl);
  return NULL;
}

static bool tls_reads_pattern(SSL *ssl, size_t n) {
  uint8_t *got = malloc(n), *want = malloc(n);
  size_t have = 0;
  fill(want, n, 0);
  for (int got_now = 1; have < n && got_now > 0; have += got_now > 0 ? (size_t)got_now : 0) {
    got_now = SSL_read(ssl, got + have, (int)(n - have));
  }
  bool ok = have == n && memcmp(got, want, n) == 0;
  free(got);
  free(want);
  return ok;
}

static void tls_carries_the_same_bytes(void) {
  credentials c;
  server s = {0};
  make_credentials(&c);
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  REQUIRE(start(&s, ANSWER_AND_CLOSE, (net_listener_options){.cert_file = c.cert, .key_file = c.key}));
  for (int receive_buffer = 0; receive_buffer <= 4096; receive_buffer += 4096) {
    int fd = test_connect_from(net_listener_port(s.listener), receive_buffer);
    SSL *ssl = tls_client(ctx, fd);
    REQUIRE(ssl != NULL);
    CHECK_INT(SSL_write(ssl, "x", 1), 1);
    CHECK(tls_reads_pattern(ssl, MIB));
    char more;
    CHECK_INT(SSL_read(ssl, &more, 1), 0);
    CHECK_INT(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN); /* close_notify came before the FIN */
    SSL_free(ssl);
    close(fd);
  }
  CHECK(test_wait(&s.closed, 2));
  CHECK_INT(s.h2, 1);
  int plain = client_of(&s);
  CHECK(test_send_text(plain, "GET / HTTP/1.1\r\n\r\n"));
  char got[64];
  CHECK(test_read(plain, got, sizeof got) < sizeof got); /* an alert at most, then the end */
  close(plain);
  int before = s.accepted, silent = client_of(&s); /* the plain one may have failed before it was offered to us */
  CHECK(test_wait(&s.accepted, before + 1));
  test_loop_end(&s.t); /* in the middle of a handshake */
  close(silent);
  SSL_CTX_free(ctx);
  remove_credentials(&c);
}

static void bad_certificates_are_told(void) {
  credentials c;
  net_loop *l = NULL;
  net_listener *out = NULL;
  make_credentials(&c);
  const struct {
    const char *cert, *key, *reason;
  } rows[] = {
      {"/nonexistent/cert.pem", c.key, "missing certificate"},
      {c.cert, "/nonexistent/key.pem", "missing key"},
      {c.cert, NULL, "no key given"},
      {c.cert, c.other_key, "the key of another certificate"},
      {c.key, c.key, "a key as certificate"},
      {c.cert, c.cert, "a certificate as key"},
  };
  CHECK_OK(net_loop_new(NULL, &l));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const net_listener_options options = {
        .address = "127.0.0.1:0", .cert_file = rows[i].cert, .key_file = rows[i].key, .on_accept = on_accept};
    base_err e = net_listen(l, &options, &out);
    CHECK_MSG(base_is(e, BASE_E_INVALID), "%s: %s", rows[i].reason, base_err_name(e));
  }
  net_loop_free(l);
  remove_credentials(&c);
}

TEST_MAIN(TEST(bytes_go_there_and_back), TEST(a_slow_reader_gets_everything), TEST(a_reader_that_stops_is_closed),
          TEST(a_reader_that_never_reads_hits_the_ceiling), TEST(a_dead_peer_is_noticed_behind_a_pause),
          TEST(unread_bytes_hold_up_nothing_that_is_guarded), TEST(a_dead_peer_is_noticed_behind_a_later_pause),
          TEST(a_dead_peer_is_noticed_behind_a_full_socket), TEST(what_was_dropped_is_not_read_on),
          TEST(a_half_closed_peer_gets_a_quick_answer), TEST(a_half_closed_peer_may_read_slowly),
          TEST(closing_lingers_until_the_answer_is_read), TEST(lingering_has_an_end), TEST(closing_at_once_is_final),
          TEST(a_turn_flushes_once), TEST(a_silent_connection_is_closed),
          TEST(too_many_and_unwanted_connections_are_closed), TEST(bad_addresses_are_told),
          TEST(tls_carries_the_same_bytes), TEST(bad_certificates_are_told))
