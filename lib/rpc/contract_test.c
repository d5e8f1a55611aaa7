/* All four kinds over a real socket: what a client sees and what the handlers see. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/test.h"
#include "ponte/test/v1/echo.ponte.h"
#include "rpc_testing/echo.h"
#include "rpc_testing/loop.h"

typedef Ponte__Test__V1__Payload payload;

static test_echo echo;
static test_loop loop;

/* What one call brought. */
struct seen {
  int headers, messages, ended, code;
  uint32_t count;
  uint64_t bytes;
  char text[64], reason[64], field[128], echoed[64], echoed_bin[64];
  size_t echoed_bin_n;
  int64_t retry_after_ms;
};

static void copy_span(char *out, size_t size, base_span s) {
  size_t n = s.n < size - 1 ? s.n : size - 1;
  memcpy(out, s.p, n);
  out[n] = '\0';
}

static void on_headers(void *ctx, ponte_call *call, const wire_metadata *headers) {
  struct seen *s = ctx;
  base_span v;
  (void)call;
  s->headers++;
  if (wire_metadata_get(headers, "x-echo", &v)) {
    copy_span(s->echoed, sizeof s->echoed, v);
  }
  if (wire_metadata_get(headers, "x-echo-bin", &v)) {
    copy_span(s->echoed_bin, sizeof s->echoed_bin, v);
    s->echoed_bin_n = v.n;
  }
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  struct seen *s = ctx;
  (void)call;
  s->ended++;
  s->code = status->code;
  CHECK_OK(rpc_error_read(status, s->reason, s->field, &s->retry_after_ms));
}

static void on_message(void *ctx, ponte_call *call, const payload *m) {
  struct seen *s = ctx;
  (void)call;
  s->messages++;
  s->count = m->count;
  s->bytes += m->data.len;
  snprintf(s->text, sizeof s->text, "%s", m->text);
}

static void on_reply(void *ctx, ponte_call *call, const payload *reply, const wire_status *status) {
  if (reply) {
    on_message(ctx, call, reply);
  }
  on_status(ctx, call, status);
}

static void on_sum(void *ctx, ponte_call *call, const Ponte__Test__V1__Payload__Sum *sum, const wire_status *status) {
  struct seen *s = ctx;
  if (sum) {
    s->messages++;
    s->count = sum->messages;
    s->bytes = sum->bytes;
  }
  on_status(ctx, call, status);
}

static const ponte_test_v1_echo_unary_echo_events unary = {.on_headers = on_headers, .on_reply = on_reply};
static const ponte_test_v1_echo_collect_events collect = {.on_headers = on_headers, .on_reply = on_sum};
static const ponte_test_v1_echo_expand_events expand = {on_headers, on_message, on_status};
static const ponte_test_v1_echo_chat_events chat = {on_headers, NULL, on_message, on_status};

static payload message(const char *text, const char *command) {
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  p.text = (char *)text;
  p.command = (char *)command;
  return p;
}

static void run_unary(const payload *p, const ponte_call_options *options, struct seen *s) {
  ponte_call *call = NULL;
  *s = (struct seen){0};
  CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, options, p, &unary, s, &call));
  CHECK_INT(s->ended, 0); /* nothing calls back before it returns */
  CHECK(TEST_LOOP_UNTIL(&loop, s->ended));
}

static void test_unary(void) {
  struct seen s;
  payload p = message("ol\xc3\xa1", "");
  run_unary(&p, NULL, &s);
  CHECK_INT(s.code, 0);
  CHECK_INT(s.messages, 1);
  CHECK_STR(s.text, "ol\xc3\xa1");
  CHECK_STR(s.reason, "");
}

static void test_error_details(void) {
  struct seen s;
  payload p = message("", "fail");
  run_unary(&p, NULL, &s);
  CHECK_INT(s.code, 3);
  CHECK_INT(s.messages, 0);
  CHECK_STR(s.reason, "INVALID_FIELD");
  CHECK_STR(s.field, "text");
  CHECK_INT(s.retry_after_ms, 1500);
}

static void test_metadata_both_ways(void) {
  struct seen s;
  wire_metadata m;
  wire_metadata_init(&m);
  CHECK_OK(wire_metadata_add_str(&m, "x-echo", "a value, with spaces"));
  CHECK_OK(wire_metadata_add(&m, base_span_str("x-echo-bin"), base_span_of("\0\xff\n,", 4)));
  /* These would forge the call's own properties; they are left out. */
  CHECK_OK(wire_metadata_add_str(&m, "grpc-timeout", "1n"));
  CHECK_OK(wire_metadata_add_str(&m, "content-type", "text/html"));
  payload p = message("", "headers");
  run_unary(&p, &(ponte_call_options){.metadata = &m}, &s);
  CHECK_INT(s.code, 0);
  CHECK_INT(s.headers, 1);
  CHECK_STR(s.echoed, "a value, with spaces");
  CHECK_INT(s.echoed_bin_n, 4);
  CHECK(memcmp(s.echoed_bin, "\0\xff\n,", 4) == 0);
  wire_metadata_dispose(&m);
}

