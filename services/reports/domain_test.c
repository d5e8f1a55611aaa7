#include "reports/top.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "reports/csv.h"
#include "reports/period.h"

/* -- totals -------------------------------------------------------------------------------------------------------- */

static void totals_are_one_a_currency_in_order(void) {
  reports_totals t = {0}, more = {0};
  CHECK_INT(reports_totals_get(&t, "BRL"), 0);
  CHECK_OK(reports_totals_add(&t, "USD", 5));
  CHECK_OK(reports_totals_add(&t, "BRL", 7500));
  CHECK_OK(reports_totals_add(&t, "EUR", 1));
  CHECK_OK(reports_totals_add(&t, "BRL", 500));
  CHECK_ERR(reports_totals_add(&t, "", 1), BASE_E_INVALID);
  CHECK_ERR(reports_totals_add(&t, "BR", 1), BASE_E_INVALID);
  CHECK_ERR(reports_totals_add(&t, "BRLX", 1), BASE_E_INVALID);
  REQUIRE(t.count == 3);
  CHECK_STR(t.rows[0].currency_code, "BRL");
  CHECK_STR(t.rows[1].currency_code, "EUR");
  CHECK_STR(t.rows[2].currency_code, "USD");
  CHECK_INT(t.rows[0].minor_units, 8000);
  CHECK_OK(reports_totals_add(&more, "BRL", INT64_MAX));
  CHECK_OK(reports_totals_add(&more, "AED", 3));
  CHECK_OK(reports_totals_add_all(&t, &more));
  CHECK_INT(t.count, 4);
  CHECK_INT(reports_totals_get(&t, "BRL"), INT64_MAX);
  CHECK_INT(reports_totals_get(&t, "AED"), 3);
  reports_totals_clear(&t);
  CHECK_INT(reports_totals_get(&t, "BRL"), 0);
  reports_totals_dispose(&t);
  reports_totals_dispose(&more);
}

/* -- the best users ------------------------------------------------------------------------------------------------ */

typedef struct {
  const char *user_id;
  int64_t orders, brl, eur;
} row;

static void offer(reports_top *top, reports_user *user, const row *r) {
  snprintf(user->user_id, sizeof user->user_id, "%s", r->user_id);
  user->order_count = r->orders;
  if (r->brl) CHECK_OK(reports_totals_add(&user->totals, "BRL", r->brl));
  if (r->eur) CHECK_OK(reports_totals_add(&user->totals, "EUR", r->eur));
  reports_top_offer(top, user);
}

static void best(const row *rows, size_t n, size_t limit, reports_rule rule, char out[256]) {
  reports_top top;
  reports_user user = {0};
  CHECK_OK(reports_top_init(&top, limit, rule));
  for (size_t i = 0; i < n; i++)
    offer(&top, &user, &rows[i]);
  reports_top_sort(&top, rule);
  out[0] = '\0';
  for (size_t i = 0; i < top.count; i++) {
    size_t used = strlen(out);
    snprintf(out + used, 256 - used, "%s%s", i ? " " : "", top.users[i].user_id);
  }
  reports_top_dispose(&top);
  reports_totals_dispose(&user.totals);
}

