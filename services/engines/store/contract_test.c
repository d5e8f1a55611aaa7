/* What store.h promises, of every engine: run once with SQLite and once with PostgreSQL. */
#include <pthread.h>
#include <stdatomic.h>
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

/* Each of two takes the other's place only while it is free: only one may win, although they touch different rows. */
static base_err do_skew(void *ctx, store_tx *tx) {
  static const store_statement sum = {"SELECT SUM(n) FROM things"};
  store_rows *rows;
  BASE_TRY(store_query(tx, &sum, NULL, 0, &rows));
  BASE_TRY(store_next(rows));
  if (store_column_int(rows, 0) > 0) {
    return base_fail(BASE_E_PRECONDITION);
  }
  return store_exec(tx, &set, STORE_VALUES(store_int(1), store_text(ctx)), NULL);
}

static base_err do_reset(void *ctx, store_tx *tx) {
  static const store_statement reset = {"UPDATE things SET n = 0"};
  (void)ctx;
  return store_exec(tx, &reset, NULL, 0, NULL);
}

struct skewer {
  pthread_t thread;
  char id[2];
  base_err result;
};

static void *skew(void *arg) {
  struct skewer *w = arg;
  w->result = store_write(db, do_skew, w->id);
  return NULL;
}

static void test_no_write_skew(void) {
  open_db();
  CHECK_OK(put_thing("a", 0, store_null(), store_null()));
  CHECK_OK(put_thing("b", 0, store_null(), store_null()));
  for (int round = 0; round < 10; round++) {
    struct skewer pair[2] = {{.id = "a"}, {.id = "b"}};
    for (int i = 0; i < 2; i++) {
      REQUIRE(pthread_create(&pair[i].thread, NULL, skew, &pair[i]) == 0);
    }
    int won = 0;
    for (int i = 0; i < 2; i++) {
      pthread_join(pair[i].thread, NULL);
      CHECK(base_is_ok(pair[i].result) || base_is(pair[i].result, BASE_E_PRECONDITION));
      won += base_is_ok(pair[i].result);
    }
    CHECK_INT(won, 1);
    CHECK_OK(store_write(db, do_reset, NULL));
  }
  close_db();
}

struct counts {
  int64_t n[2];
  char id[4]; /* put in between: another in each run */
  base_err written;
};

static void *put_one(void *arg) {
  struct counts *c = arg;
  c->id[0]++;
  c->written = put_thing(c->id, 5, store_null(), store_null());
  return NULL;
}

/* A write that was finished in the middle of a read is not seen by it. */
static base_err do_count_twice(void *ctx, store_tx *tx) {
  struct counts *c = ctx;
  BASE_TRY(do_number(&c->n[0], tx));
  pthread_t thread;
  if (pthread_create(&thread, NULL, put_one, c) != 0) {
    return base_fail(BASE_E_INTERNAL);
  }
  pthread_join(thread, NULL);
  CHECK_OK(c->written);
  return do_number(&c->n[1], tx);
}

/* Also when the first statement was the only one of the reads before. */
static void test_snapshot(void) {
  for (int reads = 0; reads < 3; reads++) {
    open_db();
    CHECK_OK(put_thing("a", 0, store_null(), store_null()));
    for (int i = 0; i < reads; i++) {
      CHECK_INT(how_many(), 1);
    }
    for (int again = 0; again < 2; again++) {
      struct counts c = {.id = "k"};
      c.id[1] = (char)('0' + again);
      CHECK_OK(store_read(db, do_count_twice, &c));
      CHECK_INT(c.n[0], c.n[1]);
      CHECK_INT(how_many(), c.n[1] + 1);
    }
    close_db();
  }
}

/* -- errors -- */

/* Goes on after an error, as if nothing had been. */
static base_err do_swallow(void *ctx, store_tx *tx) {
  (void)ctx;
  struct thing fresh = {.id = "fresh"}, twice = {.id = "a"};
  CHECK_OK(do_put(&fresh, tx));
  CHECK_ERR(do_put(&twice, tx), BASE_E_EXISTS);
  struct thing later = {.id = "later"};
  CHECK_ERR(do_put(&later, tx), BASE_E_EXISTS);
  int64_t n;
  CHECK_ERR(do_number(&n, tx), BASE_E_EXISTS);
  return BASE_OK;
}

static base_err do_translate(void *ctx, store_tx *tx) {
  base_err e = do_swallow(ctx, tx);
  return base_is_ok(e) ? base_fail(BASE_E_DENIED) : e;
}

static void test_errors_stick(void) {
  open_db();
  CHECK_OK(put_thing("a", 1, store_null(), store_null()));
  CHECK_ERR(store_write(db, do_swallow, NULL), BASE_E_EXISTS);
  CHECK_ERR(store_write(db, do_translate, NULL), BASE_E_DENIED);
  CHECK_INT(how_many(), 1);
  close_db();
}

