#include "gateway/auth/auth.h"

#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/auth/api_keys_file.h"
#include "gateway/auth/options.h"
#include "gateway/refusal/refusal.h"
#include "token/keeper.h"
#include "token/proofs.h"

enum { SKEW_MS = 30000, RETRY_MS = 1000 };
/* Bit i of a proof's note: rule i lets the token through. */
_Static_assert(GW_AUTH_RULES <= TOKEN_NOTE_SIZE * 8, "a bit a rule");
_Static_assert(GW_AUTH_ISSUERS <= (int)TOKEN_SOURCES, "a key set an issuer");

struct gw_auth {
  gw_auth_options options; /* of our own */
  token_keeper *keeper;
  token_proofs *proofs;
  gw_api_keys_file api_keys; /* .file is NULL: none */
};

/* What came of looking at credentials. */
struct verdict {
  bool known;
  token_proof proof;
  enum gw_refusal why;
  char message[160];
};

__attribute__((format(printf, 3, 4))) static void refuse(struct verdict *v, enum gw_refusal why, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(v->message, sizeof v->message, fmt, ap);
  va_end(ap);
  v->why = why;
}

/* -- rules ------------------------------------------------------------------------------------------------------------ */

/* A prefix that ends in "/" covers what is below; any other is a method's whole path, lest Get should open GetAll too. */
static bool covers(const char *prefix, base_span path) {
  base_span s = base_span_str(prefix);
  return s.n > 0 && s.p[s.n - 1] == '/' ? base_span_starts(path, prefix) : base_span_eq(s, path);
}

/* -1: none. */
static int rule_of(const gw_auth *a, base_span path) {
  int best = -1;
  size_t length = 0;
  for (int i = 0; i < a->options.rule_count; i++) {
    size_t n = strlen(a->options.rules[i].prefix);
    if (n > length && covers(a->options.rules[i].prefix, path)) {
      best = i;
      length = n;
    }
  }
  return best;
}

/* Whether the holder has any one of what a rule wants; `has` are of a token or of an API key. */
typedef bool has_fn(const void *holder, const char *name);

static bool lets_through(const gw_auth_rule *r, const void *holder, has_fn *has_scope, has_fn *has_role) {
  bool any = r->scope_count == 0 && r->role_count == 0;
  for (int i = 0; !any && i < r->scope_count; i++) {
    any = has_scope(holder, r->scopes[i]);
  }
  for (int i = 0; !any && i < r->role_count; i++) {
    any = has_role(holder, r->roles[i]);
  }
  return any;
}

static void weigh(const gw_auth *a, token_proof *proof, const void *holder, has_fn *has_scope, has_fn *has_role) {
  memset(proof->note, 0, sizeof proof->note);
  for (int i = 0; i < a->options.rule_count; i++) {
    if (lets_through(&a->options.rules[i], holder, has_scope, has_role)) {
      proof->note[i / 8] |= (uint8_t)(1 << i % 8);
    }
  }
}

static bool token_has_scope(const void *t, const char *name) { return token_jwt_has_scope(t, name); }
static bool token_has_role(const void *t, const char *name) { return token_jwt_has_role(t, name); }
static bool key_has_scope(const void *k, const char *name) { return gw_api_key_has_scope(k, name); }
static bool key_has_role(const void *k, const char *name) { return gw_api_key_has_role(k, name); }

/* -- tokens ------------------------------------------------------------------------------------------------------------ */

static int issuer_of(const gw_auth *a, const token_jwt *t) {
  for (int i = 0; i < a->options.issuer_count; i++) {
    if (strcmp(a->options.issuers[i].issuer, token_jwt_issuer(t)) == 0) {
      return i;
    }
  }
  return -1;
}

/* The signature. True: it is good. */
static bool prove(gw_auth *a, const token_jwt *t, int issuer, struct verdict *v) {
  token_keys *keys = token_keeper_keys(a->keeper, issuer);
  base_err e = keys ? token_jwt_prove(t, keys) : base_fail(BASE_E_NOT_FOUND);
  token_keys_unref(keys);
  if (base_is(e, BASE_E_NOT_FOUND) && token_keeper_want(a->keeper, issuer)) {
    refuse(v, GW_REFUSAL_KEY_SET_UNAVAILABLE, "the key that signed the token is being fetched; try again in a moment");
  } else if (!base_is_ok(e)) {
    refuse(v, GW_REFUSAL_TOKEN_INVALID, "the token is refused: no key of its issuer has signed it");
  }
  return base_is_ok(e);
}

static void judge(gw_auth *a, const token_jwt *t, int issuer, int64_t wall_ms, struct verdict *v) {
  const gw_auth_issuer *from = &a->options.issuers[issuer];
  const token_jwt_demand demand = {.audience = from->audience,
                                   .skew_ms = from->clock_skew_ms ? from->clock_skew_ms : SKEW_MS};
  const char *why = "";
  base_err e = token_jwt_judge(t, &demand, wall_ms, v->proof.subject, &v->proof.expires_ms, &why);
  if (base_is_ok(e)) {
    weigh(a, &v->proof, t, token_has_scope, token_has_role);
    v->known = true;
  } else {
    refuse(v, base_is(e, BASE_E_DEADLINE) ? GW_REFUSAL_TOKEN_EXPIRED : GW_REFUSAL_TOKEN_INVALID,
           "the token is refused: %s", why);
  }
}

