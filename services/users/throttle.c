#include "users/throttle.h"

#include <sodium.h>

#define SECOND_US INT64_C(1000000)
#define WAIT_MAX_US (15 * 60 * SECOND_US)
#define HOUR_US (3600 * SECOND_US)

static const struct {
  int64_t free, forget_us;
  bool resets; /* a success starts anew */
} kinds[] = {
    [USERS_ATTEMPT_EMAIL] = {.free = 5, .forget_us = 24 * HOUR_US, .resets = true},
    [USERS_ATTEMPT_CALLER] = {.free = 100, .forget_us = HOUR_US},
    [USERS_ATTEMPT_SIGN_UP] = {.free = 100, .forget_us = HOUR_US},
};

static const store_statement select_attempts = {
    "SELECT failures, until_us FROM attempts WHERE whose = $1 AND forget_us > $2"};
static const store_statement put_attempts = {
    "INSERT INTO attempts (whose, failures, until_us, forget_us) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (whose) DO UPDATE SET failures = excluded.failures, until_us = excluded.until_us,"
    " forget_us = excluded.forget_us"};
static const store_statement delete_attempts = {"DELETE FROM attempts WHERE whose = $1"};
static const store_statement take_back = {
    "UPDATE attempts SET failures = failures - 1, until_us = 0 WHERE whose = $1 AND failures > 0"};
static const store_statement purge = {"DELETE FROM attempts WHERE forget_us <= $1"};

int64_t users_throttle_wait_us(enum users_attempt kind, int64_t failures) {
  int64_t wait_us = failures < kinds[kind].free ? 0 : SECOND_US;
  for (int64_t n = kinds[kind].free; n < failures && wait_us < WAIT_MAX_US; n++)
    wait_us *= 2;
  return wait_us < WAIT_MAX_US ? wait_us : WAIT_MAX_US;
}

static void key_of(enum users_attempt kind, base_span whose, uint8_t out[crypto_hash_sha256_BYTES]) {
  crypto_hash_sha256_state hash;
  uint8_t tag = (uint8_t)kind;
  crypto_hash_sha256_init(&hash);
  crypto_hash_sha256_update(&hash, &tag, 1);
  if (whose.n) crypto_hash_sha256_update(&hash, whose.p, whose.n);
  crypto_hash_sha256_final(&hash, out);
}

base_err users_throttle_begin(store_tx *tx, enum users_attempt kind, base_span whose, int64_t now_us,
                              int64_t *wait_us) {
  uint8_t key[crypto_hash_sha256_BYTES];
  store_rows *rows = NULL;
  key_of(kind, whose, key);
  store_value at = store_bytes(base_span_of(key, sizeof key));
  BASE_TRY(store_query(tx, &select_attempts, STORE_VALUES(at, store_int(now_us)), &rows));
  base_err e = store_next(rows);
  int64_t failures = 1;
  if (base_is_ok(e)) {
    *wait_us = store_column_int(rows, 1) - now_us;
    if (*wait_us > 0) return BASE_OK;
    failures += store_column_int(rows, 0);
  } else if (!base_is(e, BASE_E_NOT_FOUND)) {
    return e;
  }
  *wait_us = 0;
  return store_exec(tx, &put_attempts,
                    STORE_VALUES(at, store_int(failures), store_int(now_us + users_throttle_wait_us(kind, failures)),
                                 store_int(now_us + kinds[kind].forget_us)),
                    NULL);
}

base_err users_throttle_forgive(store_tx *tx, enum users_attempt kind, base_span whose) {
  uint8_t key[crypto_hash_sha256_BYTES];
  key_of(kind, whose, key);
  return store_exec(tx, kinds[kind].resets ? &delete_attempts : &take_back,
                    STORE_VALUES(store_bytes(base_span_of(key, sizeof key))), NULL);
}

base_err users_throttle_begin_sign_in(store_tx *tx, base_span email, base_span caller, int64_t now_us,
                                      int64_t *wait_us) {
  *wait_us = 0;
  if (caller.n) BASE_TRY(users_throttle_begin(tx, USERS_ATTEMPT_CALLER, caller, now_us, wait_us));
  if (*wait_us > 0) return BASE_OK;
  BASE_TRY(users_throttle_begin(tx, USERS_ATTEMPT_EMAIL, email, now_us, wait_us));
  bool one_alone = *wait_us > 0 && caller.n;
  return one_alone ? users_throttle_forgive(tx, USERS_ATTEMPT_CALLER, caller) : BASE_OK;
}

base_err users_throttle_purge(store_tx *tx, int64_t now_us) {
  return store_exec(tx, &purge, STORE_VALUES(store_int(now_us)), NULL);
}
