#include "wc_net/plat_net.h"

#include <stdlib.h>

#include "base/clock.h"
#include "net/ws_client.h"
#include "wire/mux.h"

typedef struct {
  wc_plat base;
  net_loop *loop;
  wc_socket *sockets; /* also those closed by the client, until lib/net has reported their end */
} plat_net;

struct wc_socket {
  plat_net *plat;
  net_ws *ws;                     /* NULL once it is gone */
  const wc_socket_events *events; /* NULL once the client closed it */
  void *ctx;
  wc_socket *next;
};

static int64_t now_ms(wc_plat *p) {
  (void)p;
  return base_now_ms();
}

static void random_bytes(wc_plat *p, void *out, size_t n) {
  (void)p;
  base_random(out, n);
}

static wc_timer *timer_new(wc_plat *p, void (*fn)(void *), void *ctx) {
  return (wc_timer *)net_timer_new(((plat_net *)p)->loop, fn, ctx);
}
static void timer_set(wc_timer *t, int64_t delay_ms) { net_timer_set((net_timer *)t, delay_ms); }
static void timer_cancel(wc_timer *t) { net_timer_cancel((net_timer *)t); }
static void timer_free(wc_timer *t) { net_timer_free((net_timer *)t); }

static void on_open(void *ctx) {
  wc_socket *s = ctx;
  if (s->events) s->events->on_open(s->ctx);
}

static void on_message(void *ctx, base_span message) {
  wc_socket *s = ctx;
  if (s->events) s->events->on_message(s->ctx, message);
}

static void socket_free(wc_socket *s) {
  wc_socket **at = &s->plat->sockets;
  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  free(s);
}

static void on_close(void *ctx, int code, const char *reason) {
  wc_socket *s = ctx;
  const wc_socket_events *events = s->events;
  void *owner = s->ctx;
  socket_free(s);
  if (events) events->on_close(owner, code, reason ? reason : "");
}

static const net_ws_events ws_events = {.on_open = on_open, .on_message = on_message, .on_close = on_close};

static base_err socket_open(wc_plat *p, const char *url, const wc_socket_events *events, void *ctx, wc_socket **out) {
  plat_net *plat = (plat_net *)p;
  wc_socket *s = calloc(1, sizeof *s);
  if (!s) return base_fail(BASE_E_NO_MEMORY);
  *s = (wc_socket){.plat = plat, .events = events, .ctx = ctx, .next = plat->sockets};
  plat->sockets = s;
  base_err err = net_ws_connect(plat->loop, url, WIRE_MUX_SUBPROTOCOL, WIRE_MUX_MESSAGE_MAX, &ws_events, s, &s->ws);
  if (!base_is_ok(err)) {
    socket_free(s);
    return err;
  }
  *out = s;
  return BASE_OK;
}

static base_err socket_send(wc_socket *s, base_span message) { return net_ws_send(s->ws, message); }

static void socket_close(wc_socket *s, int code) {
  s->events = NULL;
  net_ws_close(s->ws, code);
}

base_err wc_plat_net_new(net_loop *loop, wc_plat **out) {
  static const wc_plat_vt vt = {.now_ms = now_ms,
                                .random = random_bytes,
                                .timer_new = timer_new,
                                .timer_set = timer_set,
                                .timer_cancel = timer_cancel,
                                .timer_free = timer_free,
                                .socket_open = socket_open,
                                .socket_send = socket_send,
                                .socket_close = socket_close};
  plat_net *p = calloc(1, sizeof *p);
  if (!p) return base_fail(BASE_E_NO_MEMORY);
  p->base.vt = &vt;
  p->loop = loop;
  *out = &p->base;
  return BASE_OK;
}

void wc_plat_net_free(wc_plat *p) {
  if (!p) return;
  plat_net *plat = (plat_net *)p;
  while (plat->sockets)
    socket_free(plat->sockets);
  free(plat);
}
