#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { WAL_LIMIT = 64 * 1024 * 1024 /* what a checkpoint leaves of the log's file */ };

/* Two processes that open a new database at once: the change to WAL does not wait for the other as every later lock does. */
static int use_wal(const sq_store *s, sqlite3 *db) {
  int64_t until_ms = base_now_ms() + s->base.busy_timeout_ms;
  int code;
  while ((code = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) & 0xff) == SQLITE_BUSY &&
         base_now_ms() < until_ms) {
    usleep(2000);
  }
  return code;
}

static base_err conn_open(const sq_store *s, struct sq_conn *c, bool read_only, base_buf *why) {
  char settings[320];
  snprintf(settings, sizeof settings,
           "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA case_sensitive_like=ON; PRAGMA "
           "trusted_schema=OFF; PRAGMA journal_size_limit=%d; PRAGMA query_only=%d",
           WAL_LIMIT, read_only);
  int code = sqlite3_open_v2(s->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK) {
    sqlite3_extended_result_codes(c->db, 1);
    code = sqlite3_busy_timeout(c->db, (int)s->base.busy_timeout_ms);
  }
  if (code == SQLITE_OK) {
    code = use_wal(s, c->db);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_exec(c->db, settings, NULL, NULL, NULL);
  }
  if (code == SQLITE_OK) {
    return BASE_OK;
  }
  const char *reason = c->db ? sqlite3_errmsg(c->db) : "out of memory";
  store__why(why, "%s: %s", s->path, reason);
  return c->db ? sq_error(s, c->db, code, false, "(opening)") : base_fail(BASE_E_NO_MEMORY);
}

/* The folder and the file, for this user alone; SQLite's other files take the file's mode. */
static base_err make_file(sq_store *s, const store_options *o, const char *dir, base_buf *why) {
  if (o->as_it_is && access(s->path, F_OK) != 0) {
    store__why(why, "%s: %s; choose the folder with sqlite:DIR", s->path, strerror(errno));
    return base_fail(BASE_E_NOT_FOUND);
  }
  if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
    store__why(why, "%s: %s; create the folder, or choose another with sqlite:DIR", dir, strerror(errno));
    return base_fail(BASE_E_UNAVAILABLE);
  }
  int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    store__why(why, "%s: %s; this user must be able to write it", s->path, strerror(errno));
    return base_fail(errno == ENOSPC ? BASE_E_EXHAUSTED : BASE_E_UNAVAILABLE);
  }
  close(fd);
  return BASE_OK;
}

static void sq_close(store *base) {
  sq_store *s = (sq_store *)base;
  for (int i = 0; i < s->reader_count; i++) {
    sq_conn_close(&s->readers[i]);
  }
  sq_conn_close(&s->writer); /* last: it puts the log into the database */
  free(s->readers);
  store__pool_dispose(&s->free_readers);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static base_err connect_all(sq_store *s, const store_options *o, const char *dir, base_buf *why) {
  BASE_TRY(make_file(s, o, dir, why));
  BASE_TRY(conn_open(s, &s->writer, false, why));
  BASE_TRY(store__migrate(&s->base, o, why));
  s->readers = calloc((size_t)o->connections, sizeof *s->readers);
  if (!s->readers) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  for (; s->reader_count < o->connections; s->reader_count++) {
    struct sq_conn *c = &s->readers[s->reader_count];
    base_err e = conn_open(s, c, true, why);
    if (!base_is_ok(e)) {
      sq_conn_close(c);
      return e;
    }
    store__pool_give(&s->free_readers, c);
  }
  return BASE_OK;
}

static base_err sq_open(const store_options *o, const char *dir, base_buf *why, store **out) {
  sq_store *s = calloc(1, sizeof *s);
  if (!s) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->base = (store){.engine = &store__sqlite, .busy_timeout_ms = o->busy_timeout_ms};
  snprintf(s->base.name, sizeof s->base.name, "%s", o->name);
  STAILQ_INIT(&s->waiting);
  pthread_mutex_init(&s->lock, NULL); /* a default mutex: cannot fail on Linux */
  base_err e = store__pool_init(&s->free_readers, (size_t)o->connections);
  int n = snprintf(s->path, sizeof s->path, "%s/%s.db", dir, o->name);
  if (base_is_ok(e) && (!*dir || n >= (int)sizeof s->path)) {
    store__why(why, "sqlite: wants a folder, sqlite:DIR, of at most %zu letters", sizeof s->path - 80);
    e = base_fail(BASE_E_INVALID);
  }
  if (base_is_ok(e)) {
    e = connect_all(s, o, dir, why);
  }
  if (!base_is_ok(e)) {
    sq_close(&s->base);
    return e;
  }
  *out = &s->base;
  return BASE_OK;
}

static base_err sq_read(store *base, store_fn fn, void *ctx) {
  static const store_statement begin = {"BEGIN"};
  sq_store *s = (sq_store *)base;
  void *taken = NULL;
  BASE_TRY(store__pool_take(&s->free_readers, base_now_ms() + s->base.busy_timeout_ms, &taken));
  struct sq_conn *c = taken;
  base_err e = sq_end_transaction(s, c);
  if (base_is_ok(e)) {
    e = sq_command(s, c, &begin);
  }
  if (base_is_ok(e)) {
    struct sq_tx tx;
    sq_tx_begin(&tx, s, c, true);
    e = store__run(&tx.base, fn, ctx);
    sq_tx_end(&tx);
    base_err ended = sq_end_transaction(s, c);
    e = base_is_ok(e) ? ended : e;
  }
  store__pool_give(&s->free_readers, c);
  return e;
}

static base_err copy(const sq_store *s, sqlite3 *from, const char *path) {
  sqlite3 *to = NULL;
  int code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  sqlite3_backup *b = code == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
  base_err e;
  if (!b) {
    e = to ? sq_error(s, to, code == SQLITE_OK ? sqlite3_errcode(to) : code, false, "(backup)")
           : base_fail(BASE_E_NO_MEMORY);
  } else {
    /* At once: one snapshot, and writers of a WAL are not held up by readers. finish() does not tell of a step that found the database busy, and copied nothing. */
    int step = sqlite3_backup_step(b, -1);
    code = sqlite3_backup_finish(b);
    code = code == SQLITE_OK && step != SQLITE_DONE ? step : code;
    e = code == SQLITE_OK ? BASE_OK : sq_error(s, to, code, false, "(backup)");
  }
  if (sqlite3_close(to) != SQLITE_OK && base_is_ok(e)) {
    e = base_fail(BASE_E_UNAVAILABLE);
  }
  return e;
}

static base_err sq_backup(store *base, const char *path) {
  sq_store *s = (sq_store *)base;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return base_fail(errno == EEXIST ? BASE_E_EXISTS : errno == ENOSPC ? BASE_E_EXHAUSTED : BASE_E_UNAVAILABLE);
  }
  close(fd);
  struct sq_conn from = {0}; /* its own: the copy may take long */
  base_err e = conn_open(s, &from, true, NULL);
  if (base_is_ok(e)) {
    e = copy(s, from.db, path);
  }
  sq_conn_close(&from);
  if (!base_is_ok(e)) {
    unlink(path);
  }
  return e;
}

const store_engine store__sqlite = {
    .scheme = "sqlite:",
    .open = sq_open,
    .close = sq_close,
    .is_ready = store__answers,
    .backup = sq_backup,
    .read = sq_read,
    .write = sq_write,
    .exec = sq_exec,
    .query = sq_query,
    .script = sq_script,
    .next = sq_next,
    .is_null = sq_is_null,
    .number = sq_number,
    .bytes = sq_bytes,
};
