#include "orders/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "orders/migrations.h"
#include "orders/service.h"
#include "orders/store.h"
#include "ponte/users/v1/users.ponte.server.h"

static void must(base_err e, const char *what) {
  if (base_is_ok(e)) return;
  printf("%s: %s\n", what, base_err_name(e));
  exit(1);
}

/* -- seeds --------------------------------------------------------------------------------------------------------- */

static store *orders_store;

static base_err open_orders(svc *s, base_buf *why, void **state) {
  orders_store = svc_store(s);
  return orders_definition.open(s, why, state);
}

static void close_orders(void *state) { orders_definition.close(state); }

/* Everything else is the definition's own. */
const svc_definition orders_test_definition = {
    .name = "orders",
    .port = 50052,
    .migrations = orders_migrations,
    .migration_count = ORDERS_MIGRATIONS,
    .peers = (const char *const[]){"users", NULL},
    .open = open_orders,
    .close = close_orders,
};

static base_err insert(store_tx *tx, const orders_seed_row *row) {
  char id[BASE_UUID_SIZE];
  base_uuid7(id);
  Ponte__Type__V1__Money total = PONTE__TYPE__V1__MONEY__INIT;
  total.currency_code = (char *)row->currency_code;
  total.minor_units = row->total;
  Ponte__Orders__V1__OrderItem item = PONTE__ORDERS__V1__ORDER_ITEM__INIT, *items[] = {&item};
  item.description = (char *)"seed";
  item.quantity = 1;
  item.unit_price = row->total;
  Ponte__Orders__V1__Order order = PONTE__ORDERS__V1__ORDER__INIT;
  order.order_id = id;
  order.user_id = (char *)row->user_id;
  order.n_items = 1;
  order.items = items;
  order.total = &total;
  order.state = (Ponte__Orders__V1__OrderState)(row->state ? row->state : ORDERS_PENDING);
  return orders_insert(tx, &order, row->created_us);
}

typedef struct {
  orders_seed_row (*row)(void *ctx, size_t i);
  void *ctx;
  size_t begin, end;
} batch;

static base_err insert_batch(void *ctx, store_tx *tx) {
  batch *b = ctx;
  for (size_t i = b->begin; i < b->end; i++) {
    orders_seed_row row = b->row(b->ctx, i);
    BASE_TRY(insert(tx, &row));
  }
  return BASE_OK;
}

void orders_seed_many(size_t count, orders_seed_row (*row)(void *ctx, size_t i), void *ctx) {
  enum { BATCH = 5000 };
  for (size_t i = 0; i < count; i += BATCH) {
    batch b = {row, ctx, i, i + BATCH < count ? i + BATCH : count};
    must(store_write(orders_store, insert_batch, &b), "seeds");
  }
}

static orders_seed_row row_of(void *ctx, size_t i) { return ((const orders_seed_row *)ctx)[i]; }

void orders_seed(const orders_seed_row *rows, size_t count) { orders_seed_many(count, row_of, (void *)rows); }

/* -- a users service --------------------------------------------------------------------------------------------- */

const char fake_users_nobody[] = "127.0.0.1:1";

static void copy_header(rpc_call *call, const char *key, char *out, size_t size) {
  base_span value;
  out[0] = '\0';
  if (wire_metadata_get(rpc_call_metadata(call), key, &value)) snprintf(out, size, "%.*s", BASE_SPAN_ARG(value));
}

static void answer(rpc_call *call, enum fake_users_mode mode, const char *user_id, Ponte__Users__V1__User *user) {
  static const struct {
    enum rpc_reason reason;
    const char *text;
  } failures[] = {
      [FAKE_USERS_NOT_FOUND] = {RPC_REASON_USER_NOT_FOUND, "there is no user with this id"},
      [FAKE_USERS_UNAVAILABLE] = {RPC_REASON_STORE_UNAVAILABLE, "the database cannot be reached"},
      [FAKE_USERS_INTERNAL] = {RPC_REASON_INTERNAL, "something broke"},
      [FAKE_USERS_SLOW] = {RPC_REASON_STORE_UNAVAILABLE, "too late"},
  };
  if (failures[mode].reason != RPC_REASON_NONE) {
    rpc_error e = rpc_error_of(failures[mode].reason, NULL, "%s", failures[mode].text);
    rpc_call_fail(call, &e);
    return;
  }
  user->user_id = rpc_call_strdup(call, user_id);
  user->display_name = (char *)"Fake";
  if (mode == FAKE_USERS_DELETED) {
    user->delete_time = rpc_call_alloc(call, sizeof *user->delete_time);
    google__protobuf__timestamp__init(user->delete_time);
    user->delete_time->seconds = 1;
  }
}

static void get_user(void *service, rpc_call *call, const Ponte__Users__V1__GetUserRequest *request,
                     Ponte__Users__V1__User *response) {
  fake_users *f = service;
  int64_t deadline_ms = rpc_call_deadline_ms(call);
  pthread_mutex_lock(&f->lock);
  f->calls++;
  enum fake_users_mode mode = f->down_after && f->calls > f->down_after ? FAKE_USERS_UNAVAILABLE : f->mode;
  copy_header(call, "traceparent", f->traceparent, sizeof f->traceparent);
  copy_header(call, "authorization", f->authorization, sizeof f->authorization);
  f->left_ms = deadline_ms == INT64_MAX ? INT64_MAX : deadline_ms - base_now_ms();
  while (mode == FAKE_USERS_SLOW && !f->released)
    pthread_cond_wait(&f->changed, &f->lock);
  pthread_mutex_unlock(&f->lock);
  answer(call, mode, request->user_id, response);
}

void fake_users_start(fake_users *f) {
  static const ponte_users_v1_user_handlers handlers = {.get_user = get_user};
  *f = (fake_users){.mode = FAKE_USERS_FOUND};
  pthread_mutex_init(&f->lock, NULL);
  pthread_cond_init(&f->changed, NULL);
  must(rpc_server_new(&(rpc_server_options){.listen = "127.0.0.1:0"}, &f->server), "a server");
  must(ponte_users_v1_user_serve(f->server, &handlers, f), "a server");
  must(rpc_server_start(f->server), "a server");
  snprintf(f->target, sizeof f->target, "127.0.0.1:%d", rpc_server_port(f->server));
}

void fake_users_set(fake_users *f, enum fake_users_mode mode, int down_after) {
  pthread_mutex_lock(&f->lock);
  f->mode = mode;
  f->down_after = down_after;
  f->calls = 0;
  f->released = false;
  pthread_mutex_unlock(&f->lock);
}

int fake_users_calls(fake_users *f) {
  pthread_mutex_lock(&f->lock);
  int calls = f->calls;
  pthread_mutex_unlock(&f->lock);
  return calls;
}

void fake_users_release(fake_users *f) {
  pthread_mutex_lock(&f->lock);
  f->released = true;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
}

void fake_users_stop(fake_users *f) {
  fake_users_release(f);
  rpc_server_stop(f->server, 0);
  rpc_server_free(f->server);
  pthread_cond_destroy(&f->changed);
  pthread_mutex_destroy(&f->lock);
}
