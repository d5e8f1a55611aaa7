/* session.h - one HTTP/2 connection to a gRPC server, as a codec without a socket: bytes in, bytes out through a sink, gRPC calls on its streams (nghttp2's client).
 *
 * Byte runs pass through in both directions: a response's DATA goes to on_data as it comes, and a stream's window is opened only as credit is given, so that
 * back-pressure is the protocol's own. The connection's window reopens at once: one slow call never stops the others. gateway/upstream/h2/cluster.h puts
 * sessions on connections; docs/http2-upstream.md tells how it works.
 *
 * Loop thread only. Events come from inside gw_h2c_receive, gw_h2c_flush, gw_h2c_on_time and gw_h2c_close, never from inside the other functions. Inside an
 * event calls may be started, written to, credited and cancelled, and the session may be closed: the calls then end when the outer function returns. It is
 * freed only outside of its own functions.
 * Sources: grpc/grpc doc/PROTOCOL-HTTP2.md; RFC 9113; doc/http-grpc-status-mapping.md; gRFC A6 (what is safe to retry); doc/keepalive.md.
 */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_SESSION_H
#define PONTE_GATEWAY_UPSTREAM_H2_SESSION_H

#include "wire/status.h"

typedef struct gw_h2c gw_h2c;
typedef struct gw_h2c_call gw_h2c_call;

typedef struct {
  base_err (*send)(void *ctx, base_span bytes); /* copies or writes; an error ends the session */
  size_t (*queued)(void *ctx);                  /* bytes taken and not yet by the kernel */
  void (*want_flush)(void *ctx); /* gw_h2c_flush at the end of this loop turn, please; from any function */
  void (*on_room)(void *ctx);    /* SETTINGS have come, or a stream has ended: calls can be started */
  void (*on_going)(void *ctx);   /* GOAWAY, or stream ids used up: starts are refused; what runs may finish. Once */
  /* Once, last: all calls have had their status; close the connection. Protocol error, keepalive, a failed send; OK: going, and the last call has ended. */
  void (*on_dead)(void *ctx, base_err why);
} gw_h2c_sink;

typedef struct {
  const char *authority;      /* ":authority" of calls; copied */
  bool tls;                   /* ":scheme" */
  uint32_t max_message_bytes; /* of one gRPC message from the server; 0 = 4 MiB */
  uint32_t max_header_bytes;  /* of a response's header block; 0 = 16 KiB */
  uint32_t max_streams;       /* ours, besides the server's SETTINGS_MAX_CONCURRENT_STREAMS; 0 = 1000 */
  /* While calls run and nothing is heard for so long, PING. 0 = 305 s: servers take more frequent ones without being asked for an attack (keepalive.md:
   * 5 minutes) and close the connection with all its calls. Below 0: never. */
  int64_t ping_interval_ms;
  int64_t ping_timeout_ms; /* 0 = 10 s */
} gw_h2c_options;

/* `sink` outlives the session. The preface and SETTINGS wait to be flushed (want_flush is called). */
base_err gw_h2c_new(const gw_h2c_options *options, const gw_h2c_sink *sink, void *ctx, int64_t now_ms,
                    gw_h2c **out) BASE_MUST_USE;
/* After gw_h2c_close or on_dead, or with no call left; NULL is allowed. */
void gw_h2c_free(gw_h2c *s);
void gw_h2c_receive(gw_h2c *s, base_span bytes, int64_t now_ms);
void gw_h2c_flush(gw_h2c *s, int64_t now_ms);
void gw_h2c_writable(gw_h2c *s);             /* the sink's queue is empty again; want_flush follows */
int64_t gw_h2c_next_due_ms(const gw_h2c *s); /* when gw_h2c_on_time has something to do; INT64_MAX: never */
void gw_h2c_on_time(gw_h2c *s, int64_t now_ms);
/* Ends every call with UNAVAILABLE and this text; those of which the server saw nothing count as unprocessed. Sends GOAWAY if the sink still takes it.
 * No on_dead follows. */
void gw_h2c_close(gw_h2c *s, const char *why);

/* Calls that have not had their status. */
size_t gw_h2c_calls(const gw_h2c *s);
/* How many calls can be started now: 0 before the server's SETTINGS, at its stream limit, and when going. */
size_t gw_h2c_room(const gw_h2c *s);

typedef struct {
  void (*on_headers)(void *ctx, const wire_metadata *headers); /* at most once, before data; grpc-encoding is in it */
  void (*on_data)(void *ctx, base_span run);                   /* never more than the credit given */
  void (*on_written)(void *ctx, size_t bytes);
  /* Exactly once, last; the call is freed when it returns. `unprocessed`: REFUSED_STREAM, or above GOAWAY's last stream, or never sent: no server has acted on it. */
  void (*on_status)(void *ctx, const wire_status *status, bool unprocessed);
} gw_h2c_call_events;

/* path, timeout and metadata as in gw_upstream_vt.start; grpc-encoding and grpc-accept-encoding in it are sent as they are, other reserved names are the
 * caller's to leave out. EXHAUSTED: gw_h2c_room is 0. */
base_err gw_h2c_start(gw_h2c *s, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                      const gw_h2c_call_events *events, void *ctx, gw_h2c_call **out) BASE_MUST_USE;
/* Copies; whole or part messages, framing checked by the caller. TOO_LARGE: far more waits than one message; PRECONDITION: after `end`. */
base_err gw_h2c_write(gw_h2c_call *c, base_span bytes, bool end) BASE_MUST_USE;
void gw_h2c_credit(gw_h2c_call *c, size_t bytes);
void gw_h2c_cancel(gw_h2c_call *c); /* RST_STREAM(CANCEL); on_status (CANCELLED) follows from the next flush */

#endif
