#include "gateway/auth/auth.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "token/testing_token.h"

#define HEADER "{\"alg\":\"ES256\",\"kid\":\"one\"}"

static char folder[] = "/tmp/ponte_auth_XXXXXX";
static char jwks_file[64], keys_file[64];
static json_t *one, *two;
static char token[TEST_TOKEN_SIZE];

static void write_file(const char *name, const char *text) {
  char temporary[128];
  snprintf(temporary, sizeof temporary, "%s.new", name);
  FILE *f = fopen(temporary, "w");
  REQUIRE(f != NULL);
  fputs(text, f);
  fclose(f);
  CHECK_INT(rename(temporary, name), 0);
}

static void write_jwks(json_t *const *keys, size_t n) {
  char text[16384];
  test_jwks(keys, n, text, sizeof text);
  write_file(jwks_file, text);
}

static void set_up(void) {
  REQUIRE(mkdtemp(folder) != NULL);
  snprintf(jwks_file, sizeof jwks_file, "%s/jwks", folder);
  snprintf(keys_file, sizeof keys_file, "%s/keys", folder);
  one = test_key("ES256", "one");
  two = test_key("ES256", "two");
  write_jwks(&one, 1);
  char text[256];
  uint8_t digest[SHA256_DIGEST_LENGTH];
  int n = 0;
  SHA256((const uint8_t *)"k-robot", 7, digest);
  for (size_t i = 0; i < sizeof digest; i++) {
    n += snprintf(text + n, sizeof text - (size_t)n, "%02x", digest[i]);
  }
  snprintf(text + n, sizeof text - (size_t)n, " robot read -\n");
  write_file(keys_file, text);
}

static void tear_down(void) {
  unlink(jwks_file);
  unlink(keys_file);
  rmdir(folder);
  json_decref(one);
  json_decref(two);
}

static gw_auth_rule rules[] = {
    {.prefix = (char[]){"/a.Open/"}, .is_public = true},
    {.prefix = (char[]){"/a.Any/"}},
    {.prefix = (char[]){"/a.Any/Secret"}, .scopes = {(char[]){"top"}}, .scope_count = 1},
    {.prefix = (char[]){"/a.Read/"},
     .scopes = {(char[]){"read"}, (char[]){"write"}},
     .roles = {(char[]){"admin"}},
     .scope_count = 2,
     .role_count = 1},
};

static char issuer[] = "https://i", audience[] = "ponte";

static gw_auth_options options_of(bool keys) {
  return (gw_auth_options){.issuers = {{.issuer = issuer, .audience = audience, .jwks_file = jwks_file}},
                           .issuer_count = 1,
                           .api_keys_file = keys ? keys_file : NULL,
                           .rules = rules,
                           .rule_count = sizeof rules / sizeof *rules};
}

static gw_auth *start(bool keys) {
  gw_auth_options o = options_of(keys);
  gw_auth *a = NULL;
  base_buf why;
  base_buf_init(&why, 4096);
  base_err e = gw_auth_new(&o, &why, &a);
  CHECK_MSG(base_is_ok(e), "%.*s", BASE_SPAN_ARG(base_buf_span(&why)));
  base_buf_dispose(&why);
  test_need(a != NULL);
  return a;
}

static void sign(const json_t *key, const char *header, const char *more) {
  char claims[4096];
  snprintf(claims, sizeof claims, "{\"iss\":\"https://i\",\"aud\":\"ponte\",\"sub\":\"alice\",\"exp\":%lld%s}",
           base_wall_ms() / 1000 + 600LL, more);
  test_token(key, header, claims, token);
}

