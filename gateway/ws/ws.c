#include "gateway/ws/ws.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <wslay/wslay.h>

#include "base/clock.h"
#include "gateway/obs/obs.h"
#include "wire/mux.h"

enum { GATHER_BYTES = 4 * WIRE_MUX_MESSAGE_MAX, LINGER_MS = 2000, REASON_MAX = 123 };

typedef struct gw_ws {
  gw_ws_hub *hub;
  net_conn *conn;
  gw_mux *mux; /* NULL once the peer has said its last */
  net_timer *timer;
  int64_t timer_due_ms;          /* INT64_MAX = not set */
  wslay_event_context_ptr wslay; /* NULL between frames */
  base_span in;                  /* what wslay has not taken yet, in on_bytes */
  /* Bytes given to wslay and bytes of the frames it has reported: equal means that it holds no part of a frame. */
  uint64_t fed, framed;
  bool in_message; /* between the fragments of one */
  bool receiving;  /* inside wslay_event_recv: nothing may be sent */
  bool closing;
  LIST_ENTRY(gw_ws) all;
} gw_ws;

struct gw_ws_hub {
  net_loop *loop;
  gw_gate *gate;
  gw_mux_options options;
  LIST_HEAD(, gw_ws) sockets;
  size_t count;
  bool draining;
  int64_t drain_due_ms;
  base_buf gather; /* the frames of one wslay_event_send, so that they leave in one write */
};

/* -- wslay --------------------------------------------------------------------------------------------------------------- */

