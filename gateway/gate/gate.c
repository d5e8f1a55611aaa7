#include "gateway/gate/gate.h"

#include "base/clock.h"

base_err gw_gate_open(gw_gate *g, const gw_stream_request *request, const gw_down_vt *vt, void *down, gw_stream **out,
                      wire_status *refusal) {
  gw_stream_request r = *request;
  r.timers = g->timers;
  r.limits = g->limits;
  if (g->max_timeout_ms > 0 && (r.timeout_ms == 0 || r.timeout_ms > g->max_timeout_ms)) {
    r.timeout_ms = g->max_timeout_ms;
  }
  if (g->limits) {
    BASE_TRY(gw_limits_call_started(g->limits, r.peer ? r.peer : "", "", base_now_ms(), refusal));
  }
  base_err e = gw_stream_open(g->upstream, &r, vt, down, out);
  if (!base_is_ok(e)) {
    wire_status_from_err(refusal, e);
    if (g->limits) {
      gw_limits_call_ended(g->limits);
    }
  }
  return e;
}
