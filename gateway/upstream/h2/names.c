/* names.c - the targets of a cluster and the addresses behind them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/upstream/h2/cluster_internal.h"

/* A cluster whose servers are all gone asks no oftener than this, however often connections fail. */
enum { ASK_AGAIN_MS = 2000 };

static void forget(gw__name *n) {
  for (size_t i = 0; i < n->count; i++) {
    free(n->addresses[i]);
  }
  n->count = 0;
}

/* On a failure the addresses there are stay in use: a name server that is away is no reason to leave servers that answer. */
static void keep(gw__name *n, const char *const *addresses, size_t count) {
  char *copies[NET_RESOLVE_MAX];
  size_t made = 0;
  while (made < count && made < NET_RESOLVE_MAX && (copies[made] = strdup(addresses[made])) != NULL) {
    made++;
  }
  if (made < count && made < NET_RESOLVE_MAX) {
    while (made > 0) {
      free(copies[--made]);
    }
    return;
  }
  forget(n);
  memcpy(n->addresses, copies, made * sizeof *copies);
  n->count = made;
}

static void on_resolved(void *ctx, const char *const *addresses, size_t count, const char *failure) {
  gw__name *n = ctx;
  gw__cluster *c = n->cluster;
  int64_t now_ms = base_now_ms();
  n->running = NULL;
  if (count > 0) {
    keep(n, addresses, count);
    n->failures = 0;
    n->due_ms = now_ms + c->options.resolve_ms;
  } else {
    const char *reason = failure && *failure ? failure : "the name has no address";
    if (n->failures == 0) {
      BASE_LOG(BASE_LOG_WARN, "name not found", LOG_STR("cluster", c->options.name), LOG_STR("name", n->target.host),
               LOG_STR("reason", reason));
    }
    snprintf(n->why, sizeof n->why, "%.80s: %.100s", n->target.host, reason);
    n->due_ms = now_ms + gw__backoff_ms(c, n->failures++);
  }
  gw__endpoints_update(c);
  gw__work(c, now_ms);
}

base_err gw__name_init(gw__name *n, gw__cluster *c, const char *target) {
  *n = (gw__name){.cluster = c, .due_ms = INT64_MAX, .asked_ms = INT64_MIN / 2};
  BASE_TRY(gw_target_parse(target, &n->target));
  if (n->target.kind == GW_TARGET_NAME) {
    n->due_ms = 0;
    return BASE_OK;
  }
  n->addresses[0] = strdup(n->target.address);
  n->count = n->addresses[0] != NULL;
  return n->count ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

void gw__name_dispose(gw__name *n) {
  if (n->running) {
    n->cluster->lookup->cancel(n->running);
    n->running = NULL;
  }
  forget(n);
}

void gw__names_work(gw__cluster *c, int64_t now_ms) {
  for (size_t i = 0; i < c->name_count; i++) {
    gw__name *n = &c->names[i];
    if (n->running || n->due_ms > now_ms) {
      continue;
    }
    n->asked_ms = now_ms;
    n->due_ms = INT64_MAX;
    base_err e = c->lookup->start(c->loop, n->target.host, n->target.port, on_resolved, n, &n->running);
    if (!base_is_ok(e)) {
      n->running = NULL;
      snprintf(n->why, sizeof n->why, "%.80s: %.100s", n->target.host, base_err_text(e));
      n->due_ms = now_ms + gw__backoff_ms(c, n->failures++);
    }
  }
}

void gw__names_ask_again(gw__cluster *c, int64_t now_ms) {
  for (size_t i = 0; i < c->name_count; i++) {
    gw__name *n = &c->names[i];
    int64_t soonest_ms = n->asked_ms + ASK_AGAIN_MS > now_ms ? n->asked_ms + ASK_AGAIN_MS : now_ms;
    if (n->target.kind == GW_TARGET_NAME && !n->running && n->due_ms > soonest_ms) {
      n->due_ms = soonest_ms;
    }
  }
}

int64_t gw__names_due_ms(const gw__cluster *c) {
  int64_t due_ms = INT64_MAX;
  for (size_t i = 0; i < c->name_count; i++) {
    due_ms = c->names[i].due_ms < due_ms ? c->names[i].due_ms : due_ms;
  }
  return due_ms;
}
