/* mux_state.h - what mux_session.c (the connection) and mux_call.c (its calls) share. Internal to gateway/ws. */
#ifndef PONTE_GATEWAY_MUX_STATE_H
#define PONTE_GATEWAY_MUX_STATE_H

#include <sys/queue.h>

#include "gateway/stream/stream.h"
#include "gateway/ws/mux_session.h"
#include "wire/mux.h"

enum {
  GW_MUX_WINDOW =
      65536, /* asked of the service ahead of the client, per call: several messages of live text, a fraction of a second of audio */
  GW_MUX_CONGESTED = 4 * 65536,   /* bytes in the sink's queue above which no call sends or asks */
  GW_MUX_CREDIT_MAX = 0x7fffffff, /* docs/protocol.md, "Flow control" */
};

/* A call lives from its OPEN until its STATUS is written.
 *   OPEN    both directions
 *   HALF    the client has sent END
 *   ENDING  the service has said its last; the status waits behind data that the client's credit holds back */
enum gw_mux_call_state { GW_MUX_OPEN, GW_MUX_HALF, GW_MUX_ENDING, GW_MUX_STATES };

typedef struct gw_mux_call {
  gw_mux *mux;
  uint32_t id;
  enum gw_mux_call_state state;
  gw_stream *stream;  /* NULL in ENDING */
  int64_t in_credit;  /* DATA the client may still send */
  int64_t consumed;   /* bytes to be given back with the next CREDIT */
  int64_t out_credit; /* DATA the client lets us send */
  int64_t asked;      /* credit the service has and has not used; below 0 after a long message */
  base_buf waiting;   /* from the service, not sent */
  wire_status status; /* in ENDING */
  bool ready;         /* in the queue of those that have something to send */
  TAILQ_ENTRY(gw_mux_call) turn;
} gw_mux_call;

struct gw_mux {
  const gw_ws_sink *sink;
  void *ctx;
  gw_gate *gate;
  gw_mux_options options;
  bool hello, closed;
  bool draining, sealed; /* the end is announced; the last call is told, and no further ones are taken */
  base_err broken;       /* a frame could not be made: out of memory */
  int64_t now_ms, heard_ms, sent_ms, pinged_ms, hello_due_ms, seal_due_ms, drain_due_ms;
  int64_t busy_ms; /* when there was a call last */
  uint32_t client_credit, client_ping_ms;
  char *token; /* of HELLO or AUTH; NULL = none */
  size_t token_n;
  uint32_t last_id;
  gw_mux_call **calls; /* by ascending id, since ids ascend */
  size_t count, cap;
  TAILQ_HEAD(gw_mux_turns, gw_mux_call) turns;
  base_buf out; /* frames of the message that is being gathered */
};

/* Appends one frame; when the gathered message has no room for it, that is sent first. Any other failure breaks the session: it ends in the next flush, never in
 * here, so that no caller finds its call freed. */
#define GW_MUX_PUT(m, put)                      \
  do {                                          \
    base_err put_err__ = (put);                 \
    if (base_is(put_err__, BASE_E_TOO_LARGE)) { \
      gw__mux_send(m);                          \
      put_err__ = (put);                        \
    }                                           \
    gw__mux_after_put(m, put_err__);            \
  } while (0)
void gw__mux_send(gw_mux *m);
void gw__mux_after_put(gw_mux *m, base_err e);
bool gw__mux_congested(const gw_mux *m);

/* OPEN: a call of its own, or a STATUS that says why not. Errors are fatal for the connection. */
base_err gw__mux_open(gw_mux *m, const wire_mux_frame *f) BASE_MUST_USE;
/* DATA, CANCEL, CREDIT. Errors are fatal for the connection. */
base_err gw__mux_call_frame(gw_mux *m, const wire_mux_frame *f) BASE_MUST_USE;
/* Lets the calls that have something to send take turns until the sink is full. */
void gw__mux_pump(gw_mux *m);
/* Asks the service of each call for more, where there is room. */
void gw__mux_replenish_all(gw_mux *m);
/* A new token of the connection: running calls of its subject last as long as it does. */
void gw__mux_renew_all(gw_mux *m, base_span token);
/* Ends all calls: with a STATUS of this error, or silently for OK. */
void gw__mux_end_all(gw_mux *m, base_err why);

#endif
