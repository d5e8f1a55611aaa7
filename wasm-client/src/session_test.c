#include "wc/session.h"

#include <stdlib.h>

#include "base/test.h"
#include "wc/fake/fake_gateway.h"
#include "wire/frame.h"

/* One call as the application sees it. */
typedef struct {
  ponte_call *call; /* NULL after the status */
  int headers, messages, writables, statuses, code;
  char text[256]; /* the messages, joined */
  bool pause_on_message, cancel_on_message;
} probe;

static void on_headers(void *ctx, ponte_call *call, const wire_metadata *m) {
  (void)call;
  ((probe *)ctx)->headers += m->count == 1;
}
static void on_message(void *ctx, ponte_call *call, base_span message) {
  probe *p = ctx;
  p->messages++;
  size_t n = strlen(p->text);
  snprintf(p->text + n, sizeof p->text - n, "%.*s,", BASE_SPAN_ARG(message));
  if (p->pause_on_message) ponte_call_pause(call, true);
  if (p->cancel_on_message) ponte_call_cancel(call);
}
static void on_writable(void *ctx, ponte_call *call) {
  (void)call;
  ((probe *)ctx)->writables++;
}
static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  probe *p = ctx;
  CHECK(call == p->call);
  p->call = NULL;
  p->statuses++;
  p->code = status->code;
}
static const ponte_call_events probe_events = {on_headers, on_message, on_writable, on_status};

typedef struct {
  fake_gateway gw;
  wc_session *session;
  enum wc_session_state states[64];
  int state_count, last_code;
} bench;

static void on_state(void *ctx, enum wc_session_state state, int code) {
  bench *b = ctx;
  if (b->state_count < 64) b->states[b->state_count++] = state;
  b->last_code = code;
}

static void bench_open(bench *b, wc_session_options o) {
  *b = (bench){0};
  fake_gateway_init(&b->gw, 7);
  o.url = "ws://test/ponte.v1";
  o.on_state = on_state;
  o.ctx = b;
  CHECK_OK(wc_session_new(&b->gw.plat.base, &o, &b->session));
}

static void bench_close(bench *b) {
  wc_session_free(b->session);
  fake_gateway_dispose(&b->gw);
}

static void start(bench *b, probe *p, int64_t timeout_ms) {
  ponte_call_options o = {.timeout_ms = timeout_ms};
  CHECK_OK(ponte_call_start(wc_session_channel(b->session), "/p.S/M", &o, &probe_events, p, &p->call));
}
static void say(probe *p, const char *text) { CHECK_OK(ponte_call_send(p->call, base_span_str(text))); }

static void test_all_frames_of_a_call(void) {
  bench b;
  bench_open(&b, (wc_session_options){.token = "secret"});
  probe p = {0};
  start(&b, &p, 0);
  say(&p, "one");
  say(&p, "two");
  ponte_call_half_close(p.call);
  CHECK_ERR(ponte_call_send(p.call, base_span_str("late")), BASE_E_PRECONDITION);
  CHECK_INT(p.statuses, 0);
  fake_run(&b.gw.plat, 20);
  CHECK_STR(fake_gateway_log(&b.gw), "HELLO; OPEN 1 /p.S/M; DATA 1 16 END");
  fake_gateway_headers(b.gw.socket, 1);
  fake_gateway_message(b.gw.socket, 1, base_span_str("yes"));
  fake_gateway_message(b.gw.socket, 1, base_span_str(""));
  fake_gateway_status(b.gw.socket, 1, 0, "");
  fake_gateway_status(b.gw.socket, 1, 5, "for a closed id: ignored");
  fake_run(&b.gw.plat, 20);
  CHECK_INT(p.headers, 1);
  CHECK_STR(p.text, "yes,,");
  CHECK_INT(p.statuses, 1);
  CHECK_INT(p.code, 0);
  CHECK_INT(b.states[b.state_count - 1], WC_SESSION_OPEN);
  probe q = {0};
  start(&b, &q, 0);
  fake_run(&b.gw.plat, 20);
  CHECK_STR(fake_gateway_log(&b.gw), "OPEN 2 /p.S/M");
  bench_close(&b);
  CHECK_INT(q.statuses, 1); /* freeing the session ends its calls */
  CHECK_INT(q.code, 1);
}

