/* Several workers behind one port: calls spread over them, and they end together. */
#include "gateway_calls.h"
#include "sockets.h"

enum { SOCKETS = 24, WORKERS = 2 };

static world w;
static session sessions[SOCKETS];

static bool start(void) { return world_start(&w, (const char *const[]){"--workers", "2", "--grace", "1m", NULL}); }

static bool echo_on(session *s, uint32_t id, bool end) {
  echo_request r = ECHO_REQUEST;
  if (!send_request(s, id, &r, end)) {
    return false;
  }
  echo_reply *reply = next_reply(s, id);
  if (reply) {
    ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  }
  return reply != NULL;
}

static void open_sockets(void) {
  for (int i = 0; i < SOCKETS; i++) {
    CHECK(session_open(&sessions[i], w.port, 65536));
    put_open(&sessions[i], 1, "Bidi", 0, NULL);
    CHECK(echo_on(&sessions[i], 1, false));
  }
}

/* With 24 sockets the chance that one of two workers got none is 1 in 8 million; each needs its own connection to the service. */
static void workers_share_one_port(void) {
  static char out[1024];
  CHECK(start());
  CHECK_INT(sockets_with((unsigned)w.port, 0, SOCKET_LISTENING), WORKERS);
  open_sockets();
  CHECK(world_metric_becomes(&w, "ponte_gateway_websockets", SOCKETS));
  CHECK_INT(sockets_with(0, (unsigned)w.echo_port, SOCKET_ESTABLISHED), WORKERS);
  CHECK_INT(http_ask(w.admin, "GET", "/readyz", "Host: localhost\r\n", out, sizeof out), 200);
  for (int i = 0; i < SOCKETS; i++) {
    CHECK(echo_on(&sessions[i], 1, true));
    CHECK_INT(status_of(&sessions[i], 1), 0);
    session_close(&sessions[i]);
  }
  world_end(&w);
}

static void a_taken_port_is_noticed_although_ports_can_be_shared(void) {
  process p = {0};
  char taken[64];
  CHECK(start());
  snprintf(taken, sizeof taken, "127.0.0.1:%d", w.port);
  CHECK(process_start(
      &p, "PONTE_GATEWAY",
      (const char *const[]){"--upstream", "a:1", "--admin", "127.0.0.1:0", "--workers", "2", "--listen", taken, NULL}));
  CHECK_INT(process_wait(&p), 1);
  world_end(&w);
}

static bool is_told_to_go(session *s) {
  wire_mux_frame f;
  while (client_next(&s->c, &f)) {
    if (f.type == WIRE_MUX_DRAIN) {
      return true;
    }
  }
  return false;
}

static void drain_reaches_every_worker(void) {
  static char out[1024];
  CHECK(start());
  open_sockets();
  kill(w.gateway.pid, SIGTERM);
  for (int i = 0; i < SOCKETS; i++) {
    CHECK(is_told_to_go(&sessions[i]));
  }
  CHECK_INT(http_ask(w.admin, "GET", "/readyz", "Host: localhost\r\n", out, sizeof out), 503);
  CHECK_INT(sockets_with((unsigned)w.port, 0, SOCKET_LISTENING), 0);
  for (int i = 0; i < SOCKETS; i++) {
    CHECK_MSG(echo_on(&sessions[i], 1, true), "%s", "a running call goes on");
    CHECK_INT(status_of(&sessions[i], 1), 0);
    CHECK_INT(client_close_code(&sessions[i].c), 4001);
    session_close(&sessions[i]);
  }
  CHECK_INT(process_wait(&w.gateway), 0);
  world_end(&w);
}

/* A gRPC-Web call over HTTP/1.1 that the service never ends. */
static int open_hanging_call(int port) {
  static const char head[] = "POST /ponte.echo.v1.EchoService/ServerStream HTTP/1.1\r\nHost: localhost\r\n"
                             "content-type: application/grpc-web+proto\r\nx-secret: s\r\nx-kept: k\r\n";
  uint8_t message[64] = {0};
  char text[512], answer[2048];
  echo_request r = ECHO_REQUEST;
  r.count = 1;
  r.hang = true;
  size_t n = ponte__echo__v1__echo_request__pack(&r, message + 5);
  message[4] = (uint8_t)n;
  int fd = tcp_connect(port);
  int head_n = snprintf(text, sizeof text, "%scontent-length: %zu\r\n\r\n", head, n + 5);
  tcp_send(fd, text, (size_t)head_n);
  tcp_send(fd, message, n + 5);
  CHECK_INT(http_read_head(fd, answer, sizeof answer), 200);
  return fd;
}

/* Whether the bytes up to the end hold the text; they hold zeroes too. */
static bool rest_holds(int fd, const char *text) {
  static char rest[65536];
  size_t n = tcp_read(fd, rest, sizeof rest);
  return memmem(rest, n, text, strlen(text)) != NULL;
}

static void after_the_grace_grpc_web_calls_end_as_unavailable(void) {
  CHECK(world_start(&w, (const char *const[]){"--workers", "2", "--grace", "200ms", NULL}));
  int fd = open_hanging_call(w.port);
  kill(w.gateway.pid, SIGTERM);
  CHECK_MSG(rest_holds(fd, "grpc-status: 14\r\n"), "%s", "a status, never a truncated body");
  close(fd);
  CHECK_INT(process_wait(&w.gateway), 0);
  world_end(&w);
}

/* The echo service answers with the metadata it got. */
static void configured_metadata_stays_here(void) {
  setenv("PONTE_GATEWAY_METADATA_DROP", "x-secret x-other", 1);
  CHECK(world_start(&w, (const char *const[]){"--grace", "200ms", NULL}));
  unsetenv("PONTE_GATEWAY_METADATA_DROP");
  int fd = open_hanging_call(w.port);
  char reply[4096];
  size_t n = 0;
  while (n < sizeof reply && memmem(reply, n, "x-kept", 6) == NULL && tcp_read(fd, reply + n, 1) == 1) {
    n++;
  }
  CHECK(memmem(reply, n, "x-kept", 6) != NULL);
  kill(w.gateway.pid, SIGTERM);
  n += tcp_read(fd, reply + n, sizeof reply - n);
  CHECK(memmem(reply, n, "x-secret", 8) == NULL);
  close(fd);
  CHECK_INT(process_wait(&w.gateway), 0);
  world_end(&w);
}

static void a_second_signal_ends_all_workers_at_once(void) {
  CHECK(start());
  open_sockets();
  kill(w.gateway.pid, SIGTERM);
  CHECK(is_told_to_go(&sessions[0]));
  kill(w.gateway.pid, SIGTERM);
  CHECK_INT(process_wait(&w.gateway), 0);
  for (int i = 0; i < SOCKETS; i++) {
    session_close(&sessions[i]);
  }
  world_end(&w);
}

TEST_MAIN(TEST(workers_share_one_port), TEST(a_taken_port_is_noticed_although_ports_can_be_shared),
          TEST(drain_reaches_every_worker), TEST(after_the_grace_grpc_web_calls_end_as_unavailable),
          TEST(configured_metadata_stays_here), TEST(a_second_signal_ends_all_workers_at_once))
