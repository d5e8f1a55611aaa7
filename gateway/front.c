#include "gateway/front.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/obs/obs.h"

enum { PREFACE_SIZE = sizeof GW_H2_PREFACE - 1, UNDECIDED_MS = 10000, REFUSED_LINGER_MS = 1000 };

/* A connection that has not said enough. */
struct sniffer {
  gw_front *front;
  net_conn *conn;
  net_timer *timer; /* once a part of the preface has come: the rest must follow */
  size_t have;      /* bytes of the preface seen; they need not be kept, being known */
};

static void dispose(struct sniffer *s) {
  net_timer_free(s->timer);
  free(s);
}

static void on_closed(void *codec) { dispose(codec); }

static void on_drained(void *codec) { (void)codec; }

static void on_timer(void *ctx) { net_conn_close(((struct sniffer *)ctx)->conn, 0); }

/* The codec takes over: first what was held back, then the bytes at hand. */
static void become_h2(struct sniffer *s, base_span bytes) {
  gw_h2 *h2 = NULL;
  if (!base_is_ok(gw_h2_new(s->conn, &s->front->app, &s->front->h2_options, &h2))) {
    net_conn_close(s->conn, 0);
    return;
  }
  gw_h2_join(h2, &s->front->h2);
  gw_h2_receive(h2, base_span_of(GW_H2_PREFACE, s->have));
  gw_h2_receive(h2, bytes);
  dispose(s);
}

/* In one piece: the codec may be gone after the first. */
static void become_h1(struct sniffer *s, base_span bytes) {
  http_h1 *h1 = NULL;
  base_buf all;
  base_buf_init(&all, s->have + bytes.n);
  base_err e = base_buf_append(&all, base_span_of(GW_H2_PREFACE, s->have));
  if (base_is_ok(e) && s->have > 0) {
    e = base_buf_append(&all, bytes);
  }
  if (base_is_ok(e)) {
    e = http_h1_new(s->front->h1, s->conn, &h1);
  }
  if (base_is_ok(e)) {
    http_h1_receive(h1, s->have > 0 ? base_buf_span(&all) : bytes);
    dispose(s);
  } else {
    net_conn_close(s->conn, 0);
  }
  base_buf_dispose(&all);
}

static void on_bytes(void *codec, base_span bytes) {
  struct sniffer *s = codec;
  if (net_conn_is_tls(s->conn)) {
    base_span alpn = net_conn_alpn(s->conn);
    (base_span_is(alpn, "h2") ? become_h2 : become_h1)(s, bytes);
    return;
  }
  size_t n = PREFACE_SIZE - s->have < bytes.n ? PREFACE_SIZE - s->have : bytes.n;
  if (memcmp(&GW_H2_PREFACE[s->have], bytes.p, n) != 0) {
    become_h1(s, bytes);
  } else if (s->have + n == PREFACE_SIZE) {
    become_h2(s, bytes);
  } else {
    s->have += n;
    if (s->timer == NULL) {
      s->timer = net_timer_new(net_conn_loop(s->conn), on_timer, s);
      if (s->timer == NULL) {
        net_conn_close(s->conn, 0);
        return;
      }
      net_timer_set(s->timer, s->front->header_ms ? s->front->header_ms : UNDECIDED_MS);
    }
  }
}

static const net_codec_vt sniffer_vt = {.on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

/* Without a byte of the request having been read: what it costs must not depend on the peer. TLS would have to be negotiated first. */
static void refuse(net_conn *conn) {
  static const char answer[] =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  if (!net_conn_is_tls(conn) && base_is_ok(net_conn_write(conn, base_span_str(answer)))) {
    gw_obs_http_response(503);
    net_conn_close(conn, REFUSED_LINGER_MS);
  }
}

static bool take(gw_front *front, net_conn *conn) {
  struct sniffer *s = calloc(1, sizeof *s);
  if (s == NULL) {
    return false;
  }
  s->front = front;
  s->conn = conn;
  net_conn_set_codec(conn, &sniffer_vt, s);
  return true;
}

bool gw_front_on_accept(void *ctx, net_conn *conn) {
  gw_front *front = ctx;
  if (front->limits && !gw_limits_connected(front->limits, net_conn_peer(conn))) {
    refuse(conn);
    return false;
  }
  bool taken = take(front, conn);
  if (!taken && front->limits) {
    gw_limits_disconnected(front->limits, net_conn_peer(conn));
  }
  return taken;
}

void gw_front_on_end(void *ctx, net_conn *conn) {
  gw_front *front = ctx;
  if (front->limits) {
    gw_limits_disconnected(front->limits, net_conn_peer(conn));
  }
}
