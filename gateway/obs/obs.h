/* obs.h - what the gateway counts and logs: one place, so that names of metrics and of log fields stay one vocabulary.
 *
 * Counters are atomics; any thread. gw_obs_register and gw_obs_trace_to come once, at start-up.
 */
#ifndef PONTE_GATEWAY_OBS_H
#define PONTE_GATEWAY_OBS_H

#include "base/metrics.h"
#include "base/trace.h"
#include "otlp/otlp.h"

void gw_obs_register(void);
/* Spans of sampled calls go to `exporter` (borrowed; NULL: none go anywhere) from now on; of traces that begin here, `ratio` (0 to 1) are sampled. */
void gw_obs_trace_to(otlp *exporter, double ratio);
double gw_obs_sample_ratio(void);

/* Whether gw_obs_call_ended writes a line; it does at first. Any thread. */
void gw_obs_log_calls(bool on);

/* One call, as the stream heart saw it. */
typedef struct {
  const char *kind; /* GW_KIND_* of stream.h */
  base_span path;
  const char *peer; /* or "" */
  int code;         /* gRPC status; -1: the browser went away before there was one */
  int64_t duration_us;
  int64_t first_us;             /* until the service's first message; -1: none came */
  const base_trace *trace;      /* the gateway's span */
  const uint8_t *parent;        /* the caller's span id, 8 bytes; all zeroes: none */
  uint64_t bytes_in, bytes_out; /* gRPC-framed bytes from and to the browser */
} gw_obs_call;

void gw_obs_call_started(const char *kind);
/* Also writes the access log's line. */
void gw_obs_call_ended(const gw_obs_call *call);

void gw_obs_websocket(int delta);
void gw_obs_http_response(int status);

/*      reason        why nothing was forwarded */
#define GW_REJECTIONS(X)                                                                \
  X(HOST, "host")                       /* Host not allowed */                          \
  X(ORIGIN, "origin")                   /* Origin not allowed */                        \
  X(HANDSHAKE, "handshake")             /* bad upgrade */                               \
  X(MALFORMED, "malformed")             /* a connection closed for what it sent */      \
  X(UNAUTHENTICATED, "unauthenticated") /* no token or key, or a bad one */             \
  X(DENIED, "denied")                   /* none of the rules lets the caller through */ \
  X(LIMIT, "limit")                     /* calls at once on one connection */           \
  X(CONNECTIONS, "connections")         /* open at once, in total or of one address */  \
  X(CALLS, "calls")                     /* open at once, in total */                    \
  X(RATE, "rate")                       /* calls a second of one address or identity */ \
  X(SHED, "shed")                       /* the memory budget is used up */              \
  X(DRAINING, "draining")               /* the gateway is going down */

enum gw_rejection {
#define X(name, label) GW_REJECT_##name,
  GW_REJECTIONS(X)
#undef X
      GW_REJECT_COUNT
};
void gw_obs_rejected(enum gw_rejection reason);

/* What the h2 leg's clusters have and do, all together. */
#define GW_UPSTREAM_METRICS(X)                                                                                        \
  X(CONNECTIONS, GAUGE, "ponte_gateway_upstream_connections", "Connections to services that take calls or end some.") \
  X(WAITING, GAUGE, "ponte_gateway_upstream_waiting", "Calls that wait for a connection or a free stream.")           \
  X(FAILURES, COUNTER, "ponte_gateway_upstream_connect_failures_total", "Tries to connect that failed.")              \
  X(RETRIES, COUNTER, "ponte_gateway_upstream_retries_total", "Calls started anew, as no server had acted on them.")

enum gw_upstream_metric {
#define X(name, kind, metric, help) GW_UPSTREAM_##name,
  GW_UPSTREAM_METRICS(X)
#undef X
      GW_UPSTREAM_METRIC_COUNT
};
void gw_obs_upstream(enum gw_upstream_metric which, int delta);

#endif
