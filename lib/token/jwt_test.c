#include "token/jwt.h"

#include "base/test.h"
#include "token/testing_token.h"

#define NOW_MS 1700000000000
#define GOOD "\"sub\":\"alice\",\"exp\":1700000600,\"iat\":1699999990,\"aud\":\"ponte\""
#define CLAIMS(text) "{" text "}"

static json_t *rsa, *ec, *other, *nameless;
static token_keys *keys;
static char token[TEST_TOKEN_SIZE];

static void make_keys(void) {
  char text[16384];
  rsa = test_key("RS256", "r1");
  ec = test_key("ES256", "e1");
  other = test_key("RS256", "r1");
  nameless = test_key("ES256", "gone");
  json_t *const list[] = {rsa, ec};
  test_jwks(list, 2, text, sizeof text);
  CHECK_OK(token_keys_parse(base_span_str(text), NULL, &keys));
  CHECK_INT(token_keys_count(keys), 2);
}

static base_err prove(const char *text) {
  token_jwt t;
  base_err e = token_jwt_read(&t, base_span_str(text));
  if (base_is_ok(e)) {
    e = token_jwt_prove(&t, keys);
  }
  token_jwt_dispose(&t);
  return e;
}

/* -- forged and malformed ---------------------------------------------------------------------------------------------------- */

static void test_good(void) {
  test_token(rsa, "{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":\"JWT\"}", CLAIMS(GOOD), token);
  CHECK_OK(prove(token));
  test_token(ec, "{\"alg\":\"ES256\",\"kid\":\"e1\"}", CLAIMS(GOOD), token);
  CHECK_OK(prove(token));
  test_token(ec, "{\"alg\":\"ES256\"}", CLAIMS(GOOD), token);
  CHECK_OK(prove(token));
  /* A key of its own is not believed, and not minded either. */
  test_token(
      rsa,
      "{\"alg\":\"RS256\",\"kid\":\"r1\",\"jku\":\"https://evil.example/\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
      CLAIMS(GOOD), token);
  CHECK_OK(prove(token));
}

