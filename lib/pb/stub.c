#include "pb/stub.h"

#include <stdlib.h>

#include "pb/message.h"

typedef struct {
  pb_stub_events events;
  void *ctx;
  pb_arena arena;          /* holds the one reply until the status comes; emptied after each streamed one */
  ProtobufCMessage *reply; /* kinds with one reply */
  base_err failed;         /* why the replies make no sense; the call is cancelled then */
  bool abandoned;          /* start failed half-way: nobody wants to hear the end */
} stub;

static bool one_reply(const stub *s) { return s->events.deliver_reply != NULL; }

static void on_headers(void *ctx, ponte_call *call, const wire_metadata *headers) {
  stub *s = ctx;
  if (s->events.on_headers && !s->abandoned) {
    s->events.on_headers(s->ctx, call, headers);
  }
}

static void on_message(void *ctx, ponte_call *call, base_span bytes) {
  stub *s = ctx;
  ProtobufCMessage *message = NULL;
  if (s->abandoned || !base_is_ok(s->failed)) {
    return;
  }
  s->arena.cap_bytes = pb_memory_cap(bytes.n);
  s->failed =
      s->reply ? base_fail(BASE_E_MALFORMED) : pb_unpack(s->events.method->response, bytes, &s->arena, &message);
  if (!base_is_ok(s->failed)) {
    ponte_call_cancel(call);
    return;
  }
  if (one_reply(s)) {
    s->reply = message;
    return;
  }
  s->events.deliver_message(s->events.on_message, s->ctx, call, message);
  pb_arena_dispose(&s->arena);
}

static void on_writable(void *ctx, ponte_call *call) {
  stub *s = ctx;
  if (s->events.on_writable && !s->abandoned) {
    s->events.on_writable(s->ctx, call);
  }
}

static void deliver_end(stub *s, ponte_call *call, const wire_status *status) {
  if (!one_reply(s)) {
    s->events.on_status(s->ctx, call, status);
    return;
  }
  s->events.deliver_reply(s->events.on_reply, s->ctx, call, status->code == 0 ? s->reply : NULL, status);
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  stub *s = ctx;
  wire_status own;
  wire_status_init(&own);
  if (!base_is_ok(s->failed)) {
    wire_status_set(&own, BASE_GRPC_INTERNAL, "the reply to %s cannot be read: %s", s->events.method->path,
                    base_err_text(s->failed));
    status = &own;
  } else if (status->code == 0 && one_reply(s) && s->reply == NULL) {
    wire_status_set(&own, BASE_GRPC_INTERNAL, "%s ended without a reply", s->events.method->path);
    status = &own;
  }
  if (!s->abandoned) {
    deliver_end(s, call, status);
  }
  wire_status_dispose(&own);
  pb_arena_dispose(&s->arena);
  free(s);
}

/* The three calls that start_one() stands for. */
static base_err start_in_steps(stub *s, ponte_channel *ch, const ponte_call_options *options,
                               const ponte_call_events *handlers, base_span request, ponte_call **out) {
  base_err e = ponte_call_start(ch, s->events.method->path, options, handlers, s, out);
  if (!base_is_ok(e)) {
    free(s);
    return e;
  }
  e = ponte_call_send(*out, request);
  if (!base_is_ok(e)) {
    s->abandoned = true; /* freed by on_status, which still comes */
    ponte_call_cancel(*out);
    *out = NULL;
    return e;
  }
  ponte_call_half_close(*out);
  return BASE_OK;
}

static base_err start_with_request(stub *s, ponte_channel *ch, const ponte_call_options *options,
                                   const ponte_call_events *handlers, const ProtobufCMessage *request,
                                   ponte_call **out) {
  base_buf bytes;
  base_buf_init(&bytes, SIZE_MAX / 2);
  base_err e = pb_pack(request, &bytes);
  if (!base_is_ok(e)) {
    free(s);
  } else if (ch->vt->start_one) {
    e = ch->vt->start_one(ch, s->events.method->path, options, base_buf_span(&bytes), handlers, s, out);
    if (!base_is_ok(e)) {
      free(s);
    }
  } else {
    e = start_in_steps(s, ch, options, handlers, base_buf_span(&bytes), out);
  }
  base_buf_dispose(&bytes);
  return e;
}

base_err pb_stub_start(ponte_channel *ch, const ponte_call_options *options, const pb_stub_events *events,
                       const ProtobufCMessage *request, void *ctx, ponte_call **out) {
  static const ponte_call_events handlers = {on_headers, on_message, on_writable, on_status};
  stub *s = malloc(sizeof *s);
  if (s == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  *s = (stub){.events = *events, .ctx = ctx, .failed = BASE_OK};
  pb_arena_init(&s->arena, 0);
  if (request) {
    return start_with_request(s, ch, options, &handlers, request, out);
  }
  base_err e = ponte_call_start(ch, events->method->path, options, &handlers, s, out);
  if (!base_is_ok(e)) {
    free(s);
  }
  return e;
}

base_err pb_stub_send(ponte_call *call, const ProtobufCMessage *message) {
  base_buf bytes;
  base_buf_init(&bytes, SIZE_MAX / 2);
  base_err e = pb_pack(message, &bytes);
  if (base_is_ok(e)) {
    e = ponte_call_send(call, base_buf_span(&bytes));
  }
  base_buf_dispose(&bytes);
  return e;
}
