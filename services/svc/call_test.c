/* The order of a call, and what each error becomes. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/test.h"
#include "svc_testing/scripted.h"

static const svc_definition *const services[] = {&scripted_front_definition, NULL};

static svc_world *new_world(bool auth) {
  scripted_play(&scripted_front, (scripted_steps){.prepare = NULL});
  return svc_world_new(&(svc_world_options){.services = services, .auth = auth});
}

/* -- identity, policy, rules: in this order ------------------------------------------------------------------------------ */

static void test_order(void) {
  svc_world *w = new_world(true);
  const char *alice = svc_world_token(w, "alice", "student"), *admin = svc_world_token(w, "carol", "teacher admin");
  const char *nearly = svc_world_token(w, "dora", "administrator"), *old = svc_world_old_token(w, "alice", "student");
  const struct {
    const char *token, *user_id, *text;
    int code;
    const char *reason, *field, *what;
  } rows[] = {
      {alice, "alice", "x", 0, "", "", "one's own"},
      {admin, "alice", "x", 0, "", "", "a role, not the first one"},
      {NULL, "alice", "x", 16, "NO_IDENTITY", "", "no token"},
      {NULL, "", "", 16, "NO_IDENTITY", "", "identity before rules"},
      {"", "alice", "x", 16, "NO_IDENTITY", "", "an empty token"},
      {"abc", "alice", "x", 16, "NO_IDENTITY", "", "no token of ours"},
      {"a.b.c", "alice", "x", 16, "NO_IDENTITY", "", "three parts of nothing"},
      {old, "alice", "x", 16, "TOKEN_EXPIRED", "", "an old token"},
      {alice, "bob", "x", 7, "NOT_ALLOWED", "", "somebody else's"},
      {alice, "bob", "", 7, "NOT_ALLOWED", "", "policy before rules"},
      {alice, "", "x", 7, "NOT_ALLOWED", "", "nobody's"},
      {alice, "alice ", "x", 7, "NOT_ALLOWED", "", "nearly one's own"},
      {nearly, "alice", "x", 7, "NOT_ALLOWED", "", "a role's name is not its beginning"},
      {alice, "alice", "", 3, "INVALID_FIELD", "text", "a rule"},
      {admin, "", "x", 3, "INVALID_FIELD", "user_id", "a rule, for administrators too"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    svc_reply r = scripted_ask_create(w, rows[i].token, rows[i].user_id, rows[i].text, "");
    CHECK_MSG(r.code == rows[i].code && strcmp(r.reason, rows[i].reason) == 0 && strcmp(r.field, rows[i].field) == 0,
              "%s: %d %s %s %s", rows[i].what, r.code, r.reason, r.field, r.message);
    CHECK_MSG(r.code == 0 || strlen(r.message) > 20, "%s: \"%s\" does not say what to do", rows[i].what, r.message);
  }
  svc_world_free(w);
}

static base_err whose(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  (void)tx;
  (void)request;
  response->user_id = svc_strdup(c, svc_caller(c));
  response->text = svc_strdup(c, svc_caller_has_role(c, "teacher") ? "teacher" : "no teacher");
  response->note_id = svc_strdup(c, svc_caller_address(c));
  return svc_require(c, "alice", "teacher admin");
}

static void test_owner_known_to_the_store_alone(void) {
  svc_world *w = new_world(true);
  SCRIPTED(front, read, whose);
  CHECK_INT(scripted_ask_get(w, svc_world_token(w, "alice", "student"), scripted_id).code, 0);
  CHECK_STR(scripted_ask_get(w, svc_world_token(w, "bob", "student"), scripted_id).reason, "NOT_ALLOWED");
  CHECK_STR(scripted_ask_get(w, svc_world_token(w, "bob", "teach"), scripted_id).reason, "NOT_ALLOWED");
  svc_reply r = scripted_ask_get(w, svc_world_token(w, "tom", "teacher"), scripted_id);
  REQUIRE(r.code == 0 && r.response);
  CHECK_STR(((const scripted_note *)r.response)->user_id, "tom");
  CHECK_STR(((const scripted_note *)r.response)->text, "teacher");
  CHECK_STR(((const scripted_note *)r.response)->note_id, "127.0.0.1");
  svc_world_free(w);
}

static void test_without_authentication(void) {
  svc_world *w = new_world(false);
  SCRIPTED(front, read, whose);
  svc_reply r = scripted_ask_get(w, NULL, scripted_id);
  REQUIRE(r.code == 0 && r.response);
  CHECK_STR(((const scripted_note *)r.response)->user_id, "");
  CHECK_STR(((const scripted_note *)r.response)->text, "teacher"); /* everybody may do everything */
  CHECK_INT(scripted_ask_create(w, "rubbish", "bob", "x", "").code, 0);
  svc_world_free(w);
}

/* -- errors --------------------------------------------------------------------------------------------------------------- */

static _Atomic int to_return;
static base_err fail_plainly(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  (void)c;
  (void)tx;
  (void)request;
  (void)response;
  return base_fail((enum base_err_code)atomic_load(&to_return));
}

static void test_plain_errors(void) {
  static const struct {
    enum base_err_code code;
    int grpc;
    const char *reason;
    bool retry;
  } rows[] = {
      {BASE_E_NOT_FOUND, 5, "NOT_FOUND", false},
      {BASE_E_EXISTS, 6, "ALREADY_EXISTS", false},
      {BASE_E_INVALID, 3, "INVALID_FIELD", false},
      {BASE_E_UNAVAILABLE, 14, "STORE_UNAVAILABLE", true},
      {BASE_E_EXHAUSTED, 14, "STORE_UNAVAILABLE", true},
      {BASE_E_NO_MEMORY, 8, "OUT_OF_MEMORY", true},
      {BASE_E_TOO_LARGE, 8, "TOO_LARGE", false},
      {BASE_E_DEADLINE, 4, "DEADLINE", false},
      {BASE_E_DENIED, 7, "NOT_ALLOWED", false},
      {BASE_E_UNAUTHENTICATED, 16, "NO_IDENTITY", false},
      {BASE_E_CANCELLED, 1, "", false},
      {BASE_E_INTERNAL, 13, "INTERNAL", false},
      {BASE_E_IN_USE, 13, "INTERNAL", false},
  };
  svc_world *w = new_world(false);
  SCRIPTED(front, read, fail_plainly);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    atomic_store(&to_return, (int)rows[i].code);
    svc_reply r = scripted_ask_get(w, NULL, scripted_id);
    CHECK_MSG(r.code == rows[i].grpc && strcmp(r.reason, rows[i].reason) == 0, "row %zu: %d %s", i, r.code, r.reason);
    CHECK_MSG((r.retry_after_ms > 0) == rows[i].retry, "row %zu: %lld", i, (long long)r.retry_after_ms);
    CHECK(r.response == NULL);
  }
  svc_world_free(w);
}