static base_err do_put_in_read(void *ctx, store_tx *tx) {
  CHECK_ERR(do_put(ctx, tx), BASE_E_INTERNAL);
  return BASE_OK;
}

static base_err do_count_and_put(void *ctx, store_tx *tx) {
  int64_t n;
  BASE_TRY(do_number(&n, tx));
  return base_is_ok(do_put(ctx, tx)) ? BASE_OK : base_fail(BASE_E_DENIED);
}

static void test_read_does_not_write(void) {
  open_db();
  struct thing t = {.id = "a"}, late = {.id = "b"};
  for (int i = 0; i < 3; i++) {
    CHECK_ERR(store_read(db, do_put_in_read, &t), BASE_E_INTERNAL);
    CHECK_INT(how_many(), 0);
    CHECK_ERR(store_read(db, do_count_and_put, &late), BASE_E_DENIED);
    CHECK_INT(how_many(), 0);
  }
  CHECK_OK(store_write(db, do_put, &t));
  CHECK_ERR(store_read(db, do_put_in_read, &late), BASE_E_INTERNAL);
  CHECK_INT(how_many(), 1);
  close_db();
}

struct broken {
  const char *reason;
  store_statement statement;
  size_t count;
  enum base_err_code want;
};

static base_err do_broken(void *ctx, store_tx *tx) {
  const struct broken *b = ctx;
  const store_value values[] = {store_int(1), store_int(2)};
  store_rows *rows;
  struct thing t = {.id = "before"};
  BASE_TRY(do_put(&t, tx));
  base_err e = store_query(tx, &b->statement, values, b->count, &rows);
  return base_is_ok(e) ? store_next(rows) : e;
}

static void test_broken_statements(void) {
  open_db();
  static const struct broken rows[] = {
      {"no SQL", {"SELEKT 1"}, 0, BASE_E_INTERNAL},
      {"empty", {""}, 0, BASE_E_INTERNAL},
      {"two statements", {"SELECT 1; SELECT 2"}, 0, BASE_E_INTERNAL},
      {"no such table", {"SELECT n FROM absent"}, 0, BASE_E_INTERNAL},
      {"no such column", {"SELECT absent FROM things"}, 0, BASE_E_INTERNAL},
      {"no such function", {"SELECT absent(1)"}, 0, BASE_E_INTERNAL},
      {"fewer values than parameters", {"SELECT n FROM things WHERE n = $1"}, 0, BASE_E_INTERNAL},
      {"more values than parameters", {"SELECT n FROM things WHERE n = $1"}, 2, BASE_E_INTERNAL},
      {"a gap in the numbers", {"SELECT n FROM things WHERE n = $2"}, 1, BASE_E_INTERNAL},
      {"SQLite's own parameters", {"SELECT n FROM things WHERE n = ?1"}, 1, BASE_E_INTERNAL},
      {"the sum leaves 64 bits",
       {"SELECT SUM(v) FROM (SELECT 9223372036854775807 AS v UNION ALL SELECT 1) AS t"},
       0,
       BASE_E_INVALID},
      {"a fraction", {"SELECT AVG(v) FROM (SELECT 1 AS v UNION ALL SELECT 2) AS t"}, 0, BASE_E_INVALID},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct broken b = rows[i];
    base_err e = store_write(db, do_broken, (void *)&rows[i]);
    CHECK_MSG(base_is(e, b.want), "%s: %s", b.reason, base_err_name(e));
    CHECK_INT(how_many(), 0);
  }
  CHECK_OK(put_thing("a", 1, store_null(), store_null()));
  close_db();
}

/* -- rows -- */

static base_err do_fill(void *ctx, store_tx *tx) {
  static const store_statement fill = {"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < "
                                       "20000) INSERT INTO things (id, n) SELECT 'id' || x, x + 100 FROM c"};
  return store_exec(tx, &fill, NULL, 0, ctx);
}

