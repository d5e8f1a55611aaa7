#include "orders/store.h"

#include "svc/timestamp.h"

static const store_statement insert_order = {
    "INSERT INTO orders (order_id, user_id, currency_code, total, state, created_us, updated_us, day)"
    " VALUES ($1, $2, $3, $4, $5, $6, $6, $7)"};
static const store_statement insert_item = {
    "INSERT INTO order_items (order_id, line, description, quantity, unit_price) VALUES ($1, $2, $3, $4, $5)"};
static const store_statement update_state = {
    "UPDATE orders SET state = $3, updated_us = $4 WHERE order_id = $1 AND state = $2"};

enum { ORDER_ID, USER_ID, CURRENCY, TOTAL, STATE, CREATED, UPDATED, DESCRIPTION, QUANTITY, UNIT_PRICE };
#define ORDER_COLUMNS "o.order_id, o.user_id, o.currency_code, o.total, o.state, o.created_us, o.updated_us"
#define ITEM_COLUMNS "i.description, i.quantity, i.unit_price"

static const store_statement select_order = {"SELECT " ORDER_COLUMNS ", " ITEM_COLUMNS
                                             " FROM orders o JOIN order_items i ON i.order_id = o.order_id"
                                             " WHERE o.order_id = $1 ORDER BY i.line"};

base_err orders_insert(store_tx *tx, const Ponte__Orders__V1__Order *order, int64_t created_us) {
  BASE_TRY(store_exec(tx, &insert_order,
                      STORE_VALUES(store_text(order->order_id), store_text(order->user_id),
                                   store_text(order->total->currency_code), store_int(order->total->minor_units),
                                   store_int(order->state), store_int(created_us), store_int(orders_day(created_us))),
                      NULL));
  for (size_t i = 0; i < order->n_items; i++) {
    const Ponte__Orders__V1__OrderItem *item = order->items[i];
    BASE_TRY(store_exec(tx, &insert_item,
                        STORE_VALUES(store_text(order->order_id), store_int((int64_t)i), store_text(item->description),
                                     store_int(item->quantity), store_int(item->unit_price)),
                        NULL));
  }
  return BASE_OK;
}

base_err orders_set_state(store_tx *tx, const char *order_id, int64_t from, int64_t to, int64_t updated_us) {
  int64_t changed = 0;
  BASE_TRY(store_exec(tx, &update_state,
                      STORE_VALUES(store_text(order_id), store_int(from), store_int(to), store_int(updated_us)),
                      &changed));
  return changed == 1 ? BASE_OK : base_fail(BASE_E_PRECONDITION);
}

/* -- rows of orders and their items -------------------------------------------------------------------------------- */

/* One order while its rows come, one an item. */
typedef struct {
  svc_call *call;
  Ponte__Orders__V1__Order *order; /* NULL: none yet */
  Ponte__Orders__V1__OrderItem *items[ORDERS_ITEMS_MAX];
  size_t count;
} assembly;

static base_err begin_order(assembly *a, store_rows *rows, Ponte__Orders__V1__Order *order) {
  struct {
    Ponte__Type__V1__Money total;
    Google__Protobuf__Timestamp created, updated;
  } *parts = svc_alloc(a->call, sizeof *parts);
  if (!parts) return base_fail(BASE_E_NO_MEMORY);
  ponte__orders__v1__order__init(order);
  ponte__type__v1__money__init(&parts->total);
  order->order_id = svc_strdup(a->call, store_column_text(rows, ORDER_ID));
  order->user_id = svc_strdup(a->call, store_column_text(rows, USER_ID));
  parts->total.currency_code = svc_strdup(a->call, store_column_text(rows, CURRENCY));
  parts->total.minor_units = store_column_int(rows, TOTAL);
  order->total = &parts->total;
  order->state = (Ponte__Orders__V1__OrderState)store_column_int(rows, STATE);
  svc_timestamp(store_column_int(rows, CREATED), &parts->created);
  svc_timestamp(store_column_int(rows, UPDATED), &parts->updated);
  order->create_time = &parts->created;
  order->update_time = &parts->updated;
  a->order = order;
  a->count = 0;
  return order->order_id && order->user_id && parts->total.currency_code ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err add_item(assembly *a, store_rows *rows) {
  if (a->count == ORDERS_ITEMS_MAX) return base_fail(BASE_E_INTERNAL);
  Ponte__Orders__V1__OrderItem *item = svc_alloc(a->call, sizeof *item);
  if (!item) return base_fail(BASE_E_NO_MEMORY);
  ponte__orders__v1__order_item__init(item);
  item->description = svc_strdup(a->call, store_column_text(rows, DESCRIPTION));
  item->quantity = (int32_t)store_column_int(rows, QUANTITY);
  item->unit_price = store_column_int(rows, UNIT_PRICE);
  a->items[a->count++] = item;
  return item->description ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err end_order(assembly *a) {
  if (!a->order) return BASE_OK;
  a->order->items = svc_alloc(a->call, a->count * sizeof *a->order->items);
  if (!a->order->items) return base_fail(BASE_E_NO_MEMORY);
  memcpy(a->order->items, a->items, a->count * sizeof *a->items);
  a->order->n_items = a->count;
  return BASE_OK;
}

base_err orders_find(svc_call *c, store_tx *tx, const char *order_id, Ponte__Orders__V1__Order *out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_order, STORE_VALUES(store_text(order_id)), &rows));
  assembly a = {.call = c};
  BASE_TRY(store_next(rows));
  BASE_TRY(begin_order(&a, rows, out));
  base_err e = BASE_OK;
  for (; base_is_ok(e); e = store_next(rows))
    BASE_TRY(add_item(&a, rows));
  return base_is(e, BASE_E_NOT_FOUND) ? end_order(&a) : e;
}

