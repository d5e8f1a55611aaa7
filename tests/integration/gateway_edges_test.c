/* What a gateway is for when things go wrong: strangers, slow readers, lost services, its own end. */
#include "gateway_calls.h"

static world w;
static session s;

static bool start(const char *const *flags) { return world_start(&w, flags); }

/* -- who may come in -- */

static void hosts_and_origins_are_checked_before_all_else(void) {
  static const struct {
    const char *head;
    int status;
    const char *reason;
  } rows[] = {
      {"Host: localhost\r\n" UPGRADE, 101, "no Origin: no browser"},
      {"Host: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1\r\n" UPGRADE, 101, "same origin"},
      {"Host: localhost\r\nOrigin: https://app.example\r\n" UPGRADE, 101, "an allowed origin"},
      {"Host: evil.example\r\n" UPGRADE, 403, "DNS rebinding"},
      {"Host: evil.example\r\nOrigin: http://evil.example\r\n" UPGRADE, 403,
       "DNS rebinding, same origin for the browser"},
      {"Host: localhost\r\nOrigin: https://evil.example\r\n" UPGRADE, 403, "another site's page"},
      {"Host: localhost\r\nOrigin: null\r\n" UPGRADE, 403, "a sandboxed page"},
      {"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", 400, "no key"},
      {"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n",
       400, "another subprotocol"},
      {"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 12\r\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ponte.v1\r\n",
       426, "another version"},
      {"Host: localhost\r\n", 426, "no upgrade at all"},
  };
  CHECK(start((const char *const[]){"--allow-origin", "https://app.example", NULL}));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    client c;
    int status = client_upgrade(&c, w.port, rows[i].head);
    CHECK_MSG(status == rows[i].status, "%s: %d", rows[i].reason, status);
    client_close(&c);
  }
  CHECK_MSG(world_metric(&w, "ponte_gateway_rejected_total{reason=\"origin\"}") == 2, "%s",
            "refused origins are counted");
  CHECK(world_metric(&w, "ponte_gateway_rejected_total{reason=\"host\"}") == 2);
  world_end(&w);
}

static void preflights_and_cors(void) {
  static char out[8192];
  CHECK(start((const char *const[]){"--allow-origin", "https://app.example", NULL}));
  CHECK_INT(http_ask(w.port, "OPTIONS", "/a.B/C",
                     "Host: localhost\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
                     "Access-Control-Request-Headers: x-grpc-web\r\n",
                     out, sizeof out),
            204);
  CHECK(strstr(out, "access-control-allow-origin: https://app.example\r\n") != NULL);
  CHECK(strstr(out, "access-control-allow-headers: x-grpc-web\r\n") != NULL);
  CHECK_INT(http_ask(w.port, "OPTIONS", "/a.B/C",
                     "Host: localhost\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n", out,
                     sizeof out),
            403);
  CHECK(strstr(out, "access-control") == NULL);
  CHECK_INT(http_ask(w.port, "GET", "/none", "Host: localhost\r\nOrigin: https://app.example\r\n", out, sizeof out),
            404);
  CHECK_MSG(strstr(out, "access-control-allow-origin") != NULL, "%s", "errors are readable for the page");
  world_end(&w);
}

static void files_are_served(void) {
  static char out[8192];
  char folder[] = "/tmp/ponte-web-XXXXXX", name[64];
  REQUIRE(mkdtemp(folder));
  snprintf(name, sizeof name, "%s/index.html", folder);
  FILE *f = fopen(name, "w");
  REQUIRE(f);
  fputs("<p>the page", f);
  fclose(f);
  CHECK(start((const char *const[]){"--web", folder, NULL}));
  CHECK_INT(http_ask(w.port, "GET", "/", "Host: localhost\r\n", out, sizeof out), 200);
  CHECK(strstr(out, "\r\n\r\n<p>the page") != NULL);
  CHECK(strstr(out, "content-security-policy: ") && strstr(out, "microphone=(self)"));
  CHECK_INT(http_ask(w.port, "HEAD", "/", "Host: localhost\r\n", out, sizeof out), 200);
  CHECK(strstr(out, "content-length: 11\r\n") && strstr(out, "\r\n\r\n")[4] == 0);
  CHECK_INT(http_ask(w.port, "GET", "/../etc/passwd", "Host: localhost\r\n", out, sizeof out), 404);
  world_end(&w);
  unlink(name);
  rmdir(folder);
}

