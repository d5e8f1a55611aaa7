/* The road of a call: what comes before its handler, the handler's steps, the answer. */
#include <stdlib.h>

#include "base/clock.h"
#include "pb/message.h"
#include "svc/internal.h"

static void begin_trace(svc_call *c) {
  base_trace caller;
  base_span text;
  bool has_caller = wire_metadata_get(c->metadata, "traceparent", &text) && base_trace_parse(text, &caller);
  if (has_caller) {
    memcpy(c->parent, caller.span_id, sizeof c->parent);
  }
  base_trace_start(has_caller ? &caller : NULL, svc__host_sample_ratio(c->service->host), &c->trace);
}

void svc__call_init(svc_call *c, svc *s, const svc__route *route, const wire_metadata *metadata, pb_arena *arena) {
  *c = (svc_call){.service = s,
                  .route = route,
                  .metadata = metadata,
                  .arena = arena,
                  .begun_us = base_now_us(),
                  .wall_us = base_wall_us()};
  wire_status_init(&c->failure.status);
  begin_trace(c);
}

/* Answers of peers may be part of the response, which is packed later. */
void svc__call_dispose(svc_call *c) {
  for (svc__answer *a = c->answers, *next; a; a = next) {
    next = a->next;
    pb_arena_join(c->arena, &a->arena);
    free(a);
  }
  wire_status_dispose(&c->failure.status);
}

void svc__reset_message(const ProtobufCMessageDescriptor *type, ProtobufCMessage *message) {
  memset(message, 0, type->sizeof_message);
  type->message_init(message);
}

base_err svc__admit(svc_call *c) {
  const pb_method *method = c->route->method.method;
  pb_violation wrong;
  if (base_now_ms() >= c->deadline_ms) {
    return base_fail(BASE_E_DEADLINE);
  }
  BASE_TRY(svc__identify(c));
  BASE_TRY(svc__permit(c));
  if (!pb_validate(c->request, method->rules, &wrong)) {
    return svc_fail(c, RPC_REASON_INVALID_FIELD, wrong.path, "%s %s", wrong.path, wrong.why);
  }
  return svc__page_begin(c);
}

/* -- steps ----------------------------------------------------------------------------------------------------------- */

struct reading {
  svc_call *call;
  ProtobufCMessage *response;
};

static base_err read_step(void *ctx, store_tx *tx) {
  struct reading *r = ctx;
  svc__failure_clear(r->call);
  svc__reset_message(r->call->route->method.method->response, r->response);
  return svc__step(r->call, SVC_READ, tx, r->response);
}

static base_err run_steps(svc_call *c, ProtobufCMessage *response) {
  const pb_fn *steps = c->route->method.steps;
  if (steps[SVC_PREPARE]) {
    bool found = false;
    if (svc__is_keyed(c)) {
      BASE_TRY(svc__find_answer(c, response, &found));
    }
    if (found) {
      return BASE_OK;
    }
    BASE_TRY(svc__step(c, SVC_PREPARE, NULL, NULL));
  }
  svc__failure_clear(c);
  if (steps[SVC_WRITE]) {
    return svc__write(c, response);
  }
  if (steps[SVC_READ]) {
    struct reading r = {c, response};
    return store_read(c->service->store, read_step, &r);
  }
  return svc__step(c, SVC_CALL, NULL, response);
}

/* -- unary ----------------------------------------------------------------------------------------------------------- */

svc__route *svc__route_of(svc__group *g, const rpc_call *rpc) {
  return &g->routes[rpc_call_method(rpc) - g->methods->methods];
}

void svc__deliver_unary(pb_fn fn, void *group, rpc_call *rpc, const ProtobufCMessage *request,
                        ProtobufCMessage *response) {
  svc__group *g = group;
  svc_call c;
  const rpc_error *error;
  const wire_status *status;
  svc__outcome outcome = {0, rpc_reason_name(RPC_REASON_NONE)};
  (void)fn;
  svc__call_init(&c, g->service, svc__route_of(g, rpc), rpc_call_metadata(rpc), rpc_call_arena(rpc));
  c.rpc = rpc;
  c.request = request;
  c.deadline_ms = rpc_call_deadline_ms(rpc);
  base_err e = svc__admit(&c);
  if (base_is_ok(e)) {
    e = run_steps(&c, response);
  }
  if (!base_is_ok(e)) {
    outcome = svc__failure_of(&c, e, &error, &status);
    if (error) {
      rpc_call_fail(rpc, error);
    } else {
      rpc_call_finish_status(rpc, status);
    }
  }
  svc__observe(&c, outcome);
  svc__call_dispose(&c);
}

/* -- what handlers use ------------------------------------------------------------------------------------------------ */

void *svc_state(const svc_call *c) { return c->service->state; }
void svc_set_data(svc_call *c, void *data) { c->data = data; }
void *svc_data(const svc_call *c) { return c->data; }

void svc_watch(svc_call *c, void (*on_over)(void *ctx), void *ctx) {
  if (c->stream) {
    svc__stream_watch(c->stream, on_over, ctx);
  } else {
    rpc_call_watch(c->rpc, on_over, ctx);
  }
}

void *svc_alloc(svc_call *c, size_t n) {
  void *p = pb_arena_alloc(c->arena, n);
  return p ? memset(p, 0, n) : NULL;
}

base_err svc_unpack(svc_call *c, const ProtobufCMessageDescriptor *type, base_span packed, ProtobufCMessage **out) {
  return pb_unpack(type, packed, c->arena, out);
}

base_err svc_request_hash(svc_call *c, uint8_t out[SVC_HASH_SIZE]) {
  return svc__request_hash(c->route, c->request, c->route->key, NULL, out);
}

char *svc_strdup(svc_call *c, const char *s) { return pb_arena_copy(c->arena, base_span_str(s)); }
int64_t svc_now_us(const svc_call *c) { return c->wall_us; }
int64_t svc_deadline_ms(const svc_call *c) { return c->deadline_ms; }
void svc_trace_id(const svc_call *c, char out[BASE_TRACE_ID_SIZE]) { base_trace_id_text(&c->trace, out); }

char *svc_new_id(svc_call *c) {
  char *id = pb_arena_alloc(c->arena, BASE_UUID_SIZE);
  if (id) {
    base_uuid7(id);
  }
  return id;
}
