#include "gateway/ws/single_session.h"

#include <stdlib.h>

#include "base/test.h"
#include "gateway/upstream/fake.h"
#include "wire/frame.h"

enum { MESSAGES = 64, WINDOW = 65536 };
#define HEAD "content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n"

struct client {
  gw_fake up;
  gw_gate gate;
  gw_single *session;
  base_buf messages[MESSAGES]; /* what came, each on its own */
  int count, closes, close_code, pings, pauses;
  size_t queued;
  bool paused;
};

static void on_send(void *ctx, base_span message) {
  struct client *c = ctx;
  CHECK(c->closes == 0);
  if (c->count < MESSAGES) {
    base_buf_init(&c->messages[c->count], 1 << 24);
    CHECK_OK(base_buf_append(&c->messages[c->count], message));
    c->count++;
  }
}
static size_t on_queued(void *ctx) { return ((struct client *)ctx)->queued; }
static void on_want_flush(void *ctx) { (void)ctx; }
static void on_close(void *ctx, int code, const char *reason) {
  struct client *c = ctx;
  CHECK(reason != NULL);
  c->closes++;
  c->close_code = code;
}
static void on_pause(void *ctx, bool paused) {
  struct client *c = ctx;
  CHECK(c->paused != paused);
  c->paused = paused;
  c->pauses += paused;
}
static void on_ping(void *ctx) { ((struct client *)ctx)->pings++; }
static const gw_ws_sink sink = {on_send, on_queued, on_want_flush, on_close, on_pause, on_ping};

static void begin(struct client *c, const char *path) {
  memset(c, 0, sizeof *c);
  gw_fake_init(&c->up);
  c->gate = (gw_gate){.upstream = &c->up.base};
  const gw_single_options options = {.path = base_span_str(path)};
  CHECK_OK(gw_single_new(&options, &c->gate, &sink, c, 0, &c->session));
}

static void end(struct client *c) {
  gw_single_vt.free(c->session);
  gw_fake_dispose(&c->up);
  for (int i = 0; i < c->count; i++) {
    base_buf_dispose(&c->messages[i]);
  }
}

/* From an exact-size copy, so that a sanitizer sees a byte read past the end. */
static void piece(struct client *c, base_span bytes, bool first, bool last) {
  uint8_t *copy = malloc(bytes.n ? bytes.n : 1);
  if (copy == NULL) {
    abort();
  }
  if (bytes.n > 0) {
    memcpy(copy, bytes.p, bytes.n);
  }
  gw_single_vt.receive(c->session, base_span_of(copy, bytes.n), first, last, 0);
  free(copy);
}
static void tell(struct client *c, const char *bytes, size_t n) { piece(c, base_span_of(bytes, n), true, true); }
#define TELL(c, text) tell(c, text, sizeof(text) - 1)

static gw_fake_call *opened(struct client *c) {
  begin(c, "/pkg.Service/Method");
  TELL(c, HEAD);
  CHECK(c->up.calls != NULL);
  return c->up.calls;
}

/* A frame of header lines: "headers" or trailers. */
static bool is_block(const struct client *c, int i, const char *text) {
  base_span m = i < c->count ? base_buf_span(&c->messages[i]) : base_span_of(NULL, 0);
  if (m.n < WIRE_FRAME_HEAD || m.p[0] != WIRE_FRAME_TRAILERS || m.p[4] != (uint8_t)(m.n - WIRE_FRAME_HEAD)) {
    return false;
  }
  return base_span_is(base_span_of(m.p + WIRE_FRAME_HEAD, m.n - WIRE_FRAME_HEAD), text);
}

static void carries_a_call(void) {
  struct client c;
  gw_fake_call *call = opened(&c);
  REQUIRE(call);
  CHECK_STR(call->path, "/pkg.Service/Method");
  TELL(&c, "\0\0\0\0\0\x02hi");
  CHECK(base_span_is(base_buf_span(&call->written), "") == false && base_buf_size(&call->written) == 7);
  CHECK(!call->ended);
  TELL(&c, "\x01");
  CHECK(call->ended);
  gw_fake_headers(call, "k", "v");
  gw_fake_data(call, base_span_of("\0\0\0\0\x03"
                                  "you",
                                  8));
  CHECK_INT(c.closes, 0);
  gw_fake_status(call, 0, "");
  CHECK_INT(c.count, 3);
  CHECK(is_block(&c, 0, "k: v\r\n"));
  CHECK_INT(base_buf_size(&c.messages[1]), 8);
  CHECK(is_block(&c, 2, "grpc-status: 0\r\n"));
  CHECK_INT(c.closes, 1);
  CHECK_INT(c.close_code, 1000);
  end(&c);
}

