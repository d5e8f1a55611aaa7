/* Every method of the reports service over sockets, beside the real users and orders services and their stores. */
#include "reports/service.h"

#include <stdio.h>

#include "base/test.h"
#include "orders/testing.h"
#include "ponte/users/v1/users.ponte.h"
#include "reports/testing.h"
#include "users/service.h"

#define NOBODY "01936f2c-0000-7000-8000-000000000001"
#define AT(day) ((day)*ORDERS_DAY_US)
enum { OK = 0, INVALID = 3, NOT_FOUND = 5, DENIED = 7, UNAUTHENTICATED = 16 };
enum { USERS = 3 };

static svc_world *world;
static const char *ids[USERS]; /* of Alice, Bob and one whose name is a formula */

static void begin(bool auth) {
  static const svc_definition *const services[] = {&users_definition, &orders_test_definition, &reports_definition,
                                                   NULL};
  static const char *const names[USERS] = {"Alice", "Bob", "=1+1, \"x\""};
  world = svc_world_new(&(svc_world_options){.services = services, .auth = auth});
  reports_token = auth ? svc_world_token(world, NOBODY, "admin") : NULL;
  for (int i = 0; i < USERS; i++) {
    char email[32];
    snprintf(email, sizeof email, "u%d@example.org", i);
    Ponte__Users__V1__CreateUserRequest request = PONTE__USERS__V1__CREATE_USER_REQUEST__INIT;
    request.display_name = (char *)names[i];
    request.email = email;
    svc_reply r = svc_world_ask(world, &(svc_question){.service = "users",
                                                       .method = &ponte_users_v1_user_service.methods[TEST_CREATE_USER],
                                                       .request = &request.base,
                                                       .token = reports_token});
    CHECK_INT(r.code, OK);
    ids[i] = r.code == OK ? ((const Ponte__Users__V1__User *)r.response)->user_id : NOBODY;
  }
}

/* 19782 is 2024-02-29, a Thursday. */
static void seed(void) {
  const orders_seed_row rows[] = {
      {ids[0], AT(19782), "BRL", 4000, ORDERS_PAID},        {ids[0], AT(19783) - 1, "EUR", 50, ORDERS_PENDING},
      {ids[0], AT(19783), "BRL", 3500, ORDERS_PENDING},     {ids[0], AT(19783), "BRL", 99, ORDERS_CANCELLED},
      {ids[0], AT(19786), "BRL", 1, ORDERS_PENDING},        {ids[1], AT(19782), "BRL", 8000, ORDERS_PENDING},
      {ids[1], AT(19783), "JPY", 300, ORDERS_PENDING},      {ids[2], AT(19785), "BRL", 8000, ORDERS_PENDING},
      {ids[2], AT(19785), "BRL", 123456, ORDERS_CANCELLED},
  };
  orders_seed(rows, sizeof rows / sizeof *rows);
}

static void a_user_is_reported_on(void) {
  begin(false);
  seed();
  const struct {
    const char *user_id;
    int period;
    int64_t start_day, end_day;
    const char *want;
  } rows[] = {
      {ids[0], 0, 0, 0, "Alice 4 BRL 7501 EUR 50 | 19782: 2 BRL 4000 EUR 50 | 19783: 1 BRL 3500 | 19786: 1 BRL 1"},
      {ids[0], 1, 0, 0, "Alice 4 BRL 7501 EUR 50 | 19782: 2 BRL 4000 EUR 50 | 19783: 1 BRL 3500 | 19786: 1 BRL 1"},
      {ids[0], 2, 0, 0, "Alice 4 BRL 7501 EUR 50 | 19779: 3 BRL 7500 EUR 50 | 19786: 1 BRL 1"},
      {ids[0], 3, 0, 0, "Alice 4 BRL 7501 EUR 50 | 19754: 2 BRL 4000 EUR 50 | 19783: 2 BRL 3501"},
      {ids[0], 1, 19783, 19786, "Alice 1 BRL 3500 | 19783: 1 BRL 3500"},
      {ids[1], 3, 0, 0, "Bob 2 BRL 8000 JPY 300 | 19754: 1 BRL 8000 | 19783: 1 JPY 300"},
      {ids[1], 3, 19784, 0, "Bob 0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[REPORTS_TEXT_SIZE];
    reports_ask_user(world, rows[i].user_id, rows[i].period, rows[i].start_day, rows[i].end_day, got);
    CHECK_STR(got, rows[i].want);
  }
  svc_world_free(world);
}

static void sales_are_summed_up_over_time(void) {
  begin(false);
  static const struct {
    int period;
    int64_t start_day, end_day;
    const char *want;
  } rows[] = {
      {0, 0, 0, "19782: 3 BRL 12000 EUR 50 | 19783: 2 BRL 3500 JPY 300 | 19785: 1 BRL 8000 | 19786: 1 BRL 1"},
      {2, 0, 0, "19779: 6 BRL 23500 EUR 50 JPY 300 | 19786: 1 BRL 1"},
      {3, 0, 0, "19754: 3 BRL 12000 EUR 50 | 19783: 4 BRL 11501 JPY 300"},
      {3, 19783, 19784, "19783: 2 BRL 3500 JPY 300"},
      {1, 19784, 19785, ""},
  };
  char got[REPORTS_TEXT_SIZE];
  CHECK_INT(reports_ask_sales(world, 1, 0, 0, got).code, OK);
  CHECK_STR(got, "");
  seed();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_INT(reports_ask_sales(world, rows[i].period, rows[i].start_day, rows[i].end_day, got).code, OK);
    CHECK_STR(got, rows[i].want);
  }
  svc_world_free(world);
}

