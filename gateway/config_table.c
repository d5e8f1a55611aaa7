/* Every setting of the gateway, once. docs/configuration.md holds what --help makes of it: tests/integration/config_test.py --write brings it up to date. */
#include "gateway/config.h"
#include "gateway/upstream/router.h"

/* "host:port", "[v6]:port": something before the last colon, a port behind it. */
static bool is_address(const char *s) {
  const char *colon = strrchr(s, ':');
  uint64_t port = 0;
  return colon && colon > s && base_span_u64(base_span_str(colon + 1), &port) && port <= 65535;
}

static bool is_method_prefix(const char *s) { return s[0] == '/'; }

static const char *const legs[] = {"auto", "h2", "core", NULL};
static const char *const balances[] = {"round_robin", "least_request", "pick_first", NULL};
static const char *const client_auths[] = {"none", "optional", "required", NULL};

#define TEXT(type, member, arg, text) \
  .kind = SETTINGS_TEXT, SETTINGS_AT(type, member), .argument = (arg), .help = (text)
#define NUMBER(type, member, least, most, value, text)                                                     \
  .kind = SETTINGS_NUMBER, SETTINGS_AT(type, member), .low = (least), .high = (most), .fallback = (value), \
  .argument = "N", .help = (text)
#define SIZE(type, member, least, most, value, text)                                                     \
  .kind = SETTINGS_SIZE, SETTINGS_AT(type, member), .low = (least), .high = (most), .fallback = (value), \
  .argument = "SIZE", .help = (text)
#define TIME(type, member, least, value, text)                                                                   \
  .kind = SETTINGS_DURATION, SETTINGS_AT(type, member), .low = (least), .fallback = (value), .argument = "TIME", \
  .help = (text)
#define BOOL(type, member, value, text) \
  .kind = SETTINGS_BOOL, SETTINGS_AT(type, member), .fallback = (value), .argument = "BOOL", .help = (text)
#define CHOICE(type, member, words, value, text)                                                                 \
  .kind = SETTINGS_CHOICE, SETTINGS_AT(type, member), .names = (words), .fallback = (value), .argument = "WORD", \
  .help = (text)

/* -- listen ------------------------------------------------------------------------------------------------------------------------- */

static const settings_row sni_rows[] = {
    {.key = "cert",
     .required = true,
     TEXT(net_tls_pair, cert_file, "FILE", "certificate chain in PEM; its names decide")},
    {.key = "key", .required = true, TEXT(net_tls_pair, key_file, "FILE", "its private key in PEM")},
};
static const settings_table sni_table = SETTINGS_TABLE(net_tls_pair, sni_rows);

static const settings_row tls_rows[] = {
    {.key = "cert", TEXT(gw_tls, main.cert_file, "FILE", "certificate chain in PEM")},
    {.key = "key", TEXT(gw_tls, main.key_file, "FILE", "its private key in PEM")},
    {.key = "sni",
     .kind = SETTINGS_GROUPS,
     SETTINGS_VECTOR(gw_tls, sni, sni_count, GW_CONFIG_SNI),
     .table = &sni_table,
     .help = "further certificates, chosen by the server name"},
    {.key = "client_ca", TEXT(gw_tls, client_ca, "FILE", "who signs client certificates, in PEM")},
    {.key = "client_auth", CHOICE(gw_tls, client_auth, client_auths, "none", "client certificates")},
};
static const settings_table tls_table = SETTINGS_TABLE(gw_tls, tls_rows);

static const settings_row listen_rows[] = {
    {.key = "address",
     .required = true,
     .is_allowed = is_address,
     TEXT(gw_listen, address, "ADDR:PORT", "numeric; port 0 picks one")},
    {.key = "tls",
     .kind = SETTINGS_GROUP,
     SETTINGS_AT(gw_listen, tls),
     .table = &tls_table,
     .help = "https; without it http"},
};
static const settings_table listen_table = SETTINGS_TABLE(gw_listen, listen_rows);

/* -- clusters and routes ---------------------------------------------------------------------------------------------------------------- */

/* Offsets from the member `tls`, which is on when the group is there. */
#define CLUSTER_TLS(member, arg, text)                                                                   \
  .kind = SETTINGS_TEXT, .at = offsetof(gw_cluster_options, member) - offsetof(gw_cluster_options, tls), \
  .argument = (arg), .help = (text)
