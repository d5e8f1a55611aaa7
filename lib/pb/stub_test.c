/* Generated client calls over a channel that only writes down what it is asked, so that each callback can be played by hand. */
#include <stdlib.h>

#include "base/test.h"
#include "pb/message.h"
#include "ponte/test/v1/echo.ponte.h"

typedef Ponte__Test__V1__Payload payload;

static struct {
  ponte_channel channel;
  ponte_call call;
  ponte_call_events events;
  void *ctx;
  const char *path;
  int starts, sends, half_closes, cancels;
  size_t last_bytes;
  bool refuse_start, refuse_send;
} fake;

static base_err fake_start(ponte_channel *ch, const char *path, const ponte_call_options *options,
                           const ponte_call_events *events, void *ctx, ponte_call **out) {
  (void)options;
  if (fake.refuse_start) {
    return base_fail(BASE_E_UNAVAILABLE);
  }
  fake.call.channel = ch;
  fake.events = *events;
  fake.ctx = ctx;
  fake.path = path;
  fake.starts++;
  *out = &fake.call;
  return BASE_OK;
}
static base_err fake_send(ponte_call *call, base_span message) {
  (void)call;
  fake.last_bytes = message.n;
  fake.sends++;
  return fake.refuse_send ? base_fail(BASE_E_NO_MEMORY) : BASE_OK;
}
static void fake_half_close(ponte_call *call) {
  (void)call;
  fake.half_closes++;
}
static void fake_cancel(ponte_call *call) {
  (void)call;
  fake.cancels++;
}
static const ponte_channel_vt vt = {
    .start = fake_start, .send = fake_send, .half_close = fake_half_close, .cancel = fake_cancel};

static void reset(void) {
  memset(&fake, 0, sizeof fake);
  fake.channel.vt = &vt;
}

static void play_message(const char *bytes, size_t n) {
  fake.events.on_message(fake.ctx, &fake.call, base_span_of(bytes, n));
}
static void play_status(int code) {
  wire_status s;
  wire_status_init(&s);
  wire_status_set(&s, code, "%s", "played");
  fake.events.on_status(fake.ctx, &fake.call, &s);
  wire_status_dispose(&s);
}

struct seen {
  int headers, messages, replies, ended, code, writable;
  char text[16];
};

static void on_headers(void *ctx, ponte_call *call, const wire_metadata *headers) {
  (void)call;
  (void)headers;
  ((struct seen *)ctx)->headers++;
}
static void on_message(void *ctx, ponte_call *call, const payload *m) {
  struct seen *s = ctx;
  CHECK(call == &fake.call);
  s->messages++;
  snprintf(s->text, sizeof s->text, "%s", m->text);
}
static void on_writable(void *ctx, ponte_call *call) {
  (void)call;
  ((struct seen *)ctx)->writable++;
}
static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  struct seen *s = ctx;
  (void)call;
  s->ended++;
  s->code = status->code;
}
static void on_reply(void *ctx, ponte_call *call, const payload *reply, const wire_status *status) {
  struct seen *s = ctx;
  s->replies += reply != NULL;
  if (reply) {
    snprintf(s->text, sizeof s->text, "%s", reply->text);
  }
  on_status(ctx, call, status);
}
static const ponte_test_v1_echo_unary_echo_events unary = {on_headers, on_reply};
static const ponte_test_v1_echo_chat_events chat = {on_headers, on_writable, on_message, on_status};

static base_err start_unary(struct seen *s) {
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  ponte_call *call = NULL;
  *s = (struct seen){0};
  return ponte_test_v1_echo_unary_echo(&fake.channel, NULL, &p, &unary, s, &call);
}

static const struct {
  const char *reason;
  int messages; /* replies played */
  const char *bytes;
  size_t n;
  int status, want_code, want_replies, want_cancels;
} unary_rows[] = {
    {"one reply", 1, "\x0a\x02hi", 4, 0, 0, 1, 0},
    {"an empty reply is one", 1, "", 0, 0, 0, 1, 0},
    {"an error", 0, NULL, 0, 5, 5, 0, 0},
    {"a reply, then an error", 1, "\x0a\x02hi", 4, 13, 13, 0, 0},
    {"OK without a reply", 0, NULL, 0, 0, 13, 0, 0},
    {"two replies", 2, "\x0a\x02hi", 4, 0, 13, 0, 1},
    {"a reply that is garbage", 1, "\xff", 1, 1, 13, 0, 1},
    {"a reply that is not UTF-8", 1, "\x0a\x01\xff", 3, 1, 13, 0, 1},
};