static void test_client_stream(void) {
  struct seen s = {0};
  ponte_call *call = NULL;
  payload p = message("", "");
  p.data = (ProtobufCBinaryData){1000, calloc(1, 1000)};
  CHECK_OK(ponte_test_v1_echo_collect(loop.channel, NULL, &collect, &s, &call));
  for (int i = 0; i < 50; i++) {
    CHECK_OK(ponte_test_v1_echo_collect_send(call, &p));
  }
  ponte_call_half_close(call);
  CHECK_ERR(ponte_test_v1_echo_collect_send(call, &p), BASE_E_PRECONDITION);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 0);
  CHECK_INT(s.count, 50);
  CHECK_INT(s.bytes, 50000);
  free(p.data.data);
}

static void test_server_stream(void) {
  struct seen s = {0};
  ponte_call *call = NULL;
  Ponte__Test__Common__V1__Note note = PONTE__TEST__COMMON__V1__NOTE__INIT;
  note.text = (char[]){"300 1000"};
  CHECK_OK(ponte_test_v1_echo_expand(loop.channel, NULL, &note, &expand, &s, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 0);
  CHECK_INT(s.messages, 300);
  CHECK_INT(s.count, 1); /* in order */
}

static void test_bidi(void) {
  struct seen s = {0};
  ponte_call *call = NULL;
  CHECK_OK(ponte_test_v1_echo_chat(loop.channel, NULL, &chat, &s, &call));
  for (int i = 1; i <= 20; i++) {
    payload p = message("turn", "");
    p.count = (uint32_t)i;
    CHECK_OK(ponte_test_v1_echo_chat_send(call, &p));
    CHECK(TEST_LOOP_UNTIL(&loop, s.messages == i || s.ended));
    CHECK_INT(s.count, i);
  }
  int half_closed = atomic_load(&echo.half_closed);
  ponte_call_half_close(call);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 0);
  CHECK_INT(atomic_load(&echo.half_closed), half_closed + 1);
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.ended) == atomic_load(&echo.opened)));
}

static void run_chat(const char *command, const ponte_call_options *options, struct seen *s) {
  ponte_call *call = NULL;
  payload p = message("", command);
  *s = (struct seen){0};
  CHECK_OK(ponte_test_v1_echo_chat(loop.channel, options, &chat, s, &call));
  CHECK_OK(ponte_test_v1_echo_chat_send(call, &p));
  CHECK(TEST_LOOP_UNTIL(&loop, s->ended));
}

static void test_server_ends_first(void) {
  struct seen s;
  run_chat("finish", NULL, &s);
  CHECK_INT(s.code, 0);
  run_chat("fail", NULL, &s);
  CHECK_INT(s.code, 3);
  CHECK_STR(s.field, "text");
  wire_metadata m;
  wire_metadata_init(&m);
  CHECK_OK(wire_metadata_add_str(&m, "x-refuse", "1"));
  run_chat("", &(ponte_call_options){.metadata = &m}, &s);
  CHECK_INT(s.code, 3);
  CHECK_INT(s.messages, 0);
  wire_metadata_dispose(&m);
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.ended) == atomic_load(&echo.opened)));
}

static void test_deadline(void) {
  struct seen s;
  int cancelled = atomic_load(&echo.cancelled);
  run_chat("silent", &(ponte_call_options){.timeout_ms = 50}, &s);
  CHECK_INT(s.code, 4);
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.cancelled) == cancelled + 1));
}

static void test_client_cancels(void) {
  enum { CALLS = 200 };
  static struct seen s[CALLS];
  ponte_call *call[CALLS] = {NULL};
  int half_closed = atomic_load(&echo.half_closed), cancelled = atomic_load(&echo.cancelled);
  for (int i = 0; i < CALLS; i++) {
    payload p = message("", "");
    CHECK_OK(ponte_test_v1_echo_chat(loop.channel, NULL, &chat, &s[i], &call[i]));
    CHECK_OK(ponte_test_v1_echo_chat_send(call[i], &p));
  }
  for (int i = 0; i < CALLS; i++) {
    CHECK(TEST_LOOP_UNTIL(&loop, s[i].messages == 1));
    ponte_call_cancel(call[i]);
    CHECK(TEST_LOOP_UNTIL(&loop, s[i].ended));
    CHECK_INT(s[i].code, 1);
  }
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.cancelled) == cancelled + CALLS));
  /* A cancel must never look like the orderly end of the client's messages. */
  CHECK_INT(atomic_load(&echo.half_closed), half_closed);
}

static void raw_status(void *ctx, ponte_call *call, const wire_status *status) { on_status(ctx, call, status); }
static void raw_message(void *ctx, ponte_call *call, base_span m) {
  (void)call;
  (void)m;
  ((struct seen *)ctx)->messages++;
}

