/* client_call.h - one call on the client, without an opinion on what its messages are: the common half of the typed channel (channel.c)
 * and of the gateway's pipe (pipe.c). Inside lib/rpc only.
 *
 * Owner's thread only. Face functions are called from rpc_client_drain() alone.
 *
 * Invariants: at most one receive and one send are outstanding in the core. `end` comes exactly once, when the status is known, no operation
 * is outstanding and the face does not hold it back; the face frees its struct there, after rpc_client_call_dispose().
 */
#ifndef PONTE_RPC_CLIENT_CALL_H
#define PONTE_RPC_CLIENT_CALL_H

#include "rpc/client.h"
#include "rpc/core.h"
#include "rpc/mailbox.h"

typedef struct rpc_client_call rpc_client_call;

typedef struct {
  void (*headers)(rpc_client_call *c, const wire_metadata *headers);
  /* The message is the face's from here on (grpc_byte_buffer_destroy). */
  void (*message)(rpc_client_call *c, grpc_byte_buffer *message);
  void (*sent)(rpc_client_call *c, size_t bytes);
  /* What rpc_client_call_defer() asked for. */
  void (*deferred)(rpc_client_call *c);
  void (*end)(rpc_client_call *c, const wire_status *status);
} rpc_client_face;

typedef struct {
  ponte_channel base;
  rpc_client *client;
  grpc_channel *core;
  size_t max_message_bytes;
  bool pass_compressed;
  size_t refs; /* the owner and each call */
} rpc_channel;

struct rpc_client {
  rpc_client_options options;
  grpc_completion_queue *cq;
  pthread_t thread;
  rpc_mailbox mailbox;
  rpc_client_call *calls; /* all that run */
  base_buf scratch;       /* a message in several pieces, while it is delivered */
};

struct rpc_sending;

struct rpc_client_call {
  ponte_call base; /* first: the typed channel hands this out */
  const rpc_client_face *face;
  rpc_channel *channel;
  grpc_call *core;
  rpc_client_call *next, **link; /* in client->calls */

  rpc_op open, receive, send, status, defer;
  unsigned pending; /* of these, how many are under way or in the mailbox */
  bool receiving, deferring;
  bool opened;         /* the headers were told */
  bool received_early; /* a receive came out of the queue before them: it waits */
  bool receive_closed; /* no message follows */
  bool status_known;
  bool want_message; /* set by the face: arm the next receive */
  bool cancelled;    /* by our side */
  bool hold_end;     /* set by the face: something must be delivered before the end */

  struct rpc_sending *sending; /* outstanding; NULL if none */
  struct rpc_sending *queue, **queue_last;
  size_t queued_bytes; /* of messages outstanding and waiting */
  bool half_close, half_closed;
  bool corked;

  grpc_metadata_array headers, trailers;
  grpc_byte_buffer *received;
  grpc_status_code code;
  grpc_slice details;
  grpc_status_code failure; /* of our own, with its text; NULL: none */
  const char *failure_text;
};

typedef struct {
  base_span path;
  int64_t timeout_ms;
  const wire_metadata *metadata;
  grpc_compression_algorithm encoding, accepted; /* told to the service; NONE: not */
  grpc_byte_buffer *only_message; /* sent and half-closed in one batch with the opening; the caller's; or NULL */
} rpc_client_request;

/* Fills in *c (zeroed by the caller) and starts it; the face follows with rpc_client_call_receive(). After an error nothing is left to clean up. */
base_err rpc_client_call_start(rpc_client_call *c, rpc_channel *ch, const rpc_client_face *face,
                               const rpc_client_request *request) BASE_MUST_USE;
/* Between these two, messages and the half-close are only collected: so that they leave in one batch. */
void rpc_client_call_cork(rpc_client_call *c);
void rpc_client_call_uncork(rpc_client_call *c);
/* Queues a message, `bytes` of which count as queued; takes it over also when it fails. */
base_err rpc_client_call_send(rpc_client_call *c, grpc_byte_buffer *message, size_t bytes) BASE_MUST_USE;
void rpc_client_call_half_close(rpc_client_call *c);
/* Arms a receive if the face wants one and none is under way. */
void rpc_client_call_receive(rpc_client_call *c);
void rpc_client_call_cancel(rpc_client_call *c);
/* The call ends with this status instead of the peer's: for failures of our own. */
void rpc_client_call_fail(rpc_client_call *c, base_err e);
void rpc_client_call_fail_saying(rpc_client_call *c, grpc_status_code code, const char *text); /* static text */
/* face->deferred will be called from the next drain; at most once until then. */
void rpc_client_call_defer(rpc_client_call *c);
/* Whether a message waits behind the outstanding one. */
static inline bool rpc_client_call_has_waiting(const rpc_client_call *c) { return c->queue != NULL; }
void rpc_client_call_dispose(rpc_client_call *c);

rpc_channel *rpc_channel_ref(rpc_channel *ch);
void rpc_channel_unref(rpc_channel *ch);
/* Puts a done operation into the mailbox and wakes the owner if need be. Any thread. */
void rpc_client_post(rpc_client *client, rpc_op *op);

#endif