static void test_data_waits_for_hello(void) {
  bench b;
  bench_open(&b, (wc_session_options){0});
  b.gw.quiet = true;
  probe p = {0};
  start(&b, &p, 0);
  say(&p, "x");
  fake_run(&b.gw.plat, 50);
  CHECK_STR(fake_gateway_log(&b.gw), "HELLO; OPEN 1 /p.S/M");
  fake_gateway_hello(&b.gw, b.gw.socket);
  fake_run(&b.gw.plat, 50);
  CHECK_STR(fake_gateway_log(&b.gw), "DATA 1 6");
  bench_close(&b);
}

static void test_send_credit(void) {
  bench b;
  bench_open(&b, (wc_session_options){0});
  b.gw.call_credit = 10;
  probe p = {0};
  start(&b, &p, 0);
  static char big[PONTE_CALL_WRITABLE_LOW + 20];
  memset(big, 'a', sizeof big);
  CHECK_OK(ponte_call_send(p.call, base_span_of(big, sizeof big)));
  ponte_call_half_close(p.call);
  fake_run(&b.gw.plat, 50);
  CHECK_STR(fake_gateway_log(&b.gw), "HELLO; OPEN 1 /p.S/M; DATA 1 10");
  CHECK_INT(ponte_call_queued(p.call), sizeof big + 5 - 10);
  CHECK_INT(p.writables, 0);
  fake_gateway_credit(b.gw.socket, 1, 20);
  fake_run(&b.gw.plat, 50);
  CHECK_INT(p.writables, 1);
  CHECK_STR(fake_gateway_log(&b.gw), "DATA 1 20");
  fake_gateway_credit(b.gw.socket, 1, 1 << 20);
  fake_run(&b.gw.plat, 50);
  /* No WebSocket message is larger than 64 KiB: the rest takes two. */
  CHECK_STR(fake_gateway_log(&b.gw), "DATA 1 65527; DATA 1 4 END");
  CHECK_INT(p.writables, 1);
  CHECK_INT(ponte_call_queued(p.call), 0);
  bench_close(&b);
}

static void test_receive_credit_and_pause(void) {
  bench b;
  bench_open(&b, (wc_session_options){.call_credit = 40});
  probe p = {.pause_on_message = true};
  start(&b, &p, 0);
  fake_run(&b.gw.plat, 20);
  fake_gateway_log(&b.gw);
  for (int i = 0; i < 4; i++)
    fake_gateway_message(b.gw.socket, 1, base_span_str("12345")); /* 10 bytes each: all the credit */
  fake_gateway_status(b.gw.socket, 1, 0, "");
  fake_run(&b.gw.plat, 20);
  CHECK_INT(p.messages, 1);
  CHECK_INT(p.statuses, 0);
  CHECK_STR(fake_gateway_log(&b.gw), "");
  p.pause_on_message = false;
  ponte_call_pause(p.call, false);
  CHECK_INT(p.messages, 1); /* never from inside the call */
  fake_run(&b.gw.plat, 20);
  CHECK_INT(p.messages, 4);
  CHECK_INT(p.statuses, 1);
  bench_close(&b);

  bench_open(&b, (wc_session_options){.call_credit = 40});
  p = (probe){0};
  start(&b, &p, 0);
  fake_run(&b.gw.plat, 20);
  fake_gateway_log(&b.gw);
  for (int i = 0; i < 100; i++) {
    fake_gateway_message(b.gw.socket, 1, base_span_str("12345"));
    fake_run(&b.gw.plat, 20);
  }
  CHECK_INT(p.messages, 100);
  CHECK(strncmp(fake_gateway_log(&b.gw), "CREDIT 1; CREDIT 1; ", 20) == 0);
  fake_gateway_data(b.gw.socket, 1, base_span_str("0123456789012345678901234567890123456789x"));
  fake_run(&b.gw.plat, 20);
  CHECK_INT(b.gw.socket->close_code, 4003);
  CHECK_INT(p.statuses, 1);
  CHECK_INT(wc_session_state(b.session), WC_SESSION_STOPPED);
  bench_close(&b);
}

/* A message larger than the credit must not wait for itself. */
static void test_message_larger_than_credit(void) {
  bench b;
  bench_open(&b, (wc_session_options){.call_credit = 16});
  probe p = {0};
  start(&b, &p, 0);
  fake_run(&b.gw.plat, 20);
  base_buf framed;
  base_buf_init(&framed, 4096);
  CHECK_OK(
      wire_frame_append(&framed, 0, base_span_str("a message of more than sixteen bytes, split into single ones")));
  for (size_t i = 0; i < base_buf_size(&framed); i++) {
    fake_gateway_data(b.gw.socket, 1, base_span_of(base_buf_span(&framed).p + i, 1));
    fake_run(&b.gw.plat, 5);
  }
  base_buf_dispose(&framed);
  CHECK_STR(p.text, "a message of more than sixteen bytes, split into single ones,");
  bench_close(&b);
}