static void read_token(gw_auth *a, base_span token, int64_t wall_ms, struct verdict *v) {
  token_jwt t;
  base_err e = token_jwt_read(&t, token);
  int issuer = base_is_ok(e) ? issuer_of(a, &t) : -1;
  if (!base_is_ok(e)) {
    refuse(v, GW_REFUSAL_TOKEN_INVALID, "the token is refused: it is no signed JWT of a kind known here");
  } else if (issuer < 0) {
    refuse(v, GW_REFUSAL_TOKEN_INVALID, "the token is refused: its issuer is not known here");
  } else if (prove(a, &t, issuer, v)) {
    judge(a, &t, issuer, wall_ms, v);
  }
  token_jwt_dispose(&t);
}

static void look_at_token(gw_auth *a, base_span token, int64_t wall_ms, struct verdict *v) {
  uint8_t digest[TOKEN_DIGEST_SIZE];
  if (token.n == 0 || token.n > TOKEN_MAX) {
    refuse(v, GW_REFUSAL_TOKEN_INVALID, "the token is refused: it is empty or longer than %d bytes", TOKEN_MAX);
    return;
  }
  SHA256(token.p, token.n, digest);
  uint64_t era = token_proofs_era(a->proofs);
  if (token_proofs_get(a->proofs, digest, &v->proof)) {
    v->known = v->proof.expires_ms > wall_ms;
    if (!v->known) {
      refuse(v, GW_REFUSAL_TOKEN_EXPIRED, "the token is refused: it has expired");
    }
    return;
  }
  read_token(a, token, wall_ms, v);
  if (v->known) {
    token_proofs_put(a->proofs, era, digest, &v->proof);
  }
}

/* -- API keys ---------------------------------------------------------------------------------------------------------- */

static void look_at_api_key(gw_auth *a, base_span value, int64_t wall_ms, struct verdict *v) {
  uint8_t digest[TOKEN_DIGEST_SIZE];
  gw_api_keys *keys = a->api_keys.file ? gw_api_keys_file_get(&a->api_keys) : NULL;
  SHA256(value.n ? value.p : digest, value.n, digest);
  const gw_api_key *key = keys ? gw_api_keys_find(keys, digest) : NULL;
  if (key && gw_api_key_expires_ms(key) > wall_ms) {
    v->known = true;
    v->proof.expires_ms = gw_api_key_expires_ms(key);
    snprintf(v->proof.subject, sizeof v->proof.subject, "%s", gw_api_key_subject(key));
    weigh(a, &v->proof, key, key_has_scope, key_has_role);
  } else {
    refuse(v, GW_REFUSAL_API_KEY_INVALID, "the API key is not known or has expired");
  }
  gw_api_keys_unref(keys);
}

/* -- calls ------------------------------------------------------------------------------------------------------------- */

/* How often the key comes, and its first value. Twice is once too often: the service might read the other. */
static int values_of(const wire_metadata *m, const char *key, base_span *first) {
  int n = 0;
  for (uint32_t i = 0; m && i < m->count; i++) {
    wire_pair pair = wire_metadata_at(m, i);
    if (base_span_is(pair.key, key)) {
      *first = n++ ? *first : pair.value;
    }
  }
  return n;
}

/* RFC 6750 section 2.1; another scheme is somebody else's business. */
static bool is_bearer(base_span value, base_span *token) {
  static const char scheme[] = "bearer ";
  size_t n = sizeof scheme - 1;
  if (value.n < n || !base_span_ieq(base_span_of(value.p, n), base_span_str(scheme))) {
    return false;
  }
  *token = base_span_trim(base_span_of(value.p + n, value.n - n));
  return true;
}

static void identify(gw_auth *a, const wire_metadata *metadata, int64_t wall_ms, struct verdict *v) {
  base_span value = {0}, token = {0};
  int authorizations = values_of(metadata, "authorization", &value);
  if (authorizations > 1) {
    refuse(v, GW_REFUSAL_TOKEN_INVALID, "one authorization only");
    return;
  }
  if (a->options.issuer_count > 0 && authorizations == 1 && is_bearer(value, &token)) {
    look_at_token(a, token, wall_ms, v);
    return;
  }
  int keys = a->options.api_keys_file ? values_of(metadata, "x-api-key", &value) : 0;
  if (keys > 1) {
    refuse(v, GW_REFUSAL_API_KEY_INVALID, "one x-api-key only");
  } else if (keys == 1) {
    look_at_api_key(a, value, wall_ms, v);
  } else {
    refuse(v, GW_REFUSAL_CREDENTIALS_MISSING, "sign in first: this method wants %s",
           a->options.issuer_count == 0       ? "an x-api-key"
           : a->options.api_keys_file == NULL ? "a bearer token in authorization"
                                              : "a bearer token in authorization, or an x-api-key");
  }
}

