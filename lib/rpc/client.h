/* client.h - calls over the gRPC C core, delivered to the owner's loop.
 *
 * One rpc_client has a completion-queue thread and a mailbox. Completed operations go into the mailbox; `wake` is called from the queue
 * thread (coalesced: once until the next drain) and must only nudge the owner's loop, which then calls rpc_client_drain(). All callbacks come from inside
 * rpc_client_drain(). All other functions belong to the owner's thread.
 *
 * Two forms share the machinery: the typed ponte_channel (pb/channel.h), one message a send; and the byte form below for the
 * gateway, which moves runs of gRPC-framed bytes and never looks into a message.
 */
#ifndef PONTE_RPC_CLIENT_H
#define PONTE_RPC_CLIENT_H

#include "pb/channel.h"

typedef struct rpc_client rpc_client;

typedef struct {
  void (*wake)(void *ctx); /* from any thread, the owner's too; NULL when the owner drains by itself (tests) */
  void *wake_ctx;
} rpc_client_options;

base_err rpc_client_new(const rpc_client_options *options, rpc_client **out) BASE_MUST_USE;
void rpc_client_drain(rpc_client *c);
/* Cancels what runs and delivers every last status. Not from inside a callback. */
void rpc_client_end_calls(rpc_client *c);
/* The same, and joins the thread. Not from inside a callback. Free the channels before. */
void rpc_client_free(rpc_client *c);

/* PEM texts, not files. */
typedef struct {
  const char *ca;          /* whom we trust; NULL = the system's trust store */
  const char *cert, *key;  /* ours, for mTLS; NULL = none */
  const char *server_name; /* what the server's certificate must hold; NULL = the target's host */
} rpc_channel_tls;

/* A channel to a target in the C core's URI syntax ("127.0.0.1:50054", "dns:///host:port", "unix:/path"). Lazy: connects at the first call, and
 * again with the core's own back-off, 0.2 to 3 s. max_message_bytes 0 = 4 MiB each way. rpc_channel_free() comes before rpc_client_free(); calls that
 * run meanwhile go on. Beyond channel.h: on_headers comes with an empty list too, also for answers that have trailers only; send() gives
 * TOO_LARGE above max_message_bytes and EXHAUSTED above 64 MiB queued.
 * Options: NULL or zeroed are the defaults; everything is copied. */
typedef struct {
  size_t max_message_bytes;
  bool pass_compressed; /* for pipes: messages are neither compressed nor decompressed here; rpc_pipe_start says how */
  const rpc_channel_tls *tls; /* NULL = plain */
  const char *service_config; /* gRPC service config, JSON (balancing, retries, timeouts, health checks); NULL = none */
  int64_t keepalive_ms;       /* PINGs while calls run; 0 = none */
} rpc_channel_options;
base_err rpc_channel_new(rpc_client *c, const char *target, const rpc_channel_options *options,
                         ponte_channel **out) BASE_MUST_USE;
void rpc_channel_free(ponte_channel *ch);
/* True while the channel is connected (READY); for readiness checks. */
bool rpc_channel_is_ready(ponte_channel *ch, bool try_to_connect);

/* -- bytes, for the gateway ---------------------------------------------------------------------------------------- */

typedef struct rpc_pipe rpc_pipe;

typedef struct {
  void (*on_headers)(void *ctx, const wire_metadata *headers);
  /* A run of whole gRPC-framed messages (5-byte prefix + message, any number); borrowed. */
  void (*on_data)(void *ctx, base_span run);
  /* So many more of the bytes given to rpc_pipe_write are out of the way (taken over by the core, or the beginning of a message that is still
   * incomplete while nothing complete waits): as many new ones may come. */
  void (*on_written)(void *ctx, size_t bytes);
  /* Exactly once, last; the pipe is freed when it returns. */
  void (*on_status)(void *ctx, const wire_status *status);
} rpc_pipe_events;

/* path and metadata are copied; pairs that belong to gRPC or HTTP itself (grpc-timeout, content-type, te, ...) are left out. timeout_ms 0 = none.
 * On a channel with pass_compressed, a message with flag 1 is compressed as `grpc-encoding` in the metadata says: gzip or deflate; UNIMPLEMENTED for others, which
 * the core does not know. Of what `grpc-accept-encoding` lists, the service is offered the first of gzip and deflate, and then on_headers has it as grpc-encoding,
 * whether or not the service makes use of it (the core keeps the service's own word to itself); its messages come with flag 1 where they are compressed.
 * INVALID: a path that does not begin with '/'. No message is received before rpc_pipe_credit(). */
base_err rpc_pipe_start(ponte_channel *ch, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                        const rpc_pipe_events *events, void *ctx, rpc_pipe **out) BASE_MUST_USE;
/* Any split of gRPC-framed bytes; held until a message is complete. TOO_LARGE (above max_message_bytes), MALFORMED (flags; 1 without grpc-encoding). `end` half-closes; ending inside a
 * message is MALFORMED. After an error the caller cancels. */
base_err rpc_pipe_write(rpc_pipe *p, base_span bytes, bool end) BASE_MUST_USE;
/* How many more bytes of on_data the caller can take. At most one message is on the way beyond it: a receive is armed only while credit is above 0. */
void rpc_pipe_credit(rpc_pipe *p, size_t bytes);
void rpc_pipe_cancel(rpc_pipe *p);

#endif
