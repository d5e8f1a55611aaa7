/* store.h - the records of orders: statements over a transaction, and messages of what they find, in the call's memory. A statement's error comes back as it is. */
#ifndef PONTE_ORDERS_STORE_H
#define PONTE_ORDERS_STORE_H

#include "orders/domain.h"
#include "ponte/orders/v1/orders.pb-c.h"
#include "svc/row_key.h"
#include "svc/svc.h"

/* A new order of all that *order says but its times. EXISTS: the id is taken. */
base_err orders_insert(store_tx *tx, const Ponte__Orders__V1__Order *order, int64_t created_us) BASE_MUST_USE;
/* NOT_FOUND. */
base_err orders_find(svc_call *c, store_tx *tx, const char *order_id, Ponte__Orders__V1__Order *out) BASE_MUST_USE;
/* PRECONDITION: the order is not in the state `from`. */
base_err orders_set_state(store_tx *tx, const char *order_id, int64_t from, int64_t to,
                          int64_t updated_us) BASE_MUST_USE;

/* Created at or after start, and before end. */
typedef struct {
  int64_t start_us, end_us;
} orders_period;

typedef struct {
  const char *user_id; /* "": of all */
  orders_period period;
  int64_t state;            /* 0: any */
  const svc_row_key *after; /* NULL: the first page */
  int limit;
} orders_list_query;

/* A page ends with the order whose items reach this number, so that it fits into a message, and its C form into what its reader allows for it (pb_memory_cap()). */
enum { ORDERS_PAGE_ITEMS = 2000 };
/* The newest first. *more: there are further ones. */
base_err orders_list(svc_call *c, store_tx *tx, const orders_list_query *query, Ponte__Orders__V1__Order ***out,
                     size_t *count, bool *more) BASE_MUST_USE;

typedef struct {
  const char *user_id; /* "": of all */
  orders_period period;
  bool by_user, by_day;
  const orders_group_key *after; /* NULL: the first page */
  int limit;
} orders_summary_query;

/* In the order of user, day and currency. Cancelled orders do not count. */
base_err orders_summarize(svc_call *c, store_tx *tx, const orders_summary_query *query,
                          Ponte__Orders__V1__OrderGroup ***out, size_t *count, bool *more) BASE_MUST_USE;

#endif
