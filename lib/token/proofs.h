/* proofs.h - tokens that were proven lately, so that a token costs a hash and a lookup from its second use on.
 *
 * A table of fixed size (1 MiB at most): sets of a few places each, of which the one unused for longest goes. Only proven tokens are put in, so strangers cannot
 * push others out. It holds SHA-256 of tokens, never tokens. Thread-safe.
 */
#ifndef PONTE_TOKEN_PROOFS_H
#define PONTE_TOKEN_PROOFS_H

#include "token/jwt.h"

enum { TOKEN_DIGEST_SIZE = 32, TOKEN_PROOFS = 4096, TOKEN_NOTE_SIZE = 64 };

typedef struct {
  char subject[TOKEN_SUBJECT_SIZE];
  int64_t expires_ms;
  uint8_t note[TOKEN_NOTE_SIZE]; /* what the owner of the table has concluded from the token */
} token_proof;

typedef struct token_proofs token_proofs;

base_err token_proofs_new(token_proofs **out) BASE_MUST_USE;
void token_proofs_free(token_proofs *p); /* NULL is allowed */
bool token_proofs_get(token_proofs *p, const uint8_t digest[TOKEN_DIGEST_SIZE], token_proof *out);
/* Counts how often everything was dropped: to be read before the keys are, and given to put, which then refuses what an old key has proven. */
uint64_t token_proofs_era(token_proofs *p);
void token_proofs_put(token_proofs *p, uint64_t era, const uint8_t digest[TOKEN_DIGEST_SIZE], const token_proof *proof);
void token_proofs_drop(token_proofs *p);
/* How many it holds; for tests. */
size_t token_proofs_count(token_proofs *p);

#endif
