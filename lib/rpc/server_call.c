#include "rpc/server_call.h"

#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "pb/channel.h"
#include "pb/message.h"

enum {
  QUEUE_CEILING = 4 << 20,
  /* What an answer may take besides what the request did: a batch transcript with all its words is far below. */
  ANSWER_MEMORY = 16 << 20,
};

struct rpc_outgoing {
  struct rpc_outgoing *next;
  grpc_byte_buffer *message;
  size_t bytes;
  bool plain;
};

static void outgoing_free(struct rpc_outgoing *o) {
  if (o) {
    grpc_byte_buffer_destroy(o->message);
    free(o);
  }
}

static void drop_queue(rpc_call *c) {
  for (struct rpc_outgoing *o = c->queue, *next; o; o = next) {
    next = o->next;
    c->queued_bytes -= o->bytes;
    outgoing_free(o);
  }
  c->queue = NULL;
  c->queue_last = &c->queue;
}

/* -- counting what is under way ---------------------------------------------------------------------------------------- */

/* Locked. A refusal of the core cancels the call; its end still comes through `close`. */
static bool start(rpc_call *c, rpc_op *op, const grpc_op *ops, size_t n) {
  if (base_is_ok(rpc_op_start(op, c->core, ops, n))) {
    c->under_way++;
    return true;
  }
  grpc_call_cancel_with_status(c->core, GRPC_STATUS_INTERNAL, "the call could not be served", NULL);
  return false;
}

/* Something came back; the last one ends the call. */
static void release(rpc_call *c) {
  pthread_mutex_lock(&c->lock);
  bool over = --c->under_way == 0;
  pthread_mutex_unlock(&c->lock);
  if (!over) {
    return;
  }
  if (!c->refused && c->route->method->kind != PB_UNARY && c->route->handler.on_end) {
    c->route->handler.on_end(c->route->service, c, atomic_load(&c->cancelled));
  }
  rpc_server_call_ended(c->server, c);
}

/* -- sending --------------------------------------------------------------------------------------------------------- */

struct final_batch {
  rpc_core_metadata headers, trailers;
  grpc_slice details;
  grpc_op ops[3];
  size_t n;
};

static base_err add_headers(rpc_call *c, struct final_batch *b) {
  if (c->headers_sent) {
    return BASE_OK;
  }
  c->headers_sent = true;
  BASE_TRY(rpc_core_metadata_of(&c->headers, &b->headers));
  grpc_op *op = &b->ops[b->n++];
  op->op = GRPC_OP_SEND_INITIAL_METADATA;
  op->data.send_initial_metadata.count = b->headers.count;
  op->data.send_initial_metadata.metadata = b->headers.items;
  op->data.send_initial_metadata.maybe_compression_level.is_set = c->may_compress;
  op->data.send_initial_metadata.maybe_compression_level.level = GRPC_COMPRESS_LEVEL_LOW;
  return BASE_OK;
}

static base_err add_status(rpc_call *c, struct final_batch *b) {
  c->finish_sent = true;
  BASE_TRY(rpc_core_metadata_of(&c->final.trailers, &b->trailers));
  base_span text = base_buf_span(&c->final.message);
  b->details = grpc_slice_from_copied_buffer((const char *)text.p, text.n);
  grpc_op *op = &b->ops[b->n++];
  op->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
  op->data.send_status_from_server.trailing_metadata_count = b->trailers.count;
  op->data.send_status_from_server.trailing_metadata = b->trailers.items;
  op->data.send_status_from_server.status = (grpc_status_code)c->final.code;
  op->data.send_status_from_server.status_details = &b->details;
  return BASE_OK;
}

