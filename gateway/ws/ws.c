#include "gateway/ws/ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "gateway/obs/obs.h"
#include "gateway/ws/endpoint.h"
#include "gateway/ws/single_session.h"

enum { LINGER_MS = 2000 };

typedef struct gw_ws {
  gw_ws_hub *hub;
  net_conn *conn;
  net_timer *timer;
  int64_t timer_due_ms; /* INT64_MAX = not set */
  int64_t aged_ms;      /* when it is drained for its age; INT64_MAX = never, or it has been */
  gw_ws_endpoint endpoint;
  LIST_ENTRY(gw_ws) all;
} gw_ws;

struct gw_ws_hub {
  net_loop *loop;
  gw_gate *gate;
  gw_ws_options options;
  gw_deflate_pool *deflate; /* NULL = off */
  LIST_HEAD(, gw_ws) sockets;
  size_t count;
  bool draining;
  int64_t drain_due_ms;
  uint8_t scratch[GW_WS_SCRATCH];
};

/* -- the endpoint's pipe ------------------------------------------------------------------------------------------------------ */

static void pipe_write(void *ctx, base_span bytes) {
  /* A failure closes the connection by itself. */
  base_err e = net_conn_write(((gw_ws *)ctx)->conn, bytes);
  (void)e;
}
static size_t pipe_queued(void *ctx) { return net_conn_queued(((gw_ws *)ctx)->conn); }
static void pipe_want_flush(void *ctx) { net_conn_flush_later(((gw_ws *)ctx)->conn); }
static void pipe_pause(void *ctx, bool paused) { net_conn_pause(((gw_ws *)ctx)->conn, paused); }
static void pipe_close(void *ctx) { net_conn_close(((gw_ws *)ctx)->conn, LINGER_MS); }

static const gw_ws_pipe ws_pipe = {
    .write = pipe_write,
    .queued = pipe_queued,
    .want_flush = pipe_want_flush,
    .pause = pipe_pause,
    .close = pipe_close,
};

/* -- the connection's codec ---------------------------------------------------------------------------------------------------- */

static void arm(gw_ws *w) {
  int64_t due = gw_ws_endpoint_next_due_ms(&w->endpoint);
  due = due < w->aged_ms ? due : w->aged_ms;
  if (due < w->timer_due_ms) {
    int64_t delay = due - base_now_ms();
    w->timer_due_ms = due;
    net_timer_set(w->timer, delay > 0 ? delay : 0);
  }
}

static void on_timer(void *ctx) {
  gw_ws *w = ctx;
  int64_t now_ms = base_now_ms();
  w->timer_due_ms = INT64_MAX;
  if (now_ms >= w->aged_ms) {
    int64_t grace_ms = w->hub->options.lifetime_ms;
    w->aged_ms = INT64_MAX;
    gw_ws_endpoint_drain(&w->endpoint, now_ms, grace_ms < UINT32_MAX ? (uint32_t)grace_ms : UINT32_MAX);
  }
  gw_ws_endpoint_on_time(&w->endpoint, now_ms);
  arm(w);
}

static void on_bytes(void *codec, base_span bytes) {
  gw_ws *w = codec;
  gw_ws_endpoint_receive(&w->endpoint, bytes, base_now_ms());
  arm(w);
}

static void on_drained(void *codec) { gw_ws_endpoint_drained(&((gw_ws *)codec)->endpoint); }

static void on_flush(void *codec) {
  gw_ws *w = codec;
  gw_ws_endpoint_flush(&w->endpoint, base_now_ms());
  net_conn_guard(w->conn, gw_ws_endpoint_is_busy(&w->endpoint) ? NET_GUARD_CALLS : NET_GUARD_NONE);
}

static void on_closed(void *codec) {
  gw_ws *w = codec;
  LIST_REMOVE(w, all);
  w->hub->count--;
  gw_obs_websocket(-1);
  gw_ws_endpoint_dispose(&w->endpoint);
  net_timer_free(w->timer);
  free(w);
}

static const net_codec_vt codec_vt = {
    .on_bytes = on_bytes,
    .on_drained = on_drained,
    .on_flush = on_flush,
    .on_closed = on_closed,
};

/* -- opening --------------------------------------------------------------------------------------------------------------------- */

static base_err attach_mux(gw_ws *w, int64_t now_ms) {
  gw_mux *mux = NULL;
  gw_mux_options options = w->hub->options.mux;
  options.peer = net_conn_peer(w->conn);
  BASE_TRY(gw_mux_new(&options, w->hub->gate, &gw_ws_endpoint_sink, &w->endpoint, now_ms, &mux));
  gw_ws_endpoint_attach(&w->endpoint, &gw_mux_vt, mux);
  return BASE_OK;
}

static base_err attach_single(gw_ws *w, base_span path, int64_t now_ms) {
  gw_single *single = NULL;
  const gw_single_options options = {.path = path,
                                     .peer = net_conn_peer(w->conn),
                                     .head_timeout_ms = w->hub->options.mux.hello_timeout_ms,
                                     .ping_interval_ms = w->hub->options.mux.ping_interval_ms};
  BASE_TRY(gw_single_new(&options, w->hub->gate, &gw_ws_endpoint_sink, &w->endpoint, now_ms, &single));
  gw_ws_endpoint_attach(&w->endpoint, &gw_single_vt, single);
  return BASE_OK;
}

