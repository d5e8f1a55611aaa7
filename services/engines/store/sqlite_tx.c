#include <stdlib.h>
#include <string.h>

#include "store/sqlite.h"

struct sq_statement {
  sqlite3_stmt *stmt;
  const char *sql;
  uint16_t count;   /* parameters */
  uint16_t index[]; /* SQLite's index of $1, $2, ...: it numbers names in the order in which it meets them */
};

static const struct {
  int code; /* extended, or primary */
  enum base_err_code err;
} errors[] = {
    {SQLITE_CONSTRAINT_UNIQUE, BASE_E_EXISTS}, {SQLITE_CONSTRAINT_PRIMARYKEY, BASE_E_EXISTS},
    {SQLITE_CONSTRAINT_ROWID, BASE_E_EXISTS},  {SQLITE_CONSTRAINT, BASE_E_INVALID},
    {SQLITE_MISMATCH, BASE_E_INVALID},         {SQLITE_TOOBIG, BASE_E_INVALID},
    {SQLITE_FULL, BASE_E_EXHAUSTED},           {SQLITE_NOMEM, BASE_E_NO_MEMORY},
    {SQLITE_BUSY, BASE_E_UNAVAILABLE},         {SQLITE_LOCKED, BASE_E_UNAVAILABLE},
    {SQLITE_CANTOPEN, BASE_E_UNAVAILABLE},     {SQLITE_IOERR, BASE_E_UNAVAILABLE},
    {SQLITE_READONLY, BASE_E_UNAVAILABLE},
};

base_err sq_error(const sq_store *s, sqlite3 *db, int code, bool read_only, const char *sql) {
  const char *reason = sqlite3_errmsg(db);
  if (code == SQLITE_ERROR && strcmp(reason, "integer overflow") == 0) {
    return base_fail(BASE_E_INVALID); /* of sum(); it has no code of its own */
  }
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    bool wrote = read_only && (code & 0xff) == SQLITE_READONLY; /* by our own query_only */
    if ((errors[i].code == code || errors[i].code == (code & 0xff)) && !wrote) {
      return base_fail(errors[i].err);
    }
  }
  store__log_statement(&s->base, sql, reason);
  return base_fail(BASE_E_INTERNAL);
}

static void release(void *value) {
  struct sq_statement *p = value;
  sqlite3_finalize(p->stmt);
  free(p);
}

void sq_conn_close(struct sq_conn *c) {
  store__cache_clear(&c->statements, release);
  sqlite3_close(c->db);
  c->db = NULL;
}

/* "$1" is parameter 1; any other spelling is refused. */
static bool number_parameters(struct sq_statement *p) {
  for (uint16_t i = 1; i <= p->count; i++) {
    const char *name = sqlite3_bind_parameter_name(p->stmt, i);
    uint64_t number;
    if (!name || name[0] != '$' || !base_span_u64(base_span_str(name + 1), &number) || number < 1 ||
        number > p->count || p->index[number - 1]) {
      return false;
    }
    p->index[number - 1] = i;
  }
  return true;
}

static base_err prepare(sq_store *s, struct sq_conn *c, const store_statement *statement, struct sq_statement **out) {
  struct sq_statement *p = store__cache_get(&c->statements, statement);
  if (p) {
    *out = p;
    return BASE_OK;
  }
  sqlite3_stmt *stmt;
  const char *tail;
  int code = sqlite3_prepare_v3(c->db, statement->sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, &tail);
  if (code != SQLITE_OK) {
    return sq_error(s, c->db, code, false, statement->sql);
  }
  int count = sqlite3_bind_parameter_count(stmt);
  p = calloc(1, sizeof *p + (size_t)count * sizeof *p->index);
  if (!p) {
    sqlite3_finalize(stmt);
    return base_fail(BASE_E_NO_MEMORY);
  }
  *p = (struct sq_statement){.stmt = stmt, .sql = statement->sql, .count = (uint16_t)count};
  if (!stmt || tail[strspn(tail, " \n\t")] || !number_parameters(p)) {
    store__log_statement(&s->base, statement->sql, "not one statement with the parameters $1, $2, ...");
    release(p);
    return base_fail(BASE_E_INTERNAL);
  }
  base_err e = store__cache_put(&c->statements, statement, p);
  if (!base_is_ok(e)) {
    release(p);
    return e;
  }
  *out = p;
  return BASE_OK;
}

