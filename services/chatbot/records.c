#include "chatbot/records.h"

#include <stdio.h>
#include <stdlib.h>

#include "pb/message.h"
#include "svc/timestamp.h"

static const store_statement next_change = {
    "UPDATE counters SET value = value + 1 WHERE name = 'change' RETURNING value"};

base_err chatbot_next_change(store_tx *tx, int64_t *out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &next_change, NULL, 0, &rows));
  BASE_TRY(store_next(rows));
  *out = store_column_int(rows, 0);
  return BASE_OK;
}

/* -- what materials are -------------------------------------------------------------------------------------------- */

enum { ID, OWNER, TITLE, FORMAT, SHARED, SESSION, CREATED, UPDATED, PASSAGES, SIZE, DURATION };
#define COLUMNS                                                                                       \
  "material_id, owner_id, title, format, shared, session_id, created_us, updated_us, passage_count, " \
  "size_bytes, duration_ms"

static const store_statement select_one = {"SELECT " COLUMNS " FROM materials WHERE material_id = $1"};
static const store_statement select_session = {"SELECT " COLUMNS
                                               " FROM materials WHERE owner_id = $1 AND session_id = $2"};
static const store_statement select_lists[2] = {
    {"SELECT " COLUMNS " FROM materials WHERE (created_us, material_id) < ($1, $2) AND (owner_id = $4 OR shared = 1)"
     " ORDER BY created_us DESC, material_id DESC LIMIT $3"},
    {"SELECT " COLUMNS " FROM materials WHERE (created_us, material_id) < ($1, $2)"
     " ORDER BY created_us DESC, material_id DESC LIMIT $3"},
};

static base_err read_material(svc_call *c, store_rows *rows, chatbot_material *out) {
  Google__Protobuf__Timestamp *times = svc_alloc(c, 2 * sizeof *times);
  ponte__chatbot__v1__material__init(out);
  out->material_id = svc_strdup(c, store_column_text(rows, ID));
  out->owner_id = svc_strdup(c, store_column_text(rows, OWNER));
  out->title = svc_strdup(c, store_column_text(rows, TITLE));
  out->session_id = svc_strdup(c, store_column_text(rows, SESSION));
  if (!times || !out->material_id || !out->owner_id || !out->title || !out->session_id) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  svc_timestamp(store_column_int(rows, CREATED), &times[0]);
  svc_timestamp(store_column_int(rows, UPDATED), &times[1]);
  out->create_time = &times[0];
  out->update_time = &times[1];
  out->format = (Ponte__Chatbot__V1__MaterialFormat)store_column_int(rows, FORMAT);
  out->shared = store_column_int(rows, SHARED) != 0;
  out->passage_count = (int32_t)store_column_int(rows, PASSAGES);
  out->size_bytes = (int32_t)store_column_int(rows, SIZE);
  out->duration_ms = store_column_int(rows, DURATION);
  return BASE_OK;
}

base_err chatbot_material_find(svc_call *c, store_tx *tx, const char *material_id, chatbot_material *out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_one, STORE_VALUES(store_text(material_id)), &rows));
  BASE_TRY(store_next(rows));
  return read_material(c, rows, out);
}

base_err chatbot_material_of_session(svc_call *c, store_tx *tx, const char *owner_id, const char *session_id,
                                     chatbot_material *out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_session, STORE_VALUES(store_text(owner_id), store_text(session_id)), &rows));
  BASE_TRY(store_next(rows));
  return read_material(c, rows, out);
}

static const store_statement find_session = {
    "SELECT material_id FROM materials WHERE session_id = $2 AND session_id <> '' AND (owner_id = $1 OR shared = 1)"
    " ORDER BY CASE WHEN owner_id = $1 THEN 0 ELSE 1 END, created_us DESC LIMIT 1"};

base_err chatbot_find_session(store_tx *tx, const char *owner_id, const char *session_id, char out[BASE_UUID_SIZE]) {
  store_rows *rows = NULL;
  out[0] = '\0';
  BASE_TRY(store_query(tx, &find_session, STORE_VALUES(store_text(owner_id), store_text(session_id)), &rows));
  base_err e = store_next(rows);
  if (base_is_ok(e)) snprintf(out, BASE_UUID_SIZE, "%s", store_column_text(rows, 0));
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

base_err chatbot_materials_list(svc_call *c, store_tx *tx, const chatbot_materials_query *query,
                                chatbot_material ***out, size_t *count) {
  store_value values[] = {store_int(query->before_us), store_text(query->before_id), store_int(query->limit),
                          store_text(query->owner_id)};
  store_rows *rows = NULL;
  *count = 0;
  *out = svc_alloc(c, (size_t)query->limit * sizeof **out);
  if (!*out) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(store_query(tx, &select_lists[query->all], values, query->all ? 3 : 4, &rows));
  base_err e = store_next(rows);
  for (; base_is_ok(e); e = store_next(rows)) {
    chatbot_material *m = svc_alloc(c, sizeof *m);
    if (!m) return base_fail(BASE_E_NO_MEMORY);
    BASE_TRY(read_material(c, rows, m));
    (*out)[(*count)++] = m;
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

static const store_statement select_kept = {
    "SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM materials WHERE owner_id = $1"};

base_err chatbot_materials_kept(store_tx *tx, const char *owner_id, int64_t *count, int64_t *bytes) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_kept, STORE_VALUES(store_text(owner_id)), &rows));
  BASE_TRY(store_next(rows));
  *count = store_column_int(rows, 0);
  *bytes = store_column_int(rows, 1);
  return BASE_OK;
}

