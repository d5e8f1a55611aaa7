/* What operators see of a call: a line in the log, a histogram by method and code, a span. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "svc/internal.h"

enum { LABELS_SIZE = 320 };

/* One for each method that was ever added: fixed by the .proto files, so bounded. Lives as long as the process. */
struct svc__series {
  struct svc__series *next;
  const char *path;
  base_metric *_Atomic by_code[BASE_GRPC_COUNT];
};
static struct {
  pthread_mutex_t lock;
  struct svc__series *first;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* As the gateway's histogram of the same name has them. */
static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 0};

svc__series *svc__series_of(const char *path) {
  pthread_mutex_lock(&table.lock);
  struct svc__series *s = table.first;
  while (s && strcmp(s->path, path) != 0) {
    s = s->next;
  }
  if (s == NULL && (s = calloc(1, sizeof *s)) != NULL) {
    s->path = path;
    s->next = table.first;
    table.first = s;
  }
  pthread_mutex_unlock(&table.lock);
  return s;
}

/* The labels stand behind the metric, in its memory. */
static base_metric *make(const char *path, int code) {
  base_metric *m = calloc(1, sizeof *m + LABELS_SIZE);
  if (m) {
    char *labels = (char *)(m + 1);
    snprintf(labels, LABELS_SIZE, "rpc_system_name=\"grpc\",rpc_method=\"%s\",rpc_response_status_code=\"%s\"",
             path + 1, base_grpc_name(code));
    *m = (base_metric)BASE_HISTOGRAM("rpc_server_call_duration_seconds", "Calls, by method and gRPC status.", labels,
                                     bounds);
  }
  return m;
}

static base_metric *metric_of(svc__series *s, int code) {
  base_metric *m = atomic_load(&s->by_code[code]);
  if (m == NULL) {
    pthread_mutex_lock(&table.lock);
    m = atomic_load(&s->by_code[code]);
    if (m == NULL && (m = make(s->path, code)) != NULL) {
      base_metric_register(m);
      atomic_store(&s->by_code[code], m);
    }
    pthread_mutex_unlock(&table.lock);
  }
  return m;
}

static void count(svc__series *s, int code, int64_t took_us) {
  base_metric *m = s ? metric_of(s, base_grpc_known(code)) : NULL;
  if (m) {
    base_metric_observe(m, (double)took_us / 1e6);
  }
}

static void trace(const svc_call *c, int code, int64_t took_us) {
  otlp *exporter = svc__wire_exporter(svc__host_wire(c->service->host));
  if (exporter == NULL || !(c->trace.flags & BASE_TRACE_SAMPLED)) {
    return;
  }
  otlp_span span = {
      .trace = c->trace, .start_us = c->wall_us, .end_us = c->wall_us + took_us, .code = code, .protocol = "grpc"};
  memcpy(span.parent, c->parent, sizeof span.parent);
  snprintf(span.method, sizeof span.method, "%s", c->route->path + 1);
  snprintf(span.peer, sizeof span.peer, "%s", svc_caller_address(c));
  otlp_record(exporter, &span);
}

/* Our fault: somebody should look. A client's mistakes and whatever changes something are worth a line; reading is not. */
static enum base_log_level level_of(const svc_call *c, int code) {
  const pb_policy *policy = c->route->method.method->policy;
  if (code == BASE_GRPC_UNKNOWN || code == BASE_GRPC_INTERNAL) {
    return BASE_LOG_ERROR;
  }
  return code != 0 || (policy && policy->mutates) ? BASE_LOG_INFO : BASE_LOG_DEBUG;
}

void svc__observe(const svc_call *c, svc__outcome outcome) {
  char trace_id[BASE_TRACE_ID_SIZE];
  int64_t took_us = base_now_us() - c->begun_us;
  enum base_log_level level = level_of(c, outcome.code);
  count(c->route->series, outcome.code, took_us);
  trace(c, outcome.code, took_us);
  if (level < base_log_level()) {
    return;
  }
  base_trace_id_text(&c->trace, trace_id);
  BASE_LOG(level, "call", LOG_STR("service", c->service->definition->name), LOG_STR("path", c->route->path),
           LOG_STR("code", base_grpc_name(outcome.code)), LOG_STR("reason", outcome.reason), LOG_INT("us", took_us),
           LOG_STR("subject", c->identity.subject), LOG_STR("trace_id", trace_id));
}