/* -- clients that break the protocol -- */

static void broken_frames_close_with_their_code(void) {
  static const struct {
    const char *bytes;
    size_t n;
    bool hello;
    int code;
    const char *reason;
  } rows[] = {
      {"", 0, true, 1002, "an empty message"},
      {"\x12", 1, true, 1002, "a cut head"},
      {"\x12\0\0\0\0\x01\0\0\x05"
       "ab",
       11, true, 1002, "a cut frame"},
      {"\x12\0\0\0\0\x09\0\0\0", 9, true, 1002, "DATA of a call never opened"},
      {"\x7e\0\0\0\0\0\0\0\0", 9, true, 1002, "an unknown type"},
      {"\x20\0\0\0\0\0\0\0\x08"
       "12345678",
       17, false, 4002, "PING before HELLO"},
      {"\x01\0\0\0\0\0\0\0\x13\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28, false, 4002, "another version"},
  };
  CHECK(start(NULL));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    client c;
    CHECK_INT(client_upgrade(&c, w.port, "Host: localhost\r\n" UPGRADE), 101);
    if (rows[i].hello) {
      CHECK_OK(wire_mux_put_hello(&c.out, &(wire_mux_hello){.version = 1}));
      client_send(&c);
    }
    client_frame(&c, 0x82, base_span_of(rows[i].bytes, rows[i].n));
    int code = client_close_code(&c);
    CHECK_MSG(code == rows[i].code, "%s: %d", rows[i].reason, code);
    client_close(&c);
  }
  /* Far beyond any credit: the service stops reading, since its answers are not taken, so what is sent cannot be consumed. */
  static uint8_t data[60000];
  echo_request r = ECHO_REQUEST;
  r.data = (ProtobufCBinaryData){sizeof data, data};
  CHECK(session_open(&s, w.port, 100));
  put_open(&s, 1, "Bidi", 0, NULL);
  for (int i = 0; i < 1000; i++) {
    s.calls[1].credit = BIG;
    send_request(&s, 1, &r, false);
  }
  int code = client_close_code(&s.c);
  CHECK_MSG(code == 4003 || code == 1006, "beyond the credit: %d", code); /* 1006: a reset overtook the frame */
  session_close(&s);
  CHECK(world_metric_becomes(&w, "ponte_gateway_websockets", 0));
  world_end(&w);
}

/* -- slow readers -- */

/* A sanitizer keeps freed memory back, so its processes say nothing about growth. */
static size_t allowed_growth(void) {
  const char *preset = getenv("PONTE_PRESET");
  return preset && (strcmp(preset, "asan") == 0 || strcmp(preset, "tsan") == 0) ? (size_t)400 << 20 : (size_t)24 << 20;
}

static void a_slow_call_costs_bounded_memory_and_stops_only_itself(void) {
  echo_request r = ECHO_REQUEST;
  CHECK(start(NULL));
  CHECK(session_open(&s, w.port, 65536));
  for (uint32_t id = 1; id <= 20; id++) { /* warms up what is allocated once */
    CHECK_INT(unary(&s, id, &r), 0);
  }
  size_t before = process_memory(&w.gateway);
  echo_request endless = ECHO_REQUEST;
  endless.count = 4000000000u;
  endless.size = 16384;
  s.give_credit = false;
  for (uint32_t id = 21; id <= 30; id++) {
    put_open(&s, id, "ServerStream", 0, NULL);
    CHECK(send_request(&s, id, &endless, true));
  }
  for (uint32_t id = 31; id <= 100; id++) {
    CHECK_INT(unary(&s, id, &r), 0);
  }
  size_t received = 0;
  for (uint32_t id = 21; id <= 30; id++) {
    CHECK(s.calls[id].received <= 65536);
    received += s.calls[id].received;
  }
  CHECK_MSG(received > 0, "%s", "the streams ran until their credit was used up");
  size_t growth = process_memory(&w.gateway) - before;
  CHECK_MSG(growth < allowed_growth(), "10 unread streams cost %zu bytes", growth);
  session_close(&s);
  CHECK(world_metric_becomes(&w, "ponte_gateway_streams{kind=\"mux\"}", 0));
  world_end(&w);
}

