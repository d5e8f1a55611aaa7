#include "gateway/app.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/front.h"
#include "gateway/obs/obs.h"
#include "gateway/routes.h"
#include "gateway/upstream/core.h"
#include "gateway/upstream/router.h"
#include "http/admin.h"

enum { DRAIN_LOOK_MS = 50, DRAIN_EXTRA_MS = 2000 };

struct app {
  const gw_config *config;
  net_loop *loop;
  /* The core's threads wake the loop until they end, which is after the loop has. */
  pthread_mutex_t wake_lock;
  bool wake_allowed;
  rpc_client *client;
  gw_upstream *upstream;
  gw_ticker *ticker;
  gw_gate gate;
  gw_ws_hub *hub;
  gw_static *files;
  gw_routes routes;
  http_h1_server *h1;
  gw_front front;
  net_listener *listeners[GW_CONFIG_LIST];
  int listener_count;
  http_admin *admin;
  bool draining;
  int64_t drain_end_ms;
  net_timer *drain_timer;
};

/* Keeps the first reason. */
static base_err explain(base_buf *why, base_err e, const char *what, const char *about) {
  if (!base_is_ok(e) && base_buf_size(why) == 0) {
    base_err told = base_buf_printf(why, "%s%s%s: %s", what, about ? " " : "", about ? about : "", base_err_text(e));
    return base_is_ok(told) ? e : told;
  }
  return e;
}

/* -- the loop and the core's threads ------------------------------------------------------------------------------------------ */

static void wake(void *ctx) {
  struct app *a = ctx;
  pthread_mutex_lock(&a->wake_lock);
  if (a->wake_allowed) {
    net_loop_wake(a->loop);
  }
  pthread_mutex_unlock(&a->wake_lock);
}

static void on_wake(void *ctx) { rpc_client_drain(((struct app *)ctx)->client); }

/* -- the end ---------------------------------------------------------------------------------------------------------------------- */

static void look_if_drained(void *ctx) {
  struct app *a = ctx;
  bool quiet = gw_ws_hub_count(a->hub) == 0 && http_h1_server_connections(a->h1) == 0 && a->front.h2.count == 0;
  if (quiet || base_now_ms() >= a->drain_end_ms) {
    net_loop_stop(a->loop);
    return;
  }
  net_timer_set(a->drain_timer, DRAIN_LOOK_MS);
}

static void drain(struct app *a) {
  a->draining = a->routes.draining = true;
  a->drain_end_ms = base_now_ms() + a->config->grace_ms + DRAIN_EXTRA_MS;
  for (int i = 0; i < a->listener_count; i++) {
    net_listener_close(a->listeners[i]);
  }
  gw_ws_hub_drain(a->hub, (uint32_t)a->config->grace_ms);
  http_h1_server_drain(a->h1);
  gw_h2_group_drain(&a->front.h2);
  a->drain_timer = net_timer_new(a->loop, look_if_drained, a);
  if (a->drain_timer == NULL) {
    net_loop_stop(a->loop);
    return;
  }
  net_timer_set(a->drain_timer, DRAIN_LOOK_MS);
}

static void on_signal(void *ctx, int signal) {
  struct app *a = ctx;
  if (signal == SIGHUP) {
    return;
  }
  if (a->draining) {
    BASE_LOG(BASE_LOG_WARN, "stopping at once", LOG_INT("signal", signal));
    net_loop_stop(a->loop);
    return;
  }
  BASE_LOG(BASE_LOG_INFO, "draining", LOG_INT("signal", signal), LOG_INT("websockets", gw_ws_hub_count(a->hub)),
           LOG_INT("grace_ms", a->config->grace_ms));
  drain(a);
}

/* -- the parts ------------------------------------------------------------------------------------------------------------------- */

static bool ready(void *ctx, const char **why) {
  struct app *a = ctx;
  if (a->draining) {
    *why = "draining";
    return false;
  }
  *why = "no connection to an upstream";
  return a->upstream->vt->is_ready(a->upstream);
}

static base_err make_upstream(struct app *a, base_buf *why) {
  BASE_TRY(
      explain(why, rpc_client_new(&(rpc_client_options){.wake = wake, .wake_ctx = a}, &a->client), "gRPC core", NULL));
  BASE_TRY(explain(why, gw_router_new(&a->upstream), "upstreams", NULL));
  for (int i = 0; i < a->config->upstream_count; i++) {
    const gw_route *r = &a->config->upstreams[i];
    gw_upstream *leg = NULL;
    BASE_TRY(
        explain(why, gw_core_new(a->client, r->target, a->config->max_message_bytes, &leg), "--upstream", r->target));
    BASE_TRY(explain(why, gw_router_add(a->upstream, r->prefix, leg), "--upstream", r->prefix));
  }
  /* Connecting now saves the first call the wait; readiness asks again and again. */
  a->upstream->vt->is_ready(a->upstream);
  return BASE_OK;
}

