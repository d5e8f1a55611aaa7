/* A service: its methods as routes, its peers, its pages. */
#include <stdlib.h>

#include "base/log.h"
#include "rpc/client.h"
#include "svc/internal.h"

/* -- methods ----------------------------------------------------------------------------------------------------------- */

static bool is_implemented(const svc_method *m) {
  for (int i = 0; i <= SVC_STREAM; i++) {
    if (m->steps[i]) {
      return true;
    }
  }
  return false;
}

/* A method ends in exactly one of these steps; read and write need a store. */
static bool is_sound(const svc *s, const svc_method *m) {
  const pb_fn *steps = m->steps;
  int ends = (steps[SVC_CALL] != NULL) + (steps[SVC_READ] != NULL) + (steps[SVC_WRITE] != NULL);
  bool has_store = s->store || !(steps[SVC_READ] || steps[SVC_WRITE]);
  if (m->method->kind == PB_SERVER_STREAM) {
    return steps[SVC_STREAM] && ends == 0 && !steps[SVC_PREPARE];
  }
  return m->method->kind == PB_UNARY && ends == 1 && !steps[SVC_STREAM] && has_store;
}

static base_err fill_route(const svc *s, const svc_method *m, svc__route *r) {
  const ProtobufCMessageDescriptor *type = m->method->request;
  const pb_policy *policy = m->method->policy;
  if (!is_sound(s, m)) {
    BASE_LOG(BASE_LOG_ERROR, "a method's steps do not fit together", LOG_STR("path", m->method->path));
    return base_fail(BASE_E_INVALID);
  }
  *r = (svc__route){.method = *m,
                    .path = m->method->path,
                    .key = svc__field(type, "idempotency_key", PROTOBUF_C_TYPE_STRING),
                    .page_size = svc__field(type, "page_size", PROTOBUF_C_TYPE_INT32),
                    .page_token = svc__field(type, "page_token", PROTOBUF_C_TYPE_STRING),
                    .series = svc__series_of(m->method->path)};
  if (policy && policy->owner && !svc__field_path_find(type, policy->owner, &r->owner)) {
    BASE_LOG(BASE_LOG_ERROR, "a policy's owner is no field of the request", LOG_STR("path", m->method->path),
             LOG_STR("owner", policy->owner));
    return base_fail(BASE_E_INVALID);
  }
  return r->series ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err need_streams(svc *s) {
  if (s->has_stream_pool) {
    return BASE_OK;
  }
  BASE_TRY(rpc_pool_init(&s->stream_pool, 0, svc__stream_limit(s), svc__stream_limit(s)));
  s->has_stream_pool = true;
  return BASE_OK;
}

static void taken(void) {} /* its place says that there is a handler */

static base_err add_group(svc *s, svc__group *g, const svc_method *methods, rpc_handler *handlers,
                          base_span descriptors) {
  for (int i = 0; i < g->methods->count; i++) {
    if (!is_implemented(&methods[i])) {
      continue;
    }
    BASE_TRY(fill_route(s, &methods[i], &g->routes[i]));
    if (methods[i].method->kind == PB_UNARY) {
      handlers[i] = (rpc_handler){.unary = taken, .deliver_unary = svc__deliver_unary};
      continue;
    }
    BASE_TRY(need_streams(s));
    handlers[i] = svc__stream_handler;
  }
  return rpc_server_add(s->server, g->methods, handlers, g, descriptors);
}

base_err svc_add(svc *s, const pb_service *service, const svc_method *methods, base_span descriptor_set) {
  size_t count = (size_t)service->count;
  svc__group *g = calloc(1, sizeof *g + count * sizeof *g->routes);
  rpc_handler *handlers = calloc(count + 1, sizeof *handlers);
  base_err e = g && handlers ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  if (base_is_ok(e)) {
    g->service = s;
    g->methods = service;
    e = add_group(s, g, methods, handlers, descriptor_set);
  }
  free(handlers);
  if (!base_is_ok(e)) {
    free(g);
    return e;
  }
  g->next = s->groups;
  s->groups = g;
  return BASE_OK;
}

/* -- what open() asks for ----------------------------------------------------------------------------------------------- */

store *svc_store(svc *s) { return s->store; }

static bool is_declared(const svc *s, const char *name) {
  for (const char *const *p = s->definition->peers; p && *p; p++) {
    if (strcmp(*p, name) == 0) {
      return true;
    }
  }
  return false;
}

svc_peer *svc_find_peer(svc *s, const char *name) {
  for (svc_peer *p = s->peers; p; p = p->next) {
    if (strcmp(p->name, name) == 0) {
      return p;
    }
  }
  svc_peer *p = is_declared(s, name) && !s->is_open ? calloc(1, sizeof *p) : NULL;
  if (p == NULL) {
    return NULL;
  }
  p->name = strdup(name);
  p->wire = svc__host_wire(s->host);
  if (p->name == NULL) {
    free(p);
    return NULL;
  }
  p->next = s->peers;
  s->peers = p;
  return p;
}

base_err svc_admin_page(svc *s, const char *path, const char *content_type, svc_page_fn write, void *ctx) {
  if (s->page_count == SVC__ADMIN_PAGES) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  s->pages[s->page_count++] = (svc__admin_page){path, content_type, write, ctx};
  return BASE_OK;
}

/* -- the end ----------------------------------------------------------------------------------------------------------- */

void svc__free(svc *s) {
  rpc_server_free(s->server);
  if (s->has_stream_pool) {
    rpc_pool_dispose(&s->stream_pool);
  }
  if (s->is_open && s->definition->close) {
    s->definition->close(s->state);
  }
  store_close(s->store);
  for (svc__group *g = s->groups, *next; g; g = next) {
    next = g->next;
    free(g);
  }
  for (svc_peer *p = s->peers, *next; p; p = next) {
    next = p->next;
    if (p->channel) {
      rpc_channel_free(p->channel);
    }
    free(p->target);
    free(p->name);
    free(p);
  }
  free(s);
}