static const struct {
  const char *header, *claims, *signature;
  enum base_err_code want;
  const char *reason;
} unsigned_rows[] = {
    {"{\"alg\":\"none\"}", CLAIMS(GOOD), "", BASE_E_MALFORMED, "none, without a signature"},
    {"{\"alg\":\"none\"}", CLAIMS(GOOD), "AAAA", BASE_E_NOT_FOUND, "none, with one"},
    {"{\"alg\":\"None\",\"kid\":\"r1\"}", CLAIMS(GOOD), "AAAA", BASE_E_UNAUTHENTICATED, "None"},
    {"{\"alg\":\"nOnE\",\"kid\":\"e1\"}", CLAIMS(GOOD), "AAAA", BASE_E_UNAUTHENTICATED, "nOnE"},
    {"{\"alg\":\"RS256\",\"kid\":\"r1\"}", CLAIMS(GOOD), "AAAA", BASE_E_UNAUTHENTICATED, "a short signature"},
    {"{\"alg\":\"ES256\",\"kid\":\"e1\"}", CLAIMS(GOOD), "AAAA", BASE_E_UNAUTHENTICATED, "a short signature, EC"},
    {"{\"alg\":\"ES256\",\"kid\":\"e1\"}", CLAIMS(GOOD),
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", BASE_E_UNAUTHENTICATED,
     "r = s = 0 (CVE-2022-21449)"},
    {"{\"alg\":\"ES256\",\"kid\":\"r1\"}", CLAIMS(GOOD), "AAAA", BASE_E_UNAUTHENTICATED,
     "the key of another algorithm"},
    {"{\"alg\":\"RS256\",\"kid\":\"r2\"}", CLAIMS(GOOD), "AAAA", BASE_E_NOT_FOUND, "an unknown kid"},
    {"{\"alg\":\"RS256\",\"kid\":\"\"}", CLAIMS(GOOD), "AAAA", BASE_E_NOT_FOUND, "an empty kid"},
    {"{\"alg\":\"RS256\",\"kid\":\"../../etc/passwd\"}", CLAIMS(GOOD), "AAAA", BASE_E_NOT_FOUND, "a path for a kid"},
    {"{\"alg\":\"RS256\",\"kid\":7}", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "a number for a kid"},
    {"{\"alg\":[\"RS256\"],\"kid\":\"r1\"}", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "alg is a list"},
    {"{\"kid\":\"r1\"}", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "no alg"},
    {"{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[\"exp\"]}", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "crit"},
    {"{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[]}", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "an empty crit"},
    {"{\"alg\":\"RS256\",\"kid\":\"r1\",\"b64\":false}", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "b64 (RFC 7797)"},
    {"{\"alg\":\"RS256\",\"kid\":\"r1\",\"zip\":\"DEF\"}", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "zip"},
    {"{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"r1\"}", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "alg twice"},
    {"{\"alg\":\"RS256\"}", "{\"sub\":\"a\",\"sub\":\"b\"}", "AAAA", BASE_E_MALFORMED, "sub twice"},
    {"{\"alg\":\"RS256\"}", "[]", "AAAA", BASE_E_MALFORMED, "claims are a list"},
    {"{\"alg\":\"RS256\"}", "null", "AAAA", BASE_E_MALFORMED, "claims are null"},
    {"{\"alg\":\"RS256\"}", "{}x", "AAAA", BASE_E_MALFORMED, "something behind the claims"},
    {"{\"alg\":\"RS256\"}", "{\"sub\":\"\\u0000\"}", "AAAA", BASE_E_MALFORMED, "NUL in a string"},
    {"{\"alg\":\"RS256\"}", "{\"sub\":\"\xff\"}", "AAAA", BASE_E_MALFORMED, "no UTF-8"},
    {"\"alg\"", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "the header is a string"},
    {"", CLAIMS(GOOD), "AAAA", BASE_E_MALFORMED, "no header"},
    {"{\"alg\":\"RS256\"}", "", "AAAA", BASE_E_MALFORMED, "no claims"},
    {"{\"alg\":\"RS256\"}", CLAIMS(GOOD), "AAA=", BASE_E_MALFORMED, "padding"},
    {"{\"alg\":\"RS256\"}", CLAIMS(GOOD), "AA+A", BASE_E_MALFORMED, "the other base64"},
    {"{\"alg\":\"RS256\"}", CLAIMS(GOOD), "AA A", BASE_E_MALFORMED, "a blank"},
    {"{\"alg\":\"RS256\"}", CLAIMS(GOOD), "AAAAA", BASE_E_MALFORMED, "a length that base64 cannot have"},
    {"{\"alg\":\"RS256\"}", CLAIMS(GOOD), "AAAA.AAAA", BASE_E_MALFORMED, "four parts"},
    {"{\"alg\":\"RS256\"}", CLAIMS(GOOD), "AAAA.AAAA.AAAA", BASE_E_MALFORMED, "five parts: an encrypted token"},
};

static void test_forged(void) {
  for (size_t i = 0; i < sizeof unsigned_rows / sizeof *unsigned_rows; i++) {
    test_unsigned(unsigned_rows[i].header, unsigned_rows[i].claims, unsigned_rows[i].signature, token);
    base_err e = prove(token);
    CHECK_MSG(e.code == unsigned_rows[i].want, "%s: %s", unsigned_rows[i].reason, base_err_name(e));
  }
}