/* The same conversation, cut after each frame in turn: always one status, and the next call works. */
static void test_cut_at_every_frame(void) {
  for (int cut = 1; cut <= 6; cut++) {
    bench b;
    bench_open(&b, (wc_session_options){0});
    b.gw.cut_after = cut;
    probe p = {0};
    start(&b, &p, 0);
    for (int i = 0; i < 5; i++) {
      if (p.call) say(&p, "0123456789");
      fake_run(&b.gw.plat, 10);
    }
    fake_run(&b.gw.plat, 20);
    CHECK_INT(p.statuses, 1);
    CHECK_INT(p.code, 14);
    probe q = {0};
    start(&b, &q, 0);
    fake_run(&b.gw.plat, 1000);
    CHECK_INT(b.gw.socket->number, 1);
    fake_gateway_status(b.gw.socket, 1, 0, "");
    fake_run(&b.gw.plat, 10);
    CHECK_INT(q.statuses, 1);
    CHECK_INT(q.code, 0);
    bench_close(&b);
  }
}

static void test_back_off(void) {
  bench b;
  bench_open(&b, (wc_session_options){0});
  b.gw.plat.refuse = true;
  int64_t longest = 0;
  for (int i = 0; i < 12; i++) {
    probe p = {0};
    int64_t before = b.gw.plat.now_ms;
    start(&b, &p, 0);
    while (p.call)
      fake_run(&b.gw.plat, 1);
    CHECK_INT(p.code, 14);
    if (b.gw.plat.now_ms - before > longest) longest = b.gw.plat.now_ms - before;
  }
  CHECK_INT(b.gw.plat.socket_count, 12);
  CHECK(longest > 1000 && longest <= 10010);
  b.gw.plat.refuse = false;
  probe p = {0};
  start(&b, &p, 0);
  fake_run(&b.gw.plat, 1);
  CHECK_INT(wc_session_state(b.session), WC_SESSION_WAITING);
  wc_session_retry_now(b.session);
  fake_run(&b.gw.plat, 5);
  CHECK_INT(wc_session_state(b.session), WC_SESSION_OPEN);
  CHECK_INT(p.statuses, 0);
  bench_close(&b);
}

static void test_drain(void) {
  bench b;
  bench_open(&b, (wc_session_options){0});
  probe kept = {0}, refused = {0}, later = {0};
  start(&b, &kept, 0);
  start(&b, &refused, 0);
  fake_run(&b.gw.plat, 20);
  wc_socket *old = b.gw.socket;
  fake_gateway_drain(old, 1, 5000);
  fake_run(&b.gw.plat, 20);
  CHECK_INT(refused.code, 14);
  CHECK_INT(kept.statuses, 0);
  start(&b, &later, 0);
  fake_run(&b.gw.plat, 20);
  CHECK_INT(b.gw.socket->number, 1);
  fake_gateway_message(old, 1, base_span_str("still"));
  fake_gateway_status(old, 1, 0, "");
  fake_run(&b.gw.plat, 20);
  CHECK_STR(kept.text, "still,");
  CHECK_INT(kept.code, 0);
  CHECK_INT(old->close_code, 1000);
  CHECK_INT(later.statuses, 0);
  fake_gateway_drain(b.gw.socket, 1, 100);
  fake_run(&b.gw.plat, 200);
  CHECK_INT(later.code, 14); /* the grace is over */
  bench_close(&b);
}

static void test_dead_peer_and_pings(void) {
  bench b;
  bench_open(&b, (wc_session_options){.ping_interval_ms = 1000});
  b.gw.ping_interval_ms = 400;
  probe p = {0};
  start(&b, &p, 0);
  fake_run(&b.gw.plat, 5000); /* silence, but pings are answered */
  CHECK_INT(p.statuses, 0);
  CHECK(strstr(fake_gateway_log(&b.gw), "PING; PING; PING") != NULL);
  b.gw.plat.on_client = NULL; /* the peer is gone without a trace */
  fake_run(&b.gw.plat, 3000);
  CHECK_INT(p.code, 14);
  bench_close(&b);

  bench_open(&b, (wc_session_options){.connect_timeout_ms = 500});
  b.gw.plat.mute = true;
  p = (probe){0};
  start(&b, &p, 0);
  fake_run(&b.gw.plat, 600);
  CHECK_INT(p.code, 14);
  bench_close(&b);
}

