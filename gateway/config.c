#include "gateway/config.h"

#include <stdlib.h>

#include "gateway/upstream/router.h"

static base_err fail(base_buf *why, const char *text) {
  base_err told = base_buf_str(why, text);
  return base_is_ok(told) ? base_fail(BASE_E_INVALID) : told;
}

static char *keep(gw_config *c, const char *text) { return settings_keep(c->settings, text); }

/* -- the quick start ---------------------------------------------------------------------------------------------------------------- */

static base_err add_listen(gw_config *c, const char *address, bool tls, bool optional) {
  gw_listen *l = &c->listen[c->listen_count++];
  *l = (gw_listen){.address = keep(c, address), .optional = optional};
  if (tls) {
    l->tls.main = (net_tls_pair){c->quick.cert, c->quick.key};
  }
  return l->address ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err quick_listen(gw_config *c, base_buf *why) {
  c->listen_count = 0;
  for (int i = 0; i < c->quick.listen_count; i++) {
    const char *value = c->quick.listen[i], *scheme = strstr(value, "://"), *address = scheme ? scheme + 3 : value;
    bool https = strncmp(value, "https://", 8) == 0, http = strncmp(value, "http://", 7) == 0;
    const char *colon = strrchr(address, ':');
    uint64_t port = 0;
    if ((scheme && !https && !http) || colon == NULL || colon == address ||
        !base_span_u64(base_span_str(colon + 1), &port) || port > 65535) {
      return settings_complain(c->settings, &c->quick.listen[i], why,
                               "\"%.100s\" is not allowed; it takes [http://|https://]ADDR:PORT", value);
    }
    if (https && c->quick.cert == NULL) {
      return settings_complain(c->settings, &c->quick.listen[i], why, "%.100s needs --cert and --key", value);
    }
    BASE_TRY(add_listen(c, address, https || (!http && c->quick.cert), false));
  }
  return BASE_OK;
}

static base_err default_listen(gw_config *c) {
  BASE_TRY(add_listen(c, "127.0.0.1:8080", false, false));
  BASE_TRY(add_listen(c, "[::1]:8080", false, true));
  if (c->quick.cert) {
    BASE_TRY(add_listen(c, "127.0.0.1:8443", true, false));
    BASE_TRY(add_listen(c, "[::1]:8443", true, true));
  }
  return BASE_OK;
}

/* "[/package.Service/=]target": a cluster of its own, with the target's name. */
static base_err quick_upstream(gw_config *c, int i, base_buf *why) {
  char *value = c->quick.upstream[i], *equals = value[0] == '/' ? strchr(value, '=') : NULL;
  gw_cluster_options *cluster = &c->clusters[i];
  gw_route *route = &c->routes[i];
  if (value[0] == '/' && equals == NULL) {
    return settings_complain(c->settings, &c->quick.upstream[i], why,
                             "\"%.100s\" is not allowed; it takes [/PACKAGE.SERVICE/=]TARGET", value);
  }
  *route = (gw_route){.prefix = keep(c, equals ? value : "/"), .cluster_index = i};
  *cluster = (gw_cluster_options){.name = equals ? equals + 1 : value, .target_count = 1};
  cluster->targets[0] = route->cluster = cluster->name;
  if (route->prefix == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  if (equals) {
    route->prefix[equals - value] = '\0';
  }
  if (!gw_router_prefix_ok(route->prefix)) {
    return settings_complain(c->settings, &c->quick.upstream[i], why, "\"%.100s\" is not / or /PACKAGE.SERVICE/",
                             route->prefix);
  }
  return BASE_OK;
}

static base_err quick_upstreams(gw_config *c, base_buf *why) {
  int n = c->quick.upstream_count;
  c->clusters = settings_alloc(c->settings, (size_t)n * sizeof *c->clusters);
  c->routes = settings_alloc(c->settings, (size_t)n * sizeof *c->routes);
  if (c->clusters == NULL || c->routes == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  c->cluster_count = c->route_count = n;
  for (int i = 0; i < n; i++) {
    BASE_TRY(quick_upstream(c, i, why));
  }
  return BASE_OK;
}

/* -- what has to fit together ------------------------------------------------------------------------------------------------------- */

static base_err check_listen(gw_config *c, gw_listen *l, base_buf *why) {
  gw_tls *t = &l->tls;
  bool given = settings_is_given(c->settings, t);
  if ((t->main.cert_file == NULL) != (t->main.key_file == NULL) || (given && t->main.cert_file == NULL)) {
    return settings_complain(c->settings, t, why, "takes cert and key, both");
  }
  if ((t->client_auth != NET_TLS_CLIENT_AUTH_NONE) != (t->client_ca != NULL)) {
    return settings_complain(c->settings, t, why, "client_auth and client_ca belong together");
  }
  base_err e = gw_policy_add_host(&c->policy, l->address);
  if (base_is(e, BASE_E_INVALID)) {
    return settings_complain(c->settings, &l->address, why, "\"%.100s\" is not allowed; it takes ADDR:PORT",
                             l->address);
  }
  return base_is(e, BASE_E_EXHAUSTED) ? settings_complain(c->settings, &l->address, why, "too many names and addresses")
                                      : e;
}

static base_err check_listeners(gw_config *c, base_buf *why) {
  if ((c->quick.cert != NULL) != (c->quick.key != NULL)) {
    return fail(why, "--cert and --key belong together");
  }
  if (c->quick.listen_count > 0) {
    BASE_TRY(quick_listen(c, why));
  } else if (c->listen_count == 0) {
    BASE_TRY(default_listen(c));
  }
  for (int i = 0; i < c->listen_count; i++) {
    BASE_TRY(check_listen(c, &c->listen[i], why));
    for (int j = 0; j < i; j++) {
      if (strcmp(c->listen[i].address, c->listen[j].address) == 0 && strcmp(strrchr(c->listen[i].address, ':'), ":0")) {
        return settings_complain(c->settings, &c->listen[i].address, why, "%s is there twice", c->listen[i].address);
      }
    }
  }
  return BASE_OK;
}

static base_err check_policy(gw_config *c, base_buf *why) {
  for (int i = 0; i < c->host_count; i++) {
    if (!base_is_ok(gw_policy_add_host(&c->policy, c->hosts[i]))) {
      return settings_complain(c->settings, &c->hosts[i], why, "\"%.100s\" is no host name", c->hosts[i]);
    }
  }
  for (int i = 0; i < c->cors.origin_count; i++) {
    if (!base_is_ok(gw_policy_add_origin(&c->policy, c->cors.origins[i]))) {
      return settings_complain(
          c->settings, &c->cors.origins[i], why,
          "\"%.100s\" is no origin; it takes https://NAME[:PORT], https://*.NAME, ~REGEX, null or *",
          c->cors.origins[i]);
    }
  }
  c->policy.credentials = c->cors.credentials;
  c->policy.max_age_s = c->cors.max_age_ms > 0 ? (c->cors.max_age_ms + 999) / 1000 : -1;
  if (!base_is_ok(gw_policy_check(&c->policy))) {
    return settings_complain(c->settings, &c->cors.credentials, why,
                             "credentials for pages of any origin would give every site the user's session");
  }
  return BASE_OK;
}

static base_err check_cluster(gw_config *c, int i, base_buf *why) {
  gw_cluster_options *cluster = &c->clusters[i];
  for (int j = 0; j < i && c->quick.upstream_count == 0; j++) {
    if (strcmp(c->clusters[j].name, cluster->name) == 0) {
      return settings_complain(c->settings, &cluster->name, why, "there are two clusters \"%.100s\"", cluster->name);
    }
  }
  cluster->tls = settings_is_given(c->settings, &cluster->tls);
  if (cluster->max_message_bytes == 0) {
    cluster->max_message_bytes = c->limits.message_bytes;
  }
  base_buf reason;
  base_buf_init(&reason, 4096);
  base_err e = gw_cluster_check(cluster, &reason);
  if (!base_is_ok(e)) {
    const void *where = c->quick.upstream_count > 0 ? (void *)&c->quick.upstream[i] : (void *)&cluster->targets[0];
    e = settings_complain(c->settings, where, why, "%.*s", BASE_SPAN_ARG(base_buf_span(&reason)));
  }
  base_buf_dispose(&reason);
  return e;
}

static base_err find_cluster(gw_config *c, gw_route *route, base_buf *why) {
  for (int i = 0; i < c->cluster_count; i++) {
    if (strcmp(c->clusters[i].name, route->cluster) == 0) {
      route->cluster_index = i;
      return BASE_OK;
    }
  }
  return settings_complain(c->settings, &route->cluster, why, "there is no cluster \"%.100s\"", route->cluster);
}

static base_err check_routes(gw_config *c, base_buf *why) {
  if (c->route_count == 0) {
    c->routes = settings_alloc(c->settings, sizeof *c->routes);
    char *prefix = keep(c, "/");
    if (c->routes == NULL || prefix == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
    c->routes[c->route_count++] = (gw_route){.prefix = prefix, .cluster = c->clusters[0].name};
  }
  for (int i = 0; i < c->route_count; i++) {
    bool quick = c->quick.upstream_count > 0;
    for (int j = 0; j < i; j++) {
      if (strcmp(c->routes[j].prefix, c->routes[i].prefix) == 0) {
        const void *where = quick ? (void *)&c->quick.upstream[i] : (void *)&c->routes[i].prefix;
        return settings_complain(c->settings, where, why, "there are two routes for %.100s", c->routes[i].prefix);
      }
    }
    if (!quick) {
      BASE_TRY(find_cluster(c, &c->routes[i], why));
    }
  }
  return BASE_OK;
}

static base_err check_upstreams(gw_config *c, base_buf *why) {
  if (c->quick.upstream_count > 0) {
    BASE_TRY(quick_upstreams(c, why));
  }
  if (c->cluster_count == 0) {
    return fail(why, "no gRPC server is named: give --upstream HOST:PORT, or clusters in the file of --config");
  }
  if (c->route_count == 0 && c->cluster_count > 1) {
    return settings_complain(c->settings, &c->clusters, why, "several clusters need routes");
  }
  for (int i = 0; i < c->cluster_count; i++) {
    BASE_TRY(check_cluster(c, i, why));
  }
  return check_routes(c, why);
}

static base_err check_auth(gw_config *c, base_buf *why) {
  for (int i = 0; i < c->auth.issuer_count; i++) {
    const gw_auth_issuer *issuer = &c->auth.issuers[i];
    if ((issuer->jwks_file == NULL) == (issuer->jwks_url == NULL)) {
      return settings_complain(c->settings, &issuer->issuer, why, "takes jwks_file or jwks_url, one of them");
    }
  }
  if (c->auth.rule_count > 0 && !gw_auth_is_on(&c->auth)) {
    return settings_complain(c->settings, &c->auth.rules, why,
                             "rules without issuers and api_keys would let nobody in");
  }
  return BASE_OK;
}

static base_err check_all(gw_config *c, base_buf *why) {
  BASE_TRY(check_listeners(c, why));
  BASE_TRY(check_policy(c, why));
  BASE_TRY(check_upstreams(c, why));
  return check_auth(c, why);
}

/* -- the object ----------------------------------------------------------------------------------------------------------------------- */

static base_err finish(gw_config *c, base_err e, base_buf *why, gw_config **out) {
  if (base_is_ok(e)) {
    gw_policy_init(&c->policy);
    e = c->help || c->version ? BASE_OK : check_all(c, why);
    if (!base_is_ok(e)) {
      gw_config_free(c);
      return e;
    }
    *out = c;
    return BASE_OK;
  }
  free(c);
  return e;
}

base_err gw_config_read(int argc, char *const *argv, base_buf *why, gw_config **out) {
  gw_config *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  settings *s = NULL;
  base_err e = settings_read(&gw_config_program, argc, argv, getenv, c, &s, why);
  c->settings = s;
  return finish(c, e, why, out);
}

base_err gw_config_read_text(const char *name, base_span text, base_buf *why, gw_config **out) {
  gw_config *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  settings *s = NULL;
  base_err e = settings_read_text(&gw_config_program, name, text, c, &s, why);
  c->settings = s;
  return finish(c, e, why, out);
}

void gw_config_free(gw_config *c) {
  if (c) {
    gw_policy_dispose(&c->policy);
    settings_free(c->settings);
    free(c);
  }
}

net_tls_server_options gw_tls_options(const gw_tls *t) {
  return (net_tls_server_options){.main = t->main,
                                  .sni = t->sni,
                                  .sni_count = (size_t)t->sni_count,
                                  .client_ca_file = t->client_ca,
                                  .client_auth = t->client_auth};
}
