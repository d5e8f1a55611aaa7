#include "search/search.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "search/question.h"
#include "search/tokenizer.h"

enum {
  READERS_MAX = 4, /* connections that search at once; one is opened when all others search */
  CANDIDATES = 32, /* passages that FTS5 chooses and search/question.h ranks */
  FILTER_MAX = 1 << 20
};
static const double first_bonus = 1.1;

struct conn {
  sqlite3 *db;
  search_terms *terms;
  sqlite3_stmt *find, *having;
  sqlite3_stmt *insert, *remove, *replace, *begin, *commit, *rollback; /* of the writer */
  struct conn *next;
};

struct search {
  char uri[80];
  pthread_rwlock_t lock; /* SQLite's databases in memory answer BUSY where threads would have to wait */
  struct conn writer;
  int64_t count; /* by the lock */
  pthread_mutex_t pool_lock;
  pthread_cond_t freed;
  struct conn *idle;
  int readers;
};

/* The text of a passage is in `passage` once; FTS5 keeps the words alone. */
static const char schema[] =
    "CREATE TABLE passage(id INTEGER PRIMARY KEY, material TEXT NOT NULL, ordinal INTEGER NOT NULL, title TEXT NOT "
    "NULL,"
    " heading TEXT NOT NULL, text TEXT NOT NULL, owner TEXT NOT NULL, shared INTEGER NOT NULL, begins INTEGER NOT NULL,"
    " ends INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, UNIQUE(material, ordinal));"
    "CREATE VIRTUAL TABLE words USING fts5(title, heading, text, content='passage', content_rowid='id', "
    "tokenize='ponte');"
    "CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, 'row');"
    "CREATE TRIGGER added AFTER INSERT ON passage BEGIN"
    " INSERT INTO words(rowid, title, heading, text) VALUES(new.id, new.title, new.heading, new.text); END;"
    "CREATE TRIGGER removed AFTER DELETE ON passage BEGIN"
    " INSERT INTO words(words, rowid, title, heading, text)"
    " VALUES('delete', old.id, old.title, old.heading, old.text); END;";

/* The numbers of bm25() are TITLE, HEADING of search/question.c. */
static const char find_sql[] =
    "SELECT p.material, p.ordinal, p.title, p.heading, p.text, p.owner, p.shared, p.begins, p.ends, p.start_ms, "
    "p.end_ms"
    " FROM (SELECT words.rowid AS id FROM words JOIN passage AS a ON a.id = words.rowid WHERE words MATCH ?1"
    " AND (?2 OR a.shared OR a.owner = ?3) AND (?4 IS NULL OR a.material IN (SELECT value FROM json_each(?4)))"
    " ORDER BY bm25(words, 2.0, 2.0, 1.0) * (1.0 + 0.1 * (a.material = ?5)) LIMIT ?6) AS best"
    " JOIN passage AS p ON p.id = best.id";
static const char having_sql[] = "SELECT max(doc) FROM vocabulary WHERE term = ?1 OR term = ?2";
static const char insert_sql[] = "INSERT INTO passage(material, ordinal, title, heading, text, owner, shared, begins,"
                                 " ends, start_ms, end_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
static const char remove_sql[] = "DELETE FROM passage WHERE material = ?1";
static const char replace_sql[] = "DELETE FROM passage WHERE material = ?1 AND ordinal = ?2";

static base_err sql_error(sqlite3 *db, int code) {
  if ((code & 0xff) == SQLITE_NOMEM || !db) return base_fail(BASE_E_NO_MEMORY);
  BASE_LOG(BASE_LOG_ERROR, "the search index failed", LOG_INT("code", code), LOG_STR("reason", sqlite3_errmsg(db)));
  return base_fail(BASE_E_INTERNAL);
}

static void conn_close(struct conn *c) {
  sqlite3_stmt *const all[] = {c->find, c->having, c->insert, c->remove, c->replace, c->begin, c->commit, c->rollback};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    sqlite3_finalize(all[i]);
  sqlite3_close(c->db);
  search_terms_free(c->terms);
}

