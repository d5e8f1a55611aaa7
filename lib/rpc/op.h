/* op.h - operations of the gRPC C core as objects: what is started on a call, and what a completion queue hands back.
 *
 * An rpc_op is embedded in the call it works for and is its own completion-queue tag; it may be started again once it is done. Nothing is
 * allocated per operation. Inside lib/rpc only.
 */
#ifndef PONTE_RPC_OP_H
#define PONTE_RPC_OP_H

#include <grpc/grpc.h>

#include "base/err.h"

typedef struct rpc_op rpc_op;
struct rpc_op {
  void (*done)(rpc_op *op, bool ok);
  rpc_op *next; /* in a mailbox */
  bool ok;
};

/* The struct that holds this operation as `member`. */
#define RPC_OP_OWNER(op, type, member) ((type *)(void *)((char *)(op)-offsetof(type, member)))

/* Starts a batch whose completion will be `op`. INVALID when the core refuses the metadata, INTERNAL for every other refusal (a bug of ours);
 * then no completion comes. */
base_err rpc_op_start(rpc_op *op, grpc_call *call, const grpc_op *ops, size_t n) BASE_MUST_USE;
/* Before any other call that takes a tag: tells ThreadSanitizer what the uninstrumented core does. */
void rpc_op_publish(rpc_op *op);
/* Blocks for the next completion; NULL once the queue is shut down and empty. */
rpc_op *rpc_op_next(grpc_completion_queue *cq);

#endif
