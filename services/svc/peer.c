/* Calls of handlers to other services. The handler's thread waits; one thread of the host, the wire, owns the client and its channels, and carries the spans to the
 * collector besides. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/wait.h"
#include "otlp/otlp.h"
#include "pb/message.h"
#include "rpc/client.h"
#include "svc/internal.h"

enum {
  DEFAULT_MS = 5000, /* of a call whose caller set no deadline */
  TRIES = 4,
  BACKOFF_MS = 50,
  BACKOFF_CAP_MS = 1000,
  TICK_MS = 1000,
  FLUSH_TICK_MS = 20,
  FLUSH_MS = 2000,
  DEADLINE_EXCEEDED = 4,
  UNAVAILABLE = 14,
};

/* One try. On the stack of the thread that asks, which waits until it is done and in nobody's list. */
typedef struct ask {
  struct ask *next;
  svc_peer *peer;
  const char *path;
  base_span packed;
  ponte_call_options options;
  /* The wire's lock: */
  pthread_cond_t changed;
  bool is_queued, is_done, cancel;
  /* The wire's thread until it is done: */
  ponte_call *call;
  base_err failed;
  base_buf reply;
  bool has_reply;
  wire_status status;
} ask;

struct svc__wire {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t woken;
  bool is_woken, is_stopping, has_thread;
  ask *first, **last;
  rpc_client *client;
  ponte_channel *collector;
  otlp *exporter;
};

/* -- on the wire's thread ---------------------------------------------------------------------------------------------- */

static void wake(void *ctx) {
  svc__wire *w = ctx;
  pthread_mutex_lock(&w->lock);
  w->is_woken = true;
  pthread_cond_signal(&w->woken);
  pthread_mutex_unlock(&w->lock);
}

static void done(ask *a) {
  svc__wire *w = a->peer->wire;
  pthread_mutex_lock(&w->lock);
  a->is_done = true;
  pthread_cond_signal(&a->changed);
  pthread_mutex_unlock(&w->lock);
}

static void on_message(void *ctx, ponte_call *call, base_span message) {
  ask *a = ctx;
  if (a->has_reply || !base_is_ok(base_buf_append(&a->reply, message))) {
    a->failed = base_fail(BASE_E_MALFORMED);
    ponte_call_cancel(call);
  }
  a->has_reply = true;
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  ask *a = ctx;
  (void)call;
  wire_status_set_span(&a->status, status->code, base_buf_span(&status->message));
  if (!base_is_ok(wire_metadata_merge(&a->status.trailers, &status->trailers))) {
    wire_metadata_clear(&a->status.trailers);
  }
  done(a);
}

/* False: it has failed, and the ask may be gone. */
static bool start(svc__wire *w, ask *a) {
  static const ponte_call_events events = {.on_message = on_message, .on_status = on_status};
  svc_peer *p = a->peer;
  base_err e = p->channel ? BASE_OK : rpc_channel_new(w->client, p->target, NULL, &p->channel);
  if (base_is_ok(e)) {
    e = p->channel->vt->start_one(p->channel, a->path, &a->options, a->packed, &events, a, &a->call);
  }
  if (!base_is_ok(e)) {
    a->failed = e;
    a->call = NULL;
    done(a);
  }
  return base_is_ok(e);
}

static void serve_asks(svc__wire *w) {
  for (;;) {
    pthread_mutex_lock(&w->lock);
    ask *a = w->first;
    bool is_done = false, cancel = false;
    if (a) {
      w->first = a->next;
      w->last = w->first ? w->last : &w->first;
      a->is_queued = false;
      is_done = a->is_done;
      cancel = a->cancel;
      pthread_cond_signal(&a->changed);
    }
    pthread_mutex_unlock(&w->lock);
    if (a == NULL) {
      return;
    }
    if (is_done || (a->call == NULL && !start(w, a))) { /* and gone, perhaps */
      continue;
    }
    if (cancel) {
      ponte_call_cancel(a->call);
    }
  }
}

/* False when the wire is to stop. */
static bool sleep_until_woken(svc__wire *w, int64_t ms) {
  struct timespec until = base_timespec(base_now_ms() + ms);
  pthread_mutex_lock(&w->lock);
  while (!w->is_woken && !w->is_stopping) {
    int timed_out =
        w->exporter ? pthread_cond_timedwait(&w->woken, &w->lock, &until) : pthread_cond_wait(&w->woken, &w->lock);
    if (timed_out == ETIMEDOUT) {
      break;
    }
  }
  w->is_woken = false;
  bool goes_on = !w->is_stopping;
  pthread_mutex_unlock(&w->lock);
  return goes_on;
}

/* Nobody asks any more; the collector may still get what waits for it. */
static void flush(svc__wire *w) {
  int64_t until_ms = base_now_ms() + FLUSH_MS;
  while (w->exporter && !otlp_is_idle(w->exporter) && base_now_ms() < until_ms) {
    struct timespec t = {.tv_nsec = FLUSH_TICK_MS * 1000000L};
    otlp_tick(w->exporter, base_now_ms());
    nanosleep(&t, NULL);
    rpc_client_drain(w->client);
  }
}