static ssize_t take_bytes(wslay_event_context_ptr ctx, uint8_t *room, size_t n, int flags, void *user) {
  gw_ws *w = user;
  (void)flags;
  if (w->in.n == 0) {
    wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  n = n < w->in.n ? n : w->in.n;
  memcpy(room, w->in.p, n);
  w->in = base_span_of(w->in.p + n, w->in.n - n);
  w->fed += n;
  return (ssize_t)n;
}

static void write_gathered(gw_ws *w) {
  base_buf *gather = &w->hub->gather;
  if (base_buf_size(gather) > 0) {
    /* A failure closes the connection by itself. */
    base_err e = net_conn_write(w->conn, base_buf_span(gather));
    (void)e;
    base_buf_clear(gather);
  }
}

static ssize_t give_bytes(wslay_event_context_ptr ctx, const uint8_t *bytes, size_t n, int flags, void *user) {
  gw_ws *w = user;
  base_buf *gather = &w->hub->gather;
  (void)flags;
  if (base_buf_room(gather) < n) {
    write_gathered(w);
  }
  n = n < GATHER_BYTES ? n : GATHER_BYTES;
  if (!base_is_ok(base_buf_append(gather, base_span_of(bytes, n)))) {
    wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
  }
  return (ssize_t)n;
}

static void on_frame_start(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *arg,
                           void *user) {
  gw_ws *w = user;
  (void)ctx;
  size_t head = 2 + 4 + (arg->payload_length > 0xffff ? 8 : arg->payload_length > 125 ? 2 : 0);
  w->framed += head + arg->payload_length;
  if (!wslay_is_ctrl_frame(arg->opcode)) {
    w->in_message = !arg->fin;
  }
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg, void *user) {
  gw_ws *w = user;
  (void)ctx;
  if (wslay_is_ctrl_frame(arg->opcode) || w->closing) {
    return;
  }
  if (arg->opcode != WSLAY_BINARY_FRAME) {
    gw_mux_fail(w->mux, base_fail(BASE_E_MALFORMED)); /* docs/protocol.md, "Connection": text is 1002 */
    return;
  }
  gw_mux_receive(w->mux, base_span_of(arg->msg, arg->msg_length), base_now_ms());
}

static bool wake_wslay(gw_ws *w) {
  static const struct wslay_event_callbacks callbacks = {
      .recv_callback = take_bytes,
      .send_callback = give_bytes,
      .on_frame_recv_start_callback = on_frame_start,
      .on_msg_recv_callback = on_message,
  };
  if (w->wslay == NULL) {
    if (wslay_event_context_server_init(&w->wslay, &callbacks, w) != 0) {
      w->wslay = NULL;
      return false;
    }
    wslay_event_config_set_max_recv_msg_length(w->wslay, WIRE_MUX_MESSAGE_MAX);
    w->fed = w->framed = 0;
  }
  return true;
}

static void rest_wslay(gw_ws *w) {
  if (w->wslay && !w->receiving && w->fed == w->framed && !w->in_message && !wslay_event_want_write(w->wslay)) {
    wslay_event_context_free(w->wslay);
    w->wslay = NULL;
  }
}

/* Frames that wait in wslay go to the socket. */
static void push(gw_ws *w) {
  if (w->receiving || w->wslay == NULL) {
    return;
  }
  if (wslay_event_send(w->wslay) != 0) {
    base_buf_clear(&w->hub->gather);
    net_conn_close(w->conn, 0); /* out of memory */
    return;
  }
  write_gathered(w);
}

/* -- the session's sink ------------------------------------------------------------------------------------------------------ */

static void sink_send(void *ctx, base_span message) {
  gw_ws *w = ctx;
  const struct wslay_event_msg m = {.opcode = WSLAY_BINARY_FRAME, .msg = message.p, .msg_length = message.n};
  if (!wake_wslay(w) || wslay_event_queue_msg(w->wslay, &m) != 0) {
    net_conn_close(w->conn, 0); /* out of memory, or the peer has closed and nothing may follow */
    return;
  }
  push(w);
}

static size_t sink_queued(void *ctx) {
  const gw_ws *w = ctx;
  return net_conn_queued(w->conn) + (w->wslay ? wslay_event_get_queued_msg_length(w->wslay) : 0);
}

static void sink_want_flush(void *ctx) { net_conn_flush_later(((gw_ws *)ctx)->conn); }

static void sink_close(void *ctx, int code, const char *reason) {
  gw_ws *w = ctx;
  size_t n = strlen(reason);
  w->closing = true;
  if (wake_wslay(w)) {
    /* A close frame that cannot be queued leaves the peer with 1006; the connection ends either way. */
    wslay_event_queue_close(w->wslay, (uint16_t)code, (const uint8_t *)reason, n < REASON_MAX ? n : REASON_MAX);
    push(w);
  }
  if (!w->receiving) {
    net_conn_close(w->conn, LINGER_MS);
  }
}

static const gw_mux_sink sink = {
    .send = sink_send,
    .queued = sink_queued,
    .want_flush = sink_want_flush,
    .close = sink_close,
};

/* -- the connection's codec ---------------------------------------------------------------------------------------------------- */

static void arm(gw_ws *w) {
  int64_t due = w->mux ? gw_mux_next_due_ms(w->mux) : INT64_MAX;
  if (due < w->timer_due_ms) {
    int64_t delay = due - base_now_ms();
    w->timer_due_ms = due;
    net_timer_set(w->timer, delay > 0 ? delay : 0);
  }
}

static void on_timer(void *ctx) {
  gw_ws *w = ctx;
  w->timer_due_ms = INT64_MAX;
  if (w->mux) {
    int64_t now = base_now_ms();
    gw_mux_on_time(w->mux, now);
    gw_mux_flush(w->mux, now);
    arm(w);
  }
}

/* The peer has closed, or broke RFC 6455: the close frame is written, and its calls end here. */
static void end(gw_ws *w, bool broke) {
  if (broke) {
    gw_obs_rejected(GW_REJECT_MALFORMED);
  }
  w->closing = true;
  gw_mux_free(w->mux);
  w->mux = NULL;
  net_conn_close(w->conn, LINGER_MS);
}

/* For a frame whose head is wrong (a long or fragmented control frame) wslay queues a close frame without a code; the peer gets to know why. */
static void fail(gw_ws *w, int result) {
  static const uint8_t protocol_error[] = {0x88, 0x02, 1002 >> 8, 1002 & 0xff};
  if (result != WSLAY_ERR_NOMEM) {
    base_err e = net_conn_write(w->conn, base_span_of(protocol_error, sizeof protocol_error));
    (void)e; /* the connection ends either way */
  }
  end(w, result != WSLAY_ERR_NOMEM);
}

static void on_bytes(void *codec, base_span bytes) {
  gw_ws *w = codec;
  if (w->closing) {
    return;
  }
  if (!wake_wslay(w)) {
    net_conn_close(w->conn, 0);
    return;
  }
  w->in = bytes;
  w->receiving = true;
  int result = wslay_event_recv(w->wslay);
  w->receiving = false;
  if (result != 0) {
    fail(w, result);
    return;
  }
  push(w);
  if (w->closing) {
    net_conn_close(w->conn, LINGER_MS);
  } else if (wslay_event_get_close_received(w->wslay) || wslay_event_get_close_sent(w->wslay)) {
    end(w, !wslay_event_get_close_received(w->wslay));
  } else {
    arm(w);
  }
}

static void on_drained(void *codec) {
  gw_ws *w = codec;
  if (w->mux) {
    gw_mux_writable(w->mux);
  }
}

static void on_flush(void *codec) {
  gw_ws *w = codec;
  if (w->mux) {
    gw_mux_flush(w->mux, base_now_ms());
  }
  rest_wslay(w);
}

static void on_closed(void *codec) {
  gw_ws *w = codec;
  LIST_REMOVE(w, all);
  w->hub->count--;
  gw_obs_websocket(-1);
  gw_mux_free(w->mux);
  if (w->wslay) {
    wslay_event_context_free(w->wslay);
  }
  net_timer_free(w->timer);
  free(w);
}

static const net_codec_vt codec_vt = {
    .on_bytes = on_bytes,
    .on_drained = on_drained,
    .on_flush = on_flush,
    .on_closed = on_closed,
};

/* -- the hub ------------------------------------------------------------------------------------------------------------------- */

base_err gw_ws_start(gw_ws_hub *hub, net_conn *conn, base_span answer, base_span early) {
  gw_ws *w = calloc(1, sizeof *w);
  if (w == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  gw_mux_options options = hub->options;
  int64_t now = base_now_ms();
  options.peer = net_conn_peer(conn);
  w->hub = hub;
  w->conn = conn;
  w->timer_due_ms = INT64_MAX;
  w->timer = net_timer_new(hub->loop, on_timer, w);
  if (w->timer == NULL || !base_is_ok(gw_mux_new(&options, hub->gate, &sink, w, now, &w->mux))) {
    net_timer_free(w->timer);
    free(w);
    return base_fail(BASE_E_NO_MEMORY);
  }
  net_conn_set_codec(conn, &codec_vt, w);
  LIST_INSERT_HEAD(&hub->sockets, w, all);
  hub->count++;
  gw_obs_websocket(1);
  if (hub->draining) {
    gw_mux_drain(w->mux, now, hub->drain_due_ms > now ? (uint32_t)(hub->drain_due_ms - now) : 0);
  }
  arm(w);
  if (answer.n > 0) {
    base_err e = net_conn_write(conn, answer);
    (void)e; /* a failure closes the connection by itself */
  }
  if (early.n > 0) {
    on_bytes(w, early);
  }
  return BASE_OK;
}

void gw_ws_hub_drain(gw_ws_hub *hub, uint32_t grace_ms) {
  int64_t now = base_now_ms();
  gw_ws *w, *next;
  hub->draining = true;
  hub->drain_due_ms = now + grace_ms;
  for (w = LIST_FIRST(&hub->sockets); w; w = next) {
    next = LIST_NEXT(w, all);
    if (w->mux) {
      gw_mux_drain(w->mux, now, grace_ms);
      arm(w);
    }
  }
}

size_t gw_ws_hub_count(const gw_ws_hub *hub) { return hub->count; }

base_err gw_ws_hub_new(net_loop *loop, gw_gate *gate, const gw_mux_options *options, gw_ws_hub **out) {
  gw_ws_hub *hub = calloc(1, sizeof *hub);
  if (hub == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  hub->loop = loop;
  hub->gate = gate;
  hub->options = options ? *options : (gw_mux_options){0};
  LIST_INIT(&hub->sockets);
  base_buf_init(&hub->gather, GATHER_BYTES);
  *out = hub;
  return BASE_OK;
}

void gw_ws_hub_free(gw_ws_hub *hub) {
  if (hub) {
    base_buf_dispose(&hub->gather);
    free(hub);
  }
}
