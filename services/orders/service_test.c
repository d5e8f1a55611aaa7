/* Every method of the orders service over sockets and a real store, beside the real users service. */
#include "orders/service.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/test.h"
#include "orders/testing.h"
#include "ponte/orders/v1/orders.ponte.h"
#include "ponte/users/v1/users.ponte.h"
#include "svc/testing/world.h"
#include "svc/timestamp.h"
#include "users/service.h"

#define NOBODY "01936f2c-0000-7000-8000-000000000001"
enum { OK = 0, INVALID = 3, NOT_FOUND = 5, DENIED = 7, PRECONDITION = 9, RANGE = 11, UNAUTHENTICATED = 16 };

static svc_world *world;
static const char *token; /* of the next questions; NULL: none */

static svc_reply ask(int method, const ProtobufCMessage *request) {
  return svc_world_ask(world, &(svc_question){.service = "orders",
                                              .method = &ponte_orders_v1_order_service.methods[method],
                                              .request = request,
                                              .token = token});
}

static void begin(bool auth) {
  static const svc_definition *const services[] = {&users_definition, &orders_test_definition, NULL};
  world = svc_world_new(&(svc_world_options){.services = services, .auth = auth});
  token = NULL;
}

static void end(void) { svc_world_free(world); }

/* -- questions ----------------------------------------------------------------------------------------------------- */

static char *new_user(const char *name) {
  char email[64];
  snprintf(email, sizeof email, "%s@example.org", name);
  Ponte__Users__V1__CreateUserRequest request = PONTE__USERS__V1__CREATE_USER_REQUEST__INIT;
  request.display_name = (char *)name;
  request.email = email;
  svc_reply r = svc_world_ask(world, &(svc_question){.service = "users",
                                                     .method = &ponte_users_v1_user_service.methods[TEST_CREATE_USER],
                                                     .request = &request.base,
                                                     .token = token});
  CHECK_INT(r.code, OK);
  return r.code == OK ? ((const Ponte__Users__V1__User *)r.response)->user_id : (char *)NOBODY;
}

typedef struct {
  const char *description;
  int32_t quantity;
  int64_t unit_price;
} item;

/* Of one item, or of two of the same. */
static svc_reply create(const char *user_id, item i, size_t items, const char *currency, const char *key) {
  Ponte__Orders__V1__OrderItem one = PONTE__ORDERS__V1__ORDER_ITEM__INIT;
  one.description = (char *)i.description;
  one.quantity = i.quantity;
  one.unit_price = i.unit_price;
  Ponte__Orders__V1__OrderItem *list[ORDERS_ITEMS_MAX + 1];
  for (size_t k = 0; k < items; k++)
    list[k] = &one;
  Ponte__Orders__V1__CreateOrderRequest request = PONTE__ORDERS__V1__CREATE_ORDER_REQUEST__INIT;
  request.user_id = (char *)user_id;
  request.items = list;
  request.n_items = items;
  request.currency_code = (char *)currency;
  request.idempotency_key = (char *)key;
  return ask(TEST_CREATE_ORDER, &request.base);
}

static const Ponte__Orders__V1__Order *new_order(const char *user_id, int64_t price) {
  svc_reply r = create(user_id, (item){"Pen", 1, price}, 1, "BRL", "");
  CHECK_INT(r.code, OK);
  return (const Ponte__Orders__V1__Order *)r.response;
}

static svc_reply get(const char *order_id) {
  Ponte__Orders__V1__GetOrderRequest request = PONTE__ORDERS__V1__GET_ORDER_REQUEST__INIT;
  request.order_id = (char *)order_id;
  return ask(TEST_GET_ORDER, &request.base);
}

static svc_reply change(int method, const char *order_id, const char *key) {
  Ponte__Orders__V1__PayOrderRequest pay = PONTE__ORDERS__V1__PAY_ORDER_REQUEST__INIT;
  Ponte__Orders__V1__CancelOrderRequest cancel = PONTE__ORDERS__V1__CANCEL_ORDER_REQUEST__INIT;
  pay.order_id = cancel.order_id = (char *)order_id;
  pay.idempotency_key = cancel.idempotency_key = (char *)key;
  return ask(method, method == TEST_PAY_ORDER ? &pay.base : &cancel.base);
}