/* Locked. Starts the next batch if none is outstanding: the next message, and the status with or after the last one. */
static void send_next(rpc_call *c) {
  struct final_batch b = {.details = grpc_empty_slice()};
  struct rpc_outgoing *o = c->queue;
  if (c->sending || c->closed || c->finish_sent || (o == NULL && !c->finishing)) {
    return;
  }
  base_err e = add_headers(c, &b);
  if (o) {
    c->queue = o->next;
    c->queue_last = c->queue ? c->queue_last : &c->queue;
    grpc_op *op = &b.ops[b.n++];
    op->op = GRPC_OP_SEND_MESSAGE;
    /* More follows at once, so the core may wait and write both in one go. */
    op->flags = (c->queue ? GRPC_WRITE_BUFFER_HINT : 0) | (o->plain ? GRPC_WRITE_NO_COMPRESS : 0);
    op->data.send_message.send_message = o->message;
  }
  if (base_is_ok(e) && c->finishing && c->queue == NULL) {
    e = add_status(c, &b);
  }
  c->sending = o;
  if (!base_is_ok(e)) {
    grpc_call_cancel_with_status(c->core, GRPC_STATUS_RESOURCE_EXHAUSTED, "out of memory", NULL);
  }
  if (!base_is_ok(e) || !start(c, &c->send, b.ops, b.n)) {
    c->sending = NULL;
    c->queued_bytes -= o ? o->bytes : 0;
    outgoing_free(o);
  }
  rpc_core_metadata_dispose(&b.headers);
  rpc_core_metadata_dispose(&b.trailers);
  grpc_slice_unref(b.details);
}

static void on_send(rpc_op *op, bool ok) {
  rpc_call *c = RPC_OP_OWNER(op, rpc_call, send);
  pthread_mutex_lock(&c->lock);
  c->queued_bytes -= c->sending ? c->sending->bytes : 0;
  outgoing_free(c->sending);
  c->sending = NULL;
  if (ok) {
    send_next(c);
  }
  bool writable = ok && c->above_low && c->queued_bytes <= PONTE_CALL_WRITABLE_LOW && !c->finishing && !c->closed;
  c->above_low &= !writable;
  pthread_mutex_unlock(&c->lock);
  if (writable && !c->refused && c->route->handler.on_writable) {
    c->route->handler.on_writable(c->route->service, c);
  }
  release(c);
}

/* Locked. `last`: the call ends with it, with OK, in the same batch: a third fewer writes and completions for a unary call. */
static base_err enqueue(rpc_call *c, struct rpc_outgoing *o, bool last) {
  if (atomic_load(&c->cancelled) || c->closed || c->finishing) {
    return base_fail(BASE_E_CANCELLED);
  }
  if (c->queued_bytes > QUEUE_CEILING || (c->queued_bytes > 0 && o->bytes > QUEUE_CEILING - c->queued_bytes)) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  o->plain = c->may_compress && !c->compress;
  *c->queue_last = o;
  c->queue_last = &o->next;
  c->queued_bytes += o->bytes;
  c->above_low |= c->queued_bytes > PONTE_CALL_WRITABLE_LOW;
  c->finishing = last;
  send_next(c);
  return BASE_OK;
}

static base_err pack_and_enqueue(rpc_call *c, const ProtobufCMessage *message, bool last) {
  struct rpc_outgoing *o = calloc(1, sizeof *o);
  if (o == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  o->bytes = protobuf_c_message_get_packed_size(message);
  grpc_slice slice = grpc_slice_malloc(o->bytes);
  protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
  o->message = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  pthread_mutex_lock(&c->lock);
  base_err e = enqueue(c, o, last);
  pthread_mutex_unlock(&c->lock);
  if (!base_is_ok(e)) {
    outgoing_free(o);
  }
  return e;
}

base_err rpc_call_send(rpc_call *c, const ProtobufCMessage *message) { return pack_and_enqueue(c, message, false); }

void rpc_call_finish_status(rpc_call *c, const wire_status *status) {
  pthread_mutex_lock(&c->lock);
  if (!c->finishing) {
    c->finishing = true;
    wire_status_set(&c->final, status->code, "%.*s", BASE_SPAN_ARG(base_buf_span(&status->message)));
    if (!base_is_ok(wire_metadata_merge(&c->final.trailers, &status->trailers))) {
      wire_metadata_clear(&c->final.trailers); /* the code and the message are worth more than no answer */
    }
    send_next(c);
  }
  pthread_mutex_unlock(&c->lock);
}

void rpc_call_finish(rpc_call *c, const rpc_error *e) {
  wire_status status;
  wire_status_init(&status);
  if (e && !base_is_ok(rpc_error_to_status(e, &status))) {
    wire_metadata_clear(&status.trailers);
  }
  rpc_call_finish_status(c, &status);
  wire_status_dispose(&status);
}

static void finish_err(rpc_call *c, enum rpc_reason reason, const char *text) {
  rpc_error e = rpc_error_of(reason, NULL, "%s", text);
  rpc_call_finish(c, &e);
}

/* -- receiving ------------------------------------------------------------------------------------------------------- */

/* Locked. */
static void receive_next(rpc_call *c) {
  const grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->received};
  if (!c->receiving && !c->receive_closed && !c->paused && !c->closed && !c->finishing) {
    c->receiving = start(c, &c->receive, &op, 1);
  }
}

