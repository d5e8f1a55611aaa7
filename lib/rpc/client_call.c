#include "rpc/client_call.h"

#include <assert.h>
#include <grpc/compression.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdlib.h>

struct rpc_sending {
  struct rpc_sending *next;
  grpc_byte_buffer *message;
  size_t bytes;
};

static void sending_free(struct rpc_sending *s) {
  grpc_byte_buffer_destroy(s->message);
  free(s);
}

static void drop_queue(rpc_client_call *c) {
  for (struct rpc_sending *s = c->queue, *next; s; s = next) {
    next = s->next;
    c->queued_bytes -= s->bytes;
    sending_free(s);
  }
  c->queue = NULL;
  c->queue_last = &c->queue;
}

/* A server that shuts down ends the calls it has not begun, and the core's server words that as CANCELLED, as if the caller had wanted it.
 * To the caller it is a server that went away. The core says nothing but these texts in that case. */
static bool was_dropped(const rpc_client_call *c) {
  base_span text = rpc_core_span(&c->details);
  return c->code == GRPC_STATUS_CANCELLED && !c->cancelled &&
         (base_span_is(text, "CANCELLED") || base_span_starts(text, "Received RST_STREAM"));
}

/* A failure of our own counts even where the peer's OK was already on its way: what was received is not whole. */
static void read_status(const rpc_client_call *c, wire_status *status) {
  if (c->failure_text) {
    wire_status_set(status, c->failure, "%s", c->failure_text);
    return;
  }
  wire_status_set(status, was_dropped(c) ? GRPC_STATUS_UNAVAILABLE : (int)c->code, "%.*s",
                  BASE_SPAN_ARG(rpc_core_span(&c->details)));
  rpc_core_metadata_read(&c->trailers, &status->trailers);
}

/* An operation is over: ends the call if it was the last that the end waited for. */
static void maybe_end(rpc_client_call *c) {
  if (!c->status_known || c->pending > 0 || c->hold_end) {
    return;
  }
  wire_status status;
  wire_status_init(&status);
  read_status(c, &status);
  *c->link = c->next;
  if (c->next) {
    c->next->link = c->link;
  }
  c->face->end(c, &status);
  wire_status_dispose(&status);
}

/* Starts a batch for one of the call's operations. A refusal of the core is treated as if the call had failed: the status still comes. */
static bool start(rpc_client_call *c, rpc_op *op, const grpc_op *ops, size_t n) {
  if (!base_is_ok(rpc_op_start(op, c->core, ops, n))) {
    grpc_call_cancel_with_status(c->core, GRPC_STATUS_INTERNAL, base_err_text(base_fail(BASE_E_INTERNAL)), NULL);
    return false;
  }
  c->pending++;
  return true;
}

/* -- sending --------------------------------------------------------------------------------------------------------- */

