/* Memory runs out at every allocation in turn, ours and SQLite's: a write is there if and only if it was told OK, and the store goes on. */
#include <malloc.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/test.h"
#include "failalloc.h"
#include "store/testing.h"

static void *lite_malloc(int n) { return malloc((size_t)n); }
static void *lite_realloc(void *p, int n) { return realloc(p, (size_t)n); }
static int lite_size(void *p) { return (int)malloc_usable_size(p); }
static int lite_round(int n) { return (n + 7) & ~7; }
static int lite_init(void *arg) {
  (void)arg;
  return SQLITE_OK;
}
static void lite_shutdown(void *arg) { (void)arg; }

static const store_migration migrations[] = {{"0001-t", "CREATE TABLE t (id BIGINT PRIMARY KEY, note TEXT)"}};

struct work {
  int64_t id, count;
};

static base_err do_put(void *ctx, store_tx *tx) {
  static const store_statement put = {"INSERT INTO t (id, note) VALUES ($1, $2)"},
                               touch = {"UPDATE t SET note = $2 WHERE id <= $1"};
  const struct work *w = ctx;
  BASE_TRY(store_exec(tx, &put, STORE_VALUES(store_int(w->id), store_text("a note")), NULL));
  return store_exec(tx, &touch, STORE_VALUES(store_int(w->id), store_text("another, which is longer than the first")),
                    NULL);
}

static base_err do_count(void *ctx, store_tx *tx) {
  static const store_statement count = {"SELECT COUNT(*) FROM t WHERE id = $1"};
  struct work *w = ctx;
  store_rows *rows;
  BASE_TRY(store_query(tx, &count, STORE_VALUES(store_int(w->id)), &rows));
  BASE_TRY(store_next(rows));
  w->count = store_column_int(rows, 0);
  return BASE_OK;
}

enum { ENOUGH = 5000 };

static bool is_expected(base_err e) {
  return base_is(e, BASE_E_NO_MEMORY) || base_is(e, BASE_E_UNAVAILABLE) || base_is(e, BASE_E_EXHAUSTED);
}

/* The first write prepares everything; each is a new row. */
static void test_write(void) {
  testing_place place;
  testing_place_init(&place);
  long failures = 1;
  for (long n = 0; failures > 0 && n < ENOUGH; n++) {
    store *s = testing_store_open(&place, "t", migrations, 1);
    REQUIRE(s);
    struct work w = {.id = n};
    failalloc_after(n);
    base_err written = store_write(s, do_put, &w);
    base_err read = store_read(s, do_count, &w);
    failures = failalloc_failures();
    failalloc_after(-1);
    CHECK_MSG(base_is_ok(written) || is_expected(written), "%ld: %s", n, base_err_name(written));
    CHECK_MSG(base_is_ok(read) || is_expected(read), "%ld: %s", n, base_err_name(read));
    CHECK_OK(store_read(s, do_count, &w));
    CHECK_MSG(w.count == base_is_ok(written), "%ld: told %s, %lld rows", n, base_err_name(written), (long long)w.count);
    struct work next = {.id = n + ENOUGH};
    CHECK_OK(store_write(s, do_put, &next));
    store_close(s);
  }
  CHECK_INT(failures, 0);
  testing_place_dispose(&place);
}

static void test_open(void) {
  long failures = 1;
  for (long n = 0; failures > 0 && n < ENOUGH; n++) {
    testing_place place;
    testing_place_init(&place);
    const store_options o = {
        .url = place.url, .name = "t", .migrations = migrations, .migration_count = 1, .connections = 1};
    store *s = NULL;
    failalloc_after(n);
    base_err e = store_open(&o, NULL, &s);
    failures = failalloc_failures();
    failalloc_after(-1);
    CHECK_MSG(base_is_ok(e) ? s != NULL : is_expected(e) && !s, "%ld: %s", n, base_err_name(e));
    store_close(s);
    s = NULL;
    CHECK_OK(store_open(&o, NULL, &s));
    store_close(s);
    testing_place_dispose(&place);
  }
  CHECK_INT(failures, 0);
}

static void test_sqlite_fails_too(void) {
  static const sqlite3_mem_methods methods = {lite_malloc, free,      lite_realloc,  lite_size,
                                              lite_round,  lite_init, lite_shutdown, NULL};
  CHECK_INT(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
  CHECK_INT(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

TEST_MAIN(TEST(test_sqlite_fails_too), TEST(test_open), TEST(test_write))