static const settings_row cluster_tls_rows[] = {
    {.key = "ca",
     CLUSTER_TLS(tls_ca, "FILE", "who signs the servers' certificates; default: the system's trust store")},
    {.key = "cert", CLUSTER_TLS(tls_cert, "FILE", "our certificate, for mutual TLS")},
    {.key = "key", CLUSTER_TLS(tls_key, "FILE", "its private key")},
    {.key = "server_name",
     CLUSTER_TLS(tls_server_name, "NAME", "the name that certificates must hold; default: the target's host")},
};
static const settings_table cluster_tls_table = SETTINGS_TABLE(gw_cluster_options, cluster_tls_rows);

static const settings_row cluster_rows[] = {
    {.key = "name", .required = true, TEXT(gw_cluster_options, name, "NAME", "for routes and metrics")},
    {.key = "targets",
     .required = true,
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(gw_cluster_options, targets, target_count, GW_CLUSTER_TARGETS),
     .argument = "TARGET",
     .help =
         "host:port, dns:///host:port, ipv4:a:p, ipv6:[a]:p or unix:/path; with leg core any URI that gRPC resolves"},
    {.key = "leg",
     CHOICE(gw_cluster_options, leg, legs, "auto",
            "h2: our own HTTP/2, fastest; core: the gRPC C core, for xds and service_config; auto: h2 where the "
            "targets allow it")},
    {.key = "balance",
     CHOICE(gw_cluster_options, balance, balances, "round_robin", "how calls spread over the targets' addresses")},
    {.key = "tls",
     .kind = SETTINGS_GROUP,
     SETTINGS_AT(gw_cluster_options, tls),
     .table = &cluster_tls_table,
     .help = "TLS to the targets; {} for the defaults"},
    {.key = "health_check",
     BOOL(gw_cluster_options, health_check, "false", "ask each server by grpc.health.v1 and leave the sick out")},
    {.key = "health_service",
     TEXT(gw_cluster_options, health_service, "NAME", "the service that is asked for; default: the whole server")},
    {.key = "service_config",
     TEXT(gw_cluster_options, service_config, "JSON", "gRPC service config: retries and timeouts by method; leg core")},
    {.key = "max_message",
     SIZE(gw_cluster_options, max_message_bytes, 1024, 64 << 20, NULL,
          "largest message either way; default: limits.message")},
    {.key = "connections", NUMBER(gw_cluster_options, connections, 1, 64, "1", "at most, for each address; leg h2")},
    {.key = "max_pending",
     NUMBER(gw_cluster_options, max_pending, 1, 1000000, "1000", "calls that may wait for a connection; leg h2")},
    {.key = "connect_timeout", TIME(gw_cluster_options, connect_timeout_ms, 1, "5s", "for a connection, TLS included")},
    {.key = "keepalive",
     TIME(gw_cluster_options, keepalive_ms, 1000, "305s",
          "of silence during calls before a PING; servers mind if shorter")},
    {.key = "resolve", TIME(gw_cluster_options, resolve_ms, 1000, "30s", "between lookups of the targets' names")},
};
static const settings_table cluster_table = SETTINGS_TABLE(gw_cluster_options, cluster_rows);

static const settings_row route_rows[] = {
    {.key = "prefix",
     .required = true,
     .is_allowed = gw_router_prefix_ok,
     TEXT(gw_route, prefix, "/|/PACKAGE.|/PACKAGE.SERVICE/[METHOD]", "the longest that fits a call's path decides")},
    {.key = "cluster", .required = true, TEXT(gw_route, cluster, "NAME", "where such calls go")},
};
static const settings_table route_table = SETTINGS_TABLE(gw_route, route_rows);

/* -- who may call ------------------------------------------------------------------------------------------------------------------------ */

static const settings_row cors_rows[] = {
    {.key = "origins",
     .flag = "allow-origin",
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(gw_cors, origins, origin_count, GW_CONFIG_NAMES),
     .argument = "ORIGIN",
     .help = "pages that may use this gateway besides its own: https://app.example, https://*.app.example, ~REGEX, "
             "null, or * for all"},
    {.key = "credentials",
     .kind = SETTINGS_BOOL,
     SETTINGS_AT(gw_cors, credentials),
     .fallback = "false",
     .argument = "BOOL",
     .help = "such pages may send cookies and read what comes back; not with *"},
    {.key = "max_age",
     .kind = SETTINGS_DURATION,
     SETTINGS_AT(gw_cors, max_age_ms),
     .fallback = "1d",
     .argument = "TIME",
     .help = "how long browsers may keep a preflight's answer"},
};
static const settings_table cors_table = SETTINGS_TABLE(gw_cors, cors_rows);

