#include "gateway/reload.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/conn.h"

static bool no_connections(void *ctx, net_conn *conn) {
  (void)ctx;
  (void)conn;
  return false;
}

base_err gw_place_probe(net_loop *loop, gw_place *place) {
  net_listener *listener = NULL;
  BASE_TRY(
      net_listen(loop, &(net_listener_options){.address = place->address, .on_accept = no_connections}, &listener));
  char *colon = strrchr(place->address, ':');
  snprintf(colon, (size_t)(place->address + sizeof place->address - colon), ":%d", net_listener_port(listener));
  net_listener_close(listener);
  return BASE_OK;
}

/* The one of `before` with the same configured address that no listener of `next` before i has taken. -1: none. */
static int find_before(const gw_config *next, int i, const gw_shared *before) {
  int skip = 0;
  for (int k = 0; k < i; k++) {
    skip += strcmp(next->listen[k].address, next->listen[i].address) == 0;
  }
  for (int k = 0; before && k < before->config->listen_count; k++) {
    if (strcmp(before->config->listen[k].address, next->listen[i].address) == 0 && skip-- == 0) {
      return k;
    }
  }
  return -1;
}

static base_err complain(const gw_listen *l, base_err e, base_buf *reason, base_buf *why) {
  base_err told = base_buf_size(reason) > 0
                      ? base_buf_printf(why, "%s: %.*s", l->address, BASE_SPAN_ARG(base_buf_span(reason)))
                      : base_buf_printf(why, "listening on %s: %s", l->address, base_err_text(e));
  return base_is_ok(told) ? e : told;
}

static base_err make_place(gw_shared *s, int i, net_loop *loop, const gw_shared *before, base_buf *reason) {
  const gw_listen *l = &s->config->listen[i];
  gw_place *place = &s->places[i];
  int same = find_before(s->config, i, before);
  bool is_tls = gw_listen_is_tls(l);
  if (same >= 0) {
    *place = before->places[same];
  } else if ((size_t)snprintf(place->address, sizeof place->address, "%s", l->address) >= sizeof place->address) {
    return base_fail(BASE_E_INVALID);
  }
  if (same >= 0 && is_tls == (place->tls != NULL)) {
    return BASE_OK;
  }
  place->tls = NULL;
  if (is_tls) {
    const net_tls_server_options options = gw_tls_options(&l->tls);
    BASE_TRY(net_tls_server_new(&options, reason, &place->tls));
  }
  if (before && same < 0) {
    base_err e = gw_place_probe(loop, place);
    if (!base_is_ok(e) && l->optional && !base_is(e, BASE_E_IN_USE)) {
      place->address[0] = '\0';
      return BASE_OK;
    }
    return e;
  }
  return BASE_OK;
}

static base_err make_places(gw_shared *s, net_loop *loop, const gw_shared *before, base_buf *why) {
  for (int i = 0; i < s->config->listen_count; i++) {
    base_buf reason;
    base_buf_init(&reason, 2048);
    base_err e = make_place(s, i, loop, before, &reason);
    if (!base_is_ok(e)) {
      e = complain(&s->config->listen[i], e, &reason, why);
    }
    base_buf_dispose(&reason);
    BASE_TRY(e);
  }
  return BASE_OK;
}

base_err gw_shared_new(net_loop *loop, gw_config *config, gw_limits *limits, const gw_shared *before, base_buf *why,
                       gw_shared **out) {
  gw_shared *s = calloc(1, sizeof *s);
  if (s == NULL) {
    gw_config_free(config);
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->config = config;
  s->limits = limits;
  base_err e = gw_auth_is_on(&config->auth) ? gw_auth_new(&config->auth, why, &s->auth) : BASE_OK;
  if (s->auth && before && before->auth) {
    gw_auth_inherit(s->auth, before->auth);
  }
  e = base_is_ok(e) ? make_places(s, loop, before, why) : e;
  if (!base_is_ok(e)) {
    gw_shared_free(s, before);
    return e;
  }
  *out = s;
  return BASE_OK;
}

static bool uses(const gw_shared *s, const net_tls_server *tls) {
  for (int i = 0; s && i < s->config->listen_count; i++) {
    if (s->places[i].tls == tls) {
      return true;
    }
  }
  return false;
}

static bool exchange(const gw_place *place, const net_tls_server_options *options) {
  base_buf reason;
  base_buf_init(&reason, 2048);
  bool ok = base_is_ok(net_tls_server_reload(place->tls, options, &reason));
  if (!ok) {
    BASE_LOG(BASE_LOG_ERROR, "the certificate stays", LOG_STR("address", place->address),
             LOG_SPAN("reason", base_buf_span(&reason)));
  }
  base_buf_dispose(&reason);
  return ok;
}

void gw_shared_commit(gw_shared *next, const gw_shared *before) {
  for (int i = 0; i < next->config->listen_count; i++) {
    const gw_place *place = &next->places[i];
    const net_tls_server_options options = gw_tls_options(&next->config->listen[i].tls);
    if (place->tls && uses(before, place->tls)) {
      exchange(place, &options);
    }
  }
}

void gw_shared_look_at_certificates(gw_shared *s) {
  for (int i = 0; i < s->config->listen_count; i++) {
    const gw_place *place = &s->places[i];
    if (place->tls && net_tls_server_is_stale(place->tls) && exchange(place, NULL)) {
      BASE_LOG(BASE_LOG_INFO, "new certificate", LOG_STR("address", place->address));
    }
  }
}

void gw_shared_free(gw_shared *s, const gw_shared *next) {
  if (s == NULL) {
    return;
  }
  for (int i = 0; i < s->config->listen_count; i++) {
    if (s->places[i].tls && !uses(next, s->places[i].tls)) {
      net_tls_server_free(s->places[i].tls);
    }
  }
  gw_auth_free(s->auth);
  gw_config_free(s->config);
  free(s);
}

void gw_reload_note_fixed(const gw_config *before, const gw_config *next) {
  if (strcmp(before->admin, next->admin) != 0) {
    BASE_LOG(BASE_LOG_WARN, "changes with a restart only", LOG_STR("key", "admin"), LOG_STR("value", before->admin));
  }
  if (before->workers != next->workers) {
    BASE_LOG(BASE_LOG_WARN, "changes with a restart only", LOG_STR("key", "workers"),
             LOG_INT("value", before->workers));
  }
  const char *endpoint = before->tracing.endpoint ? before->tracing.endpoint : "";
  if (strcmp(endpoint, next->tracing.endpoint ? next->tracing.endpoint : "") != 0 ||
      strcmp(before->tracing.service_name, next->tracing.service_name) != 0 ||
      before->tracing.sample_ratio < next->tracing.sample_ratio ||
      before->tracing.sample_ratio > next->tracing.sample_ratio) {
    BASE_LOG(BASE_LOG_WARN, "changes with a restart only", LOG_STR("key", "tracing"), LOG_STR("value", endpoint));
  }
}
