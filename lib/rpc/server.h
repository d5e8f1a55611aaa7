/* server.h - a gRPC server over the C core: typed handlers of all four kinds, health, reflection, graceful shutdown.
 *
 * Services fill in the handler table that protoc-gen-ponte emits for them (docs/stubs.md), whose types and rules are those of rpc_handler here.
 *
 * Threads: stream callbacks (on_open, on_message, on_half_close, on_writable, on_end) come one at a time, on the server's completion-queue
 * thread, and must not block: all streams wait meanwhile. Unary handlers come on a bounded pool and may block. rpc_call_send, _finish, _pause
 * and the getters may be used from any thread between on_open and on_end's return. Nothing here calls back before it returns.
 *
 * Unknown methods are answered UNIMPLEMENTED; a message that cannot be unpacked ends its call with INVALID_ARGUMENT; a
 * handler's out-of-memory fails its call only.
 */
#ifndef PONTE_RPC_SERVER_H
#define PONTE_RPC_SERVER_H

#include "pb/arena.h"
#include "pb/method.h"
#include "rpc/error.h"
#include "wire/status.h"

typedef struct rpc_server rpc_server;
typedef struct rpc_call rpc_call; /* one call on the server */

/* The handlers of one method. Typed functions travel as pb_fn, with the generated function that gives them their types back. */
typedef struct {
  /* PB_UNARY: fills *response (zeroed and init()ed; its fields come from rpc_call_alloc or are static) or sets an error with rpc_call_fail():
   * void (*)(void *service, rpc_call *call, const REQUEST *request, RESPONSE *response) */
  pb_fn unary;
  void (*deliver_unary)(pb_fn fn, void *service, rpc_call *call, const ProtobufCMessage *request,
                        ProtobufCMessage *response);

  /* All other kinds. on_open may set the call's state with rpc_call_set_state(); to refuse, it calls rpc_call_finish(), and then only on_end
   * follows. */
  void (*on_open)(void *service, rpc_call *call);
  /* One request message, borrowed for the callback; none comes after rpc_call_finish(). PB_SERVER_STREAM gets exactly one.
   * void (*)(void *service, rpc_call *call, const REQUEST *message) */
  pb_fn on_message;
  void (*deliver_message)(pb_fn fn, void *service, rpc_call *call, const ProtobufCMessage *message);
  /* The client sent all it had. May be NULL. */
  void (*on_half_close)(void *service, rpc_call *call);
  /* The queue fell to 64 KiB or below after it had been above. May be NULL. */
  void (*on_writable)(void *service, rpc_call *call);
  /* Last callback, exactly once, whether the call was finished, cancelled, or its client went away: free the state here. May be NULL. */
  void (*on_end)(void *service, rpc_call *call, bool cancelled);
} rpc_handler;

typedef struct {
  const char *listen;       /* "127.0.0.1:50054"; port 0 picks a free one */
  int unary_threads;        /* pool for unary handlers; 0 = 4 */
  int unary_queue;          /* unary calls waiting for the pool before RESOURCE_EXHAUSTED; 0 = 256 */
  size_t max_receive_bytes; /* one message; 0 = 4 MiB */
} rpc_server_options;

/* For a process of several servers, or of servers and clients; before its first thread. By default the core polls for all of them in one thread at a time, which then wakes
 * the thread that an event is for: two more switches for each. From now on each polls its own connections, with poll(2), which is cheaper up to some 200 connections on one
 * server. GRPC_POLL_STRATEGY in the environment wins. */
void rpc_poll_apart(void);
base_err rpc_server_new(const rpc_server_options *options, rpc_server **out) BASE_MUST_USE;
/* Before start; generated code calls it. `handlers` has a row for each method of the table and is copied; a row without a handler is answered
 * UNIMPLEMENTED. `service` is handed to the handlers and outlives the server, as do *methods and the descriptor set (FileDescriptorSet
 * bytes; empty for none), which serves reflection. Health knows methods->name from then on. EXISTS when the service was added before. */
base_err rpc_server_add(rpc_server *s, const pb_service *methods, const rpc_handler *handlers, void *service,
                        base_span descriptor_set) BASE_MUST_USE;
/* Binds and serves. IN_USE when the port is taken, INVALID when the address cannot be. */
base_err rpc_server_start(rpc_server *s) BASE_MUST_USE;
int rpc_server_port(const rpc_server *s);
/* grpc.health.v1; "" is the whole server. Any thread. */
void rpc_server_set_serving(rpc_server *s, const char *service_name, bool serving);
/* Health turns NOT_SERVING, no new calls, running ones may finish within grace_ms, then they are cancelled. Blocks until all ended. */
void rpc_server_stop(rpc_server *s, int64_t grace_ms);
void rpc_server_free(rpc_server *s);

/* -- a call ------------------------------------------------------------------------------------------------------- */

void rpc_call_set_state(rpc_call *c, void *state);
void *rpc_call_state(const rpc_call *c);
const wire_metadata *rpc_call_metadata(const rpc_call *c); /* request metadata, alive as long as the call */
int64_t rpc_call_deadline_ms(const rpc_call *c);           /* monotonic ms of base/clock.h; INT64_MAX = none */
bool rpc_call_is_cancelled(const rpc_call *c);
const pb_method *rpc_call_method(const rpc_call *c);
enum { RPC_ADDRESS_SIZE = 46 };
/* The numeric address of the client's connection, without its port; "" if it has none (a Unix socket). */
void rpc_call_address(const rpc_call *c, char out[RPC_ADDRESS_SIZE]);
/* Unary handlers that wait for something: `on_cancel` comes once, when the client goes away or the deadline passes, on any thread, and must neither block nor call back; at
 * once if that was before. NULL takes it back: it is not running and will not come after that. */
void rpc_call_watch(rpc_call *c, void (*on_cancel)(void *ctx), void *ctx);
/* Arena memory, not zeroed; NULL when out of memory or past the call's cap. In a unary handler, which alone may use it, it lives until the
 * answer has been packed. */
void *rpc_call_alloc(rpc_call *c, size_t n);
char *rpc_call_strdup(rpc_call *c, const char *s);
/* Where that memory comes from. */
pb_arena *rpc_call_arena(rpc_call *c);
/* Response initial metadata; before the first send or finish. */
base_err rpc_call_header(rpc_call *c, const char *key, base_span value) BASE_MUST_USE;
/* Response trailer; before the finish, and before a unary handler returns. */
base_err rpc_call_trailer(rpc_call *c, const char *key, base_span value) BASE_MUST_USE;
/* Whether the messages sent from now on are compressed, with an algorithm the client takes. Only a call that was set to true before its first send can. */
void rpc_call_compress(rpc_call *c, bool compress);
/* Unary: the call will answer this error instead of *response. */
void rpc_call_fail(rpc_call *c, const rpc_error *e);
/* Streams: packs and queues; CANCELLED when the call is over, EXHAUSTED when the queue would pass its ceiling (4 MiB, or one
 * message). */
base_err rpc_call_send(rpc_call *c, const ProtobufCMessage *message) BASE_MUST_USE;
size_t rpc_call_queued(const rpc_call *c); /* bytes waiting */
/* Streams: ends the call after what is queued; e NULL = OK. A second finish is ignored. */
void rpc_call_finish(rpc_call *c, const rpc_error *e);
/* Any call: the same with a status that is no rpc_error's; it is copied. */
void rpc_call_finish_status(rpc_call *c, const wire_status *status);
/* Streams: stops and resumes the reading of messages (flow control reaches the client). One message that was on its way may still come. */
void rpc_call_pause(rpc_call *c, bool paused);

#endif
