#include "gateway/http2/conn.h"

#include <stdlib.h>

#include "base/clock.h"

enum {
  TICK_MS = 30000,     /* how often a peer without streams is looked at */
  BUSY_TICK_MS = 5000, /* how often streams are */
  SILENT_MS = 10000,   /* with streams; then a PING asks for a sign of life */
  DEAD_MS = 30000,
  DRAINED_MS = 30000, /* for the peer's answer to the announced end */
  DEFAULT_IDLE_MS = 3600000,
  PAUSE_BYTES = 256 << 10, /* unsent output at which the peer must read before it may say more */
  LINGER_MS = 5000,
};

struct gw_h2 {
  net_conn *conn;
  gw_h2_session *session;
  net_timer *timer;
  gw_limits *limits;
  int64_t idle_ms, lifetime_ms;
  int64_t born_ms, heard_ms;
  int64_t busy_ms;  /* the last time there was a stream */
  int64_t drain_ms; /* when the end was announced; 0 = it was not */
  gw_h2_group *group;
  gw_h2 *prev, *next; /* in the group */
  bool pinged;        /* since the peer was heard last */
  bool busy;          /* the timer looks at streams */
  bool paused, closing;
};

static base_err sink_write(void *ctx, base_span bytes) { return net_conn_write(((gw_h2 *)ctx)->conn, bytes); }
static size_t sink_queued(void *ctx) { return net_conn_queued(((gw_h2 *)ctx)->conn); }
static void sink_want_flush(void *ctx) { net_conn_flush_later(((gw_h2 *)ctx)->conn); }
static const gw_h2_sink sink = {sink_write, sink_queued, sink_want_flush};

static void close_soon(gw_h2 *h) {
  if (!h->closing) {
    h->closing = true;
    net_conn_close(h->conn, LINGER_MS);
  }
}

static void flush(gw_h2 *h) {
  if (h->closing) {
    return;
  }
  gw_h2_session_flush(h->session);
  if (gw_h2_session_done(h->session)) {
    close_soon(h);
    return;
  }
  net_conn_guard(h->conn, gw_h2_session_streams(h->session) > 0 ? NET_GUARD_CALLS : NET_GUARD_NONE);
  bool full = net_conn_queued(h->conn) > PAUSE_BYTES;
  if (full != h->paused) {
    h->paused = full;
    net_conn_pause(h->conn, full);
  }
}

/* The GOAWAY leaves, then the connection closes. A flood is charged to its address, or it would go on from the next connection. */
static bool end_if(gw_h2 *h, base_err e) {
  if (base_is_ok(e)) {
    return false;
  }
  if (h->limits && (base_is(e, BASE_E_EXHAUSTED) || base_is(e, BASE_E_DEADLINE))) {
    gw_limits_punish(h->limits, net_conn_peer(h->conn), GW_PENALTY_FLOOD);
  }
  gw_h2_session_flush(h->session);
  close_soon(h);
  return true;
}

void gw_h2_receive(gw_h2 *h, base_span bytes) {
  h->heard_ms = base_now_ms();
  h->pinged = false;
  if (!h->closing) {
    end_if(h, gw_h2_session_receive(h->session, bytes, h->heard_ms));
  }
  if (gw_h2_session_streams(h->session) > 0) {
    h->busy_ms = h->heard_ms;
    if (!h->busy) {
      h->busy = true;
      net_timer_set(h->timer, BUSY_TICK_MS);
    }
  }
}

static void on_bytes(void *codec, base_span bytes) { gw_h2_receive(codec, bytes); }
static void on_drained(void *codec) { flush(codec); }
static void on_flush(void *codec) { flush(codec); }

static void leave(gw_h2 *h) {
  if (h->group == NULL) {
    return;
  }
  *(h->prev ? &h->prev->next : &h->group->first) = h->next;
  if (h->next) {
    h->next->prev = h->prev;
  }
  h->group->count--;
}

static void on_closed(void *codec) {
  gw_h2 *h = codec;
  leave(h);
  h->closing = true;
  gw_h2_session_free(h->session);
  net_timer_free(h->timer);
  free(h);
}

static const net_codec_vt codec_vt = {on_bytes, on_drained, on_flush, on_closed};

static void announce_end(gw_h2 *h, int64_t now_ms) {
  if (h->drain_ms == 0) {
    h->drain_ms = now_ms;
    gw_h2_session_drain(h->session);
  }
}

static void look_at_idle(gw_h2 *h, int64_t now_ms) {
  bool unanswered = h->drain_ms != 0 && now_ms - h->drain_ms >= DRAINED_MS;
  if (unanswered || now_ms - h->busy_ms >= h->idle_ms) {
    announce_end(h, now_ms);
    flush(h);
    close_soon(h);
  }
}

/* A phone that lost its network says nothing: a PING finds out, or its streams would be held until the service speaks. */
static void look_for_life(gw_h2 *h, int64_t now_ms) {
  if (now_ms - h->heard_ms < (h->pinged ? DEAD_MS : SILENT_MS)) {
    return;
  }
  if (h->pinged) {
    h->closing = true;
    net_conn_close(h->conn, 0);
    return;
  }
  h->pinged = true;
  gw_h2_session_ping(h->session);
}

static void on_tick(void *ctx) {
  gw_h2 *h = ctx;
  int64_t now_ms = base_now_ms();
  h->busy = gw_h2_session_streams(h->session) > 0;
  net_timer_set(h->timer, h->busy ? BUSY_TICK_MS : TICK_MS);
  if (h->closing) {
    return;
  }
  if (h->lifetime_ms > 0 && now_ms - h->born_ms >= h->lifetime_ms) {
    announce_end(h, now_ms);
  }
  if (end_if(h, gw_h2_session_on_time(h->session, now_ms))) {
    return;
  }
  if (h->busy) {
    h->busy_ms = now_ms;
    look_for_life(h, now_ms);
  } else {
    look_at_idle(h, now_ms);
  }
}

base_err gw_h2_new(net_conn *conn, const http_app *app, const gw_h2_options *options, gw_h2 **out) {
  gw_h2_options own = options ? *options : (gw_h2_options){0};
  own.tls = net_conn_is_tls(conn);
  own.peer = net_conn_peer(conn);
  gw_h2 *h = calloc(1, sizeof *h);
  if (h == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  h->conn = conn;
  h->limits = own.limits;
  h->idle_ms = own.idle_ms ? own.idle_ms : DEFAULT_IDLE_MS;
  h->lifetime_ms = own.lifetime_ms;
  h->born_ms = h->heard_ms = h->busy_ms = base_now_ms();
  h->timer = net_timer_new(net_conn_loop(conn), on_tick, h);
  if (h->timer == NULL || !base_is_ok(gw_h2_session_new(&own, app, &sink, h, &h->session))) {
    net_timer_free(h->timer);
    free(h);
    return base_fail(BASE_E_NO_MEMORY);
  }
  net_timer_set(h->timer, BUSY_TICK_MS);
  net_conn_set_codec(conn, &codec_vt, h);
  net_conn_flush_later(conn);
  *out = h;
  return BASE_OK;
}

void gw_h2_drain(gw_h2 *h) {
  if (!h->closing) {
    announce_end(h, base_now_ms());
  }
}

void gw_h2_join(gw_h2 *h, gw_h2_group *group) {
  h->group = group;
  h->next = group->first;
  if (h->next) {
    h->next->prev = h;
  }
  group->first = h;
  group->count++;
}

void gw_h2_group_drain(gw_h2_group *group) {
  for (gw_h2 *h = group->first; h; h = h->next) {
    gw_h2_drain(h);
  }
}