static const struct {
  const char *path, *bytes;
  size_t n;
  int code;
  const char *reason;
} raw_rows[] = {
    {"/ponte.test.v1.EchoService/NoSuch", "", 0, 12, "unknown method"},
    {"/ponte.test.v1.EchoService/UnaryEchoX", "", 0, 12, "a known method is a prefix"},
    {"/ponte.test.v1.EchoService/UnaryEch", "", 0, 12, "a prefix of a known method"},
    {"/ponte.test.v1.Spare/HTTPGet", "", 0, 12, "a method without a handler"},
    {"/", "", 0, 12, "no name at all"},
    {"/ponte.test.v1.EchoService/UnaryEcho", "\x0a\x01\xff", 3, 3, "a string that is not UTF-8"},
    {"/ponte.test.v1.EchoService/UnaryEcho", "\x0a\x05z", 3, 3, "a truncated field"},
    {"/ponte.test.v1.EchoService/UnaryEcho", "\xff\xff\xff", 3, 3, "garbage"},
    {"/ponte.test.v1.EchoService/Collect", "\xff\xff\xff", 3, 3, "garbage in a client stream"},
    {"/ponte.test.v1.EchoService/Expand", "\xff\xff\xff", 3, 3, "garbage in a server stream"},
    {"/ponte.test.v1.EchoService/Chat", "\xff\xff\xff", 3, 3, "garbage in a bidirectional stream"},
    {"/ponte.test.v1.EchoService/UnaryEcho", "", 0, 0, "an empty message is a valid one"},
};

static void test_bad_calls(void) {
  static const ponte_call_events events = {NULL, raw_message, NULL, raw_status};
  for (size_t i = 0; i < sizeof raw_rows / sizeof *raw_rows; i++) {
    struct seen s = {0};
    ponte_call *call = NULL;
    CHECK_OK(ponte_call_start(loop.channel, raw_rows[i].path, NULL, &events, &s, &call));
    CHECK_OK(ponte_call_send(call, base_span_of(raw_rows[i].bytes, raw_rows[i].n)));
    ponte_call_half_close(call);
    CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
    CHECK_MSG(s.code == raw_rows[i].code, "%s: %d", raw_rows[i].reason, s.code);
  }
}

static void test_missing_request(void) {
  static const char *const paths[] = {"/ponte.test.v1.EchoService/UnaryEcho", "/ponte.test.v1.EchoService/Expand"};
  static const ponte_call_events events = {NULL, raw_message, NULL, raw_status};
  for (size_t i = 0; i < 2; i++) {
    struct seen s = {0};
    ponte_call *call = NULL;
    CHECK_OK(ponte_call_start(loop.channel, paths[i], NULL, &events, &s, &call));
    ponte_call_half_close(call);
    CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
    CHECK_INT(s.code, 3);
  }
}

static void test_many_at_once(void) {
  enum { CALLS = 1000 };
  static struct seen s[CALLS];
  static ponte_call *call[CALLS];
  memset(s, 0, sizeof s);
  payload p = message("hello", "");
  for (int i = 0; i < CALLS; i++) {
    CHECK_OK(ponte_test_v1_echo_chat(loop.channel, NULL, &chat, &s[i], &call[i]));
    CHECK_OK(ponte_test_v1_echo_chat_send(call[i], &p));
  }
  for (int i = 0; i < CALLS; i++) {
    CHECK(TEST_LOOP_UNTIL(&loop, s[i].messages == 1 || s[i].ended));
    CHECK_OK(ponte_test_v1_echo_chat_send(call[i], &p));
    ponte_call_half_close(call[i]);
  }
  for (int i = 0; i < CALLS; i++) {
    CHECK(TEST_LOOP_UNTIL(&loop, s[i].ended));
    CHECK_INT(s[i].messages, 2);
    CHECK_INT(s[i].code, 0);
  }
}

static void set_up(void) {
  CHECK_OK(test_echo_start(&echo, &(rpc_server_options){.listen = "127.0.0.1:0"}));
  CHECK_OK(test_loop_init(&loop, rpc_server_port(echo.server), 0));
  CHECK(rpc_server_port(echo.server) > 0);
}

static void tear_down(void) {
  CHECK_INT(atomic_load(&echo.out_of_order), 0);
  test_loop_dispose(&loop);
  test_echo_dispose(&echo);
  CHECK_INT(atomic_load(&echo.ended), atomic_load(&echo.opened));
}

TEST_MAIN(TEST(set_up), TEST(test_unary), TEST(test_error_details), TEST(test_metadata_both_ways),
          TEST(test_client_stream), TEST(test_server_stream), TEST(test_bidi), TEST(test_server_ends_first),
          TEST(test_deadline), TEST(test_client_cancels), TEST(test_bad_calls), TEST(test_missing_request),
          TEST(test_many_at_once), TEST(tear_down))
