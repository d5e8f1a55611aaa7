/* exports.c - the client itself, its transcription and transcript. What else it has is in exports_*.c and chat_exports.c. */
#include "wc_wasm/exports.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wc/attach.h"
#include "wc/live.h"
#include "wc/transcript.h"
#include "wc_wasm/client.h"
#include "wc_wasm/plat_js.h"
#include "wire/details.h"

enum { EVENT_MAX = 8 << 20, FILE_MAX = 64 << 20, RECORDINGS_MAX = 64 };

/* In plat.js. */
extern void ponte_js_event(ponte_client *c, const char *json, size_t n);

struct ponte_client {
  wc_session *session;
  wc_identity *identity; /* or NULL: the page brought a token of its own */
  wc_attach *attach;
  wc_transcript *transcript;
  wc_live *live;       /* or NULL */
  wc_timer *tidy;      /* frees a live whose last state was told */
  int64_t recorded_ms; /* by earlier transcriptions */
  uint32_t sample_rate_hz;
  base_buf text; /* the file asked for last */
  struct recording {
    char session_id[64];
    int64_t origin_ms;
  } recordings[RECORDINGS_MAX]; /* the newest last; those before are forgotten */
  int recording_count;
};

void client_tell(ponte_client *c, base_buf *json, base_err err) {
  base_span s = base_buf_span(json);
  if (base_is_ok(err)) ponte_js_event(c, (const char *)s.p, s.n);
  base_buf_dispose(json);
}

/* -- events */

static void on_connection(void *ctx, enum wc_session_state state, int code) {
  static const char *const names[] = {
#define X(name) #name,
      WC_SESSION_STATES(X)
#undef X
  };
  base_buf json;
  client_saw_close(ctx, state, code);
  base_buf_init(&json, EVENT_MAX);
  client_tell(ctx, &json,
              base_buf_printf(&json, "{\"type\":\"connection\",\"state\":\"%s\",\"code\":%d}", names[state], code));
}

base_err client_write_status(base_buf *json, const wire_status *status) {
  wire_details_found found = {0};
  if (status) (void)!base_is_ok(wire_details_read(status, &found)); /* malformed ones are empty */
  BASE_TRY(base_buf_printf(json, ",\"code\":%d,\"message\":", status ? status->code : 0));
  BASE_TRY(base_buf_json(json, status ? base_buf_span(&status->message) : base_span_of(NULL, 0)));
  BASE_TRY(base_buf_str(json, ",\"reason\":"));
  BASE_TRY(base_buf_json(json, found.reason));
  if (found.field.n) {
    BASE_TRY(base_buf_str(json, ",\"field\":"));
    BASE_TRY(base_buf_json(json, found.field));
  }
  if (!found.retry_after_ms) return BASE_OK;
  return base_buf_printf(json, ",\"retryAfterMs\":%" PRId64, found.retry_after_ms);
}

static base_err write_live(base_buf *json, enum wc_live_state state, const wire_status *status) {
  static const char *const names[] = {
#define X(name) #name,
      WC_LIVE_STATES(X)
#undef X
  };
  BASE_TRY(base_buf_printf(json, "{\"type\":\"live\",\"state\":\"%s\"", names[state]));
  BASE_TRY(client_write_status(json, status));
  return base_buf_str(json, "}");
}

static void on_live_state(void *ctx, enum wc_live_state state, const wire_status *status) {
  ponte_client *c = ctx;
  if (state == WC_LIVE_DONE || state == WC_LIVE_FAILED) {
    wc_transcript_drop_interim(c->transcript);
    c->recorded_ms += wc_live_pushed(c->live) * 1000 / c->sample_rate_hz;
    wc_plat_js()->vt->timer_set(c->tidy, 0); /* not inside its own callback */
  }
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  client_tell(c, &json, write_live(&json, state, status));
}

static void on_tidy(void *ctx) {
  ponte_client *c = ctx;
  if (!c->live || (wc_live_state(c->live) != WC_LIVE_DONE && wc_live_state(c->live) != WC_LIVE_FAILED)) return;
  wc_live_free(c->live);
  c->live = NULL;
}