/* The classic: the public key, which anyone has, as the secret of an HMAC, in the hope that the verifier takes the algorithm from the token. */
static void test_hmac_with_the_public_key(void) {
  static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"r1\"}", "{\"alg\":\"HS256\"}"};
  json_t *public = test_public(rsa);
  char *secrets[] = {json_dumps(public, JSON_COMPACT), strdup(json_string_value(json_object_get(public, "n")))};
  for (size_t i = 0; i < 4; i++) {
    const char *secret = secrets[i / 2];
    json_t *oct = json_pack("{s:s,s:o}", "kty", "oct", "k", jose_b64_enc(secret, strlen(secret)));
    test_token(oct, headers[i % 2], CLAIMS(GOOD), token);
    CHECK(!base_is_ok(prove(token)));
    json_decref(oct);
  }
  free(secrets[0]);
  free(secrets[1]);
  json_decref(public);
}

static void test_other_keys(void) {
  test_token(other, "{\"alg\":\"RS256\",\"kid\":\"r1\"}", CLAIMS(GOOD), token);
  CHECK_ERR(prove(token), BASE_E_UNAUTHENTICATED);
  test_token(nameless, "{\"alg\":\"ES256\"}", CLAIMS(GOOD), token);
  CHECK_ERR(prove(token), BASE_E_UNAUTHENTICATED);
  /* Its own key in the header makes it no truer. */
  json_t *public = test_public(other), *header = json_pack("{s:s,s:s,s:O}", "alg", "RS256", "kid", "r1", "jwk", public);
  char *text = json_dumps(header, 0);
  test_token(other, text, CLAIMS(GOOD), token);
  CHECK_ERR(prove(token), BASE_E_UNAUTHENTICATED);
  free(text);
  json_decref(header);
  json_decref(public);
}

/* Cut anywhere, or with any byte changed, a token proves nothing. */
static void test_every_byte_counts(void) {
  char good[TEST_TOKEN_SIZE];
  test_token(ec, "{\"alg\":\"ES256\",\"kid\":\"e1\"}", CLAIMS(GOOD), good);
  size_t n = strlen(good);
  for (size_t i = 0; i < n; i++) {
    memcpy(token, good, i);
    token[i] = '\0';
    CHECK_MSG(!base_is_ok(prove(token)), "cut at %zu", i);
    memcpy(token, good, n + 1);
    token[i] = token[i] == 'A' ? 'B' : 'A';
    CHECK_MSG(!base_is_ok(prove(token)), "byte %zu changed", i);
  }
}

static void test_huge_and_deep(void) {
  static char huge[TOKEN_MAX + 2], deep[6000];
  memset(huge, 'A', sizeof huge - 1);
  huge[10] = huge[20] = '.';
  CHECK_ERR(prove(huge), BASE_E_MALFORMED);
  memset(deep, '[', sizeof deep - 1);
  for (int i = 0; i < 5; i++) {
    deep[i] = "{\"x\":"[i];
  }
  test_unsigned("{\"alg\":\"RS256\"}", deep, "AAAA", token);
  CHECK_ERR(prove(token), BASE_E_MALFORMED);
}