static base_err conn_open(const search *s, struct conn *c, bool writer) {
  static const char settings[] = "PRAGMA journal_mode=MEMORY; PRAGMA temp_store=MEMORY";
  const struct {
    sqlite3_stmt **out;
    const char *sql;
    bool writes;
  } statements[] = {{&c->find, find_sql, false},    {&c->having, having_sql, false},  {&c->insert, insert_sql, true},
                    {&c->remove, remove_sql, true}, {&c->replace, replace_sql, true}, {&c->begin, "BEGIN", true},
                    {&c->commit, "COMMIT", true},   {&c->rollback, "ROLLBACK", true}};
  BASE_TRY(search_terms_new(&c->terms));
  int code = sqlite3_open_v2(s->uri, &c->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK) code = search_tokenizer_register(c->db, c->terms);
  if (code == SQLITE_OK) code = sqlite3_exec(c->db, settings, NULL, NULL, NULL);
  if (code == SQLITE_OK && writer) code = sqlite3_exec(c->db, schema, NULL, NULL, NULL);
  for (size_t i = 0; code == SQLITE_OK && i < sizeof statements / sizeof *statements; i++) {
    if (writer || !statements[i].writes) {
      code = sqlite3_prepare_v3(c->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT, statements[i].out, NULL);
    }
  }
  return code == SQLITE_OK ? BASE_OK : sql_error(c->db, code);
}

base_err search_open(search **out) {
  char id[BASE_UUID_SIZE];
  search *s = calloc(1, sizeof *s);
  if (!s) return base_fail(BASE_E_NO_MEMORY);
  base_uuid7(id);
  snprintf(s->uri, sizeof s->uri, "file:/ponte-%s?vfs=memdb", id);
  pthread_rwlockattr_t waiting_writers_first; /* or searches that never pause would keep material out */
  pthread_rwlockattr_init(&waiting_writers_first);
  pthread_rwlockattr_setkind_np(&waiting_writers_first, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&s->lock, &waiting_writers_first);
  pthread_rwlockattr_destroy(&waiting_writers_first);
  pthread_mutex_init(&s->pool_lock, NULL);
  pthread_cond_init(&s->freed, NULL);
  base_err e = conn_open(s, &s->writer, true);
  if (!base_is_ok(e)) {
    search_close(s);
    return e;
  }
  *out = s;
  return BASE_OK;
}

void search_close(search *s) {
  if (!s) return;
  for (struct conn *c = s->idle, *next; c; c = next) {
    next = c->next;
    conn_close(c);
    free(c);
  }
  conn_close(&s->writer);
  pthread_cond_destroy(&s->freed);
  pthread_mutex_destroy(&s->pool_lock);
  pthread_rwlock_destroy(&s->lock);
  free(s);
}

static void bind_text(sqlite3_stmt *stmt, int i, base_span text) {
  sqlite3_bind_text64(stmt, i, text.n ? (const char *)text.p : "", text.n, SQLITE_STATIC, SQLITE_UTF8);
}

/* Runs a statement that gives no row. */
static int run(sqlite3_stmt *stmt) {
  sqlite3_step(stmt);
  int code = sqlite3_reset(stmt);
  sqlite3_clear_bindings(stmt);
  return code;
}

static int put_one(struct conn *c, const search_passage *p, int64_t *change) {
  bind_text(c->replace, 1, base_span_str(p->material_id));
  sqlite3_bind_int(c->replace, 2, p->ordinal);
  int code = run(c->replace);
  if (code != SQLITE_OK) return code;
  *change += 1 - sqlite3_changes(c->db);
  const base_span texts[] = {base_span_str(p->title), base_span_str(p->heading), p->text, base_span_str(p->owner)};
  const int64_t numbers[] = {p->shared, (int64_t)p->begin, (int64_t)p->end, p->start_ms, p->end_ms};
  bind_text(c->insert, 1, base_span_str(p->material_id));
  sqlite3_bind_int(c->insert, 2, p->ordinal);
  for (int i = 0; i < 4; i++)
    bind_text(c->insert, 3 + i, texts[i]);
  for (int i = 0; i < 5; i++)
    sqlite3_bind_int64(c->insert, 7 + i, numbers[i]);
  return run(c->insert);
}

/* Without memory even a rollback may fail; what it left open is ended before anything else is done. */
static int end_transaction(search *s) {
  return sqlite3_get_autocommit(s->writer.db) ? SQLITE_OK : run(s->writer.rollback);
}

/* For writing; SQLITE_OK: with a transaction begun. */
static int lock_and_begin(search *s) {
  pthread_rwlock_wrlock(&s->lock);
  int code = end_transaction(s);
  return code == SQLITE_OK ? run(s->writer.begin) : code;
}

static base_err finish_and_unlock(search *s, int code, int64_t change) {
  base_err e = BASE_OK;
  if (code == SQLITE_OK) code = run(s->writer.commit);
  if (code == SQLITE_OK) {
    s->count += change;
  } else {
    e = sql_error(s->writer.db, code);
    end_transaction(s);
  }
  pthread_rwlock_unlock(&s->lock);
  return e;
}

base_err search_put(search *s, const search_passage *passages, size_t count) {
  int64_t change = 0;
  int code = lock_and_begin(s);
  for (size_t i = 0; code == SQLITE_OK && i < count; i++)
    code = put_one(&s->writer, &passages[i], &change);
  return finish_and_unlock(s, code, change);
}

