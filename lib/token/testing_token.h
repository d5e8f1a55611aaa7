/* testing_token.h - test code only: keys and signed tokens, sound or not, made with the JOSE library. What it cannot do here, tests cannot go on without: it aborts. */
#ifndef PONTE_TOKEN_TESTING_TOKEN_H
#define PONTE_TOKEN_TESTING_TOKEN_H

#include <jansson.h>
#include <jose/jose.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEST_TOKEN_SIZE = 16384 };

static inline void test_need(int ok) {
  if (!ok) {
    printf("no test token can be made\n");
    abort();
  }
}

/* A private key; json_decref it. */
static inline json_t *test_key(const char *alg, const char *kid) {
  json_t *jwk = json_pack("{s:s,s:s}", "alg", alg, "kid", kid);
  test_need(jwk && jose_jwk_gen(NULL, jwk));
  return jwk;
}

/* The public half as a member of a JWKS. */
static inline json_t *test_public(const json_t *key) {
  json_t *jwk = json_deep_copy(key);
  test_need(jwk && jose_jwk_pub(NULL, jwk) && json_object_del(jwk, "key_ops") == 0);
  return jwk;
}

static inline void test_jwks(json_t *const *keys, size_t n, char *out, size_t size) {
  json_t *list = json_array(), *root = json_pack("{s:o}", "keys", list);
  for (size_t i = 0; i < n; i++) {
    test_need(json_array_append_new(list, test_public(keys[i])) == 0);
  }
  char *text = json_dumps(root, JSON_COMPACT);
  test_need(text && strlen(text) < size);
  memcpy(out, text, strlen(text) + 1);
  free(text);
  json_decref(root);
}

/* Signs any bytes as claims, with this JSON as the protected header (its alg decides, if the key has none). */
static inline void test_token(const json_t *key, const char *header, const char *claims, char out[TEST_TOKEN_SIZE]) {
  json_t *sig = json_pack("{s:o}", "protected", json_loads(header, 0, NULL));
  json_t *jws = json_pack("{s:o}", "payload", jose_b64_enc(claims, strlen(claims)));
  test_need(sig && jws && jose_jws_sig(NULL, jws, sig, key));
  int n = snprintf(out, TEST_TOKEN_SIZE, "%s.%s.%s", json_string_value(json_object_get(jws, "protected")),
                   json_string_value(json_object_get(jws, "payload")),
                   json_string_value(json_object_get(jws, "signature")));
  test_need(n > 0 && n < TEST_TOKEN_SIZE);
  json_decref(sig);
  json_decref(jws);
}

/* Any header and claims with any signature. */
static inline void test_unsigned(const char *header, const char *claims, const char *signature,
                                 char out[TEST_TOKEN_SIZE]) {
  json_t *h = jose_b64_enc(header, strlen(header)), *c = jose_b64_enc(claims, strlen(claims));
  test_need(h && c);
  snprintf(out, TEST_TOKEN_SIZE, "%s.%s.%s", json_string_value(h), json_string_value(c), signature);
  json_decref(h);
  json_decref(c);
}

#endif