static void users_are_ranked(void) {
  begin(false);
  seed();
  const char *const alice_bob[] = {ids[0], ids[1]}, *const bob_twice[] = {ids[1], ids[1], NOBODY};
#define F "=1+1, \"x\""
  const struct {
    int limit, order;
    const char *currency;
    const char *const *user_ids;
    size_t n;
    const char *want;
  } rows[] = {
      {0, 0, "", NULL, 0, "1 Alice 4 BRL 7501 EUR 50 | 2 Bob 2 BRL 8000 JPY 300 | 3 " F " 1 BRL 8000"},
      {2, 0, "", NULL, 0, "1 Alice 4 BRL 7501 EUR 50 | 2 Bob 2 BRL 8000 JPY 300"},
      {0, 0, "BRL", NULL, 0, "1 Alice 3 BRL 7501 | 2 Bob 1 BRL 8000 | 3 " F " 1 BRL 8000"},
      {0, 1, "BRL", NULL, 0, "1 Bob 1 BRL 8000 | 2 " F " 1 BRL 8000 | 3 Alice 3 BRL 7501"},
      {0, 1, "JPY", NULL, 0, "1 Bob 1 JPY 300"},
      {0, 1, "USD", NULL, 0, ""},
      {0, 0, "", alice_bob, 2, "1 Alice 4 BRL 7501 EUR 50 | 2 Bob 2 BRL 8000 JPY 300"},
      {1, 1, "BRL", alice_bob, 2, "1 Bob 1 BRL 8000"},
      {0, 0, "", bob_twice, 3, "1 Bob 2 BRL 8000 JPY 300"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    Ponte__Reports__V1__TopUsersRequest request = PONTE__REPORTS__V1__TOP_USERS_REQUEST__INIT;
    request.limit = rows[i].limit;
    request.order = (Ponte__Reports__V1__TopUsersRequest__Order)rows[i].order;
    request.currency_code = (char *)rows[i].currency;
    request.user_ids = (char **)rows[i].user_ids;
    request.n_user_ids = rows[i].n;
    char got[REPORTS_TEXT_SIZE];
    CHECK_INT(reports_ask_top(world, &request, got).code, OK);
    CHECK_STR(got, rows[i].want);
  }
  svc_world_free(world);
}

/* In one currency, of all users and of these: the same number of orders is ranked by the total. */
static void users_with_as_many_orders_rank_by_total(void) {
  begin(false);
  const orders_seed_row rows[] = {
      {ids[0], AT(1), "BRL", 10, 0}, {ids[1], AT(1), "BRL", 20, 0}, {ids[2], AT(1), "BRL", 15, 0}};
  orders_seed(rows, 3);
  Ponte__Reports__V1__TopUsersRequest request = PONTE__REPORTS__V1__TOP_USERS_REQUEST__INIT;
  char got[REPORTS_TEXT_SIZE];
  const char *const want = "1 Bob 1 BRL 20 | 2 " F " 1 BRL 15 | 3 Alice 1 BRL 10";
  reports_ask_top(world, &request, got);
  CHECK_STR(got, want);
  request.user_ids = (char **)ids;
  request.n_user_ids = USERS;
  reports_ask_top(world, &request, got);
  CHECK_STR(got, want);
  svc_world_free(world);
}

static int count_lines(base_span csv) {
  int lines = 0;
  for (size_t i = 0; i < csv.n; i++)
    lines += csv.p[i] == '\n';
  return lines;
}

static bool contains(base_span text, const char *what) { return memmem(text.p, text.n, what, strlen(what)) != NULL; }

static void orders_are_exported(void) {
  begin(false);
  base_buf csv;
  char missing[REPORTS_TEXT_SIZE];
  base_buf_init(&csv, 1 << 20);
  static const char head[] =
      "order_id,create_time,state,user_id,user_name,items,currency_code,total,total_minor_units\r\n";
  CHECK_INT(reports_ask_export(world, "", 0, &csv, missing).code, OK);
  CHECK(base_span_is(base_buf_span(&csv), head));
  seed();
  base_buf_clear(&csv);
  CHECK_INT(reports_ask_export(world, "", 0, &csv, missing).code, OK);
  CHECK_STR(missing, "0");
  base_span all = base_buf_span(&csv);
  CHECK_INT(count_lines(all), 10);
  CHECK(base_span_starts(all, head));
  char line[256];
  snprintf(line, sizeof line, ",2024-03-03T00:00:00.000Z,pending,%s,\"'=1+1, \"\"x\"\"\",1 x seed,BRL,80.00,8000\r\n",
           ids[2]);
  CHECK_MSG(contains(all, line), "%s", line);
  snprintf(line, sizeof line, ",2024-03-01T00:00:00.000Z,pending,%s,Bob,1 x seed,JPY,300,300\r\n", ids[1]);
  CHECK_MSG(contains(all, line), "%s", line);
  snprintf(line, sizeof line, ",2024-03-01T00:00:00.000Z,cancelled,%s,Alice,1 x seed,BRL,0.99,99\r\n", ids[0]);
  CHECK_MSG(contains(all, line), "%s", line);
  base_buf_clear(&csv);
  CHECK_INT(reports_ask_export(world, ids[1], 0, &csv, missing).code, OK);
  CHECK_INT(count_lines(base_buf_span(&csv)), 3);
  base_buf_dispose(&csv);
  svc_world_free(world);
}

static orders_seed_row one_of_many(void *ctx, size_t i) {
  return (orders_seed_row){.user_id = ids[i % 2],
                           .created_us = *(int64_t *)ctx + (int64_t)(i / 3),
                           .currency_code = "BRL",
                           .total = (int64_t)i + 1};
}

/* More than a page and a chunk: every order is there once. Three share each moment, so that pages end within one. */
static void long_exports_hold_each_order_once(void) {
  enum { MANY = 1501 };
  begin(false);
  int64_t begin_us = AT(19782);
  orders_seed_many(MANY, one_of_many, &begin_us);
  base_buf csv;
  char missing[REPORTS_TEXT_SIZE];
  base_buf_init(&csv, 1 << 20);
  CHECK_INT(reports_ask_export(world, "", 0, &csv, missing).code, OK);
  CHECK_MSG(strlen(missing) > 1, "more than one chunk");
  base_span rest = base_buf_span(&csv);
  static bool seen[MANY + 1];
  int count = 0;
  for (const uint8_t *end; rest.n && (end = memchr(rest.p, '\n', rest.n));
       rest = base_span_of(end + 1, rest.n - (size_t)(end + 1 - rest.p))) {
    const uint8_t *comma = memrchr(rest.p, ',', (size_t)(end - rest.p));
    uint64_t total = 0;
    if (!base_span_u64(base_span_of(comma + 1, (size_t)(end - comma) - 2), &total)) continue; /* the head */
    CHECK_MSG(total >= 1 && total <= MANY && !seen[total], "%llu", (unsigned long long)total);
    if (total <= MANY) seen[total] = true;
    count++;
  }
  CHECK_INT(count, MANY);
  base_buf_dispose(&csv);
  svc_world_free(world);
}

static void reports_that_cannot_be_are_refused(void) {
  begin(false);
  static const struct {
    const char *user_id;
    int period;
    int64_t start_day, end_day;
    int code;
    const char *reason, *field;
  } rows[] = {
      {NOBODY, 0, 0, 0, NOT_FOUND, "USER_NOT_FOUND", NULL},
      {"", 0, 0, 0, INVALID, "INVALID_FIELD", "user_id"},
      {"alice", 0, 0, 0, INVALID, "INVALID_FIELD", "user_id"},
      {NULL, 4, 0, 0, INVALID, "INVALID_FIELD", "period"},
      {NULL, -1, 0, 0, INVALID, "INVALID_FIELD", "period"},
      {NULL, 0, 19783, 19782, INVALID, "INVALID_FIELD", "end_time"},
      {NULL, 0, 5000000, 0, INVALID, "INVALID_FIELD", "start_time"}, /* beyond the year 9999 */
  };
  char got[REPORTS_TEXT_SIZE];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    svc_reply replies[2] = {reports_ask_user(world, rows[i].user_id ? rows[i].user_id : ids[0], rows[i].period,
                                             rows[i].start_day, rows[i].end_day, got),
                            {0}};
    int n = 1;
    if (!rows[i].user_id)
      replies[n++] = reports_ask_sales(world, rows[i].period, rows[i].start_day, rows[i].end_day, got);
    for (int k = 0; k < n; k++) {
      CHECK_MSG(replies[k].code == rows[i].code, "row %zu: %d", i, replies[k].code);
      CHECK_STR(replies[k].reason, rows[i].reason);
      if (rows[i].field) CHECK_STR(replies[k].field, rows[i].field);
    }
  }
  static const struct {
    int limit, order;
    const char *currency, *user_id, *field;
  } tops[] = {
      {-1, 0, "", NULL, "limit"},
      {1001, 0, "", NULL, "limit"},
      {0, 2, "", NULL, "order"},
      {0, 1, "", NULL, "currency_code"},
      {0, 0, "XYZ", NULL, "currency_code"},
      {0, 0, "brl", NULL, "currency_code"},
      {0, 0, "BRLL", NULL, "currency_code"},
      {0, 0, "", "alice", "user_ids[0]"},
      {0, 0, "", "", "user_ids[0]"},
  };
  for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
    Ponte__Reports__V1__TopUsersRequest request = PONTE__REPORTS__V1__TOP_USERS_REQUEST__INIT;
    request.limit = tops[i].limit;
    request.order = (Ponte__Reports__V1__TopUsersRequest__Order)tops[i].order;
    request.currency_code = (char *)tops[i].currency;
    request.user_ids = (char **)&tops[i].user_id;
    request.n_user_ids = tops[i].user_id != NULL;
    svc_reply r = reports_ask_top(world, &request, got);
    CHECK_MSG(r.code == INVALID && strcmp(r.field, tops[i].field) == 0, "row %zu: %d %s", i, r.code, r.field);
  }
  CHECK_INT(reports_ask_export(world, "alice", 0, NULL, NULL).code, INVALID);
  svc_world_free(world);
}

