#include "transcription/track.h"

#include <stdlib.h>
#include <string.h>

struct tr_track {
  tr_segmenter segmenter;
  asr_vad *vad;
  float *samples;
  size_t count, cap;
  int64_t origin; /* position of samples[0]; at most segmenter.base */
  bool finishing, finished;
};

base_err tr_track_new(const tr_rules *rules, asr_vad *vad, tr_track **out) {
  tr_track *t = calloc(1, sizeof *t);
  if (!t) return base_fail(BASE_E_NO_MEMORY);
  tr_segmenter_init(&t->segmenter, rules);
  t->vad = vad;
  *out = t;
  return BASE_OK;
}

void tr_track_free(tr_track *t) {
  if (t) free(t->samples);
  free(t);
}

/* Samples before the last commit go only now, because the event that committed them gave them to the caller. */
static void forget_committed(tr_track *t) {
  size_t n = (size_t)(t->segmenter.base - t->origin);
  if (n == 0 || n > t->count) return;
  memmove(t->samples, t->samples + n, (t->count - n) * sizeof *t->samples);
  t->count -= n;
  t->origin += (int64_t)n;
}

base_err tr_track_push(tr_track *t, const float *samples, size_t count) {
  forget_committed(t);
  if (t->count + count > t->cap) {
    size_t cap = (t->count + count) * 3 / 2;
    float *grown = realloc(t->samples, cap * sizeof *grown);
    if (!grown) return base_fail(BASE_E_NO_MEMORY);
    t->samples = grown;
    t->cap = cap;
  }
  if (count) memcpy(t->samples + t->count, samples, count * sizeof *samples);
  t->count += count;
  return BASE_OK;
}

void tr_track_finish(tr_track *t) { t->finishing = true; }

int64_t tr_track_end(const tr_track *t) { return t->origin + (int64_t)t->count; }
int64_t tr_track_judged(const tr_track *t) { return t->segmenter.now; }
const float *tr_track_samples(const tr_track *t, int64_t start) { return t->samples + (start - t->origin); }

static tr_event judge(tr_track *t, const float *window) {
  float energy = 0;
  for (int i = 0; i < TR_WINDOW; i++)
    energy += window[i] * window[i];
  tr_event e = tr_segmenter_window(&t->segmenter, asr_vad_window(t->vad, window), energy);
  if (e.commit >= 0) asr_vad_reset(t->vad);
  return e;
}

bool tr_track_next(tr_track *t, tr_event *out) {
  forget_committed(t);
  while (!t->finished) {
    int64_t left = tr_track_end(t) - t->segmenter.now;
    if (left >= TR_WINDOW) {
      *out = judge(t, tr_track_samples(t, t->segmenter.now));
    } else if (!t->finishing) {
      return false;
    } else if (left > 0) {
      /* The last, cut window counts as if silence followed. */
      float padded[TR_WINDOW] = {0};
      memcpy(padded, tr_track_samples(t, t->segmenter.now), (size_t)left * sizeof *padded);
      *out = judge(t, padded);
    } else {
      *out = tr_segmenter_finish(&t->segmenter, tr_track_end(t));
      t->finished = true;
    }
    /* A decision in the padded window may lie beyond the last sample. */
    int64_t end = tr_track_end(t);
    if (out->end > end) out->end = end;
    if (out->commit > end) out->commit = end;
    if (out->kind != TR_NOTHING) {
      if (out->commit >= end) t->finished = t->finishing;
      return true;
    }
  }
  return false;
}
