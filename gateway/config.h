/* config.h - what the gateway is told: flags, and the environment, which wins over them. Filled once at start-up, read-only afterwards. */
#ifndef PONTE_GATEWAY_CONFIG_H
#define PONTE_GATEWAY_CONFIG_H

#include "base/buf.h"
#include "gateway/http/policy.h"
#include "gateway/limits/limits.h"

enum { GW_CONFIG_LIST = 16, GW_CONFIG_WORKERS = 64 };

typedef struct {
  char *address; /* "127.0.0.1:8080" */
  bool tls;
  bool optional; /* a default that this machine may lack (::1) */
} gw_listen;

typedef struct {
  char *prefix; /* "/" or "/package.Service/" */
  char *target; /* in the gRPC core's URI syntax */
} gw_route;

typedef struct {
  gw_listen listen[GW_CONFIG_LIST];
  int listen_count;
  gw_route upstreams[GW_CONFIG_LIST];
  int upstream_count;
  gw_policy policy;
  char *web, *cert, *key, *admin;
  gw_limits_options limits;
  int64_t grace_ms;
  int workers; /* workers 0 = one a core */
  bool check, help, version;
} gw_config;

/* Reads argv[1..] and the environment (getenv). On an error `why` says which setting, and what it should be; the config is to be disposed of in any case. INVALID,
 * or NO_MEMORY. With help or version set nothing else has been checked. */
base_err gw_config_read(gw_config *c, int argc, char **argv, base_buf *why) BASE_MUST_USE;
void gw_config_dispose(gw_config *c);
/* The text of --help. */
base_err gw_config_help(base_buf *out) BASE_MUST_USE;

#endif
