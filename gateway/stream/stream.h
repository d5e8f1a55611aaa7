/* stream.h - the heart of the gateway: one call, between a downstream (the browser's side) and an upstream (the service's side).
 *
 * It moves runs of gRPC-framed bytes and credit, never single messages, and owns the promise that each call ends with exactly one status. Downstreams
 * (mux calls on a WebSocket, gRPC-Web exchanges on HTTP/1.1 and HTTP/2) and upstreams (gw_upstream below) know each other only through it.
 *
 *   browser bytes -> gw_stream_write -> upstream.write ;  upstream on_written -> down.consumed -> the browser's window reopens
 *   upstream on_data -> down.data    ;  the browser took bytes -> gw_stream_credit -> upstream.credit -> next receive
 *
 * Loop thread only. Callbacks into the downstream come from the loop, never from inside a gw_stream_* function; the one exception is `consumed`, which
 * may come from inside gw_stream_write.
 */
#ifndef PONTE_GATEWAY_STREAM_H
#define PONTE_GATEWAY_STREAM_H

#include "gateway/limits/limits.h"
#include "gateway/stream/timers.h"
#include "gateway/upstream/upstream.h"

typedef struct gw_stream gw_stream;

typedef struct {
  void (*headers)(void *down, const wire_metadata *headers);
  /* A run of gRPC-framed bytes, borrowed; its size counts against the credit given, and may pass it by what one message holds. */
  void (*data)(void *down, base_span run);
  /* So many bytes of those written need no room any more: the upstream took them, or they are the beginning of a message with no complete one waiting before
   * it (a message longer than the browser's window would otherwise never become complete; findings: back-pressure). */
  void (*consumed)(void *down, size_t bytes);
  /* Exactly once, last; the stream is gone when it returns. */
  void (*status)(void *down, const wire_status *status);
} gw_down_vt;

/* The open calls of a worker. Zeroed at first. */
typedef struct {
  gw_stream *first;
} gw_streams;
/* All of them end with UNAVAILABLE, soon: the grace of a drain is over. */
void gw_streams_end(gw_streams *all);

typedef struct {
  base_span path;      /* "/package.Service/Method", checked by gw_stream_open: INVALID otherwise */
  int64_t timeout_ms;  /* 0 = none; told to the service, and enforced here too: DEADLINE_EXCEEDED */
  gw_timers *timers;   /* for deadline and expiry; outlive the call; gw_gate_open sets them; NULL = none here */
  gw_streams *streams; /* where the call is listed; gw_gate_open sets it; or NULL */
  gw_limits *limits;   /* told when the call ends; gw_gate_open sets it; or NULL */
  /* Who calls, as the gate has proven: told to the service in x-ponte-subject. "": nobody in particular; NULL: nobody was asked. Unless it is NULL, the service is told
   * `peer` too, in x-ponte-client, and x-api-key was meant for the gateway and stays here. */
  const char *subject;
  const wire_metadata *metadata; /* copied, without what gw_metadata_is_forwarded() refuses; NULL = none */
  char *const *drop;             /* further names, in lower case, that are not forwarded; gw_gate_open sets them */
  int drop_count;
  size_t credit;    /* bytes of `data` the downstream takes at once */
  const char *kind; /* for logs and metrics: GW_KIND_*; static */
  const char *peer; /* numeric address, for the log and the service; copied; or NULL */
} gw_stream_request;

#define GW_KIND_MUX "mux"
#define GW_KIND_GRPC_WEB "grpc-web"
#define GW_KIND_GRPC_WEBSOCKETS "grpc-websockets"

/* On an error nothing was opened and no callback comes. INVALID: the path; others: the upstream's. */
base_err gw_stream_open(gw_upstream *up, const gw_stream_request *request, const gw_down_vt *vt, void *down,
                        gw_stream **out) BASE_MUST_USE;
/* Any split of gRPC-framed bytes. `end` half-closes. After an error of the bytes themselves the status callback follows: RESOURCE_EXHAUSTED for a message above
 * the upstream's limit, INTERNAL for bad framing, for an end inside a message, and for a compressed message without grpc-encoding in the metadata. Bytes after the half-close or a cancel are dropped. */
void gw_stream_write(gw_stream *s, base_span bytes, bool end);
void gw_stream_credit(gw_stream *s, size_t bytes);
/* When the caller's token expires, as Unix time; INT64_MAX = never. Then the call ends with UNAUTHENTICATED. Again, to move it after a refresh. */
void gw_stream_set_expiry(gw_stream *s, int64_t wall_ms);
/* As they were opened with; valid as long as the stream. The subject is "" without one. */
base_span gw_stream_path(const gw_stream *s);
const char *gw_stream_subject(const gw_stream *s);
/* The browser asked for the end: status (CANCELLED) follows. */
void gw_stream_cancel(gw_stream *s);
/* The browser is gone: the upstream is cancelled and no callback comes any more. */
void gw_stream_abandon(gw_stream *s);

/* False for request metadata that must not reach a service: hop-by-hop and framing headers, grpc-* (the upstream leg writes its own) but grpc-encoding and
 * grpc-accept-encoding, and x-ponte-* (what the gateway vouches for). `key` is in lower case. */
bool gw_metadata_is_forwarded(base_span key);

#endif