base_err search_remove(search *s, const char *material_id) {
  struct conn *c = &s->writer;
  int code = lock_and_begin(s);
  if (code == SQLITE_OK) {
    bind_text(c->remove, 1, base_span_str(material_id));
    code = run(c->remove);
  }
  return finish_and_unlock(s, code, code == SQLITE_OK ? -sqlite3_changes(c->db) : 0);
}

size_t search_count(search *s) {
  pthread_rwlock_rdlock(&s->lock);
  size_t count = (size_t)s->count;
  pthread_rwlock_unlock(&s->lock);
  return count;
}

static base_err reader_take(search *s, struct conn **out) {
  pthread_mutex_lock(&s->pool_lock);
  while (!s->idle && s->readers == READERS_MAX)
    pthread_cond_wait(&s->freed, &s->pool_lock);
  struct conn *c = s->idle;
  if (c) {
    s->idle = c->next;
  } else {
    s->readers++;
  }
  pthread_mutex_unlock(&s->pool_lock);
  base_err e = BASE_OK;
  if (!c) {
    c = calloc(1, sizeof *c);
    e = c ? conn_open(s, c, false) : base_fail(BASE_E_NO_MEMORY);
  }
  if (!base_is_ok(e)) {
    if (c) conn_close(c);
    free(c);
    c = NULL;
    pthread_mutex_lock(&s->pool_lock);
    s->readers--;
    pthread_cond_signal(&s->freed);
    pthread_mutex_unlock(&s->pool_lock);
  }
  *out = c;
  return e;
}

static void reader_give(search *s, struct conn *c) {
  pthread_mutex_lock(&s->pool_lock);
  c->next = s->idle;
  s->idle = c;
  pthread_cond_signal(&s->freed);
  pthread_mutex_unlock(&s->pool_lock);
}

/* The strings of one hit; they begin hits->memory's list. */
struct strings {
  struct strings *next;
  char bytes[];
};

static base_err keep(search_hit *hit, struct strings **list) {
  search_passage *p = &hit->passage;
  const char **const texts[] = {&p->material_id, &p->title, &p->heading, &p->owner};
  enum { TEXTS = sizeof texts / sizeof *texts };
  size_t sizes[TEXTS], all = p->text.n + 1;
  for (int i = 0; i < TEXTS; i++)
    all += sizes[i] = strlen(*texts[i]) + 1;
  struct strings *s = malloc(sizeof *s + all);
  if (!s) return base_fail(BASE_E_NO_MEMORY);
  char *at = s->bytes;
  for (int i = 0; i < TEXTS; at += sizes[i], i++) {
    memcpy(at, *texts[i], sizes[i]);
    *texts[i] = at;
  }
  if (p->text.n) memcpy(at, p->text.p, p->text.n);
  at[p->text.n] = '\0';
  p->text.p = (const uint8_t *)at;
  s->next = *list;
  *list = s;
  return BASE_OK;
}

/* What one search works with. */
struct finding {
  search *s;
  struct conn *c;
  const search_query *query;
  search_question question;
  search_hits *out;
  size_t limit;
};

/* Measures a passage and, if it is among the best so far, takes a copy of it to its place; of equals the first stays. */
static base_err consider(struct finding *f, const search_passage *p) {
  search_hit hit = {.passage = *p};
  search_hits *out = f->out;
  search_question_measure(f->c->terms, &f->question, &hit);
  if (hit.score <= 0) return BASE_OK;
  if (f->query->first_material && strcmp(f->query->first_material, p->material_id) == 0) hit.score *= first_bonus;
  size_t at = out->count;
  while (at > 0 && out->hits[at - 1].score < hit.score)
    at--;
  if (at == f->limit) return BASE_OK;
  struct strings *list = out->memory;
  BASE_TRY(keep(&hit, &list));
  out->memory = list;
  out->count += out->count < f->limit;
  memmove(&out->hits[at + 1], &out->hits[at], (out->count - 1 - at) * sizeof hit);
  out->hits[at] = hit;
  return BASE_OK;
}

static const char *text_at(sqlite3_stmt *s, int i) {
  const char *text = (const char *)sqlite3_column_text(s, i);
  return text ? text : "";
}

static base_err consider_row(struct finding *f) {
  sqlite3_stmt *s = f->c->find;
  const char *text = text_at(s, 4);
  const search_passage p = {
      .material_id = text_at(s, 0),
      .ordinal = sqlite3_column_int(s, 1),
      .title = text_at(s, 2),
      .heading = text_at(s, 3),
      .text = base_span_of(text, (size_t)sqlite3_column_bytes(s, 4)),
      .owner = text_at(s, 5),
      .shared = sqlite3_column_int(s, 6),
      .begin = (size_t)sqlite3_column_int64(s, 7),
      .end = (size_t)sqlite3_column_int64(s, 8),
      .start_ms = sqlite3_column_int64(s, 9),
      .end_ms = sqlite3_column_int64(s, 10),
  };
  return consider(f, &p);
}