static base_err tell(const struct verdict *v, wire_status *refusal) {
  bool later = v->why == GW_REFUSAL_KEY_SET_UNAVAILABLE;
  gw_refuse(refusal, v->why, later ? RETRY_MS : 0, v->message);
  switch (v->why) {
  case GW_REFUSAL_KEY_SET_UNAVAILABLE: return base_fail(BASE_E_UNAVAILABLE);
  case GW_REFUSAL_SCOPE_MISSING:
  case GW_REFUSAL_METHOD_CLOSED: return base_fail(BASE_E_DENIED);
  default: return base_fail(BASE_E_UNAUTHENTICATED);
  }
}

static void introduce(const struct verdict *v, gw_identity *who) {
  *who = (gw_identity){.expires_ms = v->known ? v->proof.expires_ms : INT64_MAX};
  snprintf(who->subject, sizeof who->subject, "%s", v->known ? v->proof.subject : "");
}

/* Known or not, may it call this? */
static base_err decide(gw_auth *a, base_span path, struct verdict *v, gw_identity *who, wire_status *refusal) {
  int rule = rule_of(a, path);
  if (rule >= 0 && a->options.rules[rule].is_public) {
    introduce(v, who);
    return BASE_OK;
  }
  if (v->known && rule < 0) {
    v->known = false;
    refuse(v, GW_REFUSAL_METHOD_CLOSED, "no rule opens this method to anybody");
  } else if (v->known && !(v->proof.note[rule / 8] >> rule % 8 & 1)) {
    v->known = false;
    refuse(v, GW_REFUSAL_SCOPE_MISSING, "none of the scopes and roles that open this method is the caller's");
  }
  if (!v->known) {
    return tell(v, refusal);
  }
  introduce(v, who);
  return BASE_OK;
}

base_err gw_auth_check(gw_auth *a, base_span path, const wire_metadata *metadata, int64_t wall_ms, gw_identity *who,
                       wire_status *refusal) {
  struct verdict v = {0};
  identify(a, metadata, wall_ms, &v);
  return decide(a, path, &v, who, refusal);
}

base_err gw_auth_check_token(gw_auth *a, base_span path, base_span token, int64_t wall_ms, gw_identity *who,
                             wire_status *refusal) {
  struct verdict v = {0};
  look_at_token(a, token, wall_ms, &v);
  if (path.n > 0) {
    return decide(a, path, &v, who, refusal);
  }
  if (!v.known) {
    return tell(&v, refusal);
  }
  introduce(&v, who);
  return BASE_OK;
}

/* -- lifetime ---------------------------------------------------------------------------------------------------------- */

static void on_change(void *ctx) { token_proofs_drop(((gw_auth *)ctx)->proofs); }

static void on_look(void *ctx) {
  gw_auth *a = ctx;
  if (a->api_keys.file) {
    gw_api_keys_file_look(&a->api_keys);
  }
}

static base_err start_keeper(gw_auth *a, base_buf *why) {
  token_source sources[GW_AUTH_ISSUERS];
  const token_keeper_callbacks callbacks = {.on_change = on_change, .on_look = on_look, .ctx = a};
  for (int i = 0; i < a->options.issuer_count; i++) {
    const gw_auth_issuer *from = &a->options.issuers[i];
    sources[i] = (token_source){.issuer = from->issuer,
                                .jwks_file = from->jwks_file,
                                .jwks_url = from->jwks_url,
                                .jwks_refresh_ms = from->jwks_refresh_ms};
  }
  return token_keeper_new(sources, a->options.issuer_count, &callbacks, why, &a->keeper);
}

base_err gw_auth_new(const gw_auth_options *options, base_buf *why, gw_auth **out) {
  gw_auth *a = calloc(1, sizeof *a);
  if (a == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  base_err e = gw__auth_options_check(options, why);
  if (base_is_ok(e)) {
    e = gw__auth_options_copy(options, &a->options);
  }
  if (base_is_ok(e)) {
    e = token_proofs_new(&a->proofs);
  }
  if (base_is_ok(e) && a->options.api_keys_file) {
    e = gw_api_keys_file_init(&a->api_keys, a->options.api_keys_file, why);
  }
  if (base_is_ok(e)) {
    e = start_keeper(a, why);
  }
  if (!base_is_ok(e)) {
    gw_auth_free(a);
    return e;
  }
  *out = a;
  return BASE_OK;
}

void gw_auth_inherit(gw_auth *a, gw_auth *from) { token_keeper_inherit(a->keeper, from->keeper); }

void gw_auth_free(gw_auth *a) {
  if (a) {
    token_keeper_free(a->keeper);
    token_proofs_free(a->proofs);
    if (a->api_keys.file) {
      gw_api_keys_file_dispose(&a->api_keys);
    }
    gw__auth_options_dispose(&a->options);
    free(a);
  }
}
