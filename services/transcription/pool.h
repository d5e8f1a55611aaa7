/* pool.h - threads that take jobs from queues of descending priority.
 *
 * Jobs are part of their owner's memory: a job must stay where it is until its `run` was called or tr_pool_cancel() returned true. Any thread.
 */
#ifndef PONTE_TRANSCRIPTION_POOL_H
#define PONTE_TRANSCRIPTION_POOL_H

#include <stdbool.h>

#include "base/err.h"

/* Final text; the first interim text of a segment, which is short and shows that somebody listens; all other interim text, and recordings. */
enum tr_priority { TR_FIRST, TR_SECOND, TR_THIRD, TR_PRIORITIES };

typedef struct tr_job {
  void (*run)(void *ctx); /* on a thread of the pool; may free the job */
  void *ctx;
  struct tr_job *next, *previous; /* the pool's */
  enum tr_priority priority;      /* the pool's */
  bool queued;                    /* the pool's */
} tr_job;

typedef struct tr_pool tr_pool;

/* `threads` >= 1, or 0 for one a core. `name` shows in thread lists, at most 15 characters. NO_MEMORY. */
base_err tr_pool_new(const char *name, unsigned threads, tr_pool **out) BASE_MUST_USE;
/* Waits for running jobs. Nothing may be queued any more. NULL is allowed. */
void tr_pool_free(tr_pool *p);
/* Behind all queued jobs of its priority. The job must not be queued. */
void tr_pool_add(tr_pool *p, tr_job *job, enum tr_priority priority);
/* Takes the job back; false when it is not queued (it runs, or ran). */
bool tr_pool_cancel(tr_pool *p, tr_job *job);
unsigned tr_pool_threads(const tr_pool *p);
/* Jobs waiting for a thread. */
unsigned tr_pool_queued(tr_pool *p);

#endif
