/* Calls from one service to another. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/test.h"
#include "base/trace.h"
#include "rpc/server.h"
#include "svc/internal.h"
#include "svc_testing/scripted.h"

static const svc_definition *const both[] = {&scripted_back_definition, &scripted_front_definition, NULL};
static const svc_definition *const front_alone[] = {&scripted_front_definition, NULL};
static _Atomic int asked;
static _Atomic bool released;

static void pause_ms(long ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL); }

static base_err ask_back(svc_call *c, const scripted_note **answer) {
  scripted_get request = PONTE__NOTES__V1__GET_NOTE_REQUEST__INIT;
  request.note_id = (char *)scripted_id;
  return ponte_notes_v1_note_get_note_ask(c, scripted_peer, &request, answer);
}

static base_err pass_on(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  const scripted_note *answer;
  (void)tx;
  (void)request;
  BASE_TRY(ask_back(c, &answer));
  response->text = answer->text; /* lives until the answer was sent */
  return BASE_OK;
}

static svc_world *new_world(const svc_definition *const *services, bool auth, const char *const *settings) {
  scripted_play(&scripted_front, (scripted_steps){.read = pass_on});
  scripted_play(&scripted_back, (scripted_steps){.prepare = NULL});
  atomic_store(&asked, 0);
  atomic_store(&released, false);
  return svc_world_new(&(svc_world_options){.services = services, .auth = auth, .settings = settings});
}

static const char *text_of(svc_reply r) { return r.response ? ((const scripted_note *)r.response)->text : "refused"; }

