#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/test.h"
#include "token/jwt.h"
#include "token/testing_token.h"

#define NOW_MS 1700000000000
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"one\"}"
#define WHO "\"iss\":\"ponte\",\"aud\":\"ponte\",\"sub\":\"alice\""
#define GOOD "{" WHO ",\"exp\":1700000600,\"roles\":[\"teacher\",\"admin\"]}"

static json_t *one, *two, *rsa;
static char token[TEST_TOKEN_SIZE], only_one[8192], both[8192];

static token_verifier *start(const char *jwks) {
  const token_verifier_options o = {.issuer = "ponte", .audience = "ponte"};
  token_verifier *v = NULL;
  base_buf why;
  base_buf_init(&why, 1024);
  CHECK_OK(token_verifier_new(&o, &why, &v));
  if (jwks) {
    CHECK_OK(token_verifier_set_keys(v, base_span_str(jwks)));
  }
  base_buf_dispose(&why);
  test_need(v != NULL);
  return v;
}

static base_err verify(token_verifier *v, const char *text, int64_t wall_ms, token_identity *who) {
  const char *why = NULL;
  base_err e = token_verify(v, base_span_str(text), wall_ms, who, &why);
  CHECK(base_is_ok(e) || why != NULL);
  return e;
}

static void set_up(void) {
  one = test_key("ES256", "one");
  two = test_key("ES256", "two");
  rsa = test_key("RS256", "one");
  json_t *const keys[] = {one, two};
  test_jwks(keys, 1, only_one, sizeof only_one);
  test_jwks(keys, 2, both, sizeof both);
}

static void test_good(void) {
  token_verifier *v = start(only_one);
  token_identity who = {0};
  test_token(one, HEADER, GOOD, token);
  for (int again = 0; again < 2; again++) { /* proven, then remembered */
    memset(&who, 0, sizeof who);
    CHECK_OK(verify(v, token, NOW_MS, &who));
    CHECK_STR(who.subject, "alice");
    CHECK_STR(who.roles, "teacher admin");
    CHECK_INT(who.expires_ms, 1700000630000);
  }
  /* What is remembered expires, too. */
  CHECK_ERR(verify(v, token, who.expires_ms, &who), BASE_E_DEADLINE);
  CHECK_OK(token_verify(v, base_span_str(token), NOW_MS, &who, NULL));
  test_token(one, HEADER, "{" WHO ",\"exp\":1700000600}", token);
  CHECK_OK(verify(v, token, NOW_MS, &who));
  CHECK_STR(who.roles, "");
  token_verifier_free(v);
}

static const struct {
  const char *claims;
  enum base_err_code want;
  const char *reason;
} claim_rows[] = {
    {"{" WHO ",\"exp\":1699999960}", BASE_E_DEADLINE, "expired"},
    {"{" WHO ",\"exp\":1700000600,\"nbf\":1700000060}", BASE_E_UNAUTHENTICATED, "not valid yet"},
    {"{" WHO ",\"exp\":1700000600,\"iat\":1700000060}", BASE_E_UNAUTHENTICATED, "issued in the future"},
    {"{" WHO "}", BASE_E_UNAUTHENTICATED, "without an end"},
    {"{\"iss\":\"ponte\",\"aud\":\"other\",\"sub\":\"a\",\"exp\":1700000600}", BASE_E_UNAUTHENTICATED, "audience"},
    {"{\"iss\":\"ponte\",\"sub\":\"a\",\"exp\":1700000600}", BASE_E_UNAUTHENTICATED, "no audience"},
    {"{\"iss\":\"other\",\"aud\":\"ponte\",\"sub\":\"a\",\"exp\":1700000600}", BASE_E_UNAUTHENTICATED, "issuer"},
    {"{\"aud\":\"ponte\",\"sub\":\"a\",\"exp\":1700000600}", BASE_E_UNAUTHENTICATED, "no issuer"},
    {"{\"iss\":\"ponte\",\"aud\":\"ponte\",\"exp\":1700000600}", BASE_E_UNAUTHENTICATED, "no subject"},
    {"{" WHO ",\"exp\":1700000600,\"roles\":\"admin\"}", BASE_E_UNAUTHENTICATED, "roles are text"},
    {"{" WHO ",\"exp\":1700000600,\"roles\":[7]}", BASE_E_UNAUTHENTICATED, "a role is a number"},
    {"{" WHO ",\"exp\":1700000600,\"roles\":[\"\"]}", BASE_E_UNAUTHENTICATED, "a role is empty"},
    {"{" WHO ",\"exp\":1700000600,\"roles\":[\"student admin\"]}", BASE_E_UNAUTHENTICATED, "two roles in one"},
    {"{" WHO
     ",\"exp\":1700000600,\"roles\":[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"]}",
     BASE_E_UNAUTHENTICATED, "roles of 64 bytes"},
};