static void users_rank_by_count_or_total(void) {
  /* d and e are equal but for their ids; f has other money. */
  static const row rows[] = {
      {"e", 1, 50, 0}, {"bob", 1, 8000, 0}, {"f", 3, 0, 9}, {"alice", 2, 7500, 0}, {"d", 1, 50, 0}};
  static const struct {
    size_t limit;
    reports_rule rule;
    const char *want, *why;
  } cases[] = {
      {10, {REPORTS_BY_COUNT, "BRL"}, "f alice bob d e", "count, then total, then id"},
      {10, {REPORTS_BY_COUNT, ""}, "f alice bob d e", "count, then id"},
      {10, {REPORTS_BY_TOTAL, "BRL"}, "bob alice d e f", "total"},
      {10, {REPORTS_BY_TOTAL, "EUR"}, "f alice bob d e", "a total that most do not have: then the count"},
      {3, {REPORTS_BY_COUNT, "BRL"}, "f alice bob", "fewer than there are"},
      {1, {REPORTS_BY_TOTAL, "BRL"}, "bob", "the one best"},
      {5, {REPORTS_BY_TOTAL, "BRL"}, "bob alice d e f", "as many as there are"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char got[256];
    best(rows, sizeof rows / sizeof *rows, cases[i].limit, cases[i].rule, got);
    CHECK_MSG(strcmp(got, cases[i].want) == 0, "%s: got %s", cases[i].why, got);
  }
  char got[256];
  best(rows, 0, 3, cases[0].rule, got);
  CHECK_STR(got, "");
}

static int by_rank(const void *a, const void *b) {
  const row *x = a, *y = b;
  if (x->orders != y->orders) return x->orders < y->orders ? 1 : -1;
  if (x->brl != y->brl) return x->brl < y->brl ? 1 : -1;
  return strcmp(x->user_id, y->user_id);
}

/* The heap against a sort of everything, in many orders of arrival. */
static void heap_keeps_what_a_sort_would(void) {
  enum { USERS = 200, LIMIT = 17, ROUNDS = 50 };
  static row rows[USERS];
  static char ids[USERS][8];
  uint32_t random = 1;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < USERS; i++) {
      random = random * 1664525 + 1013904223;
      snprintf(ids[i], sizeof ids[i], "u%03d", i);
      rows[i] = (row){ids[i], 1 + (random >> 8) % 20, 1 + (random >> 16) % 5, 0};
    }
    reports_top top;
    reports_user user = {0};
    reports_rule rule = {REPORTS_BY_COUNT, "BRL"};
    REQUIRE(base_is_ok(reports_top_init(&top, LIMIT, rule)));
    for (int i = 0; i < USERS; i++)
      offer(&top, &user, &rows[i]);
    reports_top_sort(&top, rule);
    qsort(rows, USERS, sizeof *rows, by_rank);
    CHECK_INT(top.count, LIMIT);
    for (size_t i = 0; i < top.count; i++) {
      CHECK_STR(top.users[i].user_id, rows[i].user_id);
      CHECK_INT(reports_totals_get(&top.users[i].totals, "BRL"), rows[i].brl);
    }
    reports_top_dispose(&top);
    reports_totals_dispose(&user.totals);
  }
}

/* -- periods ------------------------------------------------------------------------------------------------------- */

