#include "gateway/http/policy.h"

#include "base/test.h"

static void hosts(void) {
  static const struct {
    const char *authority;
    bool ok;
    const char *reason;
  } rows[] = {
      {"localhost", true, "loopback"},
      {"localhost:8080", true, "with a port"},
      {"LocalHost:8080", true, "names have no case"},
      {"127.0.0.1:1", true, "loopback"},
      {"[::1]:8080", true, "loopback"},
      {"[::1]", true, "without port"},
      {"app.example:443", true, "added"},
      {"10.1.2.3:9", true, "added"},
      {"", false, "no Host"},
      {"evil.example", false, "DNS rebinding"},
      {"evil.example:8080", false, "DNS rebinding"},
      {"localhost.evil.example", false, "a prefix of ours"},
      {"evil-localhost", false, "a suffix of ours"},
      {"localhost@evil.example", false, "user information"},
      {"localhost:8080@evil.example", false, "user information behind a port"},
      {"localhost:", false, "an empty port"},
      {"localhost:99999", false, "no port"},
      {"localhost:80 80", false, "a blank"},
      {"localhost/", false, "a path"},
      {"[::1", false, "no bracket"},
      {"[::1]x", false, "something behind the bracket"},
      {"[]", false, "nothing inside"},
      {"::1", false, "no brackets at all"},
      {"127.0.0.1,evil.example", false, "a list"},
  };
  gw_policy p;
  gw_policy_init(&p);
  CHECK_OK(gw_policy_add_host(&p, "app.example"));
  CHECK_OK(gw_policy_add_host(&p, "10.1.2.3:8080"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bool ok = gw_policy_host_ok(&p, base_span_str(rows[i].authority));
    CHECK_MSG(ok == rows[i].ok, "%s: %s", rows[i].authority, rows[i].reason);
  }
  CHECK(!gw_policy_host_ok(&p, base_span_of("localhost\0", 10)));
  gw_policy_dispose(&p);
}

static void origins(void) {
  static const struct {
    const char *origin, *authority;
    bool tls, ok;
    const char *reason;
  } rows[] = {
      {NULL, "localhost:8080", false, true, "no browser, or a same-origin GET"},
      {"http://localhost:8080", "localhost:8080", false, true, "same origin"},
      {"HTTP://LOCALHOST:8080", "localhost:8080", false, true, "no case"},
      {"https://localhost:8443", "localhost:8443", true, true, "same origin on TLS"},
      {"https://app.example", "localhost:8080", false, true, "allowed"},
      {"http://localhost:8081", "localhost:8080", false, false, "another port is another origin"},
      {"https://localhost:8080", "localhost:8080", false, false, "another scheme"},
      {"http://app.example", "localhost:8080", false, false, "another scheme than allowed"},
      {"https://app.example:444", "localhost:8080", false, false, "another port than allowed"},
      {"https://app.example.evil", "localhost:8080", false, false, "a longer name"},
      {"null", "localhost:8080", false, false, "a sandboxed page or a file"},
      {"", "localhost:8080", false, false, "an empty one"},
      {"http://", "", false, false, "nothing equals nothing"},
      {"localhost:8080", "localhost:8080", false, false, "no scheme"},
      {"http://localhost:8080 http://evil", "localhost:8080", false, false, "a list"},
  };
  gw_policy p;
  gw_policy_init(&p);
  CHECK_OK(gw_policy_add_origin(&p, "https://app.example"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span origin = rows[i].origin ? base_span_str(rows[i].origin) : base_span_of(NULL, 0);
    bool ok = gw_policy_origin_ok(&p, origin, base_span_str(rows[i].authority), rows[i].tls);
    CHECK_MSG(ok == rows[i].ok, "%s: %s", rows[i].origin ? rows[i].origin : "-", rows[i].reason);
  }
  CHECK_OK(gw_policy_add_origin(&p, "*"));
  CHECK(gw_policy_origin_ok(&p, base_span_str("http://anyone"), base_span_str("localhost"), false));
  gw_policy_dispose(&p);
}

static void bad_settings(void) {
  static const char *const bad_hosts[] = {"", "a b", "http://x", "x/y", "*", "[::1"};
  static const char *const bad_origins[] = {"",           "app.example",    "ftp://x",    "https://",
                                            "https://x/", "https://x/path", "https://a b"};
  gw_policy p;
  gw_policy_init(&p);
  for (size_t i = 0; i < sizeof bad_hosts / sizeof *bad_hosts; i++) {
    CHECK_ERR(gw_policy_add_host(&p, bad_hosts[i]), BASE_E_INVALID);
  }
  for (size_t i = 0; i < sizeof bad_origins / sizeof *bad_origins; i++) {
    CHECK_ERR(gw_policy_add_origin(&p, bad_origins[i]), BASE_E_INVALID);
  }
  for (int i = 0; i < GW_POLICY_MAX; i++) {
    CHECK_OK(gw_policy_add_host(&p, "x"));
  }
  CHECK_ERR(gw_policy_add_host(&p, "x"), BASE_E_EXHAUSTED);
  gw_policy_dispose(&p);
}

TEST_MAIN(TEST(hosts), TEST(origins), TEST(bad_settings))