static void test_claims(void) {
  token_verifier *v = start(only_one);
  token_identity who = {.subject = "untouched"};
  for (size_t i = 0; i < sizeof claim_rows / sizeof *claim_rows; i++) {
    test_token(one, HEADER, claim_rows[i].claims, token);
    for (int again = 0; again < 2; again++) {
      base_err e = verify(v, token, NOW_MS, &who);
      CHECK_MSG(e.code == claim_rows[i].want, "%s: %s", claim_rows[i].reason, base_err_name(e));
    }
  }
  CHECK_STR(who.subject, "untouched");
  token_verifier_free(v);
}

static void test_forged(void) {
  token_verifier *v = start(only_one);
  token_identity who;
  static const char *const headers[] = {"{\"alg\":\"none\"}",
                                        "{\"alg\":\"none\",\"kid\":\"one\"}",
                                        "{\"alg\":\"HS256\",\"kid\":\"one\"}",
                                        "{\"alg\":\"RS256\",\"kid\":\"one\"}",
                                        "{\"alg\":\"ES256\",\"kid\":\"unknown\"}",
                                        "{\"alg\":\"ES256\",\"kid\":\"one\"}"};
  static const char *const signatures[] = {"", "AAAA"};
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    for (size_t k = 0; k < 2; k++) {
      test_unsigned(headers[i], GOOD, signatures[k], token);
      CHECK_MSG(base_is(verify(v, token, NOW_MS, &who), BASE_E_UNAUTHENTICATED), "%s %zu", headers[i], k);
    }
  }
  /* Truly signed, by somebody else. */
  test_token(rsa, "{\"alg\":\"RS256\",\"kid\":\"one\"}", GOOD, token);
  CHECK_ERR(verify(v, token, NOW_MS, &who), BASE_E_UNAUTHENTICATED);
  test_token(two, HEADER, GOOD, token);
  CHECK_ERR(verify(v, token, NOW_MS, &who), BASE_E_UNAUTHENTICATED);
  test_token(two, "{\"alg\":\"ES256\",\"kid\":\"two\"}", GOOD, token);
  CHECK_ERR(verify(v, token, NOW_MS, &who), BASE_E_UNAUTHENTICATED);
  token_verifier_free(v);
}

/* At each part, before and after the true token was remembered. */
static void test_tampered(void) {
  token_verifier *v = start(only_one);
  token_identity who;
  char good[TEST_TOKEN_SIZE];
  test_token(one, HEADER, GOOD, good);
  size_t n = strlen(good);
  for (int remembered = 0; remembered < 2; remembered++) {
    for (size_t i = 0; i < n; i++) {
      memcpy(token, good, n + 1);
      token[i] = token[i] == 'A' ? 'B' : 'A';
      CHECK_MSG(base_is(verify(v, token, NOW_MS, &who), BASE_E_UNAUTHENTICATED), "byte %zu", i);
    }
    CHECK_OK(verify(v, good, NOW_MS, &who));
  }
  token_verifier_free(v);
}

static void test_huge(void) {
  token_verifier *v = start(only_one);
  token_identity who;
  static char huge[1 << 20];
  memset(huge, 'A', sizeof huge - 1);
  CHECK_ERR(verify(v, huge, NOW_MS, &who), BASE_E_UNAUTHENTICATED);
  huge[1000] = huge[2000] = '.';
  huge[TOKEN_MAX] = '\0';
  CHECK_ERR(verify(v, huge, NOW_MS, &who), BASE_E_UNAUTHENTICATED);
  CHECK_ERR(verify(v, "", NOW_MS, &who), BASE_E_UNAUTHENTICATED);
  CHECK_ERR(token_verify(v, base_span_of(NULL, 0), NOW_MS, &who, NULL), BASE_E_UNAUTHENTICATED);
  token_verifier_free(v);
}

static void test_rotation(void) {
  token_verifier *v = start(NULL);
  token_identity who;
  char new[TEST_TOKEN_SIZE], only_two[8192];
  test_token(one, HEADER, GOOD, token);
  test_token(two, "{\"alg\":\"ES256\",\"kid\":\"two\"}", GOOD, new);
  CHECK_ERR(verify(v, token, NOW_MS, &who), BASE_E_UNAVAILABLE);
  CHECK_OK(token_verifier_set_keys(v, base_span_str(only_one)));
  CHECK_OK(verify(v, token, NOW_MS, &who));
  CHECK_ERR(verify(v, new, NOW_MS, &who), BASE_E_UNAUTHENTICATED);
  CHECK_OK(token_verifier_set_keys(v, base_span_str(both)));
  CHECK_OK(verify(v, token, NOW_MS, &who));
  CHECK_OK(verify(v, new, NOW_MS, &who));
  /* What is no key set changes nothing. */
  CHECK_ERR(token_verifier_set_keys(v, base_span_str("{\"keys\":[]}")), BASE_E_INVALID);
  CHECK_OK(verify(v, token, NOW_MS, &who));
  test_jwks(&two, 1, only_two, sizeof only_two);
  CHECK_OK(token_verifier_set_keys(v, base_span_str(only_two)));
  CHECK_ERR(verify(v, token, NOW_MS, &who), BASE_E_UNAUTHENTICATED);
  CHECK_OK(verify(v, new, NOW_MS, &who));
  token_verifier_free(v);
}

