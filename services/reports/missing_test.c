/* Reports while the users service, the orders service or both are down, slow, or die half-way. */
#include <stdio.h>

#include "base/test.h"
#include "orders/testing.h"
#include "reports/service.h"
#include "reports/testing.h"

#define A "01936f2c-0000-7000-8000-00000000000a"
#define B "01936f2c-0000-7000-8000-00000000000b"
#define C "01936f2c-0000-7000-8000-00000000000c"
#define AT(day) ((day)*ORDERS_DAY_US)
enum { OK = 0, DEADLINE = 4, NOT_FOUND = 5, INTERNAL = 13, UNAVAILABLE = 14 };

static const orders_seed_row seeds[] = {
    {A, AT(100), "BRL", 3, 0}, {A, AT(101), "BRL", 3, 0}, {A, AT(102), "BRL", 3, 0},
    {B, AT(100), "BRL", 2, 0}, {B, AT(101), "BRL", 2, 0}, {C, AT(100), "BRL", 1, 0},
};

static svc_world *world;

/* The orders service is there, or is nobody. */
static void begin(const char *users_target, bool orders) {
  static const svc_definition *const with[] = {&orders_test_definition, &reports_definition, NULL},
                                     *const without[] = {&reports_definition, NULL};
  static const char *settings[5];
  settings[0] = "users_target";
  settings[1] = users_target;
  settings[2] = orders ? NULL : "orders_target";
  settings[3] = fake_users_nobody;
  world = svc_world_new(&(svc_world_options){.services = orders ? with : without, .settings = settings});
  if (orders) orders_seed(seeds, sizeof seeds / sizeof *seeds);
}

static svc_reply top(char out[REPORTS_TEXT_SIZE]) {
  Ponte__Reports__V1__TopUsersRequest request = PONTE__REPORTS__V1__TOP_USERS_REQUEST__INIT;
  return reports_ask_top(world, &request, out);
}

static void without_users_names_are_missing(void) {
  char got[REPORTS_TEXT_SIZE];
  base_buf csv;
  base_buf_init(&csv, 1 << 20);
  begin(fake_users_nobody, true);
  CHECK_INT(reports_ask_user(world, A, 3, 0, 0, got).code, OK);
  CHECK_STR(got, "- 3 BRL 9 | 90: 3 BRL 9 missing users");
  CHECK_INT(top(got).code, OK);
  CHECK_STR(got, "1 - 3 BRL 9 missing users | 2 - 2 BRL 4 | 3 - 1 BRL 1");
  CHECK_INT(reports_ask_sales(world, 3, 0, 0, got).code, OK);
  CHECK_STR(got, "90: 6 BRL 14");
  CHECK_INT(reports_ask_export(world, "", 0, &csv, got).code, OK);
  CHECK_STR(got, "1");
  base_span all = base_buf_span(&csv);
  static const char line[] = "," C ",,1 x seed,";
  CHECK(memmem(all.p, all.n, line, sizeof line - 1) != NULL);
  base_buf_dispose(&csv);
  svc_world_free(world);
}

static void without_orders_only_the_user_is_left(void) {
  fake_users users;
  char got[REPORTS_TEXT_SIZE];
  fake_users_start(&users);
  begin(users.target, false);
  CHECK_INT(reports_ask_user(world, A, 3, 0, 0, got).code, OK);
  CHECK_STR(got, "Fake 0 missing orders");
  CHECK_INT(top(got).code, UNAVAILABLE);
  CHECK_INT(reports_ask_sales(world, 3, 0, 0, got).code, UNAVAILABLE);
  svc_reply r = reports_ask_export(world, "", 0, NULL, got);
  CHECK_INT(r.code, UNAVAILABLE);
  CHECK_STR(r.reason, "PEER_UNAVAILABLE");
  CHECK_STR(got, "");
  svc_world_free(world);
  fake_users_stop(&users);
}

