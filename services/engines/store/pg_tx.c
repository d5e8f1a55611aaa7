#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/pg.h"
#include "store/pg_value.h"

struct pg_statement {
  char name[16];
  const char *sql;
  bool ready;   /* the server has it */
  size_t count; /* parameters */
  bool reads;   /* it has passed READ ONLY: it does not write */
  bool leads;   /* others have followed it in a read */
};

static const store_statement begin_write = {"BEGIN ISOLATION LEVEL SERIALIZABLE"},
                             begin_read = {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}, commit = {"COMMIT"},
                             rollback = {"ROLLBACK"};

/* Of a statement: the server's own time-out comes first, unless the server hangs. */
static int64_t deadline(const struct pg_tx *tx) {
  return base_now_ms() + tx->base.store->busy_timeout_ms * PG_STATEMENT_FACTOR + 1000;
}

void pg_forget_statements(struct pg_conn *c) { store__cache_clear(&c->statements, free); }

void pg_tx_begin(struct pg_tx *tx, pg_store *s, struct pg_conn *c, bool read_only) {
  *tx = (struct pg_tx){.base = {.store = &s->base}, .conn = c, .read_only = read_only};
  tx->rows.base.tx = &tx->base;
}

static base_err lost(struct pg_tx *tx) {
  tx->fate = PG_LOST;
  return base_fail(BASE_E_UNAVAILABLE);
}

/* Judges a failed result and reads on to the sync, after which the connection can be used again. */
static base_err failed(struct pg_tx *tx, PGresult *r) {
  base_err e = pg_error((pg_store *)tx->base.store, r, tx->read_only, tx->sql, &tx->fate);
  PQclear(r);
  if (tx->fate != PG_LOST && !pg_skip(tx->conn, deadline(tx))) {
    return lost(tx);
  }
  return e;
}

/* -- sending -- */

struct params {
  Oid *types;
  const char **values;
  int *lengths, *formats;
};

static const int is_text = 0, is_binary = 1;

/* Integers as text, for the server to read as whatever it takes the parameter for; bytes and texts as they are. NULL without memory; one block, to be freed. */
static void *make_params(const store_value *values, size_t count, struct params *p) {
  enum { NUMBER = 24 };
  const size_t each = sizeof *p->values + sizeof *p->types + sizeof *p->lengths + sizeof *p->formats + NUMBER;
  void *block = malloc(count * each + 1);
  if (!block) {
    return NULL;
  }
  p->values = block;
  p->types = (Oid *)(p->values + count);
  p->lengths = (int *)(p->types + count);
  p->formats = p->lengths + count;
  char *numbers = (char *)(p->formats + count);
  for (size_t i = 0; i < count; i++, numbers += NUMBER) {
    const store_value *v = &values[i];
    static const Oid types[] = {
        [STORE_NULL] = 0, [STORE_INT] = PG_INT8, [STORE_TEXT] = PG_TEXT, [STORE_BYTES] = PG_BYTEA};
    p->types[i] = types[v->type];
    p->formats[i] = v->type == STORE_INT ? is_text : is_binary;
    p->lengths[i] = (int)v->bytes.n;
    p->values[i] = v->type == STORE_NULL ? NULL : v->bytes.n ? (const char *)v->bytes.p : "";
    if (v->type == STORE_INT) {
      snprintf(numbers, NUMBER, "%lld", (long long)v->number);
      p->values[i] = numbers;
    }
  }
  return block;
}

/* The highest $n outside of quotes. The server would say it too, but in the words of a broken protocol. */
static size_t count_parameters(const char *sql) {
  size_t most = 0;
  bool quoted = false;
  for (; *sql; sql++) {
    quoted = quoted != (*sql == '\'');
    size_t n = 0;
    for (const char *digit = sql + 1; *sql == '$' && !quoted && *digit >= '0' && *digit <= '9' && n < 65536; digit++) {
      n = n * 10 + (size_t)(*digit - '0');
    }
    most = n > most ? n : most;
  }
  return most;
}