/* Unpacks the message just received; NULL after having ended the call for what is wrong with it. */
static ProtobufCMessage *unpack(rpc_call *c, grpc_byte_buffer *message, size_t extra_memory) {
  base_buf scratch;
  base_span bytes;
  ProtobufCMessage *m = NULL;
  base_buf_init(&scratch, SIZE_MAX / 2); /* the core has checked max_receive_bytes */
  base_err e = rpc_core_bytes(message, &scratch, &bytes);
  if (base_is_ok(e)) {
    c->arena.cap_bytes = pb_memory_cap(bytes.n) + extra_memory;
    e = pb_unpack(c->route->method->request, bytes, &c->arena, &m);
  }
  base_buf_dispose(&scratch);
  if (base_is(e, BASE_E_MALFORMED)) {
    finish_err(c, RPC_REASON_INVALID_FIELD,
               "the message is not a valid protobuf message of its type; strings must be UTF-8");
  } else if (!base_is_ok(e)) {
    finish_err(c, RPC_REASON_OUT_OF_MEMORY, "the message needs more memory than a message may; send a smaller one");
  }
  return m;
}

static bool is_finishing(rpc_call *c) {
  pthread_mutex_lock(&c->lock);
  bool finishing = c->finishing;
  pthread_mutex_unlock(&c->lock);
  return finishing;
}

static void stream_message(rpc_call *c, grpc_byte_buffer *message) {
  if (c->route->method->kind == PB_SERVER_STREAM && c->got_message) {
    finish_err(c, RPC_REASON_INVALID_FIELD, "this method takes one request message");
    return;
  }
  c->got_message = true;
  ProtobufCMessage *m = unpack(c, message, 0);
  if (m) {
    c->route->handler.deliver_message(c->route->handler.on_message, c->route->service, c, m);
  }
  pb_arena_dispose(&c->arena);
}

static void stream_half_close(rpc_call *c) {
  if (c->route->method->kind == PB_SERVER_STREAM && !c->got_message) {
    finish_err(c, RPC_REASON_INVALID_FIELD, "this method needs one request message");
  } else if (c->route->handler.on_half_close) {
    c->route->handler.on_half_close(c->route->service, c);
  }
}

static void on_receive_stream(rpc_op *op, bool ok) {
  rpc_call *c = RPC_OP_OWNER(op, rpc_call, receive);
  grpc_byte_buffer *message = c->received;
  c->received = NULL;
  /* A cancelled call ends like a half-closed one, with no message, before its cancellation is known: half an upload must not pass for a whole. */
  bool torn_off = message == NULL && grpc_call_failed_before_recv_message(c->core);
  bool over = !ok || torn_off || atomic_load(&c->cancelled) || is_finishing(c);
  if (message) {
    if (!over) {
      stream_message(c, message);
    }
    grpc_byte_buffer_destroy(message);
  } else if (!over) {
    stream_half_close(c);
  }
  pthread_mutex_lock(&c->lock);
  c->receiving = false;
  c->receive_closed |= over || message == NULL;
  receive_next(c);
  pthread_mutex_unlock(&c->lock);
  release(c);
}

/* -- unary ----------------------------------------------------------------------------------------------------------- */

static void answer(rpc_call *c, const ProtobufCMessage *response) {
  if (c->failed) {
    return;
  }
  base_err e = pack_and_enqueue(c, response, true);
  if (!base_is_ok(e)) {
    finish_err(c, RPC_REASON_OUT_OF_MEMORY, base_err_text(e));
  }
}

static void run_unary(rpc_job *job) {
  rpc_call *c = RPC_OP_OWNER(job, rpc_call, job);
  const rpc_route *r = c->route;
  grpc_byte_buffer *message = c->received;
  c->received = NULL;
  ProtobufCMessage *request = atomic_load(&c->cancelled) ? NULL : unpack(c, message, ANSWER_MEMORY);
  grpc_byte_buffer_destroy(message);
  if (request) {
    ProtobufCMessage *response = pb_arena_alloc(&c->arena, r->method->response->sizeof_message);
    if (response) {
      memset(response, 0, r->method->response->sizeof_message);
      r->method->response->message_init(response);
      r->handler.deliver_unary(r->handler.unary, r->service, c, request, response);
      answer(c, response);
    } else {
      finish_err(c, RPC_REASON_OUT_OF_MEMORY, "out of memory");
    }
  }
  pb_arena_dispose(&c->arena);
  release(c);
}

