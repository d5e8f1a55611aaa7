#include "transcription/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/test.h"

enum { MANY = 200 };

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int order[MANY];
  int count;
  bool open; /* the gate: until then the first job holds the only thread */
} log_of_runs;

static log_of_runs runs = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

typedef struct {
  tr_job job;
  int id;
} numbered;

static void note(void *ctx) {
  pthread_mutex_lock(&runs.lock);
  runs.order[runs.count++] = ((numbered *)ctx)->id;
  pthread_cond_broadcast(&runs.changed);
  pthread_mutex_unlock(&runs.lock);
}

static void gate(void *ctx) {
  (void)ctx;
  pthread_mutex_lock(&runs.lock);
  while (!runs.open)
    pthread_cond_wait(&runs.changed, &runs.lock);
  pthread_mutex_unlock(&runs.lock);
}

static void open_gate_and_wait(int count) {
  pthread_mutex_lock(&runs.lock);
  runs.open = true;
  pthread_cond_broadcast(&runs.changed);
  while (runs.count < count)
    pthread_cond_wait(&runs.changed, &runs.lock);
  pthread_mutex_unlock(&runs.lock);
}

static void priorities_and_cancel(void) {
  tr_pool *p = NULL;
  CHECK_OK(tr_pool_new("test", 1, &p));
  REQUIRE(p);
  CHECK_INT(tr_pool_threads(p), 1);
  numbered first = {.job = {.run = gate, .ctx = &first}}, jobs[6];
  tr_pool_add(p, &first.job, TR_SECOND);
  while (tr_pool_queued(p) > 0)
    sched_yield();
  CHECK(!tr_pool_cancel(p, &first.job));
  for (int i = 0; i < 6; i++) {
    jobs[i] = (numbered){.job = {.run = note, .ctx = &jobs[i]}, .id = i};
    tr_pool_add(p, &jobs[i].job, i % 2 ? TR_FIRST : TR_SECOND);
  }
  CHECK_INT(tr_pool_queued(p), 6);
  CHECK(tr_pool_cancel(p, &jobs[3].job)); /* in the middle, then at both ends */
  CHECK(!tr_pool_cancel(p, &jobs[3].job));
  CHECK(tr_pool_cancel(p, &jobs[0].job));
  CHECK(tr_pool_cancel(p, &jobs[5].job));
  open_gate_and_wait(3);
  static const int want[] = {1, 2, 4};
  for (int i = 0; i < 3; i++)
    CHECK_INT(runs.order[i], want[i]);
  tr_pool_free(p);
}

static atomic_int counted;
static void count(void *ctx) {
  atomic_fetch_add(&counted, 1);
  free(ctx);
}

static void many_threads(void) {
  tr_pool *p = NULL;
  CHECK_OK(tr_pool_new("test", 4, &p));
  REQUIRE(p);
  for (int i = 0; i < MANY; i++) {
    numbered *n = malloc(sizeof *n);
    if (!n) break;
    *n = (numbered){.job = {.run = count, .ctx = n}};
    tr_pool_add(p, &n->job, i % TR_PRIORITIES);
  }
  tr_pool_free(p); /* what is queued is still run */
  CHECK_INT(atomic_load(&counted), MANY);
}

TEST_MAIN(TEST(priorities_and_cancel), TEST(many_threads))
