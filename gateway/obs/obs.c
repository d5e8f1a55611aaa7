#include "gateway/obs/obs.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/obs/methods.h"
#include "net/conn.h"

enum { KINDS = 3, CLASSES = 5 };

#define CALLS(name) BASE_COUNTER("ponte_gateway_calls_total", "Calls that ended, by gRPC status.", "code=\"" name "\"")
static base_metric calls_by_code[BASE_GRPC_COUNT] = {
#define X(name) CALLS(#name),
    BASE_GRPC_CODES(X)
#undef X
};
static base_metric calls_abandoned = CALLS("ABANDONED");

static const char *const kinds[KINDS] = {"mux", "grpc-web", "grpc-websockets"};
#define STREAMS(name) BASE_GAUGE("ponte_gateway_streams", "Open calls.", "kind=\"" name "\"")
static base_metric streams[KINDS] = {STREAMS("mux"), STREAMS("grpc-web"), STREAMS("grpc-websockets")};

/* Live speech answers after tenths of a second, a unary call after milliseconds. */
static const double first_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 0};
#define FIRST(name)                                                                                            \
  BASE_HISTOGRAM("ponte_gateway_first_message_seconds", "From a call's start to its service's first message.", \
                 "kind=\"" name "\"", first_bounds)
static base_metric first_message[KINDS] = {FIRST("mux"), FIRST("grpc-web"), FIRST("grpc-websockets")};

#define BYTES(name) \
  BASE_COUNTER("ponte_gateway_bytes_total", "gRPC-framed bytes, seen from the browser.", "direction=\"" name "\"")
static base_metric bytes_in = BYTES("in");
static base_metric bytes_out = BYTES("out");

static base_metric queued = BASE_GAUGE_FN("ponte_gateway_queued_bytes", "Bytes that sockets have not taken, both ways.",
                                          NULL, net_queued_bytes);

static base_metric websockets = BASE_GAUGE("ponte_gateway_websockets", "Open WebSockets.", NULL);

#define RESPONSES(name) BASE_COUNTER("ponte_gateway_http_responses_total", "HTTP responses.", "class=\"" name "\"")
static base_metric responses[CLASSES] = {RESPONSES("1xx"), RESPONSES("2xx"), RESPONSES("3xx"), RESPONSES("4xx"),
                                         RESPONSES("5xx")};

static base_metric rejections[GW_REJECT_COUNT] = {
#define X(name, label) \
  BASE_COUNTER("ponte_gateway_rejected_total", "Requests and connections refused here.", "reason=\"" label "\""),
    GW_REJECTIONS(X)
#undef X
};

static base_metric upstreams[GW_UPSTREAM_METRIC_COUNT] = {
#define X(name, kind, metric, help) BASE_##kind(metric, help, NULL),
    GW_UPSTREAM_METRICS(X)
#undef X
};

/* -- traces ------------------------------------------------------------------------------------------------------------------- */

static struct {
  otlp *exporter;
  double ratio;
} tracing;

static int64_t spans_sent(void) { return tracing.exporter ? otlp_sent(tracing.exporter) : 0; }
static int64_t spans_dropped(void) { return tracing.exporter ? otlp_dropped(tracing.exporter) : 0; }
static base_metric spans[] = {
    {.name = "ponte_otlp_spans_sent_total", .help = "Spans that the collector took.", .read = spans_sent},
    {.name = "ponte_otlp_spans_dropped_total",
     .help = "Spans that the collector refused, or that found no room.",
     .read = spans_dropped},
};

void gw_obs_trace_to(otlp *exporter, double ratio) {
  tracing.exporter = exporter;
  tracing.ratio = ratio;
}

double gw_obs_sample_ratio(void) { return tracing.ratio; }

