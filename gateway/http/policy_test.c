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

static void rules(void) {
  static const struct {
    const char *rule, *origin;
    bool ok;
    const char *reason;
  } rows[] = {
      {"https://*.example.org", "https://app.example.org", true, "one label"},
      {"https://*.example.org", "https://a.b.example.org", true, "two labels"},
      {"https://*.example.org", "HTTPS://App.Example.ORG", true, "no case"},
      {"https://*.example.org:8443", "https://app.example.org:8443", true, "with its port"},
      {"https://*.example.org", "https://example.org", false, "not the name itself"},
      {"https://*.example.org", "https://.example.org", false, "an empty label"},
      {"https://*.example.org", "https://..example.org", false, "empty labels"},
      {"https://*.example.org", "http://app.example.org", false, "another scheme"},
      {"https://*.example.org", "https://app.example.org:8443", false, "another port"},
      {"https://*.example.org:8443", "https://app.example.org", false, "no port"},
      {"https://*.example.org", "https://evilexample.org", false, "a longer label"},
      {"https://*.example.org", "https://app.example.org.evil", false, "something behind"},
      {"https://*.example.org", "https://evil/.example.org", false, "a path"},
      {"https://*.example.org", "https://evil:1.example.org", false, "a port in the middle"},
      {"https://*.example.org", "https://evil@app.example.org", false, "user information"},
      {"https://*.example.org", "https://evil https://app.example.org", false, "a list"},
      {"https://*.example.org", "https://*.example.org", false, "the rule itself"},
      {"~^https://[a-z]+\\.example\\.org$", "https://app.example.org", true, "an expression with its own ends"},
      {"~https://(a|b)\\.example", "https://b.example", true, "one without"},
      {"~https://a\\.example|https://b\\.example", "https://b.example", true, "alternatives at the top"},
      {"~https://a\\.example", "https://a.example.evil", false, "something behind a match"},
      {"~a\\.example", "https://a.example", false, "something before a match"},
      {"~^https://a\\.example|x", "https://a.example.evil", false, "an end that binds one alternative only"},
      {"~https://.*", "https://a.example\nhttps://evil", true, "what the expression says, not what it meant"},
      {"~[a-z]+", "null", true, "an expression may name it"},
      {"null", "null", true, "named"},
      {"null", "NULLs", false, "another word"},
      {"*", "", false, "an empty Origin is none"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_policy p;
    gw_policy_init(&p);
    CHECK_MSG(base_is_ok(gw_policy_add_origin(&p, rows[i].rule)), "%s", rows[i].rule);
    bool ok = gw_policy_origin_listed(&p, base_span_str(rows[i].origin));
    CHECK_MSG(ok == rows[i].ok, "%s, %s: %s", rows[i].rule, rows[i].origin, rows[i].reason);
    gw_policy_dispose(&p);
  }
}

static void an_origin_has_a_length(void) {
  char origin[GW_POLICY_ORIGIN_MAX + 2];
  gw_policy p;
  gw_policy_init(&p);
  memset(origin, 'a', sizeof origin);
  CHECK_OK(gw_policy_add_origin(&p, "*"));
  CHECK(gw_policy_origin_listed(&p, base_span_of(origin, GW_POLICY_ORIGIN_MAX)));
  CHECK(!gw_policy_origin_listed(&p, base_span_of(origin, GW_POLICY_ORIGIN_MAX + 1)));
  CHECK(!gw_policy_origin_listed(&p, base_span_of("a\0b", 3)));
  gw_policy_dispose(&p);
}

static void credentials_need_names(void) {
  gw_policy p;
  gw_policy_init(&p);
  CHECK_OK(gw_policy_add_origin(&p, "https://a.example"));
  p.credentials = true;
  CHECK_OK(gw_policy_check(&p));
  CHECK_OK(gw_policy_add_origin(&p, "*"));
  CHECK_ERR(gw_policy_check(&p), BASE_E_INVALID);
  p.credentials = false;
  CHECK_OK(gw_policy_check(&p));
  gw_policy_dispose(&p);
}

static void bad_settings(void) {
  static const char *const bad_hosts[] = {"", "a b", "http://x", "x/y", "*", "[::1"};
  static const char *const bad_origins[] = {"",
                                            "app.example",
                                            "ftp://x",
                                            "https://",
                                            "https://x/",
                                            "https://x/path",
                                            "https://a b",
                                            "https://*",
                                            "https://*.",
                                            "https://*x.example",
                                            "https://a.*.example",
                                            "*.example.org",
                                            "https://*..org",
                                            "https://*.a/b",
                                            "~",
                                            "~(",
                                            "~[a"};
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

TEST_MAIN(TEST(hosts), TEST(origins), TEST(rules), TEST(an_origin_has_a_length), TEST(credentials_need_names),
          TEST(bad_settings))
