#include "gateway/upstream/core.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/upstream/target.h"

enum { PEM_MAX = 1 << 20, TEXT_MAX = 64 << 10 };

struct core {
  gw_upstream base;
  ponte_channel *channel;
};

struct core_call {
  gw_up_call base;
  rpc_pipe *pipe;
  const gw_up_events *events;
  void *ctx;
};

static void on_headers(void *ctx, const wire_metadata *headers) {
  struct core_call *c = ctx;
  c->events->on_headers(c->ctx, headers);
}

static void on_data(void *ctx, base_span run) {
  struct core_call *c = ctx;
  c->events->on_data(c->ctx, run);
}

static void on_written(void *ctx, size_t bytes) {
  struct core_call *c = ctx;
  c->events->on_written(c->ctx, bytes);
}

static void on_status(void *ctx, const wire_status *status) {
  struct core_call *c = ctx;
  c->events->on_status(c->ctx, status);
  free(c);
}

static const rpc_pipe_events pipe_events = {on_headers, on_data, on_written, on_status};

static base_err core_start(gw_upstream *u, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                           const gw_up_events *events, void *ctx, gw_up_call **out) {
  struct core_call *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  c->base.upstream = u;
  c->events = events;
  c->ctx = ctx;
  base_err e = rpc_pipe_start(((struct core *)u)->channel, path, timeout_ms, metadata, &pipe_events, c, &c->pipe);
  if (!base_is_ok(e)) {
    free(c);
    return e;
  }
  *out = &c->base;
  return BASE_OK;
}

static base_err core_write(gw_up_call *c, base_span bytes, bool end) {
  return rpc_pipe_write(((struct core_call *)c)->pipe, bytes, end);
}

static void core_credit(gw_up_call *c, size_t bytes) { rpc_pipe_credit(((struct core_call *)c)->pipe, bytes); }

static void core_cancel(gw_up_call *c) { rpc_pipe_cancel(((struct core_call *)c)->pipe); }

static bool core_is_ready(gw_upstream *u) { return rpc_channel_is_ready(((struct core *)u)->channel, true); }

/* The channel's calls belong to the client, which outlives the loop. */
static void core_stop(gw_upstream *u) { (void)u; }

static void core_free(gw_upstream *u) {
  rpc_channel_free(((struct core *)u)->channel);
  free(u);
}

static const gw_upstream_vt core_vt = {
    .start = core_start,
    .write = core_write,
    .credit = core_credit,
    .cancel = core_cancel,
    .is_ready = core_is_ready,
    .stop = core_stop,
    .free = core_free,
};

/* -- making one -- */

base_err gw_core_target(const gw_cluster_options *o, base_buf *out) {
  if (o->target_count == 1) {
    return base_buf_str(out, o->targets[0]);
  }
  bool v6 = false;
  for (int i = 0; i < o->target_count; i++) {
    gw_target t;
    if (!base_is_ok(gw_target_parse(o->targets[i], &t)) || t.kind != GW_TARGET_ADDRESS) {
      return base_fail(BASE_E_INVALID);
    }
    bool is_v6 = t.address[0] == '[';
    if (i > 0 && is_v6 != v6) {
      return base_fail(BASE_E_INVALID);
    }
    v6 = is_v6;
    const char *before = i > 0 ? "," : v6 ? "ipv6:" : "ipv4:";
    BASE_TRY(base_buf_str(out, before));
    BASE_TRY(base_buf_str(out, t.address));
  }
  return BASE_OK;
}

base_err gw_core_service_config(const gw_cluster_options *o, base_buf *out) {
  if (o->balance == GW_LEAST_REQUEST) {
    return base_fail(BASE_E_INVALID);
  }
  if (o->service_config) {
    return base_buf_str(out, o->service_config);
  }
  const char *policy = o->balance == GW_PICK_FIRST ? "pick_first" : "round_robin";
  BASE_TRY(base_buf_printf(out, "{\"loadBalancingConfig\":[{\"%s\":{}}]", policy));
  if (o->health_check) {
    BASE_TRY(base_buf_str(out, ",\"healthCheckConfig\":{\"serviceName\":"));
    BASE_TRY(base_buf_json(out, base_span_str(o->health_service ? o->health_service : "")));
    BASE_TRY(base_buf_str(out, "}"));
  }
  return base_buf_str(out, "}");
}

/* A whole file as a C string at *out, which points into `into`; NULL stays NULL. */
static base_err read_pem(const char *file, base_buf *into, const char **out, base_buf *why) {
  uint8_t *room = NULL;
  *out = NULL;
  if (file == NULL) {
    return BASE_OK;
  }
  FILE *f = fopen(file, "re");
  BASE_TRY(base_buf_reserve(into, PEM_MAX, &room));
  size_t n = f ? fread(room, 1, PEM_MAX, f) : 0;
  bool ok = f && ferror(f) == 0 && n > 0 && n < PEM_MAX;
  if (f) {
    fclose(f);
  }
  if (!ok) {
    base_err told = base_buf_printf(why, "%s cannot be read", file);
    return base_is_ok(told) ? base_fail(BASE_E_INVALID) : told;
  }
  room[n] = 0;
  base_buf_commit(into, n + 1);
  *out = (const char *)room;
  return BASE_OK;
}

struct texts {
  base_buf target, config, pem[3];
};

static base_err open_channel(struct core *u, rpc_client *client, const gw_cluster_options *o, struct texts *t,
                             base_buf *why) {
  rpc_channel_tls tls = {.server_name = o->tls_server_name};
  BASE_TRY(gw_core_target(o, &t->target));
  BASE_TRY(base_buf_u8(&t->target, 0));
  BASE_TRY(gw_core_service_config(o, &t->config));
  BASE_TRY(base_buf_u8(&t->config, 0));
  if (o->tls) {
    BASE_TRY(read_pem(o->tls_ca, &t->pem[0], &tls.ca, why));
    BASE_TRY(read_pem(o->tls_cert, &t->pem[1], &tls.cert, why));
    BASE_TRY(read_pem(o->tls_key, &t->pem[2], &tls.key, why));
  }
  const rpc_channel_options options = {.max_message_bytes = o->max_message_bytes,
                                       .pass_compressed = true,
                                       .tls = o->tls ? &tls : NULL,
                                       .service_config = (const char *)base_buf_span(&t->config).p,
                                       .keepalive_ms = o->keepalive_ms};
  return rpc_channel_new(client, (const char *)base_buf_span(&t->target).p, &options, &u->channel);
}

base_err gw_core_new(rpc_client *client, const gw_cluster_options *options, base_buf *why, gw_upstream **out) {
  struct texts texts;
  struct core *u = calloc(1, sizeof *u);
  if (u == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  u->base.vt = &core_vt;
  u->base.max_message_bytes = options->max_message_bytes;
  base_buf_init(&texts.target, TEXT_MAX);
  base_buf_init(&texts.config, TEXT_MAX);
  for (size_t i = 0; i < 3; i++) {
    base_buf_init(&texts.pem[i], PEM_MAX);
  }
  base_err e = open_channel(u, client, options, &texts, why);
  base_buf_dispose(&texts.target);
  base_buf_dispose(&texts.config);
  for (size_t i = 0; i < 3; i++) {
    base_buf_dispose(&texts.pem[i]);
  }
  if (!base_is_ok(e)) {
    free(u);
    return e;
  }
  *out = &u->base;
  return BASE_OK;
}
