/* endpoint.c - the addresses of a cluster: which there are, which are connected, and which the next call goes to. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "gateway/obs/obs.h"
#include "gateway/upstream/h2/cluster_internal.h"

/* A connection that stood shorter than this counts as a failed try: a server that accepts and hangs up must not be called in a circle. */
enum { STOOD_MS = 1000 };

/* -- which there are -- */

static bool is_at(const gw__endpoint *e, const char *address) { return strcmp(e->address, address) == 0; }

/* Takes the endpoint of this address out of those known, or makes one. */
static gw__endpoint *take(gw__cluster *c, gw__endpoint **known, size_t n, const char *address,
                          const gw_target *target) {
  for (size_t i = 0; i < n; i++) {
    if (known[i] && is_at(known[i], address)) {
      gw__endpoint *e = known[i];
      known[i] = NULL;
      return e;
    }
  }
  gw__endpoint *e = calloc(1, sizeof *e);
  if (e) {
    e->cluster = c;
    e->target = target;
    snprintf(e->address, sizeof e->address, "%s", address);
  }
  return e;
}

static bool is_listed(gw__endpoint *const *list, size_t n, const char *address) {
  for (size_t i = 0; i < n; i++) {
    if (is_at(list[i], address)) {
      return true;
    }
  }
  return false;
}

static void leave(gw__endpoint *e) {
  gw__cluster *c = e->cluster;
  BASE_LOG(BASE_LOG_INFO, "upstream address gone", LOG_STR("cluster", c->options.name), LOG_STR("address", e->address));
  e->left = true;
  e->next = c->leaving;
  c->leaving = e;
  for (gw__link *k = e->links; k; k = k->next) {
    gw__link_leave(k);
  }
}

void gw__endpoints_update(gw__cluster *c) {
  gw__endpoint **list = calloc(GW__ENDPOINTS_MAX, sizeof *list);
  size_t count = 0;
  if (list == NULL) {
    return; /* the old ones stay */
  }
  for (size_t i = 0; i < c->name_count; i++) {
    gw__name *n = &c->names[i];
    for (size_t k = 0; k < n->count && count < GW__ENDPOINTS_MAX; k++) {
      if (is_listed(list, count, n->addresses[k])) {
        continue;
      }
      gw__endpoint *e = take(c, c->endpoints, c->endpoint_count, n->addresses[k], &n->target);
      if (e) {
        list[count++] = e;
      }
    }
  }
  for (size_t i = 0; i < c->endpoint_count; i++) {
    if (c->endpoints[i]) {
      leave(c->endpoints[i]);
    }
  }
  free(c->endpoints);
  c->endpoints = list;
  c->endpoint_count = count;
  gw__endpoints_sweep(c);
}

void gw__endpoints_sweep(gw__cluster *c) {
  for (gw__endpoint **at = &c->leaving; *at;) {
    gw__endpoint *e = *at;
    if (e->links) {
      at = &e->next;
    } else {
      *at = e->next;
      free(e);
    }
  }
}

void gw__endpoints_free(gw__cluster *c) {
  gw__endpoints_sweep(c);
  for (size_t i = 0; i < c->endpoint_count; i++) {
    free(c->endpoints[i]);
  }
  free(c->endpoints);
}

/* -- which the next call goes to -- */

static gw__link *link_of(const gw__endpoint *e) {
  gw__link *best = NULL;
  for (gw__link *k = e->links; k; k = k->next) {
    if (gw__link_room(k) > 0 && (best == NULL || gw__link_room(k) > gw__link_room(best))) {
      best = k;
    }
  }
  return best;
}

static bool is_usable(void *ctx, size_t i) { return link_of(((gw__cluster *)ctx)->endpoints[i]) != NULL; }

static size_t load(void *ctx, size_t i) {
  size_t calls = 0;
  for (gw__link *k = ((gw__cluster *)ctx)->endpoints[i]->links; k; k = k->next) {
    calls += k->session ? gw_h2c_calls(k->session) : 0;
  }
  return calls;
}

gw__link *gw__endpoints_pick(gw__cluster *c) {
  const gw__choice of = {.n = c->endpoint_count, .is_usable = is_usable, .load = load, .ctx = c};
  size_t i = gw__pick(c->options.balance, &of, &c->cursor, gw__random(c));
  return i < c->endpoint_count ? link_of(c->endpoints[i]) : NULL;
}

static bool is_ready(const gw__endpoint *e) {
  for (const gw__link *k = e->links; k; k = k->next) {
    if (gw__link_is_ready(k)) {
      return true;
    }
  }
  return false;
}

bool gw__endpoints_ready(const gw__cluster *c) {
  for (size_t i = 0; i < c->endpoint_count; i++) {
    if (is_ready(c->endpoints[i])) {
      return true;
    }
  }
  return false;
}

