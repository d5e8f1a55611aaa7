#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/internal.h"

static const store_engine *const engines[] = {&store__sqlite, &store__postgres};

void store__why(base_buf *why, const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (why && !base_is_ok(base_buf_str(why, text))) {
    BASE_LOG(BASE_LOG_WARN, "store", LOG_STR("why", text));
  }
}

void store__log_statement(const store *s, const char *sql, const char *reason) {
  BASE_LOG(BASE_LOG_ERROR, "statement refused", LOG_STR("store", s->name), LOG_STR("sql", sql),
           LOG_STR("reason", reason));
}

static bool name_is_good(const char *name) {
  size_t n = strlen(name);
  return n > 0 && n < sizeof((store *)NULL)->name && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == n;
}

base_err store_open(const store_options *options, base_buf *why, store **out) {
  *out = NULL;
  store_options o = *options;
  o.connections = o.connections > 0 ? o.connections : STORE_CONNECTIONS;
  o.busy_timeout_ms = o.busy_timeout_ms > 0 ? o.busy_timeout_ms : STORE_BUSY_MS;
  if (!name_is_good(o.name)) {
    store__why(why, "store name \"%s\": only [a-z_]+, at most 63 letters", o.name);
    return base_fail(BASE_E_INVALID);
  }
  for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
    size_t n = strlen(engines[i]->scheme);
    if (strncmp(o.url, engines[i]->scheme, n) == 0) {
      return engines[i]->open(&o, o.url + n, why, out);
    }
  }
  /* Not the URL itself: it may hold a password. */
  store__why(why, "the store's URL begins neither with sqlite: nor with postgresql://");
  return base_fail(BASE_E_INVALID);
}

void store_close(store *s) {
  if (s) {
    s->engine->close(s);
  }
}

static base_err ask(void *ctx, store_tx *tx) {
  static const store_statement one = {"SELECT 1"};
  (void)ctx;
  store_rows *rows;
  BASE_TRY(store_query(tx, &one, NULL, 0, &rows));
  return store_next(rows);
}

bool store__answers(store *s) { return base_is_ok(store_read(s, ask, NULL)); }
bool store_is_ready(store *s) { return s->engine->is_ready(s); }

base_err store_backup(store *s, const char *path) { return s->engine->backup(s, path); }
base_err store_read(store *s, store_fn fn, void *ctx) { return s->engine->read(s, fn, ctx); }
base_err store_write(store *s, store_fn fn, void *ctx) { return s->engine->write(s, fn, ctx); }

base_err store__run(store_tx *tx, store_fn fn, void *ctx) {
  base_err e = fn(ctx, tx);
  return base_is_ok(e) ? tx->failed : e;
}

/* Remembers the first error: PostgreSQL refuses everything after it, so SQLite does too. */
static base_err note(store_tx *tx, base_err e) {
  if (!base_is_ok(e)) {
    tx->failed = e;
  }
  return e;
}

/* PostgreSQL refuses such texts, SQLite keeps them: refused here, by both. */
static base_err check_values(const store_value *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    base_span b = values[i].bytes;
    if (values[i].type == STORE_TEXT && ((b.n && memchr(b.p, 0, b.n)) || !base_span_utf8(b))) {
      return base_fail(BASE_E_INVALID);
    }
  }
  return BASE_OK;
}

base_err store_exec(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                    int64_t *changed) {
  BASE_TRY(tx->failed);
  BASE_TRY(note(tx, check_values(values, count)));
  return note(tx, tx->store->engine->exec(tx, statement, values, count, changed));
}

base_err store_query(store_tx *tx, const store_statement *statement, const store_value *values, size_t count,
                     store_rows **out) {
  *out = NULL;
  BASE_TRY(tx->failed);
  BASE_TRY(note(tx, check_values(values, count)));
  return note(tx, tx->store->engine->query(tx, statement, values, count, out));
}

base_err store_next(store_rows *r) {
  BASE_TRY(r->tx->failed);
  base_err e = r->tx->store->engine->next(r);
  return base_is(e, BASE_E_NOT_FOUND) ? e : note(r->tx, e);
}

bool store_is_null(store_rows *r, int column) { return r->tx->store->engine->is_null(r, column); }
int64_t store_column_int(store_rows *r, int column) { return r->tx->store->engine->number(r, column); }
base_span store_column_bytes(store_rows *r, int column) { return r->tx->store->engine->bytes(r, column); }

const char *store_column_text(store_rows *r, int column) {
  base_span b = store_column_bytes(r, column);
  return b.n ? (const char *)b.p : "";
}