/* -- lists --------------------------------------------------------------------------------------------------------- */

/* The last $ are those that all share: begin of the period, the bound (created_us, order_id) to stay below, orders, rows. */
#define LIST(filter)                                                                                              \
  {                                                                                                               \
    "SELECT " ORDER_COLUMNS ", " ITEM_COLUMNS " FROM (SELECT * FROM orders WHERE " filter "created_us >= $1"      \
    " AND (created_us, order_id) < ($2, $3) ORDER BY created_us DESC, order_id DESC LIMIT $4) o"                  \
    " JOIN order_items i ON i.order_id = o.order_id ORDER BY o.created_us DESC, o.order_id DESC, i.line LIMIT $5" \
  }
/* A user's orders are few, those of a state many: the + keeps SQLite from the index of states. By whether there is a user ($6) and a state ($7, or $6 without a user). */
static const store_statement select_lists[2][2] = {
    {LIST(""), LIST("state = $6 AND ")},
    {LIST("user_id = $6 AND "), LIST("user_id = $6 AND +state = $7 AND ")},
};

/* Rows into orders, until there are `limit` of them or they have items enough. */
static base_err read_list(svc_call *c, store_rows *rows, int limit, Ponte__Orders__V1__Order **orders, size_t *count,
                          bool *more) {
  assembly a = {.call = c};
  size_t items = 0;
  base_err e = store_next(rows);
  for (; base_is_ok(e); e = store_next(rows)) {
    if (!a.order || strcmp(a.order->order_id, store_column_text(rows, ORDER_ID)) != 0) {
      *more = *count == (size_t)limit || items >= ORDERS_PAGE_ITEMS;
      if (*more) break;
      BASE_TRY(end_order(&a));
      Ponte__Orders__V1__Order *order = svc_alloc(c, sizeof *order);
      if (!order) return base_fail(BASE_E_NO_MEMORY);
      BASE_TRY(begin_order(&a, rows, order));
      orders[(*count)++] = order;
    }
    BASE_TRY(add_item(&a, rows));
    items++;
  }
  if (!base_is_ok(e) && !base_is(e, BASE_E_NOT_FOUND)) return e;
  return end_order(&a);
}

base_err orders_list(svc_call *c, store_tx *tx, const orders_list_query *query, Ponte__Orders__V1__Order ***out,
                     size_t *count, bool *more) {
  *count = 0;
  *more = false;
  *out = svc_alloc(c, (size_t)query->limit * sizeof **out);
  if (!*out) return base_fail(BASE_E_NO_MEMORY);
  /* One bound and not two, so that both databases begin in the index at the page's first row: before any id of that moment, or after the last order shown. */
  svc_row_key before = query->after ? *query->after : (svc_row_key){.us = query->period.end_us};
  /* One order more than the page has, and as many rows as the last order that fits may need. */
  store_value values[7] = {store_int(query->period.start_us), store_int(before.us), store_text(before.id),
                           store_int(query->limit + 1), store_int(ORDERS_PAGE_ITEMS + ORDERS_ITEMS_MAX)};
  size_t n = 5;
  bool of_user = query->user_id[0] != '\0', in_state = query->state != 0;
  if (of_user) values[n++] = store_text(query->user_id);
  if (in_state) values[n++] = store_int(query->state);
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_lists[of_user][in_state], values, n, &rows));
  return read_list(c, rows, query->limit, *out, count, more);
}

/* -- sums ---------------------------------------------------------------------------------------------------------- */

enum { GROUP_USER, GROUP_DAY, GROUP_CURRENCY, GROUP_COUNT, GROUP_HIGH, GROUP_LOW };
#define SUMS                                                                                                  \
  "currency_code, COUNT(*), CAST(SUM(total / 4294967296) AS BIGINT), CAST(SUM(total % 4294967296) AS BIGINT)" \
  " FROM orders WHERE created_us >= $1 AND created_us < $2 AND state <> 3 AND "
#define NO_USER "CAST('' AS TEXT), "
#define NO_DAY "CAST(0 AS BIGINT), "
/* Which values a statement has, from $4 on. */
enum bind { BIND_END, BIND_USER, BIND_AFTER_USER, BIND_AFTER_DAY, BIND_AFTER_CURRENCY };
enum { BINDS_MAX = 3 };

typedef struct {
  store_statement statement;
  enum bind binds[BINDS_MAX + 1];
} summary;

