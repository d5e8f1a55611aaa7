#include "gateway/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/obs/obs.h"
#include "gateway/reload.h"
#include "gateway/tracer.h"
#include "gateway/worker.h"
#include "http/admin.h"

#define RELOADS(result) \
  BASE_COUNTER("ponte_gateway_config_reloads_total", "Configurations read at SIGHUP.", "result=\"" result "\"")
static base_metric reloads_applied = RELOADS("applied");
static base_metric reloads_refused = RELOADS("refused");

struct app {
  int argc;
  char *const *argv;
  gw_shared *shared, *last; /* last: until every worker has taken the present one */
  net_loop *loop;
  http_admin *admin;
  gw_limits *limits;
  gw_tracer *tracer;
  net_timer *certificates; /* looks at their files */
  gw_worker **workers;
  int worker_count, listener_count;
  bool draining, ended, reload_again;
};

enum { CERTIFICATES_MS = 5000 };

/* Keeps the first reason. */
static base_err explain(base_buf *why, base_err e, const char *what, const char *about) {
  if (!base_is_ok(e) && base_buf_size(why) == 0) {
    base_err told = base_buf_printf(why, "%s%s%s: %s", what, about ? " " : "", about ? about : "", base_err_text(e));
    return base_is_ok(told) ? e : told;
  }
  return e;
}

static void each_worker(struct app *a, void (*fn)(gw_worker *w)) {
  for (int i = 0; i < a->worker_count; i++) {
    fn(a->workers[i]);
  }
}

/* -- reload ------------------------------------------------------------------------------------------------------------------------ */

/* All that can be refused. */
static base_err prepare(struct app *a, base_buf *why, gw_shared **out) {
  gw_config *config = NULL;
  BASE_TRY(gw_config_read(a->argc, a->argv, why, &config));
  base_err e = gw_config_check(config, why);
  if (!base_is_ok(e)) {
    gw_config_free(config);
    return e;
  }
  return gw_shared_new(a->loop, config, a->limits, a->shared, why, out);
}

static void commit(struct app *a, gw_shared *next) {
  gw_reload_note_fixed(a->shared->config, next->config);
  gw_shared_commit(next, a->shared);
  gw_limits_set(a->limits, &next->config->limits);
  gw_obs_log_calls(next->config->access_log);
  a->last = a->shared;
  a->shared = next;
  for (int i = 0; i < a->worker_count; i++) {
    gw_worker_apply(a->workers[i], next);
  }
}

static void reload(struct app *a) {
  base_buf why;
  gw_shared *next = NULL;
  if (a->last) {
    a->reload_again = true;
    return;
  }
  base_buf_init(&why, 4096);
  base_err e = prepare(a, &why, &next);
  if (base_is_ok(e)) {
    commit(a, next);
  } else {
    base_metric_add(&reloads_refused, 1);
    BASE_LOG(BASE_LOG_ERROR, "the configuration is not taken; the last one stays",
             LOG_SPAN("reason", base_buf_size(&why) ? base_buf_span(&why) : base_span_str(base_err_text(e))));
  }
  base_buf_dispose(&why);
}

static void look_if_applied(struct app *a) {
  for (int i = 0; i < a->worker_count; i++) {
    if (a->last == NULL || !gw_worker_has_applied(a->workers[i], a->shared)) {
      return;
    }
  }
  gw_shared_free(a->last, a->shared);
  a->last = NULL;
  base_metric_add(&reloads_applied, 1);
  BASE_LOG(BASE_LOG_INFO, "configuration applied", LOG_INT("clusters", a->shared->config->cluster_count),
           LOG_INT("listeners", a->shared->config->listen_count));
  if (a->reload_again) {
    a->reload_again = false;
    reload(a);
  }
}

static void on_certificates(void *ctx) {
  struct app *a = ctx;
  gw_shared_look_at_certificates(a->shared);
  net_timer_set(a->certificates, CERTIFICATES_MS);
}

/* -- the end ------------------------------------------------------------------------------------------------------------------------- */

static void drain(struct app *a, int signal) {
  if (a->draining) {
    BASE_LOG(BASE_LOG_WARN, "stopping at once", LOG_INT("signal", signal));
    net_loop_stop(a->loop);
    return;
  }
  BASE_LOG(BASE_LOG_INFO, "draining", LOG_INT("signal", signal), LOG_INT("workers", a->worker_count),
           LOG_INT("grace_ms", a->shared->config->grace_ms));
  a->draining = true;
  each_worker(a, gw_worker_drain);
}

static void on_signal(void *ctx, int signal) {
  struct app *a = ctx;
  if (signal != SIGHUP) {
    drain(a, signal);
  } else if (!a->draining) {
    reload(a);
  }
}

/* A worker ends only when it is told to: the process is done when all have. */
static bool all_ended(const struct app *a) {
  for (int i = 0; i < a->worker_count; i++) {
    if (!gw_worker_has_ended(a->workers[i])) {
      return false;
    }
  }
  return true;
}

