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
          TEST(drain_reaches_every_worker), TEST(a_second_signal_ends_all_workers_at_once))
