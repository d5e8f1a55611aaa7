#include "gateway/upstream/fake.h"

#include <stdio.h>
#include <stdlib.h>

enum { WRITTEN_MAX = 64 << 20 };

static gw_fake_call *call_of(gw_up_call *c) { return (gw_fake_call *)c; }

static base_err fake_start(gw_upstream *u, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                           const gw_up_events *events, void *ctx, gw_up_call **out) {
  gw_fake *f = (gw_fake *)u;
  BASE_TRY(f->start_error);
  gw_fake_call *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  c->base.upstream = u;
  c->events = events;
  c->ctx = ctx;
  c->fake = f;
  c->timeout_ms = timeout_ms;
  snprintf(c->path, sizeof c->path, "%.*s", BASE_SPAN_ARG(path));
  wire_metadata_init(&c->metadata);
  base_buf_init(&c->written, WRITTEN_MAX);
  base_err e = metadata ? wire_metadata_merge(&c->metadata, metadata) : BASE_OK;
  if (!base_is_ok(e)) {
    wire_metadata_dispose(&c->metadata);
    free(c);
    return e;
  }
  c->next = f->calls;
  f->calls = c;
  *out = &c->base;
  return BASE_OK;
}

static base_err fake_write(gw_up_call *base, base_span bytes, bool end) {
  gw_fake_call *c = call_of(base);
  BASE_TRY(c->fake->write_error);
  c->ended = c->ended || end;
  return base_buf_append(&c->written, bytes);
}

static void fake_credit(gw_up_call *c, size_t bytes) { call_of(c)->credit += (int64_t)bytes; }
static void fake_cancel(gw_up_call *c) { call_of(c)->cancelled = true; }
static bool fake_is_ready(gw_upstream *u) { return ((gw_fake *)u)->ready; }
static void fake_stop(gw_upstream *u) { (void)u; }
static void fake_free(gw_upstream *u) { (void)u; }

static const gw_upstream_vt fake_vt = {
    .start = fake_start,
    .write = fake_write,
    .credit = fake_credit,
    .cancel = fake_cancel,
    .is_ready = fake_is_ready,
    .stop = fake_stop,
    .free = fake_free,
};

void gw_fake_init(gw_fake *f) { *f = (gw_fake){.base = {.vt = &fake_vt, .max_message_bytes = 4 << 20}, .ready = true}; }

void gw_fake_dispose(gw_fake *f) {
  while (f->calls) {
    gw_fake_status(f->calls, 1, "the fake ends");
  }
}

void gw_fake_headers(gw_fake_call *c, const char *key, const char *value) {
  wire_metadata m;
  wire_metadata_init(&m);
  if (base_is_ok(wire_metadata_add_str(&m, key, value))) {
    c->events->on_headers(c->ctx, &m);
  }
  wire_metadata_dispose(&m);
}

void gw_fake_data(gw_fake_call *c, base_span run) {
  c->credit -= (int64_t)run.n;
  c->events->on_data(c->ctx, run);
}

void gw_fake_take(gw_fake_call *c) {
  size_t bytes = base_buf_size(&c->written) - c->reported;
  c->reported += bytes;
  c->events->on_written(c->ctx, bytes);
}

void gw_fake_status(gw_fake_call *c, int code, const char *message) {
  gw_fake_call **at = &c->fake->calls;
  while (*at != c) {
    at = &(*at)->next;
  }
  *at = c->next;
  wire_status s;
  wire_status_init(&s);
  wire_status_set(&s, code, "%s", message);
  c->events->on_status(c->ctx, &s);
  wire_status_dispose(&s);
  wire_metadata_dispose(&c->metadata);
  base_buf_dispose(&c->written);
  free(c);
}

void gw_fake_end_cancelled(gw_fake *f) {
  for (gw_fake_call *c = f->calls, *next = NULL; c; c = next) {
    next = c->next;
    if (c->cancelled) {
      gw_fake_status(c, 1, "cancelled");
    }
  }
}
