#include "svc/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/internal.h"

enum {
  SERVICES = 32,
  THREADS = 8,        /* of a service without a store */
  STORE_THREADS = 32, /* with one: writers that wait for one commit together */
  QUEUE = 1024,
  READY_MS = 2000,
  TICK_MS = 60000,
};

struct svc_host {
  svc_host_options options;
  svc__wire *wire;
  svc *services[SERVICES];
  int count;
  pthread_t upkeep;
  bool has_upkeep;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool is_stopping;
};

svc__wire *svc__host_wire(svc_host *h) { return h->wire; }
double svc__host_sample_ratio(const svc_host *h) { return h->options.sample_ratio; }
struct token_verifier *svc__host_verifier(const svc_host *h) {
  return h->options.verifier;
}
struct token_verifier *svc_verifier(svc *s) {
  return s->host->options.verifier;
}

const char *svc_setting(svc *s, const char *key) {
  const svc_host_options *o = &s->host->options;
  return o->setting ? o->setting(o->ctx, key) : NULL;
}

int64_t svc_setting_number(svc *s, const char *key, int64_t fallback) {
  const char *text = svc_setting(s, key);
  uint64_t n = 0;
  bool is_number = text && base_span_u64(base_span_str(text), &n) && n <= INT64_MAX;
  return is_number ? (int64_t)n : fallback;
}