static void test_close_codes(void) {
  static const struct {
    int code, grpc;
    enum wc_session_state state;
  } rows[] = {{1000, 14, WC_SESSION_IDLE},    {1002, 13, WC_SESSION_STOPPED}, {1006, 14, WC_SESSION_IDLE},
              {1009, 13, WC_SESSION_STOPPED}, {1011, 14, WC_SESSION_IDLE},    {1013, 14, WC_SESSION_IDLE},
              {4001, 14, WC_SESSION_IDLE},    {4002, 13, WC_SESSION_STOPPED}, {4003, 13, WC_SESSION_STOPPED},
              {4004, 16, WC_SESSION_STOPPED}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bench b;
    bench_open(&b, (wc_session_options){0});
    probe p = {0}, q = {0};
    start(&b, &p, 0);
    fake_run(&b.gw.plat, 20);
    fake_close(b.gw.socket, rows[i].code);
    fake_run(&b.gw.plat, 20);
    CHECK_MSG(p.code == rows[i].grpc, "close code %d: %d", rows[i].code, p.code);
    CHECK_MSG(wc_session_state(b.session) == rows[i].state, "close code %d", rows[i].code);
    CHECK_INT(b.last_code, rows[i].code);
    CHECK_OK(wc_session_set_token(b.session, "new"));
    start(&b, &q, 0);
    fake_run(&b.gw.plat, 1000);
    bool again = rows[i].state == WC_SESSION_IDLE || rows[i].code == 4004;
    CHECK_MSG(q.statuses == !again, "close code %d", rows[i].code);
    bench_close(&b);
  }
}