/* How rare each term is, in the index and what comes with the question. */
static base_err weigh(struct finding *f) {
  const search_query *query = f->query;
  for (size_t i = 0; i < f->question.count; i++) {
    const question_term *x = &f->question.terms[i];
    sqlite3_stmt *s = f->c->having;
    bind_text(s, 1, base_span_str(x->stems[0]));
    bind_text(s, 2, base_span_str(x->stems[1]));
    int64_t having = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    int code = sqlite3_reset(s);
    if (code != SQLITE_OK) return sql_error(f->c->db, code);
    search_question_weigh(&f->question, i, having, f->s->count + (int64_t)query->extra_count);
  }
  return BASE_OK;
}

/* A JSON list, for json_each(); empty where all materials count. */
static base_err filter(const search_query *query, base_buf *out) {
  for (size_t i = 0; i < query->material_count; i++) {
    BASE_TRY(base_buf_str(out, i ? "," : "["));
    BASE_TRY(base_buf_json(out, base_span_str(query->material_ids[i])));
  }
  return query->material_count ? base_buf_str(out, "]") : BASE_OK;
}

static base_err find_rows(struct finding *f, base_span match, base_span materials) {
  sqlite3_stmt *s = f->c->find;
  const search_query *query = f->query;
  bind_text(s, 1, match);
  sqlite3_bind_int(s, 2, query->all);
  bind_text(s, 3, base_span_str(query->owner ? query->owner : ""));
  if (materials.n) bind_text(s, 4, materials);
  bind_text(s, 5, base_span_str(query->first_material ? query->first_material : ""));
  sqlite3_bind_int(s, 6, CANDIDATES);
  base_err e = BASE_OK;
  while (base_is_ok(e) && sqlite3_step(s) == SQLITE_ROW)
    e = consider_row(f);
  int code = sqlite3_reset(s);
  sqlite3_clear_bindings(s);
  return base_is_ok(e) && code != SQLITE_OK ? sql_error(f->c->db, code) : e;
}

static base_err find_all(struct finding *f) {
  const search_query *query = f->query;
  search_question_read(f->c->terms, query->text, query->earlier, &f->question);
  if (f->question.count == 0 || f->limit == 0) return BASE_OK;
  BASE_TRY(weigh(f));
  base_buf match, materials;
  base_buf_init(&match, QUESTION_MATCH_MAX);
  base_buf_init(&materials, FILTER_MAX);
  base_err e = search_question_match(&f->question, &match);
  if (base_is_ok(e)) e = filter(query, &materials);
  for (size_t i = 0; base_is_ok(e) && i < query->extra_count; i++)
    e = consider(f, &query->extra[i]);
  if (base_is_ok(e) && base_buf_size(&match)) e = find_rows(f, base_buf_span(&match), base_buf_span(&materials));
  base_buf_dispose(&match);
  base_buf_dispose(&materials);
  return e;
}

/* For reading, with no transaction left open by a write that failed. */
static base_err lock_for_reading(search *s) {
  pthread_rwlock_rdlock(&s->lock);
  if (sqlite3_get_autocommit(s->writer.db)) return BASE_OK;
  pthread_rwlock_unlock(&s->lock);
  pthread_rwlock_wrlock(&s->lock);
  int code = end_transaction(s);
  base_err e = code == SQLITE_OK ? BASE_OK : sql_error(s->writer.db, code);
  pthread_rwlock_unlock(&s->lock);
  pthread_rwlock_rdlock(&s->lock);
  return e;
}

base_err search_find(search *s, const search_query *query, search_hits *out) {
  size_t limit = query->limit < SEARCH_HITS_MAX ? query->limit : SEARCH_HITS_MAX;
  struct finding f = {.s = s, .query = query, .out = out, .limit = limit};
  *out = (search_hits){0};
  base_err e = lock_for_reading(s);
  if (base_is_ok(e)) e = reader_take(s, &f.c);
  if (base_is_ok(e)) {
    e = find_all(&f);
    reader_give(s, f.c);
  }
  pthread_rwlock_unlock(&s->lock);
  if (!base_is_ok(e)) search_hits_dispose(out);
  return e;
}

void search_hits_dispose(search_hits *h) {
  for (struct strings *s = h->memory, *next; s; s = next) {
    next = s->next;
    free(s);
  }
  *h = (search_hits){0};
}