/* -- changes ------------------------------------------------------------------------------------------------------- */

static const store_statement insert = {"INSERT INTO materials (" COLUMNS ", change, cues, content)"
                                       " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13)"};
static const store_statement insert_segment = {
    "INSERT INTO segments (material_id, result_id, begin_at, start_ms, end_ms, content)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"};
static const store_statement grow = {
    "UPDATE materials SET size_bytes = $2, duration_ms = $3, updated_us = $4, change = $5"
    " WHERE material_id = $1"};
static const store_statement delete_segments = {"DELETE FROM segments WHERE material_id = $1"};
static const store_statement delete_material = {"DELETE FROM materials WHERE material_id = $1"};
static const store_statement insert_removal = {
    "INSERT INTO removals (material_id, change, removed_us) VALUES ($1, $2, $3)"};
static const store_statement delete_removals = {"DELETE FROM removals WHERE removed_us < $1"};

base_err chatbot_material_insert(store_tx *tx, const chatbot_material *m, base_span cues, int64_t now_us) {
  int64_t change = 0;
  BASE_TRY(chatbot_next_change(tx, &change));
  return store_exec(tx, &insert,
                    STORE_VALUES(store_text(m->material_id), store_text(m->owner_id), store_text(m->title),
                                 store_int(m->format), store_int(m->shared), store_text(m->session_id),
                                 store_int(now_us), store_int(m->passage_count), store_int(m->size_bytes),
                                 store_int(m->duration_ms), store_int(change), store_bytes(cues), store_text(m->text)),
                    NULL);
}

base_err chatbot_segment_insert(store_tx *tx, const char *material_id, int64_t begin,
                                const Ponte__Chatbot__V1__TranscriptSegment *segment, const char *text, bool *added) {
  int64_t changed = 0;
  BASE_TRY(store_exec(tx, &insert_segment,
                      STORE_VALUES(store_text(material_id), store_text(segment->result_id), store_int(begin),
                                   store_int(segment->start_ms), store_int(segment->end_ms), store_text(text)),
                      &changed));
  *added = changed > 0;
  return BASE_OK;
}

base_err chatbot_material_grow(store_tx *tx, const char *material_id, int64_t size_bytes, int64_t duration_ms,
                               int64_t now_us) {
  int64_t change = 0;
  BASE_TRY(chatbot_next_change(tx, &change));
  return store_exec(tx, &grow,
                    STORE_VALUES(store_text(material_id), store_int(size_bytes), store_int(duration_ms),
                                 store_int(now_us), store_int(change)),
                    NULL);
}

base_err chatbot_material_delete(store_tx *tx, const char *material_id, int64_t now_us) {
  int64_t change = 0;
  BASE_TRY(chatbot_next_change(tx, &change));
  BASE_TRY(store_exec(tx, &delete_segments, STORE_VALUES(store_text(material_id)), NULL));
  BASE_TRY(store_exec(tx, &delete_material, STORE_VALUES(store_text(material_id)), NULL));
  return store_exec(tx, &insert_removal, STORE_VALUES(store_text(material_id), store_int(change), store_int(now_us)),
                    NULL);
}

static const int64_t REMOVAL_KEPT_US = INT64_C(24) * 3600 * 1000000;

static base_err purge_removals(void *ctx, store_tx *tx) {
  const int64_t *wall_us = ctx;
  return store_exec(tx, &delete_removals, STORE_VALUES(store_int(*wall_us - REMOVAL_KEPT_US)), NULL);
}

void chatbot_removals_purge(store *s, int64_t wall_us) {
  base_err e = store_write(s, purge_removals, &wall_us);
  (void)e; /* the next minute tries again */
}

/* -- a material whole ---------------------------------------------------------------------------------------------- */

enum { TEXT_CUES_MAX = 1 << 26 };

base_err chatbot_cues_pack(const material_cue *cues, size_t count, base_buf *out) {
  Ponte__Chatbot__V1__Cue *all = calloc(count + 1, sizeof *all), **list = calloc(count + 1, sizeof *list);
  chatbot_material m = PONTE__CHATBOT__V1__MATERIAL__INIT;
  base_err e = all && list ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; base_is_ok(e) && i < count; i++) {
    ponte__chatbot__v1__cue__init(&all[i]);
    all[i].begin = (int32_t)cues[i].begin;
    all[i].end = (int32_t)cues[i].end;
    all[i].start_ms = cues[i].start_ms;
    all[i].end_ms = cues[i].end_ms;
    list[i] = &all[i];
  }
  if (base_is_ok(e)) {
    m.cues = list;
    m.n_cues = count;
    e = pb_pack(&m.base, out);
  }
  free(list);
  free(all);
  return e;
}

