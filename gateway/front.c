#include "gateway/front.h"

#include <stdlib.h>
#include <string.h>

enum { PREFACE_SIZE = sizeof GW_H2_PREFACE - 1, UNDECIDED_MS = 10000 };

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
  if (!base_is_ok(gw_h2_new(s->conn, &s->front->app, NULL, &h2))) {
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
      net_timer_set(s->timer, UNDECIDED_MS);
    }
  }
}

static const net_codec_vt sniffer_vt = {.on_bytes = on_bytes, .on_drained = on_drained, .on_closed = on_closed};

bool gw_front_on_accept(void *front, net_conn *conn) {
  struct sniffer *s = calloc(1, sizeof *s);
  if (s == NULL) {
    return false;
  }
  s->front = front;
  s->conn = conn;
  net_conn_set_codec(conn, &sniffer_vt, s);
  return true;
}
