/* internal.h - what the files of the HTTP/2 client session share. Loop thread only. */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_INTERNAL_H
#define PONTE_GATEWAY_UPSTREAM_H2_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "gateway/upstream/h2/head.h"
#include "gateway/upstream/h2/session.h"
#include "wire/frame.h"

enum {
  GW_H2C_SPARES = 8,
  GW_H2C_WHY = 128,
  GW_H2C_OUTPUT_HIGH = 65536, /* no DATA is pulled while more than this waits in the socket's queue */
};

/* One stream is one call. The caller's view ends with on_status (`told`), nghttp2's with on_stream_close (`closed`); it is freed after both. */
struct gw_h2c_call {
  gw_h2c *session;
  const gw_h2c_call_events *events;
  void *ctx;
  gw_h2c_call *prev, *next;    /* all of the session */
  gw_h2c_call *event_next;     /* those with something to tell or to be freed */
  base_buf out;                /* written, not sent */
  wire_frame_decoder position; /* in the response */
  int64_t window, owed;        /* bytes the server may still send; credit that it was not told of */
  size_t written;              /* bytes that left in this flush: on_written is owed */
  int32_t id;
  uint32_t code;        /* of `closed`: nghttp2's error code */
  bool sent;            /* HEADERS left: the server may have acted on it */
  bool ended, end_sent; /* the caller gave its last byte; END_STREAM left */
  bool deferred;        /* nghttp2 asked for bytes and there were none */
  bool reset;           /* by the server */
  bool has_headers, cancelled, refused, told, closed, in_events;
};

/* Tokens against floods: `burst` at once, `per_s` come back. */
typedef struct {
  int64_t millitokens, last_ms;
} gw_h2c_bucket;

struct gw_h2c {
  nghttp2_session *ng;
  gw_h2c_sink sink;
  void *sink_ctx;
  gw_h2c_options options;
  char *authority;
  gw_h2c_head head;
  gw_h2c_call *all;
  size_t calls, streams; /* not told; not closed */
  gw_h2c_call *events, **events_tail;
  struct gw_h2c_gather *gather;   /* while flushing */
  base_buf spares[GW_H2C_SPARES]; /* memory of emptied `out` buffers: no allocation per message */
  size_t spare_count;
  base_buf scratch; /* base64 of -bin values, for the time of one start */
  gw_h2c_bucket oddities;
  int64_t now_ms, heard_ms, ping_ms; /* ping_ms: when the PING left that is not answered; 0 = none */
  base_err error;                    /* why the session must die; OK while all is well */
  char why[GW_H2C_WHY];              /* text for the calls that end with it */
  bool inside;                       /* of receive, flush, on_time or close */
  bool has_settings, going, dead, closing, was_idle, flush_wanted;
  bool owes_room, owes_going;
};

void gw_h2c__want_flush(gw_h2c *s);
/* The session cannot go on; takes effect when the outermost function returns. The first reason counts. */
void gw_h2c__fail(gw_h2c *s, base_err e, const char *why);

/* call.c */
/* on_status, unless it was told. */
void gw_h2c__tell(gw_h2c_call *c, const wire_status *status, bool unprocessed);
/* Ends a call from inside an event of nghttp2: status now, RST_STREAM with the code. */
void gw_h2c__break(gw_h2c_call *c, const wire_status *status, uint32_t code);
void gw_h2c__end_all(gw_h2c *s);
/* Tells what is owed to calls, frees those that are over; true if there was anything. Never inside nghttp2. */
bool gw_h2c__deliver(gw_h2c *s);
void gw_h2c__event(gw_h2c_call *c);
/* Opens the stream's window as far as credit allows, in portions. */
void gw_h2c__grant(gw_h2c_call *c);
/* So many bytes of `out` were sent. */
void gw_h2c__sent(gw_h2c_call *c, size_t n);
void gw_h2c__call_free(gw_h2c_call *c);
/* The events of it are still wanted. */
static inline bool gw_h2c__hears(const gw_h2c_call *c) { return !c->told && !c->cancelled && !c->refused; }

/* output.c */
void gw_h2c__pull(gw_h2c *s);
bool gw_h2c__output_full(const gw_h2c *s);

/* Their callbacks of nghttp2. */
void gw_h2c__events_register(nghttp2_session_callbacks *cb);
void gw_h2c__output_register(nghttp2_session_callbacks *cb);

#endif
