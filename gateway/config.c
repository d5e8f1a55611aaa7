#include "gateway/config.h"

#include <stdlib.h>

#include "gateway/upstream/router.h"

/* -- values ---------------------------------------------------------------------------------------------------------------- */

static base_err copy(char **out, const char *value) {
  free(*out);
  *out = strdup(value);
  return *out ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err text(char **out, const char *value) { return value[0] ? copy(out, value) : base_fail(BASE_E_INVALID); }

static base_err number(uint64_t *out, const char *value, uint64_t low, uint64_t high) {
  if (!base_span_u64(base_span_str(value), out) || *out < low || *out > high) {
    return base_fail(BASE_E_INVALID);
  }
  return BASE_OK;
}

/* "host:port", "[v6]:port": something before the last colon, a port behind it. */
static bool is_address(const char *s) {
  const char *colon = strrchr(s, ':');
  uint64_t port = 0;
  return colon && colon > s && base_span_u64(base_span_str(colon + 1), &port) && port <= 65535;
}

enum scheme { BY_CERTIFICATE, PLAIN, TLS };

static base_err add_listen(gw_config *c, const char *address, enum scheme scheme, bool optional) {
  if (c->listen_count == GW_CONFIG_LIST || !is_address(address)) {
    return base_fail(BASE_E_INVALID);
  }
  gw_listen *l = &c->listen[c->listen_count++];
  *l = (gw_listen){.tls = scheme == TLS || (scheme == BY_CERTIFICATE && c->cert), .optional = optional};
  return copy(&l->address, address);
}

static base_err set_listen(gw_config *c, const char *value) {
  if (strncmp(value, "http://", 7) == 0) {
    return add_listen(c, value + 7, PLAIN, false);
  }
  if (strncmp(value, "https://", 8) == 0) {
    return add_listen(c, value + 8, TLS, false);
  }
  return add_listen(c, value, BY_CERTIFICATE, false);
}

static base_err set_upstream(gw_config *c, const char *value) {
  const char *equals = value[0] == '/' ? strchr(value, '=') : NULL;
  if (c->upstream_count == GW_CONFIG_LIST || (value[0] == '/' && equals == NULL)) {
    return base_fail(BASE_E_INVALID);
  }
  const char *target = equals ? equals + 1 : value;
  if (!is_address(target) && strncmp(target, "unix:", 5) != 0) {
    return base_fail(BASE_E_INVALID);
  }
  gw_route *r = &c->upstreams[c->upstream_count++];
  r->prefix = equals ? strndup(value, (size_t)(equals - value)) : strdup("/");
  r->target = strdup(target);
  if (r->prefix == NULL || r->target == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  for (int i = 0; i + 1 < c->upstream_count; i++) {
    if (strcmp(c->upstreams[i].prefix, r->prefix) == 0) {
      return base_fail(BASE_E_INVALID);
    }
  }
  return gw_router_prefix_ok(r->prefix) ? BASE_OK : base_fail(BASE_E_INVALID);
}

static base_err set_web(gw_config *c, const char *v) { return text(&c->web, v); }
static base_err set_cert(gw_config *c, const char *v) { return text(&c->cert, v); }
static base_err set_key(gw_config *c, const char *v) { return text(&c->key, v); }
static base_err set_host(gw_config *c, const char *v) { return gw_policy_add_host(&c->policy, v); }
static base_err set_origin(gw_config *c, const char *v) { return gw_policy_add_origin(&c->policy, v); }
static base_err set_admin(gw_config *c, const char *v) {
  return is_address(v) ? copy(&c->admin, v) : base_fail(BASE_E_INVALID);
}

static base_err set_max_message(gw_config *c, const char *v) {
  uint64_t n = 0;
  BASE_TRY(number(&n, v, 1024, 64 << 20));
  c->limits.message_bytes = (uint32_t)n;
  return BASE_OK;
}

static base_err set_max_calls(gw_config *c, const char *v) {
  uint64_t n = 0;
  BASE_TRY(number(&n, v, 1, 10000));
  c->limits.calls_per_connection = (uint32_t)n;
  return BASE_OK;
}

static base_err set_max_connections(gw_config *c, const char *v) {
  uint64_t n = 0;
  BASE_TRY(number(&n, v, 1, 1000000));
  c->limits.connections = (uint32_t)n;
  return BASE_OK;
}

static base_err set_workers(gw_config *c, const char *v) {
  uint64_t n = 0;
  BASE_TRY(number(&n, v, 0, GW_CONFIG_WORKERS));
  c->workers = (int)n;
  return BASE_OK;
}

static base_err set_grace(gw_config *c, const char *v) {
  uint64_t n = 0;
  BASE_TRY(number(&n, v, 0, 3600000));
  c->grace_ms = (int64_t)n;
  return BASE_OK;
}

/* -- the table --------------------------------------------------------------------------------------------------------------- */

/* Order matters: the certificate decides what --listen without a scheme means, so environment and flags are applied row by row. */
static const struct row {
  const char *flag, *environment, *argument, *help;
  base_err (*set)(gw_config *c, const char *value);
  bool list;
} rows[] = {
    {"--cert", "PONTE_GATEWAY_CERT", "FILE", "certificate chain in PEM; with --key it turns TLS on", set_cert, false},
    {"--key", "PONTE_GATEWAY_KEY", "FILE", "its private key in PEM", set_key, false},
    {"--listen", "PONTE_GATEWAY_LISTEN", "[http://|https://]ADDR:PORT",
     "where browsers come in, repeatable; default 127.0.0.1:8080 and [::1]:8080, with a certificate 8443 for TLS too",
     set_listen, true},
    {"--upstream", "PONTE_GATEWAY_UPSTREAM", "[/package.Service/=]HOST:PORT",
     "a gRPC server, repeatable: for all calls, or for those of one service", set_upstream, true},
    {"--web", "PONTE_GATEWAY_WEB", "DIR", "folder of files to serve", set_web, false},
    {"--allow-origin", "PONTE_GATEWAY_ALLOW_ORIGIN", "ORIGIN",
     "a page's origin besides the gateway's own, repeatable; * = any", set_origin, true},
    {"--allow-host", "PONTE_GATEWAY_ALLOW_HOST", "NAME",
     "a name of this gateway besides the loopback's and the addresses it listens on, repeatable", set_host, true},
    {"--admin", "PONTE_GATEWAY_ADMIN", "ADDR:PORT", "/healthz /readyz /metrics; default 127.0.0.1:9901", set_admin,
     false},
    {"--workers", "PONTE_GATEWAY_WORKERS", "N", "threads that carry traffic, 0 = one a core; default 1", set_workers,
     false},
    {"--grace", "PONTE_GATEWAY_GRACE", "MS", "how long running calls may go on after SIGTERM; default 10000", set_grace,
     false},
    {"--max-message", "PONTE_GATEWAY_MAX_MESSAGE", "BYTES", "largest gRPC message, either way; default 4194304",
     set_max_message, false},
    {"--max-calls", "PONTE_GATEWAY_MAX_CALLS", "N", "calls at once on one WebSocket; default 100", set_max_calls,
     false},
    {"--max-connections", "PONTE_GATEWAY_MAX_CONNECTIONS", "N", "of browsers, for each address; default 10000",
     set_max_connections, false},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const struct {
  const char *flag, *help;
  size_t offset;
} switches[] = {
    {"--check", "check the settings and exit", offsetof(gw_config, check)},
    {"--help", "this text", offsetof(gw_config, help)},
    {"--version", "print the version", offsetof(gw_config, version)},
};
enum { SWITCHES = sizeof switches / sizeof *switches };

base_err gw_config_help(base_buf *out) {
  BASE_TRY(base_buf_str(
      out, "usage: ponte-gateway --upstream HOST:PORT [OPTION]...\n\n"
           "Lets browsers call gRPC services: ponte.v1 on a WebSocket, gRPC-Web over HTTP/1.1 and HTTP/2.\n\n"));
  for (int i = 0; i < ROWS; i++) {
    BASE_TRY(base_buf_printf(out, "  %s %s\n      %s\n", rows[i].flag, rows[i].argument, rows[i].help));
  }
  for (int i = 0; i < SWITCHES; i++) {
    BASE_TRY(base_buf_printf(out, "  %s\n      %s\n", switches[i].flag, switches[i].help));
  }
  return base_buf_str(out, "\nEach option with a value can be set in the environment too: "
                           "PONTE_GATEWAY_LISTEN, ..., lists with spaces. The command line wins.\n"
                           "PONTE_LOG=debug|info|warn|error sets the log level.\n");
}

/* -- reading ------------------------------------------------------------------------------------------------------------------- */

static base_err complain(base_buf *why, base_err e, const char *name, const char *value, const char *wanted) {
  /* Without memory for the reason there is no reason. */
  base_err told = base_is(e, BASE_E_NO_MEMORY)
                      ? base_buf_str(why, base_err_text(e))
                      : base_buf_printf(why, "%s: \"%s\" is not allowed; it takes %s", name, value, wanted);
  return base_is_ok(told) ? e : told;
}

static base_err apply(gw_config *c, const struct row *row, const char *name, const char *value, base_buf *why) {
  base_err e = row->set(c, value);
  return base_is_ok(e) ? e : complain(why, e, name, value, row->argument);
}

/* A list in the environment is separated by spaces. */
static base_err apply_environment(gw_config *c, const struct row *row, const char *value, base_buf *why) {
  if (!row->list) {
    return apply(c, row, row->environment, value, why);
  }
  char *words = strdup(value), *rest = words, *word;
  base_err e = words ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  while (base_is_ok(e) && (word = strsep(&rest, " ")) != NULL) {
    if (word[0]) {
      e = apply(c, row, row->environment, word, why);
    }
  }
  free(words);
  return e;
}

static const struct row *find_row(const char *flag, size_t n) {
  for (int i = 0; i < ROWS; i++) {
    if (strlen(rows[i].flag) == n && strncmp(rows[i].flag, flag, n) == 0) {
      return &rows[i];
    }
  }
  return NULL;
}

static bool set_switch(gw_config *c, const char *flag) {
  for (int i = 0; i < SWITCHES; i++) {
    if (strcmp(flag, switches[i].flag) == 0) {
      *(bool *)((char *)c + switches[i].offset) = true;
      return true;
    }
  }
  return false;
}

/* Splits "--flag value" and "--flag=value", applies those of the row `only` and counts them. With only == NULL the form
 * alone is checked. */
static base_err walk_flags(gw_config *c, int argc, char **argv, const struct row *only, int *applied, base_buf *why) {
  for (int i = 1; i < argc; i++) {
    if (set_switch(c, argv[i])) {
      continue;
    }
    size_t n = strcspn(argv[i], "=");
    const struct row *row = find_row(argv[i], n);
    const char *value = row && argv[i][n] == '=' ? argv[i] + n + 1 : NULL;
    if (row && value == NULL && i + 1 < argc) {
      value = argv[++i];
    }
    if (row == NULL || value == NULL) {
      BASE_TRY(base_buf_printf(why, row ? "%s needs a value" : "unknown option %s; see --help", argv[i]));
      return base_fail(BASE_E_INVALID);
    }
    if (row == only) {
      BASE_TRY(apply(c, row, row->flag, value, why));
      (*applied)++;
    }
  }
  return BASE_OK;
}

static base_err defaults(gw_config *c, base_buf *why) {
  if ((c->cert != NULL) != (c->key != NULL)) {
    BASE_TRY(base_buf_str(why, "--cert and --key belong together"));
    return base_fail(BASE_E_INVALID);
  }
  if (c->upstream_count == 0) {
    BASE_TRY(base_buf_str(why, "--upstream is missing: say where the gRPC server is, HOST:PORT"));
    return base_fail(BASE_E_INVALID);
  }
  if (c->listen_count == 0) {
    BASE_TRY(add_listen(c, "127.0.0.1:8080", PLAIN, false));
    BASE_TRY(add_listen(c, "[::1]:8080", PLAIN, true));
    if (c->cert) {
      BASE_TRY(add_listen(c, "127.0.0.1:8443", TLS, false));
      BASE_TRY(add_listen(c, "[::1]:8443", TLS, true));
    }
  }
  for (int i = 0; i < c->listen_count; i++) {
    if (c->listen[i].tls && c->cert == NULL) {
      BASE_TRY(base_buf_printf(why, "--listen https://%s needs --cert and --key", c->listen[i].address));
      return base_fail(BASE_E_INVALID);
    }
    base_err e = gw_policy_add_host(&c->policy, c->listen[i].address);
    if (!base_is_ok(e)) {
      return complain(why, e, "--listen", c->listen[i].address, "ADDR:PORT");
    }
  }
  return c->admin ? BASE_OK : copy(&c->admin, "127.0.0.1:9901");
}

base_err gw_config_read(gw_config *c, int argc, char **argv, base_buf *why) {
  *c = (gw_config){.grace_ms = 10000, .workers = 1};
  gw_policy_init(&c->policy);
  BASE_TRY(walk_flags(c, argc, argv, NULL, NULL, why));
  if (c->help || c->version) {
    return BASE_OK;
  }
  for (int i = 0; i < ROWS; i++) {
    const char *value = getenv(rows[i].environment);
    int applied = 0;
    BASE_TRY(walk_flags(c, argc, argv, &rows[i], &applied, why));
    if (value && applied == 0) {
      BASE_TRY(apply_environment(c, &rows[i], value, why));
    }
  }
  return defaults(c, why);
}

void gw_config_dispose(gw_config *c) {
  for (int i = 0; i < c->listen_count; i++) {
    free(c->listen[i].address);
  }
  for (int i = 0; i < c->upstream_count; i++) {
    free(c->upstreams[i].prefix);
    free(c->upstreams[i].target);
  }
  gw_policy_dispose(&c->policy);
  free(c->web);
  free(c->cert);
  free(c->key);
  free(c->admin);
}