static int bind_value(sqlite3_stmt *stmt, int index, const store_value *v, sqlite3_destructor_type life) {
  static const char empty[1];
  const void *p = v->bytes.n ? (const void *)v->bytes.p : empty;
  switch (v->type) {
  case STORE_INT: return sqlite3_bind_int64(stmt, index, v->number);
  case STORE_TEXT: return sqlite3_bind_text64(stmt, index, p, v->bytes.n, life, SQLITE_UTF8);
  case STORE_BYTES: return sqlite3_bind_blob64(stmt, index, p, v->bytes.n, life);
  case STORE_NULL: break;
  }
  return sqlite3_bind_null(stmt, index);
}

static void finish(struct sq_statement *p) {
  sqlite3_reset(p->stmt);
  sqlite3_clear_bindings(p->stmt); /* they may be large copies */
}

void sq_tx_begin(struct sq_tx *tx, sq_store *s, struct sq_conn *c, bool read_only) {
  *tx = (struct sq_tx){.base = {.store = &s->base}, .conn = c, .read_only = read_only};
  tx->rows.base.tx = &tx->base;
}

void sq_tx_end(struct sq_tx *tx) {
  if (tx->rows.statement) {
    finish(tx->rows.statement);
    tx->rows.statement = NULL;
  }
}

/* Prepared, and its values bound; what was being read is over. */
static base_err start(struct sq_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                      sqlite3_destructor_type life, struct sq_statement **out) {
  sq_store *s = (sq_store *)tx->base.store;
  sq_tx_end(tx);
  struct sq_statement *p = NULL;
  BASE_TRY(prepare(s, tx->conn, statement, &p));
  if (p->count != count) {
    store__log_statement(&s->base, p->sql, "another number of values than of parameters");
    return base_fail(BASE_E_INTERNAL);
  }
  for (size_t i = 0; i < count; i++) {
    int code = bind_value(p->stmt, p->index[i], &values[i], life);
    if (code != SQLITE_OK) {
      base_err e = sq_error(s, tx->conn->db, code, tx->read_only, p->sql);
      finish(p);
      return e;
    }
  }
  *out = p;
  return BASE_OK;
}

static base_err step_failed(struct sq_tx *tx, struct sq_statement *p, int code) {
  base_err e = sq_error((sq_store *)tx->base.store, tx->conn->db, code, tx->read_only, p->sql);
  finish(p);
  return e;
}

base_err sq_exec(store_tx *base, const store_statement *statement, const store_value *values, size_t count,
                 int64_t *changed) {
  struct sq_tx *tx = (struct sq_tx *)base;
  struct sq_statement *p = NULL;
  BASE_TRY(start(tx, statement, values, count, SQLITE_STATIC, &p));
  int code;
  while ((code = sqlite3_step(p->stmt)) == SQLITE_ROW) {
  }
  if (code != SQLITE_DONE) {
    return step_failed(tx, p, code);
  }
  if (changed) {
    *changed = sqlite3_stmt_readonly(p->stmt) ? 0 : sqlite3_changes64(tx->conn->db);
  }
  finish(p);
  return BASE_OK;
}

base_err sq_command(sq_store *s, struct sq_conn *c, const store_statement *statement) {
  struct sq_tx tx;
  sq_tx_begin(&tx, s, c, false);
  return sq_exec(&tx.base, statement, NULL, 0, NULL);
}

