/* The track on the fake engine's tone bursts: every word is heard exactly once, undisturbed and resumed at every commit. */
#include "transcription/track.h"

#include <stdlib.h>

#include "asr/fake.h"
#include "asr/manifest.h"
#include "base/test.h"

enum { MAX_SAMPLES = 60 * ASR_SAMPLE_RATE, TEXT_SIZE = 4096, MAX_COMMITS = 256 };

typedef struct {
  char text[TEXT_SIZE];
  int64_t commits[MAX_COMMITS];
  size_t text_at[MAX_COMMITS]; /* length of the text at that commit */
  size_t commit_count;
} outcome;

static asr_model *model;

static void note(outcome *o, const tr_track *t, const tr_event *e, int64_t from) {
  if (e->kind == TR_FINAL) {
    asr_result r;
    CHECK_OK(asr_decode(model, tr_track_samples(t, e->start), (size_t)(e->end - e->start), &r));
    size_t n = strlen(o->text);
    snprintf(o->text + n, TEXT_SIZE - n, "%s%d-%d %s", n ? "|" : "", (int)(e->start + from), (int)(e->end + from),
             r.text);
    asr_result_dispose(&r);
  }
  if (e->commit >= 0 && o->commit_count < MAX_COMMITS) {
    o->commits[o->commit_count] = e->commit + from;
    o->text_at[o->commit_count++] = strlen(o->text);
  }
}

static void run(const float *samples, int64_t from, int64_t to, size_t step, outcome *o) {
  *o = (outcome){0};
  asr_vad *vad = NULL;
  tr_track *t = NULL;
  tr_rules rules = tr_rules_default();
  CHECK_OK(asr_vad_open(model, &vad));
  CHECK_OK(tr_track_new(&rules, vad, &t));
  REQUIRE(vad && t);
  tr_event e;
  for (int64_t at = from; at < to; at += (int64_t)step) {
    CHECK_OK(tr_track_push(t, samples + at, (size_t)(to - at < (int64_t)step ? to - at : (int64_t)step)));
    while (tr_track_next(t, &e))
      note(o, t, &e, from);
  }
  tr_track_finish(t);
  while (tr_track_next(t, &e))
    note(o, t, &e, from);
  tr_track_free(t);
  asr_vad_close(vad);
}

/* Words 0, 1, 2, ... with gaps of 100 ms and now and then a pause. */
static int64_t say(float *out, uint32_t seed, char *words) {
  int64_t at = 0;
  size_t n = 0;
  words[0] = '\0';
  for (unsigned k = 0; k < 90 && at + 40000 < MAX_SAMPLES; k++) {
    seed = seed * 1664525u + 1013904223u;
    at += ASR_FAKE_GAP + ((seed >> 24) % 4 == 0 ? (int64_t)(seed >> 8) % 40000 : 0);
    asr_fake_tone(k, ASR_SAMPLE_RATE, out + at, ASR_FAKE_BURST);
    at += ASR_FAKE_BURST;
    n += (size_t)snprintf(words + n, TEXT_SIZE - n, "%sw%u", k ? " " : "", k);
  }
  return at;
}

/* "0-512 w1 w2|900-1000 w3" -> "w1 w2 w3" */
static void words_only(const char *text, char *out) {
  size_t n = 0;
  for (const char *p = text; *p;) {
    size_t len = strcspn(p, " |");
    if (*p == 'w') n += (size_t)snprintf(out + n, TEXT_SIZE - n, "%s%.*s", n ? " " : "", (int)len, p);
    p += len;
    p += *p != '\0';
  }
  out[n] = '\0';
}

static void exactly_once(void) {
  static outcome whole, rest;
  static char want[TEXT_SIZE], got[TEXT_SIZE];
  for (uint32_t seed = 1; seed <= 8; seed++) {
    float *samples = calloc(MAX_SAMPLES, sizeof *samples);
    REQUIRE(samples);
    int64_t n = say(samples, seed, want);
    run(samples, 0, n, 320, &whole);
    words_only(whole.text, got);
    CHECK_STR(got, want);
    run(samples, 0, n, 7919, &rest);
    CHECK_STR(rest.text, whole.text);
    for (size_t i = 0; i + 1 < whole.commit_count; i++) {
      run(samples, whole.commits[i], n, 1000, &rest);
      const char *tail = whole.text + whole.text_at[i];
      CHECK_STR(rest.text, *tail == '|' ? tail + 1 : tail);
    }
    free(samples);
  }
}

static void no_samples(void) {
  static outcome o;
  run((const float[]){0}, 0, 0, 1, &o);
  CHECK_STR(o.text, "");
  CHECK_INT(o.commit_count, 0);
}

int main(void) {
  char why[ASR_WHY_SIZE];
  asr_manifest m;
  if (!base_is_ok(asr_fake_manifest(&m)) || !base_is_ok(asr_fake.load(&m, "", &model, why))) return 1;
  asr_manifest_dispose(&m);
  exactly_once();
  no_samples();
  asr_unload(model);
  return test_failures != 0;
}
