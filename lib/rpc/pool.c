#include "rpc/pool.h"

#include <stdlib.h>

static void *work(void *arg) {
  rpc_pool *p = arg;
  pthread_mutex_lock(&p->lock);
  for (;;) {
    while (p->first == NULL && !p->stopping) {
      pthread_cond_wait(&p->filled, &p->lock);
    }
    rpc_job *job = p->first;
    if (job == NULL) {
      break;
    }
    p->first = job->next;
    p->last = p->first ? p->last : &p->first;
    p->waiting--;
    pthread_mutex_unlock(&p->lock);
    job->run(job);
    pthread_mutex_lock(&p->lock);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

base_err rpc_pool_init(rpc_pool *p, int threads, int max_waiting) {
  *p = (rpc_pool){.max_waiting = max_waiting};
  p->last = &p->first;
  p->threads = calloc((size_t)threads, sizeof *p->threads);
  if (p->threads == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->filled, NULL);
  while (p->count < threads && pthread_create(&p->threads[p->count], NULL, work, p) == 0) {
    p->count++;
  }
  if (p->count < threads) {
    rpc_pool_dispose(p);
    return base_fail(BASE_E_EXHAUSTED);
  }
  return BASE_OK;
}

bool rpc_pool_submit(rpc_pool *p, rpc_job *job) {
  pthread_mutex_lock(&p->lock);
  bool room = p->waiting < p->max_waiting;
  if (room) {
    job->next = NULL;
    *p->last = job;
    p->last = &job->next;
    p->waiting++;
    pthread_cond_signal(&p->filled);
  }
  pthread_mutex_unlock(&p->lock);
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
