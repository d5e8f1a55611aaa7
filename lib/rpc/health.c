/* grpc.health.v1.Health: grpc/grpc doc/health-checking.md. */
#include <stdlib.h>

#include "grpc/health/v1/health.ponte.h"
#include "rpc/server_internal.h"

typedef Grpc__Health__V1__HealthCheckRequest check_request;
typedef Grpc__Health__V1__HealthCheckResponse check_response;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;
#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

struct watcher {
  struct watcher *next;
  rpc_call *call;
  char *service;
};

struct known {
  char *service;
  bool serving;
};

struct rpc_health {
  pthread_mutex_t lock; /* before a call's own lock */
  struct known *known;
  size_t count;
  struct watcher *watchers;
};

static struct known *find(rpc_health *h, const char *service) {
  for (size_t i = 0; i < h->count; i++) {
    if (strcmp(h->known[i].service, service) == 0) {
      return &h->known[i];
    }
  }
  return NULL;
}

/* Locked. */
static serving_status status_of(rpc_health *h, const char *service) {
  const struct known *k = find(h, service);
  return k == NULL ? STATUS(SERVICE_UNKNOWN) : k->serving ? STATUS(SERVING) : STATUS(NOT_SERVING);
}

/* Locked. A watcher whose queue is full has stopped reading; it is ended rather than left with an old state. */
static void tell(rpc_health *h, struct watcher *w) {
  check_response r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
  r.status = status_of(h, w->service);
  base_err e = rpc_call_send(w->call, &r.base);
  if (base_is(e, BASE_E_EXHAUSTED) || base_is(e, BASE_E_NO_MEMORY)) {
    rpc_error error = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "the watcher does not read");
    rpc_call_finish(w->call, &error);
  }
}

/* -- handlers -------------------------------------------------------------------------------------------------------- */

static void check(pb_fn fn, void *service, rpc_call *call, const ProtobufCMessage *request,
                  ProtobufCMessage *response) {
  rpc_health *h = service;
  (void)fn;
  pthread_mutex_lock(&h->lock);
  serving_status status = status_of(h, ((const check_request *)request)->service);
  pthread_mutex_unlock(&h->lock);
  ((check_response *)response)->status = status;
  if (status == STATUS(SERVICE_UNKNOWN)) {
    rpc_error e = rpc_error_of(RPC_REASON_SERVICE_UNKNOWN, "service", "this server has no such service");
    rpc_call_fail(call, &e);
  }
}

static void on_open(void *service, rpc_call *call) {
  (void)service;
  rpc_call_set_state(call, NULL);
}

static void on_request(pb_fn fn, void *service, rpc_call *call, const ProtobufCMessage *request) {
  rpc_health *h = service;
  struct watcher *w = calloc(1, sizeof *w);
  char *name = strdup(((const check_request *)request)->service);
  (void)fn;
  if (w == NULL || name == NULL) {
    rpc_error e = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "out of memory");
    rpc_call_finish(call, &e);
    free(w);
    free(name);
    return;
  }
  pthread_mutex_lock(&h->lock);
  *w = (struct watcher){.next = h->watchers, .call = call, .service = name};
  h->watchers = w;
  tell(h, w);
  pthread_mutex_unlock(&h->lock);
  rpc_call_set_state(call, w);
}

static void on_end(void *service, rpc_call *call, bool cancelled) {
  rpc_health *h = service;
  struct watcher *w = rpc_call_state(call);
  (void)cancelled;
  if (w == NULL) {
    return;
  }
  pthread_mutex_lock(&h->lock);
  for (struct watcher **link = &h->watchers; *link; link = &(*link)->next) {
    if (*link == w) {
      *link = w->next;
      break;
    }
  }
  pthread_mutex_unlock(&h->lock);
  free(w->service);
  free(w);
}

/* Both thunks ignore the typed function; a row counts as handled by having one. */
static void handled(void) {}

static const rpc_handler rows[] = {
    {.unary = handled, .deliver_unary = check},
    {.on_open = on_open, .on_message = handled, .deliver_message = on_request, .on_end = on_end},
};

/* -- state ----------------------------------------------------------------------------------------------------------- */

base_err rpc_health_add(rpc_health *h, const char *service) {
  struct known *grown = realloc(h->known, (h->count + 1) * sizeof *grown);
  if (grown == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  h->known = grown;
  grown[h->count] = (struct known){strdup(service), true};
  if (grown[h->count].service == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  h->count++;
  return BASE_OK;
}

void rpc_health_set(rpc_health *h, const char *service, bool serving) {
  pthread_mutex_lock(&h->lock);
  struct known *k = find(h, service);
  if (k && k->serving != serving) {
    k->serving = serving;
    for (struct watcher *w = h->watchers; w; w = w->next) {
      if (strcmp(w->service, service) == 0) {
        tell(h, w);
      }
    }
  }
  pthread_mutex_unlock(&h->lock);
}

void rpc_health_set_all(rpc_health *h, bool serving) {
  for (size_t i = 0; i < h->count; i++) { /* services are only added before the start */
    rpc_health_set(h, h->known[i].service, serving);
  }
}

base_err rpc_health_new(rpc_server *s, rpc_health **out) {
  rpc_health *h = calloc(1, sizeof *h);
  if (h == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  pthread_mutex_init(&h->lock, NULL);
  *out = h; /* the server frees it from here on */
  BASE_TRY(rpc_health_add(h, ""));
  BASE_TRY(rpc_health_add(h, grpc_health_v1_service.name));
  return rpc_server_add_internal(s, &grpc_health_v1_service, rows, h);
}

void rpc_health_free(rpc_health *h) {
  if (h == NULL) {
    return;
  }
  for (size_t i = 0; i < h->count; i++) {
    free(h->known[i].service);
  }
  free(h->known);
  pthread_mutex_destroy(&h->lock);
  free(h);
}
