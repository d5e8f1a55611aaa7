/* Material that is added, shown and removed. It becomes searchable by itself: every search follows the store first (index.h). */
#include "chatbot/chatbot.h"
#include "chatbot/records.h"
#include "svc/row_key.h"
#include "svc/timestamp.h"

enum {
  MATERIAL_COST = 4096
}; /* of what is kept beside its bytes, so that a thousand small ones are no way round the limit */

_Static_assert((int)MATERIAL_MARKDOWN == PONTE__CHATBOT__V1__MATERIAL_FORMAT__MATERIAL_FORMAT_MARKDOWN &&
                   (int)MATERIAL_LIVE == PONTE__CHATBOT__V1__MATERIAL_FORMAT__MATERIAL_FORMAT_LIVE,
               "formats have the .proto's numbers");

base_err chatbot_require_sharing(svc_call *c, bool shared) {
  if (!shared || svc_caller_has_role(c, "teacher") || svc_caller_has_role(c, "admin")) return BASE_OK;
  return svc_fail(c, RPC_REASON_NOT_ALLOWED, "shared",
                  "material for everybody is given by teachers and administrators: add it for yourself alone");
}

base_err chatbot_require_room(svc_call *c, store_tx *tx, int materials, int64_t bytes) {
  const chatbot *b = svc_state(c);
  int64_t count = 0, kept = 0;
  if (!b->material_bytes || !svc_caller(c)[0]) return BASE_OK;
  BASE_TRY(chatbot_materials_kept(tx, svc_caller(c), &count, &kept));
  if (kept + bytes + (count + materials) * MATERIAL_COST <= b->material_bytes) return BASE_OK;
  return svc_fail(c, RPC_REASON_QUOTA_EXCEEDED, NULL,
                  "your material takes all the space that one user has: remove some that is no longer needed");
}

/* -- adding -------------------------------------------------------------------------------------------------------- */

/* What prepare made of the content, in the call's memory. */
typedef struct {
  char *text;
  base_span cues;
  size_t size_bytes, passage_count;
  int64_t duration_ms;
} prepared;

static base_err keep_cues(svc_call *c, const material *m, prepared *out) {
  base_buf packed;
  base_buf_init(&packed, SIZE_MAX / 2);
  base_err e = chatbot_cues_pack(m->cues, m->cue_count, &packed);
  base_span bytes = base_buf_span(&packed);
  uint8_t *copy = base_is_ok(e) ? svc_alloc(c, bytes.n + 1) : NULL;
  if (copy && bytes.n) memcpy(copy, bytes.p, bytes.n);
  out->cues = base_span_of(copy, bytes.n);
  base_buf_dispose(&packed);
  return base_is_ok(e) && !copy ? base_fail(BASE_E_NO_MEMORY) : e;
}

static base_err keep(svc_call *c, const material *m, prepared *out) {
  base_span text = base_buf_span(&m->text);
  out->text = svc_alloc(c, text.n + 1);
  if (!out->text) return base_fail(BASE_E_NO_MEMORY);
  memcpy(out->text, text.p, text.n);
  out->size_bytes = text.n;
  out->passage_count = m->passage_count;
  out->duration_ms = -1;
  for (size_t i = 0; i < m->cue_count; i++)
    if (m->cues[i].end_ms > out->duration_ms) out->duration_ms = m->cues[i].end_ms;
  return keep_cues(c, m, out);
}

static base_err parse(svc_call *c, const Ponte__Chatbot__V1__AddMaterialRequest *request, prepared *out) {
  char why[MATERIAL_WHY_SIZE] = "";
  material m = {0};
  base_err e = material_parse((enum material_format)request->format, base_span_str(request->content), &m, why);
  if (base_is_ok(e)) e = keep(c, &m, out);
  material_dispose(&m);
  if (base_is(e, BASE_E_MALFORMED)) {
    return svc_fail(c, RPC_REASON_MALFORMED_MATERIAL, "content", "the content is not of its format: %s", why);
  }
  return e;
}

base_err chatbot_add_material_prepare(svc_call *c, const Ponte__Chatbot__V1__AddMaterialRequest *request) {
  prepared *p = svc_alloc(c, sizeof *p);
  if (!p) return base_fail(BASE_E_NO_MEMORY);
  if (request->format == PONTE__CHATBOT__V1__MATERIAL_FORMAT__MATERIAL_FORMAT_LIVE) {
    return svc_fail(c, RPC_REASON_INVALID_FIELD, "format",
                    "format must be of a file: a live transcription is added with AppendTranscript");
  }
  BASE_TRY(chatbot_require_sharing(c, request->shared));
  svc_set_data(c, p);
  return parse(c, request, p);
}

