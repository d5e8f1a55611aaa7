/* What store.h promises, of every engine: run once with SQLite and once with PostgreSQL. */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "store/testing.h"

static const store_migration migrations[] = {
    {"0001-things",
     "CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL CHECK (n <> 13), note TEXT, raw BYTEA);"
     "CREATE UNIQUE INDEX things_note ON things (note)"},
    {"0002-parts",
     "CREATE TABLE parts (thing TEXT NOT NULL REFERENCES things (id), k BIGINT NOT NULL, PRIMARY KEY (thing, k))"},
};

static const store_statement put = {"INSERT INTO things (id, n, note, raw) VALUES ($1, $2, $3, $4)"},
                             put_part = {"INSERT INTO parts (thing, k) VALUES ($1, $2)"},
                             get = {"SELECT id, n, note, raw FROM things WHERE id = $1"},
                             count_all = {"SELECT COUNT(*) FROM things"},
                             set = {"UPDATE things SET n = $1 WHERE id = $2"};

static testing_place place;
static store *db;

static void open_db(void) {
  testing_place_init(&place);
  db = testing_store_open(&place, "things", migrations, 2);
  if (!db) {
    exit(2);
  }
}

static void close_db(void) {
  store_close(db);
  testing_place_dispose(&place);
}

struct thing {
  const char *id;
  int64_t n;
  store_value note, raw;
  int after; /* how many statements the function has done */
};

static base_err do_put(void *ctx, store_tx *tx) {
  const struct thing *t = ctx;
  return store_exec(tx, &put, STORE_VALUES(store_text(t->id), store_int(t->n), t->note, t->raw), NULL);
}

static base_err put_thing(const char *id, int64_t n, store_value note, store_value raw) {
  struct thing t = {.id = id, .n = n, .note = note, .raw = raw};
  return store_write(db, do_put, &t);
}

static base_err do_number(void *ctx, store_tx *tx) {
  int64_t *n = ctx;
  store_rows *rows;
  BASE_TRY(store_query(tx, &count_all, NULL, 0, &rows));
  BASE_TRY(store_next(rows));
  *n = store_column_int(rows, 0);
  return BASE_OK;
}

static int64_t how_many(void) {
  int64_t n = -1;
  CHECK_OK(store_read(db, do_number, &n));
  return n;
}

/* -- values -- */

struct expected {
  const char *reason, *id;
  int64_t n;
  store_value note, raw;
};

static base_err do_compare(void *ctx, store_tx *tx) {
  const struct expected *x = ctx;
  store_rows *rows;
  BASE_TRY(store_query(tx, &get, STORE_VALUES(store_text(x->id)), &rows));
  BASE_TRY(store_next(rows));
  CHECK_STR(store_column_text(rows, 0), x->id);
  CHECK_INT(store_column_int(rows, 1), x->n);
  CHECK_MSG(store_is_null(rows, 2) == (x->note.type == STORE_NULL), "%s", x->reason);
  CHECK_MSG(base_span_eq(store_column_bytes(rows, 2), x->note.bytes), "%s", x->reason);
  CHECK_INT(strlen(store_column_text(rows, 2)), x->note.bytes.n);
  CHECK_MSG(store_is_null(rows, 3) == (x->raw.type == STORE_NULL), "%s", x->reason);
  CHECK_MSG(base_span_eq(store_column_bytes(rows, 3), x->raw.bytes), "%s", x->reason);
  CHECK_INT(store_column_int(rows, 0), 0);
  CHECK_STR(store_column_text(rows, 1), "");
  CHECK_ERR(store_next(rows), BASE_E_NOT_FOUND);
  CHECK_ERR(store_next(rows), BASE_E_NOT_FOUND);
  return BASE_OK;
}

static void test_values(void) {
  open_db();
  const uint8_t raw[] = {0, 1, 255, 0, '\'', '\\', 'x'};
  const struct expected rows[] = {
      {"plain", "a", 1, store_text("note"), store_bytes(base_span_of(raw, sizeof raw))},
      {"nothing", "b", 0, store_null(), store_null()},
      {"no text is null", "b2", 0, store_text(NULL), store_null()},
      {"empty is not null", "c", -1, store_text(""), store_bytes(base_span_of(NULL, 0))},
      {"largest", "d", INT64_MAX, store_text("\xc3\xa9\xf0\x9f\x8c\x89"), store_null()},
      {"smallest", "e", INT64_MIN, store_text("'; DROP TABLE things; --"), store_null()},
      {"digits stay text", "0012", 5, store_text("1e3"), store_bytes(base_span_str("42"))},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct expected x = rows[i];
    CHECK_OK(put_thing(x.id, x.n, x.note, x.raw));
    CHECK_OK(store_read(db, do_compare, &x));
  }
  struct expected none = {.id = "zz"};
  CHECK_ERR(store_read(db, do_compare, &none), BASE_E_NOT_FOUND);
  close_db();
}

