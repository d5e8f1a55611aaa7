#include "gateway/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/front.h"
#include "gateway/routes.h"
#include "gateway/upstream/cluster.h"
#include "gateway/upstream/router.h"

enum { DRAIN_LOOK_MS = 50, DRAIN_EXTRA_MS = 2000, ANSWER_MS = 250 };
/* So many above the limit are told so before they are closed. */
enum { REFUSED_CONNECTIONS = 1000 };

struct gw_worker {
  gw_worker_options options;
  const gw_config *config;
  net_loop *loop;
  pthread_t thread;
  bool has_thread;
  /* The core's threads wake the loop until they end, which is after the loop has. */
  pthread_mutex_t wake_lock;
  bool wake_allowed;
  atomic_bool want_drain, has_ended;
  /* The control thread's question whether the upstreams are reachable. */
  pthread_mutex_t question_lock;
  pthread_cond_t answered;
  uint64_t question, answer; /* numbers; answer == question: `ready` is the answer */
  bool ready;
  rpc_client *client;
  gw_upstream *upstream, *clusters[GW_CONFIG_CLUSTERS]; /* the router, and what it leads to */
  gw_ticker *ticker;
  gw_gate gate;
  gw_ws_hub *hub;
  gw_static *files;
  gw_routes routes;
  http_h1_server *h1;
  gw_front front;
  net_listener *listeners[GW_CONFIG_LISTEN];
  int listener_count;
  net_timer *drain_timer;
  int64_t drain_end_ms;
};

/* Keeps the first reason. */
static base_err explain(base_buf *why, base_err e, const char *what, const char *about) {
  if (!base_is_ok(e) && base_buf_size(why) == 0) {
    base_err told = base_buf_printf(why, "%s%s%s: %s", what, about ? " " : "", about ? about : "", base_err_text(e));
    return base_is_ok(told) ? e : told;
  }
  return e;
}

/* -- the loop, the core's threads and the control thread ------------------------------------------------------------------------ */

static void wake(void *ctx) {
  gw_worker *w = ctx;
  pthread_mutex_lock(&w->wake_lock);
  if (w->wake_allowed) {
    net_loop_wake(w->loop);
  }
  pthread_mutex_unlock(&w->wake_lock);
}

static void look_if_drained(void *ctx) {
  gw_worker *w = ctx;
  bool quiet = gw_ws_hub_count(w->hub) == 0 && http_h1_server_connections(w->h1) == 0 && w->front.h2.count == 0;
  if (quiet || base_now_ms() >= w->drain_end_ms) {
    net_loop_stop(w->loop);
    return;
  }
  net_timer_set(w->drain_timer, DRAIN_LOOK_MS);
}

static void drain(gw_worker *w) {
  w->routes.draining = true;
  w->drain_end_ms = base_now_ms() + w->config->grace_ms + DRAIN_EXTRA_MS;
  for (int i = 0; i < w->listener_count; i++) {
    net_listener_close(w->listeners[i]);
  }
  gw_ws_hub_drain(w->hub, (uint32_t)w->config->grace_ms);
  http_h1_server_drain(w->h1);
  gw_h2_group_drain(&w->front.h2);
  net_timer_set(w->drain_timer, DRAIN_LOOK_MS);
}

/* Asking is also what makes an upstream connect. */
static void answer_question(gw_worker *w) {
  pthread_mutex_lock(&w->question_lock);
  uint64_t question = w->question;
  bool asked = question != w->answer;
  pthread_mutex_unlock(&w->question_lock);
  if (asked) {
    bool ready = w->upstream->vt->is_ready(w->upstream);
    pthread_mutex_lock(&w->question_lock);
    w->answer = question;
    w->ready = ready;
    pthread_cond_signal(&w->answered);
    pthread_mutex_unlock(&w->question_lock);
  }
}

static void on_wake(void *ctx) {
  gw_worker *w = ctx;
  rpc_client_drain(w->client);
  answer_question(w);
  if (atomic_load(&w->want_drain) && !w->routes.draining) {
    drain(w);
  }
}

static void *run(void *arg) {
  gw_worker *w = arg;
  /* Connecting now saves the first call the wait. */
  w->upstream->vt->is_ready(w->upstream);
  net_loop_run(w->loop);
  atomic_store(&w->has_ended, true);
  w->options.on_end(w->options.ctx);
  return NULL;
}