static base_err write_interim(base_buf *json, const wc_segment *s) {
  const char *rest = s->text + s->stable_bytes;
  BASE_TRY(base_buf_printf(json, "{\"type\":\"interim\",\"startMs\":%" PRId64 ",\"stable\":", s->start_ms));
  BASE_TRY(base_buf_json(json, base_span_of(s->text, s->stable_bytes)));
  BASE_TRY(base_buf_str(json, ",\"rest\":"));
  BASE_TRY(base_buf_json(json, base_span_str(rest)));
  return base_buf_str(json, "}");
}

static base_err write_final(base_buf *json, const wc_segment *s) {
  BASE_TRY(base_buf_printf(
      json, "{\"type\":\"final\",\"startMs\":%" PRId64 ",\"endMs\":%" PRId64 ",\"id\":", s->start_ms, s->end_ms));
  BASE_TRY(base_buf_json(json, base_span_str(s->id)));
  BASE_TRY(base_buf_str(json, ",\"text\":"));
  BASE_TRY(base_buf_json(json, base_span_str(s->text)));
  return base_buf_str(json, "}");
}

static void on_result(void *ctx, const wc_result *r) {
  ponte_client *c = ctx;
  enum wc_change change;
  (void)!base_is_ok(wc_attach_add(c->attach, r)); /* what cannot be kept can still be read */
  size_t before = wc_transcript_count(c->transcript);
  if (!base_is_ok(wc_transcript_apply(c->transcript, r, &change)) || change == WC_CHANGE_NONE) return;
  size_t count = wc_transcript_count(c->transcript);
  const wc_segment *interim = wc_transcript_interim(c->transcript);
  static char nothing[] = "";
  const wc_segment none = {.id = nothing, .text = nothing};
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  if (count > before)
    client_tell(c, &json, write_final(&json, wc_transcript_at(c->transcript, count - 1)));
  else
    client_tell(c, &json, write_interim(&json, interim ? interim : &none));
}

static base_err write_attach(base_buf *json, enum wc_attach_state state, const wire_status *status) {
  static const char *const names[] = {
#define X(name) #name,
      WC_ATTACH_STATES(X)
#undef X
  };
  BASE_TRY(base_buf_printf(json, "{\"type\":\"attach\",\"state\":\"%s\"", names[state]));
  BASE_TRY(client_write_status(json, status));
  return base_buf_str(json, "}");
}

static void on_attach(void *ctx, enum wc_attach_state state, const wire_status *status) {
  base_buf json;
  if (status) client_saw(ctx, status);
  base_buf_init(&json, EVENT_MAX);
  client_tell(ctx, &json, write_attach(&json, state, status));
}

static void on_drained(void *ctx) {
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  client_tell(ctx, &json, base_buf_str(&json, "{\"type\":\"drained\"}"));
}

/* -- the client */

ponte_client *ponte_client_new(const char *url, const char *token) {
  ponte_client *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  base_buf_init(&c->text, FILE_MAX);
  wc_plat *plat = wc_plat_js();
  wc_session_options options = {.url = url, .token = token[0] ? token : NULL, .on_state = on_connection, .ctx = c};
  c->transcript = wc_transcript_new();
  c->tidy = plat->vt->timer_new(plat, on_tidy, c);
  bool good = c->transcript && c->tidy && base_is_ok(wc_session_new(plat, &options, &c->session)) &&
              base_is_ok(wc_attach_new(plat, wc_session_channel(c->session), on_attach, c, &c->attach));
  if (good && !token[0]) wc_attach_keep(c->attach);
  if (good && (token[0] || base_is_ok(client_open_identity(c, &c->identity)))) return c;
  ponte_client_free(c);
  return NULL;
}

void ponte_client_free(ponte_client *c) {
  if (!c) return;
  wc_live_free(c->live);
  wc_attach_free(c->attach);
  wc_identity_free(c->identity);
  wc_session_free(c->session);
  wc_transcript_free(c->transcript);
  wc_plat_js()->vt->timer_free(c->tidy);
  base_buf_dispose(&c->text);
  free(c);
}

