#include "rpc/pool.h"

#include <stdlib.h>

/* Locked. True: the caller signals `filled`, without the lock, since the thread that wakes wants it at once. A thread on its way will see all that waits, and
 * wake the next if it is more than one can do: jobs that come in a bunch and are short cost one or two wake-ups, not one each. */
static bool must_wake(rpc_pool *p) {
  bool wake = p->first && p->idle > 0 && !p->on_its_way;
  p->on_its_way |= wake;
  return wake;
}

/* The next job; NULL when the pool stops and none is left. */
static rpc_job *take(rpc_pool *p) {
  pthread_mutex_lock(&p->lock);
  while (p->first == NULL && !p->stopping) {
    p->idle++;
    pthread_cond_wait(&p->filled, &p->lock);
    p->idle--;
    p->on_its_way = false;
  }
  rpc_job *job = p->first;
  if (job) {
    p->first = job->next;
    p->last = p->first ? p->last : &p->first;
    p->waiting--;
  }
  bool wake = must_wake(p);
  pthread_mutex_unlock(&p->lock);
  if (wake) {
    pthread_cond_signal(&p->filled);
  }
  return job;
}

static void *work(void *arg) {
  for (rpc_job *job; (job = take(arg)) != NULL;) {
    job->run(job);
  }
  return NULL;
}

/* Locked, or before anybody else knows the pool. False: the machine gives no more threads. */
static bool add_thread(rpc_pool *p) {
  bool made = pthread_create(&p->threads[p->count], NULL, work, p) == 0;
  p->count += made;
  return made;
}

base_err rpc_pool_init(rpc_pool *p, int threads, int max_threads, int max_waiting) {
  *p = (rpc_pool){.max_count = max_threads, .max_waiting = max_waiting};
  p->last = &p->first;
  p->threads = calloc((size_t)max_threads, sizeof *p->threads);
  if (p->threads == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->filled, NULL);
  while (p->count < threads && add_thread(p)) {
  }
  if (p->count < threads) {
    rpc_pool_dispose(p);
    return base_fail(BASE_E_EXHAUSTED);
  }
  return BASE_OK;
}

/* Locked. Whether somebody will take one job more than those that wait. Where a further thread cannot be had, those that are there take it when they are free. */
static bool has_hands(rpc_pool *p) {
  return p->waiting < p->idle || (p->count < p->max_count && add_thread(p)) || p->count > 0;
}

bool rpc_pool_submit(rpc_pool *p, rpc_job *job) {
  pthread_mutex_lock(&p->lock);
  bool room = p->waiting < p->max_waiting && has_hands(p), wake = false;
  if (room) {
    job->next = NULL;
    *p->last = job;
    p->last = &job->next;
    p->waiting++;
    wake = must_wake(p);
  }
  pthread_mutex_unlock(&p->lock);
  if (wake) {
    pthread_cond_signal(&p->filled);
  }
  return room;
}

void rpc_pool_dispose(rpc_pool *p) {
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  pthread_cond_broadcast(&p->filled);
  pthread_mutex_unlock(&p->lock);
  for (int i = 0; i < p->count; i++) {
    pthread_join(p->threads[i], NULL);
  }
  pthread_cond_destroy(&p->filled);
  pthread_mutex_destroy(&p->lock);
  free(p->threads);
}
