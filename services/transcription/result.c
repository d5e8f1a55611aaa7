#include "transcription/result.h"

#include <string.h>

enum { MS = 1000 };

int64_t tr_clock_sample(const tr_clock *c, int64_t at_16k) {
  if (c->end_16k > 0 && at_16k >= c->end_16k) return c->end;
  return c->origin + at_16k * c->rate / ASR_SAMPLE_RATE;
}

/* Whole seconds first: a session of years does not overflow. */
int64_t tr_clock_ms(const tr_clock *c, int64_t sample) {
  return sample / c->rate * MS + sample % c->rate * MS / c->rate;
}

static char *copy(const tr_allocator *a, const char *text) {
  size_t n = strlen(text) + 1;
  char *out = a->alloc(a->ctx, n);
  if (out) memcpy(out, text, n);
  return out;
}

static Ponte__Transcription__V1__Word *word_new(const tr_allocator *a, const tr_clock *c, int64_t start,
                                                const asr_word *from) {
  Ponte__Transcription__V1__Word *w = a->alloc(a->ctx, sizeof *w);
  if (!w) return NULL;
  ponte__transcription__v1__word__init(w);
  w->start_ms = tr_clock_ms(c, tr_clock_sample(c, start + from->start_sample));
  w->end_ms = tr_clock_ms(c, tr_clock_sample(c, start + from->end_sample));
  w->confidence = from->confidence;
  w->text = copy(a, from->text);
  return w->text ? w : NULL;
}

static bool add_words(Ponte__Transcription__V1__Segment *s, const tr_allocator *a, const tr_clock *c, int64_t start,
                      const asr_result *r) {
  if (r->word_count == 0) return true;
  s->words = a->alloc(a->ctx, r->word_count * sizeof *s->words);
  for (size_t i = 0; s->words && i < r->word_count; i++) {
    s->words[i] = word_new(a, c, start, &r->words[i]);
    if (!s->words[i]) return false;
    s->n_words = i + 1;
  }
  return s->words != NULL;
}

static bool add_alternatives(Ponte__Transcription__V1__Segment *s, const tr_allocator *a, const asr_result *r) {
  if (r->alternative_count == 0) return true;
  s->alternatives = a->alloc(a->ctx, r->alternative_count * sizeof *s->alternatives);
  for (size_t i = 0; s->alternatives && i < r->alternative_count; i++) {
    Ponte__Transcription__V1__Alternative *one = a->alloc(a->ctx, sizeof *one);
    if (!one) return false;
    ponte__transcription__v1__alternative__init(one);
    one->confidence = r->confidences ? r->confidences[i] : 0;
    one->text = copy(a, r->alternatives[i]);
    if (!one->text) return false;
    s->alternatives[i] = one;
    s->n_alternatives = i + 1;
  }
  return s->alternatives != NULL;
}

Ponte__Transcription__V1__Segment *tr_segment_new(const tr_allocator *a, const tr_clock *c, int64_t start, int64_t end,
                                                  const asr_result *r) {
  Ponte__Transcription__V1__Segment *s = a->alloc(a->ctx, sizeof *s);
  if (!s) return NULL;
  ponte__transcription__v1__segment__init(s);
  s->is_final = true;
  s->stability = 1.0f;
  s->start_sample = tr_clock_sample(c, start);
  s->end_sample = tr_clock_sample(c, end);
  s->start_ms = tr_clock_ms(c, s->start_sample);
  s->end_ms = tr_clock_ms(c, s->end_sample);
  s->text = copy(a, r->text);
  if (!s->text) return NULL;
  s->stable_bytes = (uint32_t)strlen(s->text);
  return add_words(s, a, c, start, r) && add_alternatives(s, a, r) ? s : NULL;
}