/* By by_user and by_day. */
static const summary sums_of_all[2][2] = {
    {{{"SELECT " NO_USER NO_DAY SUMS "currency_code > $4 GROUP BY currency_code ORDER BY currency_code LIMIT $3"},
      {BIND_AFTER_CURRENCY}},
     {{"SELECT " NO_USER "day, " SUMS "(day, currency_code) > ($4, $5)"
       " GROUP BY day, currency_code ORDER BY day, currency_code LIMIT $3"},
      {BIND_AFTER_DAY, BIND_AFTER_CURRENCY}}},
    {{{"SELECT user_id, " NO_DAY SUMS "(user_id, currency_code) > ($4, $5)"
       " GROUP BY user_id, currency_code ORDER BY user_id, currency_code LIMIT $3"},
      {BIND_AFTER_USER, BIND_AFTER_CURRENCY}},
     {{"SELECT user_id, day, " SUMS "(user_id, day, currency_code) > ($4, $5, $6)"
       " GROUP BY user_id, day, currency_code ORDER BY user_id, day, currency_code LIMIT $3"},
      {BIND_AFTER_USER, BIND_AFTER_DAY, BIND_AFTER_CURRENCY}}},
};
/* By by_day. */
static const summary sums_of_user[2] = {
    {{"SELECT " NO_USER NO_DAY SUMS "user_id = $4 AND currency_code > $5"
      " GROUP BY currency_code ORDER BY currency_code LIMIT $3"},
     {BIND_USER, BIND_AFTER_CURRENCY}},
    {{"SELECT " NO_USER "day, " SUMS "user_id = $4 AND (day, currency_code) > ($5, $6)"
      " GROUP BY day, currency_code ORDER BY day, currency_code LIMIT $3"},
     {BIND_USER, BIND_AFTER_DAY, BIND_AFTER_CURRENCY}},
};

static base_err read_group(svc_call *c, store_rows *rows, const orders_summary_query *query,
                           Ponte__Orders__V1__OrderGroup **out) {
  struct {
    Ponte__Orders__V1__OrderGroup group;
    Ponte__Type__V1__Money total;
    Google__Protobuf__Timestamp day;
  } *parts = svc_alloc(c, sizeof *parts);
  if (!parts) return base_fail(BASE_E_NO_MEMORY);
  ponte__orders__v1__order_group__init(&parts->group);
  ponte__type__v1__money__init(&parts->total);
  parts->total.currency_code = svc_strdup(c, store_column_text(rows, GROUP_CURRENCY));
  parts->total.minor_units =
      orders_sum_of_halves(store_column_int(rows, GROUP_HIGH), store_column_int(rows, GROUP_LOW));
  parts->group.total = &parts->total;
  parts->group.order_count = store_column_int(rows, GROUP_COUNT);
  if (query->by_day) {
    svc_timestamp(store_column_int(rows, GROUP_DAY) * ORDERS_DAY_US, &parts->day);
    parts->group.day = &parts->day;
  }
  if (query->by_user) {
    const char *user_id = query->user_id[0] ? query->user_id : store_column_text(rows, GROUP_USER);
    parts->group.user_id = svc_strdup(c, user_id);
  }
  *out = &parts->group;
  return parts->group.user_id && parts->total.currency_code ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err orders_summarize(svc_call *c, store_tx *tx, const orders_summary_query *query,
                          Ponte__Orders__V1__OrderGroup ***out, size_t *count, bool *more) {
  *count = 0;
  *more = false;
  *out = svc_alloc(c, (size_t)query->limit * sizeof **out);
  if (!*out) return base_fail(BASE_E_NO_MEMORY);
  static const orders_group_key first = {.day = INT64_MIN};
  const orders_group_key *after = query->after ? query->after : &first;
  /* Days rise with time: orders before the last day shown need not be looked at again. */
  int64_t start_us = query->period.start_us;
  bool skips = query->after && query->by_day && (!query->by_user || query->user_id[0]);
  if (skips && after->day * ORDERS_DAY_US > start_us) start_us = after->day * ORDERS_DAY_US;
  const summary *s = query->user_id[0] ? &sums_of_user[query->by_day] : &sums_of_all[query->by_user][query->by_day];
  store_value values[3 + BINDS_MAX] = {store_int(start_us), store_int(query->period.end_us),
                                       store_int(query->limit + 1)};
  const store_value binds[] = {[BIND_USER] = store_text(query->user_id),
                               [BIND_AFTER_USER] = store_text(after->user_id),
                               [BIND_AFTER_DAY] = store_int(after->day),
                               [BIND_AFTER_CURRENCY] = store_text(after->currency_code)};
  size_t n = 3;
  for (const enum bind *b = s->binds; *b != BIND_END; b++)
    values[n++] = binds[*b];
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &s->statement, values, n, &rows));
  base_err e = store_next(rows);
  for (; base_is_ok(e); e = store_next(rows)) {
    *more = *count == (size_t)query->limit;
    if (*more) return BASE_OK;
    BASE_TRY(read_group(c, rows, query, &(*out)[*count]));
    (*count)++;
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}
