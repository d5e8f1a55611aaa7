/* methods.h - durations of calls by method and status: the histogram rpc_server_call_duration_seconds of OpenTelemetry's conventions.
 *
 * Paths are the peers' words, so only methods that a service has really answered get a label of their own, and at most GW_OBS_SERIES pairs of method and status
 * exist; everything else counts as rpc_method="_OTHER". Any thread. Source: OpenTelemetry semantic conventions for RPC metrics.
 */
#ifndef PONTE_GATEWAY_OBS_METHODS_H
#define PONTE_GATEWAY_OBS_METHODS_H

#include "base/span.h"

enum { GW_OBS_SERIES = 1000 };

/* `path` is "/package.Service/Method"; `answered`: the service said OK or sent data. `code` is a gRPC status. */
void gw_obs_method_took(base_span path, int code, bool answered, double seconds);

#endif
