#include "net/connect.h"

#include <errno.h>
#include <sys/un.h>

#include "base/test.h"
#include "net/test_peer.h"

enum { MIB = 1 << 20, BIG = 4 * MIB };

/* --- the server: one blocking connection in a thread --- */

enum peer_mode { ECHO, SEND_THEN_CLOSE, RESET, CLOSE_AT_ONCE };

typedef struct {
  int fd;
  enum peer_mode mode;
  char address[128];
  char path[80]; /* of a Unix socket */
  pthread_t thread;
} peer;

static void *peer_main(void *arg) {
  peer *p = arg;
  char buffer[16384];
  ssize_t n = 0;
  int fd = accept(p->fd, NULL, NULL);
  switch (p->mode) {
  case ECHO:
    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0 && test_send(fd, buffer, (size_t)n)) {
    }
    break;
  case SEND_THEN_CLOSE: test_send_text(fd, "hello"); break;
  case RESET:
    (void)!recv(fd, buffer, 1, 0);
    test_abort(fd);
    return NULL;
  case CLOSE_AT_ONCE: break;
  }
  close(fd);
  return NULL;
}

static int listen_tcp(int backlog, char *address, size_t size) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, backlog) != 0 ||
      getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
    abort();
  }
  snprintf(address, size, "127.0.0.1:%d", ntohs(a.sin_port));
  return fd;
}

static int listen_unix(char *path, size_t size) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  snprintf(path, size, "/tmp/ponte-connect-%d.sock", (int)getpid());
  snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
  unlink(path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8) != 0) {
    abort();
  }
  return fd;
}

static void peer_start(peer *p, enum peer_mode mode, bool local) {
  *p = (peer){.mode = mode};
  if (local) {
    p->fd = listen_unix(p->path, sizeof p->path);
    snprintf(p->address, sizeof p->address, "unix:%s", p->path);
  } else {
    p->fd = listen_tcp(8, p->address, sizeof p->address);
  }
  pthread_create(&p->thread, NULL, peer_main, p);
}

static void peer_end(peer *p) {
  shutdown(p->fd, SHUT_RDWR); /* wakes accept */
  pthread_join(p->thread, NULL);
  close(p->fd);
  if (p->path[0]) {
    unlink(p->path);
  }
}

/* --- the client: everything happens on this thread; the loop stops itself when the connection ends --- */

typedef struct client client;
struct client {
  net_loop *loop;
  net_conn *conn;
  net_timer *later;
  void (*when_open)(client *c);
  void (*when_bytes)(client *c);
  void (*when_closed)(client *c);
  size_t received, wrong;
  int opened, closed, drained, flushed;
  int queued; /* writes of which the kernel did not take all at once */
  char failure[160];
};

static void on_open(void *codec) {
  client *c = codec;
  CHECK_INT(++c->opened, 1);
  CHECK_INT(c->closed, 0);
  if (c->when_open) {
    c->when_open(c);
  }
}

static uint8_t pattern(size_t at) { return (uint8_t)(at * 31 >> 3); }

static void on_bytes(void *codec, base_span bytes) {
  client *c = codec;
  CHECK_INT(c->opened, 1);
  for (size_t i = 0; i < bytes.n; i++) {
    c->wrong += bytes.p[i] != pattern(c->received + i);
  }
  c->received += bytes.n;
  if (c->when_bytes) {
    c->when_bytes(c);
  }
}

static void on_drained(void *codec) { ((client *)codec)->drained++; }
static void on_flush(void *codec) { ((client *)codec)->flushed++; }

static void on_closed(void *codec) {
  client *c = codec;
  CHECK_INT(++c->closed, 1);
  snprintf(c->failure, sizeof c->failure, "%s", net_conn_failure(c->conn));
  net_loop_stop(c->loop);
  if (c->when_closed) {
    c->when_closed(c);
  }
}

static const net_codec_vt codec_vt = {on_bytes, on_drained, on_flush, on_closed};

static base_err dial(client *c, const char *address, int64_t timeout_ms) {
  const net_connect_options options = {.address = address, .timeout_ms = timeout_ms, .on_open = on_open};
  return net_connect(c->loop, &options, &codec_vt, c, &c->conn);
}

static void run(client *c, const char *address, int64_t timeout_ms) {
  CHECK_OK(net_loop_new(NULL, &c->loop));
  CHECK_OK(dial(c, address, timeout_ms));
  CHECK_INT(c->opened + c->closed, 0); /* nothing from inside */
  net_loop_run(c->loop);
  net_loop_free(c->loop);
  CHECK_INT(c->closed, 1);
}