static void record_span(const gw_obs_call *call) {
  if (tracing.exporter == NULL || !(call->trace->flags & BASE_TRACE_SAMPLED)) {
    return;
  }
  int64_t end_us = base_wall_us();
  otlp_span s = {.trace = *call->trace,
                 .start_us = end_us - call->duration_us,
                 .end_us = end_us,
                 .code = call->code < 0 ? BASE_GRPC_CANCELLED : call->code,
                 .protocol = call->kind};
  memcpy(s.parent, call->parent, sizeof s.parent);
  snprintf(s.method, sizeof s.method, "%.*s", (int)call->path.n - 1, (const char *)call->path.p + 1);
  snprintf(s.peer, sizeof s.peer, "%s", call->peer);
  otlp_record(tracing.exporter, &s);
}

/* -- calls ---------------------------------------------------------------------------------------------------------------------- */

static void register_all(base_metric *m, size_t n) {
  for (size_t i = 0; i < n; i++) {
    base_metric_register(&m[i]);
  }
}

void gw_obs_register(void) {
  register_all(calls_by_code, BASE_GRPC_COUNT);
  register_all(&calls_abandoned, 1);
  register_all(streams, KINDS);
  register_all(first_message, KINDS);
  register_all(spans, sizeof spans / sizeof *spans);
  register_all(&bytes_in, 1);
  register_all(&bytes_out, 1);
  register_all(&queued, 1);
  register_all(&websockets, 1);
  register_all(responses, CLASSES);
  register_all(rejections, GW_REJECT_COUNT);
  register_all(upstreams, GW_UPSTREAM_METRIC_COUNT);
}

static int kind_of(const char *kind) {
  int i = 0;
  while (i + 1 < KINDS && strcmp(kinds[i], kind) != 0) {
    i++;
  }
  return i;
}

void gw_obs_call_started(const char *kind) { base_metric_add(&streams[kind_of(kind)], 1); }

static void count_call(const gw_obs_call *call) {
  int kind = kind_of(call->kind);
  base_metric_add(&streams[kind], -1);
  base_metric_add(&bytes_in, (int64_t)call->bytes_in);
  base_metric_add(&bytes_out, (int64_t)call->bytes_out);
  if (call->first_us >= 0) {
    base_metric_observe(&first_message[kind], (double)call->first_us / 1e6);
  }
  if (call->code < 0) {
    base_metric_add(&calls_abandoned, 1);
    return;
  }
  base_metric_add(&calls_by_code[base_grpc_known(call->code)], 1);
  gw_obs_method_took(call->path, call->code, call->code == 0 || call->bytes_out > 0, (double)call->duration_us / 1e6);
}

static atomic_bool logs_calls = true;

void gw_obs_log_calls(bool on) { atomic_store_explicit(&logs_calls, on, memory_order_relaxed); }

void gw_obs_call_ended(const gw_obs_call *call) {
  char trace_id[BASE_TRACE_ID_SIZE];
  count_call(call);
  record_span(call);
  if (base_log_level() > BASE_LOG_INFO || !atomic_load_explicit(&logs_calls, memory_order_relaxed)) {
    return;
  }
  base_trace_id_text(call->trace, trace_id);
  BASE_LOG(BASE_LOG_INFO, "call", LOG_STR("kind", call->kind), LOG_SPAN("path", call->path),
           LOG_STR("peer", call->peer), LOG_STR("code", call->code < 0 ? "ABANDONED" : base_grpc_name(call->code)),
           LOG_INT("ms", call->duration_us / 1000), LOG_INT("bytes_in", call->bytes_in),
           LOG_INT("bytes_out", call->bytes_out), LOG_STR("trace_id", trace_id));
}

void gw_obs_websocket(int delta) { base_metric_add(&websockets, delta); }

void gw_obs_http_response(int status) {
  int class = status / 100 - 1;
  if (class >= 0 && class < CLASSES) {
    base_metric_add(&responses[class], 1);
  }
}

void gw_obs_rejected(enum gw_rejection reason) { base_metric_add(&rejections[reason], 1); }

void gw_obs_upstream(enum gw_upstream_metric which, int delta) { base_metric_add(&upstreams[which], delta); }
