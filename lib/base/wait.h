/* wait.h - waiting on conditions with a deadline that no change of the wall clock moves. Any thread; not in the browser.
 *
 *   struct timespec until = base_timespec(base_now_ms() + 500);
 *   while (!done && pthread_cond_timedwait(&cond, &lock, &until) != ETIMEDOUT) {}
 */
#ifndef PONTE_BASE_WAIT_H
#define PONTE_BASE_WAIT_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Its timed waits count on the clock of base_now_ms(). Takes no memory and cannot fail on Linux. */
void base_cond_init(pthread_cond_t *c);
/* A time of base_now_ms() as timed waits take it. */
struct timespec base_timespec(int64_t monotonic_ms);

#endif
