/* token.h - who a bearer token says its bearer is: the verifier that services use, and the signer that makes the tokens of the users service.
 *
 * Sources: RFC 7519 (JWT), RFC 9068 (JWT profile for access tokens), RFC 7517 (JWK), RFC 8725 (JWT best current practices). ES256.
 * jwt.h beside this has one token and one key set, which the gateway's rules use too.
 *
 * A verifier is shared by all threads; proofs of tokens that were seen before come from its cache.
 */
#ifndef PONTE_TOKEN_H
#define PONTE_TOKEN_H

#include "base/buf.h"

typedef struct token_verifier token_verifier;

enum { TOKEN_SUBJECT_SIZE = 128, TOKEN_ROLES_SIZE = 64 };

typedef struct {
  const char *issuer, *audience;    /* must equal iss, be in aud */
  const char *jwks_file, *jwks_url; /* at most one; without one, the keys come by token_verifier_set_keys() */
  int64_t clock_skew_ms;            /* 0 = 30 s */
} token_verifier_options;

typedef struct {
  char subject[TOKEN_SUBJECT_SIZE];
  char roles[TOKEN_ROLES_SIZE]; /* separated by blanks: "student", "teacher admin" */
  int64_t expires_ms;           /* wall clock */
} token_identity;

/* Copies the options. INVALID / NOT_FOUND with *why. A key set by URL is fetched, and fetched again, by a thread of its own. */
base_err token_verifier_new(const token_verifier_options *options, base_buf *why, token_verifier **out) BASE_MUST_USE;
void token_verifier_free(token_verifier *v); /* NULL is allowed */
/* A JWKS document, in place of the keys there were. INVALID, and the old ones stay; PRECONDITION: they come from a file or URL. */
base_err token_verifier_set_keys(token_verifier *v, base_span jwks) BASE_MUST_USE;
/* OK, UNAUTHENTICATED (no token of ours, forged, not for us), DEADLINE (expired), UNAVAILABLE (there are no keys yet). *why (may be NULL) is static text that may be told
 * to the caller. `token` is what stands behind "Bearer ". */
base_err token_verify(token_verifier *v, base_span token, int64_t wall_ms, token_identity *out,
                      const char **why) BASE_MUST_USE;

/* -- keys and tokens of our own ------------------------------------------------------------------------------------- */

enum { TOKEN_KEY_ID_SIZE = 37 };

/* A new private key (EC P-256) as a JWK with its `kid`, in JSON: a secret. Appended. */
base_err token_key_new(char key_id[TOKEN_KEY_ID_SIZE], base_buf *private_jwk) BASE_MUST_USE;
/* The public halves of private keys as a JWKS document. Appended. */
base_err token_jwks_write(const base_span *private_jwks, size_t count, base_buf *out) BASE_MUST_USE;

typedef struct {
  const char *issuer, *audience, *subject, *roles; /* roles separated by blanks; written as an array */
  const char *token_id;                            /* jti */
  int64_t issued_ms, expires_ms;                   /* wall clock */
} token_claims;
/* Appends "header.claims.signature". INVALID: the key is none. */
base_err token_sign(base_span private_jwk, const token_claims *claims, base_buf *out) BASE_MUST_USE;

#endif