/* --- what works --- */

static void send_big(client *c) {
  uint8_t *p = malloc(BIG);
  for (size_t i = 0; i < BIG; i++) {
    p[i] = pattern(i);
  }
  CHECK_OK(net_conn_write(c->conn, base_span_of(p, BIG)));
  c->queued += net_conn_queued(c->conn) > 0;
  free(p);
}

static void close_after_big(client *c) {
  if (c->received == BIG) {
    net_conn_close(c->conn, 10000);
  }
}

static void bytes_go_there_and_back(void) {
  for (int local = 0; local <= 1; local++) {
    peer p;
    client c = {.when_open = send_big, .when_bytes = close_after_big};
    peer_start(&p, ECHO, local);
    run(&c, p.address, 0);
    CHECK_INT(c.received, BIG);
    CHECK_INT(c.wrong, 0);
    CHECK_INT(c.drained, c.queued);
    CHECK(c.flushed > 0);
    CHECK_STR(c.failure, "");
    peer_end(&p);
  }
}

static void unpause(void *ctx) {
  client *c = ctx;
  CHECK_INT(c->received, 0);
  CHECK_INT(c->closed, 0);
  net_conn_pause(c->conn, false);
}

static void unpause_later(client *c) {
  c->later = net_timer_new(c->loop, unpause, c);
  net_timer_set(c->later, 20); /* time to be wrong in; being right takes none */
}

static void a_pause_before_opening_holds(void) {
  peer p;
  client c = {.when_open = unpause_later};
  peer_start(&p, SEND_THEN_CLOSE, false);
  CHECK_OK(net_loop_new(NULL, &c.loop));
  CHECK_OK(dial(&c, p.address, 0));
  net_conn_pause(c.conn, true);
  net_loop_run(c.loop);
  CHECK_INT(c.received, 5);
  CHECK_STR(c.failure, "");
  net_loop_free(c.loop);
  peer_end(&p);
}

static void hold(client *c) { net_conn_pause(c->conn, true); }

static void a_dead_peer_is_noticed_behind_a_pause(void) {
  for (int local = 0; local <= 1; local++) {
    peer p;
    client c = {.when_open = hold};
    peer_start(&p, CLOSE_AT_ONCE, local);
    run(&c, p.address, 0);
    CHECK_INT(c.opened, 1);
    peer_end(&p);
  }
}

static void send_one(client *c) { CHECK_OK(net_conn_write(c->conn, base_span_str("x"))); }

static void a_reset_is_told(void) {
  peer p;
  client c = {.when_open = send_one};
  peer_start(&p, RESET, false);
  run(&c, p.address, 0);
  CHECK_INT(c.opened, 1);
  CHECK_STR(c.failure, "Connection reset by peer");
  peer_end(&p);
}

/* --- what fails --- */

static void bad_addresses_are_refused_at_once(void) {
  static const char long_path[] = "unix:/tmp/0123456789012345678901234567890123456789012345678901234567890123456789"
                                  "0123456789012345678901234567890123456789";
  static const char *const rows[] = {
      "",        "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",    "127.0.0.1:65536", "[::1:80", "::1:80", "localhost:80",
      "[::1]:0", "unix:",     "unix",       "http://[::1]:1", "127.0.0.256:80",  long_path};
  client c = {0};
  CHECK_OK(net_loop_new(NULL, &c.loop));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = dial(&c, rows[i], 0);
    CHECK_MSG(base_is(e, BASE_E_INVALID), "%s: %s", rows[i], base_err_name(e));
  }
  net_loop_free(c.loop);
  CHECK_INT(c.closed, 0);
}

static void unreachable_servers_are_told(void) {
  char refused[64], plain_file[80];
  close(listen_tcp(1, refused, sizeof refused));
  snprintf(plain_file, sizeof plain_file, "unix:/tmp/ponte-connect-%d.file", (int)getpid());
  fclose(fopen(plain_file + 5, "w"));
  const struct {
    const char *address, *failure, *reason;
  } rows[] = {
      {refused, "Connection refused", "nobody listens"},
      {"255.255.255.255:1", NULL, "an address to which TCP cannot connect: refused by connect(2) itself"},
      {"unix:/nonexistent/socket", "No such file or directory", "no such path"},
      {plain_file, "Connection refused", "a file that is no socket"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    client c = {0};
    run(&c, rows[i].address, 0);
    CHECK_INT(c.opened, 0);
    CHECK_MSG(c.failure[0] && (!rows[i].failure || strcmp(c.failure, rows[i].failure) == 0), "%s: \"%s\"",
              rows[i].reason, c.failure);
  }
  unlink(plain_file + 5);
}

/* A full backlog drops SYNs, so connecting neither succeeds nor fails. */
static int full_listener(char *address, size_t size, int fillers[4]) {
  int fd = listen_tcp(0, address, size);
  for (int i = 0; i < 4; i++) {
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &n);
    fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)!connect(fillers[i], (struct sockaddr *)&a, n);
  }
  return fd;
}

