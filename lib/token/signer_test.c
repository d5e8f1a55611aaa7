#include <jansson.h>

#include "base/test.h"
#include "token/jwt.h"
#include "token/testing_token.h"

static base_buf key, jwks;
static char key_id[TOKEN_KEY_ID_SIZE];

static const token_claims claims = {.issuer = "ponte",
                                    .audience = "ponte",
                                    .subject = "alice",
                                    .roles = " teacher  admin ",
                                    .token_id = "t1",
                                    .issued_ms = 1700000000999,
                                    .expires_ms = 1700000900000};

static void set_up(void) {
  base_buf_init(&key, 4096);
  base_buf_init(&jwks, 4096);
  CHECK_OK(token_key_new(key_id, &key));
  CHECK_INT(strlen(key_id), TOKEN_KEY_ID_SIZE - 1);
}

static bool holds(const base_buf *b, const char *text) {
  base_span s = base_buf_span(b);
  return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static void test_public_half(void) {
  base_span one = base_buf_span(&key);
  token_keys *set = NULL;
  CHECK_OK(token_jwks_write(&one, 1, &jwks));
  CHECK(holds(&key, "\"d\":"));
  CHECK(!holds(&jwks, "\"d\":"));
  CHECK(!holds(&jwks, "key_ops"));
  CHECK(holds(&jwks, key_id));
  CHECK_OK(token_keys_parse(base_buf_span(&jwks), NULL, &set));
  CHECK_INT(token_keys_count(set), 1);
  token_keys_unref(set);
}

static void test_claims(void) {
  base_buf out;
  token_jwt t;
  token_keys *set = NULL;
  char roles[TOKEN_ROLES_SIZE];
  base_buf_init(&out, TOKEN_MAX);
  CHECK_OK(token_sign(base_buf_span(&key), &claims, &out));
  CHECK_OK(token_jwt_read(&t, base_buf_span(&out)));
  CHECK_OK(token_keys_parse(base_buf_span(&jwks), NULL, &set));
  CHECK_OK(token_jwt_prove(&t, set));
  CHECK_STR(json_string_value(json_object_get(t.header, "typ")), "at+jwt");
  CHECK_STR(json_string_value(json_object_get(t.header, "kid")), key_id);
  CHECK_STR(json_string_value(json_object_get(t.claims, "jti")), "t1");
  CHECK_INT(json_integer_value(json_object_get(t.claims, "iat")), 1700000000);
  CHECK_INT(json_integer_value(json_object_get(t.claims, "exp")), 1700000900);
  CHECK_OK(token_jwt_roles(&t, roles, sizeof roles));
  CHECK_STR(roles, "teacher admin");
  token_jwt_dispose(&t);
  token_keys_unref(set);
  base_buf_dispose(&out);
}

static void test_no_keys(void) {
  static const struct {
    const char *jwk, *reason;
  } rows[] = {
      {"", "nothing"},
      {"{", "half an object"},
      {"[]", "a list"},
      {"{}", "no members"},
      {"{\"alg\":\"ES256\",\"kid\":\"k\"}", "no private member"},
      {"{\"alg\":\"ES256\",\"kid\":7,\"d\":\"AA\"}", "a number for a kid"},
      {"{\"alg\":\"RS256\",\"kid\":\"k\",\"d\":\"AA\"}", "another algorithm"},
      {"{\"alg\":\"HS256\",\"kid\":\"k\",\"kty\":\"oct\",\"k\":\"AAAA\",\"d\":\"AA\"}", "a secret"},
      {"{\"alg\":\"ES256\",\"kid\":\"k\",\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"AA\"}", "no point"},
      {"{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"k\",\"d\":\"AA\"}", "a name twice"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_buf out;
    base_span jwk = base_span_str(rows[i].jwk);
    base_buf_init(&out, TOKEN_MAX);
    base_err e = token_sign(jwk, &claims, &out);
    CHECK_MSG(base_is(e, BASE_E_INVALID) && base_buf_size(&out) == 0, "%s: %s", rows[i].reason, base_err_name(e));
    e = token_jwks_write(&jwk, 1, &out);
    CHECK_MSG(base_is(e, BASE_E_INVALID) && base_buf_size(&out) == 0, "%s: %s", rows[i].reason, base_err_name(e));
    base_buf_dispose(&out);
  }
}

static void tear_down(void) {
  base_buf_dispose(&key);
  base_buf_dispose(&jwks);
}

TEST_MAIN(TEST(set_up), TEST(test_public_half), TEST(test_claims), TEST(test_no_keys), TEST(tear_down))
