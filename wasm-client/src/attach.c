#include "wc/attach.h"

#include <stdlib.h>
#include <string.h>

#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "wc/retry.h"

enum { TIMEOUT_MS = 20000, TEXT_MAX = 8192 };

typedef Ponte__Chatbot__V1__TranscriptSegment segment;

typedef struct recording {
  char *session_id, *title;
  bool shared;
  struct recording *next;
} recording;

typedef struct item {
  const recording *of;
  segment segment; /* owns its texts */
  struct item *next;
} item;

struct wc_attach {
  wc_plat *plat;
  ponte_channel *channel;
  wc_attach_on_state *on_state;
  void *ctx;
  recording *recordings; /* the newest first; they live as long as this */
  item *first, **end;    /* what is not kept yet, the oldest first */
  size_t count, sent;    /* items; those of the running call, at the front */
  ponte_call *call;      /* or NULL */
  wc_timer *next;        /* when the next batch goes */
  unsigned attempt;
  bool needs_sign_in, refused, forgotten, detached;
};

static void item_free(item *i) {
  free(i->segment.result_id);
  free(i->segment.text);
  free(i);
}

static void drop(wc_attach *a, size_t n) {
  for (; n > 0; n--) {
    item *i = a->first;
    a->first = i->next;
    a->count--;
    item_free(i);
  }
  if (!a->first) a->end = &a->first;
}

static void release(wc_attach *a) {
  drop(a, a->count);
  while (a->recordings) {
    recording *r = a->recordings;
    a->recordings = r->next;
    free(r->session_id);
    free(r->title);
    free(r);
  }
  free(a);
}

/* -- a batch */

/* 1, 2, ... items of one recording. */
static size_t fill(const wc_attach *a, segment *segments[WC_ATTACH_BATCH_MAX]) {
  size_t n = 0, bytes = 0;
  for (item *i = a->first; i && n < WC_ATTACH_BATCH_MAX && i->of == a->first->of; i = i->next) {
    bytes += strlen(i->segment.text);
    if (n > 0 && bytes > WC_ATTACH_BATCH_BYTES_MAX) break;
    segments[n++] = &i->segment;
  }
  return n;
}

static void failed(wc_attach *a, const wire_status *status) {
  int64_t delay_ms = wc_retry_delay_ms(status, WC_RETRY_QUICK, a->attempt, wc_random_u32(a->plat));
  if (a->attempt < 30) a->attempt++;
  if (status->code == 16) {
    a->needs_sign_in = true;
    a->on_state(a->ctx, WC_ATTACH_NEEDS_SIGN_IN, status);
  } else if (wc_retry_may_help(status->code) && delay_ms >= 0) {
    a->plat->vt->timer_set(a->next, delay_ms);
    a->on_state(a->ctx, WC_ATTACH_WAITING, status);
  } else {
    a->refused = true;
    a->attempt = 0; /* the next recording does not wait for a timer that nobody sets */
    drop(a, a->count);
    a->on_state(a->ctx, WC_ATTACH_REFUSED, status);
  }
}

static void on_reply(void *ctx, ponte_call *call, const Ponte__Chatbot__V1__AppendTranscriptResponse *reply,
                     const wire_status *status) {
  wc_attach *a = ctx;
  (void)call;
  size_t sent = a->sent;
  a->call = NULL;
  a->sent = 0;
  if (a->detached) {
    release(a);
    return;
  }
  if (sent == 0) { /* forgotten meanwhile */
    if (a->first) a->plat->vt->timer_set(a->next, 0);
    return;
  }
  if (!reply) {
    failed(a, status);
    return;
  }
  a->attempt = 0;
  drop(a, sent);
  if (a->first)
    a->plat->vt->timer_set(a->next, 0);
  else
    a->on_state(a->ctx, WC_ATTACH_SAVED, NULL);
}

