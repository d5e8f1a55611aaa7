/* channel.h - what a generated client stub calls: one way to make a gRPC call of any kind, whatever carries it.
 *
 * Implemented over the gRPC C core (lib/rpc) and over ponte.v1 (wasm-client, natively and in the browser); a stub does not know
 * which. One message is one span of serialised bytes here; the stubs pack and unpack.
 *
 * Thread rule: a channel belongs to one thread. All functions are called on it, and all callbacks come on it, from the owner's loop, never from
 * inside a function of this interface. Ownership: the call handle is freed by the channel after on_status returns; it must not be used
 * after that. Spans and statuses given to callbacks are borrowed for the callback.
 */
#ifndef PONTE_PB_CHANNEL_H
#define PONTE_PB_CHANNEL_H

#include "base/err.h"
#include "base/span.h"
#include "wire/status.h"

typedef struct ponte_channel ponte_channel;
typedef struct ponte_call ponte_call;

typedef struct {
  /* Initial metadata, at most once, before messages. May be NULL. */
  void (*on_headers)(void *ctx, ponte_call *call, const wire_metadata *headers);
  void (*on_message)(void *ctx, ponte_call *call, base_span message);
  /* The bytes queued fell to WRITABLE_LOW or below after a send had left them above it. May be NULL. */
  void (*on_writable)(void *ctx, ponte_call *call);
  /* Exactly once, last. A lost connection is 14 UNAVAILABLE, a deadline 4, a cancel 1. */
  void (*on_status)(void *ctx, ponte_call *call, const wire_status *status);
} ponte_call_events;

enum { PONTE_CALL_WRITABLE_LOW = 65536 };

typedef struct {
  int64_t timeout_ms;            /* 0 = none */
  const wire_metadata *metadata; /* copied; or NULL */
} ponte_call_options;

typedef struct {
  base_err (*start)(ponte_channel *ch, const char *path, const ponte_call_options *options,
                    const ponte_call_events *events, void *ctx, ponte_call **out) BASE_MUST_USE;
  /* Copies the message and queues it. PRECONDITION after half_close or status, NO_MEMORY. */
  base_err (*send)(ponte_call *call, base_span message) BASE_MUST_USE;
  void (*half_close)(ponte_call *call);
  /* on_status still follows. Calling it twice is harmless. */
  void (*cancel)(ponte_call *call);
  /* Bytes queued and not yet handed to the transport. */
  size_t (*queued)(const ponte_call *call);
  /* While paused no message is delivered, and once buffers are full the server is held back. */
  void (*pause)(ponte_call *call, bool paused);
  /* start(), send() of the only message and half_close() in one, for a transport that can do it cheaper; or NULL. After an error no callback
   * comes. */
  base_err (*start_one)(ponte_channel *ch, const char *path, const ponte_call_options *options, base_span message,
                        const ponte_call_events *events, void *ctx, ponte_call **out) BASE_MUST_USE;
} ponte_channel_vt;

struct ponte_channel {
  const ponte_channel_vt *vt;
};
/* Every implementation's call begins with this. */
struct ponte_call {
  ponte_channel *channel;
};

static inline base_err ponte_call_start(ponte_channel *ch, const char *path, const ponte_call_options *options,
                                        const ponte_call_events *events, void *ctx, ponte_call **out) {
  return ch->vt->start(ch, path, options, events, ctx, out);
}
static inline base_err ponte_call_send(ponte_call *c, base_span message) { return c->channel->vt->send(c, message); }
static inline void ponte_call_half_close(ponte_call *c) { c->channel->vt->half_close(c); }
static inline void ponte_call_cancel(ponte_call *c) { c->channel->vt->cancel(c); }
static inline size_t ponte_call_queued(const ponte_call *c) { return c->channel->vt->queued(c); }
static inline void ponte_call_pause(ponte_call *c, bool paused) { c->channel->vt->pause(c, paused); }

#endif