static const settings_row issuer_rows[] = {
    {.key = "issuer", .required = true, TEXT(gw_auth_issuer, issuer, "URL", "must equal the token's iss")},
    {.key = "audience", TEXT(gw_auth_issuer, audience, "NAME", "must be in the token's aud; default: not checked")},
    {.key = "jwks_file", TEXT(gw_auth_issuer, jwks_file, "FILE", "its public keys; read again when it changes")},
    {.key = "jwks_url", TEXT(gw_auth_issuer, jwks_url, "URL", "or where they are")},
    {.key = "jwks_refresh", TIME(gw_auth_issuer, jwks_refresh_ms, 10000, "5m", "between fetches of the URL")},
    {.key = "clock_skew", TIME(gw_auth_issuer, clock_skew_ms, 1, "30s", "allowed between the issuer's clock and ours")},
};
static const settings_table issuer_table = SETTINGS_TABLE(gw_auth_issuer, issuer_rows);

static const settings_row rule_rows[] = {
    {.key = "prefix",
     .required = true,
     .is_allowed = is_method_prefix,
     TEXT(gw_auth_rule, prefix, "/|/PACKAGE.SERVICE/[METHOD]", "the longest that fits a call's path decides")},
    {.key = "public", BOOL(gw_auth_rule, is_public, "false", "no identity is needed")},
    {.key = "scopes",
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(gw_auth_rule, scopes, scope_count, GW_AUTH_NAMES),
     .argument = "SCOPE",
     .help = "any one of them, or of the roles, will do; without both any identity will do"},
    {.key = "roles",
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(gw_auth_rule, roles, role_count, GW_AUTH_NAMES),
     .argument = "ROLE",
     .help = "see scopes"},
};
static const settings_table rule_table = SETTINGS_TABLE(gw_auth_rule, rule_rows);

static const settings_row auth_rows[] = {
    {.key = "issuers",
     .kind = SETTINGS_GROUPS,
     SETTINGS_ARRAY(gw_auth_options, issuers, issuer_count, GW_AUTH_ISSUERS),
     .table = &issuer_table,
     .help = "whose JSON Web Tokens are taken"},
    {.key = "api_keys",
     TEXT(gw_auth_options, api_keys_file, "FILE", "lines: sha256-hex subject scope,scope role,role [expiry]")},
    {.key = "rules",
     .kind = SETTINGS_GROUPS,
     SETTINGS_VECTOR(gw_auth_options, rules, rule_count, GW_AUTH_RULES),
     .table = &rule_table,
     .help = "who may call what; what no rule names is denied"},
};
static const settings_table auth_table = SETTINGS_TABLE(gw_auth_options, auth_rows);

/* -- how much ----------------------------------------------------------------------------------------------------------------------------- */

#define L gw_limits_options
static const settings_row limits_rows[] = {
    {.key = "connections",
     .flag = "max-connections",
     NUMBER(L, connections, 1, 10000000, "10000", "of browsers, all together")},
    {.key = "connections_per_address",
     NUMBER(L, connections_per_address, 1, 10000000, "500", "of one address; IPv6: of one /64")},
    {.key = "calls_per_connection",
     .flag = "max-calls",
     NUMBER(L, calls_per_connection, 1, 10000, "100", "at once on an HTTP/2 connection or a WebSocket")},
    {.key = "calls", NUMBER(L, calls, 1, 10000000, "20000", "at once, all together")},
    {.key = "calls_per_address", NUMBER(L, calls_per_address, 1, 10000000, "5000", "at once of one address")},
    {.key = "message",
     .flag = "max-message",
     SIZE(L, message_bytes, 1024, 64 << 20, "4MiB", "largest gRPC message, either way")},
    {.key = "headers", SIZE(L, header_bytes, 1024, 1 << 20, "16KiB", "of a request")},
    {.key = "header_time", TIME(L, header_ms, 100, "10s", "for a request's head")},
    {.key = "body_time", TIME(L, body_ms, 100, "30s", "without a byte of an unfinished body")},
    {.key = "keep_alive", TIME(L, keep_alive_ms, 100, "75s", "an HTTP/1.1 connection between requests")},
    {.key = "idle", TIME(L, idle_ms, 1000, "1h", "an HTTP/2 connection or a WebSocket without a call")},
    {.key = "lost",
     TIME(L, lost_ms, 5000, "15s", "a client with calls whose network answers nothing for so long is gone")},
    {.key = "lifetime", TIME(L, lifetime_ms, 0, NULL, "after which a connection is drained; default: none")},
    {.key = "max_timeout",
     TIME(L, max_timeout_ms, 0, NULL, "ceiling of grpc-timeout, and the deadline of calls without one; default: none")},
    {.key = "rate_per_address", NUMBER(L, rate_per_address, 1, 10000000, "2000", "new calls a second of one address")},
    {.key = "burst_per_address", NUMBER(L, burst_per_address, 1, 10000000, "4000", "and so many at once")},
    {.key = "rate_per_identity",
     NUMBER(L, rate_per_identity, 1, 10000000, "1000", "new calls a second of one identity")},
    {.key = "burst_per_identity", NUMBER(L, burst_per_identity, 1, 10000000, "2000", "and so many at once")},
    {.key = "memory",
     SIZE(L, memory_bytes, 16 << 20, 0, NULL, "in use, above which load is shed; default: half of what there is")},
};
#undef L
static const settings_table limits_table = SETTINGS_TABLE(gw_limits_options, limits_rows);

