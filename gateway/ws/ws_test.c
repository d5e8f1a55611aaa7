/* The socket's side of ponte.v1: RFC 6455 over real sockets. Calls are the business of mux_session_test.c. */
#include "gateway/ws/ws.h"

#include "base/test.h"
#include "gateway/upstream/fake.h"
#include "net/test_peer.h"
#include "wire/mux.h"

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80, MASKED = 0x80, ROOM = 1 << 18 };

struct fixture {
  test_loop loop;
  gw_fake up;
  gw_gate gate;
  gw_ws_hub *hub;
  net_listener *listener;
  atomic_int accepted;
  int fd;
};

static bool on_accept(void *ctx, net_conn *conn) {
  struct fixture *f = ctx;
  atomic_fetch_add(&f->accepted, 1);
  const gw_ws_request request = {.method = base_span_str("GET"),
                                 .key = base_span_str("dGhlIHNhbXBsZSBub25jZQ=="),
                                 .version = base_span_str("13"),
                                 .protocols = base_span_str(WIRE_MUX_SUBPROTOCOL),
                                 .path = base_span_str("/")};
  return base_is_ok(gw_ws_start(f->hub, conn, &request, base_span_of(NULL, 0)));
}

static void skip_answer(int fd) {
  static const char end[] = "\r\n\r\n";
  size_t have = 0;
  char c = 0;
  while (have < sizeof end - 1 && test_read(fd, &c, 1) == 1) {
    have = c == end[have] ? have + 1 : c == '\r';
  }
  CHECK(have == sizeof end - 1);
}

static void setup(struct fixture *f) {
  memset(f, 0, sizeof *f);
  gw_fake_init(&f->up);
  f->gate = (gw_gate){.upstream = &f->up.base};
  CHECK_OK(net_loop_new(NULL, &f->loop.loop));
  CHECK_OK(gw_ws_hub_new(f->loop.loop, &f->gate, NULL, &f->hub));
  net_listener_options o = {.address = "127.0.0.1:0", .on_accept = on_accept, .ctx = f};
  CHECK_OK(net_listen(f->loop.loop, &o, &f->listener));
  int port = net_listener_port(f->listener);
  test_loop_start(&f->loop);
  f->fd = test_connect(port);
  CHECK(f->fd >= 0);
  skip_answer(f->fd);
}

static void teardown(struct fixture *f) {
  close(f->fd);
  test_loop_end(&f->loop);
  CHECK_INT(gw_ws_hub_count(f->hub), 0);
  gw_ws_hub_free(f->hub);
  gw_fake_dispose(&f->up);
}

/* One masked frame; the mask is not zero, so that unmasking is seen to be done. */
static size_t frame(uint8_t *out, uint8_t first, base_span payload) {
  static const uint8_t mask[4] = {0x11, 0x22, 0x33, 0x44};
  size_t at = 0;
  out[at++] = first;
  if (payload.n > 0xffff) {
    out[at++] = MASKED | 127;
    for (int i = 7; i >= 0; i--) {
      out[at++] = (uint8_t)((uint64_t)payload.n >> (8 * i));
    }
  } else if (payload.n > 125) {
    out[at++] = MASKED | 126;
    out[at++] = (uint8_t)(payload.n >> 8);
    out[at++] = (uint8_t)payload.n;
  } else {
    out[at++] = MASKED | (uint8_t)payload.n;
  }
  memcpy(out + at, mask, 4);
  at += 4;
  for (size_t i = 0; i < payload.n; i++) {
    out[at++] = payload.p[i] ^ mask[i % 4];
  }
  return at;
}

static void tell(struct fixture *f, uint8_t first, base_span payload) {
  static uint8_t out[ROOM];
  CHECK(test_send(f->fd, out, frame(out, first, payload)));
}

struct reply {
  uint8_t first;
  size_t n;
  uint8_t payload[70000];
};

static bool hear(struct fixture *f, struct reply *r) {
  uint8_t head[10];
  if (test_read(f->fd, head, 2) != 2) {
    return false;
  }
  r->first = head[0];
  CHECK((head[1] & MASKED) == 0);
  r->n = head[1];
  if (r->n == 126) {
    CHECK(test_read(f->fd, head, 2) == 2);
    r->n = (size_t)head[0] << 8 | head[1];
  }
  return r->n <= sizeof r->payload && test_read(f->fd, r->payload, r->n) == r->n;
}

/* Skips to the close frame; 0 without one. */
static int hear_close(struct fixture *f) {
  static struct reply r;
  while (hear(f, &r)) {
    if (r.first == (FIN | CLOSE)) {
      return r.n >= 2 ? r.payload[0] << 8 | r.payload[1] : 1005;
    }
  }
  return 0;
}

static base_span hello_and_bad_open(base_buf *b) {
  wire_mux_open o = {.path = base_span_str("/bad")};
  wire_metadata_init(&o.metadata);
  base_buf_init(b, 1 << 20);
  CHECK_OK(wire_mux_put_hello(b, &(wire_mux_hello){.version = 1}));
  CHECK_OK(wire_mux_put_open(b, 1, &o));
  return base_buf_span(b);
}

