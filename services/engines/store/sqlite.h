/* sqlite.h - inside the SQLite engine: a connection, its statements, the queue of writers. */
#ifndef PONTE_STORE_SQLITE_H
#define PONTE_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/queue.h>

#include "store/internal.h"

/* One thread at a time. */
struct sq_conn {
  sqlite3 *db;
  store_cache statements; /* of struct sq_statement */
};

struct sq_rows {
  store_rows base;
  struct sq_statement *statement; /* NULL: none, or after the last row */
  bool first;                     /* the row of the first step was not given out yet */
};

struct sq_tx {
  store_tx base;
  struct sq_conn *conn;
  bool read_only;
  struct sq_rows rows;
};

/* A caller of store_write(), on its stack. */
struct sq_writer {
  store_fn fn;
  void *ctx;
  base_err result;
  enum { SQ_WAITS, SQ_LEADS, SQ_TAKEN, SQ_DONE } state;
  pthread_cond_t wake;
  STAILQ_ENTRY(sq_writer) next;
};
STAILQ_HEAD(sq_writers, sq_writer);

typedef struct {
  store base;
  char path[4096];
  struct sq_conn writer; /* belongs to the thread that leads */
  struct sq_conn *readers;
  int reader_count;

  store_pool free_readers;

  pthread_mutex_t lock; /* guards what follows */
  struct sq_writers waiting;
  bool led; /* a thread leads, or was just told to */
} sq_store;

/* Of the connection's last error. Logs INTERNAL with the statement. */
base_err sq_error(const sq_store *s, sqlite3 *db, int code, bool read_only, const char *sql) BASE_MUST_USE;

/* sqlite_tx.c */
void sq_tx_begin(struct sq_tx *tx, sq_store *s, struct sq_conn *c, bool read_only);
/* Resets what is still being read. Before COMMIT and ROLLBACK. */
void sq_tx_end(struct sq_tx *tx);
/* BEGIN, COMMIT and the like: prepared like any other. */
base_err sq_command(sq_store *s, struct sq_conn *c, const store_statement *statement) BASE_MUST_USE;
/* Rolls back what is still open. Called before a transaction too: without memory even a ROLLBACK can fail. */
base_err sq_end_transaction(sq_store *s, struct sq_conn *c) BASE_MUST_USE;
void sq_conn_close(struct sq_conn *c);
base_err sq_exec(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                 int64_t *changed) BASE_MUST_USE;
base_err sq_query(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                  store_rows **out) BASE_MUST_USE;
base_err sq_script(store_tx *tx, const char *sql) BASE_MUST_USE;
base_err sq_next(store_rows *r) BASE_MUST_USE;
bool sq_is_null(store_rows *r, int column);
int64_t sq_number(store_rows *r, int column);
base_span sq_bytes(store_rows *r, int column);

/* sqlite_group.c */
base_err sq_write(store *s, store_fn fn, void *ctx) BASE_MUST_USE;

#endif
