#include "transcription/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_SIZE = 16, MAX_THREADS = 64 };

typedef struct {
  tr_job *head, *tail;
} queue;

struct tr_pool {
  pthread_mutex_t lock;
  pthread_cond_t work;
  queue queues[TR_PRIORITIES]; /* guarded by lock, as all below */
  unsigned queued;
  bool stopping;
  unsigned thread_count;
  char name[NAME_SIZE];
  pthread_t threads[MAX_THREADS];
};

static void unlink_job(tr_pool *p, tr_job *job) {
  queue *q = &p->queues[job->priority];
  *(job->previous ? &job->previous->next : &q->head) = job->next;
  *(job->next ? &job->next->previous : &q->tail) = job->previous;
  job->next = job->previous = NULL;
  job->queued = false;
  p->queued--;
}

static tr_job *take(tr_pool *p) {
  for (int i = 0; i < TR_PRIORITIES; i++) {
    tr_job *job = p->queues[i].head;
    if (job) {
      unlink_job(p, job);
      return job;
    }
  }
  return NULL;
}

static void *work(void *arg) {
  tr_pool *p = arg;
  pthread_setname_np(pthread_self(), p->name);
  pthread_mutex_lock(&p->lock);
  for (;;) {
    tr_job *job = take(p);
    if (!job && p->stopping) break;
    if (!job) {
      pthread_cond_wait(&p->work, &p->lock);
      continue;
    }
    pthread_mutex_unlock(&p->lock);
    job->run(job->ctx);
    pthread_mutex_lock(&p->lock);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

base_err tr_pool_new(const char *name, unsigned threads, tr_pool **out) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (threads == 0) threads = cores > 0 ? (unsigned)cores : 1;
  if (threads > MAX_THREADS) threads = MAX_THREADS;
  tr_pool *p = calloc(1, sizeof *p);
  if (!p) return base_fail(BASE_E_NO_MEMORY);
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->work, NULL);
  snprintf(p->name, sizeof p->name, "%s", name);
  while (p->thread_count < threads && pthread_create(&p->threads[p->thread_count], NULL, work, p) == 0)
    p->thread_count++;
  if (p->thread_count < threads) {
    tr_pool_free(p);
    return base_fail(BASE_E_NO_MEMORY);
  }
  *out = p;
  return BASE_OK;
}

void tr_pool_free(tr_pool *p) {
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  pthread_cond_broadcast(&p->work);
  pthread_mutex_unlock(&p->lock);
  for (unsigned i = 0; i < p->thread_count; i++)
    pthread_join(p->threads[i], NULL);
  pthread_cond_destroy(&p->work);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

void tr_pool_add(tr_pool *p, tr_job *job, enum tr_priority priority) {
  pthread_mutex_lock(&p->lock);
  queue *q = &p->queues[priority];
  job->priority = priority;
  job->next = NULL;
  job->previous = q->tail;
  *(q->tail ? &q->tail->next : &q->head) = job;
  q->tail = job;
  job->queued = true;
  p->queued++;
  pthread_cond_signal(&p->work);
  pthread_mutex_unlock(&p->lock);
}

bool tr_pool_cancel(tr_pool *p, tr_job *job) {
  pthread_mutex_lock(&p->lock);
  bool queued = job->queued;
  if (queued) unlink_job(p, job);
  pthread_mutex_unlock(&p->lock);
  return queued;
}

unsigned tr_pool_threads(const tr_pool *p) { return p->thread_count; }

unsigned tr_pool_queued(tr_pool *p) {
  pthread_mutex_lock(&p->lock);
  unsigned n = p->queued;
  pthread_mutex_unlock(&p->lock);
  return n;
}