base_err chatbot_add_material(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__AddMaterialRequest *request,
                              Ponte__Chatbot__V1__Material *response) {
  const prepared *p = svc_data(c);
  BASE_TRY(chatbot_require_room(c, tx, 1, (int64_t)p->size_bytes));
  Google__Protobuf__Timestamp *time = svc_alloc(c, sizeof *time);
  response->material_id = svc_new_id(c);
  response->owner_id = svc_strdup(c, svc_caller(c)); /* the identity goes before the response does */
  if (!time || !response->material_id || !response->owner_id) return base_fail(BASE_E_NO_MEMORY);
  svc_timestamp(svc_now_us(c), time);
  response->title = request->title;
  response->format = request->format;
  response->shared = request->shared;
  response->create_time = response->update_time = time;
  response->passage_count = (int32_t)p->passage_count;
  response->size_bytes = (int32_t)p->size_bytes;
  response->duration_ms = p->duration_ms;
  response->text = p->text;
  BASE_TRY(chatbot_material_insert(tx, response, p->cues, svc_now_us(c)));
  response->text = (char *)""; /* GetMaterial tells it */
  return BASE_OK;
}

/* -- showing ------------------------------------------------------------------------------------------------------- */

/* Of those that grow, the index knows how many passages they have. */
static void count_passages(svc_call *c, chatbot_material *m) {
  const chatbot *b = svc_state(c);
  if (m->format == PONTE__CHATBOT__V1__MATERIAL_FORMAT__MATERIAL_FORMAT_LIVE) {
    m->passage_count = (int32_t)chatbot_index_live_passages(b->index, m->material_id);
  }
}

static base_err find(svc_call *c, store_tx *tx, const char *material_id, chatbot_material *out) {
  base_err e = chatbot_material_find(c, tx, material_id, out);
  return base_is(e, BASE_E_NOT_FOUND) ? svc_fail(c, RPC_REASON_NOT_FOUND, "material_id", "there is no such material")
                                      : e;
}

static base_err show_body(svc_call *c, const material *body, chatbot_material *out) {
  base_span text = base_buf_span(&body->text);
  Ponte__Chatbot__V1__Cue *cues = svc_alloc(c, (body->cue_count + 1) * sizeof *cues);
  out->cues = svc_alloc(c, (body->cue_count + 1) * sizeof *out->cues);
  out->text = svc_alloc(c, text.n + 1);
  if (!cues || !out->cues || !out->text) return base_fail(BASE_E_NO_MEMORY);
  if (text.n) memcpy(out->text, text.p, text.n);
  for (size_t i = 0; i < body->cue_count; i++) {
    ponte__chatbot__v1__cue__init(&cues[i]);
    cues[i].begin = (int32_t)body->cues[i].begin;
    cues[i].end = (int32_t)body->cues[i].end;
    cues[i].start_ms = body->cues[i].start_ms;
    cues[i].end_ms = body->cues[i].end_ms;
    out->cues[out->n_cues++] = &cues[i];
  }
  return BASE_OK;
}

base_err chatbot_get_material(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__GetMaterialRequest *request,
                              Ponte__Chatbot__V1__Material *response) {
  chatbot_loaded l = {0};
  BASE_TRY(find(c, tx, request->material_id, response));
  if (!response->shared) BASE_TRY(svc_require(c, response->owner_id, "admin"));
  base_err e = chatbot_material_load_in(tx, request->material_id, &l);
  if (base_is_ok(e)) e = show_body(c, &l.body, response);
  chatbot_loaded_dispose(&l);
  count_passages(c, response);
  return e;
}

base_err chatbot_list_materials(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__ListMaterialsRequest *request,
                                Ponte__Chatbot__V1__ListMaterialsResponse *response) {
  (void)request;
  svc_page page = svc_call_page(c);
  svc_row_key after;
  if (page.after && !svc_row_key_read(page.after, &after)) return svc_fail_page_token(c);
  chatbot_materials_query query = {.owner_id = svc_caller(c),
                                   .all = svc_caller_has_role(c, "admin"),
                                   .before_us = page.after ? after.us : INT64_MAX,
                                   .before_id = page.after ? after.id : "",
                                   .limit = page.size + 1};
  BASE_TRY(chatbot_materials_list(c, tx, &query, &response->materials, &response->n_materials));
  for (size_t i = 0; i < response->n_materials; i++)
    count_passages(c, response->materials[i]);
  if (response->n_materials <= (size_t)page.size) return BASE_OK;
  response->n_materials = (size_t)page.size;
  const chatbot_material *last = response->materials[page.size - 1];
  int64_t created_us = 0;
  if (!svc_time_us(last->create_time, &created_us)) return base_fail(BASE_E_INTERNAL);
  return svc_next_page_row(c, created_us, last->material_id, &response->next_page_token);
}

/* -- removing ------------------------------------------------------------------------------------------------------ */

base_err chatbot_remove_material(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__RemoveMaterialRequest *request,
                                 Google__Protobuf__Empty *response) {
  chatbot_material m;
  (void)response;
  BASE_TRY(find(c, tx, request->material_id, &m));
  BASE_TRY(svc_require(c, m.owner_id, "admin"));
  return chatbot_material_delete(tx, request->material_id, svc_now_us(c));
}
