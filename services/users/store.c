#include "users/store.h"

#define COLUMNS "user_id, display_name, email, role, create_us, update_us, delete_us"

static const store_statement insert_user = {
    "INSERT INTO users (user_id, display_name, email, email_key, search, role, create_us, update_us, delete_us)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"};
static const store_statement update_user = {"UPDATE users SET display_name = $2, email = $3, email_key = $4, search = "
                                            "$5, role = $6, update_us = $7, delete_us = $8"
                                            " WHERE user_id = $1"};
static const store_statement select_by_id = {"SELECT " COLUMNS " FROM users WHERE user_id = $1"};
static const store_statement select_by_email = {"SELECT " COLUMNS " FROM users WHERE email_key = $1"};
static const store_statement select_other_admin = {
    "SELECT user_id FROM users WHERE role = 3 AND delete_us IS NULL AND user_id <> $1 LIMIT 1"};
/* The casts say the types to PostgreSQL, which would take them from what a parameter is first compared with. */
static const store_statement select_list = {
    "SELECT " COLUMNS " FROM users WHERE (create_us, user_id) > (CAST($1 AS BIGINT), CAST($2 AS TEXT))"
    " AND (CAST($3 AS BIGINT) = 0 OR role = $3) AND (CAST($4 AS BIGINT) = 1 OR delete_us IS NULL)"
    " AND search LIKE $5 ESCAPE '!' ORDER BY create_us, user_id LIMIT $6"};

static store_value time_or_null(int64_t us) { return us ? store_int(us) : store_null(); }

/* What is derived from a user, in one buffer: email_key, then search. */
static base_err derive(const users_user *user, base_buf *derived, base_span *email_key, base_span *search) {
  base_buf_init(derived, 2 * USERS_FOLDED_MAX);
  BASE_TRY(users_fold(base_span_str(user->email), derived));
  size_t cut = base_buf_size(derived);
  BASE_TRY(users_search_text(user, derived));
  base_span all = base_buf_span(derived);
  *email_key = base_span_of(all.p, cut);
  *search = base_span_of(all.p + cut, all.n - cut);
  return BASE_OK;
}

static store_value text_of(base_span s) { return (store_value){.type = STORE_TEXT, .bytes = s}; }

base_err users_insert(store_tx *tx, const users_user *user) {
  base_buf derived;
  base_span key, search;
  base_err e = derive(user, &derived, &key, &search);
  if (base_is_ok(e)) {
    e = store_exec(tx, &insert_user,
                   STORE_VALUES(store_text(user->user_id), store_text(user->display_name), store_text(user->email),
                                text_of(key), text_of(search), store_int(user->role), store_int(user->create_us),
                                store_int(user->update_us), time_or_null(user->delete_us)),
                   NULL);
  }
  base_buf_dispose(&derived);
  return e;
}

base_err users_store(store_tx *tx, const users_user *user) {
  base_buf derived;
  base_span key, search;
  int64_t changed = 0;
  base_err e = derive(user, &derived, &key, &search);
  if (base_is_ok(e)) {
    e = store_exec(tx, &update_user,
                   STORE_VALUES(store_text(user->user_id), store_text(user->display_name), store_text(user->email),
                                text_of(key), text_of(search), store_int(user->role), store_int(user->update_us),
                                time_or_null(user->delete_us)),
                   &changed);
  }
  base_buf_dispose(&derived);
  if (!base_is_ok(e)) return e;
  return changed == 1 ? BASE_OK : base_fail(BASE_E_NOT_FOUND);
}

/* The present row, in the call's memory. */
static base_err read_row(svc_call *c, store_rows *rows, users_user *out) {
  *out = (users_user){.user_id = svc_strdup(c, store_column_text(rows, 0)),
                      .display_name = svc_strdup(c, store_column_text(rows, 1)),
                      .email = svc_strdup(c, store_column_text(rows, 2)),
                      .role = (enum users_role)store_column_int(rows, 3),
                      .create_us = store_column_int(rows, 4),
                      .update_us = store_column_int(rows, 5),
                      .delete_us = store_column_int(rows, 6)};
  return out->user_id && out->display_name && out->email ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err find(svc_call *c, store_tx *tx, const store_statement *statement, store_value key, users_user *out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, statement, &key, 1, &rows));
  BASE_TRY(store_next(rows));
  return read_row(c, rows, out);
}

base_err users_find(svc_call *c, store_tx *tx, const char *user_id, users_user *out) {
  return find(c, tx, &select_by_id, store_text(user_id), out);
}

base_err users_find_email(svc_call *c, store_tx *tx, const char *email, users_user *out) {
  base_buf key;
  base_buf_init(&key, USERS_FOLDED_MAX);
  base_err e = users_fold(base_span_str(email), &key);
  if (base_is_ok(e)) e = find(c, tx, &select_by_email, text_of(base_buf_span(&key)), out);
  base_buf_dispose(&key);
  return e;
}

base_err users_other_admin(store_tx *tx, const char *user_id, bool *out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_other_admin, STORE_VALUES(store_text(user_id)), &rows));
  base_err e = store_next(rows);
  *out = base_is_ok(e);
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

base_err users_list(svc_call *c, store_tx *tx, const users_list_query *q, users_user *out, size_t *count) {
  store_rows *rows = NULL;
  *count = 0;
  BASE_TRY(store_query(tx, &select_list,
                       STORE_VALUES(store_int(q->after.us), store_text(q->after.id), store_int(q->role),
                                    store_int(q->show_deleted), text_of(q->pattern), store_int(q->limit)),
                       &rows));
  base_err e = store_next(rows);
  for (; base_is_ok(e) && *count < (size_t)q->limit; e = store_next(rows))
    BASE_TRY(read_row(c, rows, &out[(*count)++]));
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}
