/* core.h - the upstream leg over the gRPC C core (lib/rpc): serves every target that the core resolves. One channel a leg. Loop thread only. */
#ifndef PONTE_GATEWAY_CORE_H
#define PONTE_GATEWAY_CORE_H

#include "gateway/upstream/upstream.h"
#include "rpc/client.h"

/* `client` is the loop's, which calls rpc_client_drain() when it is woken; it outlives the leg. `target` in the core's URI syntax. max_message_bytes 0 = 4 MiB.
 * Free it before the client; calls that still run then end as the client ends. */
base_err gw_core_new(rpc_client *client, const char *target, uint32_t max_message_bytes,
                     gw_upstream **out) BASE_MUST_USE;

#endif
