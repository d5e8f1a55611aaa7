#include "gateway/auth/proofs.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAYS = 4, SETS = GW_PROOFS / WAYS };

struct place {
  uint8_t digest[GW_DIGEST_SIZE];
  uint64_t used; /* 0 = empty */
  gw_proof proof;
};

struct gw_proofs {
  pthread_mutex_t lock;
  uint64_t era, clock;
  struct place places[SETS][WAYS];
};

base_err gw_proofs_new(gw_proofs **out) {
  gw_proofs *p = calloc(1, sizeof *p);
  if (p == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  pthread_mutex_init(&p->lock, NULL);
  *out = p;
  return BASE_OK;
}

void gw_proofs_free(gw_proofs *p) {
  if (p) {
    pthread_mutex_destroy(&p->lock);
    free(p);
  }
}

/* The digest is uniform: any bits of it will do. */
static struct place *set_of(gw_proofs *p, const uint8_t *digest) {
  return p->places[(size_t)(digest[0] | digest[1] << 8) % SETS];
}

static struct place *find(struct place *set, const uint8_t *digest) {
  for (int i = 0; i < WAYS; i++) {
    if (set[i].used && memcmp(set[i].digest, digest, GW_DIGEST_SIZE) == 0) {
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

bool gw_proofs_get(gw_proofs *p, const uint8_t digest[GW_DIGEST_SIZE], gw_proof *out) {
  pthread_mutex_lock(&p->lock);
  struct place *at = find(set_of(p, digest), digest);
  if (at) {
    at->used = ++p->clock;
    *out = at->proof;
  }
  pthread_mutex_unlock(&p->lock);
  return at != NULL;
}

uint64_t gw_proofs_era(gw_proofs *p) {
  pthread_mutex_lock(&p->lock);
  uint64_t era = p->era;
  pthread_mutex_unlock(&p->lock);
  return era;
}

void gw_proofs_put(gw_proofs *p, uint64_t era, const uint8_t digest[GW_DIGEST_SIZE], const gw_proof *proof) {
  pthread_mutex_lock(&p->lock);
  if (era == p->era) {
    struct place *set = set_of(p, digest), *at = find(set, digest);
    at = at ? at : oldest(set);
    memcpy(at->digest, digest, GW_DIGEST_SIZE);
    at->proof = *proof;
    at->used = ++p->clock;
  }
  pthread_mutex_unlock(&p->lock);
}

void gw_proofs_drop(gw_proofs *p) {
  pthread_mutex_lock(&p->lock);
  p->era++;
  memset(p->places, 0, sizeof p->places);
  pthread_mutex_unlock(&p->lock);
}

size_t gw_proofs_count(gw_proofs *p) {
  size_t n = 0;
  pthread_mutex_lock(&p->lock);
  for (size_t i = 0; i < (size_t)SETS * WAYS; i++) {
    n += p->places[i / WAYS][i % WAYS].used != 0;
  }
  pthread_mutex_unlock(&p->lock);
  return n;
}
