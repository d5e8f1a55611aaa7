/* OK means on disk: a process that writes from many threads is killed in the middle of it, and every write it had been told OK is found again. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "store/testing.h"

enum { THREADS = 8, ACKNOWLEDGED = 400 /* before the kill */, ROUNDS = 3 };

static const store_migration migrations[] = {
    {"0001-t", "CREATE TABLE t (id BIGINT PRIMARY KEY, half BIGINT NOT NULL)"}};

static store *db;
static int report;

static base_err do_put(void *ctx, store_tx *tx) {
  static const store_statement put = {"INSERT INTO t (id, half) VALUES ($1, 1)"},
                               update = {"UPDATE t SET half = 2 WHERE id = $1"};
  BASE_TRY(store_exec(tx, &put, STORE_VALUES(store_int(*(int64_t *)ctx)), NULL));
  return store_exec(tx, &update, STORE_VALUES(store_int(*(int64_t *)ctx)), NULL);
}

static void *write_on(void *arg) {
  for (int64_t id = *(int64_t *)arg;; id += THREADS) {
    if (!base_is_ok(store_write(db, do_put, &id)) || write(report, &id, sizeof id) != sizeof id) {
      _exit(3);
    }
  }
  return NULL;
}

static void child(const testing_place *place, int64_t first) {
  db = testing_store_open(place, "t", migrations, 1);
  int64_t start[THREADS];
  pthread_t thread;
  for (int i = 0; i < THREADS; i++) {
    start[i] = first + i;
    if (!db || pthread_create(&thread, NULL, write_on, &start[i]) != 0) {
      _exit(3);
    }
  }
  pthread_join(thread, NULL);
}

struct check {
  int64_t id, half;
};

static base_err do_get(void *ctx, store_tx *tx) {
  static const store_statement get = {"SELECT half FROM t WHERE id = $1"};
  struct check *c = ctx;
  store_rows *rows;
  BASE_TRY(store_query(tx, &get, STORE_VALUES(store_int(c->id)), &rows));
  BASE_TRY(store_next(rows));
  c->half = store_column_int(rows, 0);
  return BASE_OK;
}

static base_err do_count_halves(void *ctx, store_tx *tx) {
  static const store_statement count = {"SELECT COUNT(*) FROM t WHERE half <> 2"};
  store_rows *rows;
  BASE_TRY(store_query(tx, &count, NULL, 0, &rows));
  BASE_TRY(store_next(rows));
  *(int64_t *)ctx = store_column_int(rows, 0);
  return BASE_OK;
}

/* Runs a child, kills it after so many acknowledged writes, and appends their ids. */
static size_t run_and_kill(const testing_place *place, int64_t first, int64_t *ids) {
  int ends[2];
  if (pipe(ends) != 0) {
    return 0;
  }
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    report = ends[1];
    child(place, first);
    _exit(3);
  }
  close(ends[1]);
  size_t n = 0;
  /* Ids of 8 bytes come whole (PIPE_BUF); those that came before the kill was noticed count too. */
  while (n < ACKNOWLEDGED * 2 && read(ends[0], &ids[n], sizeof *ids) == sizeof *ids) {
    if (++n == ACKNOWLEDGED) {
      kill(pid, SIGKILL);
    }
  }
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  CHECK_MSG(WIFSIGNALED(status), "the child ended by itself: %d", status);
  return n;
}

static void test_killed(void) {
  testing_place place;
  testing_place_init(&place);
  static int64_t ids[ROUNDS * ACKNOWLEDGED * 2];
  size_t n = 0;
  for (int round = 0; round < ROUNDS; round++) {
    n += run_and_kill(&place, round * 1000000, ids + n);
  }
  CHECK_MSG(n >= ROUNDS * ACKNOWLEDGED, "%zu", n);
  db = testing_store_open(&place, "t", migrations, 1);
  REQUIRE(db);
  for (size_t i = 0; i < n; i++) {
    struct check c = {.id = ids[i]};
    CHECK_OK(store_read(db, do_get, &c));
    CHECK_INT(c.half, 2);
  }
  int64_t halves = -1;
  CHECK_OK(store_read(db, do_count_halves, &halves));
  CHECK_INT(halves, 0);
  store_close(db);
  testing_place_dispose(&place);
}

TEST_MAIN(TEST(test_killed))
