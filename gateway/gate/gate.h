/* gate.h - the one door for calls, whatever protocol brings them: authentication and authorization -> limits -> route, then the stream heart (gw_stream_open).
 *
 * gRPC-Web, grpc-websockets and ponte.v1 open their calls here and nowhere else, so a check cannot be forgotten for one of them. One gate a worker; loop thread only.
 */
#ifndef PONTE_GATEWAY_GATE_H
#define PONTE_GATEWAY_GATE_H

#include "gateway/auth/auth.h"
#include "gateway/stream/stream.h"

/* What calls pass through. All is borrowed. A reload replaces them; calls that run keep the upstream they have. */
typedef struct gw_gate {
  gw_upstream *upstream;
  gw_auth *auth;       /* NULL = authentication is off */
  gw_limits *limits;   /* NULL = none */
  gw_timers *timers;   /* of the worker, for deadlines and expiry; NULL = none is enforced here */
  gw_streams *streams; /* of the worker: lists the open calls; or NULL */
  char *const *drop;   /* names of metadata, in lower case, that stay here */
  int drop_count;
  int64_t max_timeout_ms; /* ceiling of a call's timeout, and what calls without one get; 0 = none */
} gw_gate;

/* As gw_stream_open. On an error no callback comes, and *refusal (initialised by the caller) holds the status to answer with; INVALID alone means: the path is no
 * method's at all. */
base_err gw_gate_open(gw_gate *g, const gw_stream_request *request, const gw_down_vt *vt, void *down, gw_stream **out,
                      wire_status *refusal) BASE_MUST_USE;

/* A token that a connection shows in place of its last one. OK: it is good (or nothing is asked for here). UNAUTHENTICATED: it is not. UNAVAILABLE: nobody can tell at
 * the moment. */
base_err gw_gate_check_token(gw_gate *g, base_span token) BASE_MUST_USE;
/* The same token for a call that runs: if it is of the same subject and may call that method, the call ends when this token does; if not, all stays as it was. */
void gw_gate_renew(gw_gate *g, gw_stream *s, base_span token);

#endif