static void end_full_listener(int fd, const int fillers[4]) {
  for (int i = 0; i < 4; i++) {
    close(fillers[i]);
  }
  close(fd);
}

static void silence_times_out(void) {
  char address[64];
  int fillers[4], fd = full_listener(address, sizeof address, fillers);
  client c = {0};
  run(&c, address, 1);
  CHECK_INT(c.opened, 0);
  CHECK_STR(c.failure, "Connection timed out");
  end_full_listener(fd, fillers);
}

/* --- closing at every stage --- */

static void close_now(client *c) {
  net_conn_close(c->conn, 0);
  net_conn_close(c->conn, 1000);
  CHECK_ERR(net_conn_write(c->conn, base_span_str("x")), BASE_E_IO);
  net_conn_pause(c->conn, true);
  net_conn_flush_later(c->conn);
}

static void write_and_linger(client *c) {
  send_one(c);
  net_conn_close(c->conn, 10000);
}

static void closing_is_possible_at_every_stage(void) {
  char silent[64];
  int fillers[4], fd = full_listener(silent, sizeof silent, fillers);
  const struct {
    bool at_once, silent;
    void (*when_open)(client *c);
    void (*when_bytes)(client *c);
    int opened;
    const char *reason;
  } rows[] = {
      {.at_once = true, .reason = "before the loop turned"},
      {.at_once = true, .silent = true, .reason = "before the loop turned, to a server that is silent"},
      {.when_open = close_now, .opened = 1, .reason = "inside on_open"},
      {.when_open = write_and_linger, .opened = 1, .reason = "inside on_open, with something on its way"},
      {.when_open = send_one, .when_bytes = close_now, .opened = 1, .reason = "inside on_bytes"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    peer p;
    client c = {.when_open = rows[i].when_open, .when_bytes = rows[i].when_bytes};
    peer_start(&p, ECHO, false);
    CHECK_OK(net_loop_new(NULL, &c.loop));
    CHECK_OK(dial(&c, rows[i].silent ? silent : p.address, 0));
    CHECK_ERR(net_conn_write(c.conn, base_span_str("too early")), BASE_E_IO);
    net_conn_flush_later(c.conn);
    if (rows[i].at_once) {
      close_now(&c);
    }
    net_loop_run(c.loop);
    net_loop_free(c.loop);
    CHECK_MSG(c.closed == 1 && c.opened == rows[i].opened && c.flushed == 0, "%s", rows[i].reason);
    CHECK_STR(c.failure, "");
    peer_end(&p);
  }
  end_full_listener(fd, fillers);
}

static void stop_loop(client *c) { net_loop_stop(c->loop); }

static void dial_again(client *c) {
  net_conn *other = NULL;
  const net_connect_options options = {.address = "127.0.0.1:1"};
  CHECK_ERR(net_connect(c->loop, &options, &codec_vt, c, &other), BASE_E_UNAVAILABLE);
}

static void freeing_the_loop_ends_connections_at_every_stage(void) {
  static const char *const stages[] = {"before the loop turned", "open", "failed, not yet told"};
  for (int stage = 0; stage < 3; stage++) {
    peer p;
    client c = {.when_open = stop_loop, .when_closed = dial_again};
    peer_start(&p, ECHO, false);
    CHECK_OK(net_loop_new(NULL, &c.loop));
    CHECK_OK(dial(&c, stage == 2 ? "unix:/nonexistent/socket" : p.address, 0));
    if (stage == 1) {
      net_loop_run(c.loop);
      CHECK_INT(c.opened, 1);
    }
    CHECK_INT(c.closed, 0);
    net_loop_free(c.loop);
    CHECK_MSG(c.closed == 1, "%s", stages[stage]);
    peer_end(&p);
  }
}

TEST_MAIN(TEST(bytes_go_there_and_back), TEST(a_pause_before_opening_holds),
          TEST(a_dead_peer_is_noticed_behind_a_pause), TEST(a_reset_is_told), TEST(bad_addresses_are_refused_at_once),
          TEST(unreachable_servers_are_told), TEST(silence_times_out), TEST(closing_is_possible_at_every_stage),
          TEST(freeing_the_loop_ends_connections_at_every_stage))
