/* upstream.h - the way to the services, as the stream heart sees it: one vtable, several legs (upstream/core.h over the gRPC C core first).
 *
 * Loop thread only; events come from the loop, never from inside a call. One contract test runs against every leg.
 */
#ifndef PONTE_GATEWAY_UPSTREAM_H
#define PONTE_GATEWAY_UPSTREAM_H

#include "base/err.h"
#include "wire/status.h"

typedef struct gw_upstream gw_upstream;
typedef struct gw_up_call gw_up_call;

typedef struct {
  void (*on_headers)(void *ctx, const wire_metadata *headers);
  void (*on_data)(void *ctx, base_span run); /* whole gRPC-framed messages, or any part of them; borrowed */
  /* So many more of the bytes given to write() have left for the service. */
  void (*on_written)(void *ctx, size_t bytes);
  void (*on_status)(void *ctx, const wire_status *status); /* exactly once, last; the call is freed after it */
} gw_up_events;

typedef struct {
  /* Copies path and metadata (NULL = none). grpc-encoding and grpc-accept-encoding among the metadata say how messages are compressed, which legs never do or undo
   * themselves; UNIMPLEMENTED: an encoding the leg cannot carry. on_headers has grpc-encoding when answers may be compressed. timeout_ms 0 = none. NOT_FOUND: no service has this path. On an error no event comes. */
  base_err (*start)(gw_upstream *u, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                    const gw_up_events *events, void *ctx, gw_up_call **out);
  /* Copies. Whole or part messages; the caller has checked the framing. After an error the caller cancels. */
  base_err (*write)(gw_up_call *c, base_span bytes, bool end);
  /* How many more bytes of on_data the caller can take; a message may pass it. */
  void (*credit)(gw_up_call *c, size_t bytes);
  /* on_status still follows. Twice is harmless. */
  void (*cancel)(gw_up_call *c);
  /* For readiness: whether a target is reachable now; asks for a connection if not. */
  bool (*is_ready)(gw_upstream *u);
  /* The loop is about to be freed: the leg lets go of it, so what runs on it ends with UNAVAILABLE (from inside this call), and new calls are refused. A leg that
   * does not live on the loop goes on. Twice is harmless. */
  void (*stop)(gw_upstream *u);
  /* After all its calls ended. Stops it, too: a leg that is freed while the loop goes on needs no stop(). */
  void (*free)(gw_upstream *u);
} gw_upstream_vt;

struct gw_upstream {
  const gw_upstream_vt *vt;
  uint32_t max_message_bytes; /* one gRPC message, either way */
  size_t calls;               /* open ones of those who opened them here; counted by the stream heart */
};
/* Every leg's call begins with this; a router's calls name the leg behind it. */
struct gw_up_call {
  gw_upstream *upstream;
};

#endif
