/* mailbox.h - the one place where completion-queue threads and the owner's loop meet: a locked list of done operations.
 *
 * rpc_mailbox_put() from any thread; the rest from the owner's. Inside lib/rpc only. */
#ifndef PONTE_RPC_MAILBOX_H
#define PONTE_RPC_MAILBOX_H

#include <pthread.h>

#include "rpc/op.h"

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  rpc_op *first, **last;
} rpc_mailbox;

void rpc_mailbox_init(rpc_mailbox *m);
void rpc_mailbox_dispose(rpc_mailbox *m);
/* True when the mailbox was empty: the owner must be woken, once for all that follows until it takes. */
bool rpc_mailbox_put(rpc_mailbox *m, rpc_op *op);
/* Everything, in order of arrival, linked by `next`; NULL when empty. */
rpc_op *rpc_mailbox_take(rpc_mailbox *m);
/* Blocks until there is something to take. */
void rpc_mailbox_wait(rpc_mailbox *m);

#endif
