/* domain.h - the rules of orders: totals, states, days, and the keys of pages. Pure; any thread. */
#ifndef PONTE_ORDERS_DOMAIN_H
#define PONTE_ORDERS_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORDERS_ITEMS_MAX = 100 }; /* of the .proto */

/* -- amounts ------------------------------------------------------------------------------------------------------- */

/* Adds quantity * unit_price; neither may be negative. False, and *total as it was: the sum is more than an amount can be. */
bool orders_add_item(int64_t *total, int32_t quantity, int64_t unit_price);
/* Sums of many orders stop at INT64_MAX, which reads as "that or more": one absurd order may not make reports about all others fail. Of numbers >= 0. */
int64_t orders_sum(int64_t a, int64_t b);

/* The databases add up totals in two halves, total / ORDERS_HALF and total % ORDERS_HALF, because SUM of 64-bit integers overflows: SQLite then fails the statement, and
 * PostgreSQL goes on with a type that does not fit. The halves of 2^31 orders fit. */
#define ORDERS_HALF 4294967296
int64_t orders_sum_of_halves(int64_t high, int64_t low);

/* -- states -------------------------------------------------------------------------------------------------------- */

/* Numbers of ponte.orders.v1.OrderState, and in the store. */
enum orders_state { ORDERS_PENDING = 1, ORDERS_PAID, ORDERS_CANCELLED };
enum orders_event { ORDERS_PAY, ORDERS_CANCEL };
/* False: an order in this state does not take the event. */
bool orders_next_state(int64_t state, enum orders_event event, int64_t *next);
/* "paid"; "" for a number that is no state. */
const char *orders_state_name(int64_t state);

/* -- time ---------------------------------------------------------------------------------------------------------- */

#define ORDERS_DAY_US INT64_C(86400000000)
/* Days since 1970-01-01 in UTC, before it negative. */
int64_t orders_day(int64_t us);

/* -- keys of pages ------------------------------------------------------------------------------------------------- */

enum { ORDERS_ID_SIZE = 37, ORDERS_KEY_SIZE = 80 };

/* The last group of a page; empty and 0 where groups are not made by it. */
typedef struct {
  char user_id[ORDERS_ID_SIZE];
  int64_t day;
  char currency_code[4];
} orders_group_key;
void orders_group_key_write(const char *user_id, int64_t day, const char *currency_code, char out[ORDERS_KEY_SIZE]);
/* The day it gives can be taken as microseconds. */
bool orders_group_key_read(const char *text, orders_group_key *out);

#endif
