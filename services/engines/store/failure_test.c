/* What fails beneath a store: a database that is busy, full or gone, and servers that die in the middle. */
#include <postgresql/libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "store/testing.h"

enum { SHORT_MS = 150 };

static const store_migration migrations[] = {{"0001-t", "CREATE TABLE t (id BIGINT PRIMARY KEY, raw BYTEA)"}};
static const store_statement put = {"INSERT INTO t (id, raw) VALUES ($1, $2)"}, count_all = {"SELECT COUNT(*) FROM t"};

static testing_place place;
static store *db;

enum { OPEN_MS = 60000 };

/* A busy machine may not connect within a time that is short for the sake of a test: then it is tried again. */
static void open_db(int64_t busy_ms, int connections) {
  testing_place_init(&place);
  const store_options o = {.url = place.url,
                           .name = "t",
                           .migrations = migrations,
                           .migration_count = 1,
                           .connections = connections,
                           .busy_timeout_ms = busy_ms};
  int64_t until_ms = base_now_ms() + OPEN_MS;
  base_err e = store_open(&o, NULL, &db);
  while (base_is(e, BASE_E_UNAVAILABLE) && base_now_ms() < until_ms)
    e = store_open(&o, NULL, &db);
  if (!base_is_ok(e)) {
    printf("the store does not open: %s\n", base_err_name(e));
    exit(2);
  }
}

static void close_db(void) {
  store_close(db);
  testing_place_dispose(&place);
}

static base_err do_put(void *ctx, store_tx *tx) {
  return store_exec(tx, &put, STORE_VALUES(store_int(*(int64_t *)ctx), store_null()), NULL);
}

static base_err put_id(int64_t id) { return store_write(db, do_put, &id); }

static base_err do_count(void *ctx, store_tx *tx) {
  store_rows *rows;
  BASE_TRY(store_query(tx, &count_all, NULL, 0, &rows));
  BASE_TRY(store_next(rows));
  *(int64_t *)ctx = store_column_int(rows, 0);
  return BASE_OK;
}

static int64_t how_many(void) {
  int64_t n = -1;
  CHECK_OK(store_read(db, do_count, &n));
  return n;
}

/* -- busy -- */

/* Somebody else's hold on the table. */
struct holder {
  sqlite3 *lite;
  PGconn *pg;
};

static void pg_run(PGconn *pg, const char *sql) {
  PGresult *r = PQexec(pg, sql);
  CHECK_MSG(PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK, "%s: %s", sql,
            PQerrorMessage(pg));
  PQclear(r);
}

