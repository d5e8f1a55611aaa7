/* bench_store MODE THREADS SECONDS -- what a store costs; prints one JSON object. MODE: write (what a call that creates does: claim an
 * idempotency key, insert a record, keep the answer; three statements), change (read a record, write it
 * back: threads meet on 100 of them), read (a record by its key). The store is SQLite in a temporary folder, or PostgreSQL when PONTE_TEST_POSTGRES is set. CPU is that of this
 * process: with SQLite all there is, with PostgreSQL the client's part. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/testing.h"

enum { THREADS_MAX = 256, RECORDS = 10000, CHANGED = 100, BUCKETS = 400 };

static const store_migration migrations[] = {
    {"0001-records", "CREATE TABLE records (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, body TEXT NOT NULL);"
                     "CREATE TABLE keys (id TEXT NOT NULL PRIMARY KEY, answer BYTEA NOT NULL)"},
};
static const store_statement put_record = {"INSERT INTO records (id, n, body) VALUES ($1, $2, $3)"},
                             put_key = {"INSERT INTO keys (id, answer) VALUES ($1, $2) ON CONFLICT DO NOTHING"},
                             set_key = {"UPDATE keys SET answer = $2 WHERE id = $1"},
                             get_record = {"SELECT n, body FROM records WHERE id = $1"},
                             set_record = {"UPDATE records SET n = $2 WHERE id = $1"};

static char body[300];
static store *db;
static store_fn mode;
static bool reads;
static int64_t end_us;

struct worker {
  pthread_t thread;
  uint32_t seed;
  uint64_t done, failed, runs;
  uint64_t latency[BUCKETS]; /* eighths of powers of two of microseconds */
};

static uint32_t next_random(struct worker *w) {
  w->seed = w->seed * 1664525u + 1013904223u;
  return w->seed >> 8;
}

static base_err do_write(void *ctx, store_tx *tx) {
  char id[BASE_UUID_SIZE], key[BASE_UUID_SIZE];
  uint8_t random[10];
  ((struct worker *)ctx)->runs++;
  base_uuid7(id);
  base_random(random, sizeof random);
  base_uuid7_of(0, random, key);
  BASE_TRY(store_exec(tx, &put_key, STORE_VALUES(store_text(key), store_bytes(base_span_of("", 0))), NULL));
  BASE_TRY(store_exec(tx, &put_record, STORE_VALUES(store_text(id), store_int(1), store_text(body)), NULL));
  return store_exec(tx, &set_key, STORE_VALUES(store_text(key), store_bytes(base_span_str(body))), NULL);
}

static void record_id(uint32_t n, char out[16]) { snprintf(out, 16, "r%08u", n); }

static base_err get(struct worker *w, store_tx *tx, const char *id, int64_t *n) {
  store_rows *rows;
  w->runs++;
  BASE_TRY(store_query(tx, &get_record, STORE_VALUES(store_text(id)), &rows));
  BASE_TRY(store_next(rows));
  *n = store_column_int(rows, 0) + (int64_t)strlen(store_column_text(rows, 1)) * 0;
  return BASE_OK;
}

static base_err do_change(void *ctx, store_tx *tx) {
  char id[16];
  int64_t n = 0;
  record_id(next_random(ctx) % CHANGED, id);
  BASE_TRY(get(ctx, tx, id, &n));
  return store_exec(tx, &set_record, STORE_VALUES(store_text(id), store_int(n + 1)), NULL);
}

static base_err do_read(void *ctx, store_tx *tx) {
  char id[16];
  int64_t n;
  record_id(next_random(ctx) % RECORDS, id);
  return get(ctx, tx, id, &n);
}

static base_err do_fill(void *ctx, store_tx *tx) {
  (void)ctx;
  for (uint32_t i = 0; i < RECORDS; i++) {
    char id[16];
    record_id(i, id);
    BASE_TRY(store_exec(tx, &put_record, STORE_VALUES(store_text(id), store_int(0), store_text(body)), NULL));
  }
  return BASE_OK;
}