static void stop_loop(void *ctx) { net_loop_stop(((struct app *)ctx)->loop); }

static void on_wake(void *ctx) {
  struct app *a = ctx;
  look_if_applied(a);
  if (all_ended(a) && !a->ended) {
    a->ended = true;
    gw_tracer_flush(a->tracer, stop_loop, a);
  }
}

static void on_worker_change(void *ctx) { net_loop_wake(((struct app *)ctx)->loop); }

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
  int n = workers_wanted(a->shared->config);
  a->workers = calloc((size_t)n, sizeof *a->workers);
  if (a->workers == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  for (; a->worker_count < n; a->worker_count++) {
    const gw_worker_options options = {
        .shared = a->shared, .index = a->worker_count, .share_ports = n > 1, .on_change = on_worker_change, .ctx = a};
    BASE_TRY(gw_worker_new(&options, why, &a->workers[a->worker_count]));
  }
  return BASE_OK;
}

/* "127.0.0.1:0" with the port that was picked. */
static void announce(const char *what, const char *address, int port) {
  printf("%s%.*s:%d\n", what, (int)(strrchr(address, ':') - address), address, port);
  fflush(stdout);
}

/* One address on every worker; the first one picks the port if it is 0. */
static base_err listen_everywhere(struct app *a, gw_place *place, int *port) {
  if (a->worker_count > 1) {
    BASE_TRY(gw_place_probe(a->loop, place));
  }
  for (int i = 0; i < a->worker_count; i++) {
    BASE_TRY(gw_worker_listen(a->workers[i], place, port));
    char *colon = strrchr(place->address, ':');
    snprintf(colon, (size_t)(place->address + sizeof place->address - colon), ":%d", *port);
  }
  return BASE_OK;
}

static base_err listen_on(struct app *a, const gw_listen *l, gw_place *place, base_buf *why) {
  int port = 0;
  base_err e = listen_everywhere(a, place, &port);
  if (!base_is_ok(e) && l->optional && !base_is(e, BASE_E_IN_USE)) {
    BASE_LOG(BASE_LOG_INFO, "address left out", LOG_STR("address", l->address), LOG_STR("reason", base_err_text(e)));
    place->address[0] = '\0';
    return BASE_OK;
  }
  BASE_TRY(explain(why, e, "listening on", l->address));
  a->listener_count++;
  announce(place->tls ? "listening https://" : "listening http://", l->address, port);
  return BASE_OK;
}

static base_err make(struct app *a, gw_config *config, base_buf *why) {
  const net_loop_options loop = {.on_wake = on_wake, .on_signal = on_signal, .ctx = a, .handle_signals = true};
  base_err e = gw_limits_new(&config->limits, &a->limits);
  e = base_is_ok(e) ? net_loop_new(&loop, &a->loop) : e;
  if (!base_is_ok(e)) {
    gw_config_free(config);
    return e;
  }
  BASE_TRY(gw_shared_new(a->loop, config, a->limits, NULL, why, &a->shared));
  BASE_TRY(gw_limits_watch(a->limits, a->loop));
  BASE_TRY(explain(why, gw_tracer_new(a->loop, config, &a->tracer), "tracing.endpoint", config->tracing.endpoint));
  BASE_TRY(make_workers(a, why));
  BASE_TRY(explain(why, http_admin_start(a->loop, config->admin, ready, a, &a->admin), "admin", config->admin));
  announce("admin http://", config->admin, http_admin_port(a->admin));
  for (int i = 0; i < config->listen_count; i++) {
    BASE_TRY(listen_on(a, &config->listen[i], &a->shared->places[i], why));
  }
  a->certificates = net_timer_new(a->loop, on_certificates, a);
  if (a->certificates == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  net_timer_set(a->certificates, CERTIFICATES_MS);
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
  gw_tracer_free(a->tracer);
  net_timer_free(a->certificates);
  net_loop_free(a->loop);
  http_admin_free(a->admin);
  gw_shared_free(a->last, a->shared);
  gw_shared_free(a->shared, NULL);
  gw_limits_free(a->limits);
}

base_err gw_app_run(gw_config *config, int argc, char *const *argv, base_buf *why) {
  struct app a = {.argc = argc, .argv = argv};
  gw_obs_register();
  gw_obs_log_calls(config->access_log);
  base_metric_register(&reloads_applied);
  base_metric_register(&reloads_refused);
  base_err e = make(&a, config, why);
  if (base_is_ok(e)) {
    BASE_LOG(BASE_LOG_INFO, "serving", LOG_INT("clusters", config->cluster_count),
             LOG_INT("listeners", a.listener_count), LOG_INT("workers", a.worker_count));
    net_loop_run(a.loop);
  }
  unmake(&a);
  return explain(why, e, "start", NULL);
}
