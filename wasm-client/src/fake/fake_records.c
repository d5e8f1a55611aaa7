/* fake_records.c - the records and locks of the platform of virtual time. Answers come from fake_run(), at the time of the question. */
#include <stdlib.h>

#include "wc/fake/fake_plat.h"

struct fake_record {
  char key[WC_RECORD_KEY_MAX + 1];
  uint8_t *bytes;
  size_t n;
  fake_record *next;
};

struct fake_request {
  fake_plat *plat;
  wc_timer *timer;
  void (*got)(void *ctx, base_err e, base_span value); /* or */
  void (*put)(void *ctx, base_err e);
  void *ctx;
  base_err result;
  uint8_t *bytes;
  size_t n;
  fake_request *next;
};

static void *memory(size_t n) {
  void *p = calloc(1, n ? n : 1);
  if (!p) abort();
  return p;
}

static uint8_t *copy_of(base_span s) {
  uint8_t *p = memory(s.n);
  if (s.n) memcpy(p, s.p, s.n);
  return p;
}

base_span fake_record_of(const fake_plat *p, const char *key) {
  for (const fake_record *r = p->records; r; r = r->next) {
    if (strcmp(r->key, key) == 0) return base_span_of(r->bytes, r->n);
  }
  return base_span_of(NULL, 0);
}

static void forget(fake_plat *p, const char *key) {
  for (fake_record **at = &p->records; *at; at = &(*at)->next) {
    fake_record *r = *at;
    if (strcmp(r->key, key) != 0) continue;
    *at = r->next;
    free(r->bytes);
    free(r);
    return;
  }
}

static void keep(fake_plat *p, const char *key, base_span value) {
  forget(p, key);
  if (!value.n) return;
  fake_record *r = memory(sizeof *r);
  memcpy(r->key, key, strlen(key) + 1);
  r->bytes = copy_of(value);
  r->n = value.n;
  r->next = p->records;
  p->records = r;
}

static void on_request(void *ctx) {
  fake_request *q = ctx, **at = &q->plat->requests;
  while (*at != q)
    at = &(*at)->next;
  *at = q->next;
  q->plat->base.vt->timer_free(q->timer);
  if (q->got)
    q->got(q->ctx, q->result, base_span_of(q->bytes, base_is_ok(q->result) ? q->n : 0));
  else
    q->put(q->ctx, q->result);
  free(q->bytes);
  free(q);
}

static fake_request *request_new(wc_plat *base, const char *key, void *ctx) {
  fake_plat *p = (fake_plat *)base;
  fake_request *q = memory(sizeof *q);
  *q = (fake_request){.plat = p, .ctx = ctx, .next = p->requests};
  p->requests = q;
  q->timer = base->vt->timer_new(base, on_request, q);
  base->vt->timer_set(q->timer, 0);
  q->result = p->no_records           ? base_fail(BASE_E_UNAVAILABLE)
              : wc_record_key_ok(key) ? BASE_OK
                                      : base_fail(BASE_E_INVALID);
  return q;
}

void fake_record_get(wc_plat *p, const char *key, void (*done)(void *, base_err, base_span), void *ctx) {
  fake_request *q = request_new(p, key, ctx);
  q->got = done;
  if (!base_is_ok(q->result)) return;
  base_span value = fake_record_of(q->plat, key);
  q->bytes = copy_of(value);
  q->n = value.n;
}

void fake_record_put(wc_plat *p, const char *key, base_span value, void (*done)(void *, base_err), void *ctx) {
  fake_request *q = request_new(p, key, ctx);
  q->put = done;
  q->plat->puts++;
  if (base_is_ok(q->result) && value.n > WC_RECORD_MAX) q->result = base_fail(BASE_E_TOO_LARGE);
  if (base_is_ok(q->result) && q->plat->lost_puts > 0) {
    q->plat->lost_puts--;
    q->result = base_fail(BASE_E_IO);
  }
  if (base_is_ok(q->result)) keep(q->plat, key, value);
}

/* -- locks */

static void on_lock(void *ctx) {
  wc_lock *l = ctx;
  l->held(l->ctx);
}

/* The oldest of each name has it. */
static void hand_over(fake_plat *p, const char *name) {
  for (wc_lock *l = p->locks; l; l = l->next) {
    if (strcmp(l->name, name) != 0) continue;
    if (!l->ours) p->base.vt->timer_set(l->told, 0);
    l->ours = true;
    return;
  }
}

wc_lock *fake_lock_take(wc_plat *p, const char *name, void (*held)(void *), void *ctx) {
  fake_plat *plat = (fake_plat *)p;
  wc_lock *l = memory(sizeof *l);
  *l = (wc_lock){.plat = plat, .held = held, .ctx = ctx};
  strncpy(l->name, name, WC_RECORD_KEY_MAX);
  l->told = p->vt->timer_new(p, on_lock, l);
  wc_lock **at = &plat->locks;
  while (*at)
    at = &(*at)->next;
  *at = l;
  hand_over(plat, l->name);
  return l;
}

void fake_lock_release(wc_lock *l) {
  if (!l) return;
  fake_plat *p = l->plat;
  wc_lock **at = &p->locks;
  while (*at != l)
    at = &(*at)->next;
  *at = l->next;
  hand_over(p, l->name);
  p->base.vt->timer_free(l->told);
  free(l);
}

void fake_records_dispose(fake_plat *p) {
  while (p->requests) {
    p->requests->result = base_fail(BASE_E_CANCELLED);
    on_request(p->requests);
  }
  while (p->records)
    forget(p, p->records->key);
  while (p->locks)
    fake_lock_release(p->locks);
}