/* The gRPC status of a call with these two headers (NULL: absent); 0 = let through. `reason` gets ErrorInfo's, or the subject. */
static int call(gw_auth *a, const char *path, const char *authorization, const char *api_key, char reason[256]) {
  wire_metadata m;
  wire_status refusal;
  gw_identity who = {.subject = "?"};
  base_span details = {0};
  wire_metadata_init(&m);
  wire_status_init(&refusal);
  if (authorization) {
    CHECK_OK(wire_metadata_add_str(&m, "authorization", authorization));
  }
  if (api_key) {
    CHECK_OK(wire_metadata_add_str(&m, "x-api-key", api_key));
  }
  base_err e = gw_auth_check(a, base_span_str(path), &m, base_wall_ms(), &who, &refusal);
  int code = base_is_ok(e) ? 0 : refusal.code;
  CHECK(base_is_ok(e) || base_err_grpc(e) == refusal.code);
  snprintf(reason, 256, "%s", who.subject);
  if (code && wire_metadata_get(&refusal.trailers, "grpc-status-details-bin", &details)) {
    reason[0] = '\0';
    static const char *const names[] = {"CREDENTIALS_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED",
                                        "API_KEY_INVALID",     "SCOPE_MISSING", "METHOD_CLOSED"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      if (memmem(details.p, details.n, names[i], strlen(names[i]))) {
        snprintf(reason, 256, "%s", names[i]);
      }
    }
  }
  wire_metadata_dispose(&m);
  wire_status_dispose(&refusal);
  return code;
}

static int call_with_token(gw_auth *a, const char *path, char reason[256]) {
  char value[TEST_TOKEN_SIZE + 16];
  snprintf(value, sizeof value, "Bearer %s", token);
  return call(a, path, value, NULL, reason);
}

static const struct {
  const char *path, *claims;
  int code;
  const char *reason;
} rule_rows[] = {
    {"/a.Open/M", "", 0, "alice"},
    {"/a.Any/M", "", 0, "alice"},
    {"/a.Any/Secret", "", 7, "SCOPE_MISSING"},
    {"/a.Any/Secret", ",\"scope\":\"top\"", 0, "alice"},
    {"/a.Any/Secrets", "", 0, "alice"},
    {"/a.Read/M", "", 7, "SCOPE_MISSING"},
    {"/a.Read/M", ",\"scope\":\"read\"", 0, "alice"},
    {"/a.Read/M", ",\"scope\":\"reader\"", 7, "SCOPE_MISSING"},
    {"/a.Read/M", ",\"scp\":[\"write\"]", 0, "alice"},
    {"/a.Read/M", ",\"roles\":[\"admin\"]", 0, "alice"},
    {"/a.Read/M", ",\"scope\":\"admin\"", 7, "SCOPE_MISSING"},
    {"/a.Closed/M", ",\"scope\":\"read write top\"", 7, "METHOD_CLOSED"},
    {"/grpc.health.v1.Health/Check", "", 7, "METHOD_CLOSED"},
    {"/a.OpenX/M", "", 7, "METHOD_CLOSED"},
    {"/a.Open", "", 7, "METHOD_CLOSED"},
    {"", "", 7, "METHOD_CLOSED"},
};

static void test_rules(void) {
  gw_auth *a = start(false);
  char reason[256];
  for (size_t i = 0; i < sizeof rule_rows / sizeof *rule_rows; i++) {
    sign(one, HEADER, rule_rows[i].claims);
    for (int again = 0; again < 2; again++) { /* proven, then remembered */
      int code = call_with_token(a, rule_rows[i].path, reason);
      CHECK_MSG(code == rule_rows[i].code && strcmp(reason, rule_rows[i].reason) == 0, "%s %s: %d %s",
                rule_rows[i].path, rule_rows[i].claims, code, reason);
    }
  }
  gw_auth_free(a);
}

