/* keys.h - the keys that sign access tokens, in the store, so that all processes of the service sign and publish the same ones.
 *
 * A new key is published at once and signs two minutes later: by then every process has read it (upkeep, each minute), and whoever verifies can find it. The one before it
 * stays published until its last token has expired. In the caller's transaction.
 */
#ifndef PONTE_USERS_KEYS_H
#define PONTE_USERS_KEYS_H

#include "store/store.h"
#include "token/token.h"

#define USERS_ACCESS_US (INT64_C(15) * 60 * 1000000) /* how long an access token is good */
#define USERS_AUDIENCE "ponte"                       /* of access tokens; and issuer, unless it is set */

/* The first key, which signs at once; a new one when the newest is 30 days old; drops those that are no longer wanted. */
base_err users_keys_upkeep(store_tx *tx, int64_t now_us) BASE_MUST_USE;
/* A new key; the newest one if that does not sign yet. */
base_err users_keys_rotate(store_tx *tx, int64_t now_us, char key_id[TOKEN_KEY_ID_SIZE]) BASE_MUST_USE;
/* Signs with the key of the time, claims->issued_ms. */
base_err users_keys_sign(store_tx *tx, const token_claims *claims, base_buf *out) BASE_MUST_USE;
/* The public halves as a JWKS document, appended; the newest first. */
base_err users_keys_publish(store_tx *tx, base_buf *out) BASE_MUST_USE;

#endif