/* Compression if the client offers it and the pool has room; *extension is then the answer's. */
static gw_deflate *agree(gw_ws_hub *hub, base_span offers, char extension[GW_DEFLATE_ANSWER]) {
  gw_deflate_params params;
  gw_deflate *d = NULL;
  if (hub->deflate && gw_deflate_negotiate(&hub->options.deflate, offers, &params, extension) &&
      !base_is_ok(gw_deflate_new(hub->deflate, &params, &d))) {
    extension[0] = 0;
  }
  return d;
}

static void write_answer(gw_ws *w, const gw_ws_answer *answer, const char *extension) {
  char head[512];
  int n = snprintf(head, sizeof head,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n%s%s%s\r\n",
                   answer->accept, gw_ws_protocol_name(answer->protocol),
                   extension[0] ? "Sec-WebSocket-Extensions: " : "", extension, extension[0] ? "\r\n" : "");
  pipe_write(w, base_span_of(head, (size_t)n));
}

static base_err make(gw_ws_hub *hub, net_conn *conn, const gw_ws_request *request, const gw_ws_answer *answer,
                     char extension[GW_DEFLATE_ANSWER], gw_ws **out) {
  int64_t now_ms = base_now_ms();
  gw_ws *w = calloc(1, sizeof *w);
  if (w == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  w->hub = hub;
  w->conn = conn;
  w->timer_due_ms = INT64_MAX;
  w->aged_ms = hub->options.lifetime_ms > 0 ? now_ms + hub->options.lifetime_ms : INT64_MAX;
  gw_ws_endpoint_init(&w->endpoint, &ws_pipe, w, hub->scratch, agree(hub, request->extensions, extension));
  w->timer = net_timer_new(hub->loop, on_timer, w);
  base_err e = w->timer ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  if (base_is_ok(e)) {
    e = answer->protocol == GW_WS_MUX ? attach_mux(w, now_ms) : attach_single(w, request->path, now_ms);
  }
  if (!base_is_ok(e)) {
    gw_ws_endpoint_dispose(&w->endpoint);
    net_timer_free(w->timer);
    free(w);
    return e;
  }
  *out = w;
  return BASE_OK;
}

base_err gw_ws_start(gw_ws_hub *hub, net_conn *conn, const gw_ws_request *request, base_span early) {
  gw_ws *w = NULL;
  gw_ws_answer answer;
  char extension[GW_DEFLATE_ANSWER] = "";
  gw_ws_handshake(request, &answer);
  if (answer.status != 101) {
    return base_fail(BASE_E_INVALID);
  }
  BASE_TRY(make(hub, conn, request, &answer, extension, &w));
  net_conn_set_codec(conn, &codec_vt, w);
  LIST_INSERT_HEAD(&hub->sockets, w, all);
  hub->count++;
  gw_obs_websocket(1);
  if (hub->draining) {
    int64_t now_ms = base_now_ms();
    gw_ws_endpoint_drain(&w->endpoint, now_ms, hub->drain_due_ms > now_ms ? (uint32_t)(hub->drain_due_ms - now_ms) : 0);
  }
  arm(w);
  write_answer(w, &answer, extension);
  if (early.n > 0) {
    on_bytes(w, early);
  }
  return BASE_OK;
}

/* -- the hub ------------------------------------------------------------------------------------------------------------------- */

void gw_ws_hub_drain(gw_ws_hub *hub, uint32_t grace_ms) {
  int64_t now_ms = base_now_ms();
  gw_ws *w, *next;
  hub->draining = true;
  hub->drain_due_ms = now_ms + grace_ms;
  for (w = LIST_FIRST(&hub->sockets); w; w = next) {
    next = LIST_NEXT(w, all);
    gw_ws_endpoint_drain(&w->endpoint, now_ms, grace_ms);
    arm(w);
  }
}

size_t gw_ws_hub_count(const gw_ws_hub *hub) { return hub->count; }

base_err gw_ws_hub_new(net_loop *loop, gw_gate *gate, const gw_ws_options *options, gw_ws_hub **out) {
  gw_ws_hub *hub = calloc(1, sizeof *hub);
  if (hub == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  hub->loop = loop;
  hub->gate = gate;
  hub->options = options ? *options : (gw_ws_options){0};
  LIST_INIT(&hub->sockets);
  base_err e = hub->options.deflate.on ? gw_deflate_pool_new(&hub->options.deflate, &hub->deflate) : BASE_OK;
  if (!base_is_ok(e)) {
    free(hub);
    return e;
  }
  *out = hub;
  return BASE_OK;
}

void gw_ws_hub_free(gw_ws_hub *hub) {
  if (hub) {
    gw_deflate_pool_free(hub->deflate);
    free(hub);
  }
}