static void test_credentials(void) {
  static const struct {
    const char *path, *authorization, *api_key;
    int code;
    const char *reason;
  } rows[] = {
      {"/a.Any/M", NULL, NULL, 16, "CREDENTIALS_MISSING"},
      {"/a.Open/M", NULL, NULL, 0, ""},
      {"/a.Open/M", "Bearer nonsense", NULL, 0, ""},
      {"/a.Open/M", NULL, "wrong", 0, ""},
      {"/a.Closed/M", NULL, NULL, 16, "CREDENTIALS_MISSING"},
      {"/a.Any/M", "Bearer nonsense", NULL, 16, "TOKEN_INVALID"},
      {"/a.Any/M", "Bearer ", NULL, 16, "TOKEN_INVALID"},
      {"/a.Any/M", "Bearer", NULL, 16, "CREDENTIALS_MISSING"},
      {"/a.Any/M", "Basic YTpi", NULL, 16, "CREDENTIALS_MISSING"},
      {"/a.Any/M", "Basic YTpi", "k-robot", 0, "robot"},
      {"/a.Any/M", NULL, "k-robot", 0, "robot"},
      {"/a.Read/M", NULL, "k-robot", 0, "robot"},
      {"/a.Any/Secret", NULL, "k-robot", 7, "SCOPE_MISSING"},
      {"/a.Closed/M", NULL, "k-robot", 7, "METHOD_CLOSED"},
      {"/a.Any/M", NULL, "k-robo", 16, "API_KEY_INVALID"},
      {"/a.Any/M", NULL, "K-robot", 16, "API_KEY_INVALID"},
      {"/a.Any/M", NULL, "", 16, "API_KEY_INVALID"},
      /* A bad token is not forgiven because a good key comes with it. */
      {"/a.Any/M", "bearer nonsense", "k-robot", 16, "TOKEN_INVALID"},
  };
  gw_auth *a = start(true);
  char reason[256];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int code = call(a, rows[i].path, rows[i].authorization, rows[i].api_key, reason);
    CHECK_MSG(code == rows[i].code && strcmp(reason, rows[i].reason) == 0, "%zu: %s: %d %s", i, rows[i].path, code,
              reason);
  }
  gw_auth_free(a);
}

static void test_two_tokens(void) {
  gw_auth *a = start(true);
  static const char *const keys[] = {"authorization", "x-api-key"};
  for (int i = 0; i < 2; i++) {
    wire_metadata m;
    wire_status refusal;
    gw_identity who;
    wire_metadata_init(&m);
    wire_status_init(&refusal);
    CHECK_OK(wire_metadata_add_str(&m, keys[i], "k-robot"));
    CHECK_OK(wire_metadata_add_str(&m, keys[i], "k-robot"));
    CHECK_ERR(gw_auth_check(a, base_span_str("/a.Any/M"), &m, 0, &who, &refusal), BASE_E_UNAUTHENTICATED);
    wire_metadata_dispose(&m);
    wire_status_dispose(&refusal);
  }
  gw_auth_free(a);
}

