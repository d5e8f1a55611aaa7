/* store.h - records that survive: one small relational interface over SQLite (embedded, the default) and PostgreSQL (at scale).
 *
 * A store belongs to one service; no other service sees its records. SQLite keeps it in DIR/<name>.db (WAL, synchronous=FULL), PostgreSQL in a schema <name>. The
 * same migrations and the same statements run on both, so they keep to what both understand: $1, $2, ... as parameters; TEXT, BIGINT and BYTEA as types; times as
 * Unix microseconds.
 *
 * Reads and writes are functions that are handed a transaction. Both block: never on a completion-queue or loop thread. Any thread may call store_read and
 * store_write at any time; a transaction belongs to the function that got it. Writers of SQLite share one commit when they come at the same time (group commit), so
 * many threads that write are faster than one.
 *
 * Errors: EXISTS (a unique constraint), INVALID (a check or foreign key; a value the type cannot hold), EXHAUSTED (disk full, too many connections), UNAVAILABLE (the
 * database is not there, or busy for too long; nothing was written, unless the connection to PostgreSQL went during the commit, which is logged), NO_MEMORY, INTERNAL (a
 * statement of ours is wrong: logged with its text, never its values).
 */
#ifndef PONTE_STORE_H
#define PONTE_STORE_H

#include "base/buf.h"

typedef struct store store;
typedef struct store_tx store_tx;
typedef struct store_rows store_rows;

/* One step of the schema; several statements separated by semicolons. Applied once each, in order, in one transaction a step; a step that was applied may never be
 * changed: the store keeps its checksum and refuses to open (INVALID). Static. */
typedef struct {
  const char *name; /* "0001-users" */
  const char *sql;
} store_migration;

typedef struct {
  const char *url;  /* "sqlite:DIR", or a libpq URI "postgresql://..." */
  const char *name; /* [a-z_]+ */
  const store_migration *migrations;
  size_t migration_count;
  bool as_it_is;   /* it is not made (SQLite: NOT_FOUND) and not migrated: for tools beside the service that runs */
  int connections; /* PostgreSQL: at most so many; SQLite: readers. 0 = 8 */
  int64_t busy_timeout_ms; /* how long to wait for a connection, a lock, or the server; 0 = 5 s */
} store_options;

/* Connects and migrates; *why says what to do when that fails. Two processes that open one store at once migrate it once. */
base_err store_open(const store_options *options, base_buf *why, store **out) BASE_MUST_USE;
/* Nobody may be in a transaction. NULL is allowed. */
void store_close(store *s);
/* The database answers; for readiness. */
bool store_is_ready(store *s);
/* A consistent copy of a store that is in use. SQLite: into the file `path`, which must not exist. PostgreSQL: UNIMPLEMENTED, pg_dump does it. */
base_err store_backup(store *s, const char *path) BASE_MUST_USE;

/* What runs in a transaction. An error rolls back and is returned as it is. It may be run again from the beginning (a conflict, a lost connection before the commit, a read that
 * has more statements than the last that began like it), so it touches nothing but the transaction and *ctx, and sets what it fills in anew each time. */
typedef base_err (*store_fn)(void *ctx, store_tx *tx);
/* A snapshot; `fn` may not write. */
base_err store_read(store *s, store_fn fn, void *ctx) BASE_MUST_USE;
/* Writers are serializable: each sees what those before it wrote. OK: it is on disk. */
base_err store_write(store *s, store_fn fn, void *ctx) BASE_MUST_USE;

/* -- inside a transaction ------------------------------------------------------------------------------------------ */

enum store_type { STORE_NULL, STORE_INT, STORE_TEXT, STORE_BYTES };
typedef struct {
  enum store_type type;
  int64_t number;
  base_span bytes;
} store_value;

static inline store_value store_null(void) { return (store_value){.type = STORE_NULL}; }
static inline store_value store_int(int64_t n) { return (store_value){.type = STORE_INT, .number = n}; }
/* NULL reads as store_null(). UTF-8 without NUL. */
static inline store_value store_text(const char *s) {
  return s ? (store_value){.type = STORE_TEXT, .bytes = base_span_str(s)} : store_null();
}
static inline store_value store_bytes(base_span b) { return (store_value){.type = STORE_BYTES, .bytes = b}; }

/* A statement is a static object: it is prepared once a connection, and found again by its address. One statement, no semicolon at its end; every $n up to the number of
 * values is in it. What both databases understand alike: docs/store.md. */
typedef struct {
  const char *sql;
} store_statement;

#define STORE_VALUES(...) \
  (const store_value[]){__VA_ARGS__}, sizeof((const store_value[]){__VA_ARGS__}) / sizeof(store_value)

/* For statements without rows. *changed (may be NULL): how many rows were. After an error the transaction can only be left with an error. */
base_err store_exec(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                    int64_t *changed) BASE_MUST_USE;
/* For statements with rows. The rows are valid until the next statement of the transaction. */
base_err store_query(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                     store_rows **out) BASE_MUST_USE;
/* The next row: OK; NOT_FOUND after the last; INVALID: a column is a fraction or leaves 64 bits. */
base_err store_next(store_rows *r) BASE_MUST_USE;
/* Of the present row; columns count from 0. NULL reads as 0 and as the empty span, and so does a column of another type. Bytes are borrowed until store_next(), and a text has a NUL behind it. */
bool store_is_null(store_rows *r, int column);
int64_t store_column_int(store_rows *r, int column);
base_span store_column_bytes(store_rows *r, int column);
const char *store_column_text(store_rows *r, int column); /* "" for NULL */

#endif
