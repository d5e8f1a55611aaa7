/* cluster.h - a named set of equal gRPC servers, as one upstream: names resolved, connections kept, calls spread, the sick left out.
 *
 * Two legs: GW_LEG_H2 (upstream/h2/, in the worker's own loop) and GW_LEG_CORE (upstream/core.h, everything the gRPC C core resolves: xds, full service config). AUTO
 * takes H2 wherever all targets allow it. Loop thread only.
 */
#ifndef PONTE_GATEWAY_CLUSTER_H
#define PONTE_GATEWAY_CLUSTER_H

#include "gateway/upstream/upstream.h"
#include "net/loop.h"
#include "rpc/client.h"

enum gw_leg { GW_LEG_AUTO, GW_LEG_H2, GW_LEG_CORE };
enum gw_balance { GW_ROUND_ROBIN, GW_LEAST_REQUEST, GW_PICK_FIRST };

enum { GW_CLUSTER_TARGETS = 16 };

/* Plain data; strings belong to the configuration. A zeroed struct with a name and a target is a plain cluster with the defaults. */
typedef struct {
  char *name;
  char *targets
      [GW_CLUSTER_TARGETS]; /* "host:port", "dns:///host:port", "ipv4:a:p", "ipv6:[a]:p", "unix:/path"; core leg: any URI */
  int target_count;
  enum gw_leg leg;
  enum gw_balance balance;
  bool tls;
  char *tls_ca, *tls_cert, *tls_key,
      *tls_server_name;       /* NULL: the system's trust store; none; none; the target's host name */
  bool health_check;          /* grpc.health.v1 Watch/Check on each connection */
  char *health_service;       /* NULL: "" */
  char *service_config;       /* core leg: gRPC service config, JSON */
  uint32_t max_message_bytes; /* 0 = 4 MiB */
  uint32_t connections; /* h2 leg: at most so many per address; 0 = 1; a further one opens when all streams are taken */
  uint32_t max_pending; /* h2 leg: calls that wait for a connection; above it UNAVAILABLE at once; 0 = 1000 */
  int64_t connect_timeout_ms, resolve_ms; /* 0 = 5 s, 30 s */
  int64_t
      keepalive_ms; /* 0 = 305 s: servers that were not told otherwise take more frequent PINGs for an attack; below 0: none */
} gw_cluster_options;

/* `client` is used by the core leg only and may be NULL without it; both outlive the cluster. Options are copied. INVALID: a target or a file; `why` says which. */
base_err gw_cluster_new(net_loop *loop, rpc_client *client, const gw_cluster_options *options, base_buf *why,
                        gw_upstream **out) BASE_MUST_USE;
/* The form only, no file is opened; for --check. */
base_err gw_cluster_check(const gw_cluster_options *options, base_buf *why) BASE_MUST_USE;

#endif
