#include "gateway/config.h"

#include <stdlib.h>

#include "base/test.h"

static base_err read_flags(gw_config **c, char *why, size_t why_size, const char *const *flags) {
  char *argv[32] = {(char *)"ponte-gateway"};
  int argc = 1;
  base_buf said;
  for (; flags[argc - 1]; argc++) {
    argv[argc] = (char *)flags[argc - 1];
  }
  base_buf_init(&said, 4096);
  *c = NULL;
  base_err e = gw_config_read(argc, argv, &said, c);
  snprintf(why, why_size, "%.*s", BASE_SPAN_ARG(base_buf_span(&said)));
  base_buf_dispose(&said);
  return e;
}

static base_err read_text(gw_config **c, char *why, size_t why_size, const char *text) {
  base_buf said;
  base_buf_init(&said, 4096);
  *c = NULL;
  base_err e = gw_config_read_text("f", base_span_str(text), &said, c);
  snprintf(why, why_size, "%.*s", BASE_SPAN_ARG(base_buf_span(&said)));
  base_buf_dispose(&said);
  return e;
}

#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void defaults_are_loopback(void) {
  gw_config *c;
  char why[512];
  CHECK_OK(read_flags(&c, why, sizeof why, FLAGS("--upstream", "127.0.0.1:50054")));
  REQUIRE(c);
  CHECK_INT(c->listen_count, 2);
  CHECK_STR(c->listen[0].address, "127.0.0.1:8080");
  CHECK(!gw_listen_is_tls(&c->listen[0]) && !c->listen[0].optional && c->listen[1].optional);
  CHECK_STR(c->admin, "127.0.0.1:9901");
  CHECK_STR(c->routes[0].prefix, "/");
  CHECK_STR(c->clusters[0].targets[0], "127.0.0.1:50054");
  CHECK_INT(c->workers, 1);
  CHECK_INT(c->grace_ms, 10000);
  gw_config_free(c);
  CHECK_OK(read_flags(&c, why, sizeof why, FLAGS("--upstream", "a:1", "--cert", "c", "--key", "k")));
  REQUIRE(c);
  CHECK_INT(c->listen_count, 4);
  CHECK(gw_listen_is_tls(&c->listen[3]) && !gw_listen_is_tls(&c->listen[1]));
  gw_config_free(c);
}

/* What the table says about limits and what gateway/limits does without being told must be one thing. */
static void the_defaults_of_the_limits_are_theirs(void) {
  gw_config *c;
  char why[512];
  CHECK_OK(read_flags(&c, why, sizeof why, FLAGS("--upstream", "a:1")));
  REQUIRE(c);
  gw_limits_options zero = {0}, theirs = gw_limits_with_defaults(&zero), ours = gw_limits_with_defaults(&c->limits);
  CHECK_INT(ours.connections, theirs.connections);
  CHECK_INT(ours.connections_per_address, theirs.connections_per_address);
  CHECK_INT(ours.calls_per_connection, theirs.calls_per_connection);
  CHECK_INT(ours.calls, theirs.calls);
  CHECK_INT(ours.calls_per_address, theirs.calls_per_address);
  CHECK_INT(ours.message_bytes, theirs.message_bytes);
  CHECK_INT(ours.header_bytes, theirs.header_bytes);
  CHECK_INT(ours.header_ms, theirs.header_ms);
  CHECK_INT(ours.body_ms, theirs.body_ms);
  CHECK_INT(ours.keep_alive_ms, theirs.keep_alive_ms);
  CHECK_INT(ours.idle_ms, theirs.idle_ms);
  CHECK_INT(ours.lost_ms, theirs.lost_ms);
  CHECK_INT(ours.lifetime_ms, theirs.lifetime_ms);
  CHECK_INT(ours.max_timeout_ms, theirs.max_timeout_ms);
  CHECK_INT(ours.rate_per_address, theirs.rate_per_address);
  CHECK_INT(ours.burst_per_address, theirs.burst_per_address);
  CHECK_INT(ours.rate_per_identity, theirs.rate_per_identity);
  CHECK_INT(ours.burst_per_identity, theirs.burst_per_identity);
  CHECK_INT(ours.memory_bytes, theirs.memory_bytes);
  gw_config_free(c);
}