static base_err do_walk(void *ctx, store_tx *tx) {
  static const store_statement all = {"SELECT n, id FROM things WHERE n > $2 AND n <= $1 ORDER BY n"};
  int64_t *sum = ctx;
  store_rows *rows;
  /* Read in part and left: the next statement is none the worse. */
  for (int i = 0; i < 3; i++) {
    BASE_TRY(store_query(tx, &all, STORE_VALUES(store_int(30000), store_int(100)), &rows));
    BASE_TRY(store_next(rows));
    CHECK_INT(store_column_int(rows, 0), 101);
    CHECK_STR(store_column_text(rows, 1), "id1");
  }
  BASE_TRY(store_query(tx, &all, STORE_VALUES(store_int(30000), store_int(100)), &rows));
  base_err e;
  *sum = 0;
  while (base_is_ok(e = store_next(rows))) {
    *sum += store_column_int(rows, 0);
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

static void test_many_rows(void) {
  open_db();
  int64_t changed = 0, sum = 0;
  CHECK_OK(store_write(db, do_fill, &changed));
  CHECK_INT(changed, 20000);
  CHECK_OK(store_read(db, do_walk, &sum));
  CHECK_INT(sum, 20000LL * 20001 / 2 + 20000 * 100);
  close_db();
}

static base_err do_returning(void *ctx, store_tx *tx) {
  static const store_statement add = {"INSERT INTO things (id, n) VALUES ($1, 1), ('second', 2) RETURNING n"};
  (void)ctx;
  store_rows *rows;
  BASE_TRY(store_query(tx, &add, STORE_VALUES(store_text("first")), &rows));
  int64_t n;
  BASE_TRY(do_number(&n, tx)); /* none of its rows was read */
  CHECK_INT(n, 2);
  return BASE_OK;
}

static base_err do_nothing_changed(void *ctx, store_tx *tx) {
  int64_t *changed = ctx;
  return store_exec(tx, &set, STORE_VALUES(store_int(1), store_text("nobody")), changed);
}

static void test_returning_and_changed(void) {
  open_db();
  CHECK_OK(store_write(db, do_returning, NULL));
  CHECK_INT(how_many(), 2);
  CHECK_ERR(store_write(db, do_returning, NULL), BASE_E_EXISTS);
  int64_t changed = 7;
  CHECK_OK(store_write(db, do_nothing_changed, &changed));
  CHECK_INT(changed, 0);
  close_db();
}

static void test_large_value(void) {
  open_db();
  enum { SIZE = 4 * 1024 * 1024 };
  uint8_t *big = malloc(SIZE);
  REQUIRE(big);
  for (size_t i = 0; i < SIZE; i++) {
    big[i] = (uint8_t)(i * 31 >> 3);
  }
  struct expected x = {"4 MiB", "big", 1, store_null(), store_bytes(base_span_of(big, SIZE))};
  CHECK_OK(put_thing(x.id, x.n, x.note, x.raw));
  CHECK_OK(store_read(db, do_compare, &x));
  free(big);
  close_db();
}

/* -- the store itself -- */

static void test_stays(void) {
  open_db();
  CHECK_OK(put_thing("a", 1, store_null(), store_null()));
  CHECK(store_is_ready(db));
  store_close(db);
  db = testing_store_open(&place, "things", migrations, 2);
  REQUIRE(db);
  CHECK_INT(how_many(), 1);
  store *other = testing_store_open(&place, "others", migrations, 2);
  REQUIRE(other);
  int64_t n = -1;
  CHECK_OK(store_read(other, do_number, &n));
  CHECK_INT(n, 0);
  store_close(other);
  close_db();
}

static void *put_until_told(void *arg) {
  atomic_int *stop = arg;
  for (int i = 0; !atomic_load(stop); i++) {
    char id[32];
    snprintf(id, sizeof id, "w%d", i);
    CHECK_OK(put_thing(id, i * 2 + 100, store_null(), store_null()));
  }
  return NULL;
}

static void test_backup(void) {
  open_db();
  testing_place copy = {0};
  if (testing_on_postgres()) {
    CHECK_ERR(store_backup(db, "/tmp/never"), BASE_E_UNIMPLEMENTED);
    close_db();
    return;
  }
  int64_t n;
  CHECK_OK(store_write(db, do_fill, &n));
  testing_place_init(&copy);
  char path[128];
  snprintf(path, sizeof path, "%s/things.db", copy.dir);
  atomic_int stop = 0;
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, put_until_told, &stop) == 0);
  CHECK_OK(store_backup(db, path));
  CHECK_ERR(store_backup(db, path), BASE_E_EXISTS);
  CHECK_ERR(store_backup(db, "/nowhere/things.db"), BASE_E_UNAVAILABLE);
  atomic_store(&stop, 1);
  pthread_join(thread, NULL);
  int64_t total = how_many();
  store *second = testing_store_open(&copy, "things", migrations, 2);
  REQUIRE(second);
  n = 0;
  CHECK_OK(store_read(second, do_number, &n));
  CHECK_MSG(n >= 20000 && n <= total, "%lld", (long long)n);
  store_close(second);
  testing_place_dispose(&copy);
  close_db();
}

TEST_MAIN(TEST(test_values), TEST(test_refused_values), TEST(test_foreign_key), TEST(test_no_lost_update),
          TEST(test_no_write_skew), TEST(test_snapshot), TEST(test_errors_stick), TEST(test_read_does_not_write),
          TEST(test_broken_statements), TEST(test_many_rows), TEST(test_returning_and_changed), TEST(test_large_value),
          TEST(test_stays), TEST(test_backup))
