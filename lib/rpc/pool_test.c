#include "rpc/pool.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/test.h"

enum { THREADS = 4, ROUNDS = 500, QUEUE = 8 };

/* Jobs that wait until all of their bunch run at once: a wake-up that is lost is a test that never ends. */
struct bunch {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int expected, running, done;
  rpc_job jobs[QUEUE];
};

static struct bunch bunch = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void wait_for_the_others(rpc_job *job) {
  (void)job;
  pthread_mutex_lock(&bunch.lock);
  bunch.running++;
  pthread_cond_broadcast(&bunch.changed);
  while (bunch.running < bunch.expected) {
    pthread_cond_wait(&bunch.changed, &bunch.lock);
  }
  bunch.done++;
  pthread_cond_broadcast(&bunch.changed);
  pthread_mutex_unlock(&bunch.lock);
}

static void wait_until_done(int count) {
  pthread_mutex_lock(&bunch.lock);
  while (bunch.done < count) {
    pthread_cond_wait(&bunch.changed, &bunch.lock);
  }
  pthread_mutex_unlock(&bunch.lock);
}

static void expect(int count) {
  pthread_mutex_lock(&bunch.lock);
  bunch.expected = count;
  bunch.running = bunch.done = 0;
  pthread_mutex_unlock(&bunch.lock);
}

static void test_all_threads_wake(void) {
  rpc_pool pool;
  CHECK_OK(rpc_pool_init(&pool, THREADS, THREADS, QUEUE));
  for (int round = 0; round < ROUNDS; round++) {
    int count = 1 + round % THREADS;
    expect(count);
    for (int i = 0; i < count; i++) {
      bunch.jobs[i].run = wait_for_the_others;
      CHECK(rpc_pool_submit(&pool, &bunch.jobs[i]));
    }
    wait_until_done(count);
  }
  rpc_pool_dispose(&pool);
}

/* As many threads as there were ever jobs at once, and no more. */
static void test_threads_on_demand(void) {
  rpc_pool pool;
  CHECK_OK(rpc_pool_init(&pool, 0, THREADS, QUEUE));
  CHECK_INT(pool.count, 0);
  for (int count = 1; count <= THREADS; count++) {
    expect(count);
    for (int i = 0; i < count; i++) {
      bunch.jobs[i].run = wait_for_the_others;
      CHECK(rpc_pool_submit(&pool, &bunch.jobs[i]));
    }
    wait_until_done(count);
    /* A thread that has run its job may not be idle yet when the next one comes, which starts another. */
    pthread_mutex_lock(&pool.lock);
    CHECK(pool.count >= count && pool.count <= THREADS);
    pthread_mutex_unlock(&pool.lock);
  }
  rpc_pool_dispose(&pool);
}

/* Jobs beyond the threads wait for them. */
static void test_more_jobs_than_threads(void) {
  rpc_pool pool;
  CHECK_OK(rpc_pool_init(&pool, 0, 2, QUEUE));
  for (int round = 0; round < ROUNDS; round++) {
    expect(1); /* none waits for another */
    for (int i = 0; i < QUEUE; i++) {
      bunch.jobs[i].run = wait_for_the_others;
      CHECK(rpc_pool_submit(&pool, &bunch.jobs[i]));
    }
    wait_until_done(QUEUE);
  }
  CHECK_INT(pool.count, 2);
  rpc_pool_dispose(&pool);
}

static void test_full(void) {
  rpc_pool pool;
  rpc_job rejected = {.run = wait_for_the_others};
  CHECK_OK(rpc_pool_init(&pool, 1, 1, 2));
  expect(2); /* the first holds the only thread until another thread, here this one, joins it */
  bunch.jobs[0].run = bunch.jobs[1].run = bunch.jobs[2].run = wait_for_the_others;
  CHECK(rpc_pool_submit(&pool, &bunch.jobs[0]));
  pthread_mutex_lock(&bunch.lock);
  while (bunch.running < 1) {
    pthread_cond_wait(&bunch.changed, &bunch.lock);
  }
  pthread_mutex_unlock(&bunch.lock);
  CHECK(rpc_pool_submit(&pool, &bunch.jobs[1]));
  CHECK(rpc_pool_submit(&pool, &bunch.jobs[2]));
  CHECK(!rpc_pool_submit(&pool, &rejected));
  wait_for_the_others(NULL);
  rpc_pool_dispose(&pool); /* runs what waits */
  CHECK_INT(bunch.done, 4);
}

TEST_MAIN(TEST(test_all_threads_wake), TEST(test_threads_on_demand), TEST(test_more_jobs_than_threads), TEST(test_full))
