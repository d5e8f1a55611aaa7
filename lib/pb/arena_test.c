#include "pb/arena.h"

#include <stdint.h>

#include "base/test.h"

static void test_alloc(void) {
  pb_arena a;
  pb_arena_init(&a, 1 << 20);
  size_t total = 0;
  for (size_t n = 0; n < 3000; n += 7) {
    uint8_t *p = pb_arena_alloc(&a, n);
    REQUIRE(p != NULL);
    CHECK_INT((uintptr_t)p % _Alignof(max_align_t), 0);
    memset(p, 0xaa, n);
    total += n;
  }
  CHECK(a.used_bytes >= total);
  CHECK(!a.over_cap);
  pb_arena_dispose(&a);
  CHECK_INT(a.used_bytes, 0);
}

static void test_cap(void) {
  pb_arena a;
  pb_arena_init(&a, 100);
  CHECK(pb_arena_alloc(&a, 101) == NULL);
  CHECK(a.over_cap);
  CHECK(pb_arena_alloc(&a, SIZE_MAX) == NULL);
  CHECK(pb_arena_alloc(&a, 64) != NULL);
  CHECK(pb_arena_alloc(&a, 64) == NULL);
  pb_arena_dispose(&a);
  CHECK(pb_arena_alloc(&a, 64) != NULL);
  pb_arena_dispose(&a);
}

static void test_copy(void) {
  pb_arena a;
  pb_arena_init(&a, 64);
  CHECK_STR(pb_arena_copy(&a, base_span_str("abc")), "abc");
  CHECK_STR(pb_arena_copy(&a, base_span_of(NULL, 0)), "");
  CHECK(pb_arena_copy(&a, base_span_of("", SIZE_MAX - 1)) == NULL);
  pb_arena_dispose(&a);
}

TEST_MAIN(TEST(test_alloc), TEST(test_cap), TEST(test_copy))
