/* identity.h - the methods that prove who somebody is: sign-up and sign-in, sessions, passwords, keys. Steps of svc/svc.h. docs/identity.md.
 *
 * Their state is made when the service opens and is shared by all threads.
 */
#ifndef PONTE_USERS_IDENTITY_H
#define PONTE_USERS_IDENTITY_H

#include <pthread.h>

#include "ponte/users/v1/users.ponte.svc.h"
#include "token/token.h"
#include "users/password.h"

typedef struct {
  store *store;
  const char *issuer;       /* of tokens */
  token_verifier *verifier; /* NULL: authentication is off */
  users_hasher *hasher;
  pthread_mutex_t lock;
  base_buf jwks; /* under the lock: what is published, and what the verifier has */
} users_identity;

/* Makes the first key. *why says what failed. The issuer's name outlives it; NULL: "ponte". */
base_err users_identity_new(store *s, token_verifier *verifier, const char *issuer, base_buf *why,
                            users_identity **out) BASE_MUST_USE;
void users_identity_free(users_identity *id); /* NULL is allowed */
/* Upkeep of keys, sessions and counters; takes over keys that other processes made. */
void users_identity_tick(users_identity *id, int64_t wall_ms);
/* /.well-known/jwks.json. Any thread. */
base_err users_identity_jwks(users_identity *id, base_buf *out) BASE_MUST_USE;

/* CreateUser's password: hashed into the call's memory before the transaction, NULL for an empty one; kept within it. */
base_err users_take_password(svc_call *c, const char *field, const char *password, const char **hash) BASE_MUST_USE;
base_err users_password_put(store_tx *tx, const char *user_id, const char *hash, bool one_time,
                            int64_t now_us) BASE_MUST_USE;
/* Of any user; NULL without a password. In the call's memory. */
base_err users_password_get(svc_call *c, store_tx *tx, const char *user_id, const char **hash,
                            bool *one_time) BASE_MUST_USE;

base_err users_sign_up(svc_call *c, const Ponte__Users__V1__SignUpRequest *request,
                       Ponte__Users__V1__Session *response);
base_err users_sign_in(svc_call *c, const Ponte__Users__V1__SignInRequest *request,
                       Ponte__Users__V1__Session *response);
base_err users_refresh_session(svc_call *c, const Ponte__Users__V1__RefreshSessionRequest *request,
                               Ponte__Users__V1__Session *response);
base_err users_sign_out(svc_call *c, const Ponte__Users__V1__SignOutRequest *request,
                        Google__Protobuf__Empty *response);
base_err users_set_password(svc_call *c, const Ponte__Users__V1__SetPasswordRequest *request,
                            Google__Protobuf__Empty *response);
base_err users_rotate_keys(svc_call *c, const Ponte__Users__V1__RotateKeysRequest *request,
                           Ponte__Users__V1__RotateKeysResponse *response);

#endif
