/* server_internal.h - the server's own struct, and the services it brings along. Inside lib/rpc only. */
#ifndef PONTE_RPC_SERVER_INTERNAL_H
#define PONTE_RPC_SERVER_INTERNAL_H

#include "rpc/server_call.h"

typedef struct rpc_health rpc_health;
typedef struct rpc_reflection rpc_reflection;

struct rpc_server {
  char *listen;
  rpc_server_options options; /* with defaults filled in */
  grpc_server *core;
  grpc_completion_queue *cq;
  pthread_t thread;
  int port;
  bool started, stopped;

  rpc_route *routes; /* sorted by path once started */
  size_t route_count;
  rpc_pool pool;
  rpc_health *health;
  rpc_reflection *reflection;
  rpc_op shutdown;
  int armed; /* calls that wait to be filled; queue thread */

  pthread_mutex_t lock;
  pthread_cond_t changed;
  rpc_call *calls; /* all that run, and those that wait to be filled */
  size_t live;     /* their number, until their memory is free */
  bool stopping, shut_down;
};

/* As rpc_server_add(), for health and reflection. */
base_err rpc_server_add_internal(rpc_server *s, const pb_service *methods, const rpc_handler *handlers,
                                 void *service) BASE_MUST_USE;

base_err rpc_health_new(rpc_server *s, rpc_health **out) BASE_MUST_USE;
/* A service that is new is added, serving. */
base_err rpc_health_add(rpc_health *h, const char *service) BASE_MUST_USE;
void rpc_health_set(rpc_health *h, const char *service, bool serving);
void rpc_health_set_all(rpc_health *h, bool serving);
void rpc_health_free(rpc_health *h);

base_err rpc_reflection_new(rpc_server *s, rpc_reflection **out) BASE_MUST_USE;
base_err rpc_reflection_add(rpc_reflection *r, const char *service, base_span descriptor_set) BASE_MUST_USE;
void rpc_reflection_free(rpc_reflection *r);

#endif
