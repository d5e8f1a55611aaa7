/* One contract for every engine: what asr.h promises, on speech that the engine in question understands. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <sndfile.h>

#include "asr/asr.h"
#include "asr/fake.h"
#include "asr/manifest.h"
#include "base/test.h"

#define CLIP "/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav"

typedef struct {
  const asr_engine *engine;
  asr_model *model;
  float *speech;
  size_t count;
  const char *text; /* part of what is said, lower case */
} subject;

static const subject *current;

static void open_vad(asr_vad **v) { CHECK_OK(asr_vad_open(current->model, v)); }

/* One letter a window, so that runs can be compared and read. */
static char *decisions(asr_vad *v, const float *samples, size_t count) {
  size_t windows = count / ASR_WINDOW;
  char *out = calloc(windows + 1, 1);
  for (size_t i = 0; out && i < windows; i++)
    out[i] = asr_vad_window(v, samples + i * ASR_WINDOW) ? '#' : '.';
  return out;
}

static void hears_speech(void) {
  asr_result r;
  CHECK_OK(asr_decode(current->model, current->speech, current->count, &r));
  CHECK_MSG(strcasestr(r.text, current->text), "heard \"%s\"", r.text);
  for (size_t i = 0; i < r.word_count; i++) {
    CHECK(r.words[i].start_sample < r.words[i].end_sample);
    CHECK(r.words[i].end_sample <= (int64_t)current->count);
  }
  asr_result_dispose(&r);
}

static void short_audio_is_empty(void) {
  static const float zeros[1599];
  for (size_t n = 0; n < sizeof zeros / sizeof *zeros; n += 533) {
    asr_result r;
    CHECK_OK(asr_decode(current->model, zeros, n, &r));
    CHECK_STR(r.text, "");
    asr_result_dispose(&r);
  }
}

static void silence_is_no_speech(void) {
  static const float zeros[ASR_WINDOW];
  asr_vad *v = NULL;
  open_vad(&v);
  REQUIRE(v);
  for (int i = 0; i < 300; i++)
    CHECK(!asr_vad_window(v, zeros));
  asr_vad_close(v);
}

static void speech_is_speech(void) {
  asr_vad *v = NULL;
  open_vad(&v);
  REQUIRE(v);
  char *d = decisions(v, current->speech, current->count);
  CHECK_MSG(strstr(d, "####") != NULL, "%s", d);
  CHECK_MSG(d[0] == '.', "one window must not be enough: %s", d);
  free(d);
  asr_vad_close(v);
}

/* A resumed stream gets another detector, or one that another stream has used: all must decide alike. */
static void reset_forgets(void) {
  asr_vad *a = NULL, *b = NULL;
  open_vad(&a);
  open_vad(&b);
  REQUIRE(a && b);
  char *fresh = decisions(a, current->speech, current->count);
  for (size_t cut = 0; cut < current->count; cut += current->count / 7 + 1) {
    char *before = decisions(b, current->speech, cut);
    asr_vad_reset(b);
    char *again = decisions(b, current->speech, current->count);
    CHECK_STR(again, fresh);
    free(before);
    free(again);
    asr_vad_reset(b);
  }
  asr_vad_close(b);
  open_vad(&b);
  char *pooled = decisions(b, current->speech, current->count);
  CHECK_STR(pooled, fresh);
  free(pooled);
  free(fresh);
  asr_vad_close(a);
  asr_vad_close(b);
}

static void *decode_thread(void *arg) {
  (void)arg;
  asr_result r;
  char *text = NULL;
  if (base_is_ok(asr_decode(current->model, current->speech, current->count, &r))) {
    text = strdup(r.text);
    asr_result_dispose(&r);
  }
  return text;
}

static void threads_agree(void) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  char *want = decode_thread(NULL);
  REQUIRE(want);
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, decode_thread, NULL);
  for (int i = 0; i < THREADS; i++) {
    void *got = NULL;
    pthread_join(threads[i], &got);
    CHECK(got && strcmp(got, want) == 0);
    free(got);
  }
  free(want);
}

static bool fake_subject(subject *s) {
  char why[ASR_WHY_SIZE];
  asr_manifest m;
  s->engine = &asr_fake;
  s->count = (size_t)40 * ASR_WINDOW;
  s->speech = calloc(s->count, sizeof *s->speech);
  s->text = "w7 w0 w119";
  if (!s->speech || !base_is_ok(asr_fake_manifest(&m))) return false;
  asr_fake_tone(7, ASR_SAMPLE_RATE, s->speech + 2000, ASR_FAKE_BURST);
  asr_fake_tone(0, ASR_SAMPLE_RATE, s->speech + 8000, ASR_FAKE_BURST);
  asr_fake_tone(119, ASR_SAMPLE_RATE, s->speech + 14000, ASR_FAKE_BURST);
  base_err e = s->engine->load(&m, "", &s->model, why);
  asr_manifest_dispose(&m);
  return base_is_ok(e);
}

