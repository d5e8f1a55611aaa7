/* Server streams: a thread for each while it runs, since its handler blocks; how many there may be is bounded, so that slow clients cannot take the threads of others.
 *
 * The rpc_call may end while the handler runs (the client went away): `rpc` is NULL from then on, and whoever comes last frees the stream. */
#include <stdlib.h>

#include "base/clock.h"
#include "pb/channel.h"
#include "pb/message.h"
#include "svc/internal.h"

enum { STREAM_MEMORY = 64 << 20, RETRY_MS = 1000 };

struct svc__stream {
  rpc_job job;
  svc *service;
  const svc__route *route;
  pb_arena arena; /* the request */
  pb_arena work;  /* what the handler takes */
  wire_metadata metadata;
  ProtobufCMessage *request;
  int64_t deadline_ms;
  char address[RPC_ADDRESS_SIZE];
  pthread_mutex_t lock; /* of the rest */
  pthread_cond_t changed;
  rpc_call *rpc; /* NULL: the call is over */
  int users;     /* rpc and the job */
  void (*on_cancel)(void *ctx);
  void *watcher;
};

static void leave(svc__stream *s) {
  pthread_mutex_lock(&s->lock);
  bool last = --s->users == 0;
  pthread_mutex_unlock(&s->lock);
  if (!last) {
    return;
  }
  atomic_fetch_sub(&s->service->streams, 1);
  wire_metadata_dispose(&s->metadata);
  pb_arena_dispose(&s->arena);
  pb_arena_dispose(&s->work);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

/* -- the handler ------------------------------------------------------------------------------------------------------ */

static void finish(svc__stream *s, const rpc_error *error, const wire_status *status) {
  pthread_mutex_lock(&s->lock);
  if (s->rpc && status && !error) {
    rpc_call_finish_status(s->rpc, status);
  } else if (s->rpc) {
    rpc_call_finish(s->rpc, error);
  }
  pthread_mutex_unlock(&s->lock);
}

static void run(rpc_job *job) {
  svc__stream *s = (svc__stream *)((char *)job - offsetof(svc__stream, job));
  svc_call c;
  const rpc_error *error = NULL;
  const wire_status *status = NULL;
  svc__outcome outcome = {0, rpc_reason_name(RPC_REASON_NONE)};
  svc__call_init(&c, s->service, s->route, &s->metadata, &s->arena);
  c.stream = s;
  c.request = s->request;
  c.deadline_ms = s->deadline_ms;
  svc__set_address(&c, s->address);
  base_err e = svc__admit(&c);
  c.arena = &s->work;
  if (base_is_ok(e)) {
    e = svc__step(&c, SVC_STREAM, NULL, NULL);
  }
  if (!base_is_ok(e)) {
    outcome = svc__failure_of(&c, e, &error, &status);
  }
  finish(s, error, status);
  svc__observe(&c, outcome);
  svc__call_dispose(&c);
  leave(s);
}

base_err svc__stream_put(svc__stream *s, const ProtobufCMessage *message) {
  pthread_mutex_lock(&s->lock);
  while (s->rpc && rpc_call_queued(s->rpc) > PONTE_CALL_WRITABLE_LOW) {
    pthread_cond_wait(&s->changed, &s->lock); /* the core ends the call at its deadline */
  }
  base_err e = s->rpc ? rpc_call_send(s->rpc, message) : base_fail(BASE_E_CANCELLED);
  pthread_mutex_unlock(&s->lock);
  return base_is(e, BASE_E_CANCELLED) && base_now_ms() >= s->deadline_ms ? base_fail(BASE_E_DEADLINE) : e;
}

base_err svc_put(svc_call *c, const ProtobufCMessage *message) {
  return c->stream ? svc__stream_put(c->stream, message) : base_fail(BASE_E_PRECONDITION);
}

void svc_forget(svc_call *c) {
  if (c->stream) {
    pb_arena_dispose(&c->stream->work);
  }
}

void svc__stream_watch(svc__stream *s, void (*on_cancel)(void *ctx), void *ctx) {
  pthread_mutex_lock(&s->lock);
  s->on_cancel = s->rpc ? on_cancel : NULL;
  s->watcher = ctx;
  if (s->rpc == NULL && on_cancel) {
    on_cancel(ctx);
  }
  pthread_mutex_unlock(&s->lock);
}

/* -- on the queue thread ---------------------------------------------------------------------------------------------- */

static void refuse(rpc_call *rpc, enum rpc_reason reason, const char *text) {
  rpc_error e = rpc_error_of(reason, NULL, "%s", text);
  e.retry_after_ms = RETRY_MS;
  rpc_call_finish(rpc, &e);
}

static void on_open(void *group, rpc_call *rpc) {
  svc__group *g = group;
  if (atomic_fetch_add(&g->service->streams, 1) >= svc__stream_limit(g->service)) {
    atomic_fetch_sub(&g->service->streams, 1);
    refuse(rpc, RPC_REASON_TOO_MANY_STREAMS, "the server answers as many streams as it can: try again in a second");
    return;
  }
  svc__stream *s = calloc(1, sizeof *s);
  if (s == NULL) {
    atomic_fetch_sub(&g->service->streams, 1);
    refuse(rpc, RPC_REASON_OUT_OF_MEMORY, "the server is out of memory: try again in a second");
    return;
  }
  s->service = g->service;
  s->route = svc__route_of(g, rpc);
  s->deadline_ms = rpc_call_deadline_ms(rpc);
  s->rpc = rpc;
  s->users = 1;
  rpc_call_address(rpc, s->address);
  wire_metadata_init(&s->metadata);
  pb_arena_init(&s->work, STREAM_MEMORY);
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->changed, NULL);
  rpc_call_set_state(rpc, s);
}