static void on_receive_unary(rpc_op *op, bool ok) {
  rpc_call *c = RPC_OP_OWNER(op, rpc_call, receive);
  if (!ok || c->received == NULL) {
    finish_err(c, RPC_REASON_INVALID_FIELD, "this method needs one request message");
    release(c);
    return;
  }
  /* The job takes over what the receive counted for. */
  c->job.run = run_unary;
  if (!rpc_pool_submit(rpc_server_pool(c->server), &c->job)) {
    rpc_error e = rpc_error_of(RPC_REASON_TOO_MANY_CALLS, NULL, "the server is busy; try again in a second");
    e.retry_after_ms = 1000;
    rpc_call_finish(c, &e);
    grpc_byte_buffer_destroy(c->received);
    c->received = NULL;
    release(c);
  }
}

void rpc_call_fail(rpc_call *c, const rpc_error *e) {
  c->failed = true;
  rpc_call_finish(c, e);
}

/* -- life ------------------------------------------------------------------------------------------------------------ */

static void on_close(rpc_op *op, bool ok) {
  rpc_call *c = RPC_OP_OWNER(op, rpc_call, close);
  if (!ok || c->close_cancelled) {
    atomic_store(&c->cancelled, true);
  }
  pthread_mutex_lock(&c->lock);
  c->closed = true;
  drop_queue(c);
  if (c->on_cancel && atomic_load(&c->cancelled)) {
    c->on_cancel(c->watcher);
    c->on_cancel = NULL;
  }
  pthread_mutex_unlock(&c->lock);
  release(c);
}

rpc_call *rpc_call_new(rpc_server *s) {
  rpc_call *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return NULL;
  }
  c->server = s;
  c->under_way = 1; /* until rpc_call_begin() is through */
  c->queue_last = &c->queue;
  c->close.done = on_close;
  c->send.done = on_send;
  grpc_call_details_init(&c->details);
  grpc_metadata_array_init(&c->request_metadata);
  wire_metadata_init(&c->metadata);
  wire_metadata_init(&c->headers);
  wire_status_init(&c->final);
  pb_arena_init(&c->arena, 0);
  pthread_mutex_init(&c->lock, NULL);
  return c;
}

void rpc_call_free(rpc_call *c) {
  drop_queue(c);
  outgoing_free(c->sending);
  if (c->core) {
    grpc_call_unref(c->core);
  }
  grpc_call_details_destroy(&c->details);
  grpc_metadata_array_destroy(&c->request_metadata);
  wire_metadata_dispose(&c->metadata);
  wire_metadata_dispose(&c->headers);
  wire_status_dispose(&c->final);
  pb_arena_dispose(&c->arena);
  pthread_mutex_destroy(&c->lock);
  free(c);
}

static int64_t deadline_of(gpr_timespec deadline) {
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) {
    return INT64_MAX;
  }
  return base_now_ms() + gpr_time_to_millis(gpr_time_sub(deadline, gpr_now(deadline.clock_type)));
}

/* False: the call was answered at once. */
static bool admit(rpc_call *c, bool draining) {
  const rpc_route *r = c->route;
  wire_status status;
  wire_status_init(&status);
  bool has_handler = r && (r->method->kind == PB_UNARY ? r->handler.unary != NULL : r->handler.on_open != NULL);
  if (!has_handler) {
    wire_status_set(&status, BASE_GRPC_UNIMPLEMENTED, "this server has no method %.*s",
                    BASE_SPAN_ARG(rpc_core_span(&c->details.method)));
  } else if (!rpc_core_metadata_read(&c->request_metadata, &c->metadata)) {
    wire_status_set(&status, BASE_GRPC_RESOURCE_EXHAUSTED, "the request metadata is too large or not allowed");
  } else if (draining) {
    wire_status_set(&status, BASE_GRPC_UNAVAILABLE, "the server is shutting down");
  }
  bool admitted = status.code == 0;
  if (!admitted) {
    rpc_call_finish_status(c, &status);
  }
  wire_status_dispose(&status);
  return admitted;
}