static void test_unary(void) {
  for (size_t i = 0; i < sizeof unary_rows / sizeof *unary_rows; i++) {
    struct seen s;
    reset();
    CHECK_OK(start_unary(&s));
    CHECK_STR(fake.path, "/ponte.test.v1.EchoService/UnaryEcho");
    CHECK_INT(fake.sends, 1);
    CHECK_INT(fake.half_closes, 1);
    for (int k = 0; k < unary_rows[i].messages; k++) {
      play_message(unary_rows[i].bytes, unary_rows[i].n);
    }
    CHECK_INT(s.ended, 0);
    play_status(unary_rows[i].status);
    CHECK_INT(s.ended, 1);
    CHECK_MSG(s.code == unary_rows[i].want_code, "%s: %d", unary_rows[i].reason, s.code);
    CHECK_MSG(s.replies == unary_rows[i].want_replies, "%s", unary_rows[i].reason);
    CHECK_MSG(fake.cancels == unary_rows[i].want_cancels, "%s", unary_rows[i].reason);
  }
}

static void test_stream(void) {
  struct seen s = {0};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  wire_metadata none;
  wire_metadata_init(&none);
  reset();
  CHECK_OK(ponte_test_v1_echo_chat(&fake.channel, NULL, &chat, &s, &call));
  CHECK_INT(fake.sends, 0);
  CHECK_INT(fake.half_closes, 0);
  p.text = (char[]){"abc"};
  CHECK_OK(ponte_test_v1_echo_chat_send(call, &p));
  CHECK_INT(fake.last_bytes, 5);
  fake.events.on_headers(fake.ctx, call, &none);
  fake.events.on_writable(fake.ctx, call);
  play_message("\x0a\x01"
               "1",
               3);
  play_message("\x0a\x01"
               "2",
               3);
  CHECK_INT(s.messages, 2);
  CHECK_STR(s.text, "2");
  play_message("\x0a\x01\xff", 3);
  CHECK_INT(fake.cancels, 1);
  play_message("\x0a\x01"
               "3",
               3); /* what was under way after the bad one is not delivered */
  CHECK_INT(s.messages, 2);
  play_status(1);
  CHECK_INT(s.code, 13);
  CHECK_INT(s.headers, 1);
  CHECK_INT(s.writable, 1);
  CHECK_INT(s.ended, 1);
}

static base_err fake_start_one(ponte_channel *ch, const char *path, const ponte_call_options *options,
                               base_span message, const ponte_call_events *events, void *ctx, ponte_call **out) {
  fake.last_bytes = message.n;
  fake.half_closes++;
  return fake_start(ch, path, options, events, ctx, out);
}

/* A channel that can open, send and half-close in one is asked for it, and for nothing else. */
static void test_start_in_one(void) {
  static const ponte_channel_vt in_one = {.start_one = fake_start_one};
  struct seen s;
  reset();
  fake.channel.vt = &in_one;
  CHECK_OK(start_unary(&s));
  CHECK_INT(fake.half_closes, 1);
  CHECK_INT(fake.sends, 0);
  play_message("\x0a\x02hi", 4);
  play_status(0);
  CHECK_INT(s.replies, 1);
  CHECK_STR(s.text, "hi");
  fake.refuse_start = true;
  CHECK_ERR(start_unary(&s), BASE_E_UNAVAILABLE);
  CHECK_INT(s.ended, 0);
}

static void test_failures_at_start(void) {
  struct seen s;
  reset();
  fake.refuse_start = true;
  CHECK_ERR(start_unary(&s), BASE_E_UNAVAILABLE);
  reset();
  fake.refuse_send = true;
  CHECK_ERR(start_unary(&s), BASE_E_NO_MEMORY);
  CHECK_INT(fake.cancels, 1);
  play_message("\x0a\x01z", 3);
  play_status(1); /* the channel still ends the call; the caller, who got the error, hears nothing */
  CHECK_INT(s.ended, 0);
}

TEST_MAIN(TEST(test_unary), TEST(test_stream), TEST(test_start_in_one), TEST(test_failures_at_start))