/* A client that gives credit without end and never reads its socket. */
static void an_unread_socket_costs_bounded_memory(void) {
  echo_request endless = ECHO_REQUEST;
  endless.count = 4000000000u;
  endless.size = 16384;
  CHECK(start(NULL));
  CHECK(session_open(&s, w.port, BIG));
  size_t before = process_memory(&w.gateway);
  for (uint32_t id = 1; id <= 10; id++) {
    put_open(&s, id, "ServerStream", 0, NULL);
    CHECK(send_request(&s, id, &endless, true));
  }
  /* Long enough stuck: the counter of bytes would only stand still, so the memory is looked at over many loop turns of another client. */
  session *other = calloc(1, sizeof *other);
  REQUIRE(other);
  echo_request r = ECHO_REQUEST;
  CHECK(session_open(other, w.port, 65536));
  for (uint32_t id = 1; id <= 100; id++) {
    CHECK_INT(unary(other, id, &r), 0);
  }
  size_t growth = process_memory(&w.gateway) - before;
  CHECK_MSG(growth < allowed_growth(), "an unread socket cost %zu bytes", growth);
  session_close(other);
  free(other);
  session_close(&s);
  world_end(&w);
}

/* -- the service goes away -- */

static void a_killed_service_ends_calls_as_unavailable(void) {
  echo_request r = ECHO_REQUEST;
  CHECK(start(NULL));
  CHECK(session_open(&s, w.port, 65536));
  r.count = 1;
  r.hang = true;
  put_open(&s, 1, "ServerStream", 0, NULL);
  CHECK(send_request(&s, 1, &r, true));
  echo_reply *reply = next_reply(&s, 1);
  REQUIRE(reply);
  ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  process_stop(&w.echo, SIGKILL);
  CHECK_INT(status_of(&s, 1), 14);
  r.hang = false;
  CHECK_INT(unary(&s, 2, &r), 14);
  CHECK(world_start_echo(&w)); /* on the same port */
  uint32_t id = 3;
  int code = 14;
  for (struct timespec tick = {.tv_nsec = 100000000}; id < 120 && code == 14; id++) {
    code = unary(&s, id, &r);
    nanosleep(&tick, NULL);
  }
  CHECK_MSG(code == 0, "the same socket goes on when the service is back: %d", code);
  session_close(&s);
  world_end(&w);
}

/* -- the gateway's own end -- */

/* The second DRAIN, which names the last call; the client has answered the PING of the first. */
static bool wait_for_drain(session *at, wire_mux_drain *d) {
  wire_mux_frame f;
  while (client_next(&at->c, &f)) {
    if (f.type == WIRE_MUX_DRAIN) {
      if (!base_is_ok(wire_mux_get_drain(f.payload, d))) {
        return false;
      }
      if (d->last_call != UINT32_MAX) {
        return true;
      }
    }
  }
  return false;
}

