/* Memory runs out at every allocation in turn, ours and SQLite's: passages are found if and only if search_put() was told OK, a search tells all or fails, and the index goes on. */
#include <malloc.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/test.h"
#include "failalloc.h"
#include "search/search.h"

static void *lite_malloc(int n) { return malloc((size_t)n); }
static void *lite_realloc(void *p, int n) { return realloc(p, (size_t)n); }
static int lite_size(void *p) { return (int)malloc_usable_size(p); }
static int lite_round(int n) { return (n + 7) & ~7; }
static int lite_init(void *arg) {
  (void)arg;
  return SQLITE_OK;
}
static void lite_shutdown(void *arg) { (void)arg; }

enum { ENOUGH = 20000 };

static search_passage passage(const char *material, int ordinal, const char *text) {
  return (search_passage){.material_id = material,
                          .ordinal = ordinal,
                          .title = "Light",
                          .heading = "",
                          .owner = "",
                          .start_ms = -1,
                          .end_ms = -1,
                          .text = base_span_str(text)};
}

static search *index_of_two(void) {
  const search_passage p[] = {passage("a", 0, "A photon is light."), passage("a", 1, "Light has colours.")};
  search *s = NULL;
  CHECK_OK(search_open(&s));
  if (s) CHECK_OK(search_put(s, p, 2));
  return s;
}

static base_err find(search *s, const char *text, size_t *count) {
  search_hits h;
  base_err e = search_find(s, &(search_query){.text = text, .owner = "", .limit = 5}, &h);
  *count = h.count;
  search_hits_dispose(&h);
  return e;
}

static void test_open(void) {
  long failures = 1;
  for (long n = 0; failures > 0 && n < ENOUGH; n++) {
    search *s = NULL;
    failalloc_after(n);
    base_err e = search_open(&s);
    failures = failalloc_failures();
    failalloc_after(-1);
    CHECK_MSG(base_is_ok(e) ? s != NULL : base_is(e, BASE_E_NO_MEMORY) && !s, "allocation %ld: %s", n,
              base_err_name(e));
    search_close(s);
  }
  CHECK(failures == 0);
}

static void test_put(void) {
  long failures = 1;
  for (long n = 0; failures > 0 && n < ENOUGH; n++) {
    search *s = index_of_two();
    REQUIRE(s);
    const search_passage p[] = {passage("b", 0, "A quark is strange."), passage("b", 1, "A quark is charmed.")};
    failalloc_after(n);
    base_err e = search_put(s, p, 2);
    failures = failalloc_failures();
    failalloc_after(-1);
    CHECK_MSG(base_is_ok(e) || base_is(e, BASE_E_NO_MEMORY), "allocation %ld: %s", n, base_err_name(e));
    size_t count = 0, want = base_is_ok(e) ? 2 : 0;
    CHECK_OK(find(s, "quark", &count));
    CHECK_MSG(count == want && search_count(s) == 2 + want, "allocation %ld: %zu hits", n, count);
    CHECK_OK(search_put(s, p, 2));
    CHECK_OK(find(s, "quark", &count));
    CHECK_INT(count, 2);
    search_close(s);
  }
  CHECK(failures == 0);
}

/* The first search opens a connection of its own. */
static void test_find(void) {
  long failures = 1;
  for (long n = 0; failures > 0 && n < ENOUGH; n++) {
    search *s = index_of_two();
    REQUIRE(s);
    size_t count = 0;
    failalloc_after(n);
    base_err e = find(s, "What is light?", &count);
    failures = failalloc_failures();
    failalloc_after(-1);
    CHECK_MSG(base_is_ok(e) ? count == 2 : base_is(e, BASE_E_NO_MEMORY) && count == 0, "allocation %ld: %s, %zu hits",
              n, base_err_name(e), count);
    CHECK_OK(find(s, "What is light?", &count));
    CHECK_INT(count, 2);
    search_close(s);
  }
  CHECK(failures == 0);
}

int main(void) {
  static const sqlite3_mem_methods methods = {lite_malloc, free,      lite_realloc,  lite_size,
                                              lite_round,  lite_init, lite_shutdown, NULL};
  /* So that SQLite's allocations come through this program's malloc(), and none out of its own reserve. */
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
      sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
    return 1;
  test_open();
  test_put();
  test_find();
  return test_failures != 0;
}
