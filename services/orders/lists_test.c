/* Lists and sums of orders over sockets and a real store. */
#include <stdio.h>

#include "base/test.h"
#include "orders/testing.h"
#include "ponte/orders/v1/orders.ponte.h"
#include "svc/testing/world.h"
#include "svc/timestamp.h"

#define NOBODY "01936f2c-0000-7000-8000-000000000001"
enum { OK = 0, INVALID = 3 };

static svc_world *world;

static svc_reply ask(int method, const ProtobufCMessage *request) {
  return svc_world_ask(world, &(svc_question){.service = "orders",
                                              .method = &ponte_orders_v1_order_service.methods[method],
                                              .request = request});
}

static void begin(void) {
  static const svc_definition *const services[] = {&orders_test_definition, NULL};
  world = svc_world_new(&(svc_world_options){.services = services});
}

static void end(void) { svc_world_free(world); }

typedef struct {
  const char *user_id;
  int64_t start_day, end_day; /* 0: unbounded */
  int state;
} filter;

/* Pages of `size`: how many orders there were in all; -1 if one failed. Into `days`, if given, the day of each in the order they came. */
static int list(filter f, int size, int64_t *days, int max) {
  Google__Protobuf__Timestamp start, finish;
  svc_timestamp(f.start_day * ORDERS_DAY_US, &start);
  svc_timestamp(f.end_day * ORDERS_DAY_US, &finish);
  Ponte__Orders__V1__ListOrdersRequest request = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
  request.user_id = (char *)(f.user_id ? f.user_id : "");
  request.start_time = f.start_day ? &start : NULL;
  request.end_time = f.end_day ? &finish : NULL;
  request.state = (Ponte__Orders__V1__OrderState)f.state;
  request.page_size = size;
  int count = 0;
  int64_t last_us = INT64_MAX;
  do {
    svc_reply r = ask(TEST_LIST_ORDERS, &request.base);
    if (r.code != OK) return -1;
    const Ponte__Orders__V1__ListOrdersResponse *page = (const Ponte__Orders__V1__ListOrdersResponse *)r.response;
    CHECK(page->n_orders <= (size_t)(size ? size : 50));
    for (size_t i = 0; i < page->n_orders; i++, count++) {
      int64_t us = 0;
      CHECK(svc_time_us(page->orders[i]->create_time, &us));
      CHECK_MSG(us <= last_us, "the newest first");
      last_us = us;
      if (days && count < max) days[count] = orders_day(us);
    }
    request.page_token = page->next_page_token;
  } while (request.page_token[0]);
  return count;
}

#define A "01936f2c-0000-7000-8000-00000000000a"
#define B "01936f2c-0000-7000-8000-00000000000b"
#define AT(day) ((day)*ORDERS_DAY_US)

/* Two at the same moment, and one at the very end of a day. */
static const orders_seed_row seeds[] = {
    {A, AT(100), "BRL", 1000, ORDERS_PENDING},    {A, AT(100), "BRL", 2000, ORDERS_PAID},
    {B, AT(100) + 5, "BRL", 400, ORDERS_PENDING}, {A, AT(101) - 1, "EUR", 50, ORDERS_PAID},
    {A, AT(101), "BRL", 3000, ORDERS_CANCELLED},  {B, AT(102), "EUR", 60, ORDERS_PENDING},
    {A, AT(110), "BRL", 7, ORDERS_PENDING},
};
enum { SEEDS = sizeof seeds / sizeof *seeds };

static void lists_are_filtered_and_paged(void) {
  begin();
  orders_seed(seeds, SEEDS);
  static const struct {
    filter filter;
    int count;
    const char *why;
  } rows[] = {
      {{0}, 7, "all"},
      {{.user_id = A}, 5, "of a user"},
      {{.user_id = NOBODY}, 0, "of a user without orders"},
      {{.state = ORDERS_PENDING}, 4, "in a state"},
      {{.state = ORDERS_CANCELLED}, 1, "cancelled"},
      {{.user_id = A, .state = ORDERS_PAID}, 2, "of a user in a state"},
      {{.start_day = 101}, 3, "from a moment on"},
      {{.end_day = 101}, 4, "before a moment"},
      {{.start_day = 100, .end_day = 101}, 4, "a day"},
      {{.user_id = B, .start_day = 100, .end_day = 101}, 1, "a day of a user"},
      {{.start_day = 103, .end_day = 110}, 0, "days without orders"},
      {{.start_day = 110, .end_day = 110}, 0, "no time at all"},
      {{.user_id = A, .start_day = 101, .end_day = 111, .state = ORDERS_PENDING}, 1, "everything at once"},
  };
  static const int sizes[] = {0, 1, 2, 3, 7, 1000};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      CHECK_MSG(list(rows[i].filter, sizes[k], NULL, 0) == rows[i].count, "%s, pages of %d", rows[i].why, sizes[k]);
    }
  }
  int64_t days[SEEDS] = {0};
  CHECK_INT(list((filter){0}, 2, days, SEEDS), SEEDS);
  CHECK(days[0] == 110 && days[1] == 102 && days[2] == 101 && days[3] == 100 && days[6] == 100);
  end();
}

