#include "gateway/config.h"

#include <stdlib.h>

#include "base/test.h"

static base_err read_config(gw_config *c, char *why, size_t why_size, const char *const *flags) {
  char *argv[32] = {(char *)"ponte-gateway"};
  int argc = 1;
  base_buf said;
  for (; flags[argc - 1]; argc++) {
    argv[argc] = (char *)flags[argc - 1];
  }
  base_buf_init(&said, 4096);
  base_err e = gw_config_read(c, argc, argv, &said);
  snprintf(why, why_size, "%.*s", BASE_SPAN_ARG(base_buf_span(&said)));
  base_buf_dispose(&said);
  return e;
}

#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void defaults_are_loopback(void) {
  gw_config c;
  char why[512];
  CHECK_OK(read_config(&c, why, sizeof why, FLAGS("--upstream", "127.0.0.1:50054")));
  CHECK_INT(c.listen_count, 2);
  CHECK_STR(c.listen[0].address, "127.0.0.1:8080");
  CHECK(!c.listen[0].tls && !c.listen[0].optional && c.listen[1].optional);
  CHECK_STR(c.admin, "127.0.0.1:9901");
  CHECK_STR(c.upstreams[0].prefix, "/");
  CHECK_STR(c.upstreams[0].target, "127.0.0.1:50054");
  gw_config_dispose(&c);
}

static void reads_everything(void) {
  gw_config c;
  char why[512];
  CHECK_OK(read_config(&c, why, sizeof why,
                       FLAGS("--listen", "10.0.0.1:81", "--listen=http://127.0.0.1:0", "--key=k", "--cert", "c",
                             "--upstream", "a:1", "--upstream", "/p.S/=b:2", "--web", "w", "--allow-origin",
                             "https://x", "--allow-host", "y", "--grace", "5", "--check")));
  CHECK_INT(c.listen_count, 2);
  CHECK_MSG(c.listen[0].tls, "%s", "a certificate given later still counts");
  CHECK(!c.listen[1].tls);
  CHECK_STR(c.upstreams[1].prefix, "/p.S/");
  CHECK_STR(c.upstreams[1].target, "b:2");
  CHECK_INT(c.grace_ms, 5);
  CHECK(c.check);
  CHECK(gw_policy_host_ok(&c.policy, base_span_str("10.0.0.1:81")));
  CHECK(gw_policy_host_ok(&c.policy, base_span_str("y")));
  gw_config_dispose(&c);
}

static void flags_win_over_the_environment(void) {
  gw_config c;
  char why[512];
  setenv("PONTE_GATEWAY_LISTEN", "127.0.0.1:1  http://127.0.0.1:2", 1);
  setenv("PONTE_GATEWAY_GRACE", "7", 1);
  CHECK_OK(read_config(&c, why, sizeof why, FLAGS("--upstream", "a:1", "--grace", "8")));
  CHECK_INT(c.listen_count, 2);
  CHECK_STR(c.listen[1].address, "127.0.0.1:2");
  CHECK_INT(c.grace_ms, 8);
  gw_config_dispose(&c);
  setenv("PONTE_GATEWAY_GRACE", "soon", 1);
  CHECK_ERR(read_config(&c, why, sizeof why, FLAGS("--upstream", "a:1")), BASE_E_INVALID);
  CHECK(strstr(why, "PONTE_GATEWAY_GRACE") != NULL);
  gw_config_dispose(&c);
  unsetenv("PONTE_GATEWAY_LISTEN");
  unsetenv("PONTE_GATEWAY_GRACE");
}

static void bad_settings_are_named(void) {
  static const struct {
    const char *flags[5];
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
      {{"--upstream", "a:1", "--cert", "x"}, "--key"},
      {{"--upstream", "a:1", "--key", "x"}, "--cert"},
      {{"--upstream", "a:1", "--grace", "-1"}, "--grace"},
      {{"--upstream", "a:1", "--grace", ""}, "--grace"},
      {{"--upstream", "a:1", "--max-calls", "0"}, "--max-calls"},
      {{"--upstream", "a:1", "--max-message", "999999999999"}, "--max-message"},
      {{"--upstream", "a:1", "--allow-origin", "x"}, "--allow-origin"},
      {{"--upstream", "a:1", "--allow-host", "a b"}, "--allow-host"},
      {{"--upstream", "a:1", "--admin", "9901"}, "--admin"},
      {{"--upstream", "a:1", "--web", ""}, "--web"},
      {{"--upstream", "a:1", "--nonsense"}, "--nonsense"},
      {{"--upstreams", "a:1"}, "--upstreams"},
      {{"a:1"}, "a:1"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_config c;
    char why[512];
    base_err e = read_config(&c, why, sizeof why, rows[i].flags);
    CHECK_MSG(base_is(e, BASE_E_INVALID) && strstr(why, rows[i].word), "row %zu: %s: %s", i, base_err_name(e), why);
    gw_config_dispose(&c);
  }
}

static void help_and_version_need_nothing_else(void) {
  gw_config c;
  char why[512];
  base_buf help;
  CHECK_OK(read_config(&c, why, sizeof why, FLAGS("--help")));
  CHECK(c.help);
  gw_config_dispose(&c);
  CHECK_OK(read_config(&c, why, sizeof why, FLAGS("--version")));
  CHECK(c.version);
  gw_config_dispose(&c);
  base_buf_init(&help, 65536);
  CHECK_OK(gw_config_help(&help));
  CHECK(base_buf_size(&help) > 500);
  base_buf_dispose(&help);
}

TEST_MAIN(TEST(defaults_are_loopback), TEST(reads_everything), TEST(flags_win_over_the_environment),
          TEST(bad_settings_are_named), TEST(help_and_version_need_nothing_else))