static base_err find(struct pg_conn *c, const store_statement *statement, struct pg_statement **out) {
  *out = store__cache_get(&c->statements, statement);
  if (*out) {
    return BASE_OK;
  }
  struct pg_statement *p = calloc(1, sizeof *p);
  if (!p) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  p->sql = statement->sql;
  p->count = count_parameters(statement->sql);
  snprintf(p->name, sizeof p->name, "s%u", c->names++);
  base_err e = store__cache_put(&c->statements, statement, p);
  if (!base_is_ok(e)) {
    free(p);
    return e;
  }
  *out = p;
  return BASE_OK;
}

/* Puts a statement into the pipeline, before it its preparation when the server does not have it yet. */
static base_err send_one(struct pg_tx *tx, const struct pg_statement *statement, const store_value *values,
                         size_t count) {
  PGconn *pg = tx->conn->pg;
  struct params p;
  void *block = make_params(values, count, &p);
  if (!block) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  bool sent = (statement->ready || PQsendPrepare(pg, statement->name, statement->sql, (int)count, p.types)) &&
              PQsendQueryPrepared(pg, statement->name, (int)count, p.values, p.lengths, p.formats, is_binary);
  free(block);
  return sent ? BASE_OK : lost(tx); /* also without memory: what is half in the pipeline cannot be taken back */
}

static base_err send_command(struct pg_tx *tx, const store_statement *command, struct pg_statement **out) {
  BASE_TRY(find(tx->conn, command, out));
  return send_one(tx, *out, NULL, 0);
}

/* -- receiving -- */

/* The result of a command that returns nothing. */
static base_err receive_command(struct pg_tx *tx) {
  PGresult *r, *end;
  if (!pg_result(tx->conn, deadline(tx), &r)) {
    return lost(tx);
  }
  if (PQresultStatus(r) != PGRES_COMMAND_OK) {
    return failed(tx, r);
  }
  PQclear(r);
  bool ok = pg_result(tx->conn, deadline(tx), &end) && !end;
  PQclear(end);
  return ok ? BASE_OK : lost(tx);
}

static base_err receive_prepared(struct pg_tx *tx, struct pg_statement *p) {
  if (!p->ready) {
    BASE_TRY(receive_command(tx));
    p->ready = true;
  }
  return BASE_OK;
}

/* Before a statement is sent: whether BEGIN goes with it. One statement is a snapshot of its own, so a read whose first is known not to write begins without; when it turns out to have a second one, it runs
 * again with BEGIN, and so do the next that begin like it. */
static base_err lead(struct pg_tx *tx, struct pg_statement *p, bool *begins) {
  *begins = false;
  if (!tx->first) {
    tx->first = p;
    *begins = !tx->read_only || !p->reads || p->leads;
    return BASE_OK;
  }
  tx->first->leads = tx->first->leads || tx->read_only;
  if (tx->begun) {
    return BASE_OK;
  }
  tx->fate = PG_WHOLE;
  return base_fail(BASE_E_UNAVAILABLE);
}

/* Sends the statement, with BEGIN if need be, and reads everything that comes before its own result. */
static base_err run(struct pg_tx *tx, const store_statement *statement, const store_value *values, size_t count) {
  struct pg_conn *c = tx->conn;
  BASE_TRY(pg_tx_settle(tx));
  tx->sql = statement->sql;
  struct pg_statement *begin = NULL, *p;
  BASE_TRY(find(c, statement, &p));
  if (p->count != count) {
    store__log_statement(tx->base.store, p->sql, "another number of values than of parameters");
    return base_fail(BASE_E_INTERNAL);
  }
  bool begins;
  BASE_TRY(lead(tx, p, &begins));
  if (begins) {
    BASE_TRY(send_command(tx, tx->read_only ? &begin_read : &begin_write, &begin));
    tx->begun = true;
  }
  base_err e = send_one(tx, p, values, count);
  if (!base_is_ok(e)) {
    return begin ? lost(tx) : e; /* BEGIN is in the pipeline already */
  }
  if (!PQpipelineSync(c->pg)) {
    return lost(tx);
  }
  for (; c->unread > 0; c->unread--) {
    if (!pg_skip(c, deadline(tx))) {
      return lost(tx);
    }
  }
  if (begin) {
    BASE_TRY(receive_prepared(tx, begin));
    BASE_TRY(receive_command(tx));
  }
  return receive_prepared(tx, p);
}

