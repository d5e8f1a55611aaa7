#include "gateway/upstream/core.h"

#include <stdlib.h>

enum { DEFAULT_MAX_MESSAGE = 4 << 20 };

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
    .free = core_free,
};

base_err gw_core_new(rpc_client *client, const char *target, uint32_t max_message_bytes, gw_upstream **out) {
  struct core *u = calloc(1, sizeof *u);
  if (u == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  u->base.vt = &core_vt;
  u->base.max_message_bytes = max_message_bytes ? max_message_bytes : DEFAULT_MAX_MESSAGE;
  base_err e = rpc_channel_new(
      client, target, &(rpc_channel_options){.max_message_bytes = u->base.max_message_bytes, .pass_compressed = true},
      &u->channel);
  if (!base_is_ok(e)) {
    free(u);
    return e;
  }
  *out = &u->base;
  return BASE_OK;
}
