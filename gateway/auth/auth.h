/* auth.h - who calls, and whether they may: JWTs and API keys to identities, and rules from methods to scopes and roles.
 *
 * Sources: RFC 7519 (JWT), RFC 7515 (JWS), RFC 7517 (JWK), RFC 8725 (JWT best current practices), RFC 6750 (bearer tokens).
 * A gw_auth is shared by all workers: it is immutable but for its key set and its cache of proven tokens, which have their own lock.
 */
#ifndef PONTE_GATEWAY_AUTH_H
#define PONTE_GATEWAY_AUTH_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/status.h"

typedef struct gw_auth gw_auth;

enum { GW_AUTH_ISSUERS = 8, GW_AUTH_RULES = 256, GW_AUTH_NAMES = 16 };

/* Plain data; strings belong to the configuration. */
typedef struct {
  char *issuer, *audience; /* must equal iss, be in aud; the audience may be NULL: not checked */
  char *jwks_file,
      *jwks_url; /* one of them; a file is read again when it changes, a URL each jwks_refresh_ms and when a kid is unknown (at most once in 10 s) */
  int64_t jwks_refresh_ms; /* 0 = 5 min */
  int64_t clock_skew_ms;   /* 0 = 30 s */
} gw_auth_issuer;

typedef struct {
  char *prefix;   /* "/", "/package.Service/", or "/package.Service/Method": the longest match decides */
  bool is_public; /* no identity needed */
  char *scopes[GW_AUTH_NAMES], *roles[GW_AUTH_NAMES]; /* any one of them will do; both empty: any identity will do */
  int scope_count, role_count;
} gw_auth_rule;

typedef struct {
  gw_auth_issuer issuers[GW_AUTH_ISSUERS];
  int issuer_count;
  char *
      api_keys_file; /* lines: "sha256-hex subject scope,scope role,role [expires RFC 3339]"; x-api-key carries the key */
  gw_auth_rule *rules; /* no rule matches: denied */
  int rule_count;
} gw_auth_options;

/* Authentication is on as soon as an issuer or an api_keys_file is given. */
static inline bool gw_auth_is_on(const gw_auth_options *o) { return o->issuer_count > 0 || o->api_keys_file != NULL; }

/* INVALID / NOT_FOUND: a file or a key in it; `why` says which and what to do. Copies what it needs. Key sets by URL are fetched by a thread of its own. */
base_err gw_auth_new(const gw_auth_options *options, base_buf *why, gw_auth **out) BASE_MUST_USE;
void gw_auth_free(gw_auth *a); /* joins its thread; NULL is allowed */

/* After a reload: key sets by URL that `from` has are taken over until they have been fetched anew, lest an issuer that cannot be reached should shut everybody out.
 * Before the first check of `a`; `from` may be in use. */
void gw_auth_inherit(gw_auth *a, gw_auth *from);

typedef struct {
  char subject[128];
  int64_t expires_ms; /* wall clock; INT64_MAX: never */
} gw_identity;

/* Reads authorization and x-api-key of the call's metadata, and checks the rules for `path`. OK: *who is filled (subject "" on a public method without good
 * credentials). UNAUTHENTICATED: none, malformed, expired, forged. DENIED: known, but not allowed, or no rule. UNAVAILABLE: the token's key is being fetched.
 * *refusal (initialised) then holds the status with its ErrorInfo; the reason never says more than the caller may know. */
base_err gw_auth_check(gw_auth *a, base_span path, const wire_metadata *metadata, int64_t wall_ms, gw_identity *who,
                       wire_status *refusal) BASE_MUST_USE;
/* The same with the token alone, as WebSockets bring it; without a path (n = 0), for the identity alone. */
base_err gw_auth_check_token(gw_auth *a, base_span path, base_span token, int64_t wall_ms, gw_identity *who,
                             wire_status *refusal) BASE_MUST_USE;

#endif
