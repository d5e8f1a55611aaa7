/* What every server brings along: health and reflection, asked as grpcurl and probes ask. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/test.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/health/v1/health.ponte.h"
#include "grpc/reflection/v1/reflection.ponte.h"
#include "grpc/reflection/v1alpha/reflection.ponte.h"
#include "rpc_testing/echo.h"
#include "rpc_testing/loop.h"

static test_echo echo;
static test_loop loop;

static void start_both(void) {
  CHECK_OK(test_echo_start(&echo, &(rpc_server_options){.listen = "127.0.0.1:0"}));
  CHECK_OK(test_loop_init(&loop, rpc_server_port(echo.server), 0));
}

static void stop_both(void) {
  test_loop_dispose(&loop);
  test_echo_dispose(&echo);
}

/* -- health ---------------------------------------------------------------------------------------------------------- */

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name
enum { STATES_MAX = 16 };

struct health_seen {
  int states[STATES_MAX], count, ended, code;
};

static void on_state(void *ctx, ponte_call *call, const Grpc__Health__V1__HealthCheckResponse *r) {
  struct health_seen *s = ctx;
  (void)call;
  s->states[s->count++ % STATES_MAX] = (int)r->status;
}
static void on_health_status(void *ctx, ponte_call *call, const wire_status *status) {
  struct health_seen *s = ctx;
  (void)call;
  s->ended++;
  s->code = status->code;
}
static void on_health_reply(void *ctx, ponte_call *call, const Grpc__Health__V1__HealthCheckResponse *r,
                            const wire_status *status) {
  if (r) {
    on_state(ctx, call, r);
  }
  on_health_status(ctx, call, status);
}
static const grpc_health_v1_check_events check_events = {NULL, on_health_reply};
static const grpc_health_v1_watch_events watch_events = {NULL, on_state, on_health_status};

static struct health_seen check(const char *service) {
  struct health_seen s = {.count = 0};
  ponte_call *call = NULL;
  Grpc__Health__V1__HealthCheckRequest q = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
  q.service = (char *)service;
  CHECK_OK(grpc_health_v1_check(loop.channel, NULL, &q, &check_events, &s, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  return s;
}

static void test_health_check(void) {
  static const struct {
    const char *service;
    int code;
  } rows[] = {{"", 0}, {"ponte.test.v1.EchoService", 0}, {"grpc.health.v1.Health", 0}, {"no.Such", 5}};
  start_both();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct health_seen s = check(rows[i].service);
    CHECK_INT(s.code, rows[i].code);
    CHECK_INT(s.count, rows[i].code == 0);
    CHECK(s.count == 0 || s.states[0] == STATUS(SERVING));
  }
  rpc_server_set_serving(echo.server, "ponte.test.v1.EchoService", false);
  rpc_server_set_serving(echo.server, "no.Such", false);
  CHECK_INT(check("ponte.test.v1.EchoService").states[0], STATUS(NOT_SERVING));
  CHECK_INT(check("").states[0], STATUS(SERVING));
  stop_both();
}

static void watch(const char *service, struct health_seen *s, ponte_call **call) {
  Grpc__Health__V1__HealthCheckRequest q = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
  q.service = (char *)service;
  CHECK_OK(grpc_health_v1_watch(loop.channel, NULL, &q, &watch_events, s, call));
  CHECK(TEST_LOOP_UNTIL(&loop, s->count >= 1));
}

static void test_health_watch(void) {
  struct health_seen s = {.count = 0}, unknown = {.count = 0}, gone = {.count = 0};
  ponte_call *call = NULL, *other = NULL;
  start_both();
  watch("ponte.test.v1.EchoService", &s, &call);
  watch("no.Such", &unknown, &other);
  CHECK_INT(s.states[0], STATUS(SERVING));
  CHECK_INT(unknown.states[0], STATUS(SERVICE_UNKNOWN));
  watch("", &gone, &other);
  ponte_call_cancel(other); /* a watcher that left must not be told */
  CHECK(TEST_LOOP_UNTIL(&loop, gone.ended));
  rpc_server_set_serving(echo.server, "ponte.test.v1.EchoService", false);
  CHECK(TEST_LOOP_UNTIL(&loop, s.count == 2));
  CHECK_INT(s.states[1], STATUS(NOT_SERVING));
  rpc_server_set_serving(echo.server, "ponte.test.v1.EchoService", false); /* no change, no message */
  rpc_server_set_serving(echo.server, "ponte.test.v1.EchoService", true);
  CHECK(TEST_LOOP_UNTIL(&loop, s.count == 3));
  CHECK_INT(s.states[2], STATUS(SERVING));
  /* A stop with much grace does not wait for watchers, and tells them first. */
  int64_t before = base_now_ms();
  rpc_server_stop(echo.server, TEST_LOOP_PATIENCE_MS);
  CHECK(base_now_ms() - before < TEST_LOOP_PATIENCE_MS);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended && unknown.ended));
  CHECK_INT(s.count, 4);
  CHECK_INT(s.states[3], STATUS(NOT_SERVING));
  CHECK_INT(s.code, 14);
  stop_both();
}

