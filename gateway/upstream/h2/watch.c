/* watch.c - health of one connection by grpc.health.v1: a Watch that runs as long as the connection takes calls (gRFC A17). */
#include "base/clock.h"
#include "base/log.h"
#include "gateway/upstream/h2/cluster_internal.h"

enum { CREDIT = 4096, REQUEST_MAX = 512, STATUS_UNIMPLEMENTED = 12 };

static void set_health(gw__link *k, enum gw__health health, const char *why) {
  gw__endpoint *e = k->endpoint;
  if (health == k->health) {
    return;
  }
  if (health == GW__SICK || k->health == GW__SICK) {
    BASE_LOG(health == GW__SICK ? BASE_LOG_WARN : BASE_LOG_INFO,
             health == GW__SICK ? "upstream unhealthy" : "upstream healthy",
             LOG_STR("cluster", e->cluster->options.name), LOG_STR("address", e->address), LOG_STR("reason", why));
  }
  k->health = health;
  gw__work(e->cluster, base_now_ms());
}

static void on_headers(void *ctx, const wire_metadata *headers) { (void)ctx, (void)headers; }
static void on_written(void *ctx, size_t bytes) { (void)ctx, (void)bytes; }

static void on_data(void *ctx, base_span run) {
  gw__link *k = ctx;
  uint64_t status = UINT64_MAX;
  gw_h2c_credit(k->watch, run.n);
  base_err e = gw__health_read(&k->reader, run, &status);
  if (!base_is_ok(e)) {
    gw_h2c_cancel(k->watch);
    set_health(k, GW__SICK, base_err_text(e));
    return;
  }
  if (status != UINT64_MAX && k->state == GW__OPEN) {
    k->watch_failures = 0;
    set_health(k, status == GW__HEALTH_SERVING ? GW__WELL : GW__SICK, "its health service says so");
  }
}

static void on_status(void *ctx, const wire_status *status, bool unprocessed) {
  gw__link *k = ctx;
  (void)unprocessed;
  k->watch = NULL;
  if (k->state != GW__OPEN) {
    return;
  }
  if (status->code == STATUS_UNIMPLEMENTED) {
    set_health(k, GW__WELL, "it has no health service");
    return;
  }
  gw__cluster *c = k->endpoint->cluster;
  k->watch_due_ms = base_now_ms() + gw__backoff_ms(c, k->watch_failures++);
  gw__arm(c, k->watch_due_ms);
  set_health(k, GW__SICK, "its health service does not answer");
}

static const gw_h2c_call_events events = {on_headers, on_data, on_written, on_status};

static base_err begin(gw__link *k) {
  const gw_cluster_options *o = &k->endpoint->cluster->options;
  base_buf request;
  base_buf_init(&request, REQUEST_MAX);
  base_err e = gw__health_request(o->health_service ? o->health_service : "", &request);
  if (base_is_ok(e)) {
    e = gw_h2c_start(k->session, base_span_str(GW__HEALTH_WATCH), 0, NULL, &events, k, &k->watch);
  }
  if (base_is_ok(e)) {
    gw_h2c_credit(k->watch, CREDIT);
    e = gw_h2c_write(k->watch, base_buf_span(&request), true);
  }
  base_buf_dispose(&request);
  return e;
}

void gw__watch_start(gw__link *k, int64_t now_ms) {
  gw__health_reader_dispose(&k->reader);
  gw__health_reader_init(&k->reader);
  k->watch_due_ms = INT64_MAX;
  if (!base_is_ok(begin(k))) {
    if (k->watch) {
      gw_h2c_cancel(k->watch); /* its status asks for the next try */
      return;
    }
    k->watch_due_ms = now_ms + gw__backoff_ms(k->endpoint->cluster, k->watch_failures++);
    gw__arm(k->endpoint->cluster, k->watch_due_ms);
  }
}
