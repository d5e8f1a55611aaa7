#include "gateway/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "gateway/front.h"
#include "gateway/generation.h"

enum { DRAIN_LOOK_MS = 50, DRAIN_EXTRA_MS = 2000, ANSWER_MS = 250, RETIRE_LOOK_MS = 250 };
/* So many above the limit are told so before they are closed. */
enum { REFUSED_CONNECTIONS = 1000 };

typedef struct {
  gw_place place;
  net_listener *listener; /* NULL: closed */
} opened;

/* Folders of earlier configurations stay until the worker ends: an HTTP/2 connection may still be reading one of their files. */
typedef struct folder {
  char *path;
  gw_static *files;
  struct folder *next;
} folder;

struct gw_worker {
  gw_worker_options options;
  const gw_shared *shared;
  net_loop *loop;
  pthread_t thread;
  bool has_thread;
  /* The core's threads wake the loop until they end, which is after the loop has. */
  pthread_mutex_t wake_lock;
  bool wake_allowed;
  atomic_bool want_drain, has_ended;
  _Atomic(const gw_shared *) next, applied;
  /* The control thread's question whether the upstreams are reachable. */
  pthread_mutex_t question_lock;
  pthread_cond_t answered;
  uint64_t question, answer; /* numbers; answer == question: `ready` is the answer */
  bool ready;
  rpc_client *client;
  gw_ticker *ticker;
  gw_gate gate;
  gw_streams streams;
  gw_routes routes;
  gw_front front;
  gw_generation *generation; /* the present one, and behind it those that still have something to end */
  folder *folders;
  opened opened[GW_CONFIG_LISTEN];
  net_timer *drain_timer, *retire_timer;
  int64_t drain_end_ms, grace_end_ms;
};

/* -- the loop, the core's threads and the control thread ------------------------------------------------------------------------ */

static void wake(void *ctx) {
  gw_worker *w = ctx;
  pthread_mutex_lock(&w->wake_lock);
  if (w->wake_allowed) {
    net_loop_wake(w->loop);
  }
  pthread_mutex_unlock(&w->wake_lock);
}

/* Asking is also what makes an upstream connect. */
static void answer_question(gw_worker *w) {
  pthread_mutex_lock(&w->question_lock);
  uint64_t question = w->question;
  bool asked = question != w->answer;
  pthread_mutex_unlock(&w->question_lock);
  if (asked) {
    bool ready = w->gate.upstream->vt->is_ready(w->gate.upstream);
    pthread_mutex_lock(&w->question_lock);
    w->answer = question;
    w->ready = ready;
    pthread_cond_signal(&w->answered);
    pthread_mutex_unlock(&w->question_lock);
  }
}

