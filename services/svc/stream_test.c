/* Server streams: slow clients, clients that go, too many of them. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/test.h"
#include "svc_testing/scripted.h"

static const svc_definition *const services[] = {&scripted_front_definition, NULL};
enum { MANY = 2000, FAR = 200, BIG = 64 * 1024 }; /* FAR * BIG is three times what a queue may ever hold */

static _Atomic int put, running;
static _Atomic uint16_t ended_with; /* of the last stream */
static _Atomic bool released;

static void pause_ms(long ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL); }
static bool eventually(_Atomic int *value, int want) {
  for (int64_t end_ms = base_now_ms() + 30000; atomic_load(value) != want && base_now_ms() < end_ms;) {
    pause_ms(5);
  }
  return atomic_load(value) == want;
}

static base_err put_many(svc_call *c, const scripted_list *request) {
  static char big[BIG];
  scripted_note note = PONTE__NOTES__V1__NOTE__INIT;
  char number[16];
  base_err e = BASE_OK;
  memset(big, 'x', sizeof big - 1);
  note.text = request->page_size > 0 ? big : number;
  note.user_id = request->user_id;
  atomic_fetch_add(&running, 1);
  for (int i = 0; base_is_ok(e) && i < (request->page_size == 2 ? FAR : MANY); i++) {
    snprintf(number, sizeof number, "%d", i);
    e = ponte_notes_v1_note_read_notes_put(c, &note);
    atomic_fetch_add(&put, base_is_ok(e));
  }
  atomic_store(&ended_with, e.code);
  atomic_fetch_sub(&running, 1);
  return e;
}

static svc_world *new_world(bool auth, base_err (*stream)(svc_call *, const scripted_list *)) {
  scripted_play(&scripted_front, (scripted_steps){.stream = stream});
  atomic_store(&put, 0);
  atomic_store(&running, 0);
  atomic_store(&released, false);
  return svc_world_new(&(svc_world_options){.services = services, .auth = auth});
}

static svc_reply ask(svc_world *w, const char *token, const char *user_id, int page_size, int64_t timeout_ms,
                     bool (*on_message)(void *, const ProtobufCMessage *), void *ctx) {
  scripted_list request = PONTE__NOTES__V1__LIST_NOTES_REQUEST__INIT;
  request.user_id = (char *)user_id;
  request.page_size = page_size;
  svc_question q = scripted_question(SCRIPTED_READ, &request.base, token);
  q.timeout_ms = timeout_ms;
  q.on_message = on_message;
  q.ctx = ctx;
  return svc_world_ask(w, &q);
}

static bool count_in_order(void *ctx, const ProtobufCMessage *message) {
  int *next = ctx;
  char want[16];
  snprintf(want, sizeof want, "%d", *next);
  *next += strcmp(((const scripted_note *)message)->text, want) == 0;
  return true;
}

static void test_all_arrive(void) {
  svc_world *w = new_world(false, put_many);
  int next = 0;
  svc_reply r = ask(w, NULL, "alice", 0, 0, count_in_order, &next);
  CHECK_INT(r.code, 0);
  CHECK_INT(next, MANY);
  svc_world_free(w);
}

/* Reads nothing until the handler has stood still for a while. */
static bool read_late(void *ctx, const ProtobufCMessage *message) {
  int *seen = ctx;
  (void)message;
  if (++*seen == 1) {
    for (int last = -1, still = 0; still < 20; last = atomic_load(&put)) {
      still = atomic_load(&put) == last ? still + 1 : 0;
      pause_ms(10);
    }
    CHECK_INT(atomic_load(&running), 1); /* it waits, and has not failed */
    CHECK(atomic_load(&put) < FAR);
  }
  return true;
}

static void test_slow_client(void) {
  svc_world *w = new_world(false, put_many);
  int seen = 0;
  CHECK_INT(ask(w, NULL, "alice", 2, 0, read_late, &seen).code, 0);
  CHECK_INT(seen, FAR);
  svc_world_free(w);
}

static bool stop_at_third(void *ctx, const ProtobufCMessage *message) {
  (void)message;
  return ++*(int *)ctx < 3;
}

static void test_client_goes(void) {
  svc_world *w = new_world(false, put_many);
  int seen = 0;
  svc_reply r = ask(w, NULL, "alice", 1, 0, stop_at_third, &seen);
  CHECK_INT(r.code, 1);
  CHECK(eventually(&running, 0));
  CHECK_INT(atomic_load(&ended_with), BASE_E_CANCELLED);
  CHECK(atomic_load(&put) < MANY); /* nobody fills a queue for one who is gone */
  svc_world_free(w);
}

static base_err put_until_told(svc_call *c, const scripted_list *request) {
  scripted_note note = PONTE__NOTES__V1__NOTE__INIT;
  base_err e = BASE_OK;
  (void)request;
  atomic_fetch_add(&running, 1);
  while (base_is_ok(e) && !atomic_load(&released)) {
    e = ponte_notes_v1_note_read_notes_put(c, &note);
    pause_ms(2);
  }
  atomic_store(&ended_with, e.code);
  atomic_fetch_sub(&running, 1);
  return e;
}

