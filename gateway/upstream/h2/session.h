/* session.h - one HTTP/2 connection to a gRPC server, as a codec without a socket: bytes in, bytes out through a sink, gRPC calls on its streams (nghttp2's client).
 *
 * Byte runs pass through in both directions: a response's DATA goes to on_data as it comes, and the server's windows (stream and connection) are opened only as
 * credit is given, so that back-pressure is the protocol's own. gateway/upstream/h2/cluster.h puts sessions on connections.
 *
 * Loop thread only. Call events come from inside gw_h2c_receive, gw_h2c_flush, gw_h2c_on_time and gw_h2c_close, never from inside the other functions. A session may be
 * closed inside an event; it is freed only outside of its own functions.
 * Sources: grpc/grpc doc/PROTOCOL-HTTP2.md; RFC 9113; doc/http-grpc-status-mapping.md; gRFC A6 (what is safe to retry), A8 and doc/keepalive.md.
 */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_SESSION_H
#define PONTE_GATEWAY_UPSTREAM_H2_SESSION_H

#include "gateway/upstream/upstream.h"

typedef struct gw_h2c gw_h2c;
typedef struct gw_h2c_call gw_h2c_call;

typedef struct {
  base_err (*send)(void *ctx, base_span bytes); /* copies or writes; an error ends the session */
  size_t (*queued)(void *ctx);                  /* bytes taken and not yet by the kernel */
  void (*want_flush)(void *ctx);                /* gw_h2c_flush at the end of this loop turn, please */
  void (*on_room)(void *ctx);                   /* SETTINGS have come, or a stream has ended: calls can be started */
  void (*on_going)(void *ctx); /* GOAWAY, or stream ids used up: starts are refused; what runs may finish */
  void (*on_dead)(void *ctx,
                  base_err why); /* protocol error, keepalive: all calls have had their status; close the connection */
} gw_h2c_sink;

typedef struct {
  const char *authority;      /* ":authority" of calls */
  bool tls;                   /* ":scheme" */
  uint32_t max_message_bytes; /* of one gRPC message from the server; 0 = 4 MiB */
  uint32_t max_header_bytes;  /* of a response's header block; 0 = 16 KiB */
  uint32_t max_streams;       /* ours, besides the server's SETTINGS_MAX_CONCURRENT_STREAMS; 0 = 1000 */
  int64_t ping_interval_ms;   /* while calls run and nothing is heard for so long, PING; 0 = 30 s; below 0: never */
  int64_t ping_timeout_ms;    /* 0 = 10 s */
} gw_h2c_options;

/* `sink` outlives the session. The preface and SETTINGS wait to be flushed. */
base_err gw_h2c_new(const gw_h2c_options *options, const gw_h2c_sink *sink, void *ctx, int64_t now_ms,
                    gw_h2c **out) BASE_MUST_USE;
/* After gw_h2c_close (or with no call left); NULL is allowed. */
void gw_h2c_free(gw_h2c *s);
void gw_h2c_receive(gw_h2c *s, base_span bytes, int64_t now_ms);
void gw_h2c_flush(gw_h2c *s, int64_t now_ms);
void gw_h2c_writable(gw_h2c *s);             /* the sink's queue is empty again */
int64_t gw_h2c_next_due_ms(const gw_h2c *s); /* INT64_MAX: never */
void gw_h2c_on_time(gw_h2c *s, int64_t now_ms);
/* Ends every call with UNAVAILABLE and this text; those of which the server saw nothing count as unprocessed. */
void gw_h2c_close(gw_h2c *s, const char *why);

size_t gw_h2c_calls(const gw_h2c *s);
/* How many calls can be started now: 0 before the server's SETTINGS, at its stream limit, and when going. */
size_t gw_h2c_room(const gw_h2c *s);

typedef struct {
  void (*on_headers)(void *ctx, const wire_metadata *headers);
  void (*on_data)(void *ctx, base_span run);
  void (*on_written)(void *ctx, size_t bytes);
  /* Exactly once, last; the call is freed when it returns. `unprocessed`: REFUSED_STREAM, or above GOAWAY's last stream, or never sent: no server has acted on it. */
  void (*on_status)(void *ctx, const wire_status *status, bool unprocessed);
} gw_h2c_call_events;

/* path, timeout and metadata as in gw_upstream_vt.start. EXHAUSTED: gw_h2c_room is 0. */
base_err gw_h2c_start(gw_h2c *s, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                      const gw_h2c_call_events *events, void *ctx, gw_h2c_call **out) BASE_MUST_USE;
base_err gw_h2c_write(gw_h2c_call *c, base_span bytes, bool end) BASE_MUST_USE;
void gw_h2c_credit(gw_h2c_call *c, size_t bytes);
void gw_h2c_cancel(gw_h2c_call *c); /* RST_STREAM(CANCEL); on_status (CANCELLED) follows from the next flush */

#endif
