/* internal.h - what the files of this folder share: a session and its streams. Loop thread only. */
#ifndef PONTE_GATEWAY_HTTP2_INTERNAL_H
#define PONTE_GATEWAY_HTTP2_INTERNAL_H

#include "gateway/http2/request.h"
#include "gateway/http2/session.h"
#include "gateway/limits/bucket.h"

/* Ceiling of one response's bytes waiting for the browser. An application that heeds on_writable stays far below it. */
enum { GW_H2_BODY_MAX = 16 << 20 };
/* PING, SETTINGS, PRIORITY, empty DATA: cheap to send, not free to handle. */
enum { GW_H2_ODDITIES_BURST = 2000, GW_H2_ODDITIES_PER_S = 200 };

/* One stream is one exchange. It lives from its HEADERS until on_closed has been delivered; `open` ends when nghttp2 forgets it. */
typedef struct gw_h2_stream {
  http_exchange x; /* first: the vtable's functions cast back */
  gw_h2_session *session;
  struct gw_h2_stream *prev, *next; /* all streams of the session */
  struct gw_h2_stream *event_next;  /* those with something to tell the application */
  base_buf out;                     /* body bytes that nghttp2 has not pulled */
  int32_t id;
  bool open;
  bool is_head;    /* a HEAD request: the response has no body */
  bool responded;  /* the response's head was submitted */
  bool ended;      /* the application gave the last byte */
  bool end_sent;   /* END_STREAM left */
  bool peer_ended; /* END_STREAM came */
  bool deferred;   /* nghttp2 asked for bytes and there were none */
  bool was_above;  /* more than HTTP_WRITABLE_LOW waits or waited: on_writable is owed */
  bool in_events, writable;
  bool heard, sent; /* bytes of the body came, or of the response left, since the last look at the time */
  int64_t quiet_since_ms,
      stuck_since_ms; /* looks in a row saw no such byte, though there could have been one; 0 = none did */
} gw_h2_stream;

/* Stream ids that a peer passed over are closed by that (RFC 9113 section 5.1.1). Those it used may see frames still, which were under way when they ended. The
 * latest gaps are remembered: browsers leave none. */
enum { GW_H2_GAPS = 4 };
typedef struct {
  int32_t above, below; /* ids between them, both excluded */
} gw_h2_gap;

struct gw_h2_session {
  nghttp2_session *ng;
  http_app app;
  gw_h2_sink sink;
  void *sink_ctx;
  gw_h2_options options;
  gw_h2_head head;
  gw_h2_stream *streams;
  size_t stream_count; /* open ones */
  gw_h2_stream *events, **events_tail;
  struct gw_h2_gather *gather; /* while flushing */
  gw_bucket resets, oddities;  /* against floods */
  int32_t last_id;             /* the highest that the peer began */
  uint32_t gap_count;
  gw_h2_gap gaps[GW_H2_GAPS];
  int64_t now_ms;
  int64_t head_since_ms; /* of a head that is not complete, when it began */
  bool in_head;
  base_err error; /* of what the peer did; OK while all is well */
  bool failed;    /* the sink or nghttp2 gave up: nothing more can be sent */
  bool flush_wanted, draining, refusing;
};

gw_h2_stream *gw_h2_stream_new(gw_h2_session *s, int32_t id);
/* Unlinks and frees; nothing is told. */
void gw_h2_stream_free(gw_h2_stream *st);
/* Bytes left for the peer: tells on_writable when it is owed. */
void gw_h2_stream_sent(gw_h2_stream *st, size_t n);
/* The stream has something to tell: on_writable, or on_closed once it is not open. Delivered outside nghttp2. */
void gw_h2_stream_event(gw_h2_stream *st);
void gw_h2_stream_reset(gw_h2_stream *st, uint32_t code);
void gw_h2_want_flush(gw_h2_session *s);
/* Their callbacks of nghttp2. */
void gw_h2_events_register(nghttp2_session_callbacks *cb);
void gw_h2_output_register(nghttp2_session_callbacks *cb);

#endif
