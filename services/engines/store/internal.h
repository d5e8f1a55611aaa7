/* internal.h - what the engines of store.h share: the vtable behind it, the migrations, the cache of prepared statements.
 *
 * An engine embeds `store`, `store_tx` and `store_rows` as the first members of its own structs. store.c checks values and remembers the first error of a transaction, so
 * that an engine's exec, query and next are never called after one.
 */
#ifndef PONTE_STORE_INTERNAL_H
#define PONTE_STORE_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>

#include "store/store.h"

enum { STORE_CONNECTIONS = 8, STORE_BUSY_MS = 5000 };

typedef struct {
  const char *scheme; /* the URL begins with it */
  /* Connects and calls store__migrate(). `o` has its defaults filled in; `address` is the URL behind the scheme. */
  base_err (*open)(const store_options *o, const char *address, base_buf *why, store **out);
  void (*close)(store *s);
  bool (*is_ready)(store *s);
  base_err (*backup)(store *s, const char *path);
  base_err (*read)(store *s, store_fn fn, void *ctx);
  base_err (*write)(store *s, store_fn fn, void *ctx);
  base_err (*exec)(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                   int64_t *changed);
  /* Has run the statement as far as it changes anything; errors of constraints come from here. */
  base_err (*query)(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                    store_rows **out);
  base_err (*script)(store_tx *tx, const char *sql); /* several statements, no parameters: a migration */
  base_err (*next)(store_rows *r);
  /* Of the present row. Numbers are read from numbers, bytes from texts and bytes; anything else reads as NULL does. */
  bool (*is_null)(store_rows *r, int column);
  int64_t (*number)(store_rows *r, int column);
  base_span (*bytes)(store_rows *r, int column);
} store_engine;

struct store {
  const store_engine *engine;
  char name[64];
  int64_t busy_timeout_ms;
};

struct store_tx {
  store *store;
  base_err failed; /* the first error of a statement; the transaction cannot be committed after it */
};

struct store_rows {
  store_tx *tx;
};

extern const store_engine store__sqlite, store__postgres;

/* Runs fn. An error that fn swallowed is its result all the same. */
base_err store__run(store_tx *tx, store_fn fn, void *ctx) BASE_MUST_USE;
/* Something can be read. */
bool store__answers(store *s);
/* Appends to *why, which may be NULL or full: an explanation is worth no second failure. */
void store__why(base_buf *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* For INTERNAL: the text of the statement and the database's reason, which names columns and tables, never values. */
void store__log_statement(const store *s, const char *sql, const char *reason);

/* Applies what is missing, one write transaction a step. The engine sees to it that no other process migrates at that time. */
base_err store__migrate(store *s, const store_options *o, base_buf *why) BASE_MUST_USE;

/* -- connections that threads take and give back ------------------------------------------------------------------- */

typedef struct {
  pthread_mutex_t lock; /* guards what follows */
  void **free;          /* a stack */
  size_t free_count;
  STAILQ_HEAD(, store_waiter) waiting;
} store_pool;

/* It begins empty: give() fills it. Dispose of it also when this failed. */
base_err store__pool_init(store_pool *p, size_t capacity) BASE_MUST_USE;
void store__pool_dispose(store_pool *p);
/* UNAVAILABLE: none came back in time. */
base_err store__pool_take(store_pool *p, int64_t deadline_ms, void **out) BASE_MUST_USE;
void store__pool_give(store_pool *p, void *item);

/* -- a map from a statement's address to what the engine prepared of it; one connection, one thread at a time ---------- */

typedef struct {
  struct store_cache_entry {
    const store_statement *key;
    void *value;
  } * entries;
  size_t size, used; /* size is a power of two, or 0; never more than half used */
} store_cache;

/* NULL if there is none. */
void *store__cache_get(const store_cache *c, const store_statement *key);
/* The key must not be there. NO_MEMORY changes nothing. */
base_err store__cache_put(store_cache *c, const store_statement *key, void *value) BASE_MUST_USE;
/* Empties the cache; `release` gets every value. */
void store__cache_clear(store_cache *c, void (*release)(void *value));

#endif
