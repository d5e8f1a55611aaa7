/* server_call.h - one call on the server, from its arrival to its end. Inside lib/rpc only.
 *
 * `lock` protects everything below it in the struct; handlers are called without it. `under_way` counts what will come back to the call: core
 * operations and the unary job. RECV_CLOSE_ON_SERVER is under way from the first moment until the core is done with the call, so the call is over
 * exactly when the count falls to zero.
 */
#ifndef PONTE_RPC_SERVER_CALL_H
#define PONTE_RPC_SERVER_CALL_H

#include <pthread.h>
#include <stdatomic.h>

#include "pb/arena.h"
#include "rpc/core.h"
#include "rpc/op.h"
#include "rpc/pool.h"
#include "rpc/server.h"

typedef struct {
  const pb_method *method;
  rpc_handler handler;
  void *service;
  bool internal; /* health and reflection: their streams do not hold up a stop */
} rpc_route;

struct rpc_outgoing;

struct rpc_call {
  rpc_server *server;
  const rpc_route *route; /* NULL: no such method; written under the server's lock */
  bool refused;           /* no handler has seen it, so none hears of its end; queue thread only */
  rpc_call *next, **link; /* in server->calls, under the server's lock */
  grpc_call *core;
  grpc_call_details details;
  grpc_metadata_array request_metadata;
  wire_metadata metadata;
  int64_t deadline_ms;
  void *state;
  pb_arena arena;
  _Atomic bool cancelled;

  rpc_op accept, receive, close, send;
  rpc_job job; /* unary */
  grpc_byte_buffer *received;
  bool got_message; /* queue thread only */
  bool failed;      /* unary: rpc_call_fail() was called */
  int close_cancelled;

  pthread_mutex_t lock;
  unsigned under_way;
  wire_metadata headers;
  bool headers_sent;
  bool may_compress, compress; /* the client was told of an algorithm; it is used for what is sent now */
  bool receiving, receive_closed, paused;
  bool closed; /* the core is done with the call: nothing more can be sent */
  struct rpc_outgoing *sending, *queue, **queue_last;
  size_t queued_bytes;
  bool above_low;
  bool finishing, finish_sent; /* finish was asked for; its batch was started */
  wire_status final;
  void (*on_cancel)(void *ctx); /* rpc_call_watch() */
  void *watcher;
};

/* A call that waits to be filled by the core (grpc_server_request_call); NULL when out of memory. */
rpc_call *rpc_call_new(rpc_server *s);
/* The core filled it and its route was set: begins to serve it, or answers UNAVAILABLE when draining. Queue thread. */
void rpc_call_begin(rpc_call *c, bool draining);
/* The route of a stream of health or reflection. */
static inline bool rpc_route_is_endless(const rpc_route *r) { return r && r->internal && r->method->kind != PB_UNARY; }
/* For calls that never began. */
void rpc_call_free(rpc_call *c);

/* Of the server: */
rpc_pool *rpc_server_pool(rpc_server *s);
/* The call is over and out of memory after this. Any thread. */
void rpc_server_call_ended(rpc_server *s, rpc_call *c);

#endif
