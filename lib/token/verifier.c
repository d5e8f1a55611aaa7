#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/url.h"
#include "token/jwt.h"
#include "token/keeper.h"
#include "token/proofs.h"

enum { SKEW_MS = 30000 };
_Static_assert(TOKEN_ROLES_SIZE <= (int)TOKEN_NOTE_SIZE, "a proof's note holds the roles");

struct token_verifier {
  char *issuer, *audience, *jwks_file, *jwks_url;
  int64_t skew_ms;
  token_keeper *keeper; /* NULL: the keys come by token_verifier_set_keys() */
  token_proofs *proofs;
  pthread_mutex_t lock;
  token_keys *keys; /* under the lock; without a keeper */
};

/* -- keys ------------------------------------------------------------------------------------------------------------- */

/* A reference; NULL: there are none yet. */
static token_keys *keys_of(token_verifier *v) {
  if (v->keeper) {
    return token_keeper_keys(v->keeper, 0);
  }
  pthread_mutex_lock(&v->lock);
  token_keys *keys = v->keys ? token_keys_ref(v->keys) : NULL;
  pthread_mutex_unlock(&v->lock);
  return keys;
}

base_err token_verifier_set_keys(token_verifier *v, base_span jwks) {
  token_keys *keys = NULL;
  if (v->keeper) {
    return base_fail(BASE_E_PRECONDITION);
  }
  BASE_TRY(token_keys_parse(jwks, NULL, &keys));
  pthread_mutex_lock(&v->lock);
  token_keys *old = v->keys;
  v->keys = keys;
  pthread_mutex_unlock(&v->lock);
  token_keys_unref(old);
  token_proofs_drop(v->proofs);
  return BASE_OK;
}

/* -- tokens ----------------------------------------------------------------------------------------------------------- */

static base_err prove(token_verifier *v, const token_jwt *t, const char **why) {
  token_keys *keys = keys_of(v);
  bool none = keys == NULL;
  base_err e = keys ? token_jwt_prove(t, keys) : base_fail(BASE_E_NOT_FOUND);
  token_keys_unref(keys);
  if (base_is(e, BASE_E_NOT_FOUND) && (v->keeper ? token_keeper_want(v->keeper, 0) : none)) {
    *why = "the key that signed the token is being fetched; try again in a moment";
    return base_fail(BASE_E_UNAVAILABLE);
  }
  if (!base_is_ok(e)) {
    *why = "no key of its issuer has signed the token";
    return base_fail(BASE_E_UNAUTHENTICATED);
  }
  return BASE_OK;
}

static base_err judge(const token_verifier *v, const token_jwt *t, int64_t wall_ms, token_identity *out,
                      const char **why) {
  const token_jwt_demand demand = {.audience = v->audience, .skew_ms = v->skew_ms};
  BASE_TRY(token_jwt_judge(t, &demand, wall_ms, out->subject, &out->expires_ms, why));
  *why = "its roles are no list of names, or too many";
  return token_jwt_roles(t, out->roles, sizeof out->roles);
}

static base_err read_token(token_verifier *v, base_span token, int64_t wall_ms, token_identity *out, const char **why) {
  token_jwt t;
  *why = "it is no signed JWT of a kind known here";
  base_err e = token_jwt_read(&t, token);
  if (base_is_ok(e) && strcmp(token_jwt_issuer(&t), v->issuer) != 0) {
    *why = "its issuer is not known here";
    e = base_fail(BASE_E_UNAUTHENTICATED);
  }
  if (base_is_ok(e)) {
    e = prove(v, &t, why);
  }
  if (base_is_ok(e)) {
    e = judge(v, &t, wall_ms, out, why);
  }
  token_jwt_dispose(&t);
  return base_is(e, BASE_E_MALFORMED) ? base_fail(BASE_E_UNAUTHENTICATED) : e;
}

/* True: it was proven before. */
static bool recall(token_verifier *v, const uint8_t *digest, token_identity *out) {
  token_proof proof;
  if (!token_proofs_get(v->proofs, digest, &proof)) {
    return false;
  }
  *out = (token_identity){.expires_ms = proof.expires_ms};
  memcpy(out->subject, proof.subject, sizeof out->subject);
  memcpy(out->roles, proof.note, sizeof out->roles);
  return true;
}

