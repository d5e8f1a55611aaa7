/* session.h - who is signed in: one record a session, with the hash of the one refresh token that is good now.
 *
 * A refresh token is random text: 144 bits name the session, 264 bits are its secret, which changes each time. Nobody can know the name who never had a token of the
 * session, so a known name with a wrong secret is a token that was used before. The store keeps SHA-256 of both; the texts are nowhere but at the client.
 * Sources: RFC 9700 section 4.14.2 (rotation and reuse of refresh tokens).
 */
#ifndef PONTE_USERS_SESSION_H
#define PONTE_USERS_SESSION_H

#include "store/store.h"

enum { USERS_REFRESH_SIZE = 69 };

typedef struct {
  char refresh_token[USERS_REFRESH_SIZE];
  int64_t expire_us; /* unless it is used again before */
} users_session;

/* A new session, 30 days from now, or from when it is used last, and 90 at most. In a write transaction, as all here. */
base_err users_session_start(store_tx *tx, const char *user_id, int64_t now_us, users_session *out) BASE_MUST_USE;

enum users_rotation {
  USERS_ROTATED,
  USERS_SESSION_UNKNOWN, /* none of ours, ended or expired */
  USERS_TOKEN_REUSED,    /* the session is ended by that */
};
/* Gives a new token for one that was good. user_id is set unless the session is unknown. */
base_err users_session_rotate(store_tx *tx, const char *refresh_token, int64_t now_us, users_session *out,
                              char user_id[37], enum users_rotation *how) BASE_MUST_USE;
/* Ends the session of this token, be it the present one or an older one; OK if there is none. */
base_err users_session_end(store_tx *tx, const char *refresh_token) BASE_MUST_USE;
/* Ends all of a user's sessions: when the user is deleted, or has a new password. */
base_err users_sessions_end(store_tx *tx, const char *user_id) BASE_MUST_USE;
/* Drops the expired ones. */
base_err users_sessions_purge(store_tx *tx, int64_t now_us) BASE_MUST_USE;

#endif
