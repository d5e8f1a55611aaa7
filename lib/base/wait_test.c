#include "base/wait.h"

#include <errno.h>

#include "base/clock.h"
#include "base/test.h"

static void times_are_split(void) {
  static const struct {
    int64_t ms;
    long s, ns;
  } rows[] = {{0, 0, 0}, {1, 0, 1000000}, {999, 0, 999000000}, {1000, 1, 0}, {123456789, 123456, 789000000}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct timespec t = base_timespec(rows[i].ms);
    CHECK_INT(t.tv_sec, rows[i].s);
    CHECK_INT(t.tv_nsec, rows[i].ns);
  }
}

/* On the wall clock, whose numbers are larger, both would be over at once. */
static void waits_end_by_the_clock_of_base_now_ms(void) {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t cond;
  base_cond_init(&cond);
  int64_t until_ms = base_now_ms() + 20;
  struct timespec over = base_timespec(base_now_ms()), soon = base_timespec(until_ms);
  pthread_mutex_lock(&lock);
  CHECK_INT(pthread_cond_timedwait(&cond, &lock, &over), ETIMEDOUT);
  while (pthread_cond_timedwait(&cond, &lock, &soon) != ETIMEDOUT) {
  }
  pthread_mutex_unlock(&lock);
  CHECK(base_now_ms() >= until_ms);
  pthread_cond_destroy(&cond);
}

TEST_MAIN(TEST(times_are_split), TEST(waits_end_by_the_clock_of_base_now_ms))
