/* otlp.h - spans of calls to an OpenTelemetry collector: recorded by any thread, sent in batches by the owner's loop.
 *
 * At most OTLP_SPANS wait; further ones are dropped and counted, since tracing must never hold a call up. One batch is on the way at a time; it is sent again, with
 * back-off, after the errors that the specification calls transient, and dropped after the others. Spans hold names and numbers only: no payloads, no tokens.
 *
 * Sources: OTLP specification (https://opentelemetry.io/docs/specs/otlp/, "OTLP/gRPC"); semantic conventions for RPC (rpc.system, rpc.service, rpc.method,
 * rpc.grpc.status_code, client.address).
 */
#ifndef PONTE_OTLP_H
#define PONTE_OTLP_H

#include "base/trace.h"
#include "pb/channel.h"

typedef struct otlp otlp;

enum { OTLP_SPANS = 2048, OTLP_BATCH = 256, OTLP_METHOD_MAX = 256, OTLP_PEER_MAX = 46 };

typedef struct {
  base_trace trace;
  uint8_t parent[8];            /* all zeroes: a root */
  int64_t start_us, end_us;     /* Unix time */
  int code;                     /* gRPC status */
  const char *protocol;         /* static: how the caller spoke to us */
  char method[OTLP_METHOD_MAX]; /* "package.Service/Method" */
  char peer[OTLP_PEER_MAX];     /* numeric address of the caller, or "" */
} otlp_span;

/* `channel`, to the collector, outlives it and belongs to the owner's thread. Texts are copied. */
base_err otlp_new(ponte_channel *channel, const char *service_name, const char *instance, otlp **out) BASE_MUST_USE;
/* Owner's thread, after the last otlp_record, before the channel ends. A batch on the way is cancelled; the memory goes with its last answer. NULL is allowed. */
void otlp_free(otlp *o);
/* Any thread. Copies. */
void otlp_record(otlp *o, const otlp_span *span);
/* Owner's thread, about once a second: sends what waits. */
void otlp_tick(otlp *o, int64_t now_ms);
/* Any thread: nothing waits and nothing is on the way. */
bool otlp_is_idle(otlp *o);
/* Since the start; any thread. */
int64_t otlp_sent(const otlp *o);
int64_t otlp_dropped(const otlp *o);

#endif