/* -- reflection ------------------------------------------------------------------------------------------------------ */

typedef Grpc__Reflection__V1__ServerReflectionRequest request;
typedef Grpc__Reflection__V1__ServerReflectionResponse response;
#define ASKS(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name

#define TELLS(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

struct reflected {
  int answers, ended, code, error;
  char names[1024]; /* of files or services, each followed by a blank */
};

static void add_name(struct reflected *s, const char *name) {
  size_t n = strlen(s->names);
  snprintf(s->names + n, sizeof s->names - n, "%s ", name);
}

static void on_answer(void *ctx, ponte_call *call, const response *r) {
  struct reflected *s = ctx;
  (void)call;
  s->answers++;
  CHECK(r->original_request != NULL);
  s->error = r->message_response_case == TELLS(ERROR_RESPONSE) ? r->error_response->error_code : 0;
  size_t services =
      r->message_response_case == TELLS(LIST_SERVICES_RESPONSE) ? r->list_services_response->n_service : 0;
  for (size_t i = 0; i < services; i++) {
    add_name(s, r->list_services_response->service[i]->name);
  }
  size_t files = r->message_response_case == TELLS(FILE_DESCRIPTOR_RESPONSE)
                     ? r->file_descriptor_response->n_file_descriptor_proto
                     : 0;
  for (size_t i = 0; i < files; i++) {
    const ProtobufCBinaryData *b = &r->file_descriptor_response->file_descriptor_proto[i];
    Google__Protobuf__FileDescriptorProto *f = google__protobuf__file_descriptor_proto__unpack(NULL, b->len, b->data);
    CHECK(f != NULL);
    if (f) {
      add_name(s, f->name);
      CHECK(f->source_code_info == NULL);
      google__protobuf__file_descriptor_proto__free_unpacked(f, NULL);
    }
  }
}
static void on_reflection_status(void *ctx, ponte_call *call, const wire_status *status) {
  struct reflected *s = ctx;
  (void)call;
  s->ended++;
  s->code = status->code;
}
static const grpc_reflection_v1_server_reflection_server_reflection_info_events v1_events = {NULL, NULL, on_answer,
                                                                                             on_reflection_status};

#define ECHO_FILES "ponte/test/v1/echo.proto ponte/test/v1/common.proto "

