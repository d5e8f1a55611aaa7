#include "orders/domain.h"

#include <stddef.h>

#include "base/test.h"
#include "orders/currency.h"

#define UUID "01936f2c-0000-7000-8000-000000000001"

static void items_add_up_or_are_refused(void) {
  static const struct {
    int64_t before;
    int32_t quantity;
    int64_t unit_price, after;
    bool ok;
    const char *why;
  } rows[] = {
      {0, 1, 0, 0, true, "free of charge"},
      {0, 2, 3750, 7500, true, "the ordinary case"},
      {7500, 1, 500, 8000, true, "a second item"},
      {0, 1, INT64_MAX, INT64_MAX, true, "the largest amount"},
      {INT64_MAX - 1, 1, 1, INT64_MAX, true, "just up to it"},
      {INT64_MAX, 1000000, 0, INT64_MAX, true, "nothing more"},
      {0, 1000000, 9223372036854, 9223372036854000000, true, "the largest quantity"},
      {INT64_MAX, 1, 1, INT64_MAX, false, "the sum is one too much"},
      {1, 1, INT64_MAX, 1, false, "the sum, the other way round"},
      {0, 2, INT64_MAX, 0, false, "the product"},
      {0, 2, INT64_MAX / 2 + 1, 0, false, "the product, one too much"},
      {0, 1000000, 9223372036855, 0, false, "the product of the largest quantity"},
      {5, INT32_MAX, INT64_MAX, 5, false, "a product that wraps to a small number"},
      {5, 4, INT64_MAX / 2 + 1, 5, false, "a product that wraps to zero"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t total = rows[i].before;
    CHECK_MSG(orders_add_item(&total, rows[i].quantity, rows[i].unit_price) == rows[i].ok, "%s", rows[i].why);
    CHECK_MSG(total == rows[i].after, "%s", rows[i].why);
  }
}

static void sums_stop_at_the_largest_amount(void) {
  static const struct {
    int64_t high, low, sum;
  } rows[] = {
      {0, 0, 0},
      {0, 1, 1},
      {1, 0, ORDERS_HALF},
      {1, 1, ORDERS_HALF + 1},
      {0, 3 * ORDERS_HALF + 7, 3 * ORDERS_HALF + 7},
      {INT64_MAX / ORDERS_HALF, INT64_MAX % ORDERS_HALF, INT64_MAX},
      {INT64_MAX / ORDERS_HALF, INT64_MAX % ORDERS_HALF + 1, INT64_MAX},
      {INT64_MAX / ORDERS_HALF + 1, 0, INT64_MAX},
      {INT64_MAX, INT64_MAX, INT64_MAX},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_INT(orders_sum_of_halves(rows[i].high, rows[i].low), rows[i].sum);
  }
  CHECK_INT(orders_sum(INT64_MAX - 1, 1), INT64_MAX);
  CHECK_INT(orders_sum(INT64_MAX, 1), INT64_MAX);
  CHECK_INT(orders_sum(INT64_MAX, INT64_MAX), INT64_MAX);
}

/* Every cell, and states that are none. */
static void only_pending_orders_change(void) {
  static const struct {
    int64_t state;
    enum orders_event event;
    int64_t next; /* 0: not taken */
  } cells[] = {
      {ORDERS_PENDING, ORDERS_PAY, ORDERS_PAID},
      {ORDERS_PENDING, ORDERS_CANCEL, ORDERS_CANCELLED},
      {ORDERS_PAID, ORDERS_PAY, 0},
      {ORDERS_PAID, ORDERS_CANCEL, 0},
      {ORDERS_CANCELLED, ORDERS_PAY, 0},
      {ORDERS_CANCELLED, ORDERS_CANCEL, 0},
      {0, ORDERS_PAY, 0},
      {4, ORDERS_CANCEL, 0},
      {-1, ORDERS_PAY, 0},
      {INT64_MAX, ORDERS_CANCEL, 0},
      {INT64_MIN, ORDERS_CANCEL, 0},
  };
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
    int64_t next = 0;
    CHECK_MSG(orders_next_state(cells[i].state, cells[i].event, &next) == (cells[i].next != 0), "cell %zu", i);
    CHECK_INT(next, cells[i].next);
  }
  CHECK_STR(orders_state_name(ORDERS_CANCELLED), "cancelled");
  CHECK_STR(orders_state_name(0), "");
  CHECK_STR(orders_state_name(4), "");
}

