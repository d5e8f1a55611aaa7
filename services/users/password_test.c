#include "users/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "base/test.h"

static users_hasher *hasher;

static void set_up(void) {
  CHECK_OK(users_hasher_new(&(users_hasher_limits){.at_once = 2, .waiting = 8, .wait_ms = 60000}, &hasher));
}

static void a_hash_is_argon2id_and_salted(void) {
  char one[USERS_HASH_SIZE], two[USERS_HASH_SIZE];
  CHECK_OK(users_password_hash(hasher, "correct horse", one));
  CHECK_OK(users_password_hash(hasher, "correct horse", two));
  CHECK_MSG(strncmp(one, "$argon2id$v=19$m=65536,t=2,p=1$", 31) == 0, "%.31s", one);
  CHECK(strcmp(one, two) != 0);
}

static void only_the_password_is_the_password(void) {
  char hash[USERS_HASH_SIZE], longer[1025];
  bool stale = true;
  memset(longer, 'x', sizeof longer - 1);
  longer[1024] = '\0';
  CHECK_OK(users_password_hash(hasher, longer, hash));
  CHECK_OK(users_password_check(hasher, hash, longer, &stale));
  CHECK(!stale);
  longer[1023] = 'y';
  CHECK_ERR(users_password_check(hasher, hash, longer, &stale), BASE_E_DENIED);
  CHECK_OK(users_password_hash(hasher, "Jo\xC3\xA3o 1234", hash));
  static const char *const others[] = {"", "jo\xC3\xA3o 1234", "Joa\xCC\x83o 1234", "Jo\xC3\xA3o 1234 ",
                                       "Jo\xC3\xA3o 123"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    CHECK_MSG(base_is(users_password_check(hasher, hash, others[i], &stale), BASE_E_DENIED), "row %zu", i);
}

static void nobody_has_no_password(void) {
  static char huge[300];
  bool stale;
  memset(huge, 'a', sizeof huge - 1);
  static const char *const hashes[] = {NULL, "", "$argon2id$", "plain", huge};
  for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
    CHECK_MSG(base_is(users_password_check(hasher, hashes[i], "plain", &stale), BASE_E_DENIED), "row %zu", i);
}

static void weaker_hashes_are_stale(void) {
  char hash[USERS_HASH_SIZE];
  bool stale = false;
  CHECK(crypto_pwhash_str_alg(hash, "12345678", 8, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN,
                              crypto_pwhash_ALG_ARGON2ID13) == 0);
  CHECK_OK(users_password_check(hasher, hash, "12345678", &stale));
  CHECK(stale);
}

static atomic_int good, exhausted;

static void *check_one(void *ctx) {
  char hash[USERS_HASH_SIZE];
  base_err e = users_password_hash(ctx, "12345678", hash);
  if (base_is_ok(e)) good++;
  exhausted += base_is(e, BASE_E_EXHAUSTED);
  return NULL;
}

static void run_eight(users_hasher *h) {
  pthread_t threads[8];
  good = exhausted = 0;
  for (int i = 0; i < 8; i++)
    CHECK_INT(pthread_create(&threads[i], NULL, check_one, h), 0);
  for (int i = 0; i < 8; i++)
    pthread_join(threads[i], NULL);
}

static void threads_take_turns(void) {
  /* None gets a turn: the one that may wait gives up after a millisecond, the others at once. */
  static const users_hasher_limits closed[] = {{.waiting = 1, .wait_ms = 1}, {.wait_ms = 3600000}};
  run_eight(hasher);
  CHECK_INT(good, 8);
  for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
    users_hasher *h = NULL;
    CHECK_OK(users_hasher_new(&closed[i], &h));
    run_eight(h);
    CHECK_INT(exhausted, 8);
    users_hasher_free(h);
  }
}

static void tear_down(void) { users_hasher_free(hasher); }

TEST_MAIN(TEST(set_up), TEST(a_hash_is_argon2id_and_salted), TEST(only_the_password_is_the_password),
          TEST(nobody_has_no_password), TEST(weaker_hashes_are_stale), TEST(threads_take_turns), TEST(tear_down))
