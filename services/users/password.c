#include "users/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wait.h"

_Static_assert(USERS_HASH_SIZE == crypto_pwhash_STRBYTES, "the library's own size");

struct users_hasher {
  pthread_mutex_t lock;
  pthread_cond_t turn;
  users_hasher_limits limits;
  int free, waiting;
  char nobody[USERS_HASH_SIZE]; /* of a password that nobody knows */
};

/* -- turns ------------------------------------------------------------------------------------------------------------- */

static base_err enter(users_hasher *h) {
  struct timespec until = base_timespec(base_now_ms() + h->limits.wait_ms);
  pthread_mutex_lock(&h->lock);
  int late = h->waiting >= h->limits.waiting;
  h->waiting++;
  while (h->free == 0 && !late)
    late = pthread_cond_timedwait(&h->turn, &h->lock, &until);
  h->waiting--;
  bool mine = h->free > 0;
  h->free -= mine;
  pthread_mutex_unlock(&h->lock);
  return mine ? BASE_OK : base_fail(BASE_E_EXHAUSTED);
}

static void leave(users_hasher *h) {
  pthread_mutex_lock(&h->lock);
  h->free++;
  pthread_cond_signal(&h->turn);
  pthread_mutex_unlock(&h->lock);
}

/* -- hashes ------------------------------------------------------------------------------------------------------------ */

static bool make(const char *password, char out[USERS_HASH_SIZE]) {
  return crypto_pwhash_str_alg(out, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                               crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

base_err users_password_hash(users_hasher *h, const char *password, char out[USERS_HASH_SIZE]) {
  BASE_TRY(enter(h));
  bool made = make(password, out);
  leave(h);
  return made ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err users_password_check(users_hasher *h, const char *hash, const char *password, bool *stale) {
  char kept[USERS_HASH_SIZE] = ""; /* the library reads them all */
  const char *from = hash && strlen(hash) < sizeof kept ? hash : h->nobody;
  memcpy(kept, from, strlen(from));
  BASE_TRY(enter(h));
  bool same = crypto_pwhash_str_verify(kept, password, strlen(password)) == 0;
  leave(h);
  if (!same || from != hash) return base_fail(BASE_E_DENIED);
  *stale =
      crypto_pwhash_str_needs_rehash(kept, crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0;
  return BASE_OK;
}

/* -- lifetime ---------------------------------------------------------------------------------------------------------- */

static bool make_nobody(users_hasher *h) {
  char password[2 * crypto_pwhash_SALTBYTES + 1];
  uint8_t random[crypto_pwhash_SALTBYTES];
  randombytes_buf(random, sizeof random);
  sodium_bin2hex(password, sizeof password, random, sizeof random);
  return make(password, h->nobody);
}

base_err users_hasher_new(const users_hasher_limits *limits, users_hasher **out) {
  if (sodium_init() < 0) return base_fail(BASE_E_INTERNAL);
  users_hasher *h = calloc(1, sizeof *h);
  if (!h || !make_nobody(h)) {
    free(h);
    return base_fail(BASE_E_NO_MEMORY);
  }
  h->limits = *limits;
  h->free = limits->at_once;
  pthread_mutex_init(&h->lock, NULL);
  base_cond_init(&h->turn);
  *out = h;
  return BASE_OK;
}

void users_hasher_free(users_hasher *h) {
  if (!h) return;
  pthread_cond_destroy(&h->turn);
  pthread_mutex_destroy(&h->lock);
  free(h);
}
