/* identity.h - who is signed in: sign-in, sign-up and sign-out at the users service, its tokens for the session of calls, kept over pages and processes.
 *
 * A refresh token is good once, and one that is used twice ends the session for everybody. So a refresh reads the record, asks the service and writes the record under a lock that only one
 * page has (wc/plat.h), before the new token is used. When a refresh got no answer, the service is asked again: it alone knows whether the first one arrived, and if it did, the
 * session has ended and one signs in again. Source: docs/identity.md.
 *
 * Thread rule: the platform's thread; on_change and on_record come from its loop, never from inside a function, and wc_identity_free must not be called from inside them.
 */
#ifndef PONTE_WC_IDENTITY_H
#define PONTE_WC_IDENTITY_H

#include "wc/held_session.h"
#include "wc/session.h"

typedef struct wc_identity wc_identity;

/*      name           meaning */
#define WC_IDENTITY_STATES(X)                                                                             \
  X(STARTING) /* the record is being read */                                                              \
  X(SIGNED_OUT)                                                                                           \
  X(SIGNING_IN)                                                                                           \
  X(SIGNED_IN)                                                                                            \
  X(REFRESHING)  /* there is a session, but no good token yet */                                          \
  X(MUST_CHANGE) /* signed in with a one-time password: good for setting another, and for nothing else */ \
  X(CHANGING)    /* a password is being set */                                                            \
  X(ENDED)       /* the session has ended, and not by sign-out: sign in again */

enum wc_identity_state {
#define X(name) WC_IDENTITY_##name,
  WC_IDENTITY_STATES(X)
#undef X
      WC_IDENTITY_COUNT
};

typedef struct {
  /* The state, or who is signed in. `why`: what was refused or went wrong on the way here; else code 0. */
  void (*on_change)(void *ctx, wc_identity *id, const wire_status *why);
  /* The record was written: other pages want wc_identity_reread(). */
  void (*on_record)(void *ctx);
  void *ctx;
} wc_identity_events;

/* Reads the record first. The session gets its tokens from here alone from now on, and must outlive this. NO_MEMORY. */
base_err wc_identity_new(wc_plat *plat, wc_session *session, const wc_identity_events *events,
                         wc_identity **out) BASE_MUST_USE;
/* Nobody is signed out by this. NULL is allowed. */
void wc_identity_free(wc_identity *id);

enum wc_identity_state wc_identity_state(const wc_identity *id);
/* Who; its `session` is NULL if nobody is. Borrowed until the next callback or call. */
const wc_held_session *wc_identity_held(const wc_identity *id);
/* There is a token that is good for calls. */
bool wc_identity_is_good(const wc_identity *id);

/* PRECONDITION: somebody is signed in already, or is being signed in; NO_MEMORY. What the service says comes with the next state. */
base_err wc_identity_sign_in(wc_identity *id, const char *email, const char *password) BASE_MUST_USE;
base_err wc_identity_sign_up(wc_identity *id, const char *name, const char *email, const char *password) BASE_MUST_USE;
/* Signs in again with the new one, since this ends all sessions of the user. PRECONDITION: nobody is signed in. */
base_err wc_identity_set_password(wc_identity *id, const char *old_password, const char *new_password) BASE_MUST_USE;
/* At once here; the service is told as soon as it can be, while this lives. Also gives up a sign-in. */
void wc_identity_sign_out(wc_identity *id);

/* Another page wrote the record. */
void wc_identity_reread(wc_identity *id);
/* A call ended with UNAUTHENTICATED although it had a token: a new one is wanted, unless this one has just been given. */
void wc_identity_refused(wc_identity *id);
/* The session of calls stopped with 4004. A new token is wanted; if this one had just been given, the session has ended. */
void wc_identity_closed(wc_identity *id);
/* The network came back, or the page: forget the back-off, and look whether the token is still good. */
void wc_identity_retry_now(wc_identity *id);

#endif