/* -- refusals: each leaves nothing behind -- */

static void test_refused_values(void) {
  open_db();
  CHECK_OK(put_thing("a", 1, store_text("taken"), store_null()));
  const struct {
    const char *reason, *id;
    int64_t n;
    store_value note;
    enum base_err_code want;
  } rows[] = {
      {"primary key", "a", 2, store_null(), BASE_E_EXISTS},
      {"unique index", "b", 2, store_text("taken"), BASE_E_EXISTS},
      {"check", "b", 13, store_null(), BASE_E_INVALID},
      {"not null", NULL, 2, store_null(), BASE_E_INVALID},
      {"not UTF-8", "b", 2, store_text("\xff"), BASE_E_INVALID},
      {"a surrogate", "b", 2, store_text("\xed\xa0\x80"), BASE_E_INVALID},
      {"NUL in a text", "b", 2, {.type = STORE_TEXT, .bytes = {(const uint8_t *)"a\0b", 3}}, BASE_E_INVALID},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = put_thing(rows[i].id, rows[i].n, rows[i].note, store_null());
    CHECK_MSG(base_is(e, rows[i].want), "%s: %s", rows[i].reason, base_err_name(e));
    CHECK_INT(how_many(), 1);
  }
  close_db();
}

static base_err do_orphan(void *ctx, store_tx *tx) {
  (void)ctx;
  return store_exec(tx, &put_part, STORE_VALUES(store_text("nobody"), store_int(1)), NULL);
}

/* PostgreSQL's NOT NULL of a primary key is implied; SQLite's is not. */
static void test_foreign_key(void) {
  open_db();
  CHECK_ERR(store_write(db, do_orphan, NULL), BASE_E_INVALID);
  close_db();
}

/* -- many threads -- */

enum { THREADS = 16, ROUNDS = 40 };

struct adder {
  pthread_t thread;
  int failed;
};

/* Reads and writes back: an update is lost unless writers are serializable. */
static base_err do_increment(void *ctx, store_tx *tx) {
  (void)ctx;
  store_rows *rows;
  BASE_TRY(store_query(tx, &get, STORE_VALUES(store_text("sum")), &rows));
  BASE_TRY(store_next(rows));
  int64_t n = store_column_int(rows, 1), changed;
  BASE_TRY(store_exec(tx, &set, STORE_VALUES(store_int(n + 1), store_text("sum")), &changed));
  return changed == 1 ? BASE_OK : base_fail(BASE_E_INTERNAL);
}

/* Does something first, so that there is something to roll back. */
static base_err do_increment_and_fail(void *ctx, store_tx *tx) {
  BASE_TRY(do_increment(ctx, tx));
  return base_fail(BASE_E_PRECONDITION);
}

static void *increment_many(void *arg) {
  struct adder *a = arg;
  for (int i = 0; i < ROUNDS; i++) {
    bool fails = i % 4 == 3;
    base_err e = store_write(db, fails ? do_increment_and_fail : do_increment, NULL);
    a->failed += !base_is(e, fails ? BASE_E_PRECONDITION : BASE_E_OK);
  }
  return NULL;
}

static base_err do_sum(void *ctx, store_tx *tx) {
  int64_t *n = ctx;
  store_rows *rows;
  BASE_TRY(store_query(tx, &get, STORE_VALUES(store_text("sum")), &rows));
  BASE_TRY(store_next(rows));
  *n = store_column_int(rows, 1);
  return BASE_OK;
}

static void test_no_lost_update(void) {
  open_db();
  CHECK_OK(put_thing("sum", 1000, store_null(), store_null()));
  struct adder adders[THREADS] = {0};
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&adders[i].thread, NULL, increment_many, &adders[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(adders[i].thread, NULL);
    CHECK_INT(adders[i].failed, 0);
  }
  int64_t sum = 0;
  CHECK_OK(store_read(db, do_sum, &sum));
  CHECK_INT(sum, 1000 + THREADS * (ROUNDS - ROUNDS / 4));
  close_db();
}

TEST_MAIN(TEST(test_values), TEST(test_refused_values), TEST(test_foreign_key), TEST(test_no_lost_update))
