/* config.h - what the gateway is told: a YAML file, the environment, the command line (settings/settings.h), as one immutable object.
 *
 * The quick start's flags (--listen, --upstream, --cert, --key) replace the file's whole sections listen, and clusters with routes. Reading touches no file but the
 * configuration's; gw_config_check looks at those that it names. A reload reads a new object. Any thread once read.
 */
#ifndef PONTE_GATEWAY_CONFIG_H
#define PONTE_GATEWAY_CONFIG_H

#include "gateway/auth/auth.h"
#include "gateway/http/policy.h"
#include "gateway/limits/limits.h"
#include "gateway/upstream/cluster.h"
#include "gateway/ws/deflate.h"
#include "net/tls_server.h"
#include "settings/settings.h"

enum {
  GW_CONFIG_LISTEN = 16,
  GW_CONFIG_WORKERS = 64,
  GW_CONFIG_SNI = 64,
  GW_CONFIG_CLUSTERS = 64,
  GW_CONFIG_ROUTES = 256,
  GW_CONFIG_NAMES = 32
};

typedef struct {
  net_tls_pair main; /* NULL, NULL: plain */
  net_tls_pair *sni;
  int sni_count;
  char *client_ca;
  enum net_tls_client_auth client_auth;
} gw_tls;

typedef struct {
  char *address; /* "127.0.0.1:8080" */
  gw_tls tls;
  bool optional; /* a default that this machine may lack (::1) */
} gw_listen;

/* What net_tls_server_new takes; borrows. */
net_tls_server_options gw_tls_options(const gw_tls *t);
static inline bool gw_listen_is_tls(const gw_listen *l) { return l->tls.main.cert_file != NULL; }

typedef struct {
  char *prefix; /* "/" or "/package.Service/" */
  char *cluster;
  int cluster_index;
} gw_route;

typedef struct {
  char *origins[GW_CONFIG_NAMES];
  int origin_count;
  bool credentials;
  int64_t max_age_ms;
} gw_cors;

typedef struct {
  char *drop[GW_CONFIG_NAMES];
  int drop_count;
} gw_metadata;

typedef struct {
  char *endpoint, *service_name; /* endpoint NULL: no tracing */
  double sample_ratio;
} gw_tracing;

typedef struct {
  settings *settings;
  char *file, *admin, *web;
  gw_listen listen[GW_CONFIG_LISTEN];
  int listen_count, workers; /* workers 0 = one a core */
  int64_t grace_ms;
  char *hosts[GW_CONFIG_NAMES];
  int host_count;
  gw_cors cors;
  gw_cluster_options *clusters;
  int cluster_count;
  gw_route *routes;
  int route_count;
  gw_auth_options auth;
  gw_limits_options limits;
  gw_deflate_options deflate;
  gw_metadata metadata;
  bool access_log;
  gw_tracing tracing;
  struct {
    char *listen[GW_CONFIG_LISTEN], *upstream[GW_CONFIG_LISTEN];
    int listen_count, upstream_count;
    char *cert, *key;
  } quick;
  gw_policy policy; /* of hosts, origins and the listeners' own addresses */
  bool check, help, version;
} gw_config;

/* Reads argv[1..], the environment and the file that they name. On an error `why` says where and what; INVALID, NOT_FOUND (the file), or NO_MEMORY. With help or
 * version set nothing else has been looked at. */
base_err gw_config_read(int argc, char *const *argv, base_buf *why, gw_config **out) BASE_MUST_USE;
/* The text of a file alone, called `name` in errors. */
base_err gw_config_read_text(const char *name, base_span text, base_buf *why, gw_config **out) BASE_MUST_USE;
/* Everything that can be found out without serving: files are there, certificates, keys and key sets parse. */
base_err gw_config_check(const gw_config *c, base_buf *why) BASE_MUST_USE;
void gw_config_free(gw_config *c); /* NULL is allowed */

/* The table itself: for --help, and for the test of docs/configuration.md. */
extern const settings_program gw_config_program;

#endif
