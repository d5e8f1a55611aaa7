#include "base/test.h"
#include "wire/status.h"

static const struct {
  const char *text;
  int64_t ms;
} good[] = {
    {"1H", 3600000},
    {"1M", 60000},
    {"1S", 1000},
    {"1m", 1},
    {"1000u", 1},
    {"1001u", 2},
    {"1u", 1},
    {"1n", 1},
    {"0n", 0},
    {"0S", 0},
    {"99999999n", 100},
    {"99999999u", 100000},
    {"00000001m", 1},
    {"99999999m", 99999999},
    {"99999999H", 99999999LL * 3600000},
};

static void good_texts_decode_rounded_up(void) {
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int64_t ms = -1;
    CHECK_OK(wire_timeout_decode(base_span_str(good[i].text), &ms));
    CHECK_MSG(ms == good[i].ms, "%s gave %lld", good[i].text, (long long)ms);
  }
}

static const struct {
  const char *text, *reason;
} bad[] = {
    {"", "nothing"},
    {"S", "no digits"},
    {"1", "no unit"},
    {"123456789m", "nine digits"},
    {"1s", "unknown unit"},
    {"1h", "wrong case"},
    {"-1S", "a sign"},
    {"+1S", "a plus sign"},
    {" 1S", "a blank"},
    {"1S ", "a blank after"},
    {"1 S", "a blank inside"},
    {"1.5S", "a fraction"},
    {"0x1S", "hexadecimal"},
    {"1mS", "two units"},
    {"1\xc2\xb5", "micro sign"},
    {"SS", "a unit as digit"},
};

static void bad_texts_are_malformed(void) {
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t ms = 0;
    base_err e = wire_timeout_decode(base_span_str(bad[i].text), &ms);
    CHECK_MSG(base_is(e, BASE_E_MALFORMED), "%s: %s", bad[i].reason, base_err_name(e));
  }
}

static const struct {
  int64_t ms;
  const char *text;
} made[] = {
    {0, "0m"},
    {1, "1m"},
    {99999999, "99999999m"},
    {100000000, "100000S"},
    {100000001, "100001S"},
    {99999999000, "99999999S"},
    {99999999001, "1666667M"},
    {INT64_MAX, "99999999H"},
    {-1, "0m"},
};

static void encoding_never_shortens_a_deadline(void) {
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
    char out[16];
    int64_t back = 0;
    wire_timeout_encode(made[i].ms, out);
    CHECK_STR(out, made[i].text);
    CHECK_OK(wire_timeout_decode(base_span_str(out), &back));
    CHECK_MSG(back >= made[i].ms || made[i].ms == INT64_MAX, "%s", out);
  }
}

TEST_MAIN(TEST(good_texts_decode_rounded_up), TEST(bad_texts_are_malformed), TEST(encoding_never_shortens_a_deadline))
