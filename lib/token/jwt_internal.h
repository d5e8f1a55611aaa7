/* jwt_internal.h - what jwt.c, keys.c and signer.c share. */
#ifndef PONTE_TOKEN_JWT_INTERNAL_H
#define PONTE_TOKEN_JWT_INTERNAL_H

#include <stdatomic.h>

#include "token/jwt.h"

struct token__key {
  char kid[TOKEN_SUBJECT_SIZE]; /* "" = none */
  const char *alg;              /* static */
  struct json_t *jwk;           /* public members only, and alg */
};

struct token_keys {
  atomic_int refs;
  int count;
  struct token__key keys[TOKEN_KEYS_MAX];
};

/* A configuration of the library that writes nothing to stderr; jose_cfg_auto_t. NULL: no memory. */
struct jose_cfg;
struct jose_cfg *token__jose(void);
/* The library takes it as a key for its algorithm (a point on the curve, say). */
bool token__key_is_sound(const struct token__key *key);

#endif