/* -- claims -------------------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *claims;
  enum base_err_code want;
  const char *reason;
} claim_rows[] = {
    {CLAIMS(GOOD), BASE_E_OK, "good"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"aud\":[\"x\",\"ponte\"]}", BASE_E_OK, "aud is a list"},
    {"{\"sub\":\"a\",\"exp\":1700000600.5,\"aud\":\"ponte\"}", BASE_E_OK, "a fraction"},
    {"{\"sub\":\"a\",\"exp\":1699999980,\"aud\":\"ponte\"}", BASE_E_OK, "expired within the skew"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"nbf\":1700000020,\"aud\":\"ponte\"}", BASE_E_OK, "nbf within the skew"},
    {"{\"sub\":\"a\",\"exp\":1699999970,\"aud\":\"ponte\"}", BASE_E_DEADLINE, "expired"},
    {"{\"sub\":\"a\",\"exp\":0,\"aud\":\"ponte\"}", BASE_E_DEADLINE, "expired in 1970"},
    {"{\"sub\":\"a\",\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "no exp"},
    {"{\"sub\":\"a\",\"exp\":null,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "exp is null"},
    {"{\"sub\":\"a\",\"exp\":\"1700000600\",\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "exp is text"},
    {"{\"sub\":\"a\",\"exp\":-1,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "exp below zero"},
    {"{\"sub\":\"a\",\"exp\":1e300,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "exp beyond all time"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"nbf\":1700000031,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "not yet"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"nbf\":\"now\",\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "nbf is text"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"iat\":1700000031,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED,
     "from the future"},
    {"{\"sub\":\"a\",\"exp\":1700000600}", BASE_E_UNAUTHENTICATED, "no aud"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"aud\":\"Ponte\"}", BASE_E_UNAUTHENTICATED, "another aud"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"aud\":[]}", BASE_E_UNAUTHENTICATED, "an empty list"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"aud\":[[\"ponte\"]]}", BASE_E_UNAUTHENTICATED, "a list in the list"},
    {"{\"sub\":\"a\",\"exp\":1700000600,\"aud\":{\"ponte\":1}}", BASE_E_UNAUTHENTICATED, "aud is an object"},
    {"{\"exp\":1700000600,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "no sub"},
    {"{\"sub\":\"\",\"exp\":1700000600,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "an empty sub"},
    {"{\"sub\":7,\"exp\":1700000600,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "sub is a number"},
    {"{\"sub\":\"a\\r\\nx: y\",\"exp\":1700000600,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "a line feed in sub"},
    {"{\"sub\":\"a \",\"exp\":1700000600,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "a blank at its end"},
    {"{\"sub\":\"\xc3\xb6\",\"exp\":1700000600,\"aud\":\"ponte\"}", BASE_E_UNAUTHENTICATED, "not ASCII"},
};

static void test_claims(void) {
  const token_jwt_demand demand = {.audience = "ponte", .skew_ms = 30000};
  for (size_t i = 0; i < sizeof claim_rows / sizeof *claim_rows; i++) {
    token_jwt t;
    char subject[TOKEN_SUBJECT_SIZE] = "";
    const char *why = NULL;
    int64_t expires_ms = 0;
    test_unsigned("{\"alg\":\"RS256\"}", claim_rows[i].claims, "AAAA", token);
    CHECK_OK(token_jwt_read(&t, base_span_str(token)));
    base_err e = token_jwt_judge(&t, &demand, NOW_MS, subject, &expires_ms, &why);
    CHECK_MSG(e.code == claim_rows[i].want, "%s: %s", claim_rows[i].reason, base_err_name(e));
    CHECK_MSG(base_is_ok(e) || why, "%s: no reason", claim_rows[i].reason);
    CHECK_MSG(!base_is_ok(e) || expires_ms > NOW_MS, "%s: %lld", claim_rows[i].reason, (long long)expires_ms);
    token_jwt_dispose(&t);
  }
}

static void test_scopes_and_roles(void) {
  static const struct {
    const char *claims;
    bool scope, role;
    const char *reason;
  } rows[] = {
      {"{\"scope\":\"read write\"}", true, false, "scope"},
      {"{\"scope\":\"write\"}", true, false, "one scope"},
      {"{\"scp\":[\"read\",\"write\"]}", true, false, "scp list"},
      {"{\"scp\":\"read write\"}", true, false, "scp text"},
      {"{\"scope\":\"rewrite writer  write2\"}", false, false, "names that only look like it"},
      {"{\"scope\":[\"write\"]}", false, false, "scope is a list"},
      {"{\"scope\":\"\"}", false, false, "empty"},
      {"{\"roles\":[\"write\"]}", false, true, "a role"},
      {"{\"roles\":\"write\"}", false, false, "roles are text"},
      {"{\"roles\":[7,null,[\"write\"]]}", false, false, "no names"},
      {"{}", false, false, "nothing"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    token_jwt t;
    test_unsigned("{\"alg\":\"RS256\"}", rows[i].claims, "AAAA", token);
    CHECK_OK(token_jwt_read(&t, base_span_str(token)));
    CHECK_MSG(token_jwt_has_scope(&t, "write") == rows[i].scope, "%s", rows[i].reason);
    CHECK_MSG(token_jwt_has_role(&t, "write") == rows[i].role, "%s", rows[i].reason);
    token_jwt_dispose(&t);
  }
}

/* -- key sets ------------------------------------------------------------------------------------------------------------------ */

