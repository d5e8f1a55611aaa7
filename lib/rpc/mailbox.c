#include "rpc/mailbox.h"

void rpc_mailbox_init(rpc_mailbox *m) {
  *m = (rpc_mailbox){.first = NULL};
  m->last = &m->first;
  pthread_mutex_init(&m->lock, NULL);
  pthread_cond_init(&m->filled, NULL);
}

void rpc_mailbox_dispose(rpc_mailbox *m) {
  pthread_cond_destroy(&m->filled);
  pthread_mutex_destroy(&m->lock);
}

bool rpc_mailbox_put(rpc_mailbox *m, rpc_op *op) {
  pthread_mutex_lock(&m->lock);
  bool was_empty = m->first == NULL;
  op->next = NULL;
  *m->last = op;
  m->last = &op->next;
  pthread_cond_signal(&m->filled);
  pthread_mutex_unlock(&m->lock);
  return was_empty;
}

rpc_op *rpc_mailbox_take(rpc_mailbox *m) {
  pthread_mutex_lock(&m->lock);
  rpc_op *all = m->first;
  m->first = NULL;
  m->last = &m->first;
  pthread_mutex_unlock(&m->lock);
  return all;
}

void rpc_mailbox_wait(rpc_mailbox *m) {
  pthread_mutex_lock(&m->lock);
  while (m->first == NULL) {
    pthread_cond_wait(&m->filled, &m->lock);
  }
  pthread_mutex_unlock(&m->lock);
}