static void send_next(rpc_client_call *c) {
  grpc_op ops[2] = {{0}};
  size_t n = 0;
  if (c->sending || c->half_closed || c->status_known || c->corked) {
    return;
  }
  struct rpc_sending *s = c->queue;
  if (s) {
    c->queue = s->next;
    c->queue_last = c->queue ? c->queue_last : &c->queue;
    ops[n].op = GRPC_OP_SEND_MESSAGE;
    /* More follows at once, so the core may wait and write both in one go. */
    ops[n].flags = c->queue ? GRPC_WRITE_BUFFER_HINT : 0;
    ops[n++].data.send_message.send_message = s->message;
  }
  if (c->half_close && c->queue == NULL) {
    c->half_closed = true;
    ops[n++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
  }
  if (n == 0) {
    return;
  }
  c->sending = s;
  if (!start(c, &c->send, ops, n) && s) {
    c->sending = NULL;
    c->queued_bytes -= s->bytes;
    sending_free(s);
  }
}

static void on_send(rpc_op *op, bool ok) {
  rpc_client_call *c = RPC_OP_OWNER(op, rpc_client_call, send);
  struct rpc_sending *s = c->sending;
  c->pending--;
  c->sending = NULL;
  if (s) {
    size_t bytes = s->bytes;
    c->queued_bytes -= bytes;
    sending_free(s);
    if (ok && !c->status_known) {
      send_next(c);
      c->face->sent(c, bytes);
    }
  }
  maybe_end(c);
}

base_err rpc_client_call_send(rpc_client_call *c, grpc_byte_buffer *message, size_t bytes) {
  struct rpc_sending *s = message ? malloc(sizeof *s) : NULL;
  if (s == NULL || c->half_close || c->status_known) {
    bool no_memory = s == NULL;
    free(s);
    if (message) {
      grpc_byte_buffer_destroy(message);
    }
    /* After the status is known but not yet told, the bytes are lost like any that were under way. */
    return no_memory ? base_fail(BASE_E_NO_MEMORY) : c->half_close ? base_fail(BASE_E_PRECONDITION) : BASE_OK;
  }
  *s = (struct rpc_sending){.message = message, .bytes = bytes};
  *c->queue_last = s;
  c->queue_last = &s->next;
  c->queued_bytes += bytes;
  send_next(c);
  return BASE_OK;
}

void rpc_client_call_half_close(rpc_client_call *c) {
  c->half_close = true;
  send_next(c);
}

void rpc_client_call_cork(rpc_client_call *c) { c->corked = true; }

void rpc_client_call_uncork(rpc_client_call *c) {
  c->corked = false;
  send_next(c);
}

/* -- receiving ------------------------------------------------------------------------------------------------------- */

static void deliver(rpc_client_call *c, bool ok);

static void on_open(rpc_op *op, bool ok) {
  rpc_client_call *c = RPC_OP_OWNER(op, rpc_client_call, open);
  c->pending--;
  /* With a message in the batch, it also fails when only that could not be sent; headers may have come all the same. */
  if (ok || c->headers.count > 0) {
    wire_metadata headers;
    wire_metadata_init(&headers);
    rpc_core_metadata_read(&c->headers, &headers);
    c->face->headers(c, &headers);
    wire_metadata_dispose(&headers);
  }
  c->opened = true;
  if (c->received_early) {
    c->received_early = false;
    deliver(c, true);
  }
  maybe_end(c);
}

void rpc_client_call_receive(rpc_client_call *c) {
  if (c->receiving || c->receive_closed || c->status_known || !c->want_message) {
    return;
  }
  const grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->received};
  c->receiving = start(c, &c->receive, &op, 1);
}

static void deliver(rpc_client_call *c, bool ok) {
  grpc_byte_buffer *message = c->received;
  c->receiving = false;
  c->received = NULL;
  if (message) {
    c->face->message(c, message);
  }
  c->receive_closed |= !ok || message == NULL;
  rpc_client_call_receive(c);
}

/* Batches come out of the core's queue in any order; headers are told first all the same. */
static void on_receive(rpc_op *op, bool ok) {
  rpc_client_call *c = RPC_OP_OWNER(op, rpc_client_call, receive);
  c->pending--;
  if (c->opened || !ok) {
    deliver(c, ok);
  } else {
    c->received_early = true;
  }
  maybe_end(c);
}

static void on_status(rpc_op *op, bool ok) {
  rpc_client_call *c = RPC_OP_OWNER(op, rpc_client_call, status);
  (void)ok;
  c->pending--;
  c->status_known = true;
  drop_queue(c);
  maybe_end(c);
}

/* -- life ------------------------------------------------------------------------------------------------------------ */

static void on_defer(rpc_op *op, bool ok) {
  rpc_client_call *c = RPC_OP_OWNER(op, rpc_client_call, defer);
  (void)ok;
  c->pending--;
  c->deferring = false;
  c->face->deferred(c);
  rpc_client_call_receive(c);
  maybe_end(c);
}

void rpc_client_call_defer(rpc_client_call *c) {
  if (!c->deferring) {
    c->deferring = true;
    c->pending++;
    rpc_client_post(c->channel->client, &c->defer);
  }
}

void rpc_client_call_cancel(rpc_client_call *c) {
  c->cancelled = true;
  grpc_call_cancel(c->core, NULL);
}

void rpc_client_call_fail_saying(rpc_client_call *c, grpc_status_code code, const char *text) {
  if (c->failure_text == NULL) {
    c->failure = code;
    c->failure_text = text;
  }
  grpc_call_cancel_with_status(c->core, code, text, NULL);
}

