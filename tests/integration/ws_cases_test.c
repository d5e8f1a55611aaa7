/* RFC 6455 and RFC 7692 against the real gateway over sockets: the case table that endpoint_test.c runs in memory. */
#include "gateway_world.h"

#include "gateway/ws/ws_cases.h"

static world w;

enum { REPLY_MAX = 1 << 20 };

static void send_in_pieces(int fd, base_span bytes, size_t step) {
  while (bytes.n > 0) {
    size_t n = step < bytes.n ? step : bytes.n;
    if (!tcp_send(fd, bytes.p, n)) {
      return; /* the gateway has closed: its reply tells why */
    }
    bytes = base_span_of(bytes.p + n, bytes.n - n);
  }
}

static void run(const ws_case *c, size_t step) {
  static uint8_t reply[REPLY_MAX];
  static const char offer[] = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
  char head[1024];
  client socket;
  base_buf bytes;
  size_t hello = 0;
  snprintf(head, sizeof head, "Host: localhost\r\n%s" UPGRADE, c->deflate ? offer : "");
  int status = client_upgrade(&socket, w.port, head);
  CHECK_MSG(status == 101, "%s: %d", c->name, status);
  base_buf_init(&bytes, 1 << 20);
  ws_case_build(c, &bytes, &hello);
  send_in_pieces(socket.fd, base_buf_span(&bytes), step);
  size_t n = tcp_read(socket.fd, reply, sizeof reply);
  const char *wrong = ws_case_judge(c, base_span_of(reply, n));
  CHECK_MSG(wrong == NULL, "%s: %s (in pieces of %zu)", c->name, wrong, step);
  base_buf_dispose(&bytes);
  client_close(&socket);
}

static void run_all(size_t step) {
  for (int i = 0; i < WS_CASES; i++) {
    run(&ws_cases[i], step);
  }
}

static void cases_pass_whole(void) { run_all(1 << 20); }
static void cases_pass_in_small_pieces(void) { run_all(7); }

static void nothing_is_left_behind(void) {
  CHECK(world_metric_becomes(&w, "ponte_gateway_websockets", 0));
  CHECK_INT(world_metric(&w, "ponte_gateway_streams{kind=\"mux\"}"), 0);
}

static void start(void) {
  setenv("PONTE_GATEWAY_WEBSOCKET_COMPRESSION", "true", 1);
  CHECK(world_start(&w, NULL));
}
static void stop(void) { world_end(&w); }

TEST_MAIN(TEST(start), TEST(cases_pass_whole), TEST(cases_pass_in_small_pieces), TEST(nothing_is_left_behind),
          TEST(stop))
