#include "wc/keep.h"

#include "base/test.h"

static void push(wc_keep *k, uint32_t samples, const char *text) {
  CHECK_OK(wc_keep_push(k, samples, base_span_str(text)));
}

static void test_positions_and_drops(void) {
  wc_keep k;
  wc_keep_init(&k, 0, 1000);
  push(&k, 320, "a");
  push(&k, 320, "bb");
  push(&k, 160, "ccc");
  CHECK_INT(k.end, 800);
  static const struct {
    int64_t sample;
    uint64_t number;
  } finds[] = {{-5, 0}, {0, 0}, {1, 1}, {320, 1}, {321, 2}, {640, 2}, {641, 3}, {9999, 3}};
  for (size_t i = 0; i < sizeof finds / sizeof *finds; i++)
    CHECK_INT(wc_keep_find(&k, finds[i].sample), finds[i].number);
  wc_keep_drop(&k, 319); /* inside the first packet: it stays */
  CHECK_INT(k.count, 3);
  wc_keep_drop(&k, 700); /* the third one is still needed */
  CHECK_INT(k.count, 1);
  CHECK_INT(k.begin, 640);
  base_span bytes;
  wc_packet p = wc_keep_at(&k, 2, &bytes);
  CHECK_INT(p.start, 640);
  CHECK(base_span_is(bytes, "ccc"));
  wc_keep_drop(&k, 10000);
  CHECK_INT(k.count, 0);
  CHECK_INT(k.begin, 800);
  wc_keep_dispose(&k);
}

/* The ring turns over many times while it is read at both ends. */
static void test_long_run(void) {
  wc_keep k;
  wc_keep_init(&k, 0, 100000);
  for (int i = 0; i < 5000; i++) {
    char text[8];
    snprintf(text, sizeof text, "%d", i);
    push(&k, 10, text);
    if (i % 7 == 0) wc_keep_drop(&k, (int64_t)(i - i % 100) * 10);
    base_span bytes;
    wc_keep_at(&k, k.first, &bytes);
    snprintf(text, sizeof text, "%d", (int)k.first);
    CHECK(base_span_is(bytes, text));
    wc_keep_at(&k, wc_keep_last(&k) - 1, &bytes);
    snprintf(text, sizeof text, "%d", i);
    CHECK(base_span_is(bytes, text));
  }
  CHECK(k.count < 110);
  wc_keep_dispose(&k);
}

static void test_ceiling(void) {
  wc_keep k;
  wc_keep_init(&k, 0, 5);
  push(&k, 1, "123");
  CHECK_ERR(wc_keep_push(&k, 1, base_span_str("456")), BASE_E_TOO_LARGE);
  CHECK_INT(k.count, 1);
  CHECK_INT(k.end, 1);
  wc_keep_dispose(&k);
}

TEST_MAIN(TEST(test_positions_and_drops), TEST(test_long_run), TEST(test_ceiling))
