#include "wc_net/plat_net.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/ws_client.h"
#include "wc_net/records.h"
#include "wire/mux.h"

typedef struct record_request record_request;

typedef struct {
  wc_plat base;
  net_loop *loop;
  wc_socket *sockets; /* also those closed by the client, until lib/net has reported their end */
  char *folder;       /* of records; or NULL */
  record_request *requests;
} plat_net;

/* A record that was read or written: all that is left is to tell it from the loop. */
struct record_request {
  plat_net *plat;
  net_timer *timer;
  void (*got)(void *ctx, base_err e, base_span value); /* or */
  void (*put)(void *ctx, base_err e);
  void *ctx;
  base_err result;
  base_buf value;
  record_request *next;
};

struct wc_lock {
  void (*held)(void *ctx);
  void *ctx;
  net_timer *timer;
};

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

static int64_t wall_ms(wc_plat *p) {
  (void)p;
  return base_wall_ms();
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

/* -- records */

static void on_request(void *ctx) {
  record_request *r = ctx, **at = &r->plat->requests;
  while (*at != r)
    at = &(*at)->next;
  *at = r->next;
  if (r->got)
    r->got(r->ctx, r->result, base_is_ok(r->result) ? base_buf_span(&r->value) : base_span_of(NULL, 0));
  else
    r->put(r->ctx, r->result);
  net_timer_free(r->timer);
  base_buf_dispose(&r->value);
  free(r);
}

/* NULL when out of memory. */
static record_request *request_new(plat_net *plat, const char *key, void *ctx) {
  record_request *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (record_request){.plat = plat, .ctx = ctx, .next = plat->requests};
  r->timer = net_timer_new(plat->loop, on_request, r);
  if (!r->timer) {
    free(r);
    return NULL;
  }
  base_buf_init(&r->value, WC_RECORD_MAX + 1); /* one more, to see the end */
  r->result = !plat->folder           ? base_fail(BASE_E_UNAVAILABLE)
              : wc_record_key_ok(key) ? BASE_OK
                                      : base_fail(BASE_E_INVALID);
  plat->requests = r;
  net_timer_set(r->timer, 0);
  return r;
}

static void record_get(wc_plat *p, const char *key, void (*done)(void *, base_err, base_span), void *ctx) {
  plat_net *plat = (plat_net *)p;
  record_request *r = request_new(plat, key, ctx);
  if (!r) {
    done(ctx, base_fail(BASE_E_NO_MEMORY), base_span_of(NULL, 0));
    return;
  }
  r->got = done;
  if (base_is_ok(r->result)) r->result = wc_records_read(plat->folder, key, &r->value);
}

static void record_put(wc_plat *p, const char *key, base_span value, void (*done)(void *, base_err), void *ctx) {
  plat_net *plat = (plat_net *)p;
  record_request *r = request_new(plat, key, ctx);
  if (!r) {
    done(ctx, base_fail(BASE_E_NO_MEMORY));
    return;
  }
  r->put = done;
  if (base_is_ok(r->result) && value.n > WC_RECORD_MAX) r->result = base_fail(BASE_E_TOO_LARGE);
  if (base_is_ok(r->result)) r->result = wc_records_write(plat->folder, key, value);
}

/* -- locks: one process has no other pages */

static void on_lock(void *ctx) {
  wc_lock *l = ctx;
  l->held(l->ctx);
}

static wc_lock *lock_take(wc_plat *p, const char *name, void (*held)(void *), void *ctx) {
  (void)name;
  wc_lock *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  *l = (wc_lock){held, ctx, net_timer_new(((plat_net *)p)->loop, on_lock, l)};
  if (!l->timer) {
    free(l);
    return NULL;
  }
  net_timer_set(l->timer, 0);
  return l;
}

static void lock_release(wc_lock *l) {
  if (!l) return;
  net_timer_free(l->timer);
  free(l);
}

base_err wc_plat_net_new(net_loop *loop, wc_plat **out) {
  static const wc_plat_vt vt = {.now_ms = now_ms,
                                .wall_ms = wall_ms,
                                .random = random_bytes,
                                .timer_new = timer_new,
                                .timer_set = timer_set,
                                .timer_cancel = timer_cancel,
                                .timer_free = timer_free,
                                .socket_open = socket_open,
                                .socket_send = socket_send,
                                .socket_close = socket_close,
                                .record_get = record_get,
                                .record_put = record_put,
                                .lock_take = lock_take,
                                .lock_release = lock_release};
  plat_net *p = calloc(1, sizeof *p);
  if (!p) return base_fail(BASE_E_NO_MEMORY);
  p->base.vt = &vt;
  p->loop = loop;
  *out = &p->base;
  return BASE_OK;
}

base_err wc_plat_net_set_folder(wc_plat *p, const char *folder) {
  plat_net *plat = (plat_net *)p;
  char *copy = strdup(folder);
  if (!copy) return base_fail(BASE_E_NO_MEMORY);
  free(plat->folder);
  plat->folder = copy;
  return BASE_OK;
}

void wc_plat_net_free(wc_plat *p) {
  if (!p) return;
  plat_net *plat = (plat_net *)p;
  while (plat->sockets)
    socket_free(plat->sockets);
  while (plat->requests) {
    plat->requests->timer = NULL; /* the loop has freed it */
    plat->requests->result = base_fail(BASE_E_CANCELLED);
    on_request(plat->requests);
  }
  free(plat->folder);
  free(plat);
}