/* Pages that end within a moment go on within it. */
static void orders_of_one_moment_come_once(void) {
  enum { TOGETHER = 5 };
  static const orders_seed_row row = {A, AT(100), "BRL", 1, 0};
  const orders_seed_row rows[TOGETHER] = {row, row, row, row, row};
  begin();
  orders_seed(rows, TOGETHER);
  for (int size = 1; size <= TOGETHER; size++)
    CHECK_INT(list((filter){0}, size, NULL, 0), TOGETHER);
  end();
}

static void lists_that_cannot_be_are_refused(void) {
  begin();
  orders_seed(seeds, SEEDS);
  Google__Protobuf__Timestamp early, late, wrong = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
  svc_timestamp(AT(100), &early);
  svc_timestamp(AT(101), &late);
  wrong.nanos = -1;
  Ponte__Orders__V1__ListOrdersRequest first = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
  first.page_size = 2;
  svc_reply r = ask(TEST_LIST_ORDERS, &first.base);
  REQUIRE(r.code == OK);
  char *good = ((const Ponte__Orders__V1__ListOrdersResponse *)r.response)->next_page_token;
  const struct {
    int size;
    const char *page_token, *user_id;
    Google__Protobuf__Timestamp *start, *end;
    int state;
    const char *field;
  } rows[] = {
      {-1, "", "", NULL, NULL, 0, "page_size"},
      {1001, "", "", NULL, NULL, 0, "page_size"},
      {0, "nonsense", "", NULL, NULL, 0, "page_token"},
      {2, good, A, NULL, NULL, 0, "page_token"}, /* of a list with another filter */
      {0, "", "alice", NULL, NULL, 0, "user_id"},
      {0, "", "", &wrong, NULL, 0, "start_time"},
      {0, "", "", NULL, &wrong, 0, "end_time"},
      {0, "", "", &late, &early, 0, "end_time"},
      {0, "", "", NULL, NULL, 4, "state"},
      {0, "", "", NULL, NULL, -1, "state"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    Ponte__Orders__V1__ListOrdersRequest l = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
    Ponte__Orders__V1__SummarizeOrdersRequest s = PONTE__ORDERS__V1__SUMMARIZE_ORDERS_REQUEST__INIT;
    l.page_size = s.page_size = rows[i].size;
    l.page_token = s.page_token = (char *)rows[i].page_token;
    l.user_id = s.user_id = (char *)rows[i].user_id;
    l.start_time = s.start_time = rows[i].start;
    l.end_time = s.end_time = rows[i].end;
    l.state = (Ponte__Orders__V1__OrderState)rows[i].state;
    r = ask(TEST_LIST_ORDERS, &l.base);
    CHECK_MSG(r.code == INVALID && strcmp(r.field, rows[i].field) == 0, "row %zu: %d %s", i, r.code, r.field);
    if (rows[i].state) continue;
    r = ask(TEST_SUMMARIZE_ORDERS, &s.base);
    CHECK_MSG(r.code == INVALID && strcmp(r.field, rows[i].field) == 0, "sums, row %zu: %d %s", i, r.code, r.field);
  }
  end();
}

/* -- sums ---------------------------------------------------------------------------------------------------------- */

/* All groups as "user day currency count total;", users by their last letter. */
static void sums(Ponte__Orders__V1__SummarizeOrdersRequest request, int page_size, char out[1024]) {
  out[0] = '\0';
  size_t used = 0;
  request.page_size = page_size;
  do {
    svc_reply r = ask(TEST_SUMMARIZE_ORDERS, &request.base);
    CHECK_INT(r.code, OK);
    if (r.code != OK) return;
    const Ponte__Orders__V1__SummarizeOrdersResponse *page =
        (const Ponte__Orders__V1__SummarizeOrdersResponse *)r.response;
    CHECK(page->n_groups <= (size_t)page_size);
    for (size_t i = 0; i < page->n_groups; i++) {
      const Ponte__Orders__V1__OrderGroup *g = page->groups[i];
      int64_t us = 0;
      if (g->day) CHECK(svc_time_us(g->day, &us));
      used += (size_t)snprintf(out + used, 1024 - used, "%s %lld %s %lld %lld;",
                               g->user_id[0] ? g->user_id + strlen(g->user_id) - 1 : "-", (long long)orders_day(us),
                               g->total->currency_code, (long long)g->order_count, (long long)g->total->minor_units);
    }
    request.page_token = page->next_page_token;
  } while (request.page_token[0]);
}

static void sums_are_grouped_and_paged(void) {
  begin();
  orders_seed(seeds, SEEDS);
  static const struct {
    const char *user_id;
    bool by_user, by_day;
    int64_t start_day, end_day;
    const char *groups;
  } rows[] = {
      {"", false, false, 0, 0, "- 0 BRL 4 3407;- 0 EUR 2 110;"},
      {"", true, false, 0, 0, "a 0 BRL 3 3007;a 0 EUR 1 50;b 0 BRL 1 400;b 0 EUR 1 60;"},
      {"", false, true, 0, 0, "- 100 BRL 3 3400;- 100 EUR 1 50;- 102 EUR 1 60;- 110 BRL 1 7;"},
      {"", true, true, 0, 0, "a 100 BRL 2 3000;a 100 EUR 1 50;a 110 BRL 1 7;b 100 BRL 1 400;b 102 EUR 1 60;"},
      {A, false, false, 0, 0, "- 0 BRL 3 3007;- 0 EUR 1 50;"},
      {A, true, false, 0, 0, "a 0 BRL 3 3007;a 0 EUR 1 50;"},
      {A, false, true, 0, 0, "- 100 BRL 2 3000;- 100 EUR 1 50;- 110 BRL 1 7;"},
      {B, true, true, 0, 0, "b 100 BRL 1 400;b 102 EUR 1 60;"},
      {NOBODY, true, true, 0, 0, ""},
      {"", false, true, 101, 110, "- 102 EUR 1 60;"},
      {A, true, false, 0, 101, "a 0 BRL 2 3000;a 0 EUR 1 50;"},
  };
  static const int sizes[] = {1, 2, 3, 1000};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      Google__Protobuf__Timestamp start, finish;
      svc_timestamp(AT(rows[i].start_day), &start);
      svc_timestamp(AT(rows[i].end_day), &finish);
      Ponte__Orders__V1__SummarizeOrdersRequest request = PONTE__ORDERS__V1__SUMMARIZE_ORDERS_REQUEST__INIT;
      request.user_id = (char *)rows[i].user_id;
      request.by_user = rows[i].by_user;
      request.by_day = rows[i].by_day;
      request.start_time = rows[i].start_day ? &start : NULL;
      request.end_time = rows[i].end_day ? &finish : NULL;
      char got[1024];
      sums(request, sizes[k], got);
      CHECK_MSG(strcmp(got, rows[i].groups) == 0, "row %zu, pages of %d: %s", i, sizes[k], got);
    }
  }
  end();
}

