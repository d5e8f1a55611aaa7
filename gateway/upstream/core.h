/* core.h - the upstream leg over the gRPC C core (lib/rpc): serves every target that the core resolves (xds included), with the whole of gRPC's service config. One
 * channel a leg. Loop thread only. */
#ifndef PONTE_GATEWAY_CORE_H
#define PONTE_GATEWAY_CORE_H

#include "gateway/upstream/cluster.h"
#include "rpc/client.h"

/* `client` is the loop's, which calls rpc_client_drain() when it is woken; it outlives the leg. `options` have been checked and have their defaults filled in
 * (gw_cluster_new does both). Calls that still run when it is freed end as the client ends. INVALID: a file, or what the core refuses; `why` says which. */
base_err gw_core_new(rpc_client *client, const gw_cluster_options *options, base_buf *why,
                     gw_upstream **out) BASE_MUST_USE;
/* What is given to the core: one URI for all targets ("ipv4:a:1,b:2" for several), and a service config if one is needed (else nothing). INVALID: several targets
 * that are no plain addresses of one kind, or a balance that the core does not have. Pure. */
base_err gw_core_target(const gw_cluster_options *options, base_buf *out) BASE_MUST_USE;
base_err gw_core_service_config(const gw_cluster_options *options, base_buf *out) BASE_MUST_USE;

#endif