static int state_of(const char *order_id) {
  svc_reply r = get(order_id);
  return r.code == OK ? (int)((const Ponte__Orders__V1__Order *)r.response)->state : -1;
}

/* How many there are. */
static size_t count_orders(const char *user_id) {
  Ponte__Orders__V1__ListOrdersRequest request = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
  request.user_id = (char *)user_id;
  svc_reply r = ask(TEST_LIST_ORDERS, &request.base);
  CHECK_INT(r.code, OK);
  return r.code == OK ? ((const Ponte__Orders__V1__ListOrdersResponse *)r.response)->n_orders : 0;
}

/* -- one order ----------------------------------------------------------------------------------------------------- */

static void an_order_is_kept_as_it_was_made(void) {
  begin(false);
  const char *alice = new_user("Alice");
  int64_t before_us = base_wall_us();
  svc_reply r = create(alice, (item){"Caf\xc3\xa9, \"big\"", 2, 3750}, 2, "BRL", "");
  REQUIRE(r.code == OK);
  const Ponte__Orders__V1__Order *made = (const Ponte__Orders__V1__Order *)r.response;
  r = get(made->order_id);
  REQUIRE(r.code == OK);
  const Ponte__Orders__V1__Order *kept = (const Ponte__Orders__V1__Order *)r.response;
  const Ponte__Orders__V1__Order *both[] = {made, kept};
  for (int i = 0; i < 2; i++) {
    int64_t created_us = 0, updated_us = 0;
    CHECK_STR(both[i]->order_id, made->order_id);
    CHECK_STR(both[i]->user_id, alice);
    REQUIRE(both[i]->n_items == 2 && both[i]->total && both[i]->create_time && both[i]->update_time);
    CHECK_STR(both[i]->items[1]->description, "Caf\xc3\xa9, \"big\"");
    CHECK_INT(both[i]->items[1]->quantity, 2);
    CHECK_INT(both[i]->items[1]->unit_price, 3750);
    CHECK_INT(both[i]->total->minor_units, 15000);
    CHECK_STR(both[i]->total->currency_code, "BRL");
    CHECK_INT(both[i]->state, ORDERS_PENDING);
    CHECK(svc_time_us(both[i]->create_time, &created_us) && svc_time_us(both[i]->update_time, &updated_us));
    CHECK(created_us >= before_us && created_us <= base_wall_us());
    CHECK_INT(updated_us, created_us);
  }
  end();
}

static void a_repeated_key_makes_one_order(void) {
  begin(false);
  const char *alice = new_user("Alice");
  svc_reply first = create(alice, (item){"Pen", 1, 500}, 1, "BRL", "k1");
  svc_reply second = create(alice, (item){"Pen", 1, 500}, 1, "BRL", "k1");
  svc_reply other = create(alice, (item){"Pen", 2, 500}, 1, "BRL", "k1");
  REQUIRE(first.code == OK && second.code == OK);
  CHECK_STR(((const Ponte__Orders__V1__Order *)second.response)->order_id,
            ((const Ponte__Orders__V1__Order *)first.response)->order_id);
  CHECK_INT(other.code, INVALID);
  CHECK_STR(other.reason, "KEY_REUSED");
  CHECK_INT(count_orders(""), 1);
  end();
}

