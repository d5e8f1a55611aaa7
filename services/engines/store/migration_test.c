#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "store/testing.h"

static const store_migration good[] = {
    {"0001-a", "CREATE TABLE a (id BIGINT PRIMARY KEY); INSERT INTO a (id) VALUES (1)"},
    {"0002-b", "ALTER TABLE a ADD COLUMN note TEXT; UPDATE a SET note = 'x;y'"},
    {"0003-c", "CREATE INDEX a_note ON a (note)"},
};
static const store_migration edited[] = {{"0001-a", "CREATE TABLE a (id BIGINT)"}};
static const store_migration renamed[] = {
    {"0001-z", "CREATE TABLE a (id BIGINT PRIMARY KEY); INSERT INTO a (id) VALUES (1)"}};
static const store_migration wrong[] = {
    {"0001-a", "CREATE TABLE a (id BIGINT PRIMARY KEY); INSERT INTO a (id) VALUES (1)"},
    {"0002-b", "ALTER TABLE a ADD COLUMN note TEXT; UPDATE nowhere SET note = 'x'"},
};
static const store_migration twice[] = {
    {"0001-a", "CREATE TABLE b (id BIGINT PRIMARY KEY); INSERT INTO b (id) VALUES (1), (1)"}};

static testing_place place;

static base_err open_with(const store_migration *steps, size_t count, base_buf *why, store **out) {
  return store_open(
      &(store_options){
          .url = place.url, .name = "steps", .migrations = steps, .migration_count = count, .connections = 2},
      why, out);
}

static base_err do_note(void *ctx, store_tx *tx) {
  static const store_statement get = {"SELECT COUNT(*), MIN(note) FROM a"};
  store_rows *rows;
  BASE_TRY(store_query(tx, &get, NULL, 0, &rows));
  BASE_TRY(store_next(rows));
  CHECK_INT(store_column_int(rows, 0), 1);
  snprintf(ctx, 16, "%s", store_column_text(rows, 1));
  return BASE_OK;
}

static void test_steps_one_by_one(void) {
  testing_place_init(&place);
  for (size_t n = 1; n <= 3; n++) {
    for (int again = 0; again < 2; again++) {
      store *s = NULL;
      CHECK_OK(open_with(good, n, NULL, &s));
      char note[16] = "";
      if (s && n >= 2) {
        CHECK_OK(store_read(s, do_note, note));
        CHECK_STR(note, "x;y");
      }
      store_close(s);
    }
  }
  testing_place_dispose(&place);
}

static void test_as_it_is(void) {
  testing_place_init(&place);
  store_options o = {
      .url = place.url, .name = "steps", .migrations = good, .migration_count = 3, .connections = 1, .as_it_is = true};
  store *s = NULL;
  if (!testing_on_postgres()) {
    CHECK_ERR(store_open(&o, NULL, &s), BASE_E_NOT_FOUND);
    CHECK_ERR(store_open(&o, NULL, &s), BASE_E_NOT_FOUND); /* nor did the first one make it */
  }
  CHECK_OK(open_with(good, 2, NULL, &s));
  store_close(s);
  CHECK_OK(store_open(&o, NULL, &s));
  store_close(s);
  CHECK_OK(open_with(good, 2, NULL, &s)); /* the third step was not taken */
  store_close(s);
  testing_place_dispose(&place);
}