static void remember(token_verifier *v, uint64_t era, const uint8_t *digest, const token_identity *id) {
  token_proof proof = {.expires_ms = id->expires_ms};
  memcpy(proof.subject, id->subject, sizeof proof.subject);
  memcpy(proof.note, id->roles, sizeof id->roles);
  token_proofs_put(v->proofs, era, digest, &proof);
}

base_err token_verify(token_verifier *v, base_span token, int64_t wall_ms, token_identity *out, const char **why) {
  uint8_t digest[TOKEN_DIGEST_SIZE];
  const char *unheard;
  why = why ? why : &unheard;
  if (token.n == 0 || token.n > TOKEN_MAX) {
    *why = "it is empty, or longer than 8 KiB";
    return base_fail(BASE_E_UNAUTHENTICATED);
  }
  SHA256(token.p, token.n, digest);
  uint64_t era = token_proofs_era(v->proofs);
  token_identity id = {0};
  if (recall(v, digest, &id)) {
    if (id.expires_ms <= wall_ms) {
      *why = "it has expired";
      return base_fail(BASE_E_DEADLINE);
    }
  } else {
    BASE_TRY(read_token(v, token, wall_ms, &id, why));
    remember(v, era, digest, &id);
  }
  *out = id;
  return BASE_OK;
}

/* -- lifetime --------------------------------------------------------------------------------------------------------- */

static void on_change(void *ctx) { token_proofs_drop(((token_verifier *)ctx)->proofs); }

static base_err complain(base_buf *why, const char *what) {
  BASE_TRY(base_buf_str(why, what));
  return base_fail(BASE_E_INVALID);
}

static base_err check(const token_verifier_options *o, base_buf *why) {
  if (o->issuer == NULL || o->issuer[0] == '\0' || o->audience == NULL || o->audience[0] == '\0') {
    return complain(why, "issuer and audience are wanted");
  }
  if (o->jwks_file && o->jwks_url) {
    return complain(why, "either jwks_file or jwks_url");
  }
  if (o->jwks_url && !base_url_ok(o->jwks_url)) {
    return complain(why, "jwks_url must begin with https:// (or http:// and a loopback address)");
  }
  return o->clock_skew_ms < 0 ? complain(why, "a time may not be negative") : BASE_OK;
}

static base_err copy_text(const char *from, char **to) {
  *to = from ? strdup(from) : NULL;
  return from == NULL || *to ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err start(token_verifier *v, const token_verifier_options *o, base_buf *why) {
  BASE_TRY(copy_text(o->issuer, &v->issuer));
  BASE_TRY(copy_text(o->audience, &v->audience));
  BASE_TRY(copy_text(o->jwks_file, &v->jwks_file));
  BASE_TRY(copy_text(o->jwks_url, &v->jwks_url));
  v->skew_ms = o->clock_skew_ms ? o->clock_skew_ms : SKEW_MS;
  BASE_TRY(token_proofs_new(&v->proofs));
  if (v->jwks_file == NULL && v->jwks_url == NULL) {
    return BASE_OK;
  }
  const token_source source = {.issuer = v->issuer, .jwks_file = v->jwks_file, .jwks_url = v->jwks_url};
  const token_keeper_callbacks callbacks = {.on_change = on_change, .ctx = v};
  return token_keeper_new(&source, 1, &callbacks, why, &v->keeper);
}

base_err token_verifier_new(const token_verifier_options *options, base_buf *why, token_verifier **out) {
  BASE_TRY(check(options, why));
  token_verifier *v = calloc(1, sizeof *v);
  if (v == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  pthread_mutex_init(&v->lock, NULL);
  base_err e = start(v, options, why);
  if (!base_is_ok(e)) {
    token_verifier_free(v);
    return e;
  }
  *out = v;
  return BASE_OK;
}

void token_verifier_free(token_verifier *v) {
  if (v == NULL) {
    return;
  }
  token_keeper_free(v->keeper);
  token_keys_unref(v->keys);
  token_proofs_free(v->proofs);
  pthread_mutex_destroy(&v->lock);
  free(v->issuer);
  free(v->audience);
  free(v->jwks_file);
  free(v->jwks_url);
  free(v);
}