bool gw_worker_is_ready(gw_worker *w) {
  struct timespec end = base_timespec(base_now_ms() + ANSWER_MS);
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

/* -- listeners -------------------------------------------------------------------------------------------------------------------- */

static base_err open_place(gw_worker *w, const gw_place *place, opened *o) {
  const gw_limits_options limits = gw_limits_with_defaults(&w->shared->config->limits);
  const net_listener_options options = {.address = place->address,
                                        .tls = place->tls,
                                        .max_connections = (int)limits.connections + REFUSED_CONNECTIONS,
                                        .first_byte_ms = limits.header_ms,
                                        .lost_ms = limits.lost_ms,
                                        .share_port = w->options.share_ports,
                                        .on_accept = gw_front_on_accept,
                                        .on_end = gw_front_on_end,
                                        .ctx = &w->front};
  o->place = *place;
  return net_listen(w->loop, &options, &o->listener);
}

static opened *free_slot(gw_worker *w) {
  for (int i = 0; i < GW_CONFIG_LISTEN; i++) {
    if (w->opened[i].listener == NULL) {
      return &w->opened[i];
    }
  }
  return NULL;
}

base_err gw_worker_listen(gw_worker *w, const gw_place *place, int *port) {
  opened *o = free_slot(w);
  if (o == NULL) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  BASE_TRY(open_place(w, place, o));
  *port = net_listener_port(o->listener);
  char *colon = strrchr(o->place.address, ':');
  snprintf(colon, (size_t)(o->place.address + sizeof o->place.address - colon), ":%d", *port);
  return BASE_OK;
}

static void close_place(opened *o) {
  if (o->listener) {
    net_listener_close(o->listener);
    o->listener = NULL;
  }
}

static bool same_place(const gw_place *a, const gw_place *b) {
  return a->tls == b->tls && strcmp(a->address, b->address) == 0;
}

static bool is_open(const gw_worker *w, const gw_place *place) {
  for (int i = 0; i < GW_CONFIG_LISTEN; i++) {
    if (w->opened[i].listener && same_place(&w->opened[i].place, place)) {
      return true;
    }
  }
  return false;
}

static bool is_wanted(const gw_shared *s, const gw_place *place) {
  for (int i = 0; i < s->config->listen_count; i++) {
    if (same_place(&s->places[i], place)) {
      return true;
    }
  }
  return false;
}

/* Those to go first: one of them may have the port that another kind of listener takes over. */
static void change_listeners(gw_worker *w, const gw_shared *next) {
  for (int i = 0; i < GW_CONFIG_LISTEN; i++) {
    if (w->opened[i].listener && !is_wanted(next, &w->opened[i].place)) {
      close_place(&w->opened[i]);
    }
  }
  for (int i = 0; i < next->config->listen_count; i++) {
    const gw_place *place = &next->places[i];
    opened *o = place->address[0] && !is_open(w, place) ? free_slot(w) : NULL;
    base_err e = o ? open_place(w, place, o) : BASE_OK;
    if (!base_is_ok(e)) {
      BASE_LOG(BASE_LOG_ERROR, "cannot listen", LOG_STR("address", place->address), LOG_STR("reason", base_err_text(e)),
               LOG_INT("worker", w->options.index));
    }
  }
}

/* -- configurations --------------------------------------------------------------------------------------------------------------- */

static base_err open_folder(gw_worker *w, const char *path, gw_static **out) {
  folder *f = w->folders;
  while (f && path && strcmp(f->path, path) != 0) {
    f = f->next;
  }
  if (f || path == NULL) {
    *out = path ? f->files : NULL;
    return BASE_OK;
  }
  f = calloc(1, sizeof *f);
  if (f == NULL || (f->path = strdup(path)) == NULL) {
    free(f);
    return base_fail(BASE_E_NO_MEMORY);
  }
  f->next = w->folders;
  w->folders = f;
  base_err e = gw_static_new(path, &f->files);
  if (!base_is_ok(e)) {
    w->folders = f->next;
    free(f->path);
    free(f);
    return e;
  }
  *out = f->files;
  return BASE_OK;
}

/* Everything that may fail comes first: it is taken as a whole or not at all. */
static base_err take(gw_worker *w, const gw_shared *next, base_buf *why) {
  const gw_generation_parts parts = {.loop = w->loop, .client = w->client, .gate = &w->gate, .app = w->front.app};
  const gw_limits_options limits = gw_limits_with_defaults(&next->config->limits);
  gw_generation *g = NULL;
  gw_static *files = NULL;
  base_err e = open_folder(w, next->config->web, &files);
  if (!base_is_ok(e)) {
    base_err told = base_buf_printf(why, "the folder of files %s: %s", next->config->web, base_err_text(e));
    return base_is_ok(told) ? e : told;
  }
  BASE_TRY(gw_generation_new(&parts, next, why, &g));
  g->older = w->generation;
  w->generation = g;
  w->gate = (gw_gate){.upstream = g->upstream,
                      .auth = next->auth,
                      .limits = next->limits,
                      .timers = gw_ticker_timers(w->ticker),
                      .streams = &w->streams,
                      .drop = next->config->metadata.drop,
                      .drop_count = next->config->metadata.drop_count,
                      .max_timeout_ms = limits.max_timeout_ms};
  w->routes =
      (gw_routes){.policy = &next->config->policy, .hub = g->hub, .files = files, .grpc_web = {.gate = &w->gate}};
  w->front.h1 = g->h1;
  w->front.h2_options = (gw_h2_options){.max_streams = limits.calls_per_connection,
                                        .max_header_bytes = limits.header_bytes,
                                        .header_ms = limits.header_ms,
                                        .body_ms = limits.body_ms,
                                        .idle_ms = limits.idle_ms,
                                        .lifetime_ms = limits.lifetime_ms,
                                        .resets_burst = 2 * limits.calls_per_connection,
                                        .limits = next->limits};
  w->front.header_ms = limits.header_ms;
  w->front.limits = next->limits;
  w->shared = next;
  return BASE_OK;
}

/* Frees what has nothing left to do; generations end in any order. */
static void retire(void *ctx) {
  gw_worker *w = ctx;
  for (gw_generation **at = &w->generation->older; *at;) {
    gw_generation *g = *at;
    if (!gw_generation_retire(g)) {
      at = &g->older;
      continue;
    }
    *at = g->older;
    g->older = NULL;
    gw_generation_free(g);
  }
  if (w->generation->older) {
    net_timer_set(w->retire_timer, RETIRE_LOOK_MS);
  }
}

static void apply(gw_worker *w, const gw_shared *next) {
  base_buf why;
  base_buf_init(&why, 4096);
  if (base_is_ok(take(w, next, &why))) {
    net_timer_set(w->retire_timer, RETIRE_LOOK_MS);
    w->gate.upstream->vt->is_ready(w->gate.upstream);
  } else {
    /* Out of memory, or a folder that has just gone. The last configuration ends all the same, so what points into it must move. */
    BASE_LOG(BASE_LOG_ERROR, "new clusters and folders could not be made; the last ones stay",
             LOG_INT("worker", w->options.index), LOG_SPAN("reason", base_buf_span(&why)));
    w->routes.policy = &next->config->policy;
    w->gate.auth = next->auth;
    w->gate.drop = next->config->metadata.drop;
    w->gate.drop_count = next->config->metadata.drop_count;
    w->shared = next;
  }
  change_listeners(w, next);
  base_buf_dispose(&why);
}

/* -- the end ---------------------------------------------------------------------------------------------------------------------- */

static bool is_quiet(const gw_worker *w) {
  for (const gw_generation *g = w->generation; g; g = g->older) {
    if (gw_ws_hub_count(g->hub) > 0 || http_h1_server_connections(g->h1) > 0) {
      return false;
    }
  }
  return w->front.h2.count == 0;
}

static void look_if_drained(void *ctx) {
  gw_worker *w = ctx;
  if (base_now_ms() >= w->grace_end_ms) {
    gw_streams_end(&w->streams); /* WebSockets have ended theirs; these are of gRPC-Web */
  }
  if (is_quiet(w) || base_now_ms() >= w->drain_end_ms) {
    net_loop_stop(w->loop);
    return;
  }
  net_timer_set(w->drain_timer, DRAIN_LOOK_MS);
}

static void drain(gw_worker *w) {
  int64_t grace_ms = w->shared->config->grace_ms;
  w->routes.draining = true;
  w->grace_end_ms = base_now_ms() + grace_ms;
  w->drain_end_ms = w->grace_end_ms + DRAIN_EXTRA_MS;
  for (int i = 0; i < GW_CONFIG_LISTEN; i++) {
    close_place(&w->opened[i]);
  }
  for (gw_generation *g = w->generation; g; g = g->older) {
    gw_ws_hub_drain(g->hub, (uint32_t)grace_ms);
    http_h1_server_drain(g->h1);
  }
  gw_h2_group_drain(&w->front.h2);
  net_timer_set(w->drain_timer, DRAIN_LOOK_MS);
}

static void on_wake(void *ctx) {
  gw_worker *w = ctx;
  rpc_client_drain(w->client);
  const gw_shared *next = atomic_exchange(&w->next, NULL);
  if (next) {
    apply(w, next);
    atomic_store(&w->applied, next);
    w->options.on_change(w->options.ctx);
  }
  answer_question(w);
  if (atomic_load(&w->want_drain) && !w->routes.draining) {
    drain(w);
  }
}

static void *run(void *arg) {
  gw_worker *w = arg;
  /* Connecting now saves the first call the wait. */
  w->gate.upstream->vt->is_ready(w->gate.upstream);
  net_loop_run(w->loop);
  atomic_store(&w->has_ended, true);
  w->options.on_change(w->options.ctx);
  return NULL;
}

/* -- for the control thread --------------------------------------------------------------------------------------------------------- */

static base_err make(gw_worker *w, base_buf *why) {
  const net_loop_options loop = {.on_wake = on_wake, .ctx = w};
  BASE_TRY(net_loop_new(&loop, &w->loop));
  w->wake_allowed = true;
  w->drain_timer = net_timer_new(w->loop, look_if_drained, w);
  w->retire_timer = net_timer_new(w->loop, retire, w);
  if (w->drain_timer == NULL || w->retire_timer == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  BASE_TRY(gw_ticker_new(w->loop, &w->ticker));
  BASE_TRY(rpc_client_new(&(rpc_client_options){.wake = wake, .wake_ctx = w}, &w->client));
  w->front.app =
      (http_app){.on_request = gw_routes_on_request, .app = &w->routes, .refusal_headers = gw_routes_refusal_headers};
  return take(w, w->shared, why);
}

static void make_locks(gw_worker *w) {
  pthread_mutex_init(&w->wake_lock, NULL);
  pthread_mutex_init(&w->question_lock, NULL);
  base_cond_init(&w->answered);
}

base_err gw_worker_new(const gw_worker_options *options, base_buf *why, gw_worker **out) {
  gw_worker *w = calloc(1, sizeof *w);
  if (w == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  w->options = *options;
  w->shared = options->shared;
  make_locks(w);
  base_err e = make(w, why);
  if (!base_is_ok(e)) {
    gw_worker_free(w);
    return e;
  }
  *out = w;
  return BASE_OK;
}

base_err gw_worker_start(gw_worker *w) {
  w->has_thread = pthread_create(&w->thread, NULL, run, w) == 0;
  return w->has_thread ? BASE_OK : base_fail(BASE_E_EXHAUSTED);
}

void gw_worker_apply(gw_worker *w, const gw_shared *next) {
  atomic_store(&w->next, next);
  net_loop_wake(w->loop);
}

bool gw_worker_has_applied(const gw_worker *w, const gw_shared *next) {
  return atomic_load(&w->applied) == next || gw_worker_has_ended(w);
}

void gw_worker_drain(gw_worker *w) {
  atomic_store(&w->want_drain, true);
  net_loop_wake(w->loop);
}

void gw_worker_stop(gw_worker *w) { net_loop_stop(w->loop); }

bool gw_worker_has_ended(const gw_worker *w) { return atomic_load(&w->has_ended); }

/* Upstreams that live on the loop end first, then the loop: closing its connections abandons their calls. Then the client delivers what those calls still have to say, to upstreams that are still there. */
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
  gw_generation_stop(w->generation);
  net_loop_free(w->loop);
  if (w->client) {
    rpc_client_end_calls(w->client);
  }
  gw_generation_free(w->generation);
  rpc_client_free(w->client);
  gw_ticker_free(w->ticker);
  while (w->folders) {
    folder *next = w->folders->next;
    gw_static_free(w->folders->files);
    free(w->folders->path);
    free(w->folders);
    w->folders = next;
  }
  pthread_cond_destroy(&w->answered);
  pthread_mutex_destroy(&w->question_lock);
  pthread_mutex_destroy(&w->wake_lock);
  free(w);
}