base_err pg_tx_settle(struct pg_tx *tx) {
  struct pg_rows *rows = &tx->rows;
  PQclear(rows->row);
  rows->row = NULL;
  rows->first = false;
  if (!rows->open) {
    return BASE_OK;
  }
  rows->open = false;
  /* Rows nobody reads are skipped; there is no cheaper way that keeps the transaction. */
  for (;;) {
    PGresult *r;
    if (!pg_result(tx->conn, deadline(tx), &r)) {
      return lost(tx);
    }
    ExecStatusType status = PQresultStatus(r);
    if (r && status == PGRES_FATAL_ERROR) {
      return failed(tx, r);
    }
    PQclear(r);
    if (r && status == PGRES_PIPELINE_SYNC) {
      return BASE_OK;
    }
  }
}

base_err pg_exec(store_tx *base, const store_statement *statement, const store_value *values, size_t count,
                 int64_t *changed) {
  struct pg_tx *tx = (struct pg_tx *)base;
  BASE_TRY(run(tx, statement, values, count));
  PGresult *r;
  if (!pg_result(tx->conn, deadline(tx), &r)) {
    return lost(tx);
  }
  ExecStatusType status = PQresultStatus(r);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    return failed(tx, r);
  }
  uint64_t n = 0;
  if (changed) {
    bool counts = strncmp(PQcmdStatus(r), "SELECT", 6) != 0 && base_span_u64(base_span_str(PQcmdTuples(r)), &n);
    *changed = counts ? (int64_t)n : 0;
  }
  PQclear(r);
  return pg_skip(tx->conn, deadline(tx)) ? BASE_OK : lost(tx);
}

/* The next row, or the end, into tx->rows. */
static base_err fetch(struct pg_tx *tx) {
  struct pg_rows *rows = &tx->rows;
  PQclear(rows->row);
  rows->row = NULL;
  PGresult *r;
  if (!pg_result(tx->conn, deadline(tx), &r)) {
    return lost(tx);
  }
  switch (PQresultStatus(r)) {
  case PGRES_SINGLE_TUPLE: rows->row = r; return BASE_OK;
  case PGRES_TUPLES_OK:
  case PGRES_COMMAND_OK: /* it returns no rows at all */ PQclear(r); return pg_tx_settle(tx);
  default: rows->open = false; return failed(tx, r);
  }
}

base_err pg_query(store_tx *base, const store_statement *statement, const store_value *values, size_t count,
                  store_rows **out) {
  struct pg_tx *tx = (struct pg_tx *)base;
  BASE_TRY(run(tx, statement, values, count));
  /* Row by row: what is not read yet waits in the socket, not in memory. */
  if (!PQsetSingleRowMode(tx->conn->pg)) {
    return lost(tx);
  }
  tx->rows.open = true;
  BASE_TRY(fetch(tx));
  tx->rows.first = tx->rows.row;
  *out = &tx->rows.base;
  return BASE_OK;
}

base_err pg_script(store_tx *base, const char *sql) {
  static const store_statement no_limit = {"SET LOCAL statement_timeout = 0"};
  struct pg_tx *tx = (struct pg_tx *)base;
  struct pg_conn *c = tx->conn;
  BASE_TRY(pg_exec(base, &no_limit, NULL, 0, NULL)); /* a migration takes what it takes */
  tx->sql = sql;
  if (!PQexitPipelineMode(c->pg)) {
    return lost(tx);
  }
  bool gone;
  PGresult *r = pg_simple(c, sql, INT64_MAX, &gone);
  if (gone || !PQenterPipelineMode(c->pg)) {
    PQclear(r);
    return lost(tx);
  }
  base_err e = r ? pg_error((pg_store *)base->store, r, false, sql, &tx->fate) : BASE_OK;
  PQclear(r);
  return e;
}

