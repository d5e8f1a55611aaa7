#include "otlp/otlp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.ponte.h"
#include "otlp/batch.h"

enum { EXPORT_TIMEOUT_MS = 10000, BACKOFF_MS = 1000, BACKOFF_CAP_MS = 30000 };

/* A ring. The `sending` oldest spans are on their way: they stay in place until the answer, and recorders only add behind. */
struct otlp {
  ponte_channel *channel;
  char *service_name, *instance;
  ponte_call *call; /* the batch on the way; NULL: none */
  unsigned failures;
  int64_t not_before_ms;
  bool closed; /* freed by its owner: the last answer frees it */
  _Atomic int64_t sent, dropped;
  pthread_mutex_t lock; /* of the rest */
  size_t first, count, sending;
  otlp_span spans[OTLP_SPANS];
};

base_err otlp_new(ponte_channel *channel, const char *service_name, const char *instance, otlp **out) {
  otlp *o = calloc(1, sizeof *o);
  if (o == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  o->channel = channel;
  o->service_name = strdup(service_name);
  o->instance = strdup(instance);
  pthread_mutex_init(&o->lock, NULL);
  if (o->service_name == NULL || o->instance == NULL) {
    otlp_free(o);
    return base_fail(BASE_E_NO_MEMORY);
  }
  *out = o;
  return BASE_OK;
}

void otlp_record(otlp *o, const otlp_span *span) {
  pthread_mutex_lock(&o->lock);
  bool fits = o->count < OTLP_SPANS;
  if (fits) {
    o->spans[(o->first + o->count++) % OTLP_SPANS] = *span;
  }
  pthread_mutex_unlock(&o->lock);
  if (!fits) {
    atomic_fetch_add_explicit(&o->dropped, 1, memory_order_relaxed);
  }
}

/* What the specification allows to be sent again ("OTLP/gRPC Response", retryable codes). */
static bool is_transient(int code) {
  switch (code) {
  case BASE_GRPC_CANCELLED:
  case BASE_GRPC_DEADLINE_EXCEEDED:
  case BASE_GRPC_RESOURCE_EXHAUSTED:
  case BASE_GRPC_ABORTED:
  case BASE_GRPC_OUT_OF_RANGE:
  case BASE_GRPC_UNAVAILABLE:
  case BASE_GRPC_DATA_LOSS: return true;
  default: return false;
  }
}

/* The batch on the way is over: out of the ring, or to be sent again. */
static void settle(otlp *o, bool done) {
  pthread_mutex_lock(&o->lock);
  if (done) {
    o->first = (o->first + o->sending) % OTLP_SPANS;
    o->count -= o->sending;
  }
  o->sending = 0;
  pthread_mutex_unlock(&o->lock);
}

static void on_reply(void *ctx, ponte_call *call,
                     const Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse *reply,
                     const wire_status *status) {
  (void)call;
  otlp *o = ctx;
  o->call = NULL;
  if (o->closed) {
    otlp_free(o);
    return;
  }
  if (status->code != 0 && is_transient(status->code)) {
    uint32_t random;
    base_random(&random, sizeof random);
    o->not_before_ms = base_now_ms() + base_backoff_ms(o->failures++, BACKOFF_MS, BACKOFF_CAP_MS, random);
    settle(o, false);
    return;
  }
  int64_t refused = status->code != 0                 ? (int64_t)o->sending
                    : reply && reply->partial_success ? reply->partial_success->rejected_spans
                                                      : 0;
  o->failures = 0;
  atomic_fetch_add_explicit(&o->dropped, refused, memory_order_relaxed);
  atomic_fetch_add_explicit(&o->sent, (int64_t)o->sending - refused, memory_order_relaxed);
  settle(o, true);
}

void otlp_tick(otlp *o, int64_t now_ms) {
  static const opentelemetry_proto_collector_trace_v1_export_events events = {.on_reply = on_reply};
  if (o->call || now_ms < o->not_before_ms) {
    return;
  }
  pthread_mutex_lock(&o->lock);
  o->sending = o->count < OTLP_BATCH ? o->count : OTLP_BATCH;
  pthread_mutex_unlock(&o->lock);
  if (o->sending == 0) {
    return;
  }
  otlp_batch *batch = otlp_batch_new(o->service_name, o->instance, o->sending);
  for (size_t i = 0; batch && i < o->sending; i++) {
    otlp_batch_add(batch, &o->spans[(o->first + i) % OTLP_SPANS]);
  }
  const ponte_call_options options = {.timeout_ms = EXPORT_TIMEOUT_MS};
  if (batch == NULL || !base_is_ok(opentelemetry_proto_collector_trace_v1_export(
                           o->channel, &options, otlp_batch_request(batch), &events, o, &o->call))) {
    settle(o, false); /* out of memory: the next tick tries again */
  }
  otlp_batch_free(batch);
}

bool otlp_is_idle(otlp *o) {
  pthread_mutex_lock(&o->lock);
  bool idle = o->count == 0;
  pthread_mutex_unlock(&o->lock);
  return idle;
}

int64_t otlp_sent(const otlp *o) { return atomic_load_explicit(&o->sent, memory_order_relaxed); }
int64_t otlp_dropped(const otlp *o) { return atomic_load_explicit(&o->dropped, memory_order_relaxed); }

void otlp_free(otlp *o) {
  if (o == NULL) {
    return;
  }
  if (o->call) {
    o->closed = true;
    ponte_call_cancel(o->call);
    return;
  }
  pthread_mutex_destroy(&o->lock);
  free(o->service_name);
  free(o->instance);
  free(o);
}
