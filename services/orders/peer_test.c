/* What becomes of an order when the users service does not say that its user exists: nothing. Beside a users service that fails as it is told. */
#include <stdio.h>

#include "base/test.h"
#include "orders/testing.h"
#include "ponte/orders/v1/orders.ponte.h"
#include "svc/testing/world.h"

#define USER "01936f2c-0000-7000-8000-000000000001"
#define TRACE "0af7651916cd43dd8448eb211c80319c"
enum { OK = 0, DEADLINE = 4, NOT_FOUND = 5, INTERNAL = 13, UNAVAILABLE = 14 };

static svc_world *world;

static void begin(const char *users_target, bool auth) {
  static const svc_definition *const services[] = {&orders_test_definition, NULL};
  static const char *settings[3];
  settings[0] = "users_target";
  settings[1] = users_target;
  world = svc_world_new(&(svc_world_options){.services = services, .auth = auth, .settings = settings});
}

static svc_reply create(const char *key, int64_t timeout_ms, const char *token) {
  Ponte__Orders__V1__OrderItem item = PONTE__ORDERS__V1__ORDER_ITEM__INIT, *items[] = {&item};
  item.description = (char *)"Pen";
  item.quantity = 1;
  Ponte__Orders__V1__CreateOrderRequest request = PONTE__ORDERS__V1__CREATE_ORDER_REQUEST__INIT;
  request.user_id = (char *)USER;
  request.items = items;
  request.n_items = 1;
  request.currency_code = (char *)"BRL";
  request.idempotency_key = (char *)key;
  return svc_world_ask(world, &(svc_question){.service = "orders",
                                              .method = &ponte_orders_v1_order_service.methods[TEST_CREATE_ORDER],
                                              .request = &request.base,
                                              .token = token,
                                              .timeout_ms = timeout_ms,
                                              .metadata = (const char *const[]){
                                                  "traceparent", "00-" TRACE "-b7ad6b7169203331-01", NULL}});
}

static size_t count_orders(const char *token) {
  Ponte__Orders__V1__ListOrdersRequest request = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
  request.user_id = (char *)USER;
  svc_reply r = svc_world_ask(world, &(svc_question){.service = "orders",
                                                     .method = &ponte_orders_v1_order_service.methods[TEST_LIST_ORDERS],
                                                     .request = &request.base,
                                                     .token = token});
  CHECK_INT(r.code, OK);
  return r.code == OK ? ((const Ponte__Orders__V1__ListOrdersResponse *)r.response)->n_orders : 99;
}

/* With a key, so that what failed is seen not to be kept as the key's answer either: the same key makes the order once the users service says yes. */
static void nothing_is_written_without_a_user(void) {
  static const struct {
    enum fake_users_mode mode;
    int64_t timeout_ms;
    int code;
    const char *reason;
  } rows[] = {
      {FAKE_USERS_NOT_FOUND, 0, NOT_FOUND, "USER_NOT_FOUND"},
      {FAKE_USERS_DELETED, 0, NOT_FOUND, "USER_NOT_FOUND"},
      {FAKE_USERS_UNAVAILABLE, 0, UNAVAILABLE, "STORE_UNAVAILABLE"},
      {FAKE_USERS_INTERNAL, 0, INTERNAL, "INTERNAL"},
      {FAKE_USERS_SLOW, 300, DEADLINE, NULL}, /* the client's own clock may be the first to say so, without a reason */
  };
  fake_users users;
  fake_users_start(&users);
  begin(users.target, false);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char key[8];
    snprintf(key, sizeof key, "k%zu", i);
    fake_users_set(&users, rows[i].mode, 0);
    svc_reply r = create(key, rows[i].timeout_ms, NULL);
    CHECK_MSG(r.code == rows[i].code, "row %zu: %d %s", i, r.code, r.message);
    CHECK_MSG(!rows[i].reason || strcmp(r.reason, rows[i].reason) == 0, "row %zu: %s", i, r.reason);
    CHECK(fake_users_calls(&users) > 0);
    fake_users_release(&users);
    CHECK_INT(count_orders(NULL), i);
    fake_users_set(&users, FAKE_USERS_FOUND, 0);
    CHECK_INT(create(key, 0, NULL).code, OK);
    CHECK_INT(count_orders(NULL), i + 1);
  }
  svc_world_free(world);
  fake_users_stop(&users);
}

static void nothing_is_written_while_users_are_down(void) {
  begin(fake_users_nobody, false);
  svc_reply r = create("k", 0, NULL);
  CHECK_INT(r.code, UNAVAILABLE);
  CHECK_STR(r.reason, "PEER_UNAVAILABLE");
  CHECK(r.retry_after_ms > 0);
  CHECK_INT(count_orders(NULL), 0);
  svc_world_free(world);
}

static void deadline_trace_and_token_go_on(void) {
  /* The C core keeps a clock of its own; on a busy machine 30098 ms were left of 30000. */
  enum { TIMEOUT_MS = 30000, CLOCKS_MS = 5000 };
  fake_users users;
  fake_users_start(&users);
  begin(users.target, true);
  const char *token = svc_world_token(world, USER, "student");
  CHECK_INT(create("", TIMEOUT_MS, token).code, OK);
  CHECK_MSG(strncmp(users.traceparent, "00-" TRACE "-", 36) == 0, "%s", users.traceparent);
  CHECK_MSG(!strstr(users.traceparent, "b7ad6b7169203331"), "a span of our own: %s", users.traceparent);
  CHECK(strncmp(users.authorization, "Bearer ", 7) == 0);
  CHECK_STR(users.authorization + 7, token);
  CHECK_MSG(users.left_ms > 0 && users.left_ms <= TIMEOUT_MS + CLOCKS_MS, "%lld ms", (long long)users.left_ms);
  CHECK_INT(count_orders(token), 1);
  svc_world_free(world);
  fake_users_stop(&users);
}

/* A key that was answered needs no user any more: the order is there. */
static void a_repeated_key_does_not_ask_again(void) {
  fake_users users;
  fake_users_start(&users);
  begin(users.target, false);
  CHECK_INT(create("k", 0, NULL).code, OK);
  fake_users_set(&users, FAKE_USERS_UNAVAILABLE, 0);
  CHECK_INT(create("k", 0, NULL).code, OK);
  CHECK_INT(fake_users_calls(&users), 0);
  CHECK_INT(count_orders(NULL), 1);
  svc_world_free(world);
  fake_users_stop(&users);
}

TEST_MAIN(TEST(nothing_is_written_without_a_user), TEST(nothing_is_written_while_users_are_down),
          TEST(deadline_trace_and_token_go_on), TEST(a_repeated_key_does_not_ask_again))
