/* Idempotency keys: the first answer again, once done, never half. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/test.h"
#include "svc/internal.h"
#include "svc_testing/scripted.h"

static const svc_definition *const services[] = {&scripted_front_definition, NULL};
static _Atomic int prepared, written;
static svc *_Atomic front;
static _Atomic int64_t written_us;

static base_err count_prepare(svc_call *c, const scripted_create *request) {
  (void)c;
  (void)request;
  atomic_fetch_add(&prepared, 1);
  return BASE_OK;
}

static base_err insert(svc_call *c, store_tx *tx, const scripted_create *request, scripted_note *response) {
  static const store_statement statement = {"INSERT INTO notes (note_id, user_id, text) VALUES ($1, $2, $3)"};
  atomic_fetch_add(&written, 1);
  atomic_store(&front, c->service);
  atomic_store(&written_us, svc_now_us(c));
  response->note_id = svc_new_id(c);
  response->text = request->text;
  BASE_TRY(store_exec(
      tx, &statement,
      STORE_VALUES(store_text(response->note_id), store_text(request->user_id), store_text(request->text)), NULL));
  return strcmp(request->text, "fail") == 0 ? svc_fail(c, RPC_REASON_ORDER_CLOSED, NULL, "it is closed") : BASE_OK;
}

static svc_world *new_world(bool auth) {
  scripted_play(&scripted_front, (scripted_steps){.prepare = count_prepare, .write = insert});
  atomic_store(&prepared, 0);
  atomic_store(&written, 0);
  return svc_world_new(&(svc_world_options){.services = services, .auth = auth});
}

static const char *id_of(svc_reply r) { return r.response ? ((const scripted_note *)r.response)->note_id : "none"; }

static void test_replay(void) {
  svc_world *w = new_world(false);
  svc_reply first = scripted_ask_create(w, NULL, "alice", "one", "key-1");
  svc_reply again = scripted_ask_create(w, NULL, "alice", "one", "key-1");
  CHECK_INT(first.code, 0);
  CHECK_INT(again.code, 0);
  CHECK_STR(id_of(again), id_of(first));
  CHECK_STR(((const scripted_note *)again.response)->text, "one");
  CHECK_INT(atomic_load(&written), 1);
  CHECK_INT(atomic_load(&prepared), 1); /* peers are not asked again */
  svc_world_restart(w);
  CHECK_STR(id_of(scripted_ask_create(w, NULL, "alice", "one", "key-1")), id_of(first));
  CHECK_INT(atomic_load(&written), 1);
  svc_world_free(w);
}

static void test_other_requests(void) {
  svc_world *w = new_world(false);
  CHECK_INT(scripted_ask_create(w, NULL, "alice", "one", "key-1").code, 0);
  svc_reply r = scripted_ask_create(w, NULL, "alice", "two", "key-1");
  CHECK_INT(r.code, 3);
  CHECK_STR(r.reason, "KEY_REUSED");
  CHECK_STR(r.field, "idempotency_key");
  CHECK_STR(scripted_ask_create(w, NULL, "bob", "one", "key-1").reason, "KEY_REUSED");
  CHECK_INT(atomic_load(&written), 1);
  CHECK_INT(scripted_ask_create(w, NULL, "alice", "two", "key-2").code, 0);
  CHECK_INT(scripted_ask_create(w, NULL, "alice", "two", "").code,
            6); /* without a key: executed, and the text is unique */
  CHECK_INT(atomic_load(&written), 3);
  svc_world_free(w);
}

static void test_a_failure_is_not_kept(void) {
  svc_world *w = new_world(false);
  CHECK_STR(scripted_ask_create(w, NULL, "alice", "fail", "key-1").reason, "ORDER_CLOSED");
  CHECK_STR(scripted_ask_create(w, NULL, "alice", "fail", "key-1").reason, "ORDER_CLOSED");
  CHECK_INT(atomic_load(&written), 2);
  CHECK_INT(scripted_ask_create(w, NULL, "alice", "better", "key-1").code, 0); /* the key was never used */
  svc_world_free(w);
}

static void test_keys_are_a_callers_own(void) {
  svc_world *w = new_world(true);
  const char *alice = svc_world_token(w, "alice", "student"), *bob = svc_world_token(w, "bob", "student");
  svc_reply a = scripted_ask_create(w, alice, "alice", "one", "key-1");
  svc_reply b = scripted_ask_create(w, bob, "bob", "two", "key-1");
  CHECK_INT(a.code, 0);
  CHECK_INT(b.code, 0);
  CHECK(strcmp(id_of(a), id_of(b)) != 0);
  CHECK_STR(id_of(scripted_ask_create(w, bob, "bob", "two", "key-1")), id_of(b));
  svc_world_free(w);
}

static void test_kept_for_a_week(void) {
  const int64_t week_us = INT64_C(7) * 24 * 3600 * 1000000;
  svc_world *w = new_world(false);
  CHECK_INT(scripted_ask_create(w, NULL, "alice", "one", "key-1").code, 0);
  svc__answers_purge(atomic_load(&front), atomic_load(&written_us) + week_us);
  CHECK_STR(scripted_ask_create(w, NULL, "alice", "two", "key-1").reason, "KEY_REUSED");
  svc__answers_purge(atomic_load(&front), atomic_load(&written_us) + week_us + 1);
  CHECK_INT(scripted_ask_create(w, NULL, "alice", "two", "key-1").code, 0);
  svc_world_free(w);
}

/* -- at once -------------------------------------------------------------------------------------------------------------- */

enum { RIVALS = 8 };
struct rival {
  pthread_t thread;
  svc_world *world;
  svc_reply reply;
};

static void *compete(void *ctx) {
  struct rival *r = ctx;
  r->reply = scripted_ask_create(r->world, NULL, "alice", "at once", "key-1");
  return NULL;
}

static void test_at_once(void) {
  svc_world *w = new_world(false);
  struct rival rivals[RIVALS];
  for (int i = 0; i < RIVALS; i++) {
    rivals[i].world = w;
    REQUIRE(pthread_create(&rivals[i].thread, NULL, compete, &rivals[i]) == 0);
  }
  for (int i = 0; i < RIVALS; i++) {
    pthread_join(rivals[i].thread, NULL);
    CHECK_MSG(rivals[i].reply.code == 0, "%d: %s %s", rivals[i].reply.code, rivals[i].reply.reason,
              rivals[i].reply.message);
    CHECK_STR(id_of(rivals[i].reply), id_of(rivals[0].reply));
  }
  svc_world_free(w);
}

TEST_MAIN(TEST(test_replay), TEST(test_other_requests), TEST(test_a_failure_is_not_kept),
          TEST(test_keys_are_a_callers_own), TEST(test_kept_for_a_week), TEST(test_at_once))