static void orders_that_cannot_be_are_refused(void) {
  begin(false);
  const char *alice = new_user("Alice"), *gone = new_user("Gone");
  Ponte__Users__V1__DeleteUserRequest request = PONTE__USERS__V1__DELETE_USER_REQUEST__INIT;
  request.user_id = (char *)gone;
  svc_reply r = svc_world_ask(world, &(svc_question){.service = "users",
                                                     .method = &ponte_users_v1_user_service.methods[TEST_DELETE_USER],
                                                     .request = &request.base});
  CHECK_INT(r.code, OK);
  static char long_text[202];
  memset(long_text, 'x', sizeof long_text - 1);
  const struct {
    const char *user_id;
    item item;
    size_t items;
    const char *currency;
    int code;
    const char *reason, *field;
  } rows[] = {
      {NOBODY, {"Pen", 1, 1}, 1, "BRL", NOT_FOUND, "USER_NOT_FOUND", "user_id"},
      {gone, {"Pen", 1, 1}, 1, "BRL", NOT_FOUND, "USER_NOT_FOUND", "user_id"},
      {"", {"Pen", 1, 1}, 1, "BRL", INVALID, "INVALID_FIELD", "user_id"},
      {"alice", {"Pen", 1, 1}, 1, "BRL", INVALID, "INVALID_FIELD", "user_id"},
      {alice, {"Pen", 1, 1}, 0, "BRL", INVALID, "INVALID_FIELD", "items"},
      {alice, {"Pen", 1, 1}, ORDERS_ITEMS_MAX + 1, "BRL", INVALID, "INVALID_FIELD", "items"},
      {alice, {"", 1, 1}, 1, "BRL", INVALID, "INVALID_FIELD", "items[0].description"},
      {alice, {long_text, 1, 1}, 1, "BRL", INVALID, "INVALID_FIELD", "items[0].description"},
      {alice, {"Pen", 0, 1}, 1, "BRL", INVALID, "INVALID_FIELD", "items[0].quantity"},
      {alice, {"Pen", -1, 1}, 1, "BRL", INVALID, "INVALID_FIELD", "items[0].quantity"},
      {alice, {"Pen", 1000001, 1}, 1, "BRL", INVALID, "INVALID_FIELD", "items[0].quantity"},
      {alice, {"Pen", 1, -1}, 1, "BRL", INVALID, "INVALID_FIELD", "items[0].unit_price"},
      {alice, {"Pen", 1, 1}, 1, "", INVALID, "INVALID_FIELD", "currency_code"},
      {alice, {"Pen", 1, 1}, 1, "brl", INVALID, "INVALID_FIELD", "currency_code"},
      {alice, {"Pen", 1, 1}, 1, "ABC", INVALID, "INVALID_FIELD", "currency_code"},
      {alice, {"Pen", 1, 1}, 1, "XAU", INVALID, "INVALID_FIELD", "currency_code"},
      {alice, {"Pen", 1, 1}, 1, "BRLL", INVALID, "INVALID_FIELD", "currency_code"},
      {alice, {"Pen", 2, INT64_MAX}, 1, "BRL", RANGE, "AMOUNT_OVERFLOW", "items"},
      {alice, {"Pen", 1, INT64_MAX}, 2, "BRL", RANGE, "AMOUNT_OVERFLOW", "items"},
      {alice, {"Pen", 1000000, INT64_MAX / 1000000 + 1}, 1, "BRL", RANGE, "AMOUNT_OVERFLOW", "items"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    r = create(rows[i].user_id, rows[i].item, rows[i].items, rows[i].currency, "");
    CHECK_MSG(r.code == rows[i].code, "row %zu: code %d, %s", i, r.code, r.message);
    CHECK_MSG(strcmp(r.reason, rows[i].reason) == 0, "row %zu: %s", i, r.reason);
    CHECK_MSG(strcmp(r.field, rows[i].field) == 0, "row %zu: %s", i, r.field);
  }
  CHECK_INT(count_orders(""), 0);
  r = create(alice, (item){"Pen", 1, INT64_MAX}, 1, "BRL", "");
  CHECK_INT(r.code, OK);
  end();
}

static void orders_are_paid_or_cancelled_once(void) {
  begin(false);
  const char *alice = new_user("Alice");
  static const int methods[] = {TEST_PAY_ORDER, TEST_CANCEL_ORDER};
  static const int states[] = {ORDERS_PAID, ORDERS_CANCELLED};
  for (int i = 0; i < 2; i++) {
    const Ponte__Orders__V1__Order *order = new_order(alice, 100);
    svc_reply r = change(methods[i], order->order_id, "k");
    REQUIRE(r.code == OK);
    const Ponte__Orders__V1__Order *changed = (const Ponte__Orders__V1__Order *)r.response;
    int64_t created_us = 0, updated_us = 0;
    CHECK(svc_time_us(changed->create_time, &created_us) && svc_time_us(changed->update_time, &updated_us));
    CHECK(updated_us > created_us);
    CHECK_INT(changed->state, states[i]);
    CHECK_INT(changed->n_items, 1);
    CHECK_INT(state_of(order->order_id), states[i]);
    CHECK_INT(change(methods[i], order->order_id, "k").code, OK); /* the same key: the first answer */
    for (int k = 0; k < 2; k++) {
      r = change(methods[k], order->order_id, "");
      CHECK_INT(r.code, PRECONDITION);
      CHECK_STR(r.reason, "ORDER_CLOSED");
    }
    CHECK_INT(state_of(order->order_id), states[i]);
  }
  static const struct {
    const char *order_id;
    int code;
    const char *reason;
  } rows[] = {{NOBODY, NOT_FOUND, "ORDER_NOT_FOUND"}, {"", INVALID, "INVALID_FIELD"}, {"1", INVALID, "INVALID_FIELD"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    svc_reply replies[] = {get(rows[i].order_id), change(TEST_PAY_ORDER, rows[i].order_id, ""),
                           change(TEST_CANCEL_ORDER, rows[i].order_id, "")};
    for (int k = 0; k < 3; k++) {
      CHECK_INT(replies[k].code, rows[i].code);
      CHECK_STR(replies[k].reason, rows[i].reason);
      CHECK_STR(replies[k].field, "order_id");
    }
  }
  end();
}

typedef struct {
  const char *order_id;
  int method;
  _Atomic int *ready;
  svc_reply reply;
} racer;

static void *race(void *ctx) {
  racer *r = ctx;
  atomic_fetch_sub(r->ready, 1);
  while (atomic_load(r->ready) > 0) {
  }
  r->reply = change(r->method, r->order_id, "");
  return NULL;
}

/* Payers and cancellers at the same moment: exactly one wins, the others are told, and the order is as the winner left it. */
static void exactly_one_of_many_closes_an_order(void) {
  enum { RACERS = 6, ROUNDS = 5 };
  begin(false);
  const char *alice = new_user("Alice");
  for (int round = 0; round < ROUNDS; round++) {
    const Ponte__Orders__V1__Order *order = new_order(alice, 100);
    pthread_t threads[RACERS];
    racer racers[RACERS];
    _Atomic int ready = RACERS;
    for (int i = 0; i < RACERS; i++) {
      racers[i] = (racer){order->order_id, i % 2 ? TEST_PAY_ORDER : TEST_CANCEL_ORDER, &ready, {0}};
      REQUIRE(pthread_create(&threads[i], NULL, race, &racers[i]) == 0);
    }
    int won = 0, state = 0;
    for (int i = 0; i < RACERS; i++) {
      pthread_join(threads[i], NULL);
      if (racers[i].reply.code == OK) {
        won++;
        state = racers[i].method == TEST_PAY_ORDER ? ORDERS_PAID : ORDERS_CANCELLED;
      } else {
        CHECK_STR(racers[i].reply.reason, "ORDER_CLOSED");
      }
    }
    CHECK_INT(won, 1);
    CHECK_INT(state_of(order->order_id), state);
  }
  end();
}

/* A page of the largest orders would not fit into a message: it ends earlier, and nothing is left out. */
static void pages_of_large_orders_are_short(void) {
  enum { LARGE = 45 };
  begin(false);
  const char *alice = new_user("Alice");
  static char text[801];
  for (int i = 0; i < 200; i++)
    memcpy(text + 4 * i, "\xf0\x9f\x8e\x93", 4);
  for (int i = 0; i < LARGE; i++) {
    CHECK_INT(create(alice, (item){text, 1, 1}, ORDERS_ITEMS_MAX, "BRL", "").code, OK);
  }
  Ponte__Orders__V1__ListOrdersRequest request = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
  request.page_size = 1000;
  size_t counts[4] = {0};
  for (int page = 0; page < 4; page++) {
    svc_reply r = ask(TEST_LIST_ORDERS, &request.base);
    REQUIRE(r.code == OK);
    const Ponte__Orders__V1__ListOrdersResponse *orders = (const Ponte__Orders__V1__ListOrdersResponse *)r.response;
    counts[page] = orders->n_orders;
    for (size_t i = 0; i < orders->n_orders; i++)
      CHECK_INT(orders->orders[i]->n_items, ORDERS_ITEMS_MAX);
    request.page_token = orders->next_page_token;
    if (!request.page_token[0]) break;
  }
  CHECK_INT(counts[0], 20);
  CHECK_INT(counts[1], 20);
  CHECK_INT(counts[2], 5);
  end();
}

/* -- who may ------------------------------------------------------------------------------------------------------- */

static void orders_are_their_users_own(void) {
  begin(true);
  token = svc_world_token(world, NOBODY, "admin");
  const char *alice = new_user("Alice"), *bob = new_user("Bob");
  const char *as_alice = svc_world_token(world, alice, "student"), *as_bob = svc_world_token(world, bob, "student"),
             *as_teacher = svc_world_token(world, NOBODY, "teacher"), *as_admin = token,
             *old = svc_world_old_token(world, alice, "student");
  const struct {
    const char *token;
    int create, get, list, list_all, sums, cancel;
    const char *who;
  } rows[] = {
      {as_alice, OK, OK, OK, DENIED, OK, OK, "the user"},
      {as_bob, DENIED, DENIED, DENIED, DENIED, DENIED, DENIED, "another student"},
      {as_teacher, DENIED, OK, OK, OK, OK, DENIED, "a teacher"},
      {as_admin, OK, OK, OK, OK, OK, OK, "an administrator"},
      {old, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED,
       "somebody of an hour ago"},
      {"forged", UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED,
       "somebody without a token of ours"},
      {NULL, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED,
       "nobody"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    token = as_alice;
    const char *paid = new_order(alice, 1)->order_id, *cancelled = new_order(alice, 1)->order_id;
    token = rows[i].token;
    Ponte__Orders__V1__ListOrdersRequest l = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
    Ponte__Orders__V1__SummarizeOrdersRequest s = PONTE__ORDERS__V1__SUMMARIZE_ORDERS_REQUEST__INIT;
    CHECK_MSG(create(alice, (item){"Pen", 1, 1}, 1, "BRL", "").code == rows[i].create, "create, %s", rows[i].who);
    CHECK_MSG(get(paid).code == rows[i].get, "get, %s", rows[i].who);
    CHECK_MSG(ask(TEST_LIST_ORDERS, &l.base).code == rows[i].list_all, "list of all, %s", rows[i].who);
    CHECK_MSG(ask(TEST_SUMMARIZE_ORDERS, &s.base).code == rows[i].list_all, "sums of all, %s", rows[i].who);
    l.user_id = s.user_id = (char *)alice;
    CHECK_MSG(ask(TEST_LIST_ORDERS, &l.base).code == rows[i].list, "list, %s", rows[i].who);
    CHECK_MSG(ask(TEST_SUMMARIZE_ORDERS, &s.base).code == rows[i].sums, "sums, %s", rows[i].who);
    CHECK_MSG(change(TEST_PAY_ORDER, paid, "").code == rows[i].cancel, "pay, %s", rows[i].who);
    CHECK_MSG(change(TEST_CANCEL_ORDER, cancelled, "").code == rows[i].cancel, "cancel, %s", rows[i].who);
    token = as_admin;
    bool may = rows[i].cancel == OK;
    CHECK_INT(state_of(paid), may ? ORDERS_PAID : ORDERS_PENDING);
    CHECK_INT(state_of(cancelled), may ? ORDERS_CANCELLED : ORDERS_PENDING);
  }
  end();
}

static void orders_outlive_a_restart(void) {
  begin(false);
  const char *alice = new_user("Alice");
  const char *order_id = new_order(alice, 100)->order_id;
  CHECK_INT(change(TEST_PAY_ORDER, order_id, "").code, OK);
  svc_world_restart(world);
  CHECK_INT(state_of(order_id), ORDERS_PAID);
  CHECK_INT(count_orders(alice), 1);
  end();
}

TEST_MAIN(TEST(an_order_is_kept_as_it_was_made), TEST(a_repeated_key_makes_one_order),
          TEST(orders_that_cannot_be_are_refused), TEST(orders_are_paid_or_cancelled_once),
          TEST(exactly_one_of_many_closes_an_order), TEST(pages_of_large_orders_are_short),

          TEST(orders_are_their_users_own), TEST(orders_outlive_a_restart))