#define D gw_deflate_options
static const settings_row deflate_rows[] = {
    {.key = "compression", BOOL(D, on, "false", "permessage-deflate (RFC 7692), for clients that offer it")},
    {.key = "window_bits", NUMBER(D, window_bits, 9, 15, "12", "largest window, either way: 2^N bytes")},
    {.key = "context_takeover",
     BOOL(D, context_takeover, "false",
          "keep windows from message to message: smaller messages, memory for each socket")},
    {.key = "max_ratio",
     NUMBER(D, max_ratio, 1, 1032, "64", "a message may inflate to so many times its size, and 64 KiB")},
    {.key = "memory",
     SIZE(D, memory_bytes, 65536, 0, "32MiB", "of a worker's sockets; further ones go without compression")},
    {.key = "min_size", SIZE(D, min_bytes, 1, 1 << 20, "256", "shorter messages are sent as they are")},
};
#undef D
static const settings_table deflate_table = SETTINGS_TABLE(gw_deflate_options, deflate_rows);

/* Lower case, as HTTP/2 has them. */
static bool is_metadata_name(const char *s) { return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0'; }

static const settings_row metadata_rows[] = {
    {.key = "drop",
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(gw_metadata, drop, drop_count, GW_CONFIG_NAMES),
     .is_allowed = is_metadata_name,
     .argument = "NAME",
     .help = "request headers, in lower case, that no service gets to see"},
};
static const settings_table metadata_table = SETTINGS_TABLE(gw_metadata, metadata_rows);

static const settings_row tracing_rows[] = {
    {.key = "endpoint",
     .kind = SETTINGS_TEXT,
     SETTINGS_AT(gw_tracing, endpoint),
     .is_allowed = is_address,
     .argument = "HOST:PORT",
     .help = "an OTLP/gRPC collector; default: no spans are exported"},
    {.key = "sample_ratio",
     .kind = SETTINGS_RATIO,
     SETTINGS_AT(gw_tracing, sample_ratio),
     .fallback = "1",
     .argument = "RATIO",
     .help = "of the traces that begin here"},
    {.key = "service_name",
     .kind = SETTINGS_TEXT,
     SETTINGS_AT(gw_tracing, service_name),
     .fallback = "ponte-gateway",
     .argument = "NAME",
     .help = "in spans"},
};
static const settings_table tracing_table = SETTINGS_TABLE(gw_tracing, tracing_rows);

/* -- the whole ------------------------------------------------------------------------------------------------------------------------------ */

static const settings_row rows[] = {
    {.flag = "config", TEXT(gw_config, file, "FILE", "configuration in YAML; its keys stand below")},
    {.flag = "listen",
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(gw_config, quick.listen, quick.listen_count, GW_CONFIG_LISTEN),
     .argument = "[http://|https://]ADDR:PORT",
     .help = "where browsers come in, instead of the file's; without a scheme https if there is a certificate"},
    {.flag = "upstream",
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(gw_config, quick.upstream, quick.upstream_count, GW_CONFIG_LISTEN),
     .argument = "[/PACKAGE.SERVICE/=]TARGET",
     .help = "a gRPC server, for all calls or for those of one service, instead of the file's clusters and routes"},
    {.flag = "cert", TEXT(gw_config, quick.cert, "FILE", "certificate chain in PEM; with --key it turns TLS on")},
    {.flag = "key", TEXT(gw_config, quick.key, "FILE", "its private key in PEM")},
    {.key = "listen",
     .kind = SETTINGS_GROUPS,
     SETTINGS_ARRAY(gw_config, listen, listen_count, GW_CONFIG_LISTEN),
     .table = &listen_table,
     .help = "where browsers come in; default 127.0.0.1:8080 and [::1]:8080, with --cert 8443 for TLS too"},
    {.key = "admin",
     .flag = "admin",
     .is_allowed = is_address,
     .fallback = "127.0.0.1:9901",
     TEXT(gw_config, admin, "ADDR:PORT", "/healthz /readyz /metrics")},
    {.key = "web", .flag = "web", TEXT(gw_config, web, "DIR", "folder of files to serve")},
    {.key = "workers",
     .flag = "workers",
     NUMBER(gw_config, workers, 0, GW_CONFIG_WORKERS, "1", "threads that carry traffic; 0 = one a core")},
    {.key = "grace",
     .flag = "grace",
     TIME(gw_config, grace_ms, 0, "10s", "how long running calls may go on after SIGTERM")},
    {.key = "hosts",
     .flag = "allow-host",
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(gw_config, hosts, host_count, GW_CONFIG_NAMES),
     .argument = "NAME",
     .help = "names of this gateway besides the loopback's and the addresses it listens on"},
    {.key = "cors",
     .kind = SETTINGS_GROUP,
     SETTINGS_AT(gw_config, cors),
     .table = &cors_table,
     .help = "pages of other origins"},
    {.key = "clusters",
     .kind = SETTINGS_GROUPS,
     SETTINGS_VECTOR(gw_config, clusters, cluster_count, GW_CONFIG_CLUSTERS),
     .table = &cluster_table,
     .help = "sets of equal gRPC servers"},
    {.key = "routes",
     .kind = SETTINGS_GROUPS,
     SETTINGS_VECTOR(gw_config, routes, route_count, GW_CONFIG_ROUTES),
     .table = &route_table,
     .help = "which calls go where; default: all to the only cluster"},
    {.key = "auth",
     .kind = SETTINGS_GROUP,
     SETTINGS_AT(gw_config, auth),
     .table = &auth_table,
     .help = "on as soon as there is an issuer or a file of API keys"},
    {.key = "limits",
     .kind = SETTINGS_GROUP,
     SETTINGS_AT(gw_config, limits),
     .table = &limits_table,
     .help = "how much clients may take"},
    {.key = "websocket",
     .kind = SETTINGS_GROUP,
     SETTINGS_AT(gw_config, deflate),
     .table = &deflate_table,
     .help = "WebSockets"},
    {.key = "metadata",
     .kind = SETTINGS_GROUP,
     SETTINGS_AT(gw_config, metadata),
     .table = &metadata_table,
     .help = "what goes on to services"},
    {.key = "access_log", BOOL(gw_config, access_log, "true", "a log line for each call")},
    {.key = "tracing",
     .kind = SETTINGS_GROUP,
     SETTINGS_AT(gw_config, tracing),
     .table = &tracing_table,
     .help = "spans for OpenTelemetry"},
    {.flag = "check",
     .kind = SETTINGS_SWITCH,
     SETTINGS_AT(gw_config, check),
     .help = "check the settings and the files they name, and exit: 0 = fine, 2 = not"},
    {.flag = "help", .kind = SETTINGS_SWITCH, .stops = true, SETTINGS_AT(gw_config, help), .help = "this text"},
    {.flag = "version",
     .kind = SETTINGS_SWITCH,
     .stops = true,
     SETTINGS_AT(gw_config, version),
     .help = "print the version"},
};
static const settings_table table = SETTINGS_TABLE(gw_config, rows);

const settings_program gw_config_program = {
    .table = &table,
    .prefix = "PONTE_GATEWAY_",
    .usage = "usage: ponte-gateway --upstream HOST:PORT [OPTION]...\n"
             "       ponte-gateway --config FILE [OPTION]...\n\n"
             "Lets browsers call gRPC services: ponte.v1 and grpc-websockets on WebSockets, gRPC-Web over HTTP/1.1 and "
             "HTTP/2.\n",
    .file_flag = "config",
};