void rpc_client_call_fail(rpc_client_call *c, base_err e) {
  rpc_client_call_fail_saying(c, (grpc_status_code)base_err_grpc(e), base_err_text(e));
}

static base_err add_encoding(rpc_core_metadata *items, const char *key, grpc_compression_algorithm algorithm) {
  const char *name = NULL;
  if (algorithm == GRPC_COMPRESS_NONE || !grpc_compression_algorithm_name(algorithm, &name)) {
    return BASE_OK;
  }
  return rpc_core_metadata_add(items, base_span_str(key), base_span_str(name));
}

static base_err initial_metadata(const rpc_client_request *request, rpc_core_metadata *items) {
  BASE_TRY(rpc_core_metadata_of(request->metadata, items));
  base_err e = add_encoding(items, "grpc-encoding", request->encoding);
  e = base_is_ok(e) ? add_encoding(items, "grpc-accept-encoding", request->accepted) : e;
  if (!base_is_ok(e)) {
    rpc_core_metadata_dispose(items);
  }
  return e;
}

static base_err start_batches(rpc_client_call *c, const rpc_client_request *request) {
  rpc_core_metadata items;
  BASE_TRY(initial_metadata(request, &items));
  grpc_op open[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
  size_t n = 2;
  open[0].data.send_initial_metadata.count = items.count;
  open[0].data.send_initial_metadata.metadata = items.items;
  open[1].data.recv_initial_metadata.recv_initial_metadata = &c->headers;
  if (request->only_message) {
    open[n].op = GRPC_OP_SEND_MESSAGE;
    open[n++].data.send_message.send_message = request->only_message;
    open[n++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    c->half_close = c->half_closed = true;
  }
  base_err e = rpc_op_start(&c->open, c->core, open, n);
  rpc_core_metadata_dispose(&items);
  BASE_TRY(e);
  c->pending++;
  grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
  status.data.recv_status_on_client.trailing_metadata = &c->trailers;
  status.data.recv_status_on_client.status = &c->code;
  status.data.recv_status_on_client.status_details = &c->details;
  e = rpc_op_start(&c->status, c->core, &status, 1);
  assert(base_is_ok(e)); /* nothing of the caller's is in it, and without it the call could never end */
  c->pending++;
  return BASE_OK;
}

base_err rpc_client_call_start(rpc_client_call *c, rpc_channel *ch, const rpc_client_face *face,
                               const rpc_client_request *request) {
  base_span path = request->path;
  gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
  if (request->timeout_ms > 0) {
    deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(request->timeout_ms, GPR_TIMESPAN));
  }
  if (path.n == 0 || path.p[0] != '/') {
    return base_fail(BASE_E_INVALID);
  }
  c->base.channel = &ch->base;
  c->face = face;
  c->queue_last = &c->queue;
  c->open.done = on_open;
  c->receive.done = on_receive;
  c->send.done = on_send;
  c->status.done = on_status;
  c->defer = (rpc_op){.done = on_defer, .ok = true};
  grpc_slice method = grpc_slice_from_copied_buffer((const char *)path.p, path.n);
  c->core =
      grpc_channel_create_call(ch->core, NULL, GRPC_PROPAGATE_DEFAULTS, ch->client->cq, method, NULL, deadline, NULL);
  grpc_slice_unref(method);
  if (c->core == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  grpc_metadata_array_init(&c->headers);
  grpc_metadata_array_init(&c->trailers);
  c->details = grpc_empty_slice();
  c->channel = rpc_channel_ref(ch);
  base_err e = start_batches(c, request);
  if (!base_is_ok(e)) {
    rpc_client_call_dispose(c);
    return e;
  }
  c->next = ch->client->calls;
  c->link = &ch->client->calls;
  if (c->next) {
    c->next->link = &c->next;
  }
  ch->client->calls = c;
  return BASE_OK;
}

void rpc_client_call_dispose(rpc_client_call *c) {
  drop_queue(c);
  grpc_metadata_array_destroy(&c->headers);
  grpc_metadata_array_destroy(&c->trailers);
  grpc_slice_unref(c->details);
  grpc_call_unref(c->core);
  rpc_channel_unref(c->channel);
}
