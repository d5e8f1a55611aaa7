#include "asr/fake.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asr/manifest.h"

enum { QUIET_RUN = 240, BASE_HZ = 300, STEP_HZ = 25, WORD_SIZE = 16 };

typedef struct {
  asr_model base;
} fake_model;

typedef struct {
  asr_vad base;
  bool last_loud;
  unsigned loud_windows; /* since the first state */
} fake_vad;

static bool fake_supports(const char *kind) { return strcmp(kind, "fake") == 0; }

static base_err fake_load(const asr_manifest *manifest, const char *vad_path, asr_model **out, char why[ASR_WHY_SIZE]) {
  (void)vad_path;
  (void)manifest;
  why[0] = '\0';
  fake_model *m = calloc(1, sizeof *m);
  if (!m) return base_fail(BASE_E_NO_MEMORY);
  m->base.engine = &asr_fake;
  *out = &m->base;
  return BASE_OK;
}

static void fake_unload(asr_model *m) { free(m); }

/* End of the loud stretch that begins at `at`: where QUIET_RUN quiet samples follow. A sine crosses zero, so a few quiet ones mean nothing. */
static size_t burst_end(const float *s, size_t at, size_t count) {
  size_t last_loud = at;
  for (size_t i = at; i < count && i - last_loud < QUIET_RUN; i++) {
    if (fabsf(s[i]) > ASR_FAKE_LOUD) last_loud = i;
  }
  return last_loud + 1;
}

/* Zero crossings from - to +, first to last, give the frequency without the error of a cut period. */
static unsigned word_of(const float *s, size_t count) {
  double first = 0, last = 0;
  size_t crossings = 0;
  for (size_t i = 1; i < count; i++) {
    if (s[i - 1] < 0 && s[i] >= 0) {
      last = (double)(i - 1) + (double)s[i - 1] / ((double)s[i - 1] - (double)s[i]);
      if (crossings++ == 0) first = last;
    }
  }
  if (crossings < 2) return 0;
  double hz = (double)(crossings - 1) * ASR_SAMPLE_RATE / (last - first);
  double k = (hz - BASE_HZ) / STEP_HZ + 0.5;
  return k < 0 ? 0 : (unsigned)k;
}

static base_err add_word(asr_result *r, unsigned k, size_t start, size_t end) {
  char word[WORD_SIZE];
  snprintf(word, sizeof word, "w%u", k);
  size_t old = strlen(r->text);
  char *text = realloc(r->text, old + strlen(word) + 2);
  if (!text) return base_fail(BASE_E_NO_MEMORY);
  r->text = text;
  snprintf(text + old, strlen(word) + 2, "%s%s", old ? " " : "", word);
  asr_word *words = realloc(r->words, (r->word_count + 1) * sizeof *words);
  if (!words) return base_fail(BASE_E_NO_MEMORY);
  r->words = words;
  char *copy = strdup(word);
  if (!copy) return base_fail(BASE_E_NO_MEMORY);
  words[r->word_count++] = (asr_word){copy, (int64_t)start, (int64_t)end, 1.0f};
  return BASE_OK;
}

static base_err fake_decode(asr_model *m, const float *samples, size_t count, asr_result *out) {
  (void)m;
  *out = (asr_result){.text = strdup("")};
  if (!out->text) return base_fail(BASE_E_NO_MEMORY);
  for (size_t at = 0; at < count;) {
    if (fabsf(samples[at]) <= ASR_FAKE_LOUD) {
      at++;
      continue;
    }
    size_t end = burst_end(samples, at, count);
    if (end - at >= ASR_FAKE_MIN_BURST) {
      base_err e = add_word(out, word_of(samples + at, end - at), at, end);
      if (!base_is_ok(e)) {
        asr_result_dispose(out);
        return e;
      }
    }
    at = end;
  }
  return BASE_OK;
}

static base_err fake_vad_open(asr_model *m, asr_vad **out) {
  (void)m;
  fake_vad *v = calloc(1, sizeof *v);
  if (!v) return base_fail(BASE_E_NO_MEMORY);
  v->base.engine = &asr_fake;
  *out = &v->base;
  return BASE_OK;
}

static bool fake_vad_window(asr_vad *vad, const float *samples) {
  fake_vad *v = (fake_vad *)vad;
  bool loud = false;
  for (size_t i = 0; i < ASR_WINDOW && !loud; i++)
    loud = fabsf(samples[i]) > ASR_FAKE_LOUD;
  v->loud_windows += loud;
  bool speech = loud && (v->last_loud || v->loud_windows > ASR_FAKE_TRUST);
  v->last_loud = loud;
  return speech;
}

static void fake_vad_reset(asr_vad *vad) {
  fake_vad *v = (fake_vad *)vad;
  v->last_loud = false;
  v->loud_windows = 0;
}

static void fake_vad_close(asr_vad *v) { free(v); }

const asr_engine asr_fake = {
    .name = "fake",
    .supports = fake_supports,
    .load = fake_load,
    .unload = fake_unload,
    .decode = fake_decode,
    .vad_open = fake_vad_open,
    .vad_window = fake_vad_window,
    .vad_reset = fake_vad_reset,
    .vad_close = fake_vad_close,
};

void asr_fake_tone(unsigned k, unsigned sample_rate, float *out, size_t count) {
  const double step = 2 * 3.14159265358979323846 * (BASE_HZ + STEP_HZ * (double)k) / sample_rate;
  for (size_t i = 0; i < count; i++)
    out[i] = 0.5f * (float)sin(step * (double)i);
}

base_err asr_fake_manifest(asr_manifest *out) {
  static const char json[] =
      "{\"name\": \"fake\", \"kind\": \"fake\", \"languages\": [\"en\", \"pt-BR\"], \"licence\": \"Apache-2.0\","
      " \"capabilities\": {\"interim_results\": true, \"words\": true}}";
  char why[ASR_WHY_SIZE];
  return asr_manifest_parse(base_span_str(json), "", out, why);
}
