/* session_int.h - what session.c, conn.c and call.c share; nobody else includes it.
 *
 * A call is in exactly one list: of its connection, once OPEN was sent there, or of the session: `waiting` for a connection, or `ended`,
 * its status to be delivered by the kick timer. Whoever delivers a status takes the call out of its list first.
 */
#ifndef PONTE_WC_SESSION_INT_H
#define PONTE_WC_SESSION_INT_H

#include "base/buf.h"
#include "wc/session.h"
#include "wire/frame.h"
#include "wire/mux.h"

typedef struct wc_call wc_call;
typedef struct wc_conn wc_conn;

typedef struct {
  wc_call *head, *tail;
} wc_call_list;

struct wc_call {
  ponte_call base;
  wc_session *session;
  wc_conn *conn; /* NULL while waiting and after the end */
  wc_call_list *list;
  wc_call *prev, *next;

  uint32_t id; /* on its connection */
  char *path;
  wire_metadata metadata;
  int64_t deadline_ms; /* on the platform's clock; 0 = none */
  wc_timer *deadline;
  const ponte_call_events *events;
  void *ctx;

  base_buf out; /* gRPC-framed bytes to send */
  uint32_t send_credit;
  bool half_closed, end_sent, was_full;

  base_buf in; /* received, not looked at: only while paused */
  wire_frame_decoder frames;
  base_buf message;        /* the message being assembled */
  uint32_t recv_credit;    /* what the gateway may still send */
  uint32_t consumed;       /* not yet given back */
  bool paused, resume_due; /* resume_due: the kick timer delivers what `in` holds */
  bool headers_seen;

  bool ended;       /* no more sending; only the status is still to be delivered */
  bool status_held; /* the gateway's status waits behind `in` */
  wire_status status;
};

struct wc_conn {
  wc_session *session;
  wc_conn *next;
  wc_socket *socket;
  bool open, hello, draining;
  wire_mux_hello peer;
  uint32_t last_id;
  wc_call_list calls;
  int64_t opened_ms, heard_ms, sent_ms;
  wc_timer *tick; /* connect timeout, then liveness, then the grace of a drain */
  int64_t grace_until_ms;
  uint64_t ping_value;
  base_buf out; /* frames of the message being made */
  bool failed;  /* a send failed: the tick timer brings it down, since that is never done inside a caller's call */
};

struct wc_session {
  ponte_channel channel;
  wc_plat *plat;
  wc_session_options options;
  char *url, *token;
  enum wc_session_state state;
  int stop_code;
  bool freeing;   /* no new calls */
  wc_conn *conn;  /* takes new calls; NULL when not connected */
  wc_conn *conns; /* all, draining ones included */
  wc_call_list waiting, ended;
  unsigned attempt;
  int64_t not_before_ms;
  wc_timer *connect; /* back-off */
  wc_timer *kick;    /* delivers `ended` */
};

/* -- call.c */
void wc_list_append(wc_call_list *l, wc_call *c);
void wc_list_remove(wc_call *c);
base_err wc_call_new(wc_session *s, const char *path, const ponte_call_options *o, const ponte_call_events *e,
                     void *ctx, wc_call **out) BASE_MUST_USE;
void wc_call_free(wc_call *c);
/* Delivers the status and frees the call. Only from the loop. */
void wc_call_deliver_status(wc_call *c);
/* Delivers what was held back while paused. Only from the loop. */
void wc_call_resume(wc_call *c);
/* Ends the call with a status of ours, delivered from the kick timer. Harmless after the end. */
void wc_call_end(wc_call *c, int code, const char *text);
/* A frame's payload for the call; an error is the connection's close. TOO_LARGE messages end the call alone. */
base_err wc_call_on_headers(wc_call *c, base_span payload) BASE_MUST_USE;
base_err wc_call_on_data(wc_call *c, base_span payload) BASE_MUST_USE;
/* May free the call. */
base_err wc_call_on_status(wc_call *c, base_span payload) BASE_MUST_USE;
extern const ponte_channel_vt wc_channel_vt;

/* -- conn.c */
base_err wc_conn_new(wc_session *s, wc_conn **out) BASE_MUST_USE;
/* Closes it, ends its calls as `code` says, frees it and tells the session. Only from the loop. */
void wc_conn_drop(wc_conn *c, int code, const char *reason);
void wc_conn_free(wc_conn *c);
/* Moves a waiting call onto the connection. */
void wc_conn_open_call(wc_conn *c, wc_call *call);
/* Sends what credit allows. */
void wc_conn_pump_call(wc_conn *c, wc_call *call);
void wc_conn_send_cancel(wc_conn *c, uint32_t id);
void wc_conn_send_credit(wc_conn *c, uint32_t id, uint32_t bytes);
base_err wc_conn_send_auth(wc_conn *c) BASE_MUST_USE;

/* -- session.c */
/* Bytes 0x21-0x7e only, at most max of them: what OPEN and HELLO may carry. */
bool wc_is_visible(const char *text, size_t max);
void wc_session_set_state(wc_session *s, enum wc_session_state state, int code);
/* Connects, waits or gives waiting calls to the connection. */
void wc_session_proceed(wc_session *s);
/* The current connection, already out of the session, ended with this close code. */
void wc_session_lost(wc_session *s, int code);
/* What a close code does to calls without a status: their gRPC code. */
int wc_close_grpc(int code);
void wc_session_kick(wc_session *s);

#endif
