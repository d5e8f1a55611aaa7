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
} gw_h2_stream;

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
  int64_t now_ms;
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
void gw_h2_want_flush(gw_h2_session *s);
/* Their callbacks of nghttp2. */
void gw_h2_events_register(nghttp2_session_callbacks *cb);
void gw_h2_output_register(nghttp2_session_callbacks *cb);

#endif
