#include "rpc/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grpc/grpc_security.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wait.h"
#include "rpc/server_internal.h"

enum {
  UNARY_THREADS = 4,
  UNARY_QUEUE = 256,
  ARMED = 16,           /* calls waiting to be filled: so many may arrive between two turns of the queue thread */
  KEEPALIVE_MS = 30000, /* a client that vanished without a word is noticed after this and the next */
  KEEPALIVE_TIMEOUT_MS = 20000,
  CLIENT_PING_MIN_MS = 10000,
};

/* -- arriving calls -------------------------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b) {
  return strcmp(((const rpc_route *)a)->method->path, ((const rpc_route *)b)->method->path);
}

static const rpc_route *find_route(const rpc_server *s, base_span path) {
  size_t low = 0, high = s->route_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const char *have = s->routes[middle].method->path;
    size_t n = strlen(have), common = n < path.n ? n : path.n;
    int order = memcmp(have, path.p, common);
    order = order ? order : (n > path.n) - (n < path.n);
    if (order == 0) {
      return &s->routes[middle];
    }
    low = order < 0 ? middle + 1 : low;
    high = order < 0 ? high : middle;
  }
  return NULL;
}

static void link_call(rpc_server *s, rpc_call *c) {
  pthread_mutex_lock(&s->lock);
  c->next = s->calls;
  c->link = &s->calls;
  if (c->next) {
    c->next->link = &c->next;
  }
  s->calls = c;
  s->live++;
  pthread_mutex_unlock(&s->lock);
}

void rpc_server_call_ended(rpc_server *s, rpc_call *c) {
  pthread_mutex_lock(&s->lock);
  *c->link = c->next;
  if (c->next) {
    c->next->link = c->link;
  }
  pthread_mutex_unlock(&s->lock);
  rpc_call_free(c);
  pthread_mutex_lock(&s->lock);
  s->live--; /* last: rpc_server_stop() goes on when it falls to zero */
  if (s->live == 0) {
    pthread_cond_broadcast(&s->changed);
  }
  pthread_mutex_unlock(&s->lock);
}

rpc_pool *rpc_server_pool(rpc_server *s) { return &s->pool; }

static void on_accept(rpc_op *op, bool ok);

/* Keeps ARMED calls waiting; what memory does not allow now is tried again at the next arrival. */
static void arm(rpc_server *s) {
  while (s->armed < ARMED) {
    rpc_call *c = rpc_call_new(s);
    if (c == NULL) {
      return;
    }
    c->accept.done = on_accept;
    link_call(s, c);
    rpc_op_publish(&c->accept);
    if (grpc_server_request_call(s->core, &c->core, &c->details, &c->request_metadata, s->cq, s->cq, &c->accept) !=
        GRPC_CALL_OK) {
      rpc_server_call_ended(s, c);
      return;
    }
    s->armed++;
  }
}

static void on_accept(rpc_op *op, bool ok) {
  rpc_call *c = RPC_OP_OWNER(op, rpc_call, accept);
  rpc_server *s = c->server;
  s->armed--;
  if (!ok) { /* the server shuts down */
    rpc_server_call_ended(s, c);
    return;
  }
  arm(s);
  pthread_mutex_lock(&s->lock); /* a stop looks at the routes of running calls */
  c->route = find_route(s, rpc_core_span(&c->details.method));
  bool draining = s->stopping && rpc_route_is_endless(c->route);
  pthread_mutex_unlock(&s->lock);
  rpc_call_begin(c, draining);
}

