/* proofs.h - tokens that were proven lately, so that a token costs a hash and a lookup from its second use on.
 *
 * A table of fixed size (1 MiB at most): sets of a few places each, of which the one unused for longest goes. Only proven tokens are put in, so strangers cannot
 * push others out. It holds SHA-256 of tokens, never tokens. Thread-safe.
 */
#ifndef PONTE_GATEWAY_PROOFS_H
#define PONTE_GATEWAY_PROOFS_H

#include "gateway/auth/auth.h"
#include "gateway/auth/jwt.h"

enum { GW_DIGEST_SIZE = 32, GW_PROOFS = 4096 };

typedef struct {
  char subject[GW_SUBJECT_SIZE];
  int64_t expires_ms;
  uint8_t allowed[GW_AUTH_RULES / 8]; /* bit i: rule i lets it through */
} gw_proof;

typedef struct gw_proofs gw_proofs;

base_err gw_proofs_new(gw_proofs **out) BASE_MUST_USE;
void gw_proofs_free(gw_proofs *p); /* NULL is allowed */
bool gw_proofs_get(gw_proofs *p, const uint8_t digest[GW_DIGEST_SIZE], gw_proof *out);
/* Counts how often everything was dropped: to be read before the keys are, and given to put, which then refuses what an old key has proven. */
uint64_t gw_proofs_era(gw_proofs *p);
void gw_proofs_put(gw_proofs *p, uint64_t era, const uint8_t digest[GW_DIGEST_SIZE], const gw_proof *proof);
void gw_proofs_drop(gw_proofs *p);
/* How many it holds; for tests. */
size_t gw_proofs_count(gw_proofs *p);

#endif
