/* pg.h - inside the PostgreSQL engine: connections, their pool, what one transaction sends and reads.
 *
 * Connections are in libpq's pipeline mode and non-blocking; every wait has a deadline. BEGIN travels with the first statement, ROLLBACK (also the end of a read) is not
 * waited for: its answer is skipped by whoever uses the connection next. A write of n statements so costs n + 1 round trips, a read n. A read of one statement goes without
 * both, once the statement has passed READ ONLY on the connection and as long as none has followed it.
 */
#ifndef PONTE_STORE_PG_H
#define PONTE_STORE_PG_H

#include <postgresql/libpq-fe.h>
#include <pthread.h>

#include "store/internal.h"

/* A statement may run so many times longer than one waits for a lock or for the server. */
enum { PG_STATEMENT_FACTOR = 6 };

/* What an error means for the transaction. */
enum pg_fate {
  PG_FINAL, /* the error is the answer */
  PG_AGAIN, /* run it again: a conflict with another transaction */
  PG_WHOLE, /* run it again at once, with BEGIN: a read has more statements than the one that went without */
  PG_LOST   /* the connection is of no more use; run it again with another */
};

/* One thread at a time. */
struct pg_conn {
  PGconn *pg;             /* NULL: to be connected before it is used */
  store_cache statements; /* of struct pg_statement */
  unsigned names;         /* given to prepared statements so far */
  int unread;             /* answers to skip: of a ROLLBACK nobody waited for */
};

struct pg_rows {
  store_rows base;
  PGresult *row; /* NULL: none */
  bool first;    /* it was not given out yet */
  bool open;     /* more may come */
};

struct pg_tx {
  store_tx base;
  struct pg_conn *conn;
  bool read_only;
  bool begun;                 /* BEGIN was sent */
  struct pg_statement *first; /* NULL: none was sent */
  enum pg_fate fate;
  const char *sql; /* the last statement, for the log */
  struct pg_rows rows;
};

typedef struct {
  store base;
  char *uri; /* may hold a password: never logged */
  struct pg_conn *conns;
  int conn_count;
  store_pool free_conns;

  /* One turn, for a write that runs again after conflicts: the losers do not meet each other as well. */
  store_pool unlucky;

  pthread_mutex_t lock;  /* guards what follows */
  unsigned refused;      /* connects that failed in a row */
  int64_t connect_at_ms; /* nobody connects before */
} pg_store;

/* -- pg_conn.c: a connection without a transaction -- */

/* Connected, in the schema of the store, in pipeline mode. *why (may be NULL) gets libpq's reason. UNAVAILABLE, EXHAUSTED, INVALID, NO_MEMORY. */
base_err pg_connect(const pg_store *s, struct pg_conn *c, int64_t deadline_ms, base_buf *why) BASE_MUST_USE;
void pg_disconnect(struct pg_conn *c);
/* The next result; NULL at the end of a command. False: time is up or the connection is lost. */
bool pg_result(struct pg_conn *c, int64_t deadline_ms, PGresult **out) BASE_MUST_USE;
/* Skips everything up to the answer of the next sync. */
bool pg_skip(struct pg_conn *c, int64_t deadline_ms) BASE_MUST_USE;
/* Several statements outside of pipeline mode; NULL: done. Otherwise the failed result, to be cleared, or *lost. */
PGresult *pg_simple(struct pg_conn *c, const char *sql, int64_t deadline_ms, bool *lost);
/* What a failed result means; NULL is a lost connection. Logs INTERNAL with the statement. */
base_err pg_error(const pg_store *s, const PGresult *r, bool read_only, const char *sql,
                  enum pg_fate *fate) BASE_MUST_USE;

/* -- pg_tx.c -- */

void pg_tx_begin(struct pg_tx *tx, pg_store *s, struct pg_conn *c, bool read_only);
/* Reads what is left of the last statement. */
base_err pg_tx_settle(struct pg_tx *tx) BASE_MUST_USE;
/* Sent and answered. *unknown: the connection was lost in between. */
base_err pg_tx_commit(struct pg_tx *tx, bool *unknown) BASE_MUST_USE;
void pg_tx_rollback(struct pg_tx *tx);
void pg_forget_statements(struct pg_conn *c);
base_err pg_exec(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                 int64_t *changed) BASE_MUST_USE;
base_err pg_query(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                  store_rows **out) BASE_MUST_USE;
base_err pg_script(store_tx *tx, const char *sql) BASE_MUST_USE;
base_err pg_next(store_rows *r) BASE_MUST_USE;
bool pg_is_null(store_rows *r, int column);
int64_t pg_number(store_rows *r, int column);
base_span pg_bytes(store_rows *r, int column);

#endif
