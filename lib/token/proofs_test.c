#include "token/proofs.h"

#include <pthread.h>

#include "base/test.h"

static void digest_of(uint32_t n, uint8_t out[TOKEN_DIGEST_SIZE]) {
  memset(out, 0, TOKEN_DIGEST_SIZE);
  memcpy(out, &n, sizeof n);
  memcpy(out + 8, &n, sizeof n);
}

static void put(token_proofs *p, uint64_t era, uint32_t n) {
  uint8_t digest[TOKEN_DIGEST_SIZE];
  token_proof proof = {.expires_ms = n};
  digest_of(n, digest);
  token_proofs_put(p, era, digest, &proof);
}

static bool has(token_proofs *p, uint32_t n) {
  uint8_t digest[TOKEN_DIGEST_SIZE];
  token_proof proof;
  digest_of(n, digest);
  return token_proofs_get(p, digest, &proof) && proof.expires_ms == n;
}

static void test_bounded(void) {
  token_proofs *p = NULL;
  CHECK_OK(token_proofs_new(&p));
  for (uint32_t i = 1; i <= 10 * TOKEN_PROOFS; i++) {
    put(p, 0, i);
  }
  CHECK_INT(token_proofs_count(p), TOKEN_PROOFS);
  CHECK(has(p, 10 * TOKEN_PROOFS));
  CHECK(!has(p, 1));
  token_proofs_free(p);
}

static void test_the_least_used_goes(void) {
  token_proofs *p = NULL;
  CHECK_OK(token_proofs_new(&p));
  /* One set: the low 16 bits of the digest are the same. */
  for (uint32_t i = 0; i < 4; i++) {
    put(p, 0, 5 + (i << 16));
  }
  CHECK(has(p, 5));
  put(p, 0, 5 + (9u << 16));
  CHECK(has(p, 5));
  CHECK(!has(p, 5 + (1u << 16)));
  put(p, 0, 5);
  CHECK_INT(token_proofs_count(p), 4);
  token_proofs_free(p);
}

static void test_what_an_old_key_proved_stays_out(void) {
  token_proofs *p = NULL;
  CHECK_OK(token_proofs_new(&p));
  uint64_t era = token_proofs_era(p);
  put(p, era, 1);
  token_proofs_drop(p);
  CHECK(!has(p, 1));
  put(p, era, 2);
  CHECK_INT(token_proofs_count(p), 0);
  put(p, token_proofs_era(p), 3);
  CHECK(has(p, 3));
  token_proofs_free(p);
}

static void *hammer(void *ctx) {
  token_proofs *p = ctx;
  for (uint32_t i = 1; i < 20000; i++) {
    put(p, token_proofs_era(p), i % 64);
    has(p, i % 128);
    if (i % 1000 == 0) {
      token_proofs_drop(p);
    }
  }
  return NULL;
}

static void test_threads(void) {
  pthread_t threads[4];
  token_proofs *p = NULL;
  CHECK_OK(token_proofs_new(&p));
  for (int i = 0; i < 4; i++) {
    CHECK_INT(pthread_create(&threads[i], NULL, hammer, p), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK(token_proofs_count(p) <= 64);
  token_proofs_free(p);
}

TEST_MAIN(TEST(test_bounded), TEST(test_the_least_used_goes), TEST(test_what_an_old_key_proved_stays_out),
          TEST(test_threads))
