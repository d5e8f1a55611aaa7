#include "token/proofs.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAYS = 4, SETS = TOKEN_PROOFS / WAYS };

struct place {
  uint8_t digest[TOKEN_DIGEST_SIZE];
  uint64_t used; /* 0 = empty */
  token_proof proof;
};

struct token_proofs {
  pthread_mutex_t lock;
  uint64_t era, clock;
  struct place places[SETS][WAYS];
};

base_err token_proofs_new(token_proofs **out) {
  token_proofs *p = calloc(1, sizeof *p);
  if (p == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  pthread_mutex_init(&p->lock, NULL);
  *out = p;
  return BASE_OK;
}

void token_proofs_free(token_proofs *p) {
  if (p) {
    pthread_mutex_destroy(&p->lock);
    free(p);
  }
}

/* The digest is uniform: any bits of it will do. */
static struct place *set_of(token_proofs *p, const uint8_t *digest) {
  return p->places[(size_t)(digest[0] | digest[1] << 8) % SETS];
}

static struct place *find(struct place *set, const uint8_t *digest) {
  for (int i = 0; i < WAYS; i++) {
    if (set[i].used && memcmp(set[i].digest, digest, TOKEN_DIGEST_SIZE) == 0) {
      return &set[i];
    }
  }
  return NULL;
}

static struct place *oldest(struct place *set) {
  struct place *least = &set[0];
  for (int i = 1; i < WAYS; i++) {
    least = set[i].used < least->used ? &set[i] : least;
  }
  return least;
}

bool token_proofs_get(token_proofs *p, const uint8_t digest[TOKEN_DIGEST_SIZE], token_proof *out) {
  pthread_mutex_lock(&p->lock);
  struct place *at = find(set_of(p, digest), digest);
  if (at) {
    at->used = ++p->clock;
    *out = at->proof;
  }
  pthread_mutex_unlock(&p->lock);
  return at != NULL;
}

uint64_t token_proofs_era(token_proofs *p) {
  pthread_mutex_lock(&p->lock);
  uint64_t era = p->era;
  pthread_mutex_unlock(&p->lock);
  return era;
}

void token_proofs_put(token_proofs *p, uint64_t era, const uint8_t digest[TOKEN_DIGEST_SIZE],
                      const token_proof *proof) {
  pthread_mutex_lock(&p->lock);
  if (era == p->era) {
    struct place *set = set_of(p, digest), *at = find(set, digest);
    at = at ? at : oldest(set);
    memcpy(at->digest, digest, TOKEN_DIGEST_SIZE);
    at->proof = *proof;
    at->used = ++p->clock;
  }
  pthread_mutex_unlock(&p->lock);
}

void token_proofs_drop(token_proofs *p) {
  pthread_mutex_lock(&p->lock);
  p->era++;
  memset(p->places, 0, sizeof p->places);
  pthread_mutex_unlock(&p->lock);
}

size_t token_proofs_count(token_proofs *p) {
  size_t n = 0;
  pthread_mutex_lock(&p->lock);
  for (size_t i = 0; i < (size_t)SETS * WAYS; i++) {
    n += p->places[i / WAYS][i % WAYS].used != 0;
  }
  pthread_mutex_unlock(&p->lock);
  return n;
}