static base_err tell_caller(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  char trace_id[BASE_TRACE_ID_SIZE], text[256];
  (void)tx;
  (void)request;
  atomic_fetch_add(&asked, 1);
  base_trace_id_text(&c->trace, trace_id);
  snprintf(text, sizeof text, "%s at %s of %s", svc_caller(c), svc_caller_address(c), trace_id);
  response->text = svc_strdup(c, text);
  return response->text ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static void test_token_and_trace_go_along(void) {
  static const char *const metadata[] = {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                         "x-ponte-client", "203.0.113.7", NULL};
  svc_world *w = new_world(both, true, NULL);
  scripted_get request = PONTE__NOTES__V1__GET_NOTE_REQUEST__INIT;
  request.note_id = (char *)scripted_id;
  svc_question q = scripted_question(SCRIPTED_GET, &request.base, svc_world_token(w, "alice", "student"));
  q.metadata = metadata;
  SCRIPTED(back, read, tell_caller);
  CHECK_STR(text_of(svc_world_ask(w, &q)), "alice at 203.0.113.7 of 0af7651916cd43dd8448eb211c80319c");
  svc_world_free(w);
}

static base_err back_fails(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  (void)tx;
  (void)request;
  (void)response;
  return svc_fail(c, RPC_REASON_ORDER_NOT_FOUND, "order_id", "there is no such order");
}
static base_err translate(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  const scripted_note *answer;
  (void)tx;
  (void)request;
  (void)response;
  base_err e = ask_back(c, &answer);
  return base_is(e, BASE_E_NOT_FOUND) ? svc_fail(c, RPC_REASON_USER_NOT_FOUND, "user_id", "there is no such user") : e;
}
static base_err forget(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  const scripted_note *answer;
  (void)tx;
  (void)request;
  (void)response;
  return base_is_ok(ask_back(c, &answer)) ? base_fail(BASE_E_INTERNAL) : BASE_OK;
}

static void test_errors_of_a_peer(void) {
  svc_world *w = new_world(both, false, NULL);
  SCRIPTED(back, read, back_fails);
  svc_reply r = scripted_ask_get(w, NULL, scripted_id);
  CHECK_INT(r.code, 5);
  CHECK_STR(r.reason, "ORDER_NOT_FOUND"); /* as the peer said it */
  CHECK_STR(r.field, "order_id");
  CHECK_STR(r.message, "there is no such order");
  SCRIPTED(front, read, translate);
  r = scripted_ask_get(w, NULL, scripted_id);
  CHECK_STR(r.reason, "USER_NOT_FOUND");
  CHECK_STR(r.field, "user_id");
  SCRIPTED(front, read, forget);
  CHECK_INT(scripted_ask_get(w, NULL, scripted_id).code, 0);
  svc_world_free(w);
}

static void test_nobody_there(void) {
  static const char *const settings[] = {"back_target", "127.0.0.1:1", NULL};
  svc_world *w = new_world(front_alone, false, settings);
  svc_reply r = scripted_ask_get(w, NULL, scripted_id);
  CHECK_INT(r.code, 14);
  CHECK_STR(r.reason, "PEER_UNAVAILABLE");
  CHECK(strstr(r.message, "back") != NULL);
  CHECK(r.retry_after_ms > 0);
  svc_world_free(w);
}

static base_err unavailable_twice(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  if (atomic_fetch_add(&asked, 1) < 2) {
    return base_fail(BASE_E_UNAVAILABLE);
  }
  return tell_caller(c, tx, request, response);
}
static base_err always_unavailable(svc_call *c, store_tx *tx, const scripted_create *request, scripted_note *response) {
  (void)c;
  (void)tx;
  (void)request;
  (void)response;
  atomic_fetch_add(&asked, 1);
  return base_fail(BASE_E_UNAVAILABLE);
}
static base_err create_at_back(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  scripted_create create = PONTE__NOTES__V1__CREATE_NOTE_REQUEST__INIT;
  const scripted_note *answer;
  (void)tx;
  (void)request;
  (void)response;
  create.user_id = create.text = (char *)"x";
  return ponte_notes_v1_note_create_note_ask(c, scripted_peer, &create, &answer);
}

static void test_repeated(void) {
  svc_world *w = new_world(both, false, NULL);
  SCRIPTED(back, read, unavailable_twice);
  CHECK_INT(scripted_ask_get(w, NULL, scripted_id).code, 0);
  CHECK_INT(atomic_load(&asked), 4); /* twice in vain, once with tell_caller's own count */
  atomic_store(&asked, 0);
  SCRIPTED(front, read, create_at_back);
  SCRIPTED(back, write, always_unavailable);
  svc_reply r = scripted_ask_get(w, NULL, scripted_id);
  CHECK_INT(atomic_load(&asked), 1); /* it might have been done */
  CHECK_STR(r.reason, "STORE_UNAVAILABLE");
  svc_world_free(w);
}

static base_err wait_for_release(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  (void)c;
  (void)tx;
  (void)request;
  (void)response;
  atomic_fetch_add(&asked, 1);
  while (!atomic_load(&released)) {
    pause_ms(2);
  }
  return BASE_OK;
}

static _Atomic int asks_ended;
static bool ends(_Atomic int *counter) {
  for (int64_t end_ms = base_now_ms() + 30000; atomic_load(counter) == 0 && base_now_ms() < end_ms;) {
    pause_ms(2);
  }
  return atomic_load(counter) > 0;
}

static base_err pass_on_and_tell(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  base_err e = pass_on(c, tx, request, response);
  atomic_fetch_add(&asks_ended, 1);
  return e;
}

static void test_deadline_reaches_the_peer(void) {
  svc_world *w = new_world(both, false, NULL);
  scripted_get request = PONTE__NOTES__V1__GET_NOTE_REQUEST__INIT;
  request.note_id = (char *)scripted_id;
  svc_question q = scripted_question(SCRIPTED_GET, &request.base, NULL);
  q.timeout_ms = 200;
  SCRIPTED(front, read, pass_on_and_tell);
  SCRIPTED(back, read, wait_for_release);
  atomic_store(&asks_ended, 0);
  CHECK_INT(svc_world_ask(w, &q).code, 4);
  CHECK(ends(&asks_ended)); /* the front's handler is let go although the back's is still busy */
  CHECK_INT(atomic_load(&asked), 1);
  atomic_store(&released, true);
  svc_world_free(w);
}

static base_err ask_in_stream(svc_call *c, const scripted_list *request) {
  const scripted_note *answer;
  (void)request;
  base_err e = ask_back(c, &answer);
  atomic_fetch_add(&asks_ended, base_is(e, BASE_E_CANCELLED));
  return e;
}

/* The client goes while the peer works: the handler that asked is let go at once, not when the peer is done. */
static void test_cancel(void) {
  svc_world *w = new_world(both, false, NULL);
  scripted_get get = PONTE__NOTES__V1__GET_NOTE_REQUEST__INIT;
  scripted_list list = PONTE__NOTES__V1__LIST_NOTES_REQUEST__INIT;
  get.note_id = (char *)scripted_id;
  list.user_id = (char *)"alice";
  SCRIPTED(front, read, pass_on_and_tell);
  SCRIPTED(front, stream, ask_in_stream);
  SCRIPTED(back, read, wait_for_release);
  for (int i = 0; i < 2; i++) {
    svc_question q = scripted_question(i ? SCRIPTED_READ : SCRIPTED_GET, i ? &list.base : &get.base, NULL);
    q.cancel_at_one = &asked;
    q.timeout_ms = 120000; /* far behind what ends() waits for */
    atomic_store(&asked, 0);
    atomic_store(&asks_ended, 0);
    CHECK_INT(svc_world_ask(w, &q).code, 1);
    CHECK_MSG(ends(&asks_ended), "%s", i ? "a stream" : "unary");
  }
  atomic_store(&released, true);
  svc_world_free(w);
}

static base_err stream_from_back(svc_call *c, const scripted_list *request) {
  scripted_note note = PONTE__NOTES__V1__NOTE__INIT;
  (void)request;
  for (int i = 0; i < 100; i++) {
    const scripted_note *answer;
    BASE_TRY(ask_back(c, &answer));
    note.text = answer->text;
    BASE_TRY(ponte_notes_v1_note_read_notes_put(c, &note));
    svc_drop(c, &answer->base);
  }
  return BASE_OK;
}
static bool count(void *ctx, const ProtobufCMessage *message) {
  *(int *)ctx += strlen(((const scripted_note *)message)->text) > 10;
  return true;
}

static void test_from_a_stream(void) {
  svc_world *w = new_world(both, false, NULL);
  scripted_list request = PONTE__NOTES__V1__LIST_NOTES_REQUEST__INIT;
  int seen = 0;
  request.user_id = (char *)"alice";
  svc_question q = scripted_question(SCRIPTED_READ, &request.base, NULL);
  q.on_message = count;
  q.ctx = &seen;
  SCRIPTED(front, stream, stream_from_back);
  SCRIPTED(back, read, tell_caller);
  CHECK_INT(svc_world_ask(w, &q).code, 0);
  CHECK_INT(seen, 100);
  svc_world_free(w);
}

/* -- many at once ----------------------------------------------------------------------------------------------------------- */

enum { ASKERS = 8, EACH = 20 };
struct asker {
  pthread_t thread;
  svc_world *world;
  int failed;
};
static void *ask_often(void *ctx) {
  struct asker *a = ctx;
  for (int i = 0; i < EACH; i++) {
    a->failed += scripted_ask_get(a->world, NULL, scripted_id).code != 0;
  }
  return NULL;
}

static void test_at_once(void) {
  struct asker askers[ASKERS];
  svc_world *w = new_world(both, false, NULL);
  SCRIPTED(back, read, tell_caller);
  for (int i = 0; i < ASKERS; i++) {
    askers[i] = (struct asker){.world = w};
    REQUIRE(pthread_create(&askers[i].thread, NULL, ask_often, &askers[i]) == 0);
  }
  for (int i = 0; i < ASKERS; i++) {
    pthread_join(askers[i].thread, NULL);
    CHECK_INT(askers[i].failed, 0);
  }
  CHECK_INT(atomic_load(&asked), ASKERS * EACH);
  svc_world_free(w);
}

TEST_MAIN(TEST(test_token_and_trace_go_along), TEST(test_errors_of_a_peer), TEST(test_nobody_there),
          TEST(test_repeated), TEST(test_deadline_reaches_the_peer), TEST(test_cancel), TEST(test_from_a_stream),
          TEST(test_at_once))