base_err sq_end_transaction(sq_store *s, struct sq_conn *c) {
  static const store_statement rollback = {"ROLLBACK"};
  return sqlite3_get_autocommit(c->db) ? BASE_OK : sq_command(s, c, &rollback);
}

base_err sq_query(store_tx *base, const store_statement *statement, const store_value *values, size_t count,
                  store_rows **out) {
  struct sq_tx *tx = (struct sq_tx *)base;
  struct sq_statement *p = NULL;
  BASE_TRY(start(tx, statement, values, count, SQLITE_TRANSIENT, &p));
  /* The first step is taken now: a statement that changes and returns rows has then changed all of them. */
  int code = sqlite3_step(p->stmt);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    return step_failed(tx, p, code);
  }
  tx->rows.first = code == SQLITE_ROW;
  tx->rows.statement = p;
  if (code == SQLITE_DONE) {
    sq_tx_end(tx);
  }
  *out = &tx->rows.base;
  return BASE_OK;
}

base_err sq_script(store_tx *base, const char *sql) {
  struct sq_tx *tx = (struct sq_tx *)base;
  sq_tx_end(tx);
  int code = sqlite3_exec(tx->conn->db, sql, NULL, NULL, NULL);
  if (code != SQLITE_OK) {
    return sq_error((sq_store *)base->store, tx->conn->db, code, false, sql);
  }
  if (sqlite3_get_autocommit(tx->conn->db)) {
    store__log_statement(base->store, sql, "a migration may not end its transaction");
    return base_fail(BASE_E_INTERNAL);
  }
  return BASE_OK;
}

/* Sums that leave 64 bits become floating point, which this interface does not know. */
static bool row_is_good(sqlite3_stmt *stmt) {
  for (int i = sqlite3_column_count(stmt); i-- > 0;) {
    if (sqlite3_column_type(stmt, i) == SQLITE_FLOAT) {
      return false;
    }
  }
  return true;
}

base_err sq_next(store_rows *r) {
  struct sq_rows *rows = (struct sq_rows *)r;
  struct sq_tx *tx = (struct sq_tx *)r->tx;
  if (!rows->statement) {
    return base_fail(BASE_E_NOT_FOUND);
  }
  sqlite3_stmt *stmt = rows->statement->stmt;
  int code = rows->first ? SQLITE_ROW : sqlite3_step(stmt);
  rows->first = false;
  if (code == SQLITE_ROW) {
    return row_is_good(stmt) ? BASE_OK : base_fail(BASE_E_INVALID);
  }
  if (code == SQLITE_DONE) {
    sq_tx_end(tx);
    return base_fail(BASE_E_NOT_FOUND);
  }
  struct sq_statement *p = rows->statement;
  rows->statement = NULL;
  return step_failed(tx, p, code);
}

static sqlite3_stmt *row(store_rows *r) {
  struct sq_rows *rows = (struct sq_rows *)r;
  return rows->statement && !rows->first ? rows->statement->stmt : NULL;
}

bool sq_is_null(store_rows *r, int column) {
  sqlite3_stmt *stmt = row(r);
  return !stmt || sqlite3_column_type(stmt, column) == SQLITE_NULL;
}

int64_t sq_number(store_rows *r, int column) {
  sqlite3_stmt *stmt = row(r);
  return stmt && sqlite3_column_type(stmt, column) == SQLITE_INTEGER ? sqlite3_column_int64(stmt, column) : 0;
}

base_span sq_bytes(store_rows *r, int column) {
  sqlite3_stmt *stmt = row(r);
  int type = stmt ? sqlite3_column_type(stmt, column) : SQLITE_NULL;
  if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
    return base_span_of(NULL, 0);
  }
  const void *p =
      type == SQLITE_TEXT ? (const void *)sqlite3_column_text(stmt, column) : sqlite3_column_blob(stmt, column);
  return base_span_of(p, (size_t)sqlite3_column_bytes(stmt, column));
}