static bool go_on(void *ctx, const ProtobufCMessage *message) {
  (void)ctx;
  (void)message;
  return true;
}

static void test_deadline(void) {
  svc_world *w = new_world(false, put_until_told);
  CHECK_INT(ask(w, NULL, "alice", 0, 300, go_on, NULL).code, 4);
  CHECK(eventually(&running, 0));
  /* The client cancels when its own clock has run out; on a busy machine that arrives before ours has. */
  int end = atomic_load(&ended_with);
  CHECK_MSG(end == BASE_E_DEADLINE || end == BASE_E_CANCELLED, "%d", end);
  svc_world_free(w);
}

struct client {
  pthread_t thread;
  svc_world *world;
  svc_reply reply;
};
static void *run_client(void *ctx) {
  struct client *c = ctx;
  c->reply = ask(c->world, NULL, "alice", 0, 0, go_on, NULL);
  return NULL;
}

static void test_too_many(void) {
  enum { MOST = 32 };
  struct client clients[MOST];
  svc_world *w = new_world(false, put_until_told);
  for (int i = 0; i < MOST; i++) {
    clients[i].world = w;
    REQUIRE(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) == 0);
  }
  CHECK(eventually(&running, MOST));
  svc_reply r = ask(w, NULL, "alice", 0, 0, go_on, NULL);
  CHECK_INT(r.code, 8);
  CHECK_STR(r.reason, "TOO_MANY_STREAMS");
  CHECK(r.retry_after_ms > 0);
  CHECK_INT(scripted_ask_get(w, NULL, scripted_id).code, 0); /* unary calls have threads of their own */
  atomic_store(&released, true);
  for (int i = 0; i < MOST; i++) {
    pthread_join(clients[i].thread, NULL);
    CHECK_INT(clients[i].reply.code, 0);
  }
  CHECK(eventually(&running, 0));
  CHECK_INT(ask(w, NULL, "alice", 0, 0, go_on, NULL).code, 0);
  svc_world_free(w);
}

static base_err refuse_behind_two(svc_call *c, const scripted_list *request) {
  scripted_note note = PONTE__NOTES__V1__NOTE__INIT;
  (void)request;
  BASE_TRY(ponte_notes_v1_note_read_notes_put(c, &note));
  BASE_TRY(ponte_notes_v1_note_read_notes_put(c, &note));
  return svc_fail(c, RPC_REASON_ORDER_CLOSED, "user_id", "no more of these");
}
static bool count(void *ctx, const ProtobufCMessage *message) {
  (void)message;
  ++*(int *)ctx;
  return true;
}

static void test_errors(void) {
  svc_world *w = new_world(true, refuse_behind_two);
  const char *alice = svc_world_token(w, "alice", "student");
  int seen = 0;
  svc_reply r = ask(w, alice, "alice", 0, 0, count, &seen);
  CHECK_STR(r.reason, "ORDER_CLOSED");
  CHECK_STR(r.field, "user_id");
  CHECK_INT(seen, 2);
  CHECK_STR(ask(w, NULL, "alice", 0, 0, count, &seen).reason, "NO_IDENTITY");
  CHECK_STR(ask(w, alice, "bob", 0, 0, count, &seen).reason, "NOT_ALLOWED");
  CHECK_STR(ask(w, alice, "alice", -1, 0, count, &seen).field, "page_size");
  CHECK_INT(seen, 2);
  svc_world_free(w);
}

static base_err forget_often(svc_call *c, const scripted_list *request) {
  scripted_note note = PONTE__NOTES__V1__NOTE__INIT;
  for (int i = 0; i < 200; i++) { /* 200 MiB in all, far above what a stream may hold */
    if (svc_alloc(c, 1 << 20) == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
    if (strcmp(request->user_id, "forgetful") == 0) {
      svc_forget(c);
    }
  }
  note.user_id = request->user_id; /* the request is still there */
  return ponte_notes_v1_note_read_notes_put(c, &note);
}

static void test_memory(void) {
  svc_world *w = new_world(false, forget_often);
  int seen = 0;
  CHECK_INT(ask(w, NULL, "forgetful", 0, 0, count, &seen).code, 0);
  CHECK_INT(seen, 1);
  CHECK_STR(ask(w, NULL, "hoarding", 0, 0, count, &seen).reason, "OUT_OF_MEMORY");
  svc_world_free(w);
}

/* The host stops while a client is in the middle: the stream is cut off, and nothing is left behind. */
static void test_stop_cuts_off(void) {
  svc_world *w = new_world(false, put_until_told);
  struct client client = {.world = w};
  REQUIRE(pthread_create(&client.thread, NULL, run_client, &client) == 0);
  CHECK(eventually(&running, 1));
  svc_host_stop(svc_world_host(w), 0);
  CHECK_INT(atomic_load(&running), 0);
  pthread_join(client.thread, NULL);
  CHECK(client.reply.code == 14 || client.reply.code == 1);
  svc_world_free(w);
}

TEST_MAIN(TEST(test_all_arrive), TEST(test_slow_client), TEST(test_client_goes), TEST(test_deadline),
          TEST(test_too_many), TEST(test_errors), TEST(test_memory), TEST(test_stop_cuts_off))