static void on_shutdown(rpc_op *op, bool ok) {
  rpc_server *s = RPC_OP_OWNER(op, rpc_server, shutdown);
  (void)ok;
  pthread_mutex_lock(&s->lock);
  s->shut_down = true;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

static void *queue_thread(void *arg) {
  rpc_server *s = arg;
  arm(s);
  for (rpc_op *op; (op = rpc_op_next(s->cq)) != NULL;) {
    op->done(op, op->ok);
  }
  return NULL;
}

/* -- set-up ---------------------------------------------------------------------------------------------------------- */

void rpc_poll_apart(void) { setenv("GRPC_POLL_STRATEGY", "poll", 0); /* without memory for it, the default stays */ }

base_err rpc_server_new(const rpc_server_options *options, rpc_server **out) {
  rpc_server *s = calloc(1, sizeof *s);
  base_err e = base_fail(BASE_E_NO_MEMORY);
  *out = NULL;
  if (s == NULL) {
    return e;
  }
  s->options = *options;
  s->options.unary_threads = options->unary_threads ? options->unary_threads : UNARY_THREADS;
  s->options.unary_queue = options->unary_queue ? options->unary_queue : UNARY_QUEUE;
  s->options.max_receive_bytes = options->max_receive_bytes ? options->max_receive_bytes : RPC_MESSAGE_MAX_DEFAULT;
  pthread_mutex_init(&s->lock, NULL);
  base_cond_init(&s->changed);
  rpc_core_init();
  s->listen = strdup(options->listen);
  if (s->listen) {
    e = rpc_health_new(s, &s->health);
  }
  if (base_is_ok(e)) {
    e = rpc_reflection_new(s, &s->reflection);
  }
  if (!base_is_ok(e)) {
    rpc_server_free(s);
    return e;
  }
  *out = s;
  return BASE_OK;
}

static base_err add(rpc_server *s, const pb_service *service, const rpc_handler *handlers, void *ctx, bool internal) {
  size_t count = s->route_count + (size_t)service->count;
  rpc_route *grown = realloc(s->routes, (count + 1) * sizeof *grown);
  if (grown == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->routes = grown;
  for (int i = 0; i < service->count; i++) {
    s->routes[s->route_count++] = (rpc_route){&service->methods[i], handlers[i], ctx, internal};
  }
  return BASE_OK;
}

static bool has_service(const rpc_server *s, const pb_service *service) {
  for (size_t i = 0; i < s->route_count; i++) {
    if (service->count > 0 && strcmp(s->routes[i].method->path, service->methods[0].path) == 0) {
      return true;
    }
  }
  return false;
}

base_err rpc_server_add(rpc_server *s, const pb_service *methods, const rpc_handler *handlers, void *service,
                        base_span descriptor_set) {
  if (s->started) {
    return base_fail(BASE_E_PRECONDITION);
  }
  if (has_service(s, methods)) {
    return base_fail(BASE_E_EXISTS);
  }
  BASE_TRY(rpc_health_add(s->health, methods->name));
  BASE_TRY(rpc_reflection_add(s->reflection, methods->name, descriptor_set));
  return add(s, methods, handlers, service, false);
}

base_err rpc_server_add_internal(rpc_server *s, const pb_service *methods, const rpc_handler *handlers, void *service) {
  return add(s, methods, handlers, service, true);
}

/* The core does not say why it could not bind, so the reason is asked of the kernel. */
static base_err why_not_bound(const char *listen_on) {
  char host[256];
  const char *colon = strrchr(listen_on, ':');
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
  if (colon == NULL || (size_t)(colon - listen_on) >= sizeof host) {
    return base_fail(BASE_E_INVALID);
  }
  bool bracketed = listen_on[0] == '[';
  snprintf(host, sizeof host, "%.*s", (int)(colon - listen_on) - 2 * bracketed, listen_on + bracketed);
  if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
    return base_fail(BASE_E_INVALID);
  }
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  int failed = bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0 ? errno : 0;
  freeaddrinfo(found);
  if (fd >= 0) {
    close(fd);
  }
  return base_fail(failed == EADDRINUSE ? BASE_E_IN_USE : failed == EACCES ? BASE_E_DENIED : BASE_E_INVALID);
}

static grpc_server *create_core(const rpc_server *s) {
  int limit = s->options.max_receive_bytes > INT32_MAX ? INT32_MAX : (int)s->options.max_receive_bytes;
  grpc_arg args[] = {
      rpc_core_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, limit),
      rpc_core_arg(GRPC_ARG_MAX_METADATA_SIZE, RPC_METADATA_MAX),
      rpc_core_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
      rpc_core_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, RPC_LOOKAHEAD_BYTES),
      /* Two servers on one port would each get some of the calls. */
      rpc_core_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
      rpc_core_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
      rpc_core_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
      rpc_core_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
      rpc_core_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
      rpc_core_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, CLIENT_PING_MIN_MS),
  };
  const grpc_channel_args server_args = {sizeof args / sizeof *args, args};
  return grpc_server_create(&server_args, NULL);
}

