#include "gateway/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/obs/obs.h"
#include "gateway/worker.h"
#include "http/admin.h"

struct app {
  const gw_config *config;
  net_loop *loop;
  http_admin *admin;
  gw_limits *limits;
  gw_auth *auth; /* NULL: off */
  gw_worker **workers;
  int worker_count, listener_count;
  bool draining;
};

/* Keeps the first reason. */
static base_err explain(base_buf *why, base_err e, const char *what, const char *about) {
  if (!base_is_ok(e) && base_buf_size(why) == 0) {
    base_err told = base_buf_printf(why, "%s%s%s: %s", what, about ? " " : "", about ? about : "", base_err_text(e));
    return base_is_ok(told) ? e : told;
  }
  return e;
}

/* -- the end ---------------------------------------------------------------------------------------------------------------------- */

static void each_worker(struct app *a, void (*fn)(gw_worker *w)) {
  for (int i = 0; i < a->worker_count; i++) {
    fn(a->workers[i]);
  }
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
  BASE_LOG(BASE_LOG_INFO, "draining", LOG_INT("signal", signal), LOG_INT("workers", a->worker_count),
           LOG_INT("grace_ms", a->config->grace_ms));
  a->draining = true;
  each_worker(a, gw_worker_drain);
}

/* A worker ends only when it is told to: the process is done when all have. */
static void on_wake(void *ctx) {
  struct app *a = ctx;
  for (int i = 0; i < a->worker_count; i++) {
    if (!gw_worker_has_ended(a->workers[i])) {
      return;
    }
  }
  net_loop_stop(a->loop);
}

static void on_worker_end(void *ctx) { net_loop_wake(((struct app *)ctx)->loop); }

/* -- the parts ------------------------------------------------------------------------------------------------------------------- */

static bool ready(void *ctx, const char **why) {
  struct app *a = ctx;
  if (a->draining) {
    *why = "draining\n";
    return false;
  }
  if (!gw_limits_has_memory(a->limits)) {
    *why = "short of memory\n";
    return false;
  }
  *why = "no connection to an upstream\n";
  for (int i = 0; i < a->worker_count; i++) {
    if (!gw_worker_is_ready(a->workers[i])) {
      return false;
    }
  }
  return true;
}

static int workers_wanted(const gw_config *c) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (c->workers > 0) {
    return c->workers;
  }
  return cores < 1 ? 1 : cores > GW_CONFIG_WORKERS ? GW_CONFIG_WORKERS : (int)cores;
}

static base_err make_workers(struct app *a, base_buf *why) {
  int n = workers_wanted(a->config);
  a->workers = calloc((size_t)n, sizeof *a->workers);
  if (a->workers == NULL) {
    return explain(why, base_fail(BASE_E_NO_MEMORY), "workers", NULL);
  }
  for (; a->worker_count < n; a->worker_count++) {
    const gw_worker_options options = {.config = a->config,
                                       .limits = a->limits,
                                       .auth = a->auth,
                                       .index = a->worker_count,
                                       .on_end = on_worker_end,
                                       .ctx = a};
    BASE_TRY(gw_worker_new(&options, why, &a->workers[a->worker_count]));
  }
  return BASE_OK;
}

/* "127.0.0.1:0" with the port that was picked. */
static void announce(const char *what, const char *address, int port) {
  printf("%s%.*s:%d\n", what, (int)(strrchr(address, ':') - address), address, port);
  fflush(stdout);
}

static bool no_connections(void *ctx, net_conn *conn) {
  (void)ctx;
  (void)conn;
  return false;
}

/* With SO_REUSEPORT a second gateway could take a share of the port unnoticed: one exclusive attempt first. */
static base_err probe(struct app *a, const gw_listen *l) {
  net_listener *listener = NULL;
  BASE_TRY(net_listen(a->loop, &(net_listener_options){.address = l->address, .on_accept = no_connections}, &listener));
  net_listener_close(listener);
  return BASE_OK;
}

/* One address on every worker; the first one picks the port if it is 0. */
static base_err listen_everywhere(struct app *a, const gw_listen *l, int *port) {
  bool share = a->worker_count > 1;
  if (share) {
    BASE_TRY(probe(a, l));
  }
  for (int i = 0; i < a->worker_count; i++) {
    BASE_TRY(gw_worker_listen(a->workers[i], l, i ? *port : 0, share, port));
  }
  return BASE_OK;
}

static base_err listen_on(struct app *a, const gw_listen *l, base_buf *why) {
  int port = 0;
  base_err e = listen_everywhere(a, l, &port);
  if (!base_is_ok(e) && l->optional && !base_is(e, BASE_E_IN_USE)) {
    BASE_LOG(BASE_LOG_INFO, "address left out", LOG_STR("address", l->address), LOG_STR("reason", base_err_text(e)));
    return BASE_OK;
  }
  if (base_is(e, BASE_E_INVALID) && gw_listen_is_tls(l)) {
    return explain(why, e, "the address, or certificate and key, of", l->address);
  }
  BASE_TRY(explain(why, e, "listening on", l->address));
  a->listener_count++;
  announce(gw_listen_is_tls(l) ? "listening https://" : "listening http://", l->address, port);
  return BASE_OK;
}

static base_err make_auth(struct app *a, base_buf *why) {
  if (!gw_auth_is_on(&a->config->auth)) {
    return BASE_OK;
  }
  return explain(why, gw_auth_new(&a->config->auth, why, &a->auth), "auth", NULL);
}

static base_err make(struct app *a, base_buf *why) {
  const net_loop_options loop = {.on_wake = on_wake, .on_signal = on_signal, .ctx = a, .handle_signals = true};
  BASE_TRY(explain(why, net_loop_new(&loop, &a->loop), "event loop", NULL));
  BASE_TRY(explain(why, gw_limits_new(&a->config->limits, &a->limits), "limits", NULL));
  BASE_TRY(explain(why, gw_limits_watch(a->limits, a->loop), "limits", NULL));
  BASE_TRY(make_auth(a, why));
  BASE_TRY(make_workers(a, why));
  BASE_TRY(explain(why, http_admin_start(a->loop, a->config->admin, ready, a, &a->admin), "--admin", a->config->admin));
  announce("admin http://", a->config->admin, http_admin_port(a->admin));
  for (int i = 0; i < a->config->listen_count; i++) {
    BASE_TRY(listen_on(a, &a->config->listen[i], why));
  }
  for (int i = 0; i < a->worker_count; i++) {
    BASE_TRY(explain(why, gw_worker_start(a->workers[i]), "worker", NULL));
  }
  return BASE_OK;
}

/* The workers first: until they are joined they wake the control loop. */
static void unmake(struct app *a) {
  each_worker(a, gw_worker_stop);
  each_worker(a, gw_worker_free);
  free(a->workers);
  net_loop_free(a->loop);
  http_admin_free(a->admin);
  gw_limits_free(a->limits);
  gw_auth_free(a->auth);
}

base_err gw_app_run(const gw_config *config, base_buf *why) {
  struct app a = {.config = config};
  gw_obs_register();
  base_err e = make(&a, why);
  if (base_is_ok(e)) {
    BASE_LOG(BASE_LOG_INFO, "serving", LOG_INT("clusters", config->cluster_count),
             LOG_INT("listeners", a.listener_count), LOG_INT("workers", a.worker_count));
    net_loop_run(a.loop);
  }
  unmake(&a);
  return e;
}
