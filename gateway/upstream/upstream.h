/* upstream.h - the way to the services, as the stream heart sees it: one vtable, several legs (upstream_core over the gRPC C core first).
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
  void (*on_written)(void *ctx, size_t bytes);
  void (*on_status)(void *ctx, const wire_status *status); /* exactly once, last; the call is freed after it */
} gw_up_events;

typedef struct {
  base_err (*start)(gw_upstream *u, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                    const gw_up_events *events, void *ctx, gw_up_call **out);
  base_err (*write)(gw_up_call *c, base_span bytes, bool end);
  void (*credit)(gw_up_call *c, size_t bytes);
  void (*cancel)(gw_up_call *c);
  /* For readiness: whether a target is reachable now; asks for a connection if not. */
  bool (*is_ready)(gw_upstream *u);
  void (*free)(gw_upstream *u);
} gw_upstream_vt;

struct gw_upstream {
  const gw_upstream_vt *vt;
};
struct gw_up_call {
  gw_upstream *upstream;
};

#endif
