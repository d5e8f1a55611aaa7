#include "store/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
  CONFLICT_MS = 2, /* before a write runs again, growing */
  CONFLICT_CAP_MS = 16,
  CONNECT_MS = 50, /* before the next connect, growing */
  CONNECT_CAP_MS = 1000,
  UNLUCKY = 2,          /* after so many conflicts a write is among the unlucky */
  MIGRATION_FACTOR = 12 /* so many times longer one waits for another process that migrates */
};

static base_err unavailable(void) { return base_fail(BASE_E_UNAVAILABLE); }

static void sleep_ms(int64_t ms) {
  if (ms > 0) {
    usleep((useconds_t)(ms * 1000));
  }
}

static uint32_t dice(void) {
  uint32_t n;
  base_random(&n, sizeof n);
  return n;
}

/* -- the pool -- */

/* One attempt to connect, not before the back-off of all is over. */
static base_err attempt_connect(pg_store *s, struct pg_conn *c, int64_t deadline_ms, base_buf *why) {
  pthread_mutex_lock(&s->lock);
  int64_t at_ms = s->connect_at_ms;
  pthread_mutex_unlock(&s->lock);
  if (at_ms > deadline_ms) {
    return unavailable();
  }
  sleep_ms(at_ms - base_now_ms());
  base_err e = pg_connect(s, c, deadline_ms, why);
  pthread_mutex_lock(&s->lock);
  bool ok = base_is_ok(e);
  bool changed = ok == (s->refused > 0);
  s->refused = ok ? 0 : s->refused + 1;
  s->connect_at_ms = ok ? 0 : base_now_ms() + base_backoff_ms(s->refused, CONNECT_MS, CONNECT_CAP_MS, dice());
  pthread_mutex_unlock(&s->lock);
  if (changed && !ok) {
    BASE_LOG(BASE_LOG_WARN, "database lost", LOG_STR("store", s->base.name), LOG_STR("error", base_err_name(e)));
  } else if (changed) {
    BASE_LOG(BASE_LOG_INFO, "database found again", LOG_STR("store", s->base.name));
  }
  return e;
}

static base_err ensure_connected(pg_store *s, struct pg_conn *c, int64_t deadline_ms) {
  while (!c->pg) {
    base_err e = attempt_connect(s, c, deadline_ms, NULL);
    bool later = base_is(e, BASE_E_UNAVAILABLE) || base_is(e, BASE_E_EXHAUSTED);
    if (!base_is_ok(e) && (!later || base_now_ms() >= deadline_ms)) {
      return e;
    }
  }
  return BASE_OK;
}

/* -- transactions -- */

/* One attempt. *fate says whether there is sense in another. */
static base_err attempt(pg_store *s, struct pg_conn *c, bool read_only, store_fn fn, void *ctx, enum pg_fate *fate) {
  struct pg_tx tx;
  pg_tx_begin(&tx, s, c, read_only);
  base_err e = store__run(&tx.base, fn, ctx);
  bool unknown = false;
  if (base_is_ok(e) && !read_only) {
    e = pg_tx_commit(&tx, &unknown);
  }
  *fate = tx.fate;
  if (!base_is_ok(e) || read_only) {
    pg_tx_rollback(&tx);
  }
  if (tx.fate == PG_LOST) {
    pg_disconnect(c);
  }
  if (unknown) {
    BASE_LOG(BASE_LOG_WARN, "connection lost while a write was being committed", LOG_STR("store", s->base.name));
    *fate = PG_FINAL;
  }
  return e;
}

/* Keeps the connection from attempt to attempt: who lost a conflict does not queue again behind those who never had one. */
static base_err attempts(pg_store *s, struct pg_conn *c, bool read_only, store_fn fn, void *ctx, int64_t deadline_ms) {
  unsigned conflicts = 0;
  for (unsigned n = 0;; n++) {
    BASE_TRY(ensure_connected(s, c, deadline_ms));
    enum pg_fate fate;
    void *turn = NULL;
    if (conflicts >= UNLUCKY) {
      BASE_TRY(store__pool_take(&s->unlucky, deadline_ms, &turn));
    }
    base_err e = attempt(s, c, read_only, fn, ctx, &fate);
    if (turn) {
      store__pool_give(&s->unlucky, turn);
    }
    if (fate == PG_FINAL || base_is_ok(e)) {
      return e;
    }
    if (fate == PG_WHOLE) {
      continue; /* nothing failed */
    }
    if (base_now_ms() >= deadline_ms) {
      return unavailable();
    }
    conflicts += fate == PG_AGAIN;
    sleep_ms(base_backoff_ms(n, CONFLICT_MS, CONFLICT_CAP_MS, dice()));
  }
}

static base_err transaction(pg_store *s, bool read_only, store_fn fn, void *ctx) {
  int64_t deadline_ms = base_now_ms() + s->base.busy_timeout_ms;
  void *taken = NULL;
  BASE_TRY(store__pool_take(&s->free_conns, deadline_ms, &taken));
  base_err e = attempts(s, taken, read_only, fn, ctx, deadline_ms);
  store__pool_give(&s->free_conns, taken);
  return e;
}

static base_err pg_read(store *s, store_fn fn, void *ctx) { return transaction((pg_store *)s, true, fn, ctx); }
static base_err pg_write(store *s, store_fn fn, void *ctx) { return transaction((pg_store *)s, false, fn, ctx); }