static int bucket_of(int64_t us) {
  uint64_t n = us < 8 ? 8 : (uint64_t)us;
  int power = 63 - __builtin_clzll(n);
  int bucket = (power - 3) * 8 + (int)(n >> (power - 3)) - 8;
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static int64_t bucket_us(int bucket) { return ((int64_t)(bucket % 8) + 8) << (bucket / 8); }

static void *work(void *arg) {
  struct worker *w = arg;
  for (int64_t before = base_now_us(), now; before < end_us; before = now) {
    base_err e = reads ? store_read(db, mode, w) : store_write(db, mode, w);
    now = base_now_us();
    w->done += base_is_ok(e);
    w->failed += !base_is_ok(e);
    w->latency[bucket_of(now - before)]++;
  }
  return NULL;
}

static int64_t cpu_us(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static int64_t quantile(const struct worker *sum, double q) {
  uint64_t seen = 0, all = sum->done + sum->failed;
  for (int i = 0; i < BUCKETS; i++) {
    seen += sum->latency[i];
    if ((double)seen >= q * (double)all) {
      return bucket_us(i);
    }
  }
  return 0;
}

static void report(const char *name, int threads, const struct worker *workers, int64_t took_us, int64_t used_us) {
  struct worker sum = {0};
  for (int i = 0; i < threads; i++) {
    sum.done += workers[i].done;
    sum.failed += workers[i].failed;
    sum.runs += workers[i].runs;
    for (int b = 0; b < BUCKETS; b++) {
      sum.latency[b] += workers[i].latency[b];
    }
  }
  printf("{\"engine\": \"%s\", \"mode\": \"%s\", \"threads\": %d, \"per_second\": %.0f, \"cpu_us\": %.1f, \"p50_us\": "
         "%" PRId64 ", \"p99_us\": %" PRId64 ", \"failed\": %" PRIu64 ", \"runs_each\": %.3f}\n",
         testing_on_postgres() ? "postgresql" : "sqlite", name, threads, (double)sum.done * 1e6 / (double)took_us,
         (double)used_us / (double)(sum.done ? sum.done : 1), quantile(&sum, 0.5), quantile(&sum, 0.99), sum.failed,
         (double)sum.runs / (double)(sum.done ? sum.done : 1));
}

int main(int argc, char **argv) {
  base_log_init("bench_store");
  static const struct {
    const char *name;
    store_fn fn;
    bool reads;
  } modes[] = {{"write", do_write, false}, {"change", do_change, false}, {"read", do_read, true}};
  static struct worker workers[THREADS_MAX];
  size_t m = 0;
  while (argc == 4 && m < 3 && strcmp(argv[1], modes[m].name) != 0) {
    m++;
  }
  long threads = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
  if (m == 3 || threads < 1 || threads > THREADS_MAX) {
    fprintf(stderr, "usage: bench_store write|change|read THREADS SECONDS\n");
    return 2;
  }
  mode = modes[m].fn;
  reads = modes[m].reads;
  memset(body, 'b', sizeof body - 1);
  testing_place place;
  testing_place_init(&place);
  db = testing_store_open(&place, "bench", migrations, 1);
  if (!db || !base_is_ok(store_write(db, do_fill, NULL))) {
    return 1;
  }
  int64_t start_us = base_now_us(), used_us = cpu_us();
  end_us = start_us + (int64_t)(strtod(argv[3], NULL) * 1e6);
  for (int i = 0; i < threads; i++) {
    workers[i].seed = (uint32_t)i * 7919u;
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
      return 1;
    }
  }
  for (int i = 0; i < threads; i++) {
    pthread_join(workers[i].thread, NULL);
  }
  report(modes[m].name, (int)threads, workers, base_now_us() - start_us, cpu_us() - used_us);
  store_close(db);
  testing_place_dispose(&place);
  return 0;
}
