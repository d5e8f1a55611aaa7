#include "users/session.h"

#include <sodium.h>
#include <stdio.h>

#define DAY_US (INT64_C(86400) * 1000000)
enum {
  NAME_BYTES = 18,
  SECRET_BYTES = 33,
  NAME_CHARS = 24,
  SECRET_CHARS = 44,
  IDLE_DAYS = 30,
  TOTAL_DAYS = 90,
  HASH = crypto_hash_sha256_BYTES
};
_Static_assert(USERS_REFRESH_SIZE == NAME_CHARS + SECRET_CHARS + 1, "name, secret, NUL");

static const store_statement insert_session = {
    "INSERT INTO sessions (name_hash, token_hash, user_id, create_us, expire_us) VALUES ($1, $2, $3, $4, $5)"};
static const store_statement select_session = {
    "SELECT token_hash, user_id, create_us FROM sessions WHERE name_hash = $1 AND expire_us > $2"};
static const store_statement update_session = {
    "UPDATE sessions SET token_hash = $2, expire_us = $3 WHERE name_hash = $1"};
static const store_statement delete_session = {"DELETE FROM sessions WHERE name_hash = $1"};
static const store_statement delete_of_user = {"DELETE FROM sessions WHERE user_id = $1"};
static const store_statement purge = {"DELETE FROM sessions WHERE expire_us <= $1"};

typedef struct {
  uint8_t name[HASH], token[HASH];
} hashes;

/* False: it cannot be one of ours. */
static bool hash_token(const char *text, hashes *out) {
  size_t n = strlen(text);
  if (n != USERS_REFRESH_SIZE - 1) return false;
  crypto_hash_sha256(out->name, (const uint8_t *)text, NAME_CHARS);
  crypto_hash_sha256(out->token, (const uint8_t *)text, n);
  return true;
}

static store_value value_of(const uint8_t hash[HASH]) { return store_bytes(base_span_of(hash, HASH)); }

static void write_random(char *out, size_t size, size_t bytes) {
  uint8_t random[SECRET_BYTES];
  randombytes_buf(random, bytes);
  sodium_bin2base64(out, size, random, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

base_err users_session_start(store_tx *tx, const char *user_id, int64_t now_us, users_session *out) {
  hashes h;
  write_random(out->refresh_token, NAME_CHARS + 1, NAME_BYTES);
  write_random(out->refresh_token + NAME_CHARS, SECRET_CHARS + 1, SECRET_BYTES);
  out->expire_us = now_us + IDLE_DAYS * DAY_US;
  hash_token(out->refresh_token, &h);
  return store_exec(tx, &insert_session,
                    STORE_VALUES(value_of(h.name), value_of(h.token), store_text(user_id), store_int(now_us),
                                 store_int(out->expire_us)),
                    NULL);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

base_err users_session_rotate(store_tx *tx, const char *refresh_token, int64_t now_us, users_session *out,
                              char user_id[37], enum users_rotation *how) {
  hashes h;
  store_rows *rows = NULL;
  *how = USERS_SESSION_UNKNOWN;
  if (!hash_token(refresh_token, &h)) return BASE_OK;
  BASE_TRY(store_query(tx, &select_session, STORE_VALUES(value_of(h.name), store_int(now_us)), &rows));
  base_err e = store_next(rows);
  if (!base_is_ok(e)) return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
  base_span kept = store_column_bytes(rows, 0);
  bool same = kept.n == HASH && sodium_memcmp(kept.p, h.token, HASH) == 0;
  snprintf(user_id, 37, "%s", store_column_text(rows, 1));
  int64_t end_us = store_column_int(rows, 2) + TOTAL_DAYS * DAY_US;
  if (!same) {
    *how = USERS_TOKEN_REUSED;
    return store_exec(tx, &delete_session, STORE_VALUES(value_of(h.name)), NULL);
  }
  *how = USERS_ROTATED;
  memcpy(out->refresh_token, refresh_token, NAME_CHARS);
  write_random(out->refresh_token + NAME_CHARS, SECRET_CHARS + 1, SECRET_BYTES);
  out->expire_us = least(now_us + IDLE_DAYS * DAY_US, end_us);
  hash_token(out->refresh_token, &h);
  return store_exec(tx, &update_session, STORE_VALUES(value_of(h.name), value_of(h.token), store_int(out->expire_us)),
                    NULL);
}

base_err users_session_end(store_tx *tx, const char *refresh_token) {
  hashes h;
  if (!hash_token(refresh_token, &h)) return BASE_OK;
  return store_exec(tx, &delete_session, STORE_VALUES(value_of(h.name)), NULL);
}

base_err users_sessions_end(store_tx *tx, const char *user_id) {
  return store_exec(tx, &delete_of_user, STORE_VALUES(store_text(user_id)), NULL);
}

base_err users_sessions_purge(store_tx *tx, int64_t now_us) {
  return store_exec(tx, &purge, STORE_VALUES(store_int(now_us)), NULL);
}