static void *run(void *ctx) {
  svc__wire *w = ctx;
  int64_t tick_ms = base_now_ms() + TICK_MS;
  while (sleep_until_woken(w, TICK_MS)) {
    serve_asks(w);
    rpc_client_drain(w->client);
    if (w->exporter && base_now_ms() >= tick_ms) {
      otlp_tick(w->exporter, base_now_ms());
      tick_ms = base_now_ms() + TICK_MS;
    }
  }
  flush(w);
  return NULL;
}

/* -- life -------------------------------------------------------------------------------------------------------------- */

static base_err open_exporter(svc__wire *w, const svc__wire_options *o) {
  char instance[BASE_UUID_SIZE];
  if (o->otlp_endpoint == NULL) {
    return BASE_OK;
  }
  base_uuid7(instance);
  BASE_TRY(rpc_channel_new(w->client, o->otlp_endpoint, NULL, &w->collector));
  return otlp_new(w->collector, o->service_name, instance, &w->exporter);
}

base_err svc__wire_new(const svc__wire_options *options, svc__wire **out) {
  svc__wire *w = calloc(1, sizeof *w);
  if (w == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  w->last = &w->first;
  pthread_mutex_init(&w->lock, NULL);
  base_cond_init(&w->woken);
  base_err e = rpc_client_new(&(rpc_client_options){wake, w}, &w->client);
  if (base_is_ok(e)) {
    e = open_exporter(w, options);
  }
  if (base_is_ok(e)) {
    w->has_thread = pthread_create(&w->thread, NULL, run, w) == 0;
    e = w->has_thread ? e : base_fail(BASE_E_EXHAUSTED);
  }
  if (!base_is_ok(e)) {
    svc__wire_free(w);
    return e;
  }
  *out = w;
  return BASE_OK;
}

void svc__wire_stop(svc__wire *w) {
  if (w && w->has_thread) {
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    pthread_cond_signal(&w->woken);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    w->has_thread = false;
  }
}

void svc__wire_free(svc__wire *w) {
  if (w == NULL) {
    return;
  }
  svc__wire_stop(w);
  otlp_free(w->exporter);
  if (w->collector) {
    rpc_channel_free(w->collector);
  }
  if (w->client) {
    rpc_client_free(w->client);
  }
  pthread_cond_destroy(&w->woken);
  pthread_mutex_destroy(&w->lock);
  free(w);
}

otlp *svc__wire_exporter(const svc__wire *w) { return w->exporter; }

/* -- on the handler's thread ------------------------------------------------------------------------------------------- */

static void put_in_queue(svc__wire *w, ask *a) {
  if (!a->is_queued) {
    a->is_queued = true;
    a->next = NULL;
    *w->last = a;
    w->last = &a->next;
  }
  w->is_woken = true;
  pthread_cond_signal(&w->woken);
}

static void on_cancel(void *ctx) {
  ask *a = ctx;
  svc__wire *w = a->peer->wire;
  pthread_mutex_lock(&w->lock);
  a->cancel = true;
  if (!a->is_done) {
    put_in_queue(w, a);
  }
  pthread_cond_signal(&a->changed);
  pthread_mutex_unlock(&w->lock);
}

static void ask_init(ask *a, svc_peer *peer, const pb_method *method, base_span packed) {
  *a = (ask){.peer = peer, .path = method->path, .packed = packed, .failed = BASE_OK};
  base_cond_init(&a->changed);
  base_buf_init(&a->reply, SIZE_MAX / 2); /* the channel limits messages */
  wire_status_init(&a->status);
}

static void ask_dispose(ask *a) {
  pthread_cond_destroy(&a->changed);
  base_buf_dispose(&a->reply);
  wire_status_dispose(&a->status);
}

/* Blocks until the try has ended. */
static void try_once(svc_call *c, ask *a, int64_t timeout_ms, const wire_metadata *metadata) {
  svc__wire *w = a->peer->wire;
  a->options = (ponte_call_options){.timeout_ms = timeout_ms, .metadata = metadata};
  a->call = NULL;
  a->failed = BASE_OK;
  a->is_done = a->has_reply = false;
  base_buf_clear(&a->reply);
  wire_status_set(&a->status, BASE_GRPC_OK, "%s", "");
  wire_metadata_clear(&a->status.trailers);
  pthread_mutex_lock(&w->lock);
  put_in_queue(w, a);
  pthread_mutex_unlock(&w->lock);
  svc_watch(c, on_cancel, a);
  pthread_mutex_lock(&w->lock);
  while (!a->is_done || a->is_queued) {
    pthread_cond_wait(&a->changed, &w->lock);
  }
  pthread_mutex_unlock(&w->lock);
}

/* False: the call was cancelled meanwhile. */
static bool back_off(ask *a, unsigned attempt) {
  svc__wire *w = a->peer->wire;
  uint32_t random;
  base_random(&random, sizeof random);
  struct timespec until = base_timespec(base_now_ms() + base_backoff_ms(attempt, BACKOFF_MS, BACKOFF_CAP_MS, random));
  pthread_mutex_lock(&w->lock);
  while (!a->cancel && pthread_cond_timedwait(&a->changed, &w->lock, &until) != ETIMEDOUT) {
  }
  bool goes_on = !a->cancel;
  pthread_mutex_unlock(&w->lock);
  return goes_on;
}

/* The trace with our span, the caller's token, and who the client is. */
static base_err metadata_of(const svc_call *c, wire_metadata *out) {
  char traceparent[BASE_TRACEPARENT_SIZE];
  base_span token;
  const char *address = svc_caller_address(c);
  base_trace_text(&c->trace, traceparent);
  BASE_TRY(wire_metadata_add_str(out, "traceparent", traceparent));
  if (address[0]) {
    BASE_TRY(wire_metadata_add_str(out, "x-ponte-client", address));
  }
  return wire_metadata_get(c->metadata, "authorization", &token)
             ? wire_metadata_add(out, base_span_str("authorization"), token)
             : BASE_OK;
}

static base_err keep_answer(svc_call *c, ask *a, const pb_method *method, const ProtobufCMessage **response) {
  svc__answer *answer = calloc(1, sizeof *answer);
  if (answer == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  base_span bytes = base_buf_span(&a->reply);
  pb_arena_init(&answer->arena, pb_memory_cap(bytes.n));
  base_err e = pb_unpack(method->response, bytes, &answer->arena, &answer->message);
  answer->next = c->answers;
  c->answers = answer;
  *response = answer->message;
  return base_is(e, BASE_E_MALFORMED) ? base_fail(BASE_E_INTERNAL) : e;
}

static base_err conclude(svc_call *c, ask *a, const pb_method *method, const ProtobufCMessage **response) {
  if (a->cancel) {
    return base_fail(base_now_ms() >= c->deadline_ms ? BASE_E_DEADLINE : BASE_E_CANCELLED);
  }
  if (!base_is_ok(a->failed)) {
    return a->failed;
  }
  if (a->status.code == 0) {
    return a->has_reply ? keep_answer(c, a, method, response) : base_fail(BASE_E_INTERNAL);
  }
  if (a->status.code == DEADLINE_EXCEEDED && c->deadline_ms != INT64_MAX) {
    return base_fail(BASE_E_DEADLINE);
  }
  if (a->status.code == DEADLINE_EXCEEDED) {
    wire_status_set(&a->status, UNAVAILABLE, "no answer within %d s", DEFAULT_MS / 1000);
    wire_metadata_clear(&a->status.trailers);
  }
  return svc__fail_peer(c, a->peer, &a->status);
}

static base_err ask_until_deadline(svc_call *c, ask *a, const pb_method *method, const wire_metadata *metadata,
                                   const ProtobufCMessage **response) {
  bool may_repeat = !method->policy || !method->policy->mutates;
  int64_t deadline_ms = c->deadline_ms == INT64_MAX ? base_now_ms() + DEFAULT_MS : c->deadline_ms;
  for (unsigned attempt = 0;; attempt++) {
    int64_t left_ms = deadline_ms - base_now_ms();
    if (left_ms <= 0) {
      return base_fail(BASE_E_DEADLINE);
    }
    try_once(c, a, left_ms, metadata);
    bool again = may_repeat && a->status.code == UNAVAILABLE && !a->has_reply && attempt + 1 < TRIES;
    if (!again || !back_off(a, attempt)) {
      svc_watch(c, NULL, NULL);
      return conclude(c, a, method, response);
    }
    svc_watch(c, NULL, NULL);
  }
}

base_err svc_ask(svc_call *c, svc_peer *peer, const pb_method *method, const ProtobufCMessage *request,
                 const ProtobufCMessage **response) {
  wire_metadata metadata;
  base_buf packed;
  ask a;
  *response = NULL;
  svc__failure_clear(c);
  wire_metadata_init(&metadata);
  base_buf_init(&packed, SIZE_MAX / 2);
  base_err e = metadata_of(c, &metadata);
  if (base_is_ok(e)) {
    e = pb_pack(request, &packed);
  }
  if (base_is_ok(e)) {
    ask_init(&a, peer, method, base_buf_span(&packed));
    e = ask_until_deadline(c, &a, method, &metadata, response);
    ask_dispose(&a);
  }
  base_buf_dispose(&packed);
  wire_metadata_dispose(&metadata);
  return e;
}

void svc_drop(svc_call *c, const ProtobufCMessage *answer) {
  for (svc__answer **link = &c->answers; *link; link = &(*link)->next) {
    svc__answer *a = *link;
    if (a->message == answer) {
      *link = a->next;
      pb_arena_dispose(&a->arena);
      free(a);
      return;
    }
  }
}
