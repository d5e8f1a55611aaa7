/* session.h - the server's side of one HTTP/2 connection as a pure codec: bytes in, exchanges up, bytes out.
 *
 * nghttp2 does framing, HPACK and the states of streams; this file makes each stream an http_exchange, checks requests as the HTTP/1.1 server does,
 * holds a peer to its limits, and pulls response bodies only as fast as they leave. No socket, no clock, no log: tests and fuzzers drive it through
 * the sink. gateway/http2/conn.h puts it on a net_conn.
 *
 * Flow control: a stream's window reopens by http_consume; the connection's reopens at once, so that one unread stream never holds the others. At most
 * max_streams * stream_window_bytes of request bodies can therefore wait in the application.
 *
 * Thread rule: the loop's thread. The exchanges' callbacks come from inside receive, flush and free, never from inside http_* functions.
 * Sources: RFC 9113 (HTTP/2), RFC 7541 (HPACK), doc/programmers-guide of nghttp2.
 */
#ifndef PONTE_GATEWAY_HTTP2_SESSION_H
#define PONTE_GATEWAY_HTTP2_SESSION_H

#include "gateway/limits/limits.h"
#include "http/exchange.h"

typedef struct gw_h2_session gw_h2_session;

/* Where the bytes go. */
typedef struct {
  /* Takes the bytes (copies what it cannot send at once). An error ends the session. */
  base_err (*write)(void *ctx, base_span bytes);
  /* Bytes taken and not sent yet: no response body is pulled above the output limit. */
  size_t (*queued)(void *ctx);
  /* Something waits to be sent: call gw_h2_session_flush at the end of this loop turn. */
  void (*want_flush)(void *ctx);
} gw_h2_sink;

typedef struct {
  uint32_t max_streams; /* concurrent ones; 0 = 100 */
  uint32_t
      max_header_bytes; /* names, values and 32 bytes a field (RFC 9113 section 6.5.2); more is answered with 431; 0 = 16384 */
  uint32_t stream_window_bytes; /* 0 = 65535 */
  uint32_t resets_burst,
      resets_per_s; /* streams that the peer broke off, made us break off or began with too long a head; 0 = 200 and 33 */
  int64_t header_ms;   /* for the rest of a request's head; 0 = 10 s */
  int64_t body_ms;     /* an unanswered request gives no byte of its body for so long, and could: 408; 0 = 30 s */
  int64_t stall_ms;    /* the peer's window takes nothing of a response for so long: its stream is reset; 0 = 120 s */
  int64_t idle_ms;     /* for conn.h: a connection without a stream for so long closes; 0 = 1 h */
  int64_t lifetime_ms; /* for conn.h: it is drained after so long; 0 = never */
  bool tls;
  gw_limits *limits; /* for conn.h: told of floods; or NULL */
  const char *peer;  /* numeric address for http_request; must outlive the session; NULL = "" */
} gw_h2_options;

/* `sink` and `app` are copied, their contexts and the options' peer are borrowed. NO_MEMORY only. SETTINGS wait to be flushed. */
base_err gw_h2_session_new(const gw_h2_options *options, const http_app *app, const gw_h2_sink *sink, void *ctx,
                           gw_h2_session **out) BASE_MUST_USE;
/* Every open exchange gets on_closed(aborted). NULL is allowed. Not from inside a callback of an exchange. */
void gw_h2_session_free(gw_h2_session *s);

/* Bytes from the peer, beginning with its preface. `now_ms` is any monotonic clock. On an error (MALFORMED: not HTTP/2 or a broken rule; EXHAUSTED: a
 * flood; NO_MEMORY) flush once more, for the GOAWAY that says why, and close. */
base_err gw_h2_session_receive(gw_h2_session *s, base_span bytes, int64_t now_ms) BASE_MUST_USE;
/* Sends what waits, as far as the sink's queue stays small. To be called after receive, when the sink has drained, and when it was wanted. */
void gw_h2_session_flush(gw_h2_session *s);
/* All is said: GOAWAY sent or received and no stream left, or the sink failed. Close the connection. */
bool gw_h2_session_done(const gw_h2_session *s);

/* Announces the end (GOAWAY with the highest id), and after the peer's answer to a PING refuses new streams; open ones finish. */
void gw_h2_session_drain(gw_h2_session *s);
/* Looks for what takes too long; every few seconds while there are streams. An error as of receive. */
base_err gw_h2_session_on_time(gw_h2_session *s, int64_t now_ms) BASE_MUST_USE;
/* Asks for a sign of life. */
void gw_h2_session_ping(gw_h2_session *s);
/* Open exchanges. */
size_t gw_h2_session_streams(const gw_h2_session *s);

#endif
