#include "base/test.h"
#include "gateway/limits/bucket.h"

static void gives_the_burst_and_then_the_rate(void) {
  gw_bucket b = gw_bucket_full(3, 1000);
  for (int i = 0; i < 3; i++) {
    CHECK_INT(gw_bucket_take(&b, 10, 3, 1000), 0);
  }
  CHECK_INT(gw_bucket_take(&b, 10, 3, 1000), 100);
  CHECK_INT(gw_bucket_take(&b, 10, 3, 1040), 60);
  CHECK_INT(gw_bucket_take(&b, 10, 3, 1099), 1);
  CHECK_INT(gw_bucket_take(&b, 10, 3, 1100), 0);
  CHECK_INT(gw_bucket_take(&b, 10, 3, 1100), 100);
}

static void never_holds_more_than_the_burst(void) {
  static const struct {
    int64_t passed;
    uint32_t per_s, burst;
    const char *reason;
  } rows[] = {
      {60000, 10, 2, "a minute"},
      {INT64_MAX - 1, 1000, 2, "longer than any clock"},
      {INT64_MAX - 1, UINT32_MAX, UINT32_MAX, "the largest numbers"},
      {1, UINT32_MAX, 1, "faster than a millisecond"},
      {INT64_MAX - 1, 1, 1, "the smallest ones"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_bucket b = {.millitokens = 0, .last_ms = 1};
    CHECK_MSG(gw_bucket_take(&b, rows[i].per_s, rows[i].burst, 1 + rows[i].passed) == 0, "%s", rows[i].reason);
    CHECK_MSG(b.millitokens == ((int64_t)rows[i].burst - 1) * 1000, "%s", rows[i].reason);
  }
}

static void a_clock_that_goes_back_gives_nothing(void) {
  gw_bucket b = gw_bucket_full(1, 1000);
  CHECK_INT(gw_bucket_take(&b, 10, 1, 1000), 0);
  CHECK_INT(gw_bucket_take(&b, 10, 1, 500), 100);
  CHECK_INT(gw_bucket_take(&b, 10, 1, 1100), 0);
}

static void a_smaller_burst_counts_at_once(void) {
  gw_bucket b = gw_bucket_full(100, 0);
  CHECK_INT(gw_bucket_take(&b, 1, 2, 0), 0);
  CHECK_INT(gw_bucket_take(&b, 1, 2, 0), 0);
  CHECK_INT(gw_bucket_take(&b, 1, 2, 0), 1000);
}

/* Whoever waits as long as he was told to is served, and not a millisecond earlier. */
static void the_wait_is_exact(void) {
  for (uint32_t per_s = 1; per_s < 3000; per_s += 7) {
    gw_bucket b = {.millitokens = (int64_t)(per_s * 31 % 1000), .last_ms = 50};
    gw_bucket copy = b;
    int64_t wait = gw_bucket_take(&b, per_s, 5, 50);
    CHECK(wait >= 1);
    CHECK_INT(gw_bucket_take(&b, per_s, 5, 50 + wait), 0);
    CHECK(gw_bucket_take(&copy, per_s, 5, 50 + wait - 1) > 0);
  }
}

static void a_penalty_is_a_debt(void) {
  gw_bucket b = gw_bucket_full(4, 0);
  gw_bucket_charge(&b, 3, 1, 4, 0);
  CHECK(!gw_bucket_in_debt(&b, 1, 4, 0));
  gw_bucket_charge(&b, 3, 1, 4, 0);
  CHECK(gw_bucket_in_debt(&b, 1, 4, 0));
  CHECK_INT(gw_bucket_take(&b, 1, 4, 0), 3000);
  CHECK(gw_bucket_in_debt(&b, 1, 4, 1999));
  CHECK(!gw_bucket_in_debt(&b, 1, 4, 2000));
  CHECK_INT(gw_bucket_take(&b, 1, 4, 3000), 0);
  gw_bucket_charge(&b, UINT32_MAX, 1, 4, 3000);
  CHECK_MSG(gw_bucket_take(&b, 1, 4, 3000) == 5000, "%s", "no deeper than the burst");
  gw_bucket_charge(&b, 0, 1, 4, INT64_MAX);
  CHECK_MSG(b.millitokens == 4000, "%s", "and full again after all time");
}

TEST_MAIN(TEST(gives_the_burst_and_then_the_rate), TEST(never_holds_more_than_the_burst),
          TEST(a_clock_that_goes_back_gives_nothing), TEST(a_smaller_burst_counts_at_once), TEST(the_wait_is_exact),
          TEST(a_penalty_is_a_debt))