static void without_both_nothing_is_left(void) {
  char got[REPORTS_TEXT_SIZE];
  begin(fake_users_nobody, false);
  svc_reply r = reports_ask_user(world, A, 3, 0, 0, got);
  CHECK_INT(r.code, UNAVAILABLE);
  CHECK_STR(r.reason, "PEER_UNAVAILABLE");
  CHECK(r.retry_after_ms > 0);
  CHECK_INT(top(got).code, UNAVAILABLE);
  CHECK_INT(reports_ask_sales(world, 3, 0, 0, got).code, UNAVAILABLE);
  CHECK_INT(reports_ask_export(world, "", 0, NULL, NULL).code, UNAVAILABLE);
  svc_world_free(world);
}

/* What is missing is said where it is missing first, and who is down is not asked again. */
static void users_may_die_half_way(void) {
  fake_users users;
  char got[REPORTS_TEXT_SIZE];
  fake_users_start(&users);
  begin(users.target, true);
  fake_users_set(&users, FAKE_USERS_FOUND, 1);
  CHECK_INT(top(got).code, OK);
  CHECK_STR(got, "1 Fake 3 BRL 9 | 2 - 2 BRL 4 missing users | 3 - 1 BRL 1");
  int calls = fake_users_calls(&users);
  fake_users_set(&users, FAKE_USERS_UNAVAILABLE, 0);
  CHECK_INT(top(got).code, OK);
  CHECK_STR(got, "1 - 3 BRL 9 missing users | 2 - 2 BRL 4 | 3 - 1 BRL 1");
  CHECK_INT(fake_users_calls(&users), calls - 1); /* the repeats of one question */
  svc_world_free(world);
  fake_users_stop(&users);
}

/* Users that are not there any more have no names; that is not "missing". Other failures are passed on. */
static void other_answers_of_users(void) {
  static const struct {
    enum fake_users_mode mode;
    int top, export, report;
    const char *text;
  } rows[] = {
      {FAKE_USERS_NOT_FOUND, OK, OK, NOT_FOUND, "1 - 3 BRL 9 | 2 - 2 BRL 4 | 3 - 1 BRL 1"},
      {FAKE_USERS_DELETED, OK, OK, OK, "1 Fake 3 BRL 9 | 2 Fake 2 BRL 4 | 3 Fake 1 BRL 1"},
      {FAKE_USERS_INTERNAL, INTERNAL, INTERNAL, INTERNAL, ""},
  };
  fake_users users;
  char got[REPORTS_TEXT_SIZE];
  fake_users_start(&users);
  begin(users.target, true);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    fake_users_set(&users, rows[i].mode, 0);
    CHECK_INT(top(got).code, rows[i].top);
    CHECK_STR(got, rows[i].text);
    CHECK_INT(reports_ask_export(world, "", 0, NULL, NULL).code, rows[i].export);
    CHECK_INT(reports_ask_user(world, A, 0, 0, 0, got).code, rows[i].report);
  }
  svc_world_free(world);
  fake_users_stop(&users);
}

/* A name is asked for once, however many orders its user has. */
static void names_are_kept(void) {
  fake_users users;
  fake_users_start(&users);
  begin(users.target, true);
  CHECK_INT(reports_ask_export(world, "", 0, NULL, NULL).code, OK);
  CHECK_INT(fake_users_calls(&users), 3);
  svc_world_free(world);
  fake_users_stop(&users);
}

static void slow_users_end_with_the_deadline(void) {
  fake_users users;
  fake_users_start(&users);
  begin(users.target, true);
  fake_users_set(&users, FAKE_USERS_SLOW, 0);
  CHECK_INT(reports_ask_export(world, "", 500, NULL, NULL).code, DEADLINE);
  CHECK(fake_users_calls(&users) > 0);
  fake_users_release(&users);
  svc_world_free(world);
  fake_users_stop(&users);
}

TEST_MAIN(TEST(without_users_names_are_missing), TEST(without_orders_only_the_user_is_left),
          TEST(without_both_nothing_is_left), TEST(users_may_die_half_way), TEST(other_answers_of_users),
          TEST(names_are_kept), TEST(slow_users_end_with_the_deadline))