static void days_fold_into_weeks_and_months(void) {
  static const struct {
    int64_t day, week, month;
    const char *why;
  } rows[] = {
      {0, -3, 0, "1970-01-01, a Thursday"},
      {-1, -3, -31, "1969-12-31"},
      {-3, -3, -31, "1969-12-29, a Monday"},
      {-4, -10, -31, "1969-12-28, a Sunday"},
      {4, 4, 0, "1970-01-05, a Monday"},
      {10, 4, 0, "1970-01-11, a Sunday"},
      {30, 25, 0, "1970-01-31"},
      {31, 25, 31, "1970-02-01: its week began in January"},
      {19782, 19779, 19754, "2024-02-29, a leap day"},
      {19783, 19779, 19783, "2024-03-01"},
      {20088, 20087, 20058, "2024-12-31: its week goes on in the next year"},
      {20089, 20087, 20089, "2025-01-01: week 1 began in the old year"},
      {11016, 11015, 10988, "2000-02-29, a leap day of a century"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(reports_period_begin(REPORTS_DAYS, rows[i].day) == rows[i].day, "%s", rows[i].why);
    CHECK_MSG(reports_period_begin(REPORTS_WEEKS, rows[i].day) == rows[i].week, "%s: %lld", rows[i].why,
              (long long)reports_period_begin(REPORTS_WEEKS, rows[i].day));
    CHECK_MSG(reports_period_begin(REPORTS_MONTHS, rows[i].day) == rows[i].month, "%s: %lld", rows[i].why,
              (long long)reports_period_begin(REPORTS_MONTHS, rows[i].day));
  }
}

/* -- CSV ----------------------------------------------------------------------------------------------------------- */

static void cells_are_quoted_and_never_formulas(void) {
  static const struct {
    const char *text, *cell;
  } rows[] = {
      {"", ""},
      {"Alice", "Alice"},
      {"Ana, Maria", "\"Ana, Maria\""},
      {"the \"best\"", "\"the \"\"best\"\"\""},
      {"\"", "\"\"\"\""},
      {"two\r\nlines", "\"two\r\nlines\""},
      {"a\nb", "\"a\nb\""},
      {" padded ", " padded "},
      {"5 > 3", "5 > 3"},
      {"a=b", "a=b"},
      {"=1+1", "'=1+1"},
      {"+49 30 1", "'+49 30 1"},
      {"-1", "'-1"},
      {"@SUM(A1)", "'@SUM(A1)"},
      {"\t=1", "'\t=1"},
      {"\r=1", "\"'\r=1\""},
      {"\n=1", "\"'\n=1\""},
      {"=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""},
      {"=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"},
      {"\xef\xbc\x9d"
       "1",
       "'\xef\xbc\x9d"
       "1"},
      {"\xef\xbc\x8b"
       "1",
       "'\xef\xbc\x8b"
       "1"},
      {"\xef\xbc\xa1", "\xef\xbc\xa1"},
      {"Jo\xc3\xa3o", "Jo\xc3\xa3o"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_buf b;
    base_buf_init(&b, 256);
    CHECK_OK(reports_csv_cell(&b, base_span_str(rows[i].text)));
    CHECK_MSG(base_span_is(base_buf_span(&b), rows[i].cell), "\"%s\": %.*s", rows[i].text,
              BASE_SPAN_ARG(base_buf_span(&b)));
    base_buf_dispose(&b);
  }
}

static void amounts_have_the_digits_of_their_currency(void) {
  static const struct {
    int64_t minor_units;
    unsigned digits;
    const char *text;
  } rows[] = {
      {0, 2, "0.00"},
      {5, 2, "0.05"},
      {7500, 2, "75.00"},
      {7505, 2, "75.05"},
      {7500, 0, "7500"},
      {7500, 3, "7.500"},
      {1, 4, "0.0001"},
      {INT64_MAX, 2, "92233720368547758.07"},
      {INT64_MAX, 0, "9223372036854775807"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[REPORTS_AMOUNT_SIZE];
    reports_amount_text(rows[i].minor_units, rows[i].digits, text);
    CHECK_STR(text, rows[i].text);
  }
}

typedef struct {
  Ponte__Orders__V1__Order order;
  Ponte__Orders__V1__OrderItem items[2], *list[2];
  Ponte__Type__V1__Money total;
  Google__Protobuf__Timestamp created;
} sample;

static void fill(sample *s, const char *currency) {
  *s = (sample){.order = PONTE__ORDERS__V1__ORDER__INIT,
                .items = {PONTE__ORDERS__V1__ORDER_ITEM__INIT, PONTE__ORDERS__V1__ORDER_ITEM__INIT},
                .total = PONTE__TYPE__V1__MONEY__INIT,
                .created = GOOGLE__PROTOBUF__TIMESTAMP__INIT};
  s->items[0].description = (char *)"=Pen";
  s->items[0].quantity = 2;
  s->items[1].description = (char *)"Book, \"new\"";
  s->items[1].quantity = 1;
  s->list[0] = &s->items[0];
  s->list[1] = &s->items[1];
  s->total.currency_code = (char *)currency;
  s->total.minor_units = 7500;
  s->created.seconds = 1709164800;
  s->order.order_id = (char *)"o";
  s->order.user_id = (char *)"u";
  s->order.items = s->list;
  s->order.n_items = 2;
  s->order.state = PONTE__ORDERS__V1__ORDER_STATE__ORDER_STATE_PAID;
  s->order.total = &s->total;
  s->order.create_time = &s->created;
}

static void orders_become_lines(void) {
  static const struct {
    const char *currency, *name, *line;
  } rows[] = {
      {"BRL", "Alice",
       "o,2024-02-29T00:00:00.000Z,paid,u,Alice,\"2 x =Pen; 1 x Book, \"\"new\"\"\",BRL,75.00,7500\r\n"},
      {"JPY", "", "o,2024-02-29T00:00:00.000Z,paid,u,,\"2 x =Pen; 1 x Book, \"\"new\"\"\",JPY,7500,7500\r\n"},
      {"DEM", "=A", "o,2024-02-29T00:00:00.000Z,paid,u,'=A,\"2 x =Pen; 1 x Book, \"\"new\"\"\",DEM,,7500\r\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    sample s;
    base_buf b;
    fill(&s, rows[i].currency);
    base_buf_init(&b, 1024);
    CHECK_OK(reports_csv_order(&b, &s.order, rows[i].name));
    CHECK_MSG(base_span_is(base_buf_span(&b), rows[i].line), "%.*s", BASE_SPAN_ARG(base_buf_span(&b)));
    base_buf_dispose(&b);
  }
}

/* What another service sends is looked at before it is used. */
static void orders_that_lack_something_are_refused(void) {
  sample s;
  base_buf b;
  base_buf_init(&b, 1024);
  fill(&s, "BRL");
  s.order.total = NULL;
  CHECK_ERR(reports_csv_order(&b, &s.order, ""), BASE_E_INVALID);
  fill(&s, "BRL");
  s.order.create_time = NULL;
  CHECK_ERR(reports_csv_order(&b, &s.order, ""), BASE_E_INVALID);
  fill(&s, "BRL");
  s.created.nanos = -1;
  CHECK_ERR(reports_csv_order(&b, &s.order, ""), BASE_E_INVALID);
  base_buf_dispose(&b);
}

TEST_MAIN(TEST(totals_are_one_a_currency_in_order), TEST(users_rank_by_count_or_total),
          TEST(heap_keeps_what_a_sort_would), TEST(days_fold_into_weeks_and_months),
          TEST(cells_are_quoted_and_never_formulas), TEST(amounts_have_the_digits_of_their_currency),
          TEST(orders_become_lines), TEST(orders_that_lack_something_are_refused))