/* The gateway's HELLO, then the STATUS of a call that cannot be: proof that a message went all the way. */
static void expect_status(struct fixture *f, const char *reason) {
  static struct reply r;
  CHECK_MSG(hear(f, &r) && r.first == (FIN | BINARY) && r.payload[0] == WIRE_MUX_HELLO, "%s", reason);
  size_t hello = WIRE_MUX_HEAD + (size_t)(r.payload[6] << 16 | r.payload[7] << 8 | r.payload[8]);
  if (r.n == hello) {
    CHECK_MSG(hear(f, &r), "%s", reason);
    hello = 0;
  }
  CHECK_MSG(r.payload[hello] == WIRE_MUX_STATUS, "%s: frame %d", reason, r.payload[hello]);
}

static void messages_arrive_however_they_are_cut(void) {
  for (int way = 0; way < 4; way++) {
    static const char *const ways[] = {"whole", "byte by byte", "in fragments", "in fragments with a ping between"};
    struct fixture f;
    base_buf b;
    static uint8_t out[4096];
    setup(&f);
    base_span m = hello_and_bad_open(&b);
    if (way == 0) {
      tell(&f, FIN | BINARY, m);
    } else if (way == 1) {
      size_t n = frame(out, FIN | BINARY, m);
      for (size_t i = 0; i < n; i++) {
        CHECK(test_send(f.fd, out + i, 1));
      }
    } else {
      tell(&f, BINARY, base_span_of(m.p, 3));
      tell(&f, 0, base_span_of(m.p + 3, 4));
      if (way == 3) {
        tell(&f, FIN | PING, base_span_str("?"));
      }
      tell(&f, FIN | 0, base_span_of(m.p + 7, m.n - 7));
    }
    if (way == 3) {
      /* The pong comes when the ping does, before or behind the HELLO. */
      static struct reply r;
      CHECK(hear(&f, &r) && hear(&f, &r));
    } else {
      expect_status(&f, ways[way]);
    }
    base_buf_dispose(&b);
    teardown(&f);
  }
}

static void what_breaks_the_rules_is_closed_with_its_code(void) {
  static uint8_t big[65537];
  static const struct {
    uint8_t first;
    base_span payload;
    int code;
    const char *reason;
  } rows[] = {
      {FIN | TEXT, {(const uint8_t *)"hello", 5}, 1002, "a text message"},
      {FIN | TEXT, {(const uint8_t *)"\xff\xfe", 2}, 1007, "a text message that is no UTF-8"},
      {FIN | BINARY, {(const uint8_t *)"", 0}, 1002, "an empty message"},
      {FIN | BINARY, {(const uint8_t *)"\x10\0\0\0\0\x01\0\0\0", 9}, 1002, "an OPEN of no length"},
      {FIN | BINARY, {(const uint8_t *)"\x80\0\0\0\0\0\0\0\0", 9}, 4002, "no HELLO first"},
      {FIN | BINARY, {big, sizeof big}, 1009, "a message above 65,536 bytes"},
      {FIN | 0, {(const uint8_t *)"x", 1}, 1002, "a continuation of nothing"},
      {FIN | 3, {(const uint8_t *)"x", 1}, 1002, "an unknown opcode"},
      {FIN | 0x40 | BINARY, {(const uint8_t *)"x", 1}, 1002, "a reserved bit"},
      {PING, {(const uint8_t *)"x", 1}, 1002, "a fragmented ping"},
      {FIN | PING, {big, 126}, 1002, "a long ping"},
      {FIN | CLOSE, {(const uint8_t *)"\x03", 1}, 1002, "a close frame with half a code"},
      {FIN | CLOSE, {(const uint8_t *)"\x03\xe8", 2}, 1000, "an ordinary close is answered"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fixture f;
    setup(&f);
    tell(&f, rows[i].first, rows[i].payload);
    int code = hear_close(&f);
    CHECK_MSG(code == rows[i].code, "%s: %d", rows[i].reason, code);
    teardown(&f);
  }
}

static void unmasked_frames_are_refused(void) {
  struct fixture f;
  setup(&f);
  CHECK(test_send(f.fd, "\x82\x01x", 3));
  CHECK_INT(hear_close(&f), 1002);
  teardown(&f);
}

static void pings_are_answered(void) {
  static struct reply r;
  struct fixture f;
  setup(&f);
  tell(&f, FIN | PING, base_span_str("are you there"));
  do {
    CHECK(hear(&f, &r));
  } while (r.first == (FIN | BINARY));
  CHECK_INT(r.first, FIN | PONG);
  CHECK(base_span_is(base_span_of(r.payload, r.n), "are you there"));
  teardown(&f);
}

static void a_lost_peer_frees_its_socket(void) {
  struct fixture f;
  setup(&f);
  tell(&f, BINARY, base_span_str("half a mess"));
  test_abort(f.fd);
  f.fd = -1;
  CHECK(test_wait(&f.accepted, 1));
  test_loop_end(&f.loop);
  CHECK_INT(gw_ws_hub_count(f.hub), 0);
  gw_ws_hub_free(f.hub);
  gw_fake_dispose(&f.up);
}

TEST_MAIN(TEST(messages_arrive_however_they_are_cut), TEST(what_breaks_the_rules_is_closed_with_its_code),
          TEST(unmasked_frames_are_refused), TEST(pings_are_answered), TEST(a_lost_peer_frees_its_socket))