wc_session *client_session(const ponte_client *c) { return c->session; }
wc_identity *client_identity(const ponte_client *c) { return c->identity; }
wc_attach *client_attach(const ponte_client *c) { return c->attach; }
const wc_transcript *client_transcript(const ponte_client *c) { return c->transcript; }

void ponte_client_retry_now(ponte_client *c) {
  wc_session_retry_now(c->session);
  if (c->identity) wc_identity_retry_now(c->identity);
  wc_attach_retry_now(c->attach);
  if (c->live) wc_live_retry_now(c->live);
}

/* -- the transcription */

static void note_recording(ponte_client *c) {
  if (c->recording_count == RECORDINGS_MAX)
    memmove(c->recordings, c->recordings + 1, (size_t)--c->recording_count * sizeof *c->recordings);
  struct recording *r = &c->recordings[c->recording_count++];
  r->origin_ms = c->recorded_ms;
  snprintf(r->session_id, sizeof r->session_id, "%s", wc_live_session_id(c->live));
}

const char *client_recording(const ponte_client *c) {
  return c->recording_count ? c->recordings[c->recording_count - 1].session_id : "";
}

int64_t client_recording_origin_ms(const ponte_client *c, const char *session_id) {
  for (int i = c->recording_count - 1; i >= 0; i--) {
    if (strcmp(c->recordings[i].session_id, session_id) == 0) return c->recordings[i].origin_ms;
  }
  return -1;
}

int ponte_live_start(ponte_client *c, uint32_t sample_rate_hz, const char *model, const char *language,
                     const char *title, int shared) {
  static const wc_live_events events = {on_live_state, on_result, on_drained};
  on_tidy(c);
  if (c->live) return -1;
  wc_live_options options = {.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS,
                             .sample_rate_hz = sample_rate_hz,
                             .language = language,
                             .model = model,
                             .interim_results = true};
  c->sample_rate_hz = sample_rate_hz;
  wc_transcript_set_origin(c->transcript, c->recorded_ms);
  if (!base_is_ok(wc_live_new(wc_plat_js(), wc_session_channel(c->session), &options, &events, c, &c->live))) return -1;
  note_recording(c);
  if (!base_is_ok(wc_attach_begin(c->attach, wc_live_session_id(c->live), title, shared != 0))) ponte_live_cancel(c);
  return c->live ? 0 : -1;
}

int ponte_live_push(ponte_client *c, const void *packet, uint32_t size, uint32_t samples) {
  if (!c->live) return -1;
  return base_is_ok(wc_live_push(c->live, samples, base_span_of(packet, size))) ? 0 : -1;
}

void ponte_live_end(ponte_client *c) {
  if (c->live) wc_live_end(c->live);
}

void ponte_live_cancel(ponte_client *c) {
  if (!c->live) return;
  c->recorded_ms += wc_live_pushed(c->live) * 1000 / c->sample_rate_hz;
  wc_transcript_drop_interim(c->transcript);
  wc_live_free(c->live);
  c->live = NULL;
}

uint32_t ponte_live_unsent(ponte_client *c) { return c->live ? (uint32_t)wc_live_unsent(c->live) : 0; }

double ponte_live_waiting_ms(ponte_client *c) {
  if (!c->live) return 0;
  return (double)(wc_live_pushed(c->live) - wc_live_committed(c->live)) * 1000 / c->sample_rate_hz;
}

/* -- the transcript */

uint32_t ponte_transcript_count(ponte_client *c) { return (uint32_t)wc_transcript_count(c->transcript); }

void ponte_transcript_clear(ponte_client *c) {
  wc_transcript_clear(c->transcript);
  c->recorded_ms = 0;
  c->recording_count = 0;
}

const char *ponte_transcript_text(ponte_client *c, const char *format) {
  int f = wc_format_by_name(format);
  base_buf_clear(&c->text);
  if (f < 0 || !base_is_ok(wc_transcript_write(c->transcript, (enum wc_format)f, &c->text))) return NULL;
  return base_is_ok(base_buf_u8(&c->text, 0)) ? (const char *)base_buf_span(&c->text).p : NULL;
}

void *ponte_malloc(uint32_t size) { return malloc(size); }
void ponte_free(void *p) { free(p); }
