/* echo_client PORT: our client's generated stubs against another implementation's EchoService (server.py). */
#include <stdlib.h>

#include "base/clock.h"
#include "base/test.h"
#include "ponte/test/v1/echo.ponte.h"
#include "rpc/error.h"
#include "rpc_testing/loop.h"

typedef Ponte__Test__V1__Payload payload;

static test_loop loop;

struct seen {
  int headers, messages, ended, code;
  uint32_t count;
  uint64_t bytes;
  char text[64], header[64], reason[64], message[128];
};

static void copy(char *out, size_t size, base_span s) { snprintf(out, size, "%.*s", BASE_SPAN_ARG(s)); }

static void on_headers(void *ctx, ponte_call *call, const wire_metadata *headers) {
  struct seen *s = ctx;
  base_span v;
  (void)call;
  s->headers++;
  if (wire_metadata_get(headers, "x-echo-bin", &v)) {
    copy(s->header, sizeof s->header, v);
  }
}
static void on_message(void *ctx, ponte_call *call, const payload *m) {
  struct seen *s = ctx;
  (void)call;
  s->messages++;
  s->count = m->count;
  s->bytes += m->data.len;
  snprintf(s->text, sizeof s->text, "%s", m->text);
}
static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  struct seen *s = ctx;
  char field[128];
  int64_t retry;
  (void)call;
  s->ended++;
  s->code = status->code;
  copy(s->message, sizeof s->message, base_buf_span(&status->message));
  CHECK_OK(rpc_error_read(status, s->reason, field, &retry));
}
static void on_reply(void *ctx, ponte_call *call, const payload *reply, const wire_status *status) {
  if (reply) {
    on_message(ctx, call, reply);
  }
  on_status(ctx, call, status);
}
static void on_sum(void *ctx, ponte_call *call, const Ponte__Test__V1__Payload__Sum *sum, const wire_status *status) {
  struct seen *s = ctx;
  s->count = sum ? sum->messages : 0;
  s->bytes = sum ? sum->bytes : 0;
  on_status(ctx, call, status);
}
static const ponte_test_v1_echo_unary_echo_events unary = {on_headers, on_reply};
static const ponte_test_v1_echo_collect_events collect = {on_headers, NULL, on_sum};
static const ponte_test_v1_echo_expand_events expand = {on_headers, on_message, on_status};
static const ponte_test_v1_echo_chat_events chat = {on_headers, NULL, on_message, on_status};

static struct seen run_unary(const char *command, const ponte_call_options *options) {
  struct seen s = {0};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  p.text = (char[]){"ol\xc3\xa1"};
  p.command = (char *)command;
  CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, options, &p, &unary, &s, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  return s;
}

static void test_unary(void) {
  wire_metadata m;
  wire_metadata_init(&m);
  CHECK_OK(wire_metadata_add(&m, base_span_str("x-echo-bin"), base_span_str("\xff\x01")));
  struct seen s = run_unary("", &(ponte_call_options){.metadata = &m});
  CHECK_INT(s.code, 0);
  CHECK_STR(s.text, "ol\xc3\xa1");
  CHECK_STR(s.header, "\xff\x01");
  wire_metadata_dispose(&m);
}

static void test_errors(void) {
  struct seen s = run_unary("fail", NULL);
  CHECK_INT(s.code, 9);
  CHECK_STR(s.message, "n\xc3\xa3o 100%");
  CHECK_STR(s.reason, "FROM_PYTHON");
  CHECK_INT(run_unary("sleep", &(ponte_call_options){.timeout_ms = 100}).code, 4);
}

static void test_streams(void) {
  enum { MESSAGES = 100 };
  struct seen sum = {0}, many = {0}, talk = {0};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  p.data = (ProtobufCBinaryData){1000, calloc(1, 1000)};
  CHECK_OK(ponte_test_v1_echo_collect(loop.channel, NULL, &collect, &sum, &call));
  for (int i = 0; i < MESSAGES; i++) {
    CHECK_OK(ponte_test_v1_echo_collect_send(call, &p));
  }
  ponte_call_half_close(call);
  CHECK(TEST_LOOP_UNTIL(&loop, sum.ended));
  CHECK_INT(sum.count, MESSAGES);
  CHECK_INT(sum.bytes, MESSAGES * 1000);
  Ponte__Test__Common__V1__Note note = PONTE__TEST__COMMON__V1__NOTE__INIT;
  note.text = (char[]){"200 3000"};
  CHECK_OK(ponte_test_v1_echo_expand(loop.channel, NULL, &note, &expand, &many, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, many.ended));
  CHECK_INT(many.messages, 200);
  CHECK_INT(many.bytes, 200 * 3000);
  CHECK_OK(ponte_test_v1_echo_chat(loop.channel, NULL, &chat, &talk, &call));
  for (int i = 1; i <= 10; i++) {
    p.count = (uint32_t)i;
    CHECK_OK(ponte_test_v1_echo_chat_send(call, &p));
    CHECK(TEST_LOOP_UNTIL(&loop, talk.messages == i || talk.ended));
    CHECK_INT(talk.count, i);
  }
  ponte_call_half_close(call);
  CHECK(TEST_LOOP_UNTIL(&loop, talk.ended));
  CHECK_INT(talk.code, 0);
  free(p.data.data);
}

static const struct test_case cases[] = {TEST(test_unary), TEST(test_errors), TEST(test_streams)};

int main(int argc, char **argv) {
  if (argc != 2 || !base_is_ok(test_loop_init(&loop, (int)strtol(argv[1], NULL, 10), 0))) {
    fprintf(stderr, "usage: echo_client PORT\n");
    return 2;
  }
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cases[i].run();
    printf("done %s\n", cases[i].name);
  }
  test_loop_dispose(&loop);
  return test_failures != 0;
}
