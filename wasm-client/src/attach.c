#include "wc/attach.h"

#include <stdlib.h>
#include <string.h>

#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "wc/attach_int.h"
#include "wc/retry.h"

enum { TIMEOUT_MS = 20000, TEXT_MAX = 8192 };

/* -- recordings and their items */

wc_recording *wc_recording_new(wc_recording **list, const char *session_id, const char *title, bool shared) {
  wc_recording *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->session_id = strdup(session_id);
  r->title = strdup(title);
  r->shared = shared;
  r->end = &r->first;
  while (*list)
    list = &(*list)->next;
  *list = r;
  if (r->session_id && r->title) return r;
  *list = NULL;
  free(r->session_id);
  free(r->title);
  free(r);
  return NULL;
}

wc_recording *wc_recording_find(wc_recording *list, const char *session_id) {
  while (list && strcmp(list->session_id, session_id) != 0)
    list = list->next;
  return list;
}

/* As much as the service takes, cut between characters. */
static size_t text_size(const char *text) {
  size_t n = strlen(text);
  if (n <= TEXT_MAX) return n;
  for (n = TEXT_MAX; n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80; n--) {
  }
  return n;
}

base_err wc_recording_add(wc_attach *a, wc_recording *r, const wc_attach_segment *s) {
  size_t id_size = strlen(s->result_id) + 1, size = text_size(s->text);
  wc_attach_item *i = calloc(1, sizeof *i + id_size + size + 1);
  if (!i) return base_fail(BASE_E_NO_MEMORY);
  ponte__chatbot__v1__transcript_segment__init(&i->segment);
  i->segment.result_id = memcpy(i->texts, s->result_id, id_size);
  i->segment.text = memcpy(i->texts + id_size, s->text, size);
  i->segment.start_ms = s->start_ms;
  i->segment.end_ms = s->end_ms;
  *r->end = i;
  r->end = &i->next;
  a->count++;
  return BASE_OK;
}

void wc_recording_drop(wc_attach *a, wc_recording *r, size_t n) {
  for (; n > 0 && r->first; n--) {
    wc_attach_item *i = r->first;
    r->first = i->next;
    a->count--;
    free(i);
  }
  if (!r->first) r->end = &r->first;
}

void wc_attach_tidy(wc_attach *a) {
  for (wc_recording **at = &a->recordings; *at;) {
    wc_recording *r = *at;
    if (r->first || r == a->current || r == a->sending) {
      at = &r->next;
      continue;
    }
    *at = r->next;
    free(r->session_id);
    free(r->title);
    free(r->reader);
    free(r);
  }
}

static void drop_all(wc_attach *a) {
  for (wc_recording *r = a->recordings; r; r = r->next)
    wc_recording_drop(a, r, a->count);
  a->sending = NULL;
  a->sent = 0;
  wc_attach_tidy(a);
}

wc_recording *wc_attach_due(const wc_attach *a) {
  wc_recording *r = a->recordings;
  while (r && (!r->first || (r->reader && *r->reader)))
    r = r->next;
  return r;
}

static void release(wc_attach *a) {
  a->current = NULL;
  drop_all(a);
  free(a->reader);
  free(a);
}

void wc_attach_awaited(wc_attach *a) { a->outstanding++; }

bool wc_attach_came(wc_attach *a) {
  a->outstanding--;
  if (!a->detached) return true;
  if (a->outstanding == 0) release(a);
  return false;
}

/* -- a batch */

void wc_attach_fill(const wc_recording *r, wc_attach_item **from, wc_attach_request *request,
                    wc_attach_segment *segments[WC_ATTACH_BATCH_MAX]) {
  size_t n = 0, bytes = 0;
  for (; *from && n < WC_ATTACH_BATCH_MAX; *from = (*from)->next) {
    bytes += strlen((*from)->segment.text);
    if (n > 0 && bytes > WC_ATTACH_BATCH_BYTES_MAX) break;
    segments[n++] = &(*from)->segment;
  }
  ponte__chatbot__v1__append_transcript_request__init(request);
  request->session_id = r->session_id;
  request->title = r->title;
  request->shared = r->shared;
  request->segments = segments;
  request->n_segments = n;
}

static void failed(wc_attach *a, wc_recording *r, const wire_status *status) {
  int64_t delay_ms = wc_retry_delay_ms(status, WC_RETRY_QUICK, a->attempt, wc_random_u32(a->plat));
  if (a->attempt < 30) a->attempt++;
  if (status->code == BASE_GRPC_UNAUTHENTICATED) {
    a->needs_sign_in = true;
    a->on_state(a->ctx, WC_ATTACH_NEEDS_SIGN_IN, status);
  } else if (wc_retry_may_help(status->code) && delay_ms >= 0) {
    a->plat->vt->timer_set(a->next, delay_ms);
    a->on_state(a->ctx, WC_ATTACH_WAITING, status);
  } else {
    r->refused = true;
    a->attempt = 0; /* what else there is does not wait for a timer that nobody sets */
    wc_recording_drop(a, r, a->count);
    wc_attach_tidy(a);
    wc_attach_record_changed(a);
    a->plat->vt->timer_set(a->next, 0);
    a->on_state(a->ctx, WC_ATTACH_REFUSED, status);
  }
}

