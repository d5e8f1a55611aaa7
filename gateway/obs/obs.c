#include "gateway/obs/obs.h"

#include "base/err.h"
#include "base/log.h"

enum { CODES = 17, KINDS = 2, CLASSES = 5 };

#define CALLS(name) BASE_COUNTER("ponte_gateway_calls_total", "Calls that ended, by gRPC status.", "code=\"" name "\"")
static base_metric calls_by_code[CODES] = {
    CALLS("OK"),
    CALLS("CANCELLED"),
    CALLS("UNKNOWN"),
    CALLS("INVALID_ARGUMENT"),
    CALLS("DEADLINE_EXCEEDED"),
    CALLS("NOT_FOUND"),
    CALLS("ALREADY_EXISTS"),
    CALLS("PERMISSION_DENIED"),
    CALLS("RESOURCE_EXHAUSTED"),
    CALLS("FAILED_PRECONDITION"),
    CALLS("ABORTED"),
    CALLS("OUT_OF_RANGE"),
    CALLS("UNIMPLEMENTED"),
    CALLS("INTERNAL"),
    CALLS("UNAVAILABLE"),
    CALLS("DATA_LOSS"),
    CALLS("UNAUTHENTICATED"),
};
static base_metric calls_abandoned = CALLS("ABANDONED");

static const char *const kinds[KINDS] = {"mux", "grpc-web"};
#define STREAMS(name) BASE_GAUGE("ponte_gateway_streams", "Open calls.", "kind=\"" name "\"")
static base_metric streams[KINDS] = {STREAMS("mux"), STREAMS("grpc-web")};

#define BYTES(name) \
  BASE_COUNTER("ponte_gateway_bytes_total", "gRPC-framed bytes, seen from the browser.", "direction=\"" name "\"")
static base_metric bytes_in = BYTES("in");
static base_metric bytes_out = BYTES("out");

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

static void register_all(base_metric *m, size_t n) {
  for (size_t i = 0; i < n; i++) {
    base_metric_register(&m[i]);
  }
}

void gw_obs_register(void) {
  register_all(calls_by_code, CODES);
  register_all(&calls_abandoned, 1);
  register_all(streams, KINDS);
  register_all(&bytes_in, 1);
  register_all(&bytes_out, 1);
  register_all(&websockets, 1);
  register_all(responses, CLASSES);
  register_all(rejections, GW_REJECT_COUNT);
}

static void streams_add(const char *kind, int delta) {
  for (size_t i = 0; i < KINDS; i++) {
    if (strcmp(kinds[i], kind) == 0) {
      base_metric_add(&streams[i], delta);
    }
  }
}

void gw_obs_call_started(const char *kind) { streams_add(kind, 1); }

void gw_obs_call_ended(const gw_obs_call *call) {
  streams_add(call->kind, -1);
  base_metric_add(&bytes_in, (int64_t)call->bytes_in);
  base_metric_add(&bytes_out, (int64_t)call->bytes_out);
  if (call->code < 0) {
    base_metric_add(&calls_abandoned, 1);
  } else {
    /* Codes outside the table are a service's own invention; gRPC counts them as UNKNOWN. */
    base_metric_add(&calls_by_code[call->code < CODES ? call->code : 2], 1);
  }
  BASE_LOG(BASE_LOG_INFO, "call", LOG_STR("kind", call->kind), LOG_SPAN("path", call->path),
           LOG_STR("peer", call->peer), LOG_STR("code", call->code < 0 ? "ABANDONED" : base_grpc_name(call->code)),
           LOG_INT("ms", call->duration_ms), LOG_INT("bytes_in", call->bytes_in),
           LOG_INT("bytes_out", call->bytes_out));
}

void gw_obs_websocket(int delta) { base_metric_add(&websockets, delta); }

void gw_obs_http_response(int status) {
  int class = status / 100 - 1;
  if (class >= 0 && class < CLASSES) {
    base_metric_add(&responses[class], 1);
  }
}

void gw_obs_rejected(enum gw_rejection reason) { base_metric_add(&rejections[reason], 1); }