/* -- the parts ------------------------------------------------------------------------------------------------------------------- */

/* Routes of one cluster share it. */
static base_err make_cluster(gw_worker *w, int index, base_buf *why, gw_upstream **out) {
  if (w->clusters[index] == NULL) {
    BASE_TRY(gw_cluster_new(w->loop, w->client, &w->config->clusters[index], why, &w->clusters[index]));
  }
  *out = w->clusters[index];
  return BASE_OK;
}

static base_err make_upstream(gw_worker *w, base_buf *why) {
  const gw_config *c = w->config;
  BASE_TRY(
      explain(why, rpc_client_new(&(rpc_client_options){.wake = wake, .wake_ctx = w}, &w->client), "gRPC core", NULL));
  BASE_TRY(explain(why, gw_router_new(&w->upstream), "upstreams", NULL));
  for (int i = 0; i < c->route_count; i++) {
    const gw_route *r = &c->routes[i];
    gw_upstream *leg = NULL;
    BASE_TRY(explain(why, make_cluster(w, r->cluster_index, why, &leg), "cluster", r->cluster));
    BASE_TRY(explain(why, gw_router_add(w->upstream, r->prefix, leg), "route", r->prefix));
  }
  return BASE_OK;
}

static base_err make_front(gw_worker *w, base_buf *why) {
  const gw_config *c = w->config;
  const gw_limits_options limits = gw_limits_with_defaults(&c->limits);
  const gw_ws_options ws = {.mux = {.max_calls = limits.calls_per_connection}, .deflate = c->deflate};
  const http_app app = {
      .on_request = gw_routes_on_request, .app = &w->routes, .refusal_headers = gw_routes_refusal_headers};
  const http_h1_options h1 = {.max_header_bytes = limits.header_bytes,
                              .head_timeout_ms = limits.header_ms,
                              .body_timeout_ms = limits.body_ms,
                              .idle_timeout_ms = limits.keep_alive_ms,
                              .lifetime_ms = limits.lifetime_ms,
                              .on_upgrade = gw_routes_on_upgrade};
  const gw_h2_options h2 = {.max_streams = limits.calls_per_connection,
                            .max_header_bytes = limits.header_bytes,
                            .header_ms = limits.header_ms,
                            .body_ms = limits.body_ms,
                            .idle_ms = limits.idle_ms,
                            .lifetime_ms = limits.lifetime_ms};
  BASE_TRY(explain(why, gw_ticker_new(w->loop, &w->ticker), "timers", NULL));
  w->gate = (gw_gate){.upstream = w->upstream,
                      .auth = w->options.auth,
                      .limits = w->options.limits,
                      .timers = gw_ticker_timers(w->ticker),
                      .max_timeout_ms = limits.max_timeout_ms};
  BASE_TRY(explain(why, gw_ws_hub_new(w->loop, &w->gate, &ws, &w->hub), "WebSockets", NULL));
  if (c->web) {
    BASE_TRY(explain(why, gw_static_new(c->web, &w->files), "--web", c->web));
  }
  w->routes = (gw_routes){.policy = &c->policy, .hub = w->hub, .files = w->files, .grpc_web = {.gate = &w->gate}};
  BASE_TRY(explain(why, http_h1_server_new(w->loop, &app, &h1, &w->h1), "HTTP/1.1", NULL));
  w->front =
      (gw_front){.h1 = w->h1, .app = app, .h2_options = h2, .header_ms = limits.header_ms, .limits = w->options.limits};
  return BASE_OK;
}

static base_err make(gw_worker *w, base_buf *why) {
  const net_loop_options loop = {.on_wake = on_wake, .ctx = w};
  BASE_TRY(explain(why, net_loop_new(&loop, &w->loop), "event loop", NULL));
  w->wake_allowed = true;
  w->drain_timer = net_timer_new(w->loop, look_if_drained, w);
  if (w->drain_timer == NULL) {
    return explain(why, base_fail(BASE_E_NO_MEMORY), "event loop", NULL);
  }
  BASE_TRY(make_upstream(w, why));
  return make_front(w, why);
}

