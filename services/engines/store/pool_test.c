/* Items that threads take and give back, without any database. */
#include <sched.h>

#include "base/clock.h"
#include "base/test.h"
#include "store/internal.h"

enum { ROUNDS = 300, LONG_MS = 3600 * 1000 };

static store_pool pool;

/* Keeps what it gets. */
static void *take(void *item) {
  CHECK_OK(store__pool_take(&pool, base_now_ms() + LONG_MS, item));
  return NULL;
}

static void *last_in_queue(void) {
  pthread_mutex_lock(&pool.lock);
  void *last = (void *)pool.waiting.stqh_last;
  pthread_mutex_unlock(&pool.lock);
  return last;
}

/* Both items come back before the first of those who wait runs: the second must not be forgotten, for the first may keep its item for long. */
static void test_two_come_back_at_once(void) {
  static int items[2];
  CHECK_OK(store__pool_init(&pool, 2));
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t threads[2];
    void *got[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
      const void *before = last_in_queue();
      REQUIRE(pthread_create(&threads[i], NULL, take, &got[i]) == 0);
      while (last_in_queue() == before) {
        sched_yield();
      }
    }
    store__pool_give(&pool, &items[0]);
    store__pool_give(&pool, &items[1]);
    for (int i = 0; i < 2; i++) {
      pthread_join(threads[i], NULL);
    }
    CHECK(got[0] && got[1] && got[0] != got[1]);
  }
  store__pool_dispose(&pool);
}

static void test_nothing_comes(void) {
  void *got = NULL;
  CHECK_OK(store__pool_init(&pool, 1));
  CHECK_ERR(store__pool_take(&pool, base_now_ms() + 5, &got), BASE_E_UNAVAILABLE);
  CHECK(got == NULL);
  store__pool_dispose(&pool);
}

TEST_MAIN(TEST(test_two_come_back_at_once), TEST(test_nothing_comes))