static base_err fail_on_purpose(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  char field[16];
  (void)tx;
  (void)request;
  (void)response;
  snprintf(field, sizeof field, "items[%d].x", 7);
  base_err e = svc_fail(c, RPC_REASON_AMOUNT_OVERFLOW, field, "%s", "take less of each, the total is too large");
  memset(field, '?', sizeof field - 1); /* it was copied */
  return e;
}
static base_err fail_and_go_on(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  base_err e = fail_on_purpose(c, tx, request, response);
  return base_is_ok(e) ? e : base_fail(BASE_E_NOT_FOUND); /* another error than the one that was described */
}
static base_err fail_with_delay(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  (void)tx;
  (void)request;
  (void)response;
  return svc_fail_retry(c, RPC_REASON_TOO_MANY_ATTEMPTS, 1234, "wait before the next try");
}

static void test_described_errors(void) {
  svc_world *w = new_world(false);
  SCRIPTED(front, read, fail_on_purpose);
  svc_reply r = scripted_ask_get(w, NULL, scripted_id);
  CHECK_INT(r.code, 11);
  CHECK_STR(r.reason, "AMOUNT_OVERFLOW");
  CHECK_STR(r.field, "items[7].x");
  CHECK_STR(r.message, "take less of each, the total is too large");
  SCRIPTED(front, read, fail_and_go_on);
  CHECK_STR(scripted_ask_get(w, NULL, scripted_id).reason, "NOT_FOUND");
  SCRIPTED(front, read, fail_with_delay);
  r = scripted_ask_get(w, NULL, scripted_id);
  CHECK_INT(r.retry_after_ms, 1234);
  CHECK_INT(r.code, 8);
  svc_world_free(w);
}

