#include "gateway/tracer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "gateway/obs/obs.h"
#include "rpc/client.h"

enum { TICK_MS = 1000, FLUSH_TICK_MS = 20, FLUSH_MS = 2000 };

struct gw_tracer {
  rpc_client *client;
  ponte_channel *channel;
  otlp *exporter;
  net_timer *timer;
  void (*done)(void *ctx); /* while flushing */
  void *ctx;
  int64_t flush_end_ms;
};

/* The client wakes nobody: a span may wait for the next tick. */
static void on_timer(void *ctx) {
  gw_tracer *t = ctx;
  int64_t now_ms = base_now_ms();
  rpc_client_drain(t->client);
  otlp_tick(t->exporter, now_ms);
  if (t->done && (otlp_is_idle(t->exporter) || now_ms >= t->flush_end_ms)) {
    void (*done)(void *) = t->done;
    t->done = NULL;
    done(t->ctx);
    return;
  }
  net_timer_set(t->timer, t->done ? FLUSH_TICK_MS : TICK_MS);
}

static base_err make(gw_tracer *t, net_loop *loop, const gw_config *c) {
  char instance[BASE_UUID_SIZE];
  base_uuid7(instance);
  BASE_TRY(rpc_client_new(&(rpc_client_options){0}, &t->client));
  BASE_TRY(rpc_channel_new(t->client, c->tracing.endpoint, &(rpc_channel_options){0}, &t->channel));
  BASE_TRY(otlp_new(t->channel, c->tracing.service_name, instance, &t->exporter));
  t->timer = net_timer_new(loop, on_timer, t);
  return t->timer ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err gw_tracer_new(net_loop *loop, const gw_config *config, gw_tracer **out) {
  *out = NULL;
  if (config->tracing.endpoint == NULL) {
    return BASE_OK;
  }
  gw_tracer *t = calloc(1, sizeof *t);
  if (t == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  base_err e = make(t, loop, config);
  if (!base_is_ok(e)) {
    gw_tracer_free(t);
    return e;
  }
  gw_obs_trace_to(t->exporter, config->tracing.sample_ratio);
  net_timer_set(t->timer, TICK_MS);
  *out = t;
  return BASE_OK;
}

void gw_tracer_flush(gw_tracer *t, void (*done)(void *ctx), void *ctx) {
  if (t == NULL) {
    done(ctx);
    return;
  }
  t->done = done;
  t->ctx = ctx;
  t->flush_end_ms = base_now_ms() + FLUSH_MS;
  net_timer_set(t->timer, 0);
}

/* The client last: it delivers the last answer, with which the exporter goes. */
void gw_tracer_free(gw_tracer *t) {
  if (t == NULL) {
    return;
  }
  gw_obs_trace_to(NULL, 0);
  net_timer_free(t->timer);
  otlp_free(t->exporter);
  if (t->channel) {
    rpc_channel_free(t->channel);
  }
  if (t->client) {
    rpc_client_free(t->client);
  }
  free(t);
}
