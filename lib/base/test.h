/* test.h - the unit tests' few macros. A test program is a table of functions run by TEST_MAIN; it prints a line a
 * failure and returns 1 if there was any. It needs nothing but printf, so it runs natively, under the sanitizers and
 * as wasm in Node alike. Test code only; single thread.
 */
#ifndef PONTE_BASE_TEST_H
#define PONTE_BASE_TEST_H

#include <stdio.h>
#include <string.h>

static int test_failures;

/* Goes on after a failure, so that one run shows all of them. `reason` of a table row helps to find it. */
#define CHECK(cond) CHECK_MSG(cond, "%s", "")
#define CHECK_MSG(cond, ...)                                             \
  do {                                                                   \
    if (!(cond)) {                                                       \
      test_failures++;                                                   \
      printf("%s:%d: in %s: %s: ", __FILE__, __LINE__, __func__, #cond); \
      printf(__VA_ARGS__);                                               \
      printf("\n");                                                      \
    }                                                                    \
  } while (0)
/* Leaves the test function: for what later lines could not do without. */
#define REQUIRE(cond)                     \
  do {                                    \
    int require_ok__ = !!(cond);          \
    CHECK_MSG(require_ok__, "%s", #cond); \
    if (!require_ok__) {                  \
      return;                             \
    }                                     \
  } while (0)
#define CHECK_OK(expr)                                                                      \
  do {                                                                                      \
    base_err check_err__ = (expr);                                                          \
    CHECK_MSG(base_is_ok(check_err__), "%s failed: %s", #expr, base_err_name(check_err__)); \
  } while (0)
#define CHECK_ERR(expr, want)                                                                           \
  do {                                                                                                  \
    base_err check_err__ = (expr);                                                                      \
    CHECK_MSG(base_is(check_err__, want), "%s gave %s, not " #want, #expr, base_err_name(check_err__)); \
  } while (0)
#define CHECK_STR(got, want) CHECK_MSG(strcmp((got), (want)) == 0, "got \"%s\", want \"%s\"", (got), (want))
#define CHECK_INT(got, want)                                                                  \
  do {                                                                                        \
    long long check_got__ = (long long)(got), check_want__ = (long long)(want);               \
    CHECK_MSG(check_got__ == check_want__, "got %lld, want %lld", check_got__, check_want__); \
  } while (0)

struct test_case {
  const char *name;
  void (*run)(void);
};
#define TEST(fn) \
  { #fn, fn }
#define TEST_MAIN(...)                                                             \
  int main(void) {                                                                 \
    static const struct test_case cases[] = {__VA_ARGS__};                         \
    int failed_cases = 0;                                                          \
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {                    \
      int before = test_failures;                                                  \
      cases[i].run();                                                              \
      failed_cases += test_failures != before;                                     \
      printf("%s %s\n", test_failures == before ? "ok" : "FAILED", cases[i].name); \
    }                                                                              \
    return failed_cases != 0;                                                      \
  }

#endif