/* Ends what start began: the core's server must be shut down through its queue before it may be destroyed. */
static void destroy_core(rpc_server *s) {
  if (s->core) {
    grpc_server_destroy(s->core);
    s->core = NULL;
  }
  grpc_completion_queue_shutdown(s->cq);
  if (s->started) {
    pthread_join(s->thread, NULL);
  } else {
    while (rpc_op_next(s->cq)) {
    }
  }
  grpc_completion_queue_destroy(s->cq);
  s->cq = NULL;
}

base_err rpc_server_start(rpc_server *s) {
  qsort(s->routes, s->route_count, sizeof *s->routes, by_path);
  BASE_TRY(rpc_pool_init(&s->pool, s->options.unary_threads, s->options.unary_threads, s->options.unary_queue));
  s->shutdown.done = on_shutdown;
  s->cq = grpc_completion_queue_create_for_next(NULL);
  s->core = create_core(s);
  grpc_server_register_completion_queue(s->core, s->cq, NULL);
  grpc_server_credentials *creds = grpc_insecure_server_credentials_create();
  s->port = grpc_server_add_http2_port(s->core, s->listen, creds);
  grpc_server_credentials_release(creds);
  base_err e = s->port > 0 ? BASE_OK : why_not_bound(s->listen);
  grpc_server_start(s->core);
  s->started = base_is_ok(e) && pthread_create(&s->thread, NULL, queue_thread, s) == 0;
  if (s->started) {
    return BASE_OK;
  }
  grpc_server_shutdown_and_notify(s->core, s->cq, &s->shutdown);
  rpc_op_next(s->cq);
  destroy_core(s);
  rpc_pool_dispose(&s->pool);
  return base_is_ok(e) ? base_fail(BASE_E_EXHAUSTED) : e;
}

int rpc_server_port(const rpc_server *s) { return s->port; }

void rpc_server_set_serving(rpc_server *s, const char *service_name, bool serving) {
  rpc_health_set(s->health, service_name, serving);
}

/* -- the end --------------------------------------------------------------------------------------------------------- */

/* Health watchers and reflection clients stay as long as they are let: they must not use up the grace of others. */
static void end_internal_calls(rpc_server *s) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set(&status, BASE_GRPC_UNAVAILABLE, "the server is shutting down");
  pthread_mutex_lock(&s->lock);
  s->stopping = true;
  for (rpc_call *c = s->calls; c; c = c->next) {
    if (rpc_route_is_endless(c->route)) {
      rpc_call_finish_status(c, &status);
    }
  }
  pthread_mutex_unlock(&s->lock);
  wire_status_dispose(&status);
}

static bool is_idle(const rpc_server *s) { return s->shut_down && s->live == 0; }

void rpc_server_stop(rpc_server *s, int64_t grace_ms) {
  if (!s->started || s->stopped) {
    return;
  }
  rpc_health_set_all(s->health, false);
  end_internal_calls(s);
  rpc_op_publish(&s->shutdown);
  grpc_server_shutdown_and_notify(s->core, s->cq, &s->shutdown);
  struct timespec until = base_timespec(base_now_ms() + grace_ms);
  pthread_mutex_lock(&s->lock);
  while (!is_idle(s) && pthread_cond_timedwait(&s->changed, &s->lock, &until) != ETIMEDOUT) {
  }
  bool idle = is_idle(s);
  pthread_mutex_unlock(&s->lock);
  if (!idle) {
    grpc_server_cancel_all_calls(s->core);
  }
  pthread_mutex_lock(&s->lock);
  while (!is_idle(s)) {
    pthread_cond_wait(&s->changed, &s->lock);
  }
  pthread_mutex_unlock(&s->lock);
  destroy_core(s); /* joins the queue thread, which may still be in the submission of the last job */
  rpc_pool_dispose(&s->pool);
  s->stopped = true;
}

void rpc_server_free(rpc_server *s) {
  if (s == NULL) {
    return;
  }
  rpc_server_stop(s, 0);
  rpc_reflection_free(s->reflection);
  rpc_health_free(s->health);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  free(s->routes);
  free(s->listen);
  free(s);
  grpc_shutdown();
}