static const struct {
  int asks;
  const char *text;
  int error;
  const char *names;
} rows[] = {
    {ASKS(LIST_SERVICES), "", 0,
     "grpc.reflection.v1.ServerReflection grpc.reflection.v1alpha.ServerReflection grpc.health.v1.Health "
     "ponte.test.v1.EchoService ponte.test.v1.Spare "},
    {ASKS(FILE_BY_FILENAME), "ponte/test/v1/echo.proto", 0, ECHO_FILES},
    {ASKS(FILE_BY_FILENAME), "ponte/test/v1/common.proto", 0, "ponte/test/v1/common.proto "},
    {ASKS(FILE_BY_FILENAME), "../../etc/passwd", 5, ""},
    {ASKS(FILE_CONTAINING_SYMBOL), "ponte.test.v1.EchoService", 0, ECHO_FILES},
    {ASKS(FILE_CONTAINING_SYMBOL), "ponte.test.v1.EchoService.Chat", 0, ECHO_FILES},
    {ASKS(FILE_CONTAINING_SYMBOL), "ponte.test.v1.Payload.Sum", 0, ECHO_FILES},
    {ASKS(FILE_CONTAINING_SYMBOL), "ponte.test.common.v1.Note", 0, "ponte/test/v1/common.proto "},
    {ASKS(FILE_CONTAINING_SYMBOL), "grpc.health.v1.HealthCheckResponse.ServingStatus", 0,
     "grpc/health/v1/health.proto "},
    {ASKS(FILE_CONTAINING_SYMBOL), "ponte.test.v1.EchoServic", 5, ""},
    {ASKS(FILE_CONTAINING_SYMBOL), "ponte.test.v1.EchoServiceX", 5, ""},
    {ASKS(FILE_CONTAINING_SYMBOL), "ponte.test.v1", 5, ""},
    {ASKS(FILE_CONTAINING_SYMBOL), "", 5, ""},
    {ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE), "ponte.test.v1.Payload", 0, ""},
    {ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE), "no.Such", 5, ""},
    {GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST__NOT_SET, "", 3, ""},
};

static request ask(int what, const char *text) {
  request q = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
  q.message_request_case = what;
  q.file_by_filename = (char *)text; /* a union of strings */
  return q;
}

static void test_reflection(void) {
  struct reflected s = {.answers = 0};
  ponte_call *call = NULL;
  start_both();
  CHECK_OK(grpc_reflection_v1_server_reflection_server_reflection_info(loop.channel, NULL, &v1_events, &s, &call));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    request q = ask(rows[i].asks, rows[i].text);
    s.names[0] = '\0';
    CHECK_OK(grpc_reflection_v1_server_reflection_server_reflection_info_send(call, &q));
    CHECK(TEST_LOOP_UNTIL(&loop, s.answers == (int)i + 1));
    CHECK_MSG(strcmp(s.names, rows[i].names) == 0, "%s: %s", rows[i].text, s.names);
    CHECK_MSG(s.error == rows[i].error, "%s: %d", rows[i].text, s.error);
  }
  ponte_call_half_close(call);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 0);
  stop_both();
}

static void on_alpha(void *ctx, ponte_call *call, const Grpc__Reflection__V1alpha__ServerReflectionResponse *r) {
  struct reflected *s = ctx;
  (void)call;
  s->answers += r->message_response_case ==
                    GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE &&
                r->list_services_response->n_service == 5;
}

static void test_reflection_alpha(void) {
  static const grpc_reflection_v1alpha_server_reflection_server_reflection_info_events events = {NULL, NULL, on_alpha,
                                                                                                 on_reflection_status};
  struct reflected s = {.answers = 0};
  ponte_call *call = NULL;
  start_both();
  Grpc__Reflection__V1alpha__ServerReflectionRequest q = GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__INIT;
  q.message_request_case = GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
  q.list_services = (char[]){"*"};
  CHECK_OK(grpc_reflection_v1alpha_server_reflection_server_reflection_info(loop.channel, NULL, &events, &s, &call));
  CHECK_OK(grpc_reflection_v1alpha_server_reflection_server_reflection_info_send(call, &q));
  ponte_call_half_close(call);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.answers, 1);
  CHECK_INT(s.code, 0);
  stop_both();
}

TEST_MAIN(TEST(test_health_check), TEST(test_health_watch), TEST(test_reflection), TEST(test_reflection_alpha))