static void hold(struct holder *h) {
  *h = (struct holder){0};
  if (testing_on_postgres()) {
    h->pg = PQconnectdb(place.url);
    pg_run(h->pg, "BEGIN");
    pg_run(h->pg, "LOCK TABLE t.t IN EXCLUSIVE MODE");
    return;
  }
  char path[128];
  snprintf(path, sizeof path, "%s/t.db", place.dir);
  CHECK_INT(sqlite3_open(path, &h->lite), SQLITE_OK);
  CHECK_INT(sqlite3_exec(h->lite, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void let_go(struct holder *h) {
  PQfinish(h->pg);
  sqlite3_close(h->lite);
}

static void test_busy(void) {
  open_db(SHORT_MS, 2);
  CHECK_OK(put_id(1));
  struct holder h;
  hold(&h);
  CHECK_ERR(put_id(2), BASE_E_UNAVAILABLE);
  CHECK_INT(how_many(), 1);
  CHECK(store_is_ready(db));
  let_go(&h);
  CHECK_OK(put_id(3));
  CHECK_INT(how_many(), 2);
  close_db();
}

struct second {
  base_err read, write;
};

static void *use_store(void *arg) {
  struct second *s = arg;
  int64_t n;
  s->read = store_read(db, do_count, &n);
  s->write = put_id(2);
  return NULL;
}

static base_err do_wait_for_second(void *ctx, store_tx *tx) {
  int64_t n;
  BASE_TRY(do_count(&n, tx));
  pthread_t thread;
  if (pthread_create(&thread, NULL, use_store, ctx) != 0) {
    return base_fail(BASE_E_INTERNAL);
  }
  pthread_join(thread, NULL);
  return BASE_OK;
}

/* One connection, and it is taken. SQLite writes with another. */
static void test_no_connection_left(void) {
  open_db(SHORT_MS, 1);
  struct second s = {0};
  CHECK_OK(store_read(db, do_wait_for_second, &s));
  CHECK_ERR(s.read, BASE_E_UNAVAILABLE);
  CHECK(base_is(s.write, testing_on_postgres() ? BASE_E_UNAVAILABLE : BASE_E_OK));
  CHECK_OK(put_id(5));
  CHECK_INT(how_many(), testing_on_postgres() ? 1 : 2);
  close_db();
}

/* A writer that waited too long for its turn has written nothing. */
static void test_writer_waits_too_long(void) {
  open_db(SHORT_MS, 1);
  struct second s = {0};
  CHECK_OK(store_write(db, do_wait_for_second, &s));
  CHECK_ERR(s.write, BASE_E_UNAVAILABLE);
  CHECK_INT(how_many(), 0);
  close_db();
}

/* -- full -- */

static base_err do_limit(void *ctx, store_tx *tx) {
  static const store_statement on = {"PRAGMA max_page_count = 60"}, off = {"PRAGMA max_page_count = 1073741823"};
  return store_exec(tx, *(bool *)ctx ? &on : &off, NULL, 0, NULL);
}

static base_err do_put_large(void *ctx, store_tx *tx) {
  static const uint8_t raw[1024 * 1024];
  BASE_TRY(do_put(ctx, tx));
  return store_exec(tx, &put, STORE_VALUES(store_int(99), store_bytes(base_span_of(raw, sizeof raw))), NULL);
}

/* SQLite's own limit stands for a disk: it gives the same error. */
static void test_full(void) {
  if (testing_on_postgres()) {
    return;
  }
  open_db(0, 1);
  bool limited = true;
  int64_t id = 2;
  CHECK_OK(put_id(1));
  CHECK_OK(store_write(db, do_limit, &limited));
  CHECK_ERR(store_write(db, do_put_large, &id), BASE_E_EXHAUSTED);
  CHECK_INT(how_many(), 1);
  CHECK_OK(put_id(3));
  limited = false;
  CHECK_OK(store_write(db, do_limit, &limited));
  CHECK_OK(store_write(db, do_put_large, &id));
  CHECK_INT(how_many(), 4);
  close_db();
}

/* -- a server that dies (PostgreSQL) -- */

static void cut_connections(void) {
  PGconn *pg = PQconnectdb(place.url);
  pg_run(pg, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid "
             "<> pg_backend_pid()");
  PQfinish(pg);
}

/* The processes of its connections too: they would live on until they next look. */
static void signal_server(int number) {
  char path[256], line[32] = "", children[8192] = "";
  snprintf(path, sizeof path, "%s/postmaster.pid", getenv("PONTE_TEST_POSTGRES_DATA"));
  FILE *f = fopen(path, "r");
  REQUIRE(f && fgets(line, sizeof line, f));
  fclose(f);
  pid_t pid = (pid_t)strtol(line, NULL, 10);
  REQUIRE(pid > 1);
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
  f = fopen(path, "r");
  REQUIRE(f && fgets(children, sizeof children, f));
  fclose(f);
  kill(pid, number);
  char *next = children;
  for (long child; (child = strtol(next, &next, 10)) > 1;) {
    kill((pid_t)child, number);
  }
}

static void kill_server(void) { signal_server(SIGKILL); }

/* It refuses to start until the last process that holds its shared memory is gone. */
static void start_server(void) {
  char command[256];
  snprintf(command, sizeof command, "sh %s", getenv("PONTE_TEST_POSTGRES_START"));
  int64_t until_ms = base_now_ms() + 60000;
  while (system(command) != 0 && base_now_ms() < until_ms) {
    usleep(100000);
  }
}

struct fragile {
  int runs;
  void (*hurt)(void);
  bool before_commit; /* after the last statement; otherwise in between */
};

static base_err do_fragile(void *ctx, store_tx *tx) {
  struct fragile *f = ctx;
  int64_t id = 7, n;
  f->runs++;
  BASE_TRY(do_put(&id, tx));
  if (f->runs == 1 && !f->before_commit) {
    f->hurt();
  }
  BASE_TRY(do_count(&n, tx));
  if (f->runs == 1 && f->before_commit) {
    f->hurt();
  }
  return BASE_OK;
}

static base_err do_fragile_read(void *ctx, store_tx *tx) {
  struct fragile *f = ctx;
  int64_t n;
  f->runs++;
  BASE_TRY(do_count(&n, tx));
  if (f->runs == 1) {
    f->hurt();
  }
  return do_count(&n, tx);
}

static void test_connection_lost(void) {
  if (!testing_on_postgres()) {
    return;
  }
  open_db(10000, 3);
  CHECK_OK(put_id(1));
  struct fragile in_between = {.hurt = cut_connections};
  CHECK_OK(store_write(db, do_fragile, &in_between));
  CHECK_INT(in_between.runs, 2);
  CHECK_INT(how_many(), 2);
  struct fragile read = {.hurt = cut_connections};
  CHECK_OK(store_read(db, do_fragile_read, &read));
  CHECK_INT(read.runs, 3); /* once as if the count were its only statement, once with the connection that is lost */
  cut_connections();       /* while nothing is going on */
  CHECK_OK(put_id(2));
  CHECK_INT(how_many(), 3);
  close_db();
}

/* Nobody knows what became of the COMMIT: it is not run again. */
static void test_unknown_commit(void) {
  if (!testing_on_postgres()) {
    return;
  }
  open_db(10000, 1);
  struct fragile f = {.hurt = cut_connections, .before_commit = true};
  CHECK_ERR(store_write(db, do_fragile, &f), BASE_E_UNAVAILABLE);
  CHECK_INT(f.runs, 1);
  CHECK_INT(how_many(), 0);
  CHECK_OK(put_id(7));
  close_db();
}

static void *restart(void *arg) {
  (void)arg;
  start_server();
  return NULL;
}

static pthread_t restarting;
static void kill_and_restart(void) {
  kill_server();
  CHECK_INT(pthread_create(&restarting, NULL, restart, NULL), 0);
}

static void test_server_killed(void) {
  if (!testing_on_postgres()) {
    return;
  }
  open_db(60000, 2);
  for (int64_t id = 100; id < 120; id++) {
    CHECK_OK(put_id(id));
  }
  struct fragile f = {.hurt = kill_and_restart};
  CHECK_OK(store_write(db, do_fragile, &f));
  pthread_join(restarting, NULL);
  CHECK_INT(f.runs, 2);
  CHECK_INT(how_many(), 21);
  close_db();
}

static void test_server_away(void) {
  if (!testing_on_postgres()) {
    return;
  }
  open_db(SHORT_MS, 2);
  CHECK_OK(put_id(1));
  kill_server();
  CHECK_ERR(put_id(2), BASE_E_UNAVAILABLE);
  CHECK(!store_is_ready(db));
  start_server();
  int64_t until_ms = base_now_ms() + 60000;
  while (!store_is_ready(db) && base_now_ms() < until_ms) {
    usleep(10000);
  }
  CHECK_OK(put_id(3));
  CHECK_INT(how_many(), 2);
  close_db();
}

/* A service and its server that start together, or again together. */
static void test_server_starts(void) {
  if (!testing_on_postgres()) {
    return;
  }
  testing_place_init(&place);
  kill_and_restart();
  store *s = NULL;
  CHECK_OK(store_open(&(store_options){.url = place.url, .name = "starts", .busy_timeout_ms = 60000}, NULL, &s));
  pthread_join(restarting, NULL);
  store_close(s);
  testing_place_dispose(&place);
}

/* It neither answers nor closes anything. */
static void test_server_hangs(void) {
  if (!testing_on_postgres()) {
    return;
  }
  open_db(SHORT_MS, 2);
  CHECK_OK(put_id(1));
  signal_server(SIGSTOP);
  CHECK_ERR(put_id(2), BASE_E_UNAVAILABLE);
  signal_server(SIGCONT);
  int64_t until_ms = base_now_ms() + 60000;
  while (!store_is_ready(db) && base_now_ms() < until_ms) {
    usleep(10000);
  }
  CHECK_OK(put_id(3));
  CHECK_INT(how_many(), 2);
  close_db();
}

/* A statement that runs too long is given up by the server, and the connection is as good as before. */
static base_err do_sleep(void *ctx, store_tx *tx) {
  static const store_statement nap = {"SELECT CAST(pg_sleep(60) AS TEXT)"};
  store_rows *rows;
  ++*(int *)ctx;
  return store_query(tx, &nap, NULL, 0, &rows);
}

static void test_statement_too_long(void) {
  if (!testing_on_postgres()) {
    return;
  }
  open_db(SHORT_MS, 1);
  int runs = 0;
  CHECK_ERR(store_read(db, do_sleep, &runs), BASE_E_UNAVAILABLE);
  CHECK_INT(runs, 1);
  CHECK_OK(put_id(1));
  close_db();
}

TEST_MAIN(TEST(test_busy), TEST(test_no_connection_left), TEST(test_writer_waits_too_long), TEST(test_full),
          TEST(test_connection_lost), TEST(test_unknown_commit), TEST(test_server_killed), TEST(test_server_away),
          TEST(test_server_starts), TEST(test_server_hangs), TEST(test_statement_too_long))