static base_err parse(const char *text, int *count) {
  token_keys *k = NULL;
  base_buf why;
  base_buf_init(&why, 4096);
  base_err e = token_keys_parse(base_span_str(text), &why, &k);
  CHECK_MSG((base_buf_size(&why) > 0) == !base_is_ok(e), "%s", text);
  *count = base_is_ok(e) ? token_keys_count(k) : 0;
  token_keys_unref(k);
  base_buf_dispose(&why);
  return e;
}

#define ZERO_42 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OFF_THE_CURVE "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ZERO_42 "A\",\"y\":\"" ZERO_42 "E\"}]}"

static void test_bad_key_sets(void) {
  static const char *const rows[] = {
      "",
      "{}",
      "[]",
      "null",
      "{\"keys\":{}}",
      "{\"keys\":[]}",
      "{\"keys\":[],\"keys\":[]}",
      "{\"keys\":[null,7,\"x\",[]]}",
      "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\",\"kid\":\"r1\"}]}",
      "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
      "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}",
      "{\"keys\":[{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}]}",
      "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
      OFF_THE_CURVE,
      "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
  };
  int count = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = parse(rows[i], &count);
    CHECK_MSG(base_is(e, BASE_E_INVALID), "%s: %s", rows[i], base_err_name(e));
  }
}

/* The set with one member of the good key changed. */
static base_err parse_changed(const json_t *key, const char *member, const char *value, int *count) {
  json_t *jwk = test_public(key), *root;
  json_object_set_new(jwk, member, value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL);
  root = json_pack("{s:[o]}", "keys", jwk);
  char *text = json_dumps(root, 0);
  base_err e = parse(text, count);
  free(text);
  json_decref(root);
  return e;
}

static void test_keys_for_something_else(void) {
  static const struct {
    const char *member, *value;
    bool ok;
    const char *reason;
  } rows[] = {
      {"use", "\"sig\"", true, "for signatures"},
      {"key_ops", "[\"verify\"]", true, "for verification"},
      {"x5t", "\"AAAA\"", true, "something else"},
      {"use", "\"enc\"", false, "for encryption"},
      {"use", "7", false, "for 7"},
      {"key_ops", "[\"encrypt\"]", false, "for encryption"},
      {"alg", "\"RS512\"", false, "of another algorithm"},
      {"alg", "\"HS256\"", false, "of HMAC"},
      {"alg", "\"none\"", false, "of none"},
      {"kid", "7", false, "a kid that is no text"},
      {"kty", "\"oct\"", false, "a secret"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int count = 0;
    base_err e = parse_changed(rsa, rows[i].member, rows[i].value, &count);
    CHECK_MSG(base_is_ok(e) == rows[i].ok && count == rows[i].ok, "%s: %s", rows[i].reason, base_err_name(e));
  }
}

static void free_keys(void) {
  token_keys_unref(keys);
  json_decref(rsa);
  json_decref(ec);
  json_decref(other);
  json_decref(nameless);
}

TEST_MAIN(TEST(make_keys), TEST(test_good), TEST(test_forged), TEST(test_hmac_with_the_public_key),
          TEST(test_other_keys), TEST(test_every_byte_counts), TEST(test_huge_and_deep), TEST(test_claims),
          TEST(test_scopes_and_roles), TEST(test_bad_key_sets), TEST(test_keys_for_something_else), TEST(free_keys))