/* What the databases themselves cannot add up. */
static void sums_beyond_an_amount_stop_at_the_largest(void) {
  static const orders_seed_row large[] = {
      {A, AT(1), "BRL", INT64_MAX, 0},     {A, AT(1), "BRL", INT64_MAX, 0},  {A, AT(1), "BRL", INT64_MAX, 0},
      {A, AT(1), "EUR", INT64_MAX - 1, 0}, {A, AT(2), "EUR", 1, 0},          {B, AT(1), "BRL", 5, 0},
      {B, AT(1), "JPY", 4294967295, 0},    {B, AT(2), "JPY", 4294967295, 0}, {B, AT(2), "JPY", 2, 0},
  };
  begin();
  orders_seed(large, sizeof large / sizeof *large);
  Ponte__Orders__V1__SummarizeOrdersRequest request = PONTE__ORDERS__V1__SUMMARIZE_ORDERS_REQUEST__INIT;
  char got[1024];
  sums(request, 100, got);
  CHECK_STR(got, "- 0 BRL 4 9223372036854775807;- 0 EUR 2 9223372036854775807;- 0 JPY 3 8589934592;");
  request.by_user = true;
  sums(request, 100, got);
  CHECK_STR(got, "a 0 BRL 3 9223372036854775807;a 0 EUR 2 9223372036854775807;b 0 BRL 1 5;b 0 JPY 3 8589934592;");
  end();
}

TEST_MAIN(TEST(lists_are_filtered_and_paged), TEST(orders_of_one_moment_come_once),
          TEST(lists_that_cannot_be_are_refused), TEST(sums_are_grouped_and_paged),
          TEST(sums_beyond_an_amount_stop_at_the_largest))