static void on_reply(void *ctx, ponte_call *call, const Ponte__Chatbot__V1__AppendTranscriptResponse *reply,
                     const wire_status *status) {
  wc_attach *a = ctx;
  (void)call;
  if (!wc_attach_came(a)) return;
  wc_recording *r = a->sending;
  size_t sent = a->sent;
  a->call = NULL;
  a->sending = NULL;
  a->sent = 0;
  if (!r) { /* forgotten meanwhile */
    if (wc_attach_due(a)) a->plat->vt->timer_set(a->next, 0);
    return;
  }
  if (!reply) {
    failed(a, r, status);
    return;
  }
  a->attempt = 0;
  wc_recording_drop(a, r, sent);
  wc_attach_tidy(a);
  wc_attach_record_changed(a);
  if (wc_attach_due(a))
    a->plat->vt->timer_set(a->next, 0);
  else
    a->on_state(a->ctx, WC_ATTACH_SAVED, NULL);
}

static void on_next(void *ctx) {
  static const ponte_chatbot_v1_append_transcript_events events = {.on_reply = on_reply};
  wc_attach *a = ctx;
  const ponte_call_options options = {.timeout_ms = TIMEOUT_MS, .metadata = a->metadata};
  if (a->forgotten) a->on_state(a->ctx, WC_ATTACH_NOTHING, NULL);
  a->forgotten = false;
  wc_recording *r = wc_attach_due(a);
  if (!r || a->call || a->needs_sign_in) return;
  wc_attach_segment *segments[WC_ATTACH_BATCH_MAX];
  wc_attach_request request;
  wc_attach_item *from = r->first;
  wc_attach_fill(r, &from, &request, segments);
  a->on_state(a->ctx, WC_ATTACH_SAVING, NULL);
  base_err e = ponte_chatbot_v1_append_transcript(a->channel, &options, &request, &events, a, &a->call);
  if (base_is_ok(e)) {
    a->sending = r;
    a->sent = request.n_segments;
    wc_attach_awaited(a);
    return;
  }
  wire_status status;
  a->call = NULL;
  wire_status_init(&status);
  wire_status_from_err(&status, e);
  failed(a, r, &status);
  wire_status_dispose(&status);
}

/* -- the interface */

base_err wc_attach_new(wc_plat *plat, ponte_channel *channel, wc_attach_on_state *on_state, void *ctx,
                       wc_attach **out) {
  wc_attach *a = calloc(1, sizeof *a);
  if (!a) return base_fail(BASE_E_NO_MEMORY);
  *a = (wc_attach){.plat = plat, .channel = channel, .on_state = on_state, .ctx = ctx};
  a->next = plat->vt->timer_new(plat, on_next, a);
  a->keep = plat->vt->timer_new(plat, wc_attach_on_keep, a);
  if (!a->next || !a->keep) {
    wc_attach_free(a);
    return base_fail(BASE_E_NO_MEMORY);
  }
  *out = a;
  return BASE_OK;
}

void wc_attach_set_metadata(wc_attach *a, const wire_metadata *metadata) { a->metadata = metadata; }

void wc_attach_free(wc_attach *a) {
  if (!a) return;
  a->plat->vt->timer_free(a->next);
  a->plat->vt->timer_free(a->keep);
  a->plat->vt->lock_release(a->lock);
  a->detached = true;
  if (a->call) ponte_call_cancel(a->call);
  if (a->outstanding == 0) release(a);
}

base_err wc_attach_begin(wc_attach *a, const char *session_id, const char *title, bool shared) {
  a->current = wc_recording_new(&a->recordings, session_id, title, shared);
  wc_attach_tidy(a);
  return a->current ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err wc_attach_add(wc_attach *a, const Ponte__Transcription__V1__TranscriptionResult *result) {
  bool is_segment = result->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT;
  if (!is_segment || !result->segment->is_final || !result->segment->text[0] || !result->result_id[0]) return BASE_OK;
  if (!a->current || a->current->refused) return BASE_OK;
  if (a->count >= WC_ATTACH_ITEMS_MAX) return base_fail(BASE_E_EXHAUSTED);
  wc_attach_segment s = PONTE__CHATBOT__V1__TRANSCRIPT_SEGMENT__INIT;
  s.result_id = result->result_id;
  s.text = result->segment->text;
  s.start_ms = result->segment->start_ms;
  s.end_ms = result->segment->end_ms;
  BASE_TRY(wc_recording_add(a, a->current, &s));
  wc_attach_record_changed(a);
  if (!a->call && a->attempt == 0) a->plat->vt->timer_set(a->next, 0); /* otherwise its turn comes */
  return BASE_OK;
}

void wc_attach_keep(wc_attach *a) {
  a->keeps = true;
  wc_attach_record_read(a);
}

bool wc_attach_is_settled(const wc_attach *a) { return !wc_attach_due(a); }

void wc_attach_retry_now(wc_attach *a) {
  a->attempt = 0;
  a->needs_sign_in = false;
  a->plat->vt->timer_set(a->next, 0);
  wc_attach_record_read(a);
}

base_err wc_attach_set_reader(wc_attach *a, const char *user_id) {
  if (a->reader && strcmp(a->reader, user_id) == 0) return BASE_OK;
  char *mine = strdup(user_id);
  if (!mine) return base_fail(BASE_E_NO_MEMORY);
  wc_attach_forget(a);
  a->reader = mine;
  for (wc_recording *r = a->recordings; r; r = r->next) {
    if (r->reader && strcmp(r->reader, mine) != 0) wc_recording_drop(a, r, a->count);
    free(r->reader);
    r->reader = NULL;
  }
  wc_attach_tidy(a);
  wc_attach_record_changed(a);
  wc_attach_record_read(a);
  return BASE_OK;
}

/* The running call is of who was there when it began. */
void wc_attach_forget(wc_attach *a) {
  if (!a->reader) return;
  free(a->reader);
  a->reader = NULL;
  drop_all(a);
  if (a->current) a->current->refused = true; /* the rest of this recording is not the next reader's either */
  a->attempt = 0;
  a->forgotten = true;
  a->plat->vt->timer_set(a->next, 0);
  wc_attach_record_forget(a);
}
