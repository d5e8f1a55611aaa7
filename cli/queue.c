#include "cli/queue.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/folder.h"
#include "cli/session.h"
#include "pb/message.h"

enum { BUSY_MS = 10000 };

struct cli_queue {
  sqlite3 *db;
  sqlite3_stmt *row;    /* what cli_queue_next() gave belongs to it */
  sqlite3_stmt *lesson; /* and what cli_queue_lesson() gave, to this */
  char path[CLI_PATH_MAX];
  int lock; /* -1: not held */
};

/* AUTOINCREMENT: an id is never used again, so that `ponte queue drop` cannot hit another call. */
static const char schema[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;"
    "CREATE TABLE IF NOT EXISTS calls("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, queued_ms INTEGER NOT NULL, place TEXT NOT NULL, account TEXT NOT NULL,"
    " port INTEGER NOT NULL, path TEXT NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL,"
    " refused INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT '',"
    " UNIQUE(place, path, key));"
    "CREATE TABLE IF NOT EXISTS lessons("
    " call INTEGER NOT NULL REFERENCES calls(id) ON DELETE CASCADE, at INTEGER NOT NULL, key TEXT NOT NULL,"
    " request BLOB NOT NULL, material_id TEXT NOT NULL DEFAULT '', PRIMARY KEY(call, at));";

static bool fail(const cli_queue *q) {
  cli_say("%s: %s", q->path, q->db ? sqlite3_errmsg(q->db) : "out of memory");
  return false;
}

bool cli_queue_open(cli_queue **out) {
  cli_queue *q = calloc(1, sizeof *q);
  *out = NULL;
  if (!q) {
    cli_say("out of memory");
    return false;
  }
  q->lock = -1;
  mode_t mask = umask(077);
  bool good = cli_folder_file(CLI_FOLDER_STATE, "queue.db", q->path) &&
              ((sqlite3_open(q->path, &q->db) == SQLITE_OK && sqlite3_busy_timeout(q->db, BUSY_MS) == SQLITE_OK &&
                sqlite3_exec(q->db, schema, NULL, NULL, NULL) == SQLITE_OK) ||
               fail(q));
  umask(mask);
  if (good)
    *out = q;
  else
    cli_queue_close(q);
  return good;
}

void cli_queue_close(cli_queue *q) {
  if (!q) return;
  sqlite3_finalize(q->row);
  sqlite3_finalize(q->lesson);
  sqlite3_close(q->db);
  if (q->lock >= 0) close(q->lock);
  free(q);
}

bool cli_queue_lock(cli_queue *q) { return (q->lock = cli_lock(q->path)) >= 0; }

static const char *text(sqlite3_stmt *s, int column) {
  const unsigned char *t = sqlite3_column_text(s, column);
  return t ? (const char *)t : "";
}

static base_span blob(sqlite3_stmt *s, int column) {
  return base_span_of(sqlite3_column_blob(s, column), (size_t)sqlite3_column_bytes(s, column));
}

/* The row of a query with two parameters, kept in *at until the next one. */
static enum cli_queue_next read_row(cli_queue *q, sqlite3_stmt **at, const char *sql, int64_t first, int second) {
  sqlite3_finalize(*at);
  *at = NULL;
  int e = sqlite3_prepare_v2(q->db, sql, -1, at, NULL);
  if (e == SQLITE_OK) e = sqlite3_bind_int64(*at, 1, first);
  if (e == SQLITE_OK) e = sqlite3_bind_int(*at, 2, second);
  if (e == SQLITE_OK) e = sqlite3_step(*at);
  if (e == SQLITE_ROW) return CLI_QUEUE_ROW;
  if (e == SQLITE_DONE) return CLI_QUEUE_END;
  fail(q);
  return CLI_QUEUE_ERROR;
}

enum cli_queue_next cli_queue_next(cli_queue *q, int64_t after, bool refused, cli_queued *out) {
  static const char sql[] = "SELECT id, queued_ms, place, account, port, path, key, request, refused, why FROM calls"
                            " WHERE id > ?1 AND refused = ?2 ORDER BY id LIMIT 1";
  enum cli_queue_next next = read_row(q, &q->row, sql, after, refused);
  if (next != CLI_QUEUE_ROW) return next;
  *out = (cli_queued){.id = sqlite3_column_int64(q->row, 0),
                      .queued_ms = sqlite3_column_int64(q->row, 1),
                      .place = text(q->row, 2),
                      .account = text(q->row, 3),
                      .port = sqlite3_column_int(q->row, 4),
                      .path = text(q->row, 5),
                      .key = text(q->row, 6),
                      .request = blob(q->row, 7),
                      .refused = sqlite3_column_int(q->row, 8) != 0,
                      .why = text(q->row, 9)};
  return CLI_QUEUE_ROW;
}

/* A statement about one row: ?1 is its id, ?2 a text. */
static bool change(cli_queue *q, const char *sql, int64_t id, const char *value) {
  sqlite3_stmt *s = NULL;
  sqlite3_finalize(q->row); /* readers in the way of the writer's checkpoint */
  sqlite3_finalize(q->lesson);
  q->row = q->lesson = NULL;
  int e = sqlite3_prepare_v2(q->db, sql, -1, &s, NULL);
  if (e == SQLITE_OK) e = sqlite3_bind_int64(s, 1, id);
  if (e == SQLITE_OK && value) e = sqlite3_bind_text(s, 2, value, -1, SQLITE_TRANSIENT);
  if (e == SQLITE_OK) e = sqlite3_step(s);
  sqlite3_finalize(s);
  return e == SQLITE_DONE || fail(q);
}

bool cli_queue_drop(cli_queue *q, int64_t id, bool *found) {
  bool good = change(q, "DELETE FROM calls WHERE id = ?1", id, NULL);
  if (found) *found = good && sqlite3_changes(q->db) > 0;
  return good;
}

bool cli_queue_refuse(cli_queue *q, int64_t id, const char *why) {
  return change(q, "UPDATE calls SET refused = 1, why = ?2 WHERE id = ?1", id, why);
}

int64_t cli_queue_count(cli_queue *q, bool refused) {
  sqlite3_stmt *s = NULL;
  int64_t n = 0;
  if (sqlite3_prepare_v2(q->db, "SELECT count(*) FROM calls WHERE refused = ?1", -1, &s, NULL) == SQLITE_OK &&
      sqlite3_bind_int(s, 1, refused) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
    n = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  return n;
}

/* -- lessons ----------------------------------------------------------------------------------------------------------- */

enum cli_queue_next cli_queue_lesson(cli_queue *q, int64_t call, int at, cli_queued_lesson *out) {
  static const char sql[] = "SELECT material_id, request FROM lessons WHERE call = ?1 AND at = ?2";
  enum cli_queue_next next = read_row(q, &q->lesson, sql, call, at);
  if (next != CLI_QUEUE_ROW) return next;
  *out = (cli_queued_lesson){text(q->lesson, 0), blob(q->lesson, 1)};
  return CLI_QUEUE_ROW;
}

bool cli_queue_lesson_added(cli_queue *q, int64_t call, int at, const char *material_id) {
  static const char sql[] = "UPDATE lessons SET material_id = ?3, request = x'' WHERE call = ?1 AND at = ?2";
  sqlite3_stmt *s = NULL;
  int e = sqlite3_prepare_v2(q->db, sql, -1, &s, NULL);
  if (e == SQLITE_OK) e = sqlite3_bind_int64(s, 1, call);
  if (e == SQLITE_OK) e = sqlite3_bind_int(s, 2, at);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 3, material_id, -1, SQLITE_TRANSIENT);
  if (e == SQLITE_OK) e = sqlite3_step(s);
  sqlite3_finalize(s);
  return e == SQLITE_DONE || fail(q);
}

/* -- keeping ----------------------------------------------------------------------------------------------------------- */

static bool insert(cli_queue *q, const cli_queued *c, const char *lesson_keys, bool *kept) {
  /* The same call of the same account with the same key is one call; another one must not be lost behind it. */
  static const char sql[] =
      "INSERT INTO calls(queued_ms, place, account, port, path, key, request)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(place, path, key)"
      " DO UPDATE SET queued_ms = queued_ms WHERE account = excluded.account"
      " AND request = excluded.request AND refused = 0 AND ?8 ="
      " (SELECT coalesce(group_concat(key, ' '), '') FROM (SELECT key FROM lessons WHERE call = calls.id ORDER BY at))";
  sqlite3_stmt *s = NULL;
  int e = sqlite3_prepare_v2(q->db, sql, -1, &s, NULL);
  if (e == SQLITE_OK) e = sqlite3_bind_int64(s, 1, c->queued_ms);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 2, c->place, -1, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 3, c->account, -1, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_bind_int(s, 4, c->port);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 5, c->path, -1, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 6, c->key, -1, SQLITE_STATIC);
  if (e == SQLITE_OK)
    e = sqlite3_bind_blob64(s, 7, c->request.n ? (const void *)c->request.p : "", c->request.n, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 8, lesson_keys, -1, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_step(s);
  sqlite3_finalize(s);
  if (e != SQLITE_DONE) return fail(q);
  *kept = sqlite3_changes(q->db) > 0;
  if (!*kept) cli_say("another call with key %s is in the queue: this one is not kept", c->key);
  return true;
}

static bool insert_lesson(cli_queue *q, const cli_queued *c, int at, const char *key, base_span request) {
  static const char sql[] = "INSERT OR IGNORE INTO lessons(call, at, key, request)"
                            " SELECT id, ?4, ?5, ?6 FROM calls WHERE place = ?1 AND path = ?2 AND key = ?3";
  sqlite3_stmt *s = NULL;
  int e = sqlite3_prepare_v2(q->db, sql, -1, &s, NULL);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 1, c->place, -1, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 2, c->path, -1, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 3, c->key, -1, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_bind_int(s, 4, at);
  if (e == SQLITE_OK) e = sqlite3_bind_text(s, 5, key, -1, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_bind_blob64(s, 6, request.p, request.n, SQLITE_STATIC);
  if (e == SQLITE_OK) e = sqlite3_step(s);
  sqlite3_finalize(s);
  return e == SQLITE_DONE || fail(q);
}

/* Packed into *bytes. False: said why. */
static bool pack(const ProtobufCMessage *message, base_buf *bytes) {
  base_buf_clear(bytes);
  if (base_is_ok(pb_pack(message, bytes))) return true;
  cli_say("the request is too large to keep");
  return false;
}

static bool insert_lessons(cli_queue *q, const cli_queued *c, const cli_queue_call *call) {
  base_buf bytes;
  bool good = true;
  base_buf_init(&bytes, CLI_REQUEST_MAX);
  for (int i = 0; i < call->lesson_count && good; i++) {
    good = pack(&call->lessons[i]->base, &bytes) &&
           insert_lesson(q, c, i, call->lessons[i]->idempotency_key, base_buf_span(&bytes));
  }
  base_buf_dispose(&bytes);
  return good;
}

/* All of it or nothing. */
static bool insert_all(cli_queue *q, cli_queued *c, const cli_queue_call *call) {
  base_buf bytes, keys;
  bool kept = false;
  base_buf_init(&bytes, CLI_REQUEST_MAX);
  base_buf_init(&keys, CLI_REQUEST_MAX);
  bool good = base_is_ok(base_buf_printf(&keys, "%s", ""));
  for (int i = 0; i < call->lesson_count && good; i++)
    good = base_is_ok(base_buf_printf(&keys, "%s%s", i ? " " : "", call->lessons[i]->idempotency_key));
  if (!good) cli_say("out of memory");
  good = good && pack(call->request, &bytes);
  c->request = base_buf_span(&bytes);
  good = good && (sqlite3_exec(q->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK || fail(q));
  good = good && insert(q, c, (const char *)keys.data, &kept) && kept && insert_lessons(q, c, call);
  good = good && (sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK || fail(q));
  base_buf_dispose(&keys);
  base_buf_dispose(&bytes);
  return good; /* what was begun and not committed goes with the queue */
}

bool cli_queue_wanted(const cli_args *a, const cli_link *l, const wire_status *status) {
  return cli_arg(a, "queue") && !l->interrupted &&
         (status->code == BASE_GRPC_UNAVAILABLE || status->code == BASE_GRPC_DEADLINE_EXCEEDED);
}

int cli_queue_keep(const cli_link *l, const cli_queue_call *call) {
  cli_session session = {.user_id = ""};
  cli_queue *q = NULL;
  if (cli_session_load(l->place, &session) == CLI_FOUND_ERROR) return CLI_EXIT_LOCAL;
  if (!cli_queue_open(&q)) return CLI_EXIT_LOCAL;
  bool good = insert_all(q,
                         &(cli_queued){.queued_ms = base_wall_ms(),
                                       .place = l->place,
                                       .account = l->given_token ? CLI_QUEUE_TOKEN : session.user_id,
                                       .port = call->port,
                                       .path = call->path,
                                       .key = call->key},
                         call);
  if (good) cli_say("%s cannot be reached; the call is kept with key %s: `ponte sync` sends it", l->place, call->key);
  cli_queue_close(q);
  return good ? CLI_EXIT_OK : CLI_EXIT_LOCAL;
}
