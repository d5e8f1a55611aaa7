/* jwt_internal.h - what keys.c and jwt.c share. */
#ifndef PONTE_GATEWAY_JWT_INTERNAL_H
#define PONTE_GATEWAY_JWT_INTERNAL_H

#include <stdatomic.h>

#include "gateway/auth/jwt.h"

struct gw__key {
  char kid[GW_SUBJECT_SIZE]; /* "" = none */
  const char *alg;           /* static */
  struct json_t *jwk;        /* public members only, and alg */
};

struct gw_keys {
  atomic_int refs;
  int count;
  struct gw__key keys[GW_KEYS_MAX];
};

/* base64url without padding (RFC 7515 section 2), strictly; appended. MALFORMED, TOO_LARGE, NO_MEMORY. */
base_err gw__base64url(base_span text, base_buf *out) BASE_MUST_USE;
/* The library takes it as a key for its algorithm (a point on the curve, say). */
bool gw__key_is_sound(const struct gw__key *key);

#endif
