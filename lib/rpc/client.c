#include "rpc/client.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/client_call.h"

/* Above this the memory of one large message is not worth keeping for the next. */
enum { SCRATCH_KEEP = 256 * 1024 };

static void *queue_thread(void *arg) {
  rpc_client *c = arg;
  for (rpc_op *op; (op = rpc_op_next(c->cq)) != NULL;) {
    rpc_client_post(c, op);
  }
  return NULL;
}

void rpc_client_post(rpc_client *c, rpc_op *op) {
  if (rpc_mailbox_put(&c->mailbox, op) && c->options.wake) {
    c->options.wake(c->options.wake_ctx);
  }
}

base_err rpc_client_new(const rpc_client_options *options, rpc_client **out) {
  rpc_client *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  rpc_core_init();
  c->options = *options;
  c->cq = grpc_completion_queue_create_for_next(NULL);
  rpc_mailbox_init(&c->mailbox);
  base_buf_init(&c->scratch, SIZE_MAX / 2); /* bounded by the channels' max_message_bytes */
  if (pthread_create(&c->thread, NULL, queue_thread, c) != 0) {
    grpc_completion_queue_shutdown(c->cq);
    while (rpc_op_next(c->cq)) {
    }
    grpc_completion_queue_destroy(c->cq);
    rpc_mailbox_dispose(&c->mailbox);
    grpc_shutdown();
    free(c);
    return base_fail(BASE_E_EXHAUSTED);
  }
  *out = c;
  return BASE_OK;
}

void rpc_client_drain(rpc_client *c) {
  for (rpc_op *op = rpc_mailbox_take(&c->mailbox), *next; op; op = next) {
    next = op->next; /* the operation may be started again, or freed, inside done() */
    op->done(op, op->ok);
  }
  if (c->scratch.cap > SCRATCH_KEEP) {
    base_buf_dispose(&c->scratch);
  }
}

void rpc_client_end_calls(rpc_client *c) {
  for (rpc_client_call *call = c->calls; call; call = call->next) {
    /* Held back by a paused reader: nobody will resume it now. */
    call->hold_end = false;
    rpc_client_call_cancel(call);
    rpc_client_call_defer(call);
  }
  while (c->calls) {
    rpc_mailbox_wait(&c->mailbox);
    rpc_client_drain(c);
  }
}

void rpc_client_free(rpc_client *c) {
  if (c == NULL) {
    return;
  }
  rpc_client_end_calls(c);
  grpc_completion_queue_shutdown(c->cq);
  pthread_join(c->thread, NULL);
  grpc_completion_queue_destroy(c->cq);
  rpc_mailbox_dispose(&c->mailbox);
  base_buf_dispose(&c->scratch);
  free(c);
  grpc_shutdown();
}