void rpc_call_begin(rpc_call *c, bool draining) {
  const grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                         .data.recv_close_on_server.cancelled = &c->close_cancelled};
  bool unary = c->route && c->route->method->kind == PB_UNARY;
  c->deadline_ms = deadline_of(c->details.deadline);
  c->receive.done = unary ? on_receive_unary : on_receive_stream;
  pthread_mutex_lock(&c->lock);
  c->closed = !start(c, &c->close, &close, 1);
  pthread_mutex_unlock(&c->lock);
  c->refused = !admit(c, draining);
  if (!c->refused && !unary) {
    c->route->handler.on_open(c->route->service, c);
  }
  pthread_mutex_lock(&c->lock);
  receive_next(c);
  pthread_mutex_unlock(&c->lock);
  release(c);
}

/* -- what handlers see ----------------------------------------------------------------------------------------------- */

void rpc_call_set_state(rpc_call *c, void *state) { c->state = state; }
void *rpc_call_state(const rpc_call *c) { return c->state; }
const wire_metadata *rpc_call_metadata(const rpc_call *c) { return &c->metadata; }
int64_t rpc_call_deadline_ms(const rpc_call *c) { return c->deadline_ms; }
bool rpc_call_is_cancelled(const rpc_call *c) { return atomic_load(&c->cancelled); }
const pb_method *rpc_call_method(const rpc_call *c) { return c->route->method; }

/* The core's form: "ipv4:127.0.0.1:40312", "ipv6:%5B::1%5D:40312", "unix:...". */
void rpc_call_address(const rpc_call *c, char out[RPC_ADDRESS_SIZE]) {
  char *peer = grpc_call_get_peer(c->core);
  const char *from = peer, *to = peer ? strrchr(peer, ':') : NULL;
  if (to && strncmp(peer, "ipv4:", 5) == 0) {
    from += 5;
  } else if (to && strncmp(peer, "ipv6:", 5) == 0) {
    bool escaped = strncmp(from + 5, "%5B", 3) == 0;
    from += 5 + (escaped ? 3 : 1);
    to -= escaped ? 3 : 1;
  } else {
    to = from;
  }
  snprintf(out, RPC_ADDRESS_SIZE, "%.*s", to > from ? (int)(to - from) : 0, from ? from : "");
  gpr_free(peer);
}

void rpc_call_watch(rpc_call *c, void (*on_cancel)(void *ctx), void *ctx) {
  pthread_mutex_lock(&c->lock);
  bool over = c->closed && atomic_load(&c->cancelled);
  c->on_cancel = over ? NULL : on_cancel;
  c->watcher = ctx;
  if (over && on_cancel) {
    on_cancel(ctx);
  }
  pthread_mutex_unlock(&c->lock);
}

void *rpc_call_alloc(rpc_call *c, size_t n) { return pb_arena_alloc(&c->arena, n); }
pb_arena *rpc_call_arena(rpc_call *c) { return &c->arena; }
char *rpc_call_strdup(rpc_call *c, const char *s) { return pb_arena_copy(&c->arena, base_span_str(s)); }

base_err rpc_call_header(rpc_call *c, const char *key, base_span value) {
  pthread_mutex_lock(&c->lock);
  base_err e =
      c->headers_sent ? base_fail(BASE_E_PRECONDITION) : wire_metadata_add(&c->headers, base_span_str(key), value);
  pthread_mutex_unlock(&c->lock);
  return e;
}

base_err rpc_call_trailer(rpc_call *c, const char *key, base_span value) {
  pthread_mutex_lock(&c->lock);
  base_err e =
      c->finishing ? base_fail(BASE_E_PRECONDITION) : wire_metadata_add(&c->final.trailers, base_span_str(key), value);
  pthread_mutex_unlock(&c->lock);
  return e;
}

void rpc_call_compress(rpc_call *c, bool compress) {
  pthread_mutex_lock(&c->lock);
  c->may_compress |= compress && !c->headers_sent;
  c->compress = compress;
  pthread_mutex_unlock(&c->lock);
}

size_t rpc_call_queued(const rpc_call *c) {
  pthread_mutex_t *lock = (pthread_mutex_t *)&c->lock;
  pthread_mutex_lock(lock);
  size_t n = c->queued_bytes;
  pthread_mutex_unlock(lock);
  return n;
}

void rpc_call_pause(rpc_call *c, bool paused) {
  pthread_mutex_lock(&c->lock);
  c->paused = paused;
  receive_next(c);
  pthread_mutex_unlock(&c->lock);
}
