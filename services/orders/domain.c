#include "orders/domain.h"

#include <inttypes.h>
#include <stdio.h>

#include "svc/row_key.h"

bool orders_add_item(int64_t *total, int32_t quantity, int64_t unit_price) {
  int64_t price, sum;
  if (__builtin_mul_overflow(unit_price, (int64_t)quantity, &price) || __builtin_add_overflow(*total, price, &sum)) {
    return false;
  }
  *total = sum;
  return true;
}

int64_t orders_sum(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t orders_sum_of_halves(int64_t high, int64_t low) {
  int64_t shifted;
  return __builtin_mul_overflow(high, (int64_t)ORDERS_HALF, &shifted) ? INT64_MAX : orders_sum(shifted, low);
}

typedef struct {
  const char *name;
  int64_t next[ORDERS_CANCEL + 1]; /* by enum orders_event; 0: not taken */
} state_row;

static const state_row states[ORDERS_CANCELLED + 1] = {
    [ORDERS_PENDING] = {"pending", {[ORDERS_PAY] = ORDERS_PAID, [ORDERS_CANCEL] = ORDERS_CANCELLED}},
    [ORDERS_PAID] = {"paid", {0}},
    [ORDERS_CANCELLED] = {"cancelled", {0}},
};

static const state_row *find_state(int64_t state) {
  return state >= ORDERS_PENDING && state <= ORDERS_CANCELLED ? &states[state] : NULL;
}

bool orders_next_state(int64_t state, enum orders_event event, int64_t *next) {
  const state_row *row = find_state(state);
  if (!row || !row->next[event]) return false;
  *next = row->next[event];
  return true;
}

const char *orders_state_name(int64_t state) {
  const state_row *row = find_state(state);
  return row ? row->name : "";
}

int64_t orders_day(int64_t us) {
  int64_t day = us / ORDERS_DAY_US;
  return us % ORDERS_DAY_US < 0 ? day - 1 : day;
}

void orders_group_key_write(const char *user_id, int64_t day, const char *currency_code, char out[ORDERS_KEY_SIZE]) {
  snprintf(out, ORDERS_KEY_SIZE, "%" PRId64 " %s %s", day, currency_code, user_id);
}

bool orders_group_key_read(const char *text, orders_group_key *out) {
  *out = (orders_group_key){0};
  return svc_key_number(&text, ' ', &out->day) && out->day >= INT64_MIN / ORDERS_DAY_US &&
         out->day <= INT64_MAX / ORDERS_DAY_US &&
         svc_key_text(&text, ' ', out->currency_code, sizeof out->currency_code) && out->currency_code[0] &&
         svc_key_text(&text, '\0', out->user_id, sizeof out->user_id);
}
