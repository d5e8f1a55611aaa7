/* Reports over many orders take no more memory than over few: they page. Measured as the growth of the process's peak, VmHWM, which Linux sets back when asked to
 * (proc(5), clear_refs 5). The orders service and its store live in the same process, so that their share is in it too. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "orders/testing.h"
#include "reports/service.h"
#include "reports/testing.h"

enum { OK = 0, FEW = 10000, MANY = 100000, REGULARS = 1000, DAYS = 365 };
/* What may come on top at ten times the orders: caches of the database that were not full before, and chance. A report that kept its orders would take 70 MB more, a ranking that kept its users 5 MB. */
enum { SLACK_KB = 4 * 1024 };

static svc_world *world;

static long peak_kb(void) {
  char line[128];
  long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f)) {
    if (strncmp(line, "VmHWM:", 6) == 0) kb = strtol(line + 6, NULL, 10);
  }
  if (f) fclose(f);
  return kb;
}

static bool forget_peak(void) {
  FILE *f = fopen("/proc/self/clear_refs", "w");
  bool ok = f && fputs("5", f) >= 0;
  return f && fclose(f) == 0 && ok;
}

/* Most orders are those of a thousand regulars; each tenth is of somebody who has no other. */
static orders_seed_row row_of(void *ctx, size_t i) {
  (void)ctx;
  static char id[ORDERS_ID_SIZE];
  bool once = i % 10 == 0;
  snprintf(id, sizeof id, "01936f2c-%04x-7000-8000-%012x", once, (unsigned)(once ? i : i % REGULARS));
  return (orders_seed_row){.user_id = id,
                           .created_us = (int64_t)(i % DAYS) * ORDERS_DAY_US + (int64_t)i,
                           .currency_code = i % 3 ? "BRL" : "EUR",
                           .total = 100};
}

/* The growth of the peak while this report is made. */
static long growth_kb(svc_reply (*make)(void)) {
  /* Once before: pools, connections and caches of the first call are not the report's. */
  CHECK_INT(make().code, OK);
  if (!forget_peak()) return -1;
  long before = peak_kb();
  CHECK_INT(make().code, OK);
  return peak_kb() - before;
}

static svc_reply export_all(void) { return reports_ask_export(world, "", 0, NULL, NULL); }

static svc_reply top_ten(void) {
  char out[REPORTS_TEXT_SIZE];
  Ponte__Reports__V1__TopUsersRequest request = PONTE__REPORTS__V1__TOP_USERS_REQUEST__INIT;
  return reports_ask_top(world, &request, out);
}

static svc_reply sales(void) {
  char out[REPORTS_TEXT_SIZE];
  return reports_ask_sales(world, PONTE__REPORTS__V1__PERIOD__PERIOD_MONTH, 0, 0, out);
}

static const struct {
  const char *name;
  svc_reply (*make)(void);
} reports[] = {{"ExportOrders", export_all}, {"TopUsers", top_ten}, {"SalesOverTime", sales}};
enum { REPORTS = sizeof reports / sizeof *reports };

static void measure(size_t orders, const char *users_target, long growth[REPORTS]) {
  static const svc_definition *const services[] = {&orders_test_definition, &reports_definition, NULL};
  const char *settings[] = {"users_target", users_target, NULL};
  world = svc_world_new(&(svc_world_options){.services = services, .settings = settings});
  orders_seed_many(orders, row_of, NULL);
  for (int i = 0; i < REPORTS; i++) {
    growth[i] = growth_kb(reports[i].make);
    printf("# %s over %zu orders: peak grew by %ld KB\n", reports[i].name, orders, growth[i]);
  }
  svc_world_free(world);
}

static void memory_does_not_grow_with_orders(void) {
  long few[REPORTS], many[REPORTS];
  fake_users users;
  fake_users_start(&users);
  measure(FEW, users.target, few);
  measure(MANY, users.target, many);
  for (int i = 0; i < REPORTS; i++) {
    CHECK_MSG(many[i] <= few[i] + SLACK_KB, "%s: %ld KB over %d orders, %ld KB over %d", reports[i].name, few[i], FEW,
              many[i], MANY);
  }
  fake_users_stop(&users);
}

TEST_MAIN(TEST(memory_does_not_grow_with_orders))