static bool is_sick(const gw__endpoint *e) {
  for (const gw__link *k = e->links; k; k = k->next) {
    if (k->state == GW__OPEN && k->health == GW__SICK) {
      return true;
    }
  }
  return false;
}

static bool is_failing(const gw__endpoint *e) { return !is_ready(e) && (e->failing || is_sick(e)); }

bool gw__endpoints_failing(const gw__cluster *c, char why[GW__WHY]) {
  if (c->endpoint_count == 0) {
    for (size_t i = 0; i < c->name_count; i++) {
      if (c->names[i].failures == 0) {
        return false; /* its first answer is still to come */
      }
    }
    snprintf(why, GW__WHY, "%s", c->names[0].why);
    return true;
  }
  for (size_t i = 0; i < c->endpoint_count; i++) {
    if (!is_failing(c->endpoints[i])) {
      return false;
    }
  }
  const gw__endpoint *e = c->endpoints[0];
  snprintf(why, GW__WHY, "%.80s: %.100s", e->address, e->failing ? e->why : "its health check says no");
  return true;
}

/* -- connecting -- */

static size_t count_links(const gw__endpoint *e, size_t *connecting) {
  size_t live = 0;
  *connecting = 0;
  for (const gw__link *k = e->links; k; k = k->next) {
    live += k->state == GW__CONNECTING || k->state == GW__OPEN;
    *connecting += k->state == GW__CONNECTING || (k->state == GW__OPEN && !k->settled);
  }
  return live;
}

static void connect_one(gw__endpoint *e, int64_t now_ms) {
  base_err err = gw__link_open(e, now_ms);
  if (!base_is_ok(err)) {
    gw__endpoint_failed(e, base_err_text(err), now_ms);
  }
}

/* pick_first: one at a time, in order, past those that failed or are sick. */
static bool is_taken(const gw__cluster *c) {
  for (size_t i = 0; i < c->endpoint_count; i++) {
    size_t connecting, live = count_links(c->endpoints[i], &connecting);
    if (live > 0 && !is_sick(c->endpoints[i])) {
      return true;
    }
  }
  return false;
}

void gw__endpoints_connect(gw__cluster *c, int64_t now_ms) {
  bool one_only = c->options.balance == GW_PICK_FIRST, taken = one_only && is_taken(c);
  for (size_t i = 0; c->active && i < c->endpoint_count; i++) {
    gw__endpoint *e = c->endpoints[i];
    size_t connecting, live = count_links(e, &connecting);
    if (live == 0 && now_ms >= e->retry_ms && !taken) {
      connect_one(e, now_ms);
      taken = one_only && e->links != NULL;
      continue;
    }
    bool full = live > 0 && connecting == 0 && is_ready(e) && link_of(e) == NULL;
    if (full && c->waiting_count > 0 && live < c->options.connections && now_ms >= e->retry_ms) {
      connect_one(e, now_ms);
    }
  }
}

int64_t gw__endpoints_due_ms(const gw__cluster *c) {
  int64_t due_ms = INT64_MAX;
  if (!c->active || (c->options.balance == GW_PICK_FIRST && is_taken(c))) {
    return due_ms;
  }
  for (size_t i = 0; i < c->endpoint_count; i++) {
    const gw__endpoint *e = c->endpoints[i];
    size_t connecting, live = count_links(e, &connecting);
    if (live == 0 && e->retry_ms < due_ms) {
      due_ms = e->retry_ms;
    }
  }
  return due_ms;
}

static void put_off(gw__endpoint *e, int64_t now_ms) {
  e->retry_ms = now_ms + gw__backoff_ms(e->cluster, e->attempt++);
}

void gw__endpoint_failed(gw__endpoint *e, const char *why, int64_t now_ms) {
  gw__cluster *c = e->cluster;
  if (!e->failing) {
    BASE_LOG(BASE_LOG_WARN, "upstream unreachable", LOG_STR("cluster", c->options.name), LOG_STR("address", e->address),
             LOG_STR("reason", why));
  }
  gw_obs_upstream(GW_UPSTREAM_FAILURES, 1);
  e->failing = true;
  snprintf(e->why, sizeof e->why, "%s", why && *why ? why : "the connection was closed");
  put_off(e, now_ms);
  gw__names_ask_again(c, now_ms);
}

void gw__endpoint_lost(gw__endpoint *e, int64_t opened_ms, int64_t now_ms) {
  if (now_ms - opened_ms < STOOD_MS) {
    put_off(e, now_ms);
  } else {
    e->attempt = 0;
    e->retry_ms = now_ms;
  }
  gw__names_ask_again(e->cluster, now_ms);
}
