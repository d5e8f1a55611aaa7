#include "wc/fake/fake_plat.h"

#include <stdlib.h>
#include <string.h>

struct fake_event {
  enum { EV_OPEN, EV_TO_CLIENT, EV_TO_SERVER, EV_CLOSED, EV_GONE } kind;
  int64_t at_ms;
  uint64_t seq;
  wc_socket *socket;
  int code;
  size_t n;
  uint8_t *bytes;
  fake_event *next;
};

static fake_plat *of(wc_plat *p) { return (fake_plat *)p; }

static void post(wc_socket *s, int kind, int64_t delay, base_span bytes, int code) {
  fake_event *e = calloc(1, sizeof *e);
  if (!e) abort();
  e->kind = kind;
  e->at_ms = s->plat->now_ms + delay;
  e->seq = ++s->plat->seq;
  e->socket = s;
  e->code = code;
  e->n = bytes.n;
  e->bytes = malloc(bytes.n ? bytes.n : 1);
  if (!e->bytes) abort();
  if (bytes.n) memcpy(e->bytes, bytes.p, bytes.n);
  fake_event **at = &s->plat->events; /* kept in the order of delivery */
  while (*at && (*at)->at_ms <= e->at_ms)
    at = &(*at)->next;
  e->next = *at;
  *at = e;
}

static int64_t now_ms(wc_plat *p) { return of(p)->now_ms; }
static int64_t wall_ms(wc_plat *p) { return of(p)->epoch_ms + of(p)->now_ms; }

uint32_t fake_random(fake_plat *p) { /* splitmix64 */
  uint64_t z = p->random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ (z >> 31)) >> 16);
}

static void random_bytes(wc_plat *p, void *out, size_t n) {
  for (size_t i = 0; i < n; i++)
    ((uint8_t *)out)[i] = (uint8_t)fake_random(of(p));
}

static wc_timer *timer_new(wc_plat *p, void (*fn)(void *), void *ctx) {
  wc_timer *t = calloc(1, sizeof *t);
  if (!t) abort();
  *t = (wc_timer){.plat = of(p), .fn = fn, .ctx = ctx, .next = of(p)->timers};
  of(p)->timers = t;
  return t;
}

static void timer_set(wc_timer *t, int64_t delay_ms) {
  t->armed = true;
  t->at_ms = t->plat->now_ms + (delay_ms > 0 ? delay_ms : 0);
  t->seq = ++t->plat->seq;
}

static void timer_cancel(wc_timer *t) { t->armed = false; }

static void timer_free(wc_timer *t) {
  if (!t) return;
  wc_timer **at = &t->plat->timers;
  while (*at != t)
    at = &(*at)->next;
  *at = t->next;
  free(t);
}

static base_err socket_open(wc_plat *p, const char *url, const wc_socket_events *events, void *ctx, wc_socket **out) {
  (void)url;
  wc_socket *s = calloc(1, sizeof *s);
  if (!s) abort();
  *s =
      (wc_socket){.plat = of(p), .events = events, .ctx = ctx, .number = of(p)->socket_count++, .next = of(p)->sockets};
  of(p)->sockets = s;
  if (of(p)->refuse)
    post(s, EV_CLOSED, of(p)->latency_ms, base_span_of(NULL, 0), WC_CLOSE_LOST);
  else if (!of(p)->mute)
    post(s, EV_OPEN, of(p)->latency_ms, base_span_of(NULL, 0), 0);
  *out = s;
  return BASE_OK;
}

static base_err socket_send(wc_socket *s, base_span message) {
  if (s->plat->fail_send) return base_fail(BASE_E_NO_MEMORY);
  post(s, EV_TO_SERVER, s->plat->latency_ms, message, 0);
  return BASE_OK;
}

static void socket_close(wc_socket *s, int code) {
  s->gone = true;
  s->close_code = code;
  post(s, EV_GONE, s->plat->latency_ms, base_span_of(NULL, 0), code);
}

static const wc_plat_vt vt = {
    .now_ms = now_ms,
    .wall_ms = wall_ms,
    .random = random_bytes,
    .timer_new = timer_new,
    .timer_set = timer_set,
    .timer_cancel = timer_cancel,
    .timer_free = timer_free,
    .socket_open = socket_open,
    .socket_send = socket_send,
    .socket_close = socket_close,
    .record_get = fake_record_get,
    .record_put = fake_record_put,
    .lock_take = fake_lock_take,
    .lock_release = fake_lock_release,
};

void fake_plat_init(fake_plat *p, uint64_t seed) {
  *p = (fake_plat){.base = {&vt}, .now_ms = 1000, .epoch_ms = 1800000000000, .latency_ms = 1, .random_state = seed};
}

static void event_free(fake_event *e) {
  free(e->bytes);
  free(e);
}

void fake_plat_dispose(fake_plat *p) {
  fake_records_dispose(p);
  while (p->events) {
    fake_event *e = p->events;
    p->events = e->next;
    event_free(e);
  }
  while (p->sockets) {
    wc_socket *s = p->sockets;
    p->sockets = s->next;
    free(s);
  }
  while (p->timers)
    timer_free(p->timers);
}

static void deliver(fake_plat *p, fake_event *e) {
  wc_socket *s = e->socket;
  base_span bytes = base_span_of(e->bytes, e->n);
  switch (e->kind) {
  case EV_OPEN:
    if (s->gone) return;
    s->open = true;
    if (p->on_connect) p->on_connect(p->ctx, s);
    s->events->on_open(s->ctx);
    return;
  case EV_TO_CLIENT:
    if (!s->gone) s->events->on_message(s->ctx, bytes);
    return;
  case EV_TO_SERVER:
    if (s->open && p->on_client) p->on_client(p->ctx, s, bytes);
    return;
  case EV_CLOSED:
    s->open = false;
    if (s->gone) return;
    s->gone = true;
    s->events->on_close(s->ctx, e->code, "");
    return;
  case EV_GONE:
    if (s->open && p->on_gone) p->on_gone(p->ctx, s);
    s->open = false;
    return;
  }
}

static wc_timer *next_timer(fake_plat *p) {
  wc_timer *best = NULL;
  for (wc_timer *t = p->timers; t; t = t->next) {
    if (t->armed && (!best || t->at_ms < best->at_ms || (t->at_ms == best->at_ms && t->seq < best->seq))) best = t;
  }
  return best;
}

void fake_run(fake_plat *p, int64_t ms) {
  int64_t until = p->now_ms + ms;
  for (;;) {
    wc_timer *t = next_timer(p);
    fake_event *e = p->events;
    bool take_event = e && (!t || e->at_ms < t->at_ms || (e->at_ms == t->at_ms && e->seq < t->seq));
    if (take_event ? e->at_ms > until : !t || t->at_ms > until) break;
    if (take_event) {
      p->events = e->next;
      if (e->at_ms > p->now_ms) p->now_ms = e->at_ms;
      deliver(p, e);
      event_free(e);
    } else {
      if (t->at_ms > p->now_ms) p->now_ms = t->at_ms;
      t->armed = false;
      t->fn(t->ctx);
    }
  }
  p->now_ms = until;
}

void fake_send(wc_socket *s, base_span message) { post(s, EV_TO_CLIENT, s->plat->latency_ms, message, 0); }

void fake_close(wc_socket *s, int code) {
  s->open = false; /* like a SIGKILL: what was on the way to the server is lost */
  post(s, EV_CLOSED, s->plat->latency_ms, base_span_of(NULL, 0), code);
}