static void test_bad_frames(void) {
  static const struct {
    const char *what;
    uint8_t bytes[24];
    size_t n;
    int close;
  } rows[] = {
      {"empty message", {0}, 0, 1002},
      {"cut head", {0x12, 0, 0}, 3, 1002},
      {"second HELLO", {1, 0, 0, 0, 0, 0, 0, 0, 19, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, 23, 1002},
      {"OPEN from the gateway", {0x10, 0, 0, 0, 0, 1, 0, 0, 6, 0, 0, 0, 0, 0, 0}, 15, 1002},
      {"DATA on call 0", {0x12, 0, 0, 0, 0, 0, 0, 0, 0}, 9, 1002},
      {"DATA on a call never opened", {0x12, 0, 0, 0, 0, 9, 0, 0, 0}, 9, 1002},
      {"CREDIT of 0", {0x15, 0, 0, 0, 0, 1, 0, 0, 4, 0, 0, 0, 0}, 13, 1002},
      {"CREDIT beyond 2^31-1", {0x15, 0, 0, 0, 0, 1, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff}, 13, 1002},
      {"unknown flag", {0x12, 2, 0, 0, 0, 1, 0, 0, 0}, 9, 1002},
      {"unknown type", {0x30, 0, 0, 0, 0, 1, 0, 0, 0}, 9, 1002},
      {"unknown type that may be ignored", {0x80, 0, 0, 0, 0, 1, 0, 0, 0}, 9, 0},
      {"CANCEL from the gateway", {0x14, 0, 0, 0, 0, 1, 0, 0, 0}, 9, 1002},
      {"two HEADERS", {0x11, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0x11, 0, 0, 0, 0, 1, 0, 0, 1, 0}, 20, 1002},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bench b;
    bench_open(&b, (wc_session_options){0});
    probe p = {0};
    start(&b, &p, 0);
    fake_run(&b.gw.plat, 20);
    fake_send(b.gw.socket, base_span_of(rows[i].bytes, rows[i].n));
    fake_run(&b.gw.plat, 20);
    CHECK_MSG(b.gw.socket->close_code == rows[i].close, "%s: %d", rows[i].what, b.gw.socket->close_code);
    CHECK_MSG(p.statuses == (rows[i].close != 0), "%s", rows[i].what);
    bench_close(&b);
  }
}

static void test_bad_hello(void) {
  bench b;
  bench_open(&b, (wc_session_options){0});
  b.gw.quiet = true;
  probe p = {0};
  start(&b, &p, 0);
  fake_run(&b.gw.plat, 20);
  fake_gateway_status(b.gw.socket, 1, 0, "");
  fake_run(&b.gw.plat, 20);
  CHECK_INT(b.gw.socket->close_code, 4002);
  CHECK_INT(p.code, 13);
  bench_close(&b);
}

/* Errors inside the answer end the call alone. */
static void test_bad_answers(void) {
  static const struct {
    const char *what;
    uint8_t bytes[8];
    size_t n;
    bool ok_follows;
    int code;
  } rows[] = {{"compressed", {1, 0, 0, 0, 1, 'x'}, 6, false, 13},
              {"unknown flag", {4, 0, 0, 0, 1, 'x'}, 6, false, 13},
              {"longer than 64 bytes", {0, 0, 0, 0, 65}, 5, false, 8},
              {"cut off by OK", {0, 0, 0, 0, 9, 'x'}, 6, true, 13}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bench b;
    bench_open(&b, (wc_session_options){.max_message = 64});
    probe p = {0}, other = {0};
    start(&b, &p, 0);
    start(&b, &other, 0);
    fake_run(&b.gw.plat, 20);
    fake_gateway_data(b.gw.socket, 1, base_span_of(rows[i].bytes, rows[i].n));
    if (rows[i].ok_follows) fake_gateway_status(b.gw.socket, 1, 0, "");
    fake_run(&b.gw.plat, 20);
    CHECK_MSG(p.statuses == 1 && p.code == rows[i].code, "%s: %d", rows[i].what, p.code);
    CHECK_INT(other.statuses, 0);
    CHECK_INT(wc_session_state(b.session), WC_SESSION_OPEN);
    bench_close(&b);
  }
}

static void test_cancel_and_deadline(void) {
  bench b;
  bench_open(&b, (wc_session_options){0});
  probe p = {0}, q = {0}, never = {0}, inside = {.cancel_on_message = true};
  start(&b, &never, 0);
  ponte_call_cancel(never.call); /* before there is a connection */
  CHECK_INT(never.statuses, 0);
  start(&b, &p, 0);
  start(&b, &q, 500);
  start(&b, &inside, 0);
  fake_run(&b.gw.plat, 20);
  CHECK_INT(never.code, 1);
  ponte_call_cancel(p.call);
  ponte_call_cancel(p.call);
  fake_gateway_message(b.gw.socket, 3, base_span_str("a"));
  fake_gateway_message(b.gw.socket, 3, base_span_str("b"));
  fake_run(&b.gw.plat, 20);
  CHECK_INT(p.code, 1);
  CHECK_INT(p.statuses, 1);
  CHECK_INT(inside.messages, 1);
  CHECK_INT(inside.code, 1);
  fake_run(&b.gw.plat, 500);
  CHECK_INT(q.code, 4);
  CHECK_STR(fake_gateway_log(&b.gw),
            "HELLO; OPEN 1 /p.S/M; OPEN 2 /p.S/M; OPEN 3 /p.S/M; CANCEL 1; CANCEL 3; CANCEL 2");
  bench_close(&b);
}

static void test_a_failed_send_is_a_lost_connection(void) {
  bench b;
  bench_open(&b, (wc_session_options){0});
  probe p = {0};
  start(&b, &p, 0);
  fake_run(&b.gw.plat, 20);
  b.gw.plat.fail_send = true;
  say(&p, "x");
  CHECK_INT(p.statuses, 0);
  fake_run(&b.gw.plat, 20);
  CHECK_INT(p.statuses, 1);
  CHECK_INT(p.code, 14);
  bench_close(&b);
}

static void test_bad_arguments(void) {
  bench b;
  bench_open(&b, (wc_session_options){0});
  static const char *const paths[] = {"", "no-slash", "/with blank", "/line\nbreak"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    ponte_call *call;
    CHECK_ERR(ponte_call_start(wc_session_channel(b.session), paths[i], NULL, &probe_events, NULL, &call),
              BASE_E_INVALID);
  }
  CHECK_ERR(wc_session_set_token(b.session, "two words"), BASE_E_INVALID);
  probe p = {0};
  start(&b, &p, 0);
  static uint8_t big[9 << 20];
  CHECK_ERR(ponte_call_send(p.call, base_span_of(big, sizeof big)), BASE_E_TOO_LARGE);
  bench_close(&b);
}

TEST_MAIN(TEST(test_all_frames_of_a_call), TEST(test_data_waits_for_hello), TEST(test_send_credit),
          TEST(test_receive_credit_and_pause), TEST(test_message_larger_than_credit), TEST(test_cut_at_every_frame),
          TEST(test_back_off), TEST(test_drain), TEST(test_dead_peer_and_pings), TEST(test_close_codes),
          TEST(test_bad_frames), TEST(test_bad_hello), TEST(test_bad_answers), TEST(test_cancel_and_deadline),
          TEST(test_a_failed_send_is_a_lost_connection), TEST(test_bad_arguments))