static void test_refused(void) {
  const struct {
    const char *reason;
    size_t before; /* steps of `good` applied before */
    const store_migration *steps;
    size_t count;
    enum base_err_code want;
    const char *why;
  } rows[] = {
      {"a step was edited", 1, edited, 1, BASE_E_INVALID, "was changed"},
      {"a step was renamed", 1, renamed, 1, BASE_E_INVALID, "was changed"},
      {"the program is older", 3, good, 2, BASE_E_INVALID, "newer version"},
      {"the program has none", 3, good, 0, BASE_E_INVALID, "newer version"},
      {"a step fails", 0, wrong, 2, BASE_E_INTERNAL, "0002-b failed"},
      {"a step fails on its data", 0, twice, 1, BASE_E_EXISTS, "0001-a failed"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    testing_place_init(&place);
    store *s = NULL;
    base_buf why;
    base_buf_init(&why, 1024);
    if (rows[i].before) {
      CHECK_OK(open_with(good, rows[i].before, NULL, &s));
      store_close(s);
    }
    base_err e = open_with(rows[i].steps, rows[i].count, &why, &s);
    CHECK_MSG(base_is(e, rows[i].want), "%s: %s", rows[i].reason, base_err_name(e));
    CHECK(!s);
    CHECK_OK(base_buf_append(&why, base_span_of("", 1)));
    CHECK_MSG(strstr((char *)why.data, rows[i].why), "%s: %s", rows[i].reason, (char *)why.data);
    base_buf_dispose(&why);
    testing_place_dispose(&place);
  }
}

/* What was applied before the step that failed stays; mended, the step can be tried again. */
static void test_mended(void) {
  testing_place_init(&place);
  store *s = NULL;
  CHECK_ERR(open_with(wrong, 2, NULL, &s), BASE_E_INTERNAL);
  CHECK_OK(open_with(good, 3, NULL, &s));
  char note[16] = "";
  CHECK_OK(store_read(s, do_note, note));
  CHECK_STR(note, "x;y");
  store_close(s);
  testing_place_dispose(&place);
}

static void *open_thread(void *arg) {
  base_err *e = arg;
  store *s = NULL;
  *e = open_with(good, 3, NULL, &s);
  store_close(s);
  return NULL;
}

static void test_at_once(void) {
  enum { OPENERS = 6 };
  testing_place_init(&place);
  pthread_t threads[OPENERS];
  base_err results[OPENERS];
  for (int i = 0; i < OPENERS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, open_thread, &results[i]) == 0);
  }
  for (int i = 0; i < OPENERS; i++) {
    pthread_join(threads[i], NULL);
    CHECK_OK(results[i]);
  }
  testing_place_dispose(&place);
}

static void test_bad_options(void) {
  static const char secret[] = "s3cret";
  const struct {
    const char *reason, *url, *name;
    enum base_err_code want;
  } rows[] = {
      {"an unknown engine", "mysql://root:s3cret@localhost/x", "steps", BASE_E_INVALID},
      {"nothing", "", "steps", BASE_E_INVALID},
      {"no folder", "sqlite:", "steps", BASE_E_INVALID},
      {"a folder below none", "sqlite:/nowhere/below", "steps", BASE_E_UNAVAILABLE},
      {"a folder that is a file", "sqlite:/dev/null", "steps", BASE_E_UNAVAILABLE},
      {"a folder where nothing can be made", "sqlite:/proc", "steps", BASE_E_UNAVAILABLE},
      {"capitals in the name", "sqlite:/tmp", "Steps", BASE_E_INVALID},
      {"a path in the name", "sqlite:/tmp", "../steps", BASE_E_INVALID},
      {"no name", "sqlite:/tmp", "", BASE_E_INVALID},
      {"a quote in the name", "postgresql://localhost/x", "x\"y", BASE_E_INVALID},
      {"a malformed URI", "postgresql://me:s3cret@[::1/x", "steps", BASE_E_INVALID},
      {"an unknown option", "postgresql://me:s3cret@localhost/x?no=thing", "steps", BASE_E_INVALID},
      {"a port where nobody listens", "postgresql://me:s3cret@127.0.0.1:1/x", "steps", BASE_E_UNAVAILABLE},
      {"a socket that is not there", "postgresql://me:s3cret@%2Fnowhere/x", "steps", BASE_E_UNAVAILABLE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_buf why;
    base_buf_init(&why, 1024);
    store *s = NULL;
    base_err e =
        store_open(&(store_options){.url = rows[i].url, .name = rows[i].name, .busy_timeout_ms = 200}, &why, &s);
    CHECK_MSG(base_is(e, rows[i].want), "%s: %s", rows[i].reason, base_err_name(e));
    CHECK_OK(base_buf_append(&why, base_span_of("", 1)));
    CHECK_MSG(base_buf_size(&why) > 10, "%s: no reason is given", rows[i].reason);
    CHECK_MSG(!strstr((char *)why.data, secret), "%s: %s", rows[i].reason, (char *)why.data);
    base_buf_dispose(&why);
  }
}

TEST_MAIN(TEST(test_steps_one_by_one), TEST(test_as_it_is), TEST(test_refused), TEST(test_mended), TEST(test_at_once),
          TEST(test_bad_options))