static void drain_lets_running_calls_finish(void) {
  static char out[1024];
  echo_request r = ECHO_REQUEST;
  wire_mux_drain d = {0};
  CHECK(start(NULL));
  CHECK(session_open(&s, w.port, 65536));
  put_open(&s, 4, "Bidi", 0, NULL);
  CHECK(send_request(&s, 4, &r, false));
  echo_reply *reply = next_reply(&s, 4);
  REQUIRE(reply);
  ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  CHECK_INT(http_ask(w.admin, "GET", "/readyz", "Host: localhost\r\n", out, sizeof out), 200);
  kill(w.gateway.pid, SIGTERM);
  CHECK(wait_for_drain(&s, &d));
  CHECK_INT(d.last_call, 4);
  CHECK_INT(http_ask(w.admin, "GET", "/readyz", "Host: localhost\r\n", out, sizeof out), 503);
  CHECK_INT(tcp_connect(w.port), -1);
  put_open(&s, 5, "Unary", 0, NULL);
  CHECK_INT(status_of(&s, 5), 14);
  CHECK(send_request(&s, 4, &r, true));
  reply = next_reply(&s, 4);
  CHECK_MSG(reply != NULL, "%s", "a running call goes on");
  if (reply) {
    ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  }
  CHECK_INT(status_of(&s, 4), 0);
  CHECK_INT(client_close_code(&s.c), 4001);
  session_close(&s);
  CHECK_INT(process_wait(&w.gateway), 0);
  world_end(&w);
}

static void after_the_grace_calls_end_as_unavailable(void) {
  echo_request r = ECHO_REQUEST;
  wire_mux_drain d = {0};
  CHECK(start((const char *const[]){"--grace", "200ms", NULL}));
  CHECK(session_open(&s, w.port, 65536));
  put_open(&s, 1, "Bidi", 0, NULL);
  CHECK(send_request(&s, 1, &r, false));
  kill(w.gateway.pid, SIGTERM);
  CHECK(wait_for_drain(&s, &d));
  CHECK(d.grace_ms <= 200);
  CHECK_INT(status_of(&s, 1), 14);
  CHECK_INT(client_close_code(&s.c), 4001);
  session_close(&s);
  CHECK_INT(process_wait(&w.gateway), 0);
  world_end(&w);
}

static void a_second_signal_ends_at_once(void) {
  echo_request r = ECHO_REQUEST;
  wire_mux_drain d = {0};
  CHECK(start((const char *const[]){"--grace", "1h", NULL}));
  CHECK(session_open(&s, w.port, 65536));
  put_open(&s, 1, "Bidi", 0, NULL);
  CHECK(send_request(&s, 1, &r, false));
  kill(w.gateway.pid, SIGINT);
  CHECK(wait_for_drain(&s, &d));
  kill(w.gateway.pid, SIGINT);
  CHECK_INT(process_wait(&w.gateway), 0);
  session_close(&s);
  world_end(&w);
}

static void bad_starts_are_explained(void) {
  process p = {0};
  char line[256];
  CHECK(process_start(&p, "PONTE_GATEWAY", (const char *const[]){"--upstream", "nowhere", NULL}));
  CHECK_INT(process_wait(&p), 2);
  CHECK(process_start(&p, "PONTE_GATEWAY",
                      (const char *const[]){"--upstream", "a:1", "--web", "/nowhere", "--check", NULL}));
  CHECK_INT(process_wait(&p), 2);
  CHECK(process_start(&p, "PONTE_GATEWAY", (const char *const[]){"--upstream", "a:1", "--check", NULL}));
  CHECK(process_line(&p, line, sizeof line));
  CHECK_INT(process_wait(&p), 0);
  CHECK(start(NULL));
  char taken[64];
  snprintf(taken, sizeof taken, "127.0.0.1:%d", w.port);
  CHECK(process_start(&p, "PONTE_GATEWAY",
                      (const char *const[]){"--upstream", "a:1", "--admin", "127.0.0.1:0", "--listen", taken, NULL}));
  CHECK_INT(process_wait(&p), 1);
  world_end(&w);
}

TEST_MAIN(TEST(hosts_and_origins_are_checked_before_all_else), TEST(preflights_and_cors), TEST(files_are_served),
          TEST(broken_frames_close_with_their_code), TEST(a_slow_call_costs_bounded_memory_and_stops_only_itself),
          TEST(an_unread_socket_costs_bounded_memory), TEST(a_killed_service_ends_calls_as_unavailable),
          TEST(drain_lets_running_calls_finish), TEST(after_the_grace_calls_end_as_unavailable),
          TEST(a_second_signal_ends_at_once), TEST(bad_starts_are_explained))