/* -- the end -- */

base_err pg_tx_commit(struct pg_tx *tx, bool *unknown) {
  *unknown = false;
  BASE_TRY(pg_tx_settle(tx));
  if (!tx->begun) {
    return BASE_OK;
  }
  struct pg_statement *p = NULL;
  tx->sql = commit.sql;
  base_err e = send_command(tx, &commit, &p);
  if (base_is_ok(e)) {
    e = PQpipelineSync(tx->conn->pg) ? receive_prepared(tx, p) : lost(tx);
  }
  if (base_is_ok(e)) {
    e = receive_command(tx);
  }
  if (!base_is_ok(e)) {
    *unknown = tx->fate == PG_LOST; /* any other error is the server's word that nothing was written */
    return e;
  }
  if (!pg_skip(tx->conn, deadline(tx))) {
    tx->fate = PG_LOST; /* the connection, not what was written */
  }
  return BASE_OK;
}

void pg_tx_rollback(struct pg_tx *tx) {
  if (tx->fate != PG_LOST && !base_is_ok(pg_tx_settle(tx))) {
    tx->fate = PG_LOST;
  }
  if (tx->fate == PG_LOST || !tx->begun) {
    return;
  }
  tx->first->reads = tx->first->reads || (tx->read_only && base_is_ok(tx->base.failed));
  struct pg_statement *p = NULL;
  tx->sql = rollback.sql;
  if (!base_is_ok(send_command(tx, &rollback, &p)) || !PQpipelineSync(tx->conn->pg) ||
      (!p->ready && !base_is_ok(receive_prepared(tx, p)))) {
    tx->fate = PG_LOST;
    return;
  }
  tx->conn->unread++;
}

/* -- rows -- */

static base_err check_row(const PGresult *r) {
  for (int i = PQnfields(r); i-- > 0;) {
    int64_t n;
    base_span value = base_span_of(PQgetvalue(r, 0, i), (size_t)PQgetlength(r, 0, i));
    if (!PQgetisnull(r, 0, i) && base_is(pg_value_number(PQftype(r, i), value, &n), BASE_E_INVALID)) {
      return base_fail(BASE_E_INVALID);
    }
  }
  return BASE_OK;
}

base_err pg_next(store_rows *r) {
  struct pg_rows *rows = (struct pg_rows *)r;
  struct pg_tx *tx = (struct pg_tx *)r->tx;
  if (!rows->first) {
    if (!rows->open) {
      return base_fail(BASE_E_NOT_FOUND);
    }
    BASE_TRY(fetch(tx));
  }
  rows->first = false;
  return rows->row ? check_row(rows->row) : base_fail(BASE_E_NOT_FOUND);
}

static bool has(const struct pg_rows *rows, int column) {
  return rows->row && !rows->first && column >= 0 && column < PQnfields(rows->row) &&
         !PQgetisnull(rows->row, 0, column);
}

bool pg_is_null(store_rows *r, int column) { return !has((struct pg_rows *)r, column); }

static base_span value_of(const PGresult *r, int column) {
  return base_span_of(PQgetvalue(r, 0, column), (size_t)PQgetlength(r, 0, column));
}

int64_t pg_number(store_rows *r, int column) {
  const struct pg_rows *rows = (struct pg_rows *)r;
  int64_t n = 0;
  bool ok =
      has(rows, column) && base_is_ok(pg_value_number(PQftype(rows->row, column), value_of(rows->row, column), &n));
  return ok ? n : 0;
}

base_span pg_bytes(store_rows *r, int column) {
  const struct pg_rows *rows = (struct pg_rows *)r;
  bool ok = has(rows, column) && pg_value_is_bytes(PQftype(rows->row, column));
  return ok ? value_of(rows->row, column) : base_span_of(NULL, 0);
}