/* The message and the metadata are borrowed, and the handler may outlive the call. */
static base_err keep(svc__stream *s, rpc_call *rpc, const ProtobufCMessage *message) {
  base_buf packed;
  base_buf_init(&packed, SIZE_MAX / 2);
  base_err e = pb_pack(message, &packed);
  if (base_is_ok(e)) {
    pb_arena_init(&s->arena, pb_memory_cap(base_buf_size(&packed)));
    e = pb_unpack(message->descriptor, base_buf_span(&packed), &s->arena, &s->request);
  }
  base_buf_dispose(&packed);
  return base_is_ok(e) ? wire_metadata_merge(&s->metadata, rpc_call_metadata(rpc)) : e;
}

static void deliver(pb_fn fn, void *group, rpc_call *rpc, const ProtobufCMessage *message) {
  svc__group *g = group;
  svc__stream *s = rpc_call_state(rpc);
  (void)fn;
  if (!base_is_ok(keep(s, rpc, message))) {
    refuse(rpc, RPC_REASON_OUT_OF_MEMORY, "the server is out of memory: try again in a second");
    return;
  }
  s->job.run = run;
  s->users++; /* before any other thread knows of it */
  if (!rpc_pool_submit(&g->service->stream_pool, &s->job)) {
    s->users--;
    refuse(rpc, RPC_REASON_TOO_MANY_STREAMS, "the server answers as many streams as it can: try again in a second");
  }
}

static void on_writable(void *group, rpc_call *rpc) {
  svc__stream *s = rpc_call_state(rpc);
  (void)group;
  pthread_mutex_lock(&s->lock);
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

static void on_end(void *group, rpc_call *rpc, bool cancelled) {
  svc__stream *s = rpc_call_state(rpc);
  (void)group;
  (void)cancelled;
  if (s == NULL) { /* refused */
    return;
  }
  pthread_mutex_lock(&s->lock);
  s->rpc = NULL;
  if (s->on_cancel) {
    s->on_cancel(s->watcher);
    s->on_cancel = NULL;
  }
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  leave(s);
}

static void taken(void) {} /* its place says that there is a handler */

const rpc_handler svc__stream_handler = {
    .on_open = on_open, .on_message = taken, .deliver_message = deliver, .on_writable = on_writable, .on_end = on_end};