static void flags_are_a_quick_start(void) {
  gw_config *c;
  char why[512];
  CHECK_OK(read_flags(&c, why, sizeof why,
                      FLAGS("--listen", "10.0.0.1:81", "--listen=http://127.0.0.1:0", "--key=k", "--cert", "c",
                            "--upstream", "a:1", "--upstream", "/p.S/=b:2", "--web", "w", "--allow-origin", "https://x",
                            "--allow-host", "y", "--grace", "5s", "--max-message", "1MiB", "--check")));
  REQUIRE(c);
  CHECK_INT(c->listen_count, 2);
  CHECK_MSG(gw_listen_is_tls(&c->listen[0]), "%s", "a certificate given later still counts");
  CHECK(!gw_listen_is_tls(&c->listen[1]));
  CHECK_STR(c->routes[1].prefix, "/p.S/");
  CHECK_STR(c->clusters[c->routes[1].cluster_index].targets[0], "b:2");
  CHECK_INT(c->clusters[0].max_message_bytes, 1 << 20);
  CHECK_INT(c->grace_ms, 5000);
  CHECK(c->check);
  CHECK(gw_policy_host_ok(&c->policy, base_span_str("10.0.0.1:81")));
  CHECK(gw_policy_host_ok(&c->policy, base_span_str("y")));
  gw_config_free(c);
}

static void flags_win_over_the_environment(void) {
  gw_config *c;
  char why[512];
  setenv("PONTE_GATEWAY_LISTEN", "127.0.0.1:1  http://127.0.0.1:2", 1);
  setenv("PONTE_GATEWAY_GRACE", "7s", 1);
  setenv("PONTE_GATEWAY_LIMITS_CALLS", "9", 1);
  CHECK_OK(read_flags(&c, why, sizeof why, FLAGS("--upstream", "a:1", "--grace", "8s")));
  REQUIRE(c);
  CHECK_INT(c->listen_count, 2);
  CHECK_STR(c->listen[1].address, "127.0.0.1:2");
  CHECK_INT(c->grace_ms, 8000);
  CHECK_INT(c->limits.calls, 9);
  gw_config_free(c);
  setenv("PONTE_GATEWAY_GRACE", "soon", 1);
  CHECK_ERR(read_flags(&c, why, sizeof why, FLAGS("--upstream", "a:1")), BASE_E_INVALID);
  CHECK(strstr(why, "PONTE_GATEWAY_GRACE") != NULL);
  unsetenv("PONTE_GATEWAY_LISTEN");
  unsetenv("PONTE_GATEWAY_GRACE");
  unsetenv("PONTE_GATEWAY_LIMITS_CALLS");
}

static void a_file_says_everything(void) {
  static const char text[] = "listen:\n"
                             "  - address: 0.0.0.0:443\n"
                             "    tls: {cert: a.pem, key: a.key, client_ca: ca.pem, client_auth: required,\n"
                             "          sni: [{cert: b.pem, key: b.key}]}\n"
                             "  - address: 127.0.0.1:80\n"
                             "hosts: [gw.example]\n"
                             "cors:\n"
                             "  origins: [\"https://app.example\"]\n"
                             "clusters:\n"
                             "  - name: one\n"
                             "    targets: [a:1, b:2]\n"
                             "    balance: least_request\n"
                             "    tls: {}\n"
                             "  - name: two\n"
                             "    targets: [\"unix:/run/x\"]\n"
                             "    leg: core\n"
                             "    max_message: 8MiB\n"
                             "routes:\n"
                             "  - {prefix: /, cluster: two}\n"
                             "  - {prefix: /a.B/, cluster: one}\n"
                             "  - {prefix: /c.D/, cluster: one}\n"
                             "auth:\n"
                             "  issuers: [{issuer: https://i, jwks_file: keys.json}]\n"
                             "  rules:\n"
                             "    - {prefix: /, scopes: [read, write]}\n"
                             "    - {prefix: /grpc.health.v1.Health/, public: true}\n";
  gw_config *c;
  char why[512];
  base_err e = read_text(&c, why, sizeof why, text);
  CHECK_MSG(base_is_ok(e), "%s", why);
  REQUIRE(c);
  CHECK(gw_listen_is_tls(&c->listen[0]) && !gw_listen_is_tls(&c->listen[1]));
  CHECK_STR(c->listen[0].tls.sni[0].key_file, "b.key");
  CHECK(c->listen[0].tls.client_auth == NET_TLS_CLIENT_AUTH_REQUIRED);
  CHECK(c->clusters[0].tls && !c->clusters[1].tls);
  CHECK(c->clusters[0].balance == GW_LEAST_REQUEST && c->clusters[1].leg == GW_LEG_CORE);
  CHECK_INT(c->clusters[0].max_message_bytes, 4 << 20);
  CHECK_INT(c->clusters[1].max_message_bytes, 8 << 20);
  CHECK_INT(c->routes[0].cluster_index, 1);
  CHECK_INT(c->routes[2].cluster_index, 0);
  CHECK_STR(c->auth.rules[0].scopes[1], "write");
  CHECK(c->auth.rules[1].is_public && gw_auth_is_on(&c->auth));
  CHECK(gw_policy_host_ok(&c->policy, base_span_str("gw.example")));
  gw_config_free(c);
}

