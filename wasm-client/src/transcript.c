#include "wc/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "wc/transcript_int.h"

static void segment_dispose(wc_segment *s) {
  free(s->id);
  free(s->text);
  for (size_t i = 0; i < s->word_count; i++)
    free(s->words[i].text);
  free(s->words);
  *s = (wc_segment){0};
}

static base_err copy_words(wc_segment *out, const Ponte__Transcription__V1__Segment *s, int64_t origin_ms) {
  if (s->n_words == 0) return BASE_OK;
  out->words = calloc(s->n_words, sizeof *out->words);
  if (!out->words) return base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; i < s->n_words; i++) {
    const Ponte__Transcription__V1__Word *w = s->words[i];
    wc_word *to = &out->words[out->word_count];
    *to = (wc_word){strdup(w->text), origin_ms + w->start_ms, origin_ms + w->end_ms, w->confidence};
    if (!to->text) return base_fail(BASE_E_NO_MEMORY);
    out->word_count++;
  }
  return BASE_OK;
}

static base_err segment_copy(wc_segment *out, const wc_result *r, int64_t origin_ms) {
  const Ponte__Transcription__V1__Segment *s = r->segment;
  *out = (wc_segment){.start_sample = s->start_sample, .end_sample = s->end_sample};
  out->start_ms = origin_ms + s->start_ms;
  out->end_ms = origin_ms + s->end_ms;
  out->id = strdup(r->result_id);
  out->text = strdup(s->text);
  base_err err = out->id && out->text ? copy_words(out, s, origin_ms) : base_fail(BASE_E_NO_MEMORY);
  if (!base_is_ok(err)) {
    segment_dispose(out);
    return err;
  }
  size_t n = strlen(out->text);
  out->stable_bytes = s->is_final || s->stable_bytes > n ? (uint32_t)n : s->stable_bytes;
  /* A cut inside a UTF-8 character would show two broken halves. */
  while (out->stable_bytes > 0 && ((uint8_t)out->text[out->stable_bytes] & 0xc0) == 0x80)
    out->stable_bytes--;
  return BASE_OK;
}

wc_transcript *wc_transcript_new(void) { return calloc(1, sizeof(wc_transcript)); }

void wc_transcript_clear(wc_transcript *t) {
  for (size_t i = 0; i < t->count; i++)
    segment_dispose(&t->finals[i]);
  t->count = 0;
  wc_transcript_drop_interim(t);
}

void wc_transcript_free(wc_transcript *t) {
  if (!t) return;
  wc_transcript_clear(t);
  free(t->finals);
  free(t);
}

void wc_transcript_set_origin(wc_transcript *t, int64_t ms) { t->origin_ms = ms; }

void wc_transcript_drop_interim(wc_transcript *t) {
  segment_dispose(&t->interim);
  t->has_interim = false;
}

static base_err make_room(wc_transcript *t) {
  if (t->count < t->cap) return BASE_OK;
  size_t cap = t->cap ? 2 * t->cap : 32;
  wc_segment *grown = realloc(t->finals, cap * sizeof *grown);
  if (!grown) return base_fail(BASE_E_NO_MEMORY);
  t->finals = grown;
  t->cap = cap;
  return BASE_OK;
}

base_err wc_transcript_apply(wc_transcript *t, const wc_result *r, enum wc_change *change) {
  *change = WC_CHANGE_NONE;
  if (r->result_case != PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT) return BASE_OK;
  BASE_TRY(make_room(t));
  wc_segment segment;
  BASE_TRY(segment_copy(&segment, r, t->origin_ms));
  wc_transcript_drop_interim(t);
  if (!r->segment->is_final) {
    t->interim = segment;
    t->has_interim = true;
    *change = WC_CHANGE_INTERIM;
    return BASE_OK;
  }
  *change = WC_CHANGE_FINAL;
  if (segment.text[0] == 0)
    segment_dispose(&segment); /* it turned out to be no speech */
  else
    t->finals[t->count++] = segment;
  return BASE_OK;
}

size_t wc_transcript_count(const wc_transcript *t) { return t->count; }
const wc_segment *wc_transcript_at(const wc_transcript *t, size_t i) { return &t->finals[i]; }
const wc_segment *wc_transcript_interim(const wc_transcript *t) { return t->has_interim ? &t->interim : NULL; }