/* improbable's client takes the first block for headers whatever is in it, so an empty one comes first. */
static void a_status_alone_has_headers_too(void) {
  struct client c;
  gw_fake_call *call = opened(&c);
  REQUIRE(call);
  gw_fake_status(call, 5, "no such thing, 100%");
  CHECK_INT(c.count, 2);
  CHECK(is_block(&c, 0, ""));
  CHECK(is_block(&c, 1, "grpc-status: 5\r\ngrpc-message: no such thing, 100%25\r\n"));
  CHECK_INT(c.close_code, 1000);
  end(&c);
}

static void messages_and_frames_need_not_meet(void) {
  static const char two[] = "\0\0\0\0\0\x01"
                            "a\0\0\0\0\x01"
                            "b"; /* two gRPC messages in one, behind the kind */
  struct client c;
  gw_fake_call *call = opened(&c);
  REQUIRE(call);
  tell(&c, two, sizeof two - 1);
  CHECK_INT(base_buf_size(&call->written), 12);
  TELL(&c, "\0\0\0\0"); /* one gRPC message over three, the last in fragments */
  TELL(&c, "\0\0\x04"
           "ab");
  piece(&c, base_span_of("\0", 1), true, false);
  piece(&c, base_span_of("c", 1), false, false);
  piece(&c, base_span_of("d", 1), false, true);
  CHECK_INT(base_buf_size(&call->written), 21);
  CHECK(base_span_ends(base_buf_span(&call->written), "abcd"));
  TELL(&c, "\x01");
  CHECK(call->ended);
  CHECK_INT(c.closes, 0);
  end(&c);
}

static void metadata_pass_as_in_grpc_web(void) {
  struct client c;
  base_span value;
  begin(&c, "/pkg.Service/Method");
  TELL(&c, HEAD "Authorization: Bearer t\r\n"
                "x-trace-bin: AAE, Ag==\r\n" /* improbable joins values with a comma and a blank */
                "x-two: a, b\r\n"
                "grpc-timeout: 1500m\r\n"
                "x-ponte-subject: root\r\n"
                "origin: https://a.example\n"
                "last:line without an end");
  gw_fake_call *call = c.up.calls;
  REQUIRE(call);
  CHECK_INT(call->timeout_ms, 1500);
  CHECK(wire_metadata_get(&call->metadata, "authorization", &value) && base_span_is(value, "Bearer t"));
  CHECK(wire_metadata_get(&call->metadata, "x-two", &value) && base_span_is(value, "a, b"));
  CHECK(wire_metadata_get(&call->metadata, "last", &value) && base_span_is(value, "line without an end"));
  CHECK(wire_metadata_get(&call->metadata, "x-trace-bin", &value) && value.n == 2 && value.p[1] == 1);
  CHECK(!wire_metadata_get(&call->metadata, "x-ponte-subject", &value));
  CHECK(!wire_metadata_get(&call->metadata, "content-type", &value));
  CHECK(!wire_metadata_get(&call->metadata, "origin", &value));
  end(&c);
}

