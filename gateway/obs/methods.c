#include "gateway/obs/methods.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/metrics.h"

enum { SLOTS = 256, METHOD_MAX = 200 };

/* Lives as long as the process: scrapes may read it at any time. */
struct series {
  base_metric metric;
  struct series *next; /* in its slot; set before it is published */
  int code;
  base_span method;
};

/* Readers walk a slot without the lock; only the one that adds takes it. */
static struct {
  pthread_mutex_t lock;
  struct series *_Atomic slots[SLOTS];
  int count;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* OpenTelemetry's advice for seconds of calls, cut to what a histogram here holds. */
static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 0};

static const base_span other = {(const uint8_t *)"_OTHER", 6};

/* FNV-1a. */
static struct series *_Atomic *slot_of(base_span method, int code) {
  uint32_t h = 2166136261u ^ (uint32_t)code;
  for (size_t i = 0; i < method.n; i++) {
    h = (h ^ method.p[i]) * 16777619u;
  }
  return &table.slots[h % SLOTS];
}

static struct series *find(base_span method, int code) {
  for (struct series *s = atomic_load(slot_of(method, code)); s; s = s->next) {
    if (s->code == code && base_span_eq(s->method, method)) {
      return s;
    }
  }
  return NULL;
}

static struct series *make(base_span method, int code) {
  base_buf labels;
  base_buf_init(&labels, 512);
  struct series *s = calloc(1, sizeof *s + method.n);
  base_err e =
      base_buf_printf(&labels, "rpc_system_name=\"grpc\",rpc_method=\"%.*s\",rpc_response_status_code=\"%s\"%c",
                      BASE_SPAN_ARG(method), base_grpc_name(code), 0);
  if (s == NULL || !base_is_ok(e)) {
    base_buf_dispose(&labels);
    free(s);
    return NULL;
  }
  memcpy(s + 1, method.p, method.n);
  s->method = base_span_of(s + 1, method.n);
  s->code = code;
  /* The labels' memory stays with the series. */
  s->metric = (base_metric)BASE_HISTOGRAM("rpc_server_call_duration_seconds", "Calls, by method and gRPC status.",
                                          (const char *)base_buf_span(&labels).p, bounds);
  return s;
}

static struct series *add(base_span method, int code) {
  pthread_mutex_lock(&table.lock);
  struct series *s = find(method, code); /* another thread may have been faster */
  bool room = table.count < GW_OBS_SERIES || base_span_eq(method, other);
  if (s == NULL && room && (s = make(method, code)) != NULL) {
    struct series *_Atomic *slot = slot_of(method, code);
    table.count++;
    s->next = atomic_load(slot);
    base_metric_register(&s->metric);
    atomic_store(slot, s);
  }
  pthread_mutex_unlock(&table.lock);
  return s;
}

/* gRPC method names need no escapes in a label; whatever else is in a path does not get that far. */
static bool is_plain(base_span method) {
  for (size_t i = 0; i < method.n; i++) {
    uint8_t c = method.p[i];
    if (c < 0x21 || c > 0x7e || c == '"' || c == '\\') {
      return false;
    }
  }
  return method.n > 0 && method.n <= METHOD_MAX;
}

void gw_obs_method_took(base_span path, int code, bool answered, double seconds) {
  base_span method = path.n > 0 ? base_span_of(path.p + 1, path.n - 1) : path;
  int known = base_grpc_known(code);
  if (!is_plain(method)) {
    method = other;
  }
  struct series *s = find(method, known);
  if (s == NULL && answered) {
    s = add(method, known);
  }
  if (s == NULL && (s = find(other, known)) == NULL) {
    s = add(other, known);
  }
  if (s) {
    base_metric_observe(&s->metric, seconds);
  }
}