static void reports_are_for_those_who_may(void) {
  begin(true);
  seed();
  const struct {
    const char *token;
    int own, others, all;
    const char *who;
  } rows[] = {
      {svc_world_token(world, ids[0], "student"), OK, DENIED, DENIED, "a student"},
      {svc_world_token(world, NOBODY, "teacher"), OK, OK, OK, "a teacher"},
      {svc_world_token(world, NOBODY, "admin"), OK, OK, OK, "an administrator"},
      {svc_world_token(world, NOBODY, ""), DENIED, DENIED, DENIED, "somebody without a role"},
      {svc_world_old_token(world, NOBODY, "admin"), UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, "an old token"},
      {"forged", UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, "a forged token"},
      {NULL, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, "nobody"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[REPORTS_TEXT_SIZE];
    Ponte__Reports__V1__TopUsersRequest top = PONTE__REPORTS__V1__TOP_USERS_REQUEST__INIT;
    reports_token = rows[i].token;
    CHECK_MSG(reports_ask_user(world, ids[0], 0, 0, 0, got).code == rows[i].own, "own report, %s", rows[i].who);
    CHECK_MSG(reports_ask_export(world, ids[0], 0, NULL, NULL).code == rows[i].own, "own export, %s", rows[i].who);
    CHECK_MSG(reports_ask_user(world, ids[1], 0, 0, 0, got).code == rows[i].others, "other's report, %s", rows[i].who);
    CHECK_MSG(reports_ask_export(world, ids[1], 0, NULL, NULL).code == rows[i].others, "other's export, %s",
              rows[i].who);
    CHECK_MSG(reports_ask_export(world, "", 0, NULL, NULL).code == rows[i].all, "export of all, %s", rows[i].who);
    CHECK_MSG(reports_ask_sales(world, 0, 0, 0, got).code == rows[i].all, "sales, %s", rows[i].who);
    CHECK_MSG(reports_ask_top(world, &top, got).code == rows[i].all, "top, %s", rows[i].who);
  }
  svc_world_free(world);
}

TEST_MAIN(TEST(a_user_is_reported_on), TEST(sales_are_summed_up_over_time), TEST(users_are_ranked),
          TEST(users_with_as_many_orders_rank_by_total), TEST(orders_are_exported),
          TEST(long_exports_hold_each_order_once), TEST(reports_that_cannot_be_are_refused),
          TEST(reports_are_for_those_who_may))