static token_verifier *shared;
static char shared_token[TEST_TOKEN_SIZE];
static atomic_int good_count, bad_count;

static void *worker(void *ctx) {
  char junk[TEST_TOKEN_SIZE + 16];
  for (int i = 0; i < 300; i++) {
    token_identity who;
    snprintf(junk, sizeof junk, "%s%d", shared_token, i);
    const char *text = i % 8 == 0 ? junk : shared_token;
    base_err e = token_verify(shared, base_span_str(text), NOW_MS, &who, NULL);
    atomic_fetch_add(base_is_ok(e) && strcmp(who.roles, "teacher admin") == 0 ? &good_count : &bad_count, 1);
  }
  return ctx;
}

static void test_keys_change_under_threads(void) {
  pthread_t threads[4];
  shared = start(only_one);
  test_token(one, HEADER, GOOD, shared_token);
  for (int i = 0; i < 4; i++) {
    CHECK_INT(pthread_create(&threads[i], NULL, worker, NULL), 0);
  }
  for (int i = 0; i < 50; i++) {
    CHECK_OK(token_verifier_set_keys(shared, base_span_str(i % 2 ? only_one : both)));
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_INT(good_count, 4 * 262);
  CHECK_INT(bad_count, 4 * 38);
  token_verifier_free(shared);
}

static void test_file_and_options(void) {
  char file[] = "/tmp/ponte_jwks_XXXXXX";
  int fd = mkstemp(file);
  test_need(fd >= 0 && write(fd, only_one, strlen(only_one)) == (ssize_t)strlen(only_one));
  close(fd);
  const struct {
    token_verifier_options o;
    enum base_err_code want;
    const char *reason;
  } rows[] = {
      {{.issuer = "ponte", .audience = "ponte", .jwks_file = file}, BASE_E_OK, "a file"},
      {{.issuer = "ponte", .audience = "ponte", .jwks_file = "/nowhere/jwks"}, BASE_E_NOT_FOUND, "no file"},
      {{.issuer = "ponte", .audience = "ponte", .jwks_file = "/dev/null"}, BASE_E_INVALID, "an empty file"},
      {{.issuer = "ponte", .audience = "ponte", .jwks_file = file, .jwks_url = "https://k"}, BASE_E_INVALID, "two"},
      {{.issuer = "ponte", .audience = "ponte", .jwks_url = "http://keys.example/"}, BASE_E_INVALID, "plain HTTP"},
      {{.issuer = "ponte", .jwks_file = file}, BASE_E_INVALID, "no audience"},
      {{.audience = "ponte", .jwks_file = file}, BASE_E_INVALID, "no issuer"},
      {{.issuer = "", .audience = "ponte"}, BASE_E_INVALID, "an empty issuer"},
      {{.issuer = "ponte", .audience = "ponte", .clock_skew_ms = -1}, BASE_E_INVALID, "skew"},
  };
  test_token(one, HEADER, GOOD, token);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    token_verifier *v = NULL;
    token_identity who;
    base_buf why;
    base_buf_init(&why, 4096);
    base_err e = token_verifier_new(&rows[i].o, &why, &v);
    CHECK_MSG(e.code == rows[i].want, "%s: %s", rows[i].reason, base_err_name(e));
    CHECK_MSG(base_is_ok(e) != (base_buf_size(&why) > 0), "%s", rows[i].reason);
    if (v) {
      CHECK_OK(verify(v, token, NOW_MS, &who));
      CHECK_ERR(token_verifier_set_keys(v, base_span_str(both)), BASE_E_PRECONDITION);
    }
    token_verifier_free(v);
    base_buf_dispose(&why);
  }
  unlink(file);
}

static void tear_down(void) {
  json_decref(one);
  json_decref(two);
  json_decref(rsa);
}

TEST_MAIN(TEST(set_up), TEST(test_good), TEST(test_claims), TEST(test_forged), TEST(test_tampered), TEST(test_huge),
          TEST(test_rotation), TEST(test_keys_change_under_threads), TEST(test_file_and_options), TEST(tear_down))