static base_err unpack_cues(base_span packed, material *out) {
  pb_arena arena;
  ProtobufCMessage *message = NULL;
  pb_arena_init(&arena, TEXT_CUES_MAX);
  base_err e = pb_unpack(&ponte__chatbot__v1__material__descriptor, packed, &arena, &message);
  const chatbot_material *m = (const chatbot_material *)message;
  if (base_is_ok(e) && m->n_cues > 0) {
    out->cues = calloc(m->n_cues, sizeof *out->cues);
    e = out->cues ? e : base_fail(BASE_E_NO_MEMORY);
  }
  for (size_t i = 0; base_is_ok(e) && i < m->n_cues; i++) {
    const Ponte__Chatbot__V1__Cue *cue = m->cues[i];
    out->cues[out->cue_count++] = (material_cue){(size_t)cue->begin, (size_t)cue->end, cue->start_ms, cue->end_ms};
  }
  pb_arena_dispose(&arena);
  return e;
}

enum { WHOLE_OWNER, WHOLE_TITLE, WHOLE_FORMAT, WHOLE_SHARED, WHOLE_CUES, WHOLE_TEXT };
static const store_statement select_whole = {
    "SELECT owner_id, title, format, shared, cues, content FROM materials WHERE material_id = $1"};
static const store_statement select_segments = {
    "SELECT start_ms, end_ms, content FROM segments WHERE material_id = $1 ORDER BY begin_at"};

static base_err add_cue(material *m, size_t *room, material_cue cue) {
  if (m->cue_count == *room) {
    size_t more = *room ? *room * 2 : 64;
    material_cue *grown = realloc(m->cues, more * sizeof *grown);
    if (!grown) return base_fail(BASE_E_NO_MEMORY);
    m->cues = grown;
    *room = more;
  }
  m->cues[m->cue_count++] = cue;
  return BASE_OK;
}

/* A line each, as the offsets count that the segments were given when they came. */
static base_err load_segments(store_tx *tx, const char *material_id, material *m) {
  store_rows *rows = NULL;
  size_t room = 0;
  BASE_TRY(store_query(tx, &select_segments, STORE_VALUES(store_text(material_id)), &rows));
  base_err e = store_next(rows);
  for (; base_is_ok(e); e = store_next(rows)) {
    size_t begin = base_buf_size(&m->text);
    BASE_TRY(base_buf_append(&m->text, store_column_bytes(rows, 2)));
    size_t end = base_buf_size(&m->text);
    BASE_TRY(base_buf_u8(&m->text, '\n'));
    BASE_TRY(add_cue(m, &room, (material_cue){begin, end, store_column_int(rows, 0), store_column_int(rows, 1)}));
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

base_err chatbot_material_load_in(store_tx *tx, const char *material_id, chatbot_loaded *out) {
  store_rows *rows = NULL;
  *out = (chatbot_loaded){0};
  base_buf_init(&out->body.text, 2 * MATERIAL_SIZE_MAX);
  snprintf(out->material_id, sizeof out->material_id, "%s", material_id);
  BASE_TRY(store_query(tx, &select_whole, STORE_VALUES(store_text(material_id)), &rows));
  BASE_TRY(store_next(rows));
  out->owner_id = strdup(store_column_text(rows, WHOLE_OWNER));
  out->title = strdup(store_column_text(rows, WHOLE_TITLE));
  if (!out->owner_id || !out->title) return base_fail(BASE_E_NO_MEMORY);
  out->format = store_column_int(rows, WHOLE_FORMAT);
  out->shared = store_column_int(rows, WHOLE_SHARED) != 0;
  if (out->format == MATERIAL_LIVE) return load_segments(tx, material_id, &out->body);
  BASE_TRY(base_buf_append(&out->body.text, store_column_bytes(rows, WHOLE_TEXT)));
  return unpack_cues(store_column_bytes(rows, WHOLE_CUES), &out->body);
}

typedef struct {
  const char *material_id;
  chatbot_loaded *out;
} loading;

static base_err load(void *ctx, store_tx *tx) {
  loading *l = ctx;
  chatbot_loaded_dispose(l->out); /* of a run before this one */
  return chatbot_material_load_in(tx, l->material_id, l->out);
}

base_err chatbot_material_load(store *s, const char *material_id, chatbot_loaded *out) {
  *out = (chatbot_loaded){0};
  return store_read(s, load, &(loading){material_id, out});
}

void chatbot_loaded_dispose(chatbot_loaded *l) {
  free(l->owner_id);
  free(l->title);
  material_dispose(&l->body);
  *l = (chatbot_loaded){0};
}
