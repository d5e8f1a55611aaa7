/* pool.h - a few threads and a bounded queue for handlers that may block: unary ones here, streams in services/svc.
 *
 * Some threads are there from the beginning, others are started when a job comes and none is free, and stay. Jobs are embedded in what they work for; nothing is allocated per job. */
#ifndef PONTE_RPC_POOL_H
#define PONTE_RPC_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

typedef struct rpc_job rpc_job;
struct rpc_job {
  void (*run)(rpc_job *job);
  rpc_job *next;
};

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  rpc_job *first, **last;
  int waiting, max_waiting;
  int idle;        /* threads that sleep, or were woken and do not run yet */
  bool on_its_way; /* one of the latter */
  bool stopping;
  pthread_t *threads;
  int count, max_count;
} rpc_pool;

/* `threads` at once, at most `max_threads`, which is at least one. EXHAUSTED: the threads cannot be had. */
base_err rpc_pool_init(rpc_pool *p, int threads, int max_threads, int max_waiting) BASE_MUST_USE;
/* False when the queue is full, or when there is no thread and none can be had. Any thread. */
bool rpc_pool_submit(rpc_pool *p, rpc_job *job);
/* Runs what waits, then joins the threads. */
void rpc_pool_dispose(rpc_pool *p);

#endif