/* Clients can show a status and nothing else, so what is wrong with a call comes as one. */
static void bad_heads_get_a_status(void) {
  static char big[40000];
  memset(big, 'x', sizeof big - 1);
  big[0] = 'k';
  big[1] = ':';
  static const struct {
    const char *path, *head;
    const char *status;
    const char *reason;
  } rows[] = {
      {"/pkg.S/M", "no colon\r\n", "grpc-status: 3\r\n", "a line without a colon"},
      {"/pkg.S/M", ": value\r\n", "grpc-status: 3\r\n", "a line without a name"},
      {"/pkg.S/M", "k y: v\r\n", "grpc-status: 3\r\n", "a blank in a name"},
      {"/pkg.S/M", "k: \x01\r\n", "grpc-status: 3\r\n", "a control byte"},
      {"/pkg.S/M", "k-bin: ***\r\n", "grpc-status: 3\r\n", "no base64"},
      {"/pkg.S/M", "grpc-timeout: soon\r\n", "grpc-status: 3\r\n", "no timeout"},
      {"/pkg.S/M", "grpc-timeout: 0m\r\n", "grpc-status: 4\r\n", "a deadline that has passed"},
      {"/pkg.S/M", "content-type: application/grpc-web-text\r\n", "grpc-status: 12\r\n", "the text form"},
      {"/pkg.S/M", big, "grpc-status: 8\r\n", "too much"},
      {"/", HEAD, "grpc-status: 12\r\n", "no method"},
      {"/pkg.S/M?token=x", HEAD, "grpc-status: 12\r\n", "a query"},
      {"/pkg.S", HEAD, "grpc-status: 12\r\n", "half a method"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct client c;
    begin(&c, rows[i].path);
    tell(&c, rows[i].head, strlen(rows[i].head));
    CHECK_MSG(c.up.calls == NULL && c.count == 2 && is_block(&c, 0, ""), "%s", rows[i].reason);
    base_span status = base_span_of(base_buf_span(&c.messages[1]).p + WIRE_FRAME_HEAD,
                                    base_buf_size(&c.messages[1]) - WIRE_FRAME_HEAD);
    CHECK_MSG(base_span_starts(status, rows[i].status), "%s: %.*s", rows[i].reason, BASE_SPAN_ARG(status));
    CHECK_MSG(c.closes == 1 && c.close_code == 1000, "%s", rows[i].reason);
    TELL(&c, HEAD); /* in flight */
    CHECK_MSG(c.count == 2, "%s", rows[i].reason);
    end(&c);
  }
}

static void bad_messages_close(void) {
  static const struct {
    const char *bytes;
    size_t n;
    const char *reason;
  } rows[] = {
      {"", 0, "an empty message"},
      {"\x02", 1, "a kind there is not"},
      {"\x01\0", 2, "a finish with more behind it"},
      {"\x80\0\0\0\0", 5, "a frame without a kind"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct client c;
    CHECK(opened(&c) != NULL);
    tell(&c, rows[i].bytes, rows[i].n);
    CHECK_MSG(c.closes == 1 && c.close_code == 1002, "%s: %d", rows[i].reason, c.close_code);
    gw_fake_end_cancelled(&c.up);
    CHECK_MSG(c.up.calls == NULL, "%s: the call goes on", rows[i].reason);
    end(&c);
  }
}

static void bad_framing_is_the_calls_end(void) {
  struct client c;
  CHECK(opened(&c) != NULL);
  TELL(&c, "\0\0\xff\xff\xff\xff"); /* a message of 4 GiB */
  gw_fake_end_cancelled(&c.up);
  CHECK_INT(c.count, 2);
  CHECK(c.count == 2 && base_span_starts(base_span_of(base_buf_span(&c.messages[1]).p + 5, 20), "grpc-status: 8\r\n"));
  CHECK_INT(c.close_code, 1000);
  end(&c);
}

static void after_the_finish_nothing_counts(void) {
  struct client c;
  gw_fake_call *call = opened(&c);
  REQUIRE(call);
  TELL(&c, "\x01");
  TELL(&c, "\x01");
  TELL(&c, "\0\0\0\0\0\0");
  TELL(&c, "what");
  CHECK_INT(base_buf_size(&call->written), 0);
  CHECK_INT(c.closes, 0);
  end(&c);
}

static void an_answer_cut_inside_a_message_has_no_trailers(void) {
  struct client c;
  gw_fake_call *call = opened(&c);
  REQUIRE(call);
  gw_fake_data(call, base_span_of("\0\0\0\0\x05"
                                  "cut",
                                  8));
  gw_fake_status(call, 14, "gone");
  CHECK_INT(c.count, 2);
  CHECK_INT(c.close_code, 1011);
  end(&c);
}

static void put_message(struct client *c, size_t n) {
  base_buf b;
  uint8_t *room = NULL;
  const uint8_t head[6] = {0, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
  base_buf_init(&b, 1 << 24);
  CHECK_OK(base_buf_append(&b, base_span_of(head, sizeof head)));
  CHECK_OK(base_buf_reserve(&b, n, &room));
  memset(room, 'x', n);
  base_buf_commit(&b, n);
  piece(c, base_buf_span(&b), true, true);
  base_buf_dispose(&b);
}

static void reading_stops_while_the_service_does_not_take(void) {
  struct client c;
  gw_fake_call *call = opened(&c);
  REQUIRE(call);
  put_message(&c, 1000);
  CHECK(!c.paused);
  for (int i = 0; i < 2; i++) {
    put_message(&c, WINDOW / 2);
  }
  CHECK(c.paused);
  gw_fake_take(call);
  CHECK(!c.paused);
  CHECK_INT(c.pauses, 1);
  end(&c);
}

/* A message longer than the window, with none complete before it, must go on being read, or it would never become complete. */
static void a_long_message_is_read_to_its_end(void) {
  struct client c;
  gw_fake_call *call = opened(&c);
  REQUIRE(call);
  static uint8_t first[WINDOW] = {0, 0, 0, 0x10, 0, 0}; /* of 1 MiB */
  static uint8_t more[WINDOW];
  piece(&c, base_span_of(first, sizeof first), true, false);
  for (int i = 0; i < 14; i++) {
    piece(&c, base_span_of(more, sizeof more), false, false);
  }
  CHECK(!c.paused);
  end(&c);
}

static void the_service_is_asked_for_a_window(void) {
  static uint8_t bytes[WINDOW];
  struct client c;
  gw_fake_call *call = opened(&c);
  REQUIRE(call);
  CHECK_INT(call->credit, WINDOW);
  c.queued = WINDOW; /* nothing but what waits for the end of the turn: writable() would never come */
  gw_fake_data(call, base_span_of(bytes, sizeof bytes));
  CHECK_INT(call->credit, WINDOW);
  c.queued = 4 * WINDOW;
  gw_fake_data(call, base_span_of(bytes, sizeof bytes));
  CHECK_INT(call->credit, 0);
  gw_single_vt.writable(c.session);
  CHECK_INT(call->credit, 0);
  c.queued = 0;
  gw_single_vt.writable(c.session);
  CHECK_INT(call->credit, WINDOW);
  end(&c);
}

static void time_has_its_say(void) {
  struct client c;
  begin(&c, "/pkg.S/M");
  CHECK_INT(gw_single_vt.next_due_ms(c.session), 5000);
  gw_single_vt.on_time(c.session, 4999);
  CHECK_INT(c.closes, 0);
  gw_single_vt.on_time(c.session, 5000);
  CHECK_INT(c.close_code, 4002);
  end(&c);

  CHECK(opened(&c) != NULL);
  CHECK(gw_single_vt.is_busy(c.session));
  gw_single_vt.on_time(c.session, 10000);
  CHECK_INT(c.pings, 1);
  gw_single_vt.on_time(c.session, 10001);
  CHECK_INT(c.pings, 1);
  gw_single_vt.heard(c.session, 10100);
  gw_single_vt.on_time(c.session, 20100);
  CHECK_INT(c.pings, 2);
  gw_single_vt.on_time(c.session, 40099);
  CHECK_INT(c.closes, 0);
  gw_single_vt.on_time(c.session, 40100);
  CHECK_INT(c.closes, 1);
  CHECK(!gw_single_vt.is_busy(c.session));
  CHECK_INT(gw_single_vt.next_due_ms(c.session), INT64_MAX);
  end(&c);
}

static void a_drain_ends_with_a_status(void) {
  struct client c;
  CHECK(opened(&c) != NULL);
  gw_single_vt.drain(c.session, 0, 1000);
  gw_single_vt.drain(c.session, 0, 500);
  gw_single_vt.drain(c.session, 0, 2000);
  CHECK_INT(gw_single_vt.next_due_ms(c.session), 500);
  gw_single_vt.on_time(c.session, 499);
  CHECK_INT(c.count, 0);
  gw_single_vt.on_time(c.session, 500);
  CHECK_INT(c.count, 2);
  CHECK(c.count == 2 && base_span_starts(base_span_of(base_buf_span(&c.messages[1]).p + 5, 20), "grpc-status: 14\r\n"));
  CHECK_INT(c.close_code, 1000);
  end(&c);

  begin(&c, "/pkg.S/M");
  gw_single_vt.drain(c.session, 0, 1000); /* the client cannot know, and has the grace time */
  TELL(&c, HEAD);
  CHECK(c.up.calls != NULL && c.count == 0);
  end(&c);
}

TEST_MAIN(TEST(carries_a_call), TEST(a_status_alone_has_headers_too), TEST(messages_and_frames_need_not_meet),
          TEST(metadata_pass_as_in_grpc_web), TEST(bad_heads_get_a_status), TEST(bad_messages_close),
          TEST(bad_framing_is_the_calls_end), TEST(after_the_finish_nothing_counts),
          TEST(an_answer_cut_inside_a_message_has_no_trailers), TEST(reading_stops_while_the_service_does_not_take),
          TEST(a_long_message_is_read_to_its_end), TEST(the_service_is_asked_for_a_window), TEST(time_has_its_say),
          TEST(a_drain_ends_with_a_status))