base_err svc_host_new(const svc_host_options *options, svc_host **out) {
  svc_host *h = calloc(1, sizeof *h);
  if (h == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  h->options = *options;
  pthread_mutex_init(&h->lock, NULL);
  base_cond_init(&h->changed);
  base_err e = svc__wire_new(
      &(svc__wire_options){options->otlp_endpoint, options->trace_name ? options->trace_name : "ponte"}, &h->wire);
  if (!base_is_ok(e)) {
    svc_host_free(h);
    return e;
  }
  *out = h;
  return BASE_OK;
}

/* -- adding ------------------------------------------------------------------------------------------------------------ */

/* The framework's own step first. */
static base_err open_store(const svc_definition *d, const char *url, base_buf *why, store **out) {
  store_migration *all = calloc(d->migration_count + 1, sizeof *all);
  if (all == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  all[0] = svc__answers_migration;
  memcpy(all + 1, d->migrations, d->migration_count * sizeof *all);
  const store_options options = {
      .url = url, .name = d->name, .migrations = all, .migration_count = d->migration_count + 1};
  base_err e = store_open(&options, why, out);
  free(all);
  return e;
}

base_err svc_host_backup(const svc_definition *definition, const char *store_url, const char *path, base_buf *why) {
  store *s = NULL;
  BASE_TRY(store_open(&(store_options){.url = store_url, .name = definition->name, .as_it_is = true}, why, &s));
  base_err e = store_backup(s, path);
  store_close(s);
  return e;
}

static base_err make_server(svc *s) {
  char address[BASE_ADDRESS_SIZE];
  base_address_of(s->host->options.listen_host, s->port, address);
  const rpc_server_options options = {
      .listen = address, .unary_threads = s->store ? STORE_THREADS : THREADS, .unary_queue = QUEUE};
  return rpc_server_new(&options, &s->server);
}

static base_err open_service(svc *s, base_buf *why) {
  if (s->definition->migration_count > 0) {
    BASE_TRY(open_store(s->definition, s->host->options.store_url, why, &s->store));
  }
  BASE_TRY(make_server(s));
  BASE_TRY(s->definition->open(s, why, &s->state));
  s->is_open = true;
  return BASE_OK;
}

base_err svc_host_add(svc_host *h, const svc_definition *definition, int port, base_buf *why) {
  svc *s = h->count < SERVICES ? calloc(1, sizeof *s) : NULL;
  if (s == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->host = h;
  s->definition = definition;
  s->port = port;
  atomic_store(&s->is_ready, true);
  h->services[h->count++] = s;
  base_err e = open_service(s, why);
  if (!base_is_ok(e) && base_buf_size(why) == 0) {
    base_err told = base_buf_printf(why, "the service %s cannot be opened: %s", definition->name, base_err_text(e));
    (void)told; /* the error itself is returned */
  }
  return e;
}

static svc *find(const svc_host *h, const char *name) {
  for (int i = 0; i < h->count; i++) {
    if (strcmp(h->services[i]->definition->name, name) == 0) {
      return h->services[i];
    }
  }
  return NULL;
}

/* -- upkeep ------------------------------------------------------------------------------------------------------------ */

static void look_after(svc *s, bool tick) {
  if (s->store) {
    bool ready = store_is_ready(s->store);
    if (atomic_exchange(&s->is_ready, ready) != ready) {
      BASE_LOG(ready ? BASE_LOG_INFO : BASE_LOG_WARN, ready ? "the database is back" : "the database does not answer",
               LOG_STR("service", s->definition->name));
    }
  }
  if (tick && s->store) {
    svc__answers_purge(s, base_wall_us());
  }
  if (tick && s->definition->tick) {
    s->definition->tick(s->state, base_wall_ms());
  }
}

/* False when the host stops. */
static bool pause_for(svc_host *h, int64_t ms) {
  struct timespec until = base_timespec(base_now_ms() + ms);
  pthread_mutex_lock(&h->lock);
  while (!h->is_stopping && pthread_cond_timedwait(&h->changed, &h->lock, &until) != ETIMEDOUT) {
  }
  bool goes_on = !h->is_stopping;
  pthread_mutex_unlock(&h->lock);
  return goes_on;
}

static void *upkeep(void *ctx) {
  svc_host *h = ctx;
  int64_t tick_ms = base_now_ms() + TICK_MS;
  while (pause_for(h, READY_MS)) {
    bool tick = base_now_ms() >= tick_ms;
    tick_ms += tick ? TICK_MS : 0;
    for (int i = 0; i < h->count; i++) {
      look_after(h->services[i], tick);
    }
  }
  return NULL;
}

bool svc_host_is_ready(svc_host *h, const char **why) {
  for (int i = 0; i < h->count; i++) {
    if (!atomic_load(&h->services[i]->is_ready)) {
      *why = "a database does not answer\n";
      return false;
    }
  }
  return true;
}

/* -- serving ----------------------------------------------------------------------------------------------------------- */

static base_err listen_on(svc *s, base_buf *why) {
  base_err e = rpc_server_start(s->server);
  if (!base_is_ok(e)) {
    base_err told = base_buf_printf(why, "the service %s cannot listen on %s port %d: %s", s->definition->name,
                                    s->host->options.listen_host, s->port, base_err_text(e));
    (void)told; /* the error itself is returned */
    return e;
  }
  s->is_serving = true;
  return BASE_OK;
}

/* Where a server that listens on this host is reached from its own process: a wildcard stands for the loopback address too. */
static void local_target(const char *host, int port, char target[BASE_ADDRESS_SIZE]) {
  static const char *const wildcards[][2] = {{"0.0.0.0", "127.0.0.1"}, {"::", "::1"}, {"[::]", "::1"}};
  for (size_t i = 0; i < sizeof wildcards / sizeof *wildcards; i++) {
    if (strcmp(host, wildcards[i][0]) == 0) {
      base_address_of(wildcards[i][1], port, target);
      return;
    }
  }
  base_address_of(host, port, target);
}

/* A peer in this process is asked over gRPC too, at its actual port. PRECONDITION: it was added behind the one that asks. */
static base_err find_peers(svc *s, base_buf *why) {
  for (svc_peer *p = s->peers; p; p = p->next) {
    char key[64], target[BASE_ADDRESS_SIZE];
    const svc *local = find(s->host, p->name);
    snprintf(key, sizeof key, "%s_target", p->name);
    const char *told = svc_setting(s, key);
    if (local && !local->is_serving) {
      BASE_TRY(
          base_buf_printf(why, "the service %s asks %s, which must be added before it", s->definition->name, p->name));
      return base_fail(BASE_E_PRECONDITION);
    }
    if (local) {
      local_target(s->host->options.listen_host, rpc_server_port(local->server), target);
    }
    p->target = strdup(local ? target : told ? told : "");
    if (p->target == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
  }
  return BASE_OK;
}

base_err svc_host_start(svc_host *h, base_buf *why) {
  for (int i = 0; i < h->count; i++) {
    BASE_TRY(find_peers(h->services[i], why));
    BASE_TRY(listen_on(h->services[i], why));
  }
  h->has_upkeep = pthread_create(&h->upkeep, NULL, upkeep, h) == 0;
  return h->has_upkeep ? BASE_OK : base_fail(BASE_E_EXHAUSTED);
}

int svc_host_port(const svc_host *h, const char *name) {
  const svc *s = find(h, name);
  return s && s->is_serving ? rpc_server_port(s->server) : 0;
}

base_err svc_host_page(svc_host *h, base_span path, const char **content_type, base_buf *out) {
  for (int i = 0; i < h->count; i++) {
    const svc *s = h->services[i];
    for (size_t k = 0; k < s->page_count; k++) {
      if (base_span_is(path, s->pages[k].path)) {
        *content_type = s->pages[k].type;
        return s->pages[k].write(s->pages[k].ctx, out);
      }
    }
  }
  return base_fail(BASE_E_NOT_FOUND);
}

/* -- the end ----------------------------------------------------------------------------------------------------------- */

void svc_host_drain(svc_host *h) {
  for (int i = 0; i < h->count; i++) {
    svc *s = h->services[i];
    if (s->is_serving) {
      rpc_server_set_serving(s->server, "", false);
      for (svc__group *g = s->groups; g; g = g->next) {
        rpc_server_set_serving(s->server, g->methods->name, false);
      }
    }
  }
}

static void stop_upkeep(svc_host *h) {
  if (h->has_upkeep) {
    pthread_mutex_lock(&h->lock);
    h->is_stopping = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->upkeep, NULL);
    h->has_upkeep = false;
  }
}

/* No call runs any more when its server has stopped; streams whose client has gone may still be on their way out. */
static void stop_service(svc *s, int64_t grace_ms) {
  if (s->is_serving) {
    rpc_server_stop(s->server, grace_ms);
    s->is_serving = false;
  }
  if (s->has_stream_pool) {
    rpc_pool_dispose(&s->stream_pool);
    s->has_stream_pool = false;
  }
}

void svc_host_stop(svc_host *h, int64_t grace_ms) {
  int64_t until_ms = base_now_ms() + grace_ms;
  svc_host_drain(h);
  stop_upkeep(h);
  for (int i = h->count; i-- > 0;) {
    int64_t left_ms = until_ms - base_now_ms();
    stop_service(h->services[i], left_ms > 0 ? left_ms : 0);
  }
}

void svc_host_free(svc_host *h) {
  if (h == NULL) {
    return;
  }
  svc_host_stop(h, 0);
  svc__wire_stop(h->wire);
  for (int i = h->count; i-- > 0;) {
    svc__free(h->services[i]);
  }
  svc__wire_free(h->wire);
  pthread_cond_destroy(&h->changed);
  pthread_mutex_destroy(&h->lock);
  free(h);
}
