#include "gateway/generation.h"

#include <stdlib.h>

#include "gateway/upstream/router.h"

/* Routes of one cluster share it. */
static base_err make_router(gw_generation *g, const gw_generation_parts *parts, const gw_config *c, base_buf *why) {
  gw_upstream *clusters[GW_CONFIG_CLUSTERS] = {0};
  BASE_TRY(gw_router_new(&g->upstream));
  for (int i = 0; i < c->route_count; i++) {
    const gw_route *r = &c->routes[i];
    gw_upstream **cluster = &clusters[r->cluster_index];
    if (*cluster == NULL) {
      BASE_TRY(gw_cluster_new(parts->loop, parts->client, &c->clusters[r->cluster_index], why, cluster));
    }
    BASE_TRY(gw_router_add(g->upstream, r->prefix, *cluster));
  }
  return BASE_OK;
}

static base_err make_front(gw_generation *g, const gw_generation_parts *parts, const gw_config *c,
                           const gw_limits_options *limits) {
  const gw_ws_options ws = {.mux = {.max_calls = limits->calls_per_connection, .idle_ms = limits->idle_ms},
                            .deflate = c->deflate,
                            .lifetime_ms = limits->lifetime_ms};
  const http_h1_options h1 = {.max_header_bytes = limits->header_bytes,
                              .head_timeout_ms = limits->header_ms,
                              .body_timeout_ms = limits->body_ms,
                              .idle_timeout_ms = limits->keep_alive_ms,
                              .lifetime_ms = limits->lifetime_ms,
                              .on_upgrade = gw_routes_on_upgrade};
  BASE_TRY(gw_ws_hub_new(parts->loop, parts->gate, &ws, &g->hub));
  return http_h1_server_new(parts->loop, &parts->app, &h1, &g->h1);
}

base_err gw_generation_new(const gw_generation_parts *parts, const gw_shared *shared, base_buf *why,
                           gw_generation **out) {
  const gw_limits_options limits = gw_limits_with_defaults(&shared->config->limits);
  gw_generation *g = calloc(1, sizeof *g);
  if (g == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  base_err e = make_router(g, parts, shared->config, why);
  if (base_is_ok(e)) {
    e = make_front(g, parts, shared->config, &limits);
  }
  if (!base_is_ok(e)) {
    gw_generation_free(g);
    if (base_buf_size(why) > 0) {
      return e;
    }
    base_err told = base_buf_printf(why, "the way to the services: %s", base_err_text(e));
    return base_is_ok(told) ? e : told;
  }
  *out = g;
  return BASE_OK;
}

static void free_upstream(gw_generation *g) {
  if (g->upstream) {
    g->upstream->vt->free(g->upstream);
    g->upstream = NULL;
  }
}

bool gw_generation_retire(gw_generation *g) {
  if (g->upstream && g->upstream->calls == 0) {
    free_upstream(g);
  }
  return g->upstream == NULL && gw_ws_hub_count(g->hub) == 0 && http_h1_server_connections(g->h1) == 0;
}

void gw_generation_stop(gw_generation *g) {
  for (; g; g = g->older) {
    if (g->upstream) {
      g->upstream->vt->stop(g->upstream);
    }
  }
}

void gw_generation_free(gw_generation *g) {
  while (g) {
    gw_generation *older = g->older;
    http_h1_server_free(g->h1);
    gw_ws_hub_free(g->hub);
    free_upstream(g);
    free(g);
    g = older;
  }
}