static void bad_flags_are_named(void) {
  static const struct {
    const char *flags[7];
    const char *word; /* that the message must hold */
  } rows[] = {
      {{NULL}, "--upstream"},
      {{"--upstream"}, "--upstream"},
      {{"--upstream", "nowhere"}, "--upstream"},
      {{"--upstream", "a:99999"}, "--upstream"},
      {{"--upstream", ":1"}, "--upstream"},
      {{"--upstream", "/p.S=a:1"}, "--upstream"},
      {{"--upstream", "/p.S/"}, "--upstream"},
      {{"--upstream", "a:1", "--upstream", "b:1"}, "--upstream"},
      {{"--upstream", "a:1", "--listen", "8080"}, "--listen"},
      {{"--upstream", "a:1", "--listen", "ftp://a:1"}, "--listen"},
      {{"--upstream", "a:1", "--listen", "https://a:1"}, "--cert"},
      {{"--upstream", "a:1", "--listen", "a:1", "--listen", "a:1"}, "twice"},
      {{"--upstream", "a:1", "--cert", "x"}, "--key"},
      {{"--upstream", "a:1", "--key", "x"}, "--cert"},
      {{"--upstream", "a:1", "--grace", "-1"}, "--grace"},
      {{"--upstream", "a:1", "--grace", "10"}, "--grace"},
      {{"--upstream", "a:1", "--max-calls", "0"}, "--max-calls"},
      {{"--upstream", "a:1", "--max-message", "999999999999"}, "--max-message"},
      {{"--upstream", "a:1", "--workers", "65"}, "--workers"},
      {{"--upstream", "a:1", "--allow-origin", "x"}, "--allow-origin"},
      {{"--upstream", "a:1", "--allow-host", "a b"}, "--allow-host"},
      {{"--upstream", "a:1", "--admin", "9901"}, "--admin"},
      {{"--upstream", "a:1", "--web", ""}, "--web"},
      {{"--upstreams", "a:1"}, "--upstreams"},
      {{"--config", "/nowhere"}, "/nowhere"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_config *c;
    char why[512];
    base_err e = read_flags(&c, why, sizeof why, rows[i].flags);
    CHECK_MSG(!base_is_ok(e) && c == NULL && strstr(why, rows[i].word), "row %zu: %s: %s", i, base_err_name(e), why);
  }
}

#define CLUSTER "clusters: [{name: c, targets: [a:1]}]\n"

static void bad_files_are_explained(void) {
  static const struct {
    const char *text, *why;
  } rows[] = {
      {"", "no gRPC server is named: give --upstream HOST:PORT, or clusters in the file of --config"},
      {"clusters: []\n", "no gRPC server is named: give --upstream HOST:PORT, or clusters in the file of --config"},
      {"clusters: [{name: c}]\n", "f:1: clusters[0]: \"targets\" is missing: host:port, dns:///host:port, ipv4:a:p, "
                                  "ipv6:[a]:p or unix:/path; with leg core any URI that gRPC resolves"},
      {"clusters:\n  - {name: c, targets: [a:1]}\n  - {name: c, targets: [b:1]}\nroutes: [{prefix: /, cluster: c}]\n",
       "f:3: clusters[1].name: there are two clusters \"c\""},
      {"clusters:\n  - {name: c, targets: [a:1]}\n  - {name: d, targets: [b:1]}\n",
       "f:2: clusters: several clusters need routes"},
      {CLUSTER "routes:\n  - {prefix: /, cluster: d}\n", "f:3: routes[0].cluster: there is no cluster \"d\""},
      {CLUSTER "routes:\n  - {prefix: a.B, cluster: c}\n",
       "f:3: routes[0].prefix: \"a.B\" is not allowed; it takes /|/PACKAGE.|/PACKAGE.SERVICE/[METHOD]"},
      {CLUSTER "routes:\n  - {prefix: /, cluster: c}\n  - {prefix: /, cluster: c}\n",
       "f:4: routes[1].prefix: there are two routes for /"},
      {CLUSTER "listen: [{address: \"8080\"}]\n",
       "f:2: listen[0].address: \"8080\" is not allowed; it takes ADDR:PORT"},
      {CLUSTER "listen:\n  - address: a:1\n    tls: {cert: x}\n", "f:4: listen[0].tls.cert: takes cert and key, both"},
      {CLUSTER "listen:\n  - address: a:1\n    tls: {}\n", "f:4: listen[0].tls: takes cert and key, both"},
      {CLUSTER "listen:\n  - address: a:1\n    tls: {client_ca: x, cert: c, key: k}\n",
       "f:4: listen[0].tls.cert: client_auth and client_ca belong together"},
      {CLUSTER "listen: [{address: \"a:1\"}, {address: \"a:1\"}]\n", "f:2: listen[1].address: a:1 is there twice"},
      {CLUSTER "cors: {origins: [app.example]}\n", "f:2: cors.origins[0]: \"app.example\" is no origin; it takes "
                                                   "https://NAME[:PORT], https://*.NAME, ~REGEX, null or *"},
      {CLUSTER "cors: {origins: [\"~(\"]}\n",
       "f:2: cors.origins[0]: \"~(\" is no origin; it takes https://NAME[:PORT], https://*.NAME, ~REGEX, null or *"},
      {CLUSTER "cors:\n  origins: [\"*\"]\n  credentials: true\n",
       "f:4: cors.credentials: credentials for pages of any origin would give every site the user's session"},
      {CLUSTER "hosts: [\"a b\"]\n", "f:2: hosts[0]: \"a b\" is no host name"},
      {CLUSTER "auth:\n  issuers: [{issuer: i}]\n",
       "f:3: auth.issuers[0].issuer: takes jwks_file or jwks_url, one of them"},
      {CLUSTER "auth:\n  issuers: [{issuer: i, jwks_file: f, jwks_url: u}]\n",
       "f:3: auth.issuers[0].issuer: takes jwks_file or jwks_url, one of them"},
      {CLUSTER "auth:\n  rules: [{prefix: /}]\n",
       "f:3: auth.rules: rules without issuers and api_keys would let nobody in"},
      {CLUSTER "limits: {message: 128MiB}\n",
       "f:2: limits.message: \"128MiB\" is not allowed; it takes a size such as 64KiB or 4MiB, from 1KiB to 64MiB"},
      {CLUSTER "clustres: []\n", "f:2: unknown key \"clustres\"; did you mean \"clusters\"?"},
      {CLUSTER "tracing: {endpoint: \"nowhere\"}\n",
       "f:2: tracing.endpoint: \"nowhere\" is not allowed; it takes HOST:PORT"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_config *c;
    char why[512];
    base_err e = read_text(&c, why, sizeof why, rows[i].text);
    CHECK_MSG(base_is(e, BASE_E_INVALID) && c == NULL && strcmp(why, rows[i].why) == 0,
              "row %zu: %s\n  got  %s\n  want %s", i, rows[i].text, why, rows[i].why);
    gw_config_free(c);
  }
}

static void help_and_version_need_nothing_else(void) {
  gw_config *c;
  char why[512];
  CHECK_OK(read_flags(&c, why, sizeof why, FLAGS("--help")));
  CHECK(c && c->help);
  gw_config_free(c);
  CHECK_OK(read_flags(&c, why, sizeof why, FLAGS("--version")));
  CHECK(c && c->version);
  gw_config_free(c);
}

TEST_MAIN(TEST(defaults_are_loopback), TEST(the_defaults_of_the_limits_are_theirs), TEST(flags_are_a_quick_start),
          TEST(flags_win_over_the_environment), TEST(a_file_says_everything), TEST(bad_flags_are_named),
          TEST(bad_files_are_explained), TEST(help_and_version_need_nothing_else))
