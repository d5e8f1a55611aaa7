#include "gateway/upstream/cluster.h"

#include "gateway/upstream/core.h"
#include "gateway/upstream/h2/cluster.h"
#include "gateway/upstream/h2/health.h"
#include "gateway/upstream/target.h"

enum {
  DEFAULT_MAX_MESSAGE = 4 << 20,
  DEFAULT_MAX_PENDING = 1000,
  DEFAULT_CONNECT_MS = 5000,
  DEFAULT_RESOLVE_MS = 30000,
  DEFAULT_KEEPALIVE_MS = 305000,
  TEXT_MAX = 64 << 10,
};

/* The first reason counts. */
static base_err refuse(base_buf *why, const char *what, const char *about) {
  if (base_buf_size(why) == 0) {
    BASE_TRY(base_buf_printf(why, "%s%s%s", what, about ? ": " : "", about ? about : ""));
  }
  return base_fail(BASE_E_INVALID);
}

/* Service configs are the core's, and what only the core resolves is, too. */
static bool wants_core(const gw_cluster_options *o) {
  if (o->leg != GW_LEG_AUTO || o->service_config) {
    return o->leg != GW_LEG_H2;
  }
  for (int i = 0; i < o->target_count; i++) {
    gw_target t;
    if (base_is(gw_target_parse(o->targets[i], &t), BASE_E_UNIMPLEMENTED)) {
      return true;
    }
  }
  return false;
}

static base_err check_for_core(const gw_cluster_options *o, base_buf *why) {
  base_buf scratch;
  if (o->balance == GW_LEAST_REQUEST) {
    return refuse(why, "least_request needs the h2 leg, and these targets or the service config the core's", NULL);
  }
  base_buf_init(&scratch, TEXT_MAX);
  base_err e = gw_core_target(o, &scratch);
  base_buf_dispose(&scratch);
  if (base_is(e, BASE_E_INVALID)) {
    return refuse(why, "several targets of the core leg must all be IPv4 or all IPv6 addresses, with ports", NULL);
  }
  return e;
}

static base_err check_for_h2(const gw_cluster_options *o, base_buf *why) {
  if (o->service_config) {
    return refuse(why, "a service config needs the core leg", NULL);
  }
  for (int i = 0; i < o->target_count; i++) {
    gw_target t;
    base_err e = gw_target_parse(o->targets[i], &t);
    if (base_is(e, BASE_E_UNIMPLEMENTED)) {
      return refuse(why, "this target needs the core leg", o->targets[i]);
    }
    if (!base_is_ok(e)) {
      return refuse(why, "a target is HOST:PORT, dns:///HOST:PORT, ipv4:A:PORT, ipv6:[A]:PORT or unix:/PATH, not",
                    o->targets[i]);
    }
  }
  return BASE_OK;
}

base_err gw_cluster_check(const gw_cluster_options *o, base_buf *why) {
  if (o->name == NULL || o->name[0] == 0) {
    return refuse(why, "a cluster needs a name", NULL);
  }
  if (o->target_count < 1 || o->target_count > GW_CLUSTER_TARGETS) {
    return refuse(why, "a cluster has 1 to 16 targets", o->name);
  }
  for (int i = 0; i < o->target_count; i++) {
    if (o->targets[i] == NULL || o->targets[i][0] == 0) {
      return refuse(why, "an empty target", o->name);
    }
  }
  if (!o->tls && (o->tls_ca || o->tls_cert || o->tls_key || o->tls_server_name)) {
    return refuse(why, "certificates and a server name need tls", o->name);
  }
  if ((o->tls_cert == NULL) != (o->tls_key == NULL)) {
    return refuse(why, "a client certificate and its key come together", o->name);
  }
  if (o->health_service && strlen(o->health_service) > GW__HEALTH_SERVICE_MAX) {
    return refuse(why, "the health service's name is longer than 255 bytes", o->name);
  }
  if (o->connect_timeout_ms < 0 || o->resolve_ms < 0) {
    return refuse(why, "a time below 0", o->name);
  }
  return wants_core(o) ? check_for_core(o, why) : check_for_h2(o, why);
}

static void fill_in(gw_cluster_options *o) {
  o->max_message_bytes = o->max_message_bytes ? o->max_message_bytes : DEFAULT_MAX_MESSAGE;
  o->max_pending = o->max_pending ? o->max_pending : DEFAULT_MAX_PENDING;
  o->connections = o->connections ? o->connections : 1;
  o->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : DEFAULT_CONNECT_MS;
  o->resolve_ms = o->resolve_ms ? o->resolve_ms : DEFAULT_RESOLVE_MS;
  o->keepalive_ms = o->keepalive_ms ? o->keepalive_ms : DEFAULT_KEEPALIVE_MS;
}

base_err gw_cluster_new(net_loop *loop, rpc_client *client, const gw_cluster_options *options, base_buf *why,
                        gw_upstream **out) {
  gw_cluster_options o = *options;
  BASE_TRY(gw_cluster_check(&o, why));
  fill_in(&o);
  return wants_core(&o) ? gw_core_new(client, &o, why, out) : gw_h2_cluster_new(loop, &o, NULL, why, out);
}