static void test_issuers_and_times(void) {
  gw_auth *a = start(false);
  char reason[256];
  long long now = base_wall_ms() / 1000;
  char claims[512];
  static const struct {
    const char *format;
    long long exp_in;
    const char *reason;
  } rows[] = {
      {"{\"iss\":\"https://j\",\"aud\":\"ponte\",\"sub\":\"a\",\"exp\":%lld}", 60, "TOKEN_INVALID"},
      {"{\"aud\":\"ponte\",\"sub\":\"a\",\"exp\":%lld}", 60, "TOKEN_INVALID"},
      {"{\"iss\":[\"https://i\"],\"aud\":\"ponte\",\"sub\":\"a\",\"exp\":%lld}", 60, "TOKEN_INVALID"},
      {"{\"iss\":\"https://i\",\"aud\":\"other\",\"sub\":\"a\",\"exp\":%lld}", 60, "TOKEN_INVALID"},
      {"{\"iss\":\"https://i\",\"aud\":\"ponte\",\"sub\":\"a\",\"exp\":%lld}", -60, "TOKEN_EXPIRED"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(claims, sizeof claims, rows[i].format, now + rows[i].exp_in);
#pragma GCC diagnostic pop
    test_token(one, HEADER, claims, token);
    CHECK_INT(call_with_token(a, "/a.Any/M", reason), 16);
    CHECK_STR(reason, rows[i].reason);
  }
  gw_auth_free(a);
}

/* A proof does not outlive its token. */
static void test_remembered_and_expired(void) {
  gw_auth *a = start(false);
  wire_status refusal;
  gw_identity who;
  wire_status_init(&refusal);
  sign(one, HEADER, "");
  base_span t = base_span_str(token), path = base_span_str("/a.Any/M");
  CHECK_OK(gw_auth_check_token(a, path, t, base_wall_ms(), &who, &refusal));
  CHECK(who.expires_ms > base_wall_ms() + 600000);
  CHECK_ERR(gw_auth_check_token(a, path, t, who.expires_ms, &who, &refusal), BASE_E_UNAUTHENTICATED);
  CHECK_OK(gw_auth_check_token(a, base_span_of(NULL, 0), t, base_wall_ms(), &who, &refusal));
  CHECK_STR(who.subject, "alice");
  CHECK_ERR(gw_auth_check_token(a, base_span_of(NULL, 0), base_span_of(NULL, 0), base_wall_ms(), &who, &refusal),
            BASE_E_UNAUTHENTICATED);
  wire_status_dispose(&refusal);
  gw_auth_free(a);
}

/* The keeper looks each second. */
static bool becomes(gw_auth *a, const char *path, const char *api_key, int want) {
  char reason[256];
  struct timespec tick = {.tv_nsec = 20000000};
  for (int i = 0; i < 1000; i++) {
    int code = api_key ? call(a, path, NULL, api_key, reason) : call_with_token(a, path, reason);
    if (code == want) {
      return true;
    }
    nanosleep(&tick, NULL);
  }
  return false;
}

static void test_rotation(void) {
  gw_auth *a = start(true);
  char reason[256], old[TEST_TOKEN_SIZE];
  json_t *const both[] = {one, two};
  sign(one, HEADER, "");
  CHECK_INT(call_with_token(a, "/a.Any/M", reason), 0);
  memcpy(old, token, sizeof old);
  sign(two, "{\"alg\":\"ES256\",\"kid\":\"two\"}", "");
  CHECK_INT(call_with_token(a, "/a.Any/M", reason), 16);
  write_jwks(both, 2);
  CHECK(becomes(a, "/a.Any/M", NULL, 0));
  write_jwks(&two, 1);
  memcpy(token, old, sizeof old);
  CHECK(becomes(a, "/a.Any/M", NULL, 16));
  /* A broken file changes nothing. */
  write_file(jwks_file, "{");
  sign(two, "{\"alg\":\"ES256\",\"kid\":\"two\"}", "");
  write_file(keys_file, "");
  CHECK(becomes(a, "/a.Any/M", "k-robot", 16));
  CHECK_INT(call_with_token(a, "/a.Any/M", reason), 0);
  gw_auth_free(a);
  write_jwks(&one, 1);
}

/* Workers share one gw_auth, and its keys change under them. */
static gw_auth *shared;
static char shared_token[TEST_TOKEN_SIZE];
static _Atomic int answers[17];

static void *worker(void *ctx) {
  char junk[TEST_TOKEN_SIZE + 16];
  for (int i = 0; i < 400; i++) {
    gw_identity who;
    wire_status refusal;
    wire_status_init(&refusal);
    snprintf(junk, sizeof junk, "%s%d", shared_token, i);
    const char *text = i % 8 == 0 ? junk : shared_token;
    base_err e =
        gw_auth_check_token(shared, base_span_str("/a.Any/M"), base_span_str(text), base_wall_ms(), &who, &refusal);
    answers[base_is_ok(e) ? 0 : refusal.code]++;
    wire_status_dispose(&refusal);
  }
  return ctx;
}

static void test_workers(void) {
  pthread_t threads[4];
  json_t *const both[] = {one, two};
  shared = start(false);
  sign(one, HEADER, "");
  memcpy(shared_token, token, sizeof token);
  for (int i = 0; i < 4; i++) {
    CHECK_INT(pthread_create(&threads[i], NULL, worker, NULL), 0);
  }
  write_jwks(both, 2);
  sign(two, "{\"alg\":\"ES256\",\"kid\":\"two\"}", "");
  CHECK(becomes(shared, "/a.Any/M", NULL, 0));
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_INT(answers[0], 4 * 350);
  CHECK_INT(answers[16], 4 * 50);
  gw_auth_free(shared);
  write_jwks(&one, 1);
}

static void test_bad_options(void) {
  gw_auth_rule bad_rules[] = {{.prefix = (char[]){"/a/"}}, {.prefix = (char[]){"/a/"}}};
  gw_auth_rule wrong[] = {
      {.prefix = (char[]){"a/"}}, {.prefix = NULL}, {.prefix = (char[]){"/"}, .is_public = true, .scope_count = 1}};
  char http[] = "http://keys.example/", https[] = "https://keys.example/", missing[] = "/nowhere/jwks", name[] = "i";
  char trick[] = "http://127.0.0.1:80@keys.example/";
  const struct {
    gw_auth_options o;
    enum base_err_code want;
    const char *reason;
  } rows[] = {
      {{.issuers = {{.issuer = name}}, .issuer_count = 1}, BASE_E_INVALID, "no keys"},
      {{.issuers = {{.jwks_file = jwks_file}}, .issuer_count = 1}, BASE_E_INVALID, "no name"},
      {{.issuers = {{.issuer = name, .jwks_file = jwks_file, .jwks_url = https}}, .issuer_count = 1},
       BASE_E_INVALID,
       "two sources"},
      {{.issuers = {{.issuer = name, .jwks_url = http}}, .issuer_count = 1}, BASE_E_INVALID, "keys over plain HTTP"},
      {{.issuers = {{.issuer = name, .jwks_url = trick}}, .issuer_count = 1}, BASE_E_INVALID, "a host that is no host"},
      {{.issuers = {{.issuer = name, .jwks_file = jwks_file, .clock_skew_ms = -1}}, .issuer_count = 1},
       BASE_E_INVALID,
       "skew"},
      {{.issuers = {{.issuer = name, .jwks_file = jwks_file}, {.issuer = name, .jwks_file = jwks_file}},
        .issuer_count = 2},
       BASE_E_INVALID,
       "one issuer twice"},
      {{.issuers = {{.issuer = name, .jwks_file = missing}}, .issuer_count = 1}, BASE_E_NOT_FOUND, "no file"},
      {{.issuers = {{.issuer = name, .jwks_file = keys_file}}, .issuer_count = 1}, BASE_E_INVALID, "another file"},
      {{.api_keys_file = missing}, BASE_E_NOT_FOUND, "no file of API keys"},
      {{.api_keys_file = jwks_file}, BASE_E_INVALID, "another file of API keys"},
      {{.api_keys_file = keys_file, .rules = bad_rules, .rule_count = 2}, BASE_E_INVALID, "one prefix twice"},
      {{.api_keys_file = keys_file, .rules = &wrong[0], .rule_count = 1}, BASE_E_INVALID, "no slash"},
      {{.api_keys_file = keys_file, .rules = &wrong[1], .rule_count = 1}, BASE_E_INVALID, "no prefix"},
      {{.api_keys_file = keys_file, .rules = &wrong[2], .rule_count = 1}, BASE_E_INVALID, "public, with scopes"},
      {{.api_keys_file = keys_file, .rule_count = GW_AUTH_RULES + 1}, BASE_E_INVALID, "too many rules"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_auth *a = NULL;
    base_buf why;
    base_buf_init(&why, 4096);
    base_err e = gw_auth_new(&rows[i].o, &why, &a);
    CHECK_MSG(e.code == rows[i].want, "%s: %s", rows[i].reason, base_err_name(e));
    CHECK_MSG(base_buf_size(&why) > 0, "%s: no explanation", rows[i].reason);
    base_buf_dispose(&why);
  }
}

TEST_MAIN(TEST(set_up), TEST(test_bad_options), TEST(test_rules), TEST(test_credentials), TEST(test_two_tokens),
          TEST(test_issuers_and_times), TEST(test_remembered_and_expired), TEST(test_rotation), TEST(test_workers),
          TEST(tear_down))
