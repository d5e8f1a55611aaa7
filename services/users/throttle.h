/* throttle.h - how often somebody may try: attempts are counted in the store before they are judged, by e-mail address and by the caller's address, so that neither many
 * connections nor many processes get more of them. After some that are free, each failure doubles the wait, up to 15 minutes.
 *
 * Keys are hashes: people type passwords into the wrong field. The functions work in the caller's write transaction.
 */
#ifndef PONTE_USERS_THROTTLE_H
#define PONTE_USERS_THROTTLE_H

#include "store/store.h"

enum users_attempt {
  USERS_ATTEMPT_EMAIL, /* a password for this address: 5 are free; forgotten after a day */
  USERS_ATTEMPT_CALLER, /* a password from this connection's address, behind which a school may be: 100 are free; forgotten after an hour */
  USERS_ATTEMPT_SIGN_UP, /* a sign-up from it: the same */
};

/* How long to wait after so many failures in a row. Pure. */
int64_t users_throttle_wait_us(enum users_attempt kind, int64_t failures);

/* Counts an attempt as a failure, unless it comes too early: then *wait_us > 0 says how long to wait, and nothing is counted. */
base_err users_throttle_begin(store_tx *tx, enum users_attempt kind, base_span whose, int64_t now_us,
                              int64_t *wait_us) BASE_MUST_USE;
/* A password for an e-mail address, from a caller's address (empty: not counted): both are counted or, if one of them comes too early, none. */
base_err users_throttle_begin_sign_in(store_tx *tx, base_span email, base_span caller, int64_t now_us,
                                      int64_t *wait_us) BASE_MUST_USE;
/* It was no failure after all: an e-mail address starts anew; of a caller's address, this one attempt is taken back. */
base_err users_throttle_forgive(store_tx *tx, enum users_attempt kind, base_span whose) BASE_MUST_USE;
/* Drops what is forgotten. */
base_err users_throttle_purge(store_tx *tx, int64_t now_us) BASE_MUST_USE;

#endif
