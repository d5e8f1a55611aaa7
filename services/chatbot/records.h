/* records.h - the statements of materials and their segments, for both databases. */
#ifndef PONTE_CHATBOT_RECORDS_H
#define PONTE_CHATBOT_RECORDS_H

#include "base/clock.h"
#include "material/material.h"
#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "svc/svc.h"

typedef Ponte__Chatbot__V1__Material chatbot_material;

/* The next change, which belongs to this transaction alone until it ends. */
base_err chatbot_next_change(store_tx *tx, int64_t *out) BASE_MUST_USE;

/* Without its text and cues; the texts are the call's. NOT_FOUND. */
base_err chatbot_material_find(svc_call *c, store_tx *tx, const char *material_id, chatbot_material *out) BASE_MUST_USE;
/* The caller's transcription of that session. NOT_FOUND. */
base_err chatbot_material_of_session(svc_call *c, store_tx *tx, const char *owner_id, const char *session_id,
                                     chatbot_material *out) BASE_MUST_USE;
/* The id of the caller's transcription of that session or, without one, of a shared one, "" if there is none. */
base_err chatbot_find_session(store_tx *tx, const char *owner_id, const char *session_id,
                              char out[BASE_UUID_SIZE]) BASE_MUST_USE;

typedef struct {
  const char *owner_id;
  bool all;              /* also what others keep for themselves */
  int64_t before_us;     /* what is older, */
  const char *before_id; /* and of that moment what comes before this */
  int limit;
} chatbot_materials_query;
/* The newest first. */
base_err chatbot_materials_list(svc_call *c, store_tx *tx, const chatbot_materials_query *query,
                                chatbot_material ***out, size_t *count) BASE_MUST_USE;

/* m with what it tells, its text, and the packed cues. */
/* What one owner keeps: how many materials, and their bytes. */
base_err chatbot_materials_kept(store_tx *tx, const char *owner_id, int64_t *count, int64_t *bytes) BASE_MUST_USE;
base_err chatbot_material_insert(store_tx *tx, const chatbot_material *m, base_span cues, int64_t now_us) BASE_MUST_USE;
/* *added is false when the segment is there already. */
base_err chatbot_segment_insert(store_tx *tx, const char *material_id, int64_t begin,
                                const Ponte__Chatbot__V1__TranscriptSegment *segment, const char *text,
                                bool *added) BASE_MUST_USE;
base_err chatbot_material_grow(store_tx *tx, const char *material_id, int64_t size_bytes, int64_t duration_ms,
                               int64_t now_us) BASE_MUST_USE;
base_err chatbot_material_delete(store_tx *tx, const char *material_id, int64_t now_us) BASE_MUST_USE;
/* Notes of what was removed more than a day ago. */
void chatbot_removals_purge(store *s, int64_t wall_us);

/* A material whole, outside of a call. */
typedef struct {
  char material_id[BASE_UUID_SIZE];
  char *owner_id, *title;
  int64_t format;
  bool shared;
  material body; /* without passages */
} chatbot_loaded;
/* NOT_FOUND; *out is to be disposed of then, too. */
base_err chatbot_material_load(store *s, const char *material_id, chatbot_loaded *out) BASE_MUST_USE;
/* The same in a transaction that is there. */
base_err chatbot_material_load_in(store_tx *tx, const char *material_id, chatbot_loaded *out) BASE_MUST_USE;
void chatbot_loaded_dispose(chatbot_loaded *l);

/* Cues as they are kept. */
base_err chatbot_cues_pack(const material_cue *cues, size_t count, base_buf *out) BASE_MUST_USE;

#endif
