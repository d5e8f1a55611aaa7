#include "users/keys.h"

#include <stdio.h>

#define SECOND_US INT64_C(1000000)
#define SIGN_AFTER_US (120 * SECOND_US)
#define ROTATE_AFTER_US (30 * 86400 * SECOND_US)
/* Beyond the last token: the skew that verifiers allow, and clocks of other processes. */
#define KEEP_US (USERS_ACCESS_US + 5 * 60 * SECOND_US)
enum { JWK_MAX = 1024, PUBLISHED_MAX = 32 };

static const store_statement insert_key = {
    "INSERT INTO signing_keys (key_id, private_jwk, create_us, sign_us) VALUES ($1, $2, $3, $4)"};
static const store_statement select_newest = {
    "SELECT key_id, create_us, sign_us FROM signing_keys ORDER BY sign_us DESC LIMIT 1"};
static const store_statement select_signing = {
    "SELECT private_jwk FROM signing_keys WHERE sign_us <= $1 ORDER BY sign_us DESC LIMIT 1"};
static const store_statement select_all = {"SELECT private_jwk FROM signing_keys ORDER BY sign_us DESC LIMIT 32"};
static const store_statement drop_old = {"DELETE FROM signing_keys WHERE EXISTS (SELECT 1 FROM signing_keys AS newer"
                                         " WHERE newer.sign_us > signing_keys.sign_us AND newer.sign_us <= $1)"};

static base_err add(store_tx *tx, int64_t now_us, int64_t sign_us, char key_id[TOKEN_KEY_ID_SIZE]) {
  base_buf jwk;
  base_buf_init(&jwk, JWK_MAX);
  base_err e = token_key_new(key_id, &jwk);
  if (base_is_ok(e)) {
    e = store_exec(
        tx, &insert_key,
        STORE_VALUES(store_text(key_id), store_bytes(base_buf_span(&jwk)), store_int(now_us), store_int(sign_us)),
        NULL);
  }
  base_buf_dispose(&jwk);
  return e;
}

base_err users_keys_rotate(store_tx *tx, int64_t now_us, char key_id[TOKEN_KEY_ID_SIZE]) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_newest, NULL, 0, &rows));
  base_err e = store_next(rows);
  if (base_is(e, BASE_E_NOT_FOUND)) return add(tx, now_us, now_us, key_id);
  BASE_TRY(e);
  if (store_column_int(rows, 2) > now_us) {
    snprintf(key_id, TOKEN_KEY_ID_SIZE, "%s", store_column_text(rows, 0));
    return BASE_OK;
  }
  return add(tx, now_us, now_us + SIGN_AFTER_US, key_id);
}

base_err users_keys_upkeep(store_tx *tx, int64_t now_us) {
  char key_id[TOKEN_KEY_ID_SIZE];
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_newest, NULL, 0, &rows));
  base_err e = store_next(rows);
  bool due = base_is(e, BASE_E_NOT_FOUND) || (base_is_ok(e) && store_column_int(rows, 1) <= now_us - ROTATE_AFTER_US);
  if (due) e = users_keys_rotate(tx, now_us, key_id);
  BASE_TRY(e);
  return store_exec(tx, &drop_old, STORE_VALUES(store_int(now_us - KEEP_US)), NULL);
}

base_err users_keys_sign(store_tx *tx, const token_claims *claims, base_buf *out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_signing, STORE_VALUES(store_int(claims->issued_ms * 1000)), &rows));
  base_err e = store_next(rows);
  if (base_is(e, BASE_E_NOT_FOUND)) return base_fail(BASE_E_UNAVAILABLE); /* a clock that went back */
  BASE_TRY(e);
  return token_sign(store_column_bytes(rows, 0), claims, out);
}

/* The rows are good until the next one: their bytes are gathered first. */
base_err users_keys_publish(store_tx *tx, base_buf *out) {
  base_span keys[PUBLISHED_MAX];
  size_t ends[PUBLISHED_MAX], count = 0;
  store_rows *rows = NULL;
  base_buf all;
  base_buf_init(&all, (size_t)PUBLISHED_MAX * JWK_MAX);
  base_err e = store_query(tx, &select_all, NULL, 0, &rows);
  if (base_is_ok(e)) e = store_next(rows);
  for (; base_is_ok(e) && count < PUBLISHED_MAX; e = store_next(rows)) {
    e = base_buf_append(&all, store_column_bytes(rows, 0));
    if (!base_is_ok(e)) break;
    ends[count++] = base_buf_size(&all);
  }
  if (base_is(e, BASE_E_NOT_FOUND)) e = BASE_OK;
  base_span text = base_buf_span(&all);
  for (size_t i = 0, from = 0; i < count; from = ends[i++])
    keys[i] = base_span_of(text.p + from, ends[i] - from);
  if (base_is_ok(e)) e = token_jwks_write(keys, count, out);
  base_buf_dispose(&all);
  return e;
}
