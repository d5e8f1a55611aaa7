/* top.h - the best of many users, in memory for `limit` of them: a heap with the worst on top. Pure but for memory; of one thread. */
#ifndef PONTE_REPORTS_TOP_H
#define PONTE_REPORTS_TOP_H

#include "orders/domain.h"
#include "reports/totals.h"

enum reports_rank { REPORTS_BY_COUNT, REPORTS_BY_TOTAL };

typedef struct {
  char user_id[ORDERS_ID_SIZE];
  int64_t order_count;
  reports_totals totals;
} reports_user;

/* Which of two is better: more orders, then the greater total; or the other way round; then the lesser id, so that the order is the same each time. Without a currency totals do
 * not count: those of several currencies cannot be compared. */
typedef struct {
  enum reports_rank by;
  char currency_code[4]; /* "": none */
} reports_rule;

typedef struct {
  reports_rule rule;
  reports_user *users; /* `count` of them are in use; a heap until reports_top_sort() */
  size_t limit, count;
} reports_top;

/* limit > 0. */
base_err reports_top_init(reports_top *t, size_t limit, reports_rule rule) BASE_MUST_USE;
void reports_top_dispose(reports_top *t); /* also when zeroed */
/* Keeps the user if it is among the best so far. *user is without orders and totals then, and good for the next. */
void reports_top_offer(reports_top *t, reports_user *user);
/* The best first, by this rule; nobody is offered after it. */
void reports_top_sort(reports_top *t, reports_rule rule);

#endif
