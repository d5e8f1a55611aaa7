#include "wc/json_call.h"

#include "base/test.h"
#include "pb/message.h"
#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "wc/fake/fake_unary.h"
#include "wc/session.h"

#define CHATBOT "/ponte.chatbot.v1.ChatbotService/"

typedef struct {
  fake_unary unary;
  wc_session *session;
  int requests, messages, statuses, code;
  const char *answer; /* how the service behaves */
  char request[256], json[256], why[256];
} bench;

static void on_request(void *ctx, const fake_call *c, base_span bytes) {
  bench *b = ctx;
  b->requests++;
  snprintf(b->request, sizeof b->request, "%.*s", BASE_SPAN_ARG(bytes));
  static char title[] = "Aula", text[] = "a piece";
  Ponte__Chatbot__V1__Conversation conversation = PONTE__CHATBOT__V1__CONVERSATION__INIT;
  Ponte__Chatbot__V1__ResolveDuvidaStreamResponse part = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__INIT;
  conversation.title = title;
  conversation.message_count = 3;
  part.part_case = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_TEXT;
  part.text = text;
  if (strcmp(b->answer, "one") == 0) {
    fake_unary_reply(c, &conversation.base);
  } else if (strcmp(b->answer, "refused") == 0) {
    fake_unary_fail(c, 7, "NOT_ALLOWED", 0);
  } else if (strcmp(b->answer, "nothing") == 0) {
    fake_gateway_status(c->socket, c->call, 0, "");
  } else if (strcmp(b->answer, "garbage") == 0) {
    fake_gateway_message(c->socket, c->call, base_span_str("\xff\xff"));
    fake_gateway_status(c->socket, c->call, 0, "");
  } else if (strcmp(b->answer, "twice") == 0) {
    fake_gateway_message(c->socket, c->call, base_span_of(NULL, 0));
    fake_gateway_message(c->socket, c->call, base_span_of(NULL, 0));
    fake_gateway_status(c->socket, c->call, 0, "");
  } else {
    uint8_t packed[64];
    size_t n = protobuf_c_message_pack(&part.base, packed);
    for (int i = 0; i < 3; i++)
      fake_gateway_message(c->socket, c->call, base_span_of(packed, n));
    fake_gateway_status(c->socket, c->call, 14, "cut");
  }
}

static void on_message(void *ctx, base_span json) {
  bench *b = ctx;
  b->messages++;
  snprintf(b->json, sizeof b->json, "%.*s", BASE_SPAN_ARG(json));
}

static void on_status(void *ctx, const wire_status *status) {
  bench *b = ctx;
  b->statuses++;
  b->code = status->code;
}

static base_err call(bench *b, const char *path, const char *request) {
  static const wc_json_call_events events = {on_message, on_status};
  const pb_method *method = wc_json_method(path);
  ponte_call *out;
  base_buf why;
  if (!method) return base_fail(BASE_E_NOT_FOUND);
  base_buf_init(&why, sizeof b->why - 1);
  b->requests = b->messages = b->statuses = b->code = 0;
  base_err e =
      wc_json_call_start(wc_session_channel(b->session), method, base_span_str(request), 20000, &events, b, &why, &out);
  snprintf(b->why, sizeof b->why, "%.*s", BASE_SPAN_ARG(base_buf_span(&why)));
  base_buf_dispose(&why);
  fake_run(&b->unary.gw.plat, 1000);
  return e;
}

static void bench_open(bench *b, const char *answer) {
  memset(b, 0, sizeof *b);
  fake_unary_init(&b->unary, 1);
  b->unary.on_request = on_request;
  b->unary.ctx = b;
  b->answer = answer;
  CHECK_OK(wc_session_new(&b->unary.gw.plat.base, &(wc_session_options){.url = "ws://test/ponte.v1"}, &b->session));
}

static void bench_close(bench *b) {
  wc_session_free(b->session);
  fake_unary_dispose(&b->unary);
}

static void test_methods(void) {
  CHECK(wc_json_method("/ponte.transcription.v1.TranscriptionService/ListModels"));
  CHECK(wc_json_method("/ponte.users.v1.UserService/GetUser"));
  CHECK(wc_json_method(CHATBOT "ResolveDuvidaStream"));
  static const char *const none[] = {"",
                                     "/",
                                     "ponte.users.v1.UserService/GetUser",
                                     "/ponte.users.v1.UserService/getUser",
                                     "/ponte.users.v1.UserService/GetUser/",
                                     "/ponte.orders.v1.OrderService/GetOrder",
                                     "/ponte.transcription.v1.TranscriptionService/TranscribeAudioStream"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    CHECK_MSG(!wc_json_method(none[i]), "%s", none[i]);
}

static void test_one_answer(void) {
  bench b;
  bench_open(&b, "one");
  CHECK_OK(call(&b, CHATBOT "CreateConversation", "{\"title\":\"Aula \\u00e9\"}"));
  CHECK_STR(b.request, "\n\x07"
                       "Aula \xc3\xa9");
  CHECK_STR(b.json, "{\"title\":\"Aula\",\"messageCount\":3}");
  CHECK_INT(b.messages, 1);
  CHECK_INT(b.statuses, 1);
  CHECK_INT(b.code, 0);
  CHECK_OK(call(&b, CHATBOT "CreateConversation", ""));
  CHECK_INT(b.requests, 1);
  CHECK_STR(b.request, "");
  bench_close(&b);
}

static void test_requests_that_are_none(void) {
  static const char *const bad[] = {
      "null nothing", "[]",   "{\"titel\":\"x\"}",      "{\"title\":7}", "{\"title\":\"x\"",
      "{}{}",         "\"\"", "{\"title\":\"\\ud800\"}"};
  bench b;
  bench_open(&b, "one");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_ERR(call(&b, CHATBOT "CreateConversation", bad[i]), BASE_E_MALFORMED);
    CHECK_MSG(b.why[0] && b.requests == 0 && b.statuses == 0, "%s", bad[i]);
  }
  bench_close(&b);
}

static void test_other_ends(void) {
  static const struct {
    const char *answer, *method;
    int messages, code;
  } rows[] = {{"refused", "CreateConversation", 0, 7},  {"nothing", "CreateConversation", 0, 13},
              {"garbage", "CreateConversation", 0, 13}, {"twice", "CreateConversation", 1, 13},
              {"many", "ResolveDuvidaStream", 3, 14},   {"nothing", "ResolveDuvidaStream", 0, 0},
              {"garbage", "ResolveDuvidaStream", 0, 13}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bench b;
    char path[96];
    bench_open(&b, rows[i].answer);
    snprintf(path, sizeof path, CHATBOT "%s", rows[i].method);
    CHECK_OK(call(&b, path, "{}"));
    CHECK_MSG(b.messages == rows[i].messages && b.statuses == 1 && b.code == rows[i].code,
              "%s %s: %d messages, code %d", rows[i].method, rows[i].answer, b.messages, b.code);
    bench_close(&b);
  }
}

TEST_MAIN(TEST(test_methods), TEST(test_one_answer), TEST(test_requests_that_are_none), TEST(test_other_ends))
