/* link.c - one connection of an endpoint, with its session. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/obs/obs.h"
#include "gateway/upstream/h2/cluster_internal.h"

/* The one writer of ->state; states only move on. */
static void set_state(gw__link *k, enum gw__link_state state) {
  assert(state > k->state);
  k->state = state;
}

static size_t calls(const gw__link *k) { return gw_h2c_calls(k->session) - (k->watch != NULL); }

static void hang_up(gw__link *k) {
  set_state(k, GW__DEAD);
  net_conn_close(k->conn, 0);
}

/* After whatever may have ended a call. */
static void close_if_done(gw__link *k) {
  if (k->state == GW__GOING && calls(k) == 0) {
    hang_up(k);
  }
}

static void stop_taking(gw__link *k) {
  set_state(k, GW__GOING);
  k->watch_due_ms = INT64_MAX;
  if (k->watch) {
    gw_h2c_cancel(k->watch);
  }
}

/* -- the session's sink -- */

static base_err on_send(void *ctx, base_span bytes) {
  gw__link *k = ctx;
  return k->state == GW__DEAD ? base_fail(BASE_E_IO) : net_conn_write(k->conn, bytes);
}
static size_t on_queued(void *ctx) { return net_conn_queued(((gw__link *)ctx)->conn); }
static void on_want_flush(void *ctx) { net_conn_flush_later(((gw__link *)ctx)->conn); }

/* SETTINGS came: now it is a gRPC server's connection. */
static void settle(gw__link *k, int64_t now_ms) {
  gw__endpoint *e = k->endpoint;
  k->settled = true;
  gw_obs_upstream(GW_UPSTREAM_CONNECTIONS, 1);
  k->opened_ms = now_ms;
  if (e->failing) {
    BASE_LOG(BASE_LOG_INFO, "upstream reached", LOG_STR("cluster", e->cluster->options.name),
             LOG_STR("address", e->address));
  }
  e->failing = false;
  if (e->cluster->options.health_check) {
    gw__watch_start(k, now_ms);
  } else {
    k->health = GW__WELL;
  }
}

static void on_room(void *ctx) {
  gw__link *k = ctx;
  gw__cluster *c = k->endpoint->cluster;
  if (k->state != GW__OPEN || (k->settled && c->waiting_count == 0)) {
    return;
  }
  int64_t now_ms = base_now_ms();
  if (!k->settled) {
    settle(k, now_ms);
  }
  gw__work(c, now_ms);
}

static void on_going(void *ctx) {
  gw__link *k = ctx;
  if (k->state == GW__OPEN) {
    int64_t now_ms = base_now_ms();
    stop_taking(k);
    gw__endpoint_lost(k->endpoint, k->opened_ms, now_ms);
    gw__work(k->endpoint->cluster, now_ms);
  }
}

/* The end of a connection that calls could have used. */
static void lose(gw__link *k, const char *why) {
  int64_t now_ms = base_now_ms();
  if (k->settled) {
    BASE_LOG(BASE_LOG_INFO, "upstream connection lost", LOG_STR("cluster", k->endpoint->cluster->options.name),
             LOG_STR("address", k->endpoint->address), LOG_STR("reason", why));
    gw__endpoint_lost(k->endpoint, k->opened_ms, now_ms);
  } else {
    gw__endpoint_failed(k->endpoint, why, now_ms);
  }
}

static void on_dead(void *ctx, base_err why) {
  gw__link *k = ctx;
  bool was_open = k->state == GW__OPEN;
  if (k->state == GW__DEAD) {
    return;
  }
  hang_up(k);
  if (was_open) {
    lose(k, base_err_text(why));
    gw__work(k->endpoint->cluster, base_now_ms());
  }
}

static const gw_h2c_sink sink = {
    .send = on_send,
    .queued = on_queued,
    .want_flush = on_want_flush,
    .on_room = on_room,
    .on_going = on_going,
    .on_dead = on_dead,
};

/* -- the connection's codec -- */

static void on_open(void *codec) {
  gw__link *k = codec;
  gw__endpoint *e = k->endpoint;
  const gw_cluster_options *o = &e->cluster->options;
  if (k->state != GW__CONNECTING) {
    return;
  }
  const gw_h2c_options options = {.authority = o->tls_server_name ? o->tls_server_name : e->target->authority,
                                  .tls = o->tls,
                                  .max_message_bytes = o->max_message_bytes,
                                  .ping_interval_ms = o->keepalive_ms};
  k->opened_ms = base_now_ms();
  base_err err = gw_h2c_new(&options, &sink, k, k->opened_ms, &k->session);
  if (!base_is_ok(err)) {
    hang_up(k);
    gw__endpoint_failed(e, base_err_text(err), k->opened_ms);
    return;
  }
  set_state(k, GW__OPEN);
  net_conn_flush_later(k->conn);
  gw__arm(e->cluster, gw__link_due_ms(k));
}

static void on_bytes(void *codec, base_span bytes) {
  gw__link *k = codec;
  if (k->session && k->state != GW__DEAD) {
    gw_h2c_receive(k->session, bytes, base_now_ms());
    close_if_done(k);
  }
}