static bool sherpa_subject(subject *s) {
  char path[4096], vad[4096], why[ASR_WHY_SIZE];
  const char *deps = getenv("PONTE_DEPS_DIR");
  snprintf(path, sizeof path, "%s/models/moonshine-tiny-en", deps ? deps : "deps");
  snprintf(vad, sizeof vad, "%s/models/silero-vad/silero_vad.onnx", deps ? deps : "deps");
  s->engine = &asr_sherpa;
  s->text = "not an ill";
  SF_INFO info = {0};
  SNDFILE *f = sf_open(CLIP, SFM_READ, &info);
  s->speech = f ? calloc((size_t)info.frames, sizeof *s->speech) : NULL;
  if (s->speech) s->count = (size_t)sf_readf_float(f, s->speech, info.frames);
  if (f) sf_close(f);
  asr_manifest m;
  if (!s->speech || !base_is_ok(asr_manifest_read(path, &m, why))) return false;
  base_err e = s->engine->load(&m, vad, &s->model, why);
  if (!base_is_ok(e)) printf("%s\n", why);
  asr_manifest_dispose(&m);
  return base_is_ok(e);
}

/* A file that sherpa cannot load makes it call exit(): none may reach it. */
static void bad_files(void) {
  char directory[] = "/tmp/ponte-asr-XXXXXX", path[64], why[ASR_WHY_SIZE];
  REQUIRE(mkdtemp(directory));
  snprintf(path, sizeof path, "%s/junk", directory);
  FILE *f = fopen(path, "w");
  REQUIRE(f);
  for (int i = 0; i < 4096; i++)
    fputc('x', f);
  fclose(f);
  char *const junk = path, missing[] = "/nonexistent/file";
  const struct {
    asr_manifest m;
    const char *vad, *reason;
    enum base_err_code want;
  } rows[] = {
      {{.directory = directory}, junk, "no files named", BASE_E_MALFORMED},
      {{.directory = directory, .encoder = missing, .merged_decoder = junk, .tokens = junk},
       junk,
       "missing",
       BASE_E_NOT_FOUND},
      {{.directory = directory, .encoder = junk, .merged_decoder = junk, .tokens = junk},
       junk,
       "junk",
       BASE_E_MALFORMED},
      {{.directory = directory, .encoder = directory, .merged_decoder = junk, .tokens = junk},
       junk,
       "a folder",
       BASE_E_MALFORMED},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    asr_model *model = NULL;
    base_err e = asr_sherpa.load(&rows[i].m, rows[i].vad, &model, why);
    CHECK_MSG(base_is(e, rows[i].want), "%s: %s", rows[i].reason, base_err_name(e));
    CHECK_MSG(why[0], "%s: no reason given", rows[i].reason);
  }
  unlink(path);
  rmdir(directory);
}

static void engines_are_found(void) {
  CHECK(asr_engine_find("sherpa") == &asr_sherpa);
  CHECK(asr_engine_find("fake") == &asr_fake);
  CHECK(asr_engine_find("") == NULL);
  CHECK(asr_sherpa.supports("moonshine") && !asr_sherpa.supports("fake"));
}

int main(void) {
  static const struct test_case contract[] = {TEST(hears_speech),         TEST(short_audio_is_empty),
                                              TEST(silence_is_no_speech), TEST(speech_is_speech),
                                              TEST(reset_forgets),        TEST(threads_agree)};
  static bool (*const make[])(subject *) = {fake_subject, sherpa_subject};
  bad_files();
  engines_are_found();
  for (size_t i = 0; i < sizeof make / sizeof *make; i++) {
    subject s = {0};
    bool made = make[i](&s);
    CHECK_MSG(made, "subject %zu cannot be made", i);
    current = &s;
    for (size_t t = 0; made && t < sizeof contract / sizeof *contract; t++) {
      int before = test_failures;
      contract[t].run();
      printf("%s %s.%s\n", test_failures == before ? "ok" : "FAILED", s.engine->name, contract[t].name);
    }
    asr_unload(s.model);
    free(s.speech);
    current = NULL;
  }
  return test_failures != 0;
}
