#include "wc_wasm/plat_js.h"

#include <stdlib.h>

#include "wc_wasm/exports.h"

typedef void got_fn(void *ctx, base_err e, base_span value);
typedef void put_fn(void *ctx, base_err e);

/* In plat.js. Handles are addresses: JS keeps them as numbers and forgets them when told. */
extern double ponte_js_now(void);
extern double ponte_js_wall(void);
extern void ponte_js_random(void *out, size_t n);
extern void ponte_js_timer_set(wc_timer *t, double delay_ms);
extern void ponte_js_timer_clear(wc_timer *t);
extern void ponte_js_socket_open(wc_socket *s, const char *url);
extern int ponte_js_socket_send(wc_socket *s, const void *bytes, size_t n);
extern void ponte_js_socket_close(wc_socket *s, int code);
extern void ponte_js_record_get(const char *key, got_fn *done, void *ctx);
extern void ponte_js_record_put(const char *key, const void *bytes, size_t n, put_fn *done, void *ctx);
extern void ponte_js_record_refuse(int code, got_fn *got, put_fn *put, void *ctx);
extern void ponte_js_lock_take(wc_lock *l, const char *name);
extern void ponte_js_lock_release(wc_lock *l);

struct wc_timer {
  void (*fn)(void *ctx);
  void *ctx;
};

struct wc_lock {
  void (*held)(void *ctx);
  void *ctx;
};

struct wc_socket {
  const wc_socket_events *events;
  void *ctx;
};

static int64_t now_ms(wc_plat *p) {
  (void)p;
  return (int64_t)ponte_js_now();
}

static int64_t wall_ms(wc_plat *p) {
  (void)p;
  return (int64_t)ponte_js_wall();
}

static void random_bytes(wc_plat *p, void *out, size_t n) {
  (void)p;
  ponte_js_random(out, n);
}

static wc_timer *timer_new(wc_plat *p, void (*fn)(void *), void *ctx) {
  (void)p;
  wc_timer *t = malloc(sizeof *t);
  if (t) *t = (wc_timer){fn, ctx};
  return t;
}

static void timer_set(wc_timer *t, int64_t delay_ms) { ponte_js_timer_set(t, (double)delay_ms); }
static void timer_cancel(wc_timer *t) { ponte_js_timer_clear(t); }

static void timer_free(wc_timer *t) {
  if (!t) return;
  ponte_js_timer_clear(t);
  free(t);
}

static base_err socket_open(wc_plat *p, const char *url, const wc_socket_events *events, void *ctx, wc_socket **out) {
  (void)p;
  wc_socket *s = malloc(sizeof *s);
  if (!s) return base_fail(BASE_E_NO_MEMORY);
  *s = (wc_socket){events, ctx};
  ponte_js_socket_open(s, url);
  *out = s;
  return BASE_OK;
}

static base_err socket_send(wc_socket *s, base_span message) {
  return ponte_js_socket_send(s, message.p, message.n) ? BASE_OK : base_fail(BASE_E_IO);
}

static void socket_close(wc_socket *s, int code) {
  ponte_js_socket_close(s, code);
  free(s);
}

/* What waits for an answer is held by JS, so nothing here can be out of memory. */
static void record_get(wc_plat *p, const char *key, got_fn *done, void *ctx) {
  (void)p;
  if (wc_record_key_ok(key))
    ponte_js_record_get(key, done, ctx);
  else
    ponte_js_record_refuse(BASE_E_INVALID, done, NULL, ctx);
}

static void record_put(wc_plat *p, const char *key, base_span value, put_fn *done, void *ctx) {
  (void)p;
  if (!wc_record_key_ok(key))
    ponte_js_record_refuse(BASE_E_INVALID, NULL, done, ctx);
  else if (value.n > WC_RECORD_MAX)
    ponte_js_record_refuse(BASE_E_TOO_LARGE, NULL, done, ctx);
  else
    ponte_js_record_put(key, value.p, value.n, done, ctx);
}

static wc_lock *lock_take(wc_plat *p, const char *name, void (*held)(void *), void *ctx) {
  (void)p;
  wc_lock *l = malloc(sizeof *l);
  if (!l) return NULL;
  *l = (wc_lock){held, ctx};
  ponte_js_lock_take(l, name);
  return l;
}

static void lock_release(wc_lock *l) {
  if (!l) return;
  ponte_js_lock_release(l);
  free(l);
}

wc_plat *wc_plat_js(void) {
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
  static wc_plat plat = {&vt};
  return &plat;
}

/* -- called by plat.js, from the browser's event loop */

void ponte__timer_fired(wc_timer *t) { t->fn(t->ctx); }
void ponte__socket_opened(wc_socket *s) { s->events->on_open(s->ctx); }
void ponte__socket_message(wc_socket *s, const void *bytes, size_t n) {
  s->events->on_message(s->ctx, base_span_of(bytes, n));
}
void ponte__socket_closed(wc_socket *s, int code) {
  wc_socket last = *s;
  free(s);
  last.events->on_close(last.ctx, code, "");
}

/* `kept`: the platform answered. A value without an address: there was no memory for it. */
void ponte__record_got(got_fn *done, void *ctx, int kept, const void *bytes, size_t n) {
  enum base_err_code code = !kept ? BASE_E_UNAVAILABLE : n && !bytes ? BASE_E_NO_MEMORY : BASE_E_OK;
  done(ctx, base_fail(code), base_span_of(bytes, code == BASE_E_OK ? n : 0));
}
void ponte__record_put(put_fn *done, void *ctx, int kept) { done(ctx, kept ? BASE_OK : base_fail(BASE_E_UNAVAILABLE)); }
void ponte__record_refused(int code, got_fn *got, put_fn *put, void *ctx) {
  base_err e = base_fail((enum base_err_code)code);
  if (got)
    got(ctx, e, base_span_of(NULL, 0));
  else
    put(ctx, e);
}
void ponte__lock_held(wc_lock *l) { l->held(l->ctx); }
