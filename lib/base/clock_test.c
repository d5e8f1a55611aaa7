#include "base/clock.h"

#include "base/test.h"

static void uuid7_is_the_vector_of_rfc_9562(void) {
  /* Appendix A.6: 2022-02-22 19:22:22 UTC. The version's and variant's bits are set over whatever is random there. */
  static const uint8_t random[10] = {0xfc, 0xc3, 0xd8, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
  char id[BASE_UUID_SIZE];
  base_uuid7_of(0x017f22e279b0, random, id);
  CHECK_STR(id, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void uuid7s_differ_and_sort_by_time(void) {
  static const uint8_t high[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, low[10] = {0};
  char a[BASE_UUID_SIZE], b[BASE_UUID_SIZE];
  base_uuid7_of(1000, high, a);
  base_uuid7_of(1001, low, b);
  CHECK(strcmp(a, b) < 0);
  base_uuid7(a);
  base_uuid7(b);
  CHECK(strcmp(a, b) != 0);
  CHECK_INT(strlen(a), BASE_UUID_SIZE - 1);
  CHECK(a[14] == '7' && strchr("89ab", a[19]) != NULL);
}

static void random_fills_every_byte_and_no_more(void) {
  uint8_t bytes[1002], seen[1000] = {0};
  memset(bytes, 0, sizeof bytes);
  for (int round = 0; round < 16; round++) { /* a byte that stays 0 in 16 rounds: one in 2^128 */
    base_random(bytes + 1, 1000);
    for (int i = 0; i < 1000; i++) {
      seen[i] |= bytes[i + 1];
    }
  }
  CHECK(bytes[0] == 0 && bytes[1001] == 0);
  CHECK(memchr(seen, 0, sizeof seen) == NULL);
  base_random(bytes, 0);
  CHECK_INT(bytes[0], 0);
}

static void clocks_go_forward(void) {
  int64_t us = base_now_us(), ms = base_now_ms();
  CHECK(us > 0 && ms >= us / 1000);
  CHECK(base_now_us() >= us);
  CHECK(base_wall_ms() > 1577836800000); /* 2020 */
}

static const struct {
  int64_t ms;
  const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1970-01-01T00:00:00.000Z"},
    {68169599999, "1972-02-28T23:59:59.999Z"},
    {68169600000, "1972-02-29T00:00:00.000Z"},
    {68256000000, "1972-03-01T00:00:00.000Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"}, /* a leap year, since 400 divides it */
    {978307199999, "2000-12-31T23:59:59.999Z"},
    {978307200000, "2001-01-01T00:00:00.000Z"},
    {1645557742003, "2022-02-22T19:22:22.003Z"},
    {4107542399000, "2100-02-28T23:59:59.000Z"},
    {4107542400000, "2100-03-01T00:00:00.000Z"}, /* no leap year, since 100 divides it */
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {253402300800000, "9999-12-31T23:59:59.999Z"},
    {INT64_MAX, "9999-12-31T23:59:59.999Z"},
};

static void times_are_written_as_rfc_3339(void) {
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    char text[BASE_TIME_SIZE];
    base_time_text(times[i].ms, text);
    CHECK_STR(text, times[i].text);
  }
}

static const struct {
  unsigned attempt;
  int64_t base_ms, cap_ms;
  int64_t least, most;
  const char *reason;
} backoffs[] = {
    {0, 100, 10000, 50, 100, "the first"},
    {1, 100, 10000, 50, 200, "the second"},
    {6, 100, 10000, 50, 6400, "before the cap"},
    {7, 100, 10000, 50, 10000, "the cap"},
    {UINT32_MAX, 100, 10000, 50, 10000, "after a very long night"},
    {63, 1, INT64_MAX, 0, INT64_MAX, "doubling past 63 bits"},
    {3, 0, 1000, 0, 0, "no base, no wait"},
    {UINT32_MAX, 0, 1000, 0, 0, "no base, and it ends"},
    {5, 100, 30, 30, 30, "a cap below half the base"},
    {5, 100, 80, 50, 80, "a cap below the base"},
    {0, 1, 1, 0, 1, "the smallest"},
};

static void backoff_stays_between_its_bounds(void) {
  for (size_t i = 0; i < sizeof backoffs / sizeof *backoffs; i++) {
    static const uint32_t randoms[] = {0, 1, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX};
    int64_t before = -1;
    for (size_t r = 0; r < sizeof randoms / sizeof *randoms; r++) {
      int64_t ms = base_backoff_ms(backoffs[i].attempt, backoffs[i].base_ms, backoffs[i].cap_ms, randoms[r]);
      CHECK_MSG(ms >= backoffs[i].least && ms <= backoffs[i].most, "%s: %lld", backoffs[i].reason, (long long)ms);
      CHECK_MSG(ms >= before, "%s: more chance, less wait", backoffs[i].reason);
      before = ms;
    }
    CHECK_INT(base_backoff_ms(backoffs[i].attempt, backoffs[i].base_ms, backoffs[i].cap_ms, 0), backoffs[i].least);
    /* The largest random number is all but 1, so at most 1 in 2^32 is missing. */
    CHECK_MSG(before >= backoffs[i].most - 1 - backoffs[i].most / UINT32_MAX, "%s: %lld", backoffs[i].reason,
              (long long)before);
  }
}

TEST_MAIN(TEST(uuid7_is_the_vector_of_rfc_9562), TEST(uuid7s_differ_and_sort_by_time),
          TEST(random_fills_every_byte_and_no_more), TEST(clocks_go_forward), TEST(times_are_written_as_rfc_3339),
          TEST(backoff_stays_between_its_bounds))
