#include "users/identity.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "users/keys.h"
#include "users/session.h"
#include "users/throttle.h"

enum { JWKS_MAX = 65536 };
/* Each hash takes 64 MiB and a core, and each that waits a thread of the service, which other methods want too. */
static const users_hasher_limits hashing = {.at_once = 2, .waiting = 12, .wait_ms = 5000};

/* -- keys -------------------------------------------------------------------------------------------------------------- */

static base_err read_keys(void *ctx, store_tx *tx) {
  base_buf_clear(ctx);
  return users_keys_publish(tx, ctx);
}

/* Publishes what the store has. A set that is the same stays as it is: a changed one makes the verifier forget what it has proven. */
static base_err publish(users_identity *id) {
  base_buf now;
  base_buf_init(&now, JWKS_MAX);
  base_err e = store_read(id->store, read_keys, &now);
  pthread_mutex_lock(&id->lock);
  if (base_is_ok(e) && !base_span_eq(base_buf_span(&now), base_buf_span(&id->jwks))) {
    e = id->verifier ? token_verifier_set_keys(id->verifier, base_buf_span(&now)) : BASE_OK;
    if (base_is_ok(e) || base_is(e, BASE_E_PRECONDITION)) { /* PRECONDITION: the operator chose keys from elsewhere */
      e = BASE_OK;
      base_buf old = id->jwks;
      id->jwks = now;
      now = old;
    }
  }
  pthread_mutex_unlock(&id->lock);
  base_buf_dispose(&now);
  return e;
}

base_err users_identity_jwks(users_identity *id, base_buf *out) {
  pthread_mutex_lock(&id->lock);
  base_err e = base_buf_append(out, base_buf_span(&id->jwks));
  pthread_mutex_unlock(&id->lock);
  return e;
}

typedef struct {
  int64_t now_us;
  char *key_id;
} rotation;

static base_err rotate(void *ctx, store_tx *tx) {
  const rotation *r = ctx;
  return users_keys_rotate(tx, r->now_us, r->key_id);
}

base_err users_rotate_keys(svc_call *c, const Ponte__Users__V1__RotateKeysRequest *request,
                           Ponte__Users__V1__RotateKeysResponse *response) {
  (void)request;
  users_identity *id = svc_state(c);
  rotation r = {.now_us = svc_now_us(c), .key_id = svc_alloc(c, TOKEN_KEY_ID_SIZE)};
  if (!r.key_id) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(store_write(id->store, rotate, &r));
  BASE_TRY(publish(id));
  BASE_LOG(BASE_LOG_INFO, "signing key made", LOG_STR("key_id", r.key_id), LOG_STR("by", svc_caller(c)));
  response->key_id = r.key_id;
  return BASE_OK;
}

/* -- upkeep ------------------------------------------------------------------------------------------------------------ */

static base_err tidy(void *ctx, store_tx *tx) {
  int64_t now_us = *(const int64_t *)ctx;
  BASE_TRY(users_keys_upkeep(tx, now_us));
  BASE_TRY(users_sessions_purge(tx, now_us));
  return users_throttle_purge(tx, now_us);
}

static base_err upkeep(users_identity *id, int64_t wall_ms) {
  int64_t now_us = wall_ms * 1000;
  BASE_TRY(store_write(id->store, tidy, &now_us));
  return publish(id);
}

void users_identity_tick(users_identity *id, int64_t wall_ms) {
  base_err e = upkeep(id, wall_ms);
  if (!base_is_ok(e)) BASE_LOG(BASE_LOG_WARN, "no upkeep of keys and sessions", LOG_STR("why", base_err_text(e)));
}

/* -- lifetime ---------------------------------------------------------------------------------------------------------- */

base_err users_identity_new(store *s, token_verifier *verifier, const char *issuer, base_buf *why,
                            users_identity **out) {
  users_identity *id = calloc(1, sizeof *id);
  if (!id) return base_fail(BASE_E_NO_MEMORY);
  id->store = s;
  id->verifier = verifier;
  id->issuer = issuer ? issuer : USERS_AUDIENCE;
  pthread_mutex_init(&id->lock, NULL);
  base_buf_init(&id->jwks, JWKS_MAX);
  base_err e = users_hasher_new(&hashing, &id->hasher);
  if (base_is_ok(e)) e = upkeep(id, base_wall_ms());
  if (base_is_ok(e)) {
    *out = id;
    return BASE_OK;
  }
  base_err told = base_buf_printf(why, "no keys to sign with: %s", base_err_text(e));
  (void)told; /* without memory the error itself must do */
  users_identity_free(id);
  return e;
}

void users_identity_free(users_identity *id) {
  if (!id) return;
  users_hasher_free(id->hasher);
  base_buf_dispose(&id->jwks);
  pthread_mutex_destroy(&id->lock);
  free(id);
}
