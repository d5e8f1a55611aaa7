/* A lesson that is being spoken: its final results, kept as they come. */
#include <stdio.h>

#include "chatbot/chatbot.h"
#include "chatbot/records.h"

typedef Ponte__Chatbot__V1__AppendTranscriptRequest append_request;

typedef struct {
  svc_call *call;
  const append_request *request;
  char **texts; /* of the segments, as they are kept */
  Ponte__Chatbot__V1__AppendTranscriptResponse *response;
} appending;

/* A line: what breaks lines or is no character to read becomes a space. Blanks at the ends go. */
static char *line_of(svc_call *c, const char *text) {
  char *line = svc_strdup(c, text);
  if (!line) return NULL;
  for (char *p = line; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 0x7f) *p = ' ';
  size_t n = strlen(line);
  while (n > 0 && line[n - 1] == ' ')
    line[--n] = '\0';
  return line + strspn(line, " ");
}

static base_err prepare(appending *a) {
  svc_call *c = a->call;
  const append_request *r = a->request;
  BASE_TRY(chatbot_require_sharing(c, r->shared));
  a->texts = svc_alloc(c, r->n_segments * sizeof *a->texts);
  if (!a->texts) return base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; i < r->n_segments; i++) {
    char field[64];
    snprintf(field, sizeof field, "segments[%zu].end_ms", i);
    if (r->segments[i]->end_ms < r->segments[i]->start_ms) {
      return svc_fail(c, RPC_REASON_INVALID_FIELD, field, "%s must not be before start_ms", field);
    }
    a->texts[i] = line_of(c, r->segments[i]->text);
    if (!a->texts[i]) return base_fail(BASE_E_NO_MEMORY);
  }
  return BASE_OK;
}

/* The material of this caller and session, made if this is its first segment. */
static base_err find_material(appending *a, store_tx *tx, chatbot_material *m) {
  svc_call *c = a->call;
  base_err e = chatbot_material_of_session(c, tx, svc_caller(c), a->request->session_id, m);
  if (!base_is(e, BASE_E_NOT_FOUND)) return e;
  BASE_TRY(chatbot_require_room(c, tx, 1, 0));
  ponte__chatbot__v1__material__init(m);
  m->material_id = svc_new_id(c);
  if (!m->material_id) return base_fail(BASE_E_NO_MEMORY);
  m->owner_id = (char *)svc_caller(c);
  m->title = a->request->title;
  m->format = PONTE__CHATBOT__V1__MATERIAL_FORMAT__MATERIAL_FORMAT_LIVE;
  m->shared = a->request->shared;
  m->session_id = a->request->session_id;
  m->duration_ms = -1;
  return chatbot_material_insert(tx, m, base_span_of("", 0), svc_now_us(c));
}

static base_err append(void *ctx, store_tx *tx) {
  appending *a = ctx;
  chatbot_material m;
  BASE_TRY(find_material(a, tx, &m));
  int64_t size = m.size_bytes, duration_ms = m.duration_ms;
  a->response->added = 0;
  for (size_t i = 0; i < a->request->n_segments; i++) {
    const Ponte__Chatbot__V1__TranscriptSegment *segment = a->request->segments[i];
    size_t n = strlen(a->texts[i]);
    bool added = false;
    if (n == 0) continue;
    BASE_TRY(chatbot_segment_insert(tx, m.material_id, size, segment, a->texts[i], &added));
    if (!added) continue;
    if (size + (int64_t)n + 1 > MATERIAL_SIZE_MAX) {
      return svc_fail(a->call, RPC_REASON_TOO_LARGE, "segments",
                      "a transcription holds %d bytes: attach what follows under another session_id",
                      MATERIAL_SIZE_MAX);
    }
    a->response->added++;
    size += (int64_t)n + 1;
    duration_ms = segment->end_ms > duration_ms ? segment->end_ms : duration_ms;
  }
  a->response->material_id = m.material_id;
  if (a->response->added == 0) return BASE_OK;
  BASE_TRY(chatbot_require_room(a->call, tx, 0, size - m.size_bytes));
  return chatbot_material_grow(tx, m.material_id, size, duration_ms, svc_now_us(a->call));
}

/* In the index before it returns, so that whoever adds waits for that, and not the first who asks. */
base_err chatbot_append_transcript(svc_call *c, const append_request *request,
                                   Ponte__Chatbot__V1__AppendTranscriptResponse *response) {
  chatbot *b = svc_state(c);
  appending a = {.call = c, .request = request, .response = response};
  BASE_TRY(prepare(&a));
  BASE_TRY(store_write(b->store, append, &a));
  return chatbot_index_follow(b->index);
}
