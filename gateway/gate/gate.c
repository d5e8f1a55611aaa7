#include "gateway/gate/gate.h"

base_err gw_gate_open(gw_gate *g, const gw_stream_request *request, const gw_down_vt *vt, void *down, gw_stream **out,
                      wire_status *refusal) {
  gw_stream_request r = *request;
  r.timers = g->timers;
  base_err e = gw_stream_open(g->upstream, &r, vt, down, out);
  if (!base_is_ok(e)) {
    wire_status_from_err(refusal, e);
  }
  return e;
}