static void on_drained(void *codec) {
  gw__link *k = codec;
  if (k->session && k->state != GW__DEAD) {
    gw_h2c_writable(k->session);
  }
}

static void on_flush(void *codec) {
  gw__link *k = codec;
  if (k->session && k->state != GW__DEAD) {
    gw_h2c_flush(k->session, base_now_ms());
    close_if_done(k);
  }
}

static void unlink_from(gw__endpoint *e, gw__link *k) {
  gw__link **at = &e->links;
  while (*at != k) {
    at = &(*at)->next;
  }
  *at = k->next;
  e->cluster->links--;
}

/* What callers and logs are told. */
static void reason(const gw__link *k, char out[GW__WHY]) {
  const char *failure = net_conn_failure(k->conn);
  snprintf(out, GW__WHY, "%s", failure && *failure ? failure : "the server closed the connection");
}

static void on_closed(void *codec) {
  gw__link *k = codec;
  gw__endpoint *e = k->endpoint;
  gw__cluster *c = e->cluster;
  enum gw__link_state was = k->state;
  char why[GW__WHY], text[2 * GW__WHY];
  reason(k, why);
  if (was != GW__DEAD) {
    set_state(k, GW__DEAD);
  }
  if (k->session && was != GW__DEAD) {
    snprintf(text, sizeof text, "the connection to %.100s was lost: %s", e->address, why);
    gw_h2c_close(k->session, text);
  }
  if (was == GW__CONNECTING || was == GW__OPEN) {
    lose(k, why);
  }
  gw_obs_upstream(GW_UPSTREAM_CONNECTIONS, k->settled ? -1 : 0);
  unlink_from(e, k);
  gw_h2c_free(k->session);
  gw__health_reader_dispose(&k->reader);
  free(k);
  gw__endpoints_sweep(c);
  gw__work(c, base_now_ms());
  gw__release(c);
}

static const net_codec_vt codec = {on_bytes, on_drained, on_flush, on_closed};

/* -- what the endpoint asks -- */

base_err gw__link_open(gw__endpoint *e, int64_t now_ms) {
  gw__cluster *c = e->cluster;
  const char *name = c->options.tls_server_name ? c->options.tls_server_name : e->target->host;
  const net_connect_options options = {.address = e->address,
                                       .tls = c->tls,
                                       .server_name = name,
                                       .timeout_ms = c->options.connect_timeout_ms,
                                       .on_open = on_open};
  gw__link *k = calloc(1, sizeof *k);
  if (k == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  k->endpoint = e;
  k->opened_ms = now_ms;
  k->watch_due_ms = INT64_MAX;
  gw__health_reader_init(&k->reader);
  base_err err = net_connect(c->loop, &options, &codec, k, &k->conn);
  if (!base_is_ok(err)) {
    free(k);
    return err;
  }
  k->next = e->links;
  e->links = k;
  c->links++;
  return BASE_OK;
}

void gw__link_leave(gw__link *k) {
  if (k->state == GW__CONNECTING) {
    hang_up(k);
  } else if (k->state == GW__OPEN) {
    stop_taking(k);
    close_if_done(k);
  }
}

void gw__link_close(gw__link *k, const char *why) {
  if (k->state == GW__DEAD) {
    return;
  }
  hang_up(k);
  if (k->session) {
    gw_h2c_close(k->session, why);
  }
}

bool gw__link_is_ready(const gw__link *k) { return k->state == GW__OPEN && k->settled && k->health == GW__WELL; }

size_t gw__link_room(const gw__link *k) { return gw__link_is_ready(k) ? gw_h2c_room(k->session) : 0; }

static int64_t settings_due_ms(const gw__link *k) {
  bool awaited = k->state == GW__OPEN && !k->settled;
  return awaited ? k->opened_ms + k->endpoint->cluster->options.connect_timeout_ms : INT64_MAX;
}

void gw__link_on_time(gw__link *k, int64_t now_ms) {
  if (now_ms >= settings_due_ms(k)) {
    gw__link_close(k, "the server sent no SETTINGS");
    gw__endpoint_failed(k->endpoint, "it sent no SETTINGS: no HTTP/2 server?", now_ms);
    return;
  }
  if (k->session && k->state != GW__DEAD && now_ms >= gw_h2c_next_due_ms(k->session)) {
    gw_h2c_on_time(k->session, now_ms);
    close_if_done(k);
  }
  if (k->state == GW__OPEN && now_ms >= k->watch_due_ms) {
    gw__watch_start(k, now_ms);
  }
}

int64_t gw__link_due_ms(const gw__link *k) {
  if (k->session == NULL || k->state == GW__DEAD) {
    return INT64_MAX;
  }
  int64_t due_ms = gw_h2c_next_due_ms(k->session), settings_ms = settings_due_ms(k);
  due_ms = settings_ms < due_ms ? settings_ms : due_ms;
  return k->watch_due_ms < due_ms ? k->watch_due_ms : due_ms;
}
