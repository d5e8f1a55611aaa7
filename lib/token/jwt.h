/* jwt.h - one signed token, and the sets of public keys that prove it; the JOSE and the JSON library are behind it.
 *
 * Only compact JWS of RS256 and ES256 exist here. The algorithm belongs to the key: a token whose `alg` is not that of the key it names is refused, so `none` and
 * HMAC with a public key as its secret have no way in. Keys that a token brings along (jwk, jku, x5c, x5u) are never looked at.
 *
 * Pure: time is an argument. A set is immutable and may be read by several threads; a token_jwt belongs to one. Sources: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7519
 * (JWT), RFC 8725 (best current practices).
 */
#ifndef PONTE_TOKEN_JWT_H
#define PONTE_TOKEN_JWT_H

#include "token/token.h"

enum { TOKEN_MAX = 8192, TOKEN_KEYS_MAX = 64, TOKEN_KEYS_BYTES = 256 << 10 };

typedef struct token_keys token_keys;
struct json_t; /* <jansson.h> */

/* A JWKS document. Keys that are not for signatures, or of other algorithms, are left out; those that claim to be ours and are not sound fail. INVALID (with *why, if
 * that is not NULL; a set without a usable key is invalid too), TOO_LARGE, NO_MEMORY. The set begins with one reference. */
base_err token_keys_parse(base_span json, base_buf *why, token_keys **out) BASE_MUST_USE;
token_keys *token_keys_ref(token_keys *k);
void token_keys_unref(token_keys *k); /* NULL is allowed; the last reference frees */
int token_keys_count(const token_keys *k);

/* A token that has been read and not proven: nothing in it may be believed, and only token_jwt_issuer may be used, to find the keys. */
typedef struct {
  base_span token; /* borrowed */
  size_t dots[2];
  struct json_t *header, *claims;
} token_jwt;

/* MALFORMED: not three parts of base64url, not JSON objects without duplicate names, an unknown `crit`, or larger than TOKEN_MAX. Dispose of it in any case. */
base_err token_jwt_read(token_jwt *t, base_span token) BASE_MUST_USE;
void token_jwt_dispose(token_jwt *t);
const char *token_jwt_issuer(const token_jwt *t); /* "" without */
/* OK: one of the keys made the signature. NOT_FOUND: the set has no key of that `kid` (and, without a kid, none of the algorithm). UNAUTHENTICATED: forged. */
base_err token_jwt_prove(const token_jwt *t, const token_keys *keys) BASE_MUST_USE;

typedef struct {
  const char *audience; /* NULL: not checked */
  int64_t skew_ms;
} token_jwt_demand;

/* The claims of a proven token. OK: subject and *expires_ms (skew included) are set. DEADLINE: expired. UNAUTHENTICATED: not meant for us, not valid yet, or claims are
 * missing or of the wrong type; *why says which, in static text. */
base_err token_jwt_judge(const token_jwt *t, const token_jwt_demand *demand, int64_t wall_ms,
                         char subject[TOKEN_SUBJECT_SIZE], int64_t *expires_ms, const char **why) BASE_MUST_USE;
/* Whether `scope` (names separated by blanks) or `scp` (an array, or the same) has the name; whether the array `roles` has. */
bool token_jwt_has_scope(const token_jwt *t, const char *name);
bool token_jwt_has_role(const token_jwt *t, const char *name);
/* All of `roles`, separated by blanks; "" without. UNAUTHENTICATED: no list of names without blanks, or too many for `size`. */
base_err token_jwt_roles(const token_jwt *t, char *out, size_t size) BASE_MUST_USE;

#endif
