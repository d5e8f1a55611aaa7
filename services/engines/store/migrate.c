#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"

/* FNV-1a: it guards against an edit by mistake, not against an enemy, who could write the table as well. */
static uint64_t checksum(const char *text) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *text; text++) {
    h = (h ^ (uint8_t)*text) * 0x100000001b3u;
  }
  return h;
}

struct step {
  const store_options *o;
  base_buf *why;
  size_t applied; /* how many the store has */
  bool more;
};

static const store_statement create_table = {"CREATE TABLE IF NOT EXISTS ponte_migrations (position BIGINT PRIMARY "
                                             "KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_us "
                                             "BIGINT NOT NULL)"};
static const store_statement list = {"SELECT name, checksum FROM ponte_migrations ORDER BY position"};
static const store_statement record = {
    "INSERT INTO ponte_migrations (position, name, checksum, applied_us) VALUES ($1, $2, $3, $4)"};

/* What was applied must be the beginning of what the program has. */
static base_err compare(struct step *s, store_tx *tx) {
  store_rows *rows;
  BASE_TRY(store_query(tx, &list, NULL, 0, &rows));
  base_err e;
  for (s->applied = 0; base_is_ok(e = store_next(rows)); s->applied++) {
    const char *name = store_column_text(rows, 0);
    if (s->applied >= s->o->migration_count) {
      store__why(s->why, "store %s was migrated by a newer version: it has step %s", s->o->name, name);
      return base_fail(BASE_E_INVALID);
    }
    const store_migration *m = &s->o->migrations[s->applied];
    char sum[17];
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)checksum(m->sql));
    if (strcmp(name, m->name) != 0 || strcmp(store_column_text(rows, 1), sum) != 0) {
      store__why(s->why, "store %s: step %s was changed after it was applied as %s; add a new step instead", s->o->name,
                 m->name, name);
      return base_fail(BASE_E_INVALID);
    }
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

static base_err next_step(void *ctx, store_tx *tx) {
  struct step *s = ctx;
  BASE_TRY(store_exec(tx, &create_table, NULL, 0, NULL));
  BASE_TRY(compare(s, tx));
  s->more = s->applied < s->o->migration_count;
  if (!s->more) {
    return BASE_OK;
  }
  const store_migration *m = &s->o->migrations[s->applied];
  base_err e = tx->store->engine->script(tx, m->sql);
  if (!base_is_ok(e)) {
    store__why(s->why, "store %s: step %s failed (%s); the log has the database's reason", s->o->name, m->name,
               base_err_text(e));
    return e;
  }
  char sum[17];
  snprintf(sum, sizeof sum, "%016llx", (unsigned long long)checksum(m->sql));
  BASE_TRY(store_exec(
      tx, &record,
      STORE_VALUES(store_int((int64_t)s->applied), store_text(m->name), store_text(sum), store_int(base_wall_us())),
      NULL));
  return BASE_OK;
}

base_err store__migrate(store *s, const store_options *o, base_buf *why) {
  struct step step = {.o = o, .why = why, .more = !o->as_it_is};
  while (step.more) {
    base_err e = store_write(s, next_step, &step);
    if (!base_is_ok(e)) {
      if (why && base_buf_size(why) == 0) {
        store__why(why, "store %s: the schema cannot be read or written: %s", o->name, base_err_text(e));
      }
      return e;
    }
    if (step.more) {
      BASE_LOG(BASE_LOG_INFO, "store migrated", LOG_STR("store", o->name),
               LOG_STR("step", o->migrations[step.applied].name));
    }
  }
  return BASE_OK;
}
