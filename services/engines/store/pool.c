#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/wait.h"
#include "store/internal.h"

enum { PATIENCE_MS = 10 };

/* A thread that waits, on its stack. */
struct store_waiter {
  void *item; /* handed over */
  int64_t since_ms;
  pthread_cond_t wake;
  STAILQ_ENTRY(store_waiter) next;
};

base_err store__pool_init(store_pool *p, size_t capacity) {
  *p = (store_pool){.waiting = STAILQ_HEAD_INITIALIZER(p->waiting)};
  p->free = calloc(capacity, sizeof *p->free);
  pthread_mutex_init(&p->lock, NULL); /* a default mutex: cannot fail on Linux */
  return p->free ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

void store__pool_dispose(store_pool *p) {
  free(p->free);
  pthread_mutex_destroy(&p->lock);
}

/* Under the lock. Whoever waits is woken in order, but may find that a running thread was faster, which saves a switch of threads; not so once it has been patient. */
static void *await(store_pool *p, struct store_waiter *w, int64_t deadline_ms) {
  struct timespec until = base_timespec(deadline_ms);
  int code = 0;
  STAILQ_INSERT_TAIL(&p->waiting, w, next);
  while (!w->item && p->free_count == 0 && code != ETIMEDOUT) {
    code = pthread_cond_timedwait(&w->wake, &p->lock, &until);
  }
  if (w->item) {
    return w->item; /* give() took it out of the queue */
  }
  STAILQ_REMOVE(&p->waiting, w, store_waiter, next);
  void *item = p->free_count > 0 ? p->free[--p->free_count] : NULL;
  struct store_waiter *second = STAILQ_FIRST(&p->waiting);
  if (second && p->free_count > 0) {
    pthread_cond_signal(&second->wake); /* two came back before this thread ran, and both woke it */
  }
  return item;
}

base_err store__pool_take(store_pool *p, int64_t deadline_ms, void **out) {
  pthread_mutex_lock(&p->lock);
  *out = p->free_count > 0 ? p->free[--p->free_count] : NULL;
  if (!*out) {
    struct store_waiter w = {.since_ms = base_now_ms()};
    base_cond_init(&w.wake);
    *out = await(p, &w, deadline_ms);
    pthread_cond_destroy(&w.wake);
  }
  pthread_mutex_unlock(&p->lock);
  return *out ? BASE_OK : base_fail(BASE_E_UNAVAILABLE);
}

void store__pool_give(store_pool *p, void *item) {
  pthread_mutex_lock(&p->lock);
  struct store_waiter *w = STAILQ_FIRST(&p->waiting);
  if (w && base_now_ms() - w->since_ms > PATIENCE_MS) {
    STAILQ_REMOVE_HEAD(&p->waiting, next);
    w->item = item;
  } else {
    p->free[p->free_count++] =
        item; /* the last used is the first taken: its caches are warm, and what was lost connects anew */
  }
  if (w) {
    pthread_cond_signal(&w->wake);
  }
  pthread_mutex_unlock(&p->lock);
}