static void days_begin_at_midnight(void) {
  static const struct {
    int64_t us, day;
  } rows[] = {
      {0, 0},
      {ORDERS_DAY_US - 1, 0},
      {ORDERS_DAY_US, 1},
      {-1, -1},
      {-ORDERS_DAY_US, -1},
      {-ORDERS_DAY_US - 1, -2},
      {INT64_C(1709164800000000), 19782}, /* 2024-02-29 */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_INT(orders_day(rows[i].us), rows[i].day);
}

static void currencies_are_those_of_the_standard(void) {
  static const struct {
    const char *code;
    int digits; /* -1: none */
  } rows[] = {
      {"BRL", 2},  {"EUR", 2},  {"JPY", 0},  {"KWD", 3},  {"CLF", 4},
      {"AED", 2},  {"ZWG", 2},  {"XCG", 2},  {"HRK", -1}, /* withdrawn in 2023 */
      {"XAU", -1},                                        /* gold: no minor unit */
      {"XTS", -1}, {"DEM", -1}, {"brl", -1}, {"Brl", -1}, {"ZZZ", -1},
      {"AAA", -1}, {"R$ ", -1}, {"", -1},    {"BR", -1},  {"BRLL", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const orders_currency *c = orders_currency_find(rows[i].code);
    CHECK_MSG((c ? c->digits : -1) == rows[i].digits, "%s", rows[i].code);
  }
  /* Every code is found, so the table is in order. */
  int found = 0;
  char code[4] = "AAA";
  for (code[0] = 'A'; code[0] <= 'Z'; code[0]++) {
    for (code[1] = 'A'; code[1] <= 'Z'; code[1]++) {
      for (code[2] = 'A'; code[2] <= 'Z'; code[2]++)
        found += orders_currency_find(code) != NULL;
    }
  }
  CHECK_INT(found, 164);
}

static void keys_of_groups_come_back(void) {
  static const struct {
    const char *user_id;
    int64_t day;
    const char *currency;
  } rows[] = {{"", 0, "BRL"}, {UUID, 0, "BRL"}, {"", 19782, "EUR"}, {UUID, -3, "JPY"}};
  char text[ORDERS_KEY_SIZE];
  orders_group_key key;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    orders_group_key_write(rows[i].user_id, rows[i].day, rows[i].currency, text);
    REQUIRE(orders_group_key_read(text, &key));
    CHECK_STR(key.user_id, rows[i].user_id);
    CHECK_INT(key.day, rows[i].day);
    CHECK_STR(key.currency_code, rows[i].currency);
  }
  static const char *const bad[] = {"",
                                    "0",
                                    "0 ",
                                    "0 BRL",
                                    "0  " UUID,
                                    "0 BRLL " UUID,
                                    "x BRL " UUID,
                                    "0 BRL " UUID "0",
                                    " BRL " UUID,
                                    "99999999999999999999 BRL " UUID,
                                    "106751992 BRL ",
                                    "-106751992 BRL ",
                                    "9223372036854775807 BRL ",
                                    "0\nBRL "};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_MSG(!orders_group_key_read(bad[i], &key), "\"%s\"", bad[i]);
  }
}

TEST_MAIN(TEST(items_add_up_or_are_refused), TEST(sums_stop_at_the_largest_amount), TEST(only_pending_orders_change),
          TEST(days_begin_at_midnight), TEST(currencies_are_those_of_the_standard), TEST(keys_of_groups_come_back))
