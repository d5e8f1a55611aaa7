#include "orders/service.h"

#include <stdlib.h>

#include "orders/currency.h"
#include "orders/migrations.h"
#include "orders/store.h"
#include "ponte/orders/v1/orders.ponte.svc.h"
#include "ponte/users/v1/users.ponte.svc.h"
#include "svc/timestamp.h"

_Static_assert((int)ORDERS_PENDING == PONTE__ORDERS__V1__ORDER_STATE__ORDER_STATE_PENDING &&
                   (int)ORDERS_PAID == PONTE__ORDERS__V1__ORDER_STATE__ORDER_STATE_PAID &&
                   (int)ORDERS_CANCELLED == PONTE__ORDERS__V1__ORDER_STATE__ORDER_STATE_CANCELLED,
               "the store keeps the .proto's numbers");

typedef struct {
  svc_peer *users;
} orders_service;

/* -- one order ----------------------------------------------------------------------------------------------------- */

static base_err fail_user_not_found(svc_call *c) {
  return svc_fail(c, RPC_REASON_USER_NOT_FOUND, "user_id",
                  "there is no such user; give the user_id of one that is not deleted");
}

/* OK: the user exists and is not deleted. */
static base_err require_user(svc_call *c, const char *user_id) {
  const orders_service *service = svc_state(c);
  Ponte__Users__V1__GetUserRequest request = PONTE__USERS__V1__GET_USER_REQUEST__INIT;
  request.user_id = (char *)user_id;
  const Ponte__Users__V1__User *user = NULL;
  base_err e = ponte_users_v1_user_get_user_ask(c, service->users, &request, &user);
  if (base_is(e, BASE_E_NOT_FOUND)) return fail_user_not_found(c);
  BASE_TRY(e);
  return user->delete_time ? fail_user_not_found(c) : BASE_OK;
}

/* What needs no store: the total is left for write. */
static base_err prepare_order(svc_call *c, const Ponte__Orders__V1__CreateOrderRequest *request) {
  if (!orders_currency_find(request->currency_code)) {
    return svc_fail(
        c, RPC_REASON_INVALID_FIELD, "currency_code",
        "currency_code must be a code of ISO 4217 in capitals, such as BRL, of a currency with minor units");
  }
  int64_t *total = svc_alloc(c, sizeof *total);
  if (!total) return base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; i < request->n_items; i++) {
    if (!orders_add_item(total, request->items[i]->quantity, request->items[i]->unit_price)) {
      return svc_fail(c, RPC_REASON_AMOUNT_OVERFLOW, "items",
                      "the total must be at most 9223372036854775807 minor units; split the order");
    }
  }
  svc_set_data(c, total);
  return require_user(c, request->user_id);
}

static base_err write_order(svc_call *c, store_tx *tx, const Ponte__Orders__V1__CreateOrderRequest *request,
                            Ponte__Orders__V1__Order *response) {
  struct {
    Ponte__Type__V1__Money total;
    Google__Protobuf__Timestamp created, updated;
  } *parts = svc_alloc(c, sizeof *parts);
  char *order_id = svc_new_id(c);
  if (!parts || !order_id) return base_fail(BASE_E_NO_MEMORY);
  const int64_t *total = svc_data(c);
  int64_t now_us = svc_now_us(c);
  ponte__type__v1__money__init(&parts->total);
  parts->total.minor_units = *total;
  parts->total.currency_code = request->currency_code;
  svc_timestamp(now_us, &parts->created);
  svc_timestamp(now_us, &parts->updated);
  /* The request lives until the answer has been sent, so its texts and items need no copies. */
  response->order_id = order_id;
  response->user_id = request->user_id;
  response->n_items = request->n_items;
  response->items = request->items;
  response->total = &parts->total;
  response->state = PONTE__ORDERS__V1__ORDER_STATE__ORDER_STATE_PENDING;
  response->create_time = &parts->created;
  response->update_time = &parts->updated;
  return orders_insert(tx, response, now_us);
}

/* The order, if the caller may see it: its user's own, or with one of the roles. */
static base_err find_order(svc_call *c, store_tx *tx, const char *order_id, const char *roles,
                           Ponte__Orders__V1__Order *out) {
  base_err e = orders_find(c, tx, order_id, out);
  if (base_is(e, BASE_E_NOT_FOUND)) {
    return svc_fail(c, RPC_REASON_ORDER_NOT_FOUND, "order_id", "there is no such order");
  }
  BASE_TRY(e);
  return svc_require(c, out->user_id, roles);
}

static base_err get_order(svc_call *c, store_tx *tx, const Ponte__Orders__V1__GetOrderRequest *request,
                          Ponte__Orders__V1__Order *response) {
  return find_order(c, tx, request->order_id, "teacher admin", response);
}

static base_err change_order(svc_call *c, store_tx *tx, const char *order_id, enum orders_event event,
                             Ponte__Orders__V1__Order *response) {
  BASE_TRY(find_order(c, tx, order_id, "admin", response));
  int64_t from = response->state, to;
  if (!orders_next_state(from, event, &to)) {
    return svc_fail(c, RPC_REASON_ORDER_CLOSED, "order_id", "the order is %s already", orders_state_name(from));
  }
  int64_t now_us = svc_now_us(c);
  BASE_TRY(orders_set_state(tx, order_id, from, to, now_us));
  response->state = (Ponte__Orders__V1__OrderState)to;
  svc_timestamp(now_us, response->update_time);
  return BASE_OK;
}

