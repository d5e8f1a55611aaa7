#include "wc/retry.h"

#include "base/test.h"

static void test_codes(void) {
  static const int helped[] = {1, 2, 4, 8, 10, 13, 14};
  static const int not_helped[] = {-1, 0, 3, 5, 6, 7, 9, 11, 12, 15, 16, 17, 99};
  for (size_t i = 0; i < sizeof helped / sizeof *helped; i++)
    CHECK_MSG(wc_retry_may_help(helped[i]), "%d", helped[i]);
  for (size_t i = 0; i < sizeof not_helped / sizeof *not_helped; i++)
    CHECK_MSG(!wc_retry_may_help(not_helped[i]), "%d", not_helped[i]);
}

static void test_delays(void) {
  static const struct {
    const char *pushback; /* NULL: none */
    enum wc_retry_pace pace;
    unsigned attempt;
    int64_t least, most;
  } rows[] = {{NULL, WC_RETRY_QUICK, 0, 0, 200},
              {NULL, WC_RETRY_QUICK, 40, 0, 5000},
              {NULL, WC_RETRY_CALM, 0, 0, 1000},
              {NULL, WC_RETRY_CALM, UINT32_MAX, 5001, 30000},
              {"0", WC_RETRY_CALM, 9, 0, 0},
              {"1500", WC_RETRY_QUICK, 0, 1500, 1500},
              {"99999999", WC_RETRY_QUICK, 0, 60000, 60000},
              {"-1", WC_RETRY_QUICK, 0, -1, -1},
              {"soon", WC_RETRY_CALM, 0, -1, -1},
              {"99999999999999999999", WC_RETRY_CALM, 0, -1, -1},
              {"", WC_RETRY_QUICK, 0, -1, -1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wire_status status;
    wire_status_init(&status);
    wire_status_set(&status, 14, "away");
    if (rows[i].pushback) CHECK_OK(wire_metadata_add_str(&status.trailers, "grpc-retry-pushback-ms", rows[i].pushback));
    int64_t ms = wc_retry_delay_ms(&status, rows[i].pace, rows[i].attempt, UINT32_MAX);
    CHECK_MSG(ms >= rows[i].least && ms <= rows[i].most, "row %d: %d ms", (int)i, (int)ms);
    wire_status_dispose(&status);
  }
}

TEST_MAIN(TEST(test_codes), TEST(test_delays))