static void make_locks(gw_worker *w) {
  pthread_condattr_t monotonic;
  pthread_mutex_init(&w->wake_lock, NULL);
  pthread_mutex_init(&w->question_lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&w->answered, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

base_err gw_worker_new(const gw_worker_options *options, base_buf *why, gw_worker **out) {
  gw_worker *w = calloc(1, sizeof *w);
  if (w == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  w->options = *options;
  w->config = options->config;
  make_locks(w);
  base_err e = make(w, why);
  if (!base_is_ok(e)) {
    gw_worker_free(w);
    return e;
  }
  *out = w;
  return BASE_OK;
}

/* Room for the longest numeric address and a port. */
enum { ADDRESS_SIZE = 80 };

base_err gw_worker_listen(gw_worker *w, const gw_listen *l, int port, bool share, int *got) {
  char address[ADDRESS_SIZE];
  const char *colon = strrchr(l->address, ':');
  if (colon == NULL || w->listener_count == GW_CONFIG_LISTEN) {
    return base_fail(BASE_E_INVALID);
  }
  int n = snprintf(address, sizeof address, "%.*s:%d", (int)(colon - l->address), l->address, port);
  if (n >= (int)sizeof address) {
    return base_fail(BASE_E_INVALID);
  }
  const gw_limits_options limits = gw_limits_with_defaults(&w->config->limits);
  const net_listener_options options = {.address = port ? address : l->address,
                                        .cert_file = l->tls.main.cert,
                                        .key_file = l->tls.main.key,
                                        .max_connections = (int)limits.connections + REFUSED_CONNECTIONS,
                                        .first_byte_ms = limits.header_ms,
                                        .share_port = share,
                                        .on_accept = gw_front_on_accept,
                                        .on_end = gw_front_on_end,
                                        .ctx = &w->front};
  BASE_TRY(net_listen(w->loop, &options, &w->listeners[w->listener_count]));
  *got = net_listener_port(w->listeners[w->listener_count++]);
  return BASE_OK;
}

base_err gw_worker_start(gw_worker *w) {
  w->has_thread = pthread_create(&w->thread, NULL, run, w) == 0;
  return w->has_thread ? BASE_OK : base_fail(BASE_E_EXHAUSTED);
}

/* -- the end ---------------------------------------------------------------------------------------------------------------------- */

void gw_worker_drain(gw_worker *w) {
  atomic_store(&w->want_drain, true);
  net_loop_wake(w->loop);
}

void gw_worker_stop(gw_worker *w) { net_loop_stop(w->loop); }

bool gw_worker_is_ready(gw_worker *w) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_nsec += ANSWER_MS * 1000000L;
  end.tv_sec += end.tv_nsec / 1000000000;
  end.tv_nsec %= 1000000000;
  pthread_mutex_lock(&w->question_lock);
  w->question++;
  net_loop_wake(w->loop);
  int late = 0;
  while (w->answer != w->question && late == 0) {
    late = pthread_cond_timedwait(&w->answered, &w->question_lock, &end);
  }
  bool ready = late == 0 && w->ready;
  pthread_mutex_unlock(&w->question_lock);
  return ready;
}

bool gw_worker_has_ended(const gw_worker *w) { return atomic_load(&w->has_ended); }

/* Upstreams that live on the loop end first; then the loop: closing its connections abandons their calls. Then the client delivers what those calls still have to say, to upstreams that are still there. */
void gw_worker_free(gw_worker *w) {
  if (w == NULL) {
    return;
  }
  if (w->has_thread) {
    net_loop_stop(w->loop);
    pthread_join(w->thread, NULL);
  }
  pthread_mutex_lock(&w->wake_lock);
  w->wake_allowed = false;
  pthread_mutex_unlock(&w->wake_lock);
  if (w->upstream) {
    w->upstream->vt->stop(w->upstream);
  }
  net_loop_free(w->loop);
  http_h1_server_free(w->h1);
  gw_ws_hub_free(w->hub);
  gw_static_free(w->files);
  if (w->client) {
    rpc_client_end_calls(w->client);
  }
  if (w->upstream) {
    w->upstream->vt->free(w->upstream);
  }
  rpc_client_free(w->client);
  gw_ticker_free(w->ticker);
  pthread_cond_destroy(&w->answered);
  pthread_mutex_destroy(&w->question_lock);
  pthread_mutex_destroy(&w->wake_lock);
  free(w);
}
