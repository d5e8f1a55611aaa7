#include "gateway/upstream/h2/balance.h"

#include "base/test.h"

enum { N = 4 };

struct world {
  bool usable[N];
  size_t load[N];
};

static bool is_usable(void *ctx, size_t i) { return ((struct world *)ctx)->usable[i]; }
static size_t load(void *ctx, size_t i) { return ((struct world *)ctx)->load[i]; }

static void round_robin_takes_turns_among_the_usable(void) {
  static const struct {
    bool usable[N];
    size_t cursor, want[6];
  } rows[] = {
      {{true, true, true, true}, 0, {0, 1, 2, 3, 0, 1}},    {{true, true, true, true}, 3, {3, 0, 1, 2, 3, 0}},
      {{true, true, true, true}, 4001, {1, 2, 3, 0, 1, 2}}, {{false, true, false, true}, 0, {1, 3, 1, 3, 1, 3}},
      {{false, false, true, false}, 0, {2, 2, 2, 2, 2, 2}}, {{false, false, false, false}, 0, {N, N, N, N, N, N}},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct world w = {0};
    memcpy(w.usable, rows[r].usable, sizeof w.usable);
    gw__choice of = {N, is_usable, load, &w};
    size_t cursor = rows[r].cursor;
    for (size_t k = 0; k < 6; k++) {
      size_t got = gw__pick(GW_ROUND_ROBIN, &of, &cursor, 0);
      CHECK_MSG(got == rows[r].want[k], "row %zu, pick %zu: %zu", r, k, got);
    }
  }
}

static void least_request_prefers_the_idler_of_two(void) {
  static const struct {
    bool usable[N];
    size_t load[N];
    uint32_t random;
    size_t want;
    const char *why;
  } rows[] = {
      {{true, true, true, true}, {5, 1, 9, 9}, 0x00010000, 1, "0 against 1"},
      {{true, true, true, true}, {1, 5, 9, 9}, 0x00010000, 0, "0 against 1"},
      {{true, true, true, true}, {3, 3, 9, 9}, 0x00010000, 0, "a tie stays with the first"},
      {{true, true, true, true}, {9, 1, 0, 0}, 0x00000000, 1, "the same twice: its neighbour"},
      {{true, false, false, true}, {9, 0, 0, 1}, 0x00010000, 3, "unusable ones are passed over"},
      {{false, false, true, false}, {0, 0, 99, 0}, 0xffffffff, 2, "one alone"},
      {{false, false, false, false}, {0, 0, 0, 0}, 0x12345678, N, "none"},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct world w = {0};
    memcpy(w.usable, rows[r].usable, sizeof w.usable);
    memcpy(w.load, rows[r].load, sizeof w.load);
    gw__choice of = {N, is_usable, load, &w};
    size_t cursor = 0, got = gw__pick(GW_LEAST_REQUEST, &of, &cursor, rows[r].random);
    CHECK_MSG(got == rows[r].want, "%s: %zu", rows[r].why, got);
  }
}

static void pick_first_stays(void) {
  struct world w = {.usable = {false, true, true, false}};
  gw__choice of = {N, is_usable, load, &w};
  size_t cursor = 3;
  CHECK_INT(gw__pick(GW_PICK_FIRST, &of, &cursor, 77), 1);
  CHECK_INT(gw__pick(GW_PICK_FIRST, &of, &cursor, 78), 1);
  w.usable[1] = w.usable[2] = false;
  CHECK_INT(gw__pick(GW_PICK_FIRST, &of, &cursor, 78), N);
}

static void nobody_to_choose_from(void) {
  static const enum gw_balance all[] = {GW_ROUND_ROBIN, GW_LEAST_REQUEST, GW_PICK_FIRST};
  gw__choice of = {0, is_usable, load, NULL};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    size_t cursor = 7;
    CHECK_INT(gw__pick(all[i], &of, &cursor, 5), 0);
  }
}

TEST_MAIN(TEST(round_robin_takes_turns_among_the_usable), TEST(least_request_prefers_the_idler_of_two),
          TEST(pick_first_stays), TEST(nobody_to_choose_from))