static bool pg_is_ready(store *base) {
  pg_store *s = (pg_store *)base;
  pthread_mutex_lock(&s->lock);
  bool waiting = s->connect_at_ms > base_now_ms(); /* it was away a moment ago: no need to wait for it */
  pthread_mutex_unlock(&s->lock);
  return !waiting && store__answers(base);
}

static base_err pg_backup(store *s, const char *path) {
  (void)s;
  (void)path;
  return base_fail(BASE_E_UNIMPLEMENTED);
}

/* -- opening -- */

static void pg_close(store *base) {
  pg_store *s = (pg_store *)base;
  for (int i = 0; i < s->conn_count; i++) {
    pg_disconnect(&s->conns[i]);
  }
  free(s->conns);
  free(s->uri);
  store__pool_dispose(&s->free_conns);
  store__pool_dispose(&s->unlucky);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

/* With a lock of the session on a connection of its own: of two processes the second finds everything done. It ends with the connection. A transaction's lock would come
 * too late: a serializable transaction sees what was there before it waited. */
static base_err migrate(pg_store *s, struct pg_conn *c, const store_options *o, base_buf *why) {
  char sql[640];
  int64_t wait_ms = s->base.busy_timeout_ms * MIGRATION_FACTOR;
  snprintf(sql, sizeof sql,
           "SET lock_timeout = %lld; SET statement_timeout = 0; SELECT pg_advisory_lock(hashtextextended('ponte:%s', "
           "0)); DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '%s') THEN CREATE SCHEMA \"%s\"; "
           "END IF; END $$",
           (long long)wait_ms, s->base.name, s->base.name, s->base.name);
  if (!PQexitPipelineMode(c->pg)) {
    return unavailable();
  }
  bool lost;
  PGresult *failed = pg_simple(c, sql, base_now_ms() + wait_ms + s->base.busy_timeout_ms, &lost);
  if (!failed && !lost) {
    return store__migrate(&s->base, o, why);
  }
  enum pg_fate fate;
  base_err e = pg_error(s, failed, false, "CREATE SCHEMA", &fate);
  store__why(why, "store %s: its schema cannot be made: %s", s->base.name,
             failed ? PQresultErrorMessage(failed) : "the connection was lost");
  PQclear(failed);
  return e;
}

/* A server that starts, or recovers from a crash, may be there in a moment; *why has the reason of the last attempt. */
static base_err await_server(pg_store *s, struct pg_conn *c, base_buf *why) {
  int64_t deadline_ms = base_now_ms() + s->base.busy_timeout_ms;
  for (unsigned n = 0;; n++) {
    base_err e = pg_connect(s, c, deadline_ms, why);
    int64_t wait_ms = base_backoff_ms(n, CONNECT_MS, CONNECT_CAP_MS, dice());
    if (!base_is(e, BASE_E_UNAVAILABLE) || base_now_ms() + wait_ms >= deadline_ms) {
      return e;
    }
    if (why) {
      base_buf_clear(why);
    }
    sleep_ms(wait_ms);
  }
}

static base_err connect_first(pg_store *s, const store_options *o, base_buf *why) {
  PQconninfoOption *parsed = PQconninfoParse(s->uri, NULL);
  if (!parsed) {
    store__why(
        why, "the store's URI is malformed: postgresql://user@host:port/database"); /* libpq's reason would quote it */
    return base_fail(BASE_E_INVALID);
  }
  PQconninfoFree(parsed);
  struct pg_conn own = {0};
  BASE_TRY(await_server(s, &own, why));
  base_err e = o->as_it_is ? BASE_OK : migrate(s, &own, o, why);
  pg_disconnect(&own);
  return e;
}

static base_err pg_open(const store_options *o, const char *address, base_buf *why, store **out) {
  (void)address;
  pg_store *s = calloc(1, sizeof *s);
  if (!s) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->base = (store){.engine = &store__postgres, .busy_timeout_ms = o->busy_timeout_ms};
  snprintf(s->base.name, sizeof s->base.name, "%s", o->name);
  pthread_mutex_init(&s->lock, NULL); /* a default mutex: cannot fail on Linux */
  s->uri = strdup(o->url);
  s->conns = calloc((size_t)o->connections, sizeof *s->conns);
  base_err conns = store__pool_init(&s->free_conns, (size_t)o->connections), turn = store__pool_init(&s->unlucky, 1);
  base_err e = base_fail(BASE_E_NO_MEMORY);
  if (base_is_ok(conns) && base_is_ok(turn) && s->uri && s->conns) {
    store__pool_give(&s->unlucky, s);
    s->conn_count = o->connections;
    for (int i = 0; i < s->conn_count; i++) {
      store__pool_give(&s->free_conns, &s->conns[i]);
    }
    e = connect_first(s, o, why);
  }
  if (!base_is_ok(e)) {
    pg_close(&s->base);
    return e;
  }
  *out = &s->base;
  return BASE_OK;
}

const store_engine store__postgres = {
    .scheme = "postgresql://",
    .open = pg_open,
    .close = pg_close,
    .is_ready = pg_is_ready,
    .backup = pg_backup,
    .read = pg_read,
    .write = pg_write,
    .exec = pg_exec,
    .query = pg_query,
    .script = pg_script,
    .next = pg_next,
    .is_null = pg_is_null,
    .number = pg_number,
    .bytes = pg_bytes,
};
