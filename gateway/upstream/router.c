#include "gateway/upstream/router.h"

#include <stdlib.h>

struct route {
  char *text;
  size_t n;
  bool exact; /* one method */
  gw_upstream *leg;
};

struct router {
  gw_upstream base;
  struct route *routes; /* longer ones first, so that the first match is the right one */
  size_t count;
  gw_upstream **legs; /* each once */
  size_t leg_count;
};

static gw_upstream *find(const struct router *r, base_span path) {
  for (size_t i = 0; i < r->count; i++) {
    const struct route *at = &r->routes[i];
    if (at->exact ? base_span_is(path, at->text) : base_span_starts(path, at->text)) {
      return at->leg;
    }
  }
  return NULL;
}

static base_err router_start(gw_upstream *u, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                             const gw_up_events *events, void *ctx, gw_up_call **out) {
  gw_upstream *leg = find((struct router *)u, path);
  if (leg == NULL) {
    return base_fail(BASE_E_NO_ROUTE);
  }
  return leg->vt->start(leg, path, timeout_ms, metadata, events, ctx, out);
}

static bool router_is_ready(gw_upstream *u) {
  const struct router *r = (struct router *)u;
  bool all = r->leg_count > 0;
  /* Each is asked, also after a failure: asking is what makes a leg connect. */
  for (size_t i = 0; i < r->leg_count; i++) {
    all = r->legs[i]->vt->is_ready(r->legs[i]) && all;
  }
  return all;
}

static void router_stop(gw_upstream *u) {
  const struct router *r = (struct router *)u;
  for (size_t i = 0; i < r->leg_count; i++) {
    r->legs[i]->vt->stop(r->legs[i]);
  }
}

static void router_free(gw_upstream *u) {
  struct router *r = (struct router *)u;
  for (size_t i = 0; i < r->leg_count; i++) {
    r->legs[i]->vt->free(r->legs[i]);
  }
  for (size_t i = 0; i < r->count; i++) {
    free(r->routes[i].text);
  }
  free(r->routes);
  free(r->legs);
  free(r);
}

/* write, credit and cancel are absent: a call names the leg that carries it. */
static const gw_upstream_vt router_vt = {
    .start = router_start,
    .is_ready = router_is_ready,
    .stop = router_stop,
    .free = router_free,
};

base_err gw_router_new(gw_upstream **out) {
  struct router *r = calloc(1, sizeof *r);
  if (r == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  r->base.vt = &router_vt;
  *out = &r->base;
  return BASE_OK;
}

static bool is_name(const char *at, size_t n) {
  static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return n > 0 && strspn(at, bytes) >= n;
}

bool gw_router_prefix_ok(const char *route) {
  size_t n = strlen(route);
  if (n == 0 || route[0] != '/') {
    return false;
  }
  const char *slash = strchr(route + 1, '/');
  if (slash == NULL) {
    return n == 1 || (n > 2 && route[n - 1] == '.' && is_name(route + 1, n - 1));
  }
  const char *method = slash + 1;
  return is_name(route + 1, (size_t)(slash - route) - 1) && (*method == 0 || is_name(method, strlen(method)));
}

static base_err keep_leg(struct router *r, gw_upstream *leg) {
  gw_upstream **grown = realloc(r->legs, (r->leg_count + 1) * sizeof *grown);
  if (grown == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  r->legs = grown;
  grown[r->leg_count++] = leg;
  if (leg->max_message_bytes > r->base.max_message_bytes) {
    r->base.max_message_bytes = leg->max_message_bytes;
  }
  return BASE_OK;
}

static bool has_leg(const struct router *r, const gw_upstream *leg) {
  for (size_t i = 0; i < r->leg_count; i++) {
    if (r->legs[i] == leg) {
      return true;
    }
  }
  return false;
}

static base_err insert(struct router *r, const char *route, gw_upstream *leg) {
  size_t n = strlen(route), at = 0;
  if (!gw_router_prefix_ok(route)) {
    return base_fail(BASE_E_INVALID);
  }
  for (size_t i = 0; i < r->count; i++) {
    if (strcmp(r->routes[i].text, route) == 0) {
      return base_fail(BASE_E_EXISTS);
    }
    at += r->routes[i].n >= n;
  }
  struct route *grown = realloc(r->routes, (r->count + 1) * sizeof *grown);
  if (grown == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  r->routes = grown;
  char *copy = strdup(route);
  if (copy == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  bool exact = route[n - 1] != '/' && route[n - 1] != '.';
  memmove(grown + at + 1, grown + at, (r->count - at) * sizeof *grown);
  grown[at] = (struct route){.text = copy, .n = n, .exact = exact, .leg = leg};
  r->count++;
  return BASE_OK;
}

base_err gw_router_add(gw_upstream *router, const char *route, gw_upstream *leg) {
  struct router *r = (struct router *)router;
  if (!has_leg(r, leg)) {
    base_err e = keep_leg(r, leg);
    if (!base_is_ok(e)) {
      leg->vt->free(leg);
      return e;
    }
  }
  return insert(r, route, leg);
}
