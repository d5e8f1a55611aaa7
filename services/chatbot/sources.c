#include "chatbot/sources.h"

#include <stdlib.h>

#include "chatbot/records.h"

/* Below it a passage shares next to nothing with the question (search.h). Low, because engines judge for themselves whether a passage answers: a model knows synonyms, and the embedded
 * engine asks for much more. */
static const double SUPPORT_MIN = 0.02;

/* -- the context as passages --------------------------------------------------------------------------------------- */

/* What the caller has at hand is searched beside the rest, and forgotten. */
static base_err read_context(const char *text, material *m, search_passage **out, size_t *count) {
  char why[MATERIAL_WHY_SIZE];
  *count = 0;
  if (!text || !text[0]) return BASE_OK;
  base_err e = material_parse(MATERIAL_TEXT, base_span_str(text), m, why);
  if (base_is(e, BASE_E_MALFORMED)) return BASE_OK; /* blanks alone: nothing at hand */
  BASE_TRY(e);
  *out = calloc(m->passage_count + 1, sizeof **out);
  if (!*out) return base_fail(BASE_E_NO_MEMORY);
  const uint8_t *bytes = base_buf_span(&m->text).p;
  for (size_t i = 0; i < m->passage_count; i++) {
    const material_passage *p = &m->passages[i];
    (*out)[i] = (search_passage){.material_id = "",
                                 .ordinal = (int)i,
                                 .title = "",
                                 .heading = "",
                                 .owner = "",
                                 .begin = p->begin,
                                 .end = p->end,
                                 .start_ms = -1,
                                 .end_ms = -1,
                                 .text = base_span_of(bytes + p->begin, p->end - p->begin)};
  }
  *count = m->passage_count;
  return BASE_OK;
}

/* -- hits as passages ---------------------------------------------------------------------------------------------- */

static const store_statement select_kind = {"SELECT format, session_id FROM materials WHERE material_id = $1"};

typedef struct {
  svc_call *call;
  const search_hits *hits;
  chatbot_sources *out;
} describing;

static char *copy(svc_call *c, base_span s) {
  char *text = svc_alloc(c, s.n + 1);
  if (text && s.n) memcpy(text, s.p, s.n);
  return text;
}

static base_err fill(svc_call *c, const search_passage *from, Ponte__Chatbot__V1__Passage *p) {
  p->material_id = svc_strdup(c, from->material_id);
  p->title = svc_strdup(c, from->title);
  p->heading = svc_strdup(c, from->heading);
  p->text = copy(c, from->text);
  p->begin = (int32_t)from->begin;
  p->end = (int32_t)from->end;
  p->start_ms = from->start_ms;
  p->end_ms = from->end_ms;
  return p->material_id && p->title && p->heading && p->text ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

/* NOT_FOUND: removed since it was found. */
static base_err describe(svc_call *c, store_tx *tx, Ponte__Chatbot__V1__Passage *p) {
  store_rows *rows = NULL;
  if (!p->material_id[0]) {
    p->format = PONTE__CHATBOT__V1__MATERIAL_FORMAT__MATERIAL_FORMAT_TEXT;
    return BASE_OK;
  }
  BASE_TRY(store_query(tx, &select_kind, STORE_VALUES(store_text(p->material_id)), &rows));
  BASE_TRY(store_next(rows));
  p->format = (Ponte__Chatbot__V1__MaterialFormat)store_column_int(rows, 0);
  p->session_id = svc_strdup(c, store_column_text(rows, 1));
  return p->session_id ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err describe_all(void *ctx, store_tx *tx) {
  describing *d = ctx;
  chatbot_sources *out = d->out;
  out->count = 0;
  for (size_t i = 0; i < d->hits->count && out->count < CHATBOT_SOURCES_MAX; i++) {
    const search_hit *hit = &d->hits->hits[i];
    if (hit->support < SUPPORT_MIN) continue;
    Ponte__Chatbot__V1__Passage *p = svc_alloc(d->call, sizeof *p);
    if (!p) return base_fail(BASE_E_NO_MEMORY);
    ponte__chatbot__v1__passage__init(p);
    BASE_TRY(fill(d->call, &hit->passage, p));
    base_err e = describe(d->call, tx, p);
    if (base_is(e, BASE_E_NOT_FOUND)) continue;
    BASE_TRY(e);
    out->scores[out->count] = hit->score;
    out->supports[out->count] = hit->support;
    out->passages[out->count++] = p;
    p->number = (int32_t)out->count;
  }
  return BASE_OK;
}

/* -- the search ---------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *owner_id, *session_id;
  char *material_id; /* of BASE_UUID_SIZE bytes */
} lesson;

static base_err find_lesson(void *ctx, store_tx *tx) {
  const lesson *l = ctx;
  return chatbot_find_session(tx, l->owner_id, l->session_id, l->material_id);
}

static base_err search_for(svc_call *c, const chatbot_question *q, const search_passage *extra, size_t extra_count,
                           chatbot_sources *out) {
  chatbot *b = svc_state(c);
  char first[BASE_UUID_SIZE] = "";
  search_hits hits = {0};
  if (q->session_id && q->session_id[0]) {
    BASE_TRY(store_read(b->store, find_lesson, &(lesson){svc_caller(c), q->session_id, first}));
  }
  const search_query query = {.text = q->text,
                              .earlier = q->turn_count ? q->turns[q->turn_count - 1].question : NULL,
                              .owner = svc_caller(c),
                              .all = svc_caller_has_role(c, "admin"),
                              .material_ids = (const char *const *)q->material_ids,
                              .material_count = q->material_count,
                              .first_material = first[0] ? first : NULL,
                              .extra = extra,
                              .extra_count = extra_count,
                              .limit = CHATBOT_SOURCES_MAX};
  base_err e = search_find(chatbot_index_search(b->index), &query, &hits);
  if (base_is_ok(e)) e = store_read(b->store, describe_all, &(describing){c, &hits, out});
  search_hits_dispose(&hits);
  return e;
}

base_err chatbot_find_sources(svc_call *c, const chatbot_question *q, chatbot_sources *out) {
  chatbot *b = svc_state(c);
  material m = {0};
  search_passage *extra = NULL;
  size_t extra_count = 0;
  *out = (chatbot_sources){0};
  BASE_TRY(chatbot_index_follow(b->index));
  base_err e = read_context(q->context, &m, &extra, &extra_count);
  if (base_is_ok(e)) e = search_for(c, q, extra, extra_count, out);
  free(extra);
  material_dispose(&m);
  return e;
}