/* -- steps ---------------------------------------------------------------------------------------------------------------- */

static _Atomic int prepared, written;
static base_err leave_data(svc_call *c, const scripted_create *request) {
  atomic_fetch_add(&prepared, 1);
  svc_set_data(c, svc_strdup(c, request->text));
  return strcmp(request->text, "refuse") == 0
             ? svc_fail(c, RPC_REASON_USER_NOT_FOUND, "user_id", "there is no such user")
             : BASE_OK;
}
static base_err take_data(svc_call *c, store_tx *tx, const scripted_create *request, scripted_note *response) {
  (void)tx;
  (void)request;
  atomic_fetch_add(&written, 1);
  response->text = svc_data(c);
  response->note_id = svc_new_id(c);
  return BASE_OK;
}

static void test_prepare(void) {
  svc_world *w = new_world(false);
  SCRIPTED(front, prepare, leave_data);
  SCRIPTED(front, write, take_data);
  svc_reply r = scripted_ask_create(w, NULL, "alice", "from prepare", "");
  REQUIRE(r.code == 0 && r.response);
  CHECK_STR(((const scripted_note *)r.response)->text, "from prepare");
  CHECK_INT(strlen(((const scripted_note *)r.response)->note_id), 36);
  CHECK_STR(scripted_ask_create(w, NULL, "alice", "refuse", "").reason, "USER_NOT_FOUND");
  CHECK_INT(atomic_load(&prepared), 2);
  CHECK_INT(atomic_load(&written), 1);
  svc_world_free(w);
}

