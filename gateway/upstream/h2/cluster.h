/* cluster.h - the h2 leg: calls on HTTP/2 connections of our own to every address of a cluster, in the worker's loop. gateway/upstream/cluster.h is the way in.
 *
 * A link is one connection with its session; an endpoint is one address with its links; a name is one target with its addresses. Calls wait while nobody can take
 * them yet, and fail at once while nobody can be reached. Loop thread only. docs/upstream.md tells the rules.
 */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_CLUSTER_H
#define PONTE_GATEWAY_UPSTREAM_H2_CLUSTER_H

#include "gateway/upstream/cluster.h"
#include "net/connect.h"

/* Where names are looked up; tests bring their own. */
typedef struct {
  base_err (*start)(net_loop *l, const char *host, int port, net_resolve_fn fn, void *ctx, net_resolve **out);
  void (*cancel)(net_resolve *r);
} gw_h2_lookup;

/* `options` have been checked and have their defaults filled in (gw_cluster_new does both). `lookup` NULL = net_resolve_start; it outlives the cluster. INVALID: a
 * target or a TLS file; `why` says which. */
base_err gw_h2_cluster_new(net_loop *loop, const gw_cluster_options *options, const gw_h2_lookup *lookup, base_buf *why,
                           gw_upstream **out) BASE_MUST_USE;

#endif