static base_err cancel_order(svc_call *c, store_tx *tx, const Ponte__Orders__V1__CancelOrderRequest *request,
                             Ponte__Orders__V1__Order *response) {
  return change_order(c, tx, request->order_id, ORDERS_CANCEL, response);
}

static base_err pay_order(svc_call *c, store_tx *tx, const Ponte__Orders__V1__PayOrderRequest *request,
                          Ponte__Orders__V1__Order *response) {
  return change_order(c, tx, request->order_id, ORDERS_PAY, response);
}

/* -- lists and sums ------------------------------------------------------------------------------------------------ */

static base_err read_time(svc_call *c, const Google__Protobuf__Timestamp *t, const char *field, int64_t *us) {
  if (!t || svc_time_us(t, us)) return BASE_OK;
  return svc_fail(c, RPC_REASON_INVALID_FIELD, field,
                  "%s must be between the years 1 and 9999, with nanos from 0 to 999999999", field);
}

static base_err read_period(svc_call *c, const Google__Protobuf__Timestamp *start,
                            const Google__Protobuf__Timestamp *end, orders_period *out) {
  *out = (orders_period){INT64_MIN, INT64_MAX};
  BASE_TRY(read_time(c, start, "start_time", &out->start_us));
  BASE_TRY(read_time(c, end, "end_time", &out->end_us));
  if (out->start_us <= out->end_us) return BASE_OK;
  return svc_fail(c, RPC_REASON_INVALID_FIELD, "end_time", "end_time must not be before start_time");
}

static base_err list_orders(svc_call *c, store_tx *tx, const Ponte__Orders__V1__ListOrdersRequest *request,
                            Ponte__Orders__V1__ListOrdersResponse *response) {
  svc_page page = svc_call_page(c);
  svc_row_key after;
  if (page.after && !svc_row_key_read(page.after, &after)) return svc_fail_page_token(c);
  orders_list_query query = {
      .user_id = request->user_id, .state = request->state, .after = page.after ? &after : NULL, .limit = page.size};
  BASE_TRY(read_period(c, request->start_time, request->end_time, &query.period));
  bool more;
  BASE_TRY(orders_list(c, tx, &query, &response->orders, &response->n_orders, &more));
  if (!more) return BASE_OK;
  const Ponte__Orders__V1__Order *last = response->orders[response->n_orders - 1];
  int64_t created_us = 0;
  if (!svc_time_us(last->create_time, &created_us)) return base_fail(BASE_E_INTERNAL);
  return svc_next_page_row(c, created_us, last->order_id, &response->next_page_token);
}

static base_err summarize_orders(svc_call *c, store_tx *tx, const Ponte__Orders__V1__SummarizeOrdersRequest *request,
                                 Ponte__Orders__V1__SummarizeOrdersResponse *response) {
  svc_page page = svc_call_page(c);
  orders_group_key after;
  if (page.after && !orders_group_key_read(page.after, &after)) return svc_fail_page_token(c);
  orders_summary_query query = {.user_id = request->user_id,
                                .by_user = request->by_user,
                                .by_day = request->by_day,
                                .after = page.after ? &after : NULL,
                                .limit = page.size};
  BASE_TRY(read_period(c, request->start_time, request->end_time, &query.period));
  bool more;
  BASE_TRY(orders_summarize(c, tx, &query, &response->groups, &response->n_groups, &more));
  if (!more) return BASE_OK;
  const Ponte__Orders__V1__OrderGroup *last = response->groups[response->n_groups - 1];
  int64_t day_us = 0;
  char key[ORDERS_KEY_SIZE];
  if (last->day && !svc_time_us(last->day, &day_us)) return base_fail(BASE_E_INTERNAL);
  orders_group_key_write(last->user_id, orders_day(day_us), last->total->currency_code, key);
  response->next_page_token = svc_next_page(c, key);
  return response->next_page_token ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

/* -- the service --------------------------------------------------------------------------------------------------- */

static const ponte_orders_v1_order_methods methods = {
    .create_order = {.prepare = prepare_order, .write = write_order},
    .get_order = {.read = get_order},
    .list_orders = {.read = list_orders},
    .cancel_order = {.write = cancel_order},
    .pay_order = {.write = pay_order},
    .summarize_orders = {.read = summarize_orders},
};

static base_err open_orders(svc *s, base_buf *why, void **state) {
  (void)why;
  BASE_TRY(ponte_orders_v1_order_add(s, &methods));
  orders_service *service = malloc(sizeof *service);
  if (!service) return base_fail(BASE_E_NO_MEMORY);
  *service = (orders_service){.users = svc_find_peer(s, "users")};
  *state = service;
  return BASE_OK;
}

static const char *const peers[] = {"users", NULL};

const svc_definition orders_definition = {
    .name = "orders",
    .port = 50052,
    .migrations = orders_migrations,
    .migration_count = ORDERS_MIGRATIONS,
    .peers = peers,
    .open = open_orders,
    .close = free,
};