static base_err make_front(struct app *a, base_buf *why) {
  const gw_mux_options mux = {.max_calls = a->config->max_calls};
  const http_app app = {.on_request = gw_routes_on_request, .app = &a->routes};
  const http_h1_options h1 = {.on_upgrade = gw_routes_on_upgrade};
  BASE_TRY(explain(why, gw_ticker_new(a->loop, &a->ticker), "timers", NULL));
  a->gate = (gw_gate){.upstream = a->upstream, .timers = gw_ticker_timers(a->ticker)};
  BASE_TRY(explain(why, gw_ws_hub_new(a->loop, &a->gate, &mux, &a->hub), "WebSockets", NULL));
  if (a->config->web) {
    BASE_TRY(explain(why, gw_static_new(a->config->web, &a->files), "--web", a->config->web));
  }
  a->routes =
      (gw_routes){.policy = &a->config->policy, .hub = a->hub, .files = a->files, .grpc_web = {.gate = &a->gate}};
  BASE_TRY(explain(why, http_h1_server_new(a->loop, &app, &h1, &a->h1), "HTTP/1.1", NULL));
  a->front = (gw_front){.h1 = a->h1, .app = app};
  return BASE_OK;
}

/* "127.0.0.1:0" with the port that was picked. */
static void announce(const char *what, const char *address, int port) {
  printf("%s%.*s:%d\n", what, (int)(strrchr(address, ':') - address), address, port);
  fflush(stdout);
}

static base_err listen_on(struct app *a, const gw_listen *l, base_buf *why) {
  const net_listener_options options = {.address = l->address,
                                        .cert_file = l->tls ? a->config->cert : NULL,
                                        .key_file = l->tls ? a->config->key : NULL,
                                        .max_connections = a->config->max_connections,
                                        .on_accept = gw_front_on_accept,
                                        .ctx = &a->front};
  net_listener *listener = NULL;
  base_err e = net_listen(a->loop, &options, &listener);
  if (!base_is_ok(e) && l->optional && !base_is(e, BASE_E_IN_USE)) {
    BASE_LOG(BASE_LOG_INFO, "address left out", LOG_STR("address", l->address), LOG_STR("reason", base_err_text(e)));
    return BASE_OK;
  }
  if (base_is(e, BASE_E_INVALID) && l->tls) {
    return explain(why, e, "--listen, or --cert and --key, for", l->address);
  }
  BASE_TRY(explain(why, e, "--listen", l->address));
  a->listeners[a->listener_count++] = listener;
  announce(l->tls ? "listening https://" : "listening http://", l->address, net_listener_port(listener));
  return BASE_OK;
}

static base_err make(struct app *a, base_buf *why) {
  const net_loop_options loop = {.on_wake = on_wake, .on_signal = on_signal, .ctx = a, .handle_signals = true};
  BASE_TRY(explain(why, net_loop_new(&loop, &a->loop), "event loop", NULL));
  a->wake_allowed = true;
  BASE_TRY(make_upstream(a, why));
  BASE_TRY(make_front(a, why));
  BASE_TRY(explain(why, http_admin_start(a->loop, a->config->admin, ready, a, &a->admin), "--admin", a->config->admin));
  announce("admin http://", a->config->admin, http_admin_port(a->admin));
  for (int i = 0; i < a->config->listen_count; i++) {
    BASE_TRY(listen_on(a, &a->config->listen[i], why));
  }
  return BASE_OK;
}

/* The loop first: closing its connections abandons their calls. Then the client delivers what those calls still have to say, to upstreams that are still there. */
static void unmake(struct app *a) {
  pthread_mutex_lock(&a->wake_lock);
  a->wake_allowed = false;
  pthread_mutex_unlock(&a->wake_lock);
  net_loop_free(a->loop);
  http_admin_free(a->admin);
  http_h1_server_free(a->h1);
  gw_ws_hub_free(a->hub);
  gw_static_free(a->files);
  if (a->client) {
    rpc_client_end_calls(a->client);
  }
  if (a->upstream) {
    a->upstream->vt->free(a->upstream);
  }
  if (a->client) {
    rpc_client_free(a->client);
  }
  gw_ticker_free(a->ticker);
  pthread_mutex_destroy(&a->wake_lock);
}

base_err gw_app_run(const gw_config *config, base_buf *why) {
  struct app a = {.config = config};
  pthread_mutex_init(&a.wake_lock, NULL);
  gw_obs_register();
  base_err e = make(&a, why);
  if (base_is_ok(e)) {
    BASE_LOG(BASE_LOG_INFO, "serving", LOG_INT("upstreams", config->upstream_count),
             LOG_INT("listeners", a.listener_count));
    net_loop_run(a.loop);
  }
  unmake(&a);
  return e;
}

base_err gw_app_check(const gw_config *config, base_buf *why) {
  const struct { const char *flag, *file; } files[] = {{"--cert", config->cert}, {"--key", config->key}};
  struct stat st;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (files[i].file && access(files[i].file, R_OK) != 0) {
      return explain(why, base_fail(BASE_E_NOT_FOUND), files[i].flag, files[i].file);
    }
  }
  if (config->web && (stat(config->web, &st) != 0 || !S_ISDIR(st.st_mode))) {
    return explain(why, base_fail(BASE_E_NOT_FOUND), "--web", config->web);
  }
  return BASE_OK;
}