static void on_next(void *ctx) {
  static const ponte_chatbot_v1_append_transcript_events events = {.on_reply = on_reply};
  static const ponte_call_options options = {.timeout_ms = TIMEOUT_MS};
  wc_attach *a = ctx;
  if (a->forgotten) a->on_state(a->ctx, WC_ATTACH_NOTHING, NULL);
  a->forgotten = false;
  if (!a->first || a->call || a->needs_sign_in) return;
  segment *segments[WC_ATTACH_BATCH_MAX];
  Ponte__Chatbot__V1__AppendTranscriptRequest request = PONTE__CHATBOT__V1__APPEND_TRANSCRIPT_REQUEST__INIT;
  request.session_id = a->first->of->session_id;
  request.title = a->first->of->title;
  request.shared = a->first->of->shared;
  request.segments = segments;
  request.n_segments = a->sent = fill(a, segments);
  a->on_state(a->ctx, WC_ATTACH_SAVING, NULL);
  base_err e = ponte_chatbot_v1_append_transcript(a->channel, &options, &request, &events, a, &a->call);
  if (base_is_ok(e)) return;
  wire_status status;
  a->call = NULL;
  a->sent = 0;
  wire_status_init(&status);
  wire_status_from_err(&status, e);
  failed(a, &status);
  wire_status_dispose(&status);
}

/* -- the interface */

base_err wc_attach_new(wc_plat *plat, ponte_channel *channel, wc_attach_on_state *on_state, void *ctx,
                       wc_attach **out) {
  wc_attach *a = calloc(1, sizeof *a);
  if (!a) return base_fail(BASE_E_NO_MEMORY);
  *a = (wc_attach){.plat = plat, .channel = channel, .on_state = on_state, .ctx = ctx};
  a->end = &a->first;
  a->next = plat->vt->timer_new(plat, on_next, a);
  if (!a->next) {
    free(a);
    return base_fail(BASE_E_NO_MEMORY);
  }
  *out = a;
  return BASE_OK;
}

void wc_attach_free(wc_attach *a) {
  if (!a) return;
  a->plat->vt->timer_free(a->next);
  a->detached = true;
  if (a->call)
    ponte_call_cancel(a->call);
  else
    release(a);
}

base_err wc_attach_begin(wc_attach *a, const char *session_id, const char *title, bool shared) {
  recording *r = calloc(1, sizeof *r);
  if (r) {
    *r = (recording){strdup(session_id), strdup(title), shared, a->recordings};
    a->recordings = r;
  }
  a->refused = !r || !r->session_id || !r->title;
  return a->refused ? base_fail(BASE_E_NO_MEMORY) : BASE_OK;
}

size_t wc_attach_text_size(const char *text) {
  size_t n = strlen(text);
  if (n <= TEXT_MAX) return n;
  for (n = TEXT_MAX; n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80; n--) {
  }
  return n;
}

base_err wc_attach_add(wc_attach *a, const Ponte__Transcription__V1__TranscriptionResult *result) {
  bool is_segment = result->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT;
  if (!is_segment || !result->segment->is_final || !result->segment->text[0] || !result->result_id[0]) return BASE_OK;
  if (!a->recordings || a->refused) return BASE_OK;
  if (a->count == WC_ATTACH_ITEMS_MAX) return base_fail(BASE_E_EXHAUSTED);
  item *i = calloc(1, sizeof *i);
  if (!i) return base_fail(BASE_E_NO_MEMORY);
  *i = (item){.of = a->recordings, .segment = PONTE__CHATBOT__V1__TRANSCRIPT_SEGMENT__INIT};
  i->segment.result_id = strdup(result->result_id);
  i->segment.text = strndup(result->segment->text, wc_attach_text_size(result->segment->text));
  i->segment.start_ms = result->segment->start_ms;
  i->segment.end_ms = result->segment->end_ms;
  if (!i->segment.result_id || !i->segment.text) {
    item_free(i);
    return base_fail(BASE_E_NO_MEMORY);
  }
  *a->end = i;
  a->end = &i->next;
  a->count++;
  if (!a->call && a->attempt == 0) a->plat->vt->timer_set(a->next, 0); /* otherwise its turn comes */
  return BASE_OK;
}

void wc_attach_retry_now(wc_attach *a) {
  a->attempt = 0;
  a->needs_sign_in = false;
  a->plat->vt->timer_set(a->next, 0);
}

/* The running call is of who was there when it began. */
void wc_attach_forget(wc_attach *a) {
  drop(a, a->count);
  a->sent = 0;
  a->attempt = 0;
  a->refused = true; /* and the rest of this recording is not the next reader's either */
  a->forgotten = true;
  a->plat->vt->timer_set(a->next, 0);
}
