#include "rpc/op.h"

/* The core's locks are invisible to ThreadSanitizer, so what was written before an operation was started must be handed
 * over by name to the thread that sees its completion. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(tag) __tsan_release(tag)
#define TAKE_OVER(tag) __tsan_acquire(tag)
#endif
#endif
#ifndef HAND_OVER
#define HAND_OVER(tag) ((void)(tag))
#define TAKE_OVER(tag) ((void)(tag))
#endif

void rpc_op_publish(rpc_op *op) { HAND_OVER(op); }

base_err rpc_op_start(rpc_op *op, grpc_call *call, const grpc_op *ops, size_t n) {
  rpc_op_publish(op);
  grpc_call_error e = grpc_call_start_batch(call, ops, n, op, NULL);
  if (e == GRPC_CALL_OK) {
    return BASE_OK;
  }
  return base_fail(e == GRPC_CALL_ERROR_INVALID_METADATA ? BASE_E_INVALID : BASE_E_INTERNAL);
}

rpc_op *rpc_op_next(grpc_completion_queue *cq) {
  for (;;) {
    grpc_event ev = grpc_completion_queue_next(cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    if (ev.type == GRPC_QUEUE_SHUTDOWN) {
      return NULL;
    }
    if (ev.type == GRPC_OP_COMPLETE) {
      rpc_op *op = ev.tag;
      TAKE_OVER(op);
      op->ok = ev.success;
      return op;
    }
  }
}
