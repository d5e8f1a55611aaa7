#include "base/nearest.h"

#include "base/test.h"

static const struct {
  const char *typed, *meant, *reason;
} rows[] = {
    {"items", "items", "the name itself"},
    {"itms", "items", "a letter left out"},
    {"itemss", "items", "a letter too many"},
    {"qauntity", "quantity", "two letters swapped"},
    {"Items", "items", "another case"},
    {"", NULL, "nothing"},
    {"x", NULL, "one letter is near to nothing long"},
    {"completely", NULL, "another word"},
    {"a-name-that-is-longer-than-any-that-we-know-of", NULL, "too long to be compared"},
};

static void test_nearest(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_nearest n = base_nearest_of(base_span_str(rows[i].typed));
    base_nearest_try(&n, "items");
    base_nearest_try(&n, NULL);
    base_nearest_try(&n, "quantity");
    base_nearest_try(&n, "user_id");
    const char *got = n.best ? n.best : "none", *want = rows[i].meant ? rows[i].meant : "none";
    CHECK_MSG(strcmp(got, want) == 0, "%s: %s", rows[i].reason, got);
  }
}

TEST_MAIN(TEST(test_nearest))
