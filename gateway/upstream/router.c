#include "gateway/upstream/router.h"

#include <stdlib.h>

struct route {
  char *prefix;
  size_t prefix_n;
  gw_upstream *leg;
};

struct router {
  gw_upstream base;
  struct route *routes; /* longer prefixes first, so that the first match is the right one */
  size_t count;
};

static gw_upstream *find(const struct router *r, base_span path) {
  for (size_t i = 0; i < r->count; i++) {
    if (base_span_starts(path, r->routes[i].prefix)) {
      return r->routes[i].leg;
    }
  }
  return NULL;
}

static base_err router_start(gw_upstream *u, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                             const gw_up_events *events, void *ctx, gw_up_call **out) {
  gw_upstream *leg = find((struct router *)u, path);
  if (leg == NULL) {
    return base_fail(BASE_E_UNIMPLEMENTED);
  }
  return leg->vt->start(leg, path, timeout_ms, metadata, events, ctx, out);
}

static bool router_is_ready(gw_upstream *u) {
  const struct router *r = (struct router *)u;
  bool all = r->count > 0;
  /* Each is asked, also after a failure: asking is what makes a leg connect. */
  for (size_t i = 0; i < r->count; i++) {
    all = r->routes[i].leg->vt->is_ready(r->routes[i].leg) && all;
  }
  return all;
}

/* Several routes may lead to one leg. */
static bool has_leg(const struct router *r, size_t first, const gw_upstream *leg) {
  for (size_t i = first; i < r->count; i++) {
    if (r->routes[i].leg == leg) {
      return true;
    }
  }
  return false;
}

static void router_free(gw_upstream *u) {
  struct router *r = (struct router *)u;
  for (size_t i = 0; i < r->count; i++) {
    if (!has_leg(r, i + 1, r->routes[i].leg)) {
      r->routes[i].leg->vt->free(r->routes[i].leg);
    }
    free(r->routes[i].prefix);
  }
  free(r->routes);
  free(r);
}

/* write, credit and cancel are absent: a call names the leg that carries it. */
static const gw_upstream_vt router_vt = {.start = router_start, .is_ready = router_is_ready, .free = router_free};

base_err gw_router_new(gw_upstream **out) {
  struct router *r = calloc(1, sizeof *r);
  if (r == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  r->base.vt = &router_vt;
  r->base.max_message_bytes = UINT32_MAX;
  *out = &r->base;
  return BASE_OK;
}

bool gw_router_prefix_ok(const char *prefix) {
  size_t n = strlen(prefix);
  if (n == 0 || prefix[0] != '/') {
    return false;
  }
  return n == 1 || (n > 2 && strchr(prefix + 1, '/') == prefix + n - 1);
}

static base_err insert(struct router *r, const char *prefix, gw_upstream *leg) {
  size_t n = strlen(prefix), at = 0;
  if (!gw_router_prefix_ok(prefix)) {
    return base_fail(BASE_E_INVALID);
  }
  for (size_t i = 0; i < r->count; i++) {
    if (strcmp(r->routes[i].prefix, prefix) == 0) {
      return base_fail(BASE_E_EXISTS);
    }
    at += r->routes[i].prefix_n >= n;
  }
  struct route *grown = realloc(r->routes, (r->count + 1) * sizeof *grown);
  if (grown == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  r->routes = grown;
  char *copy = strdup(prefix);
  if (copy == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  memmove(grown + at + 1, grown + at, (r->count - at) * sizeof *grown);
  grown[at] = (struct route){.prefix = copy, .prefix_n = n, .leg = leg};
  r->count++;
  return BASE_OK;
}

base_err gw_router_add(gw_upstream *router, const char *prefix, gw_upstream *leg) {
  struct router *r = (struct router *)router;
  base_err e = insert(r, prefix, leg);
  if (!base_is_ok(e)) {
    if (!has_leg(r, 0, leg)) {
      leg->vt->free(leg);
    }
    return e;
  }
  if (leg->max_message_bytes < r->base.max_message_bytes) {
    r->base.max_message_bytes = leg->max_message_bytes;
  }
  return BASE_OK;
}