static base_err take_much(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  (void)tx;
  (void)request;
  (void)response;
  for (int i = 0; i < 1000; i++) {
    if (svc_alloc(c, 1 << 20) == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
  }
  return BASE_OK;
}

static void test_memory_is_bounded(void) {
  svc_world *w = new_world(false);
  SCRIPTED(front, read, take_much);
  CHECK_STR(scripted_ask_get(w, NULL, scripted_id).reason, "OUT_OF_MEMORY");
  SCRIPTED(front, read, NULL);
  CHECK_INT(scripted_ask_get(w, NULL, scripted_id).code, 0);
  svc_world_free(w);
}

/* -- what a service may not say -------------------------------------------------------------------------------------------- */

static base_err deliver_nothing(enum svc_step step, pb_fn fn, svc_call *c, store_tx *tx,
                                const ProtobufCMessage *request, ProtobufCMessage *response) {
  (void)step;
  (void)fn;
  (void)c;
  (void)tx;
  (void)request;
  (void)response;
  return BASE_OK;
}
static void some_function(void) {}

static struct {
  const char *owner;
  enum pb_kind kind;
  bool steps[SVC_STREAM + 1];
} wrong;
static const svc_definition *wrong_definition;

static base_err open_wrong(svc *s, base_buf *why, void **state) {
  static pb_policy policy;
  static pb_method method;
  static pb_service service;
  svc_method row = {.method = &method, .deliver = deliver_nothing};
  (void)why;
  (void)state;
  policy = (pb_policy){.owner = wrong.owner};
  method = ponte_notes_v1_note_service.methods[SCRIPTED_CREATE];
  method.policy = &policy;
  method.kind = wrong.kind;
  service = (pb_service){"a.Wrong", &method, 1};
  for (int i = 0; i <= SVC_STREAM; i++) {
    row.steps[i] = wrong.steps[i] ? some_function : NULL;
  }
  return svc_add(s, &service, &row, base_span_of(NULL, 0));
}

static void test_unsound_methods(void) {
  static const svc_definition definition = {.name = "wrong", .open = open_wrong};
  static const struct {
    const char *owner;
    enum pb_kind kind;
    bool steps[SVC_STREAM + 1];
    bool ok;
    const char *what;
  } rows[] = {
      {"user_id", PB_UNARY, {[SVC_CALL] = true}, true, "sound"},
      {NULL, PB_UNARY, {[SVC_CALL] = true, [SVC_PREPARE] = true}, true, "sound, too"},
      {NULL, PB_UNARY, {false}, true, "unimplemented"},
      {"user", PB_UNARY, {[SVC_CALL] = true}, false, "an owner that is no field"},
      {"user_id.x", PB_UNARY, {[SVC_CALL] = true}, false, "an owner inside of a string"},
      {"", PB_UNARY, {[SVC_CALL] = true}, false, "an empty owner"},
      {NULL, PB_UNARY, {[SVC_READ] = true}, false, "reads without a store"},
      {NULL, PB_UNARY, {[SVC_WRITE] = true}, false, "writes without a store"},
      {NULL, PB_UNARY, {[SVC_PREPARE] = true}, false, "prepares nothing"},
      {NULL, PB_UNARY, {[SVC_STREAM] = true}, false, "no stream"},
      {NULL, PB_SERVER_STREAM, {[SVC_CALL] = true}, false, "a stream"},
      {NULL, PB_BIDI, {[SVC_STREAM] = true}, false, "a kind there is no step for"},
  };
  wrong_definition = &definition;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    svc_host *h = NULL;
    base_buf why;
    base_buf_init(&why, 1024);
    wrong.owner = rows[i].owner;
    wrong.kind = rows[i].kind;
    memcpy(wrong.steps, rows[i].steps, sizeof wrong.steps);
    CHECK_OK(svc_host_new(&(svc_host_options){.listen_host = "127.0.0.1"}, &h));
    base_err e = svc_host_add(h, wrong_definition, 0, &why);
    CHECK_MSG(base_is_ok(e) == rows[i].ok, "%s: %s", rows[i].what, base_err_name(e));
    CHECK_MSG(base_is_ok(e) || base_buf_size(&why) > 0, "%s: no reason", rows[i].what);
    svc_host_free(h);
    base_buf_dispose(&why);
  }
}

/* -- what operators see ---------------------------------------------------------------------------------------------------- */

static bool metrics_have(const char *text) {
  base_buf out;
  base_buf_init(&out, 16 << 20);
  CHECK_OK(base_metrics_write(&out));
  CHECK_OK(base_buf_u8(&out, 0));
  bool has = strstr((const char *)base_buf_span(&out).p, text) != NULL;
  base_buf_dispose(&out);
  return has;
}

static void test_metrics(void) {
  svc_world *w = new_world(false);
  atomic_store(&to_return, BASE_E_IN_USE);
  SCRIPTED(front, read, fail_plainly);
  scripted_ask_get(w, NULL, scripted_id);
  CHECK(metrics_have("rpc_server_call_duration_seconds_count{rpc_system_name=\"grpc\",rpc_method=\"ponte.notes.v1."
                     "NoteService/GetNote\",rpc_response_status_code=\"INTERNAL\"} "));
  svc_world_free(w);
}

TEST_MAIN(TEST(test_order), TEST(test_owner_known_to_the_store_alone), TEST(test_without_authentication),
          TEST(test_plain_errors), TEST(test_described_errors), TEST(test_prepare), TEST(test_memory_is_bounded),
          TEST(test_unsound_methods), TEST(test_metrics))
