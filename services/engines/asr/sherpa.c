/* sherpa.c - sherpa-onnx with a Moonshine model, and Silero's detector behind sherpa's.
 *
 * Source: sherpa-onnx/c-api/c-api.h 2.0.1. A file that it cannot load makes the library call exit(), hence the checks before; one
 * recogniser serves any number of threads. Each detector owns an ONNX session (3.4 MB and 22 ms to make), so they are pooled. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sherpa-onnx/c-api/c-api.h>

#include "asr/asr.h"

enum {
  MIN_SAMPLES = 1600, /* below 0.1 s the model answers nothing but a line in the log */
  VAD_CONTEXT = 64,   /* samples that the detector keeps from the window before (Silero v5) */
  MAX_IDLE_VADS = 32,
  MIN_MODEL_BYTES = 1024
};
/* Longer than any segment, so that sherpa's own ring never grows and its own splitting never happens. */
#define VAD_RING_SECONDS 20.0f

typedef struct sherpa_vad {
  asr_vad base;
  struct sherpa_model *model;
  const SherpaOnnxVoiceActivityDetector *detector;
  struct sherpa_vad *next_idle;
} sherpa_vad;

typedef struct sherpa_model {
  asr_model base;
  const SherpaOnnxOfflineRecognizer *recogniser;
  char *vad_path;
  pthread_mutex_t lock;
  sherpa_vad *idle; /* guarded by lock */
  int idle_count;
} sherpa_model;

static bool sherpa_supports(const char *kind) { return strcmp(kind, "moonshine") == 0; }

/* Reads whether the file is there, readable, and begins as it should: what can be told without loading it. */
static base_err check_file(const char *path, const char *magic, size_t magic_at, char why[ASR_WHY_SIZE]) {
  if (!path) {
    snprintf(why, ASR_WHY_SIZE, "model.json: \"files\" lacks a file that this kind of model needs");
    return base_fail(BASE_E_MALFORMED);
  }
  FILE *f = fopen(path, "rbe");
  if (!f) {
    snprintf(why, ASR_WHY_SIZE, "%.200s cannot be read", path);
    return base_fail(BASE_E_NOT_FOUND);
  }
  char head[MIN_MODEL_BYTES];
  size_t n = fread(head, 1, sizeof head, f);
  fclose(f);
  if (n < sizeof head || (magic && memcmp(head + magic_at, magic, strlen(magic)) != 0)) {
    snprintf(why, ASR_WHY_SIZE, "%.200s is not a model file", path);
    return base_fail(BASE_E_MALFORMED);
  }
  return BASE_OK;
}

static base_err check_files(const asr_manifest *m, const char *vad_path, char why[ASR_WHY_SIZE]) {
  /* ORT's own format carries "ORTM" after the root offset (flatbuffers file identifier); an ONNX file begins with field 1, a varint. */
  BASE_TRY(check_file(m->encoder, "ORTM", 4, why));
  BASE_TRY(check_file(m->merged_decoder, "ORTM", 4, why));
  BASE_TRY(check_file(m->tokens, NULL, 0, why));
  return check_file(vad_path, "\x08", 0, why);
}

static sherpa_vad *vad_create(sherpa_model *m) {
  sherpa_vad *v = calloc(1, sizeof *v);
  if (!v) return NULL;
  SherpaOnnxVadModelConfig config = {0};
  config.silero_vad.model = m->vad_path;
  config.silero_vad.threshold = 0.5f; /* sherpa leaves speech at threshold - 0.15 */
  /* Rounded down to no samples at all: every window is judged by itself, and pauses are the segmenter's business. */
  config.silero_vad.min_silence_duration = 0.00001f;
  /* More than nothing and at most one window: two windows in a row begin speech. */
  config.silero_vad.min_speech_duration = 0.01f;
  config.silero_vad.max_speech_duration = 1e6f;
  config.silero_vad.window_size = ASR_WINDOW;
  config.sample_rate = ASR_SAMPLE_RATE;
  config.num_threads = 1;
  config.provider = "cpu";
  v->base.engine = &asr_sherpa;
  v->model = m;
  v->detector = SherpaOnnxCreateVoiceActivityDetector(&config, VAD_RING_SECONDS);
  if (!v->detector) {
    free(v);
    return NULL;
  }
  asr_vad_reset(&v->base);
  return v;
}

static void vad_destroy(sherpa_vad *v) {
  SherpaOnnxDestroyVoiceActivityDetector(v->detector);
  free(v);
}

static void sherpa_unload(asr_model *model) {
  sherpa_model *m = (sherpa_model *)model;
  while (m->idle) {
    sherpa_vad *v = m->idle;
    m->idle = v->next_idle;
    vad_destroy(v);
  }
  if (m->recogniser) SherpaOnnxDestroyOfflineRecognizer(m->recogniser);
  pthread_mutex_destroy(&m->lock);
  free(m->vad_path);
  free(m);
}

static base_err sherpa_load(const asr_manifest *manifest, const char *vad_path, asr_model **out,
                            char why[ASR_WHY_SIZE]) {
  why[0] = '\0';
  BASE_TRY(check_files(manifest, vad_path, why));
  sherpa_model *m = calloc(1, sizeof *m);
  if (!m) return base_fail(BASE_E_NO_MEMORY);
  m->base.engine = &asr_sherpa;
  pthread_mutex_init(&m->lock, NULL);
  m->vad_path = strdup(vad_path);
  SherpaOnnxOfflineRecognizerConfig config = {0};
  config.feat_config.sample_rate = ASR_SAMPLE_RATE;
  config.feat_config.feature_dim = 80;
  config.model_config.moonshine.encoder = manifest->encoder;
  config.model_config.moonshine.merged_decoder = manifest->merged_decoder;
  config.model_config.tokens = manifest->tokens;
  config.model_config.num_threads = 1; /* the pool is what is parallel */
  config.model_config.provider = "cpu";
  config.decoding_method = "greedy_search";
  m->recogniser = m->vad_path ? SherpaOnnxCreateOfflineRecognizer(&config) : NULL;
  sherpa_vad *first = m->recogniser ? vad_create(m) : NULL;
  if (!first) {
    snprintf(why, ASR_WHY_SIZE, "sherpa-onnx cannot load %.180s", manifest->directory);
    sherpa_unload(&m->base);
    return base_fail(BASE_E_MALFORMED);
  }
  m->idle = first;
  m->idle_count = 1;
  *out = &m->base;
  return BASE_OK;
}

static base_err sherpa_decode(asr_model *model, const float *samples, size_t count, asr_result *out) {
  const sherpa_model *m = (const sherpa_model *)model;
  *out = (asr_result){0};
  if (count < MIN_SAMPLES) {
    out->text = strdup("");
    return out->text ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  }
  const SherpaOnnxOfflineStream *stream = SherpaOnnxCreateOfflineStream(m->recogniser);
  if (!stream) return base_fail(BASE_E_INTERNAL);
  SherpaOnnxAcceptWaveformOffline(stream, ASR_SAMPLE_RATE, samples, (int32_t)count);
  SherpaOnnxDecodeOfflineStream(m->recogniser, stream);
  const SherpaOnnxOfflineRecognizerResult *result = SherpaOnnxGetOfflineStreamResult(stream);
  base_err e = BASE_OK;
  if (!result || !result->text) {
    e = base_fail(BASE_E_INTERNAL);
  } else {
    out->text = strdup(result->text);
    if (!out->text) e = base_fail(BASE_E_NO_MEMORY);
  }
  if (result) SherpaOnnxDestroyOfflineRecognizerResult(result);
  SherpaOnnxDestroyOfflineStream(stream);
  return e;
}

static base_err sherpa_vad_open(asr_model *model, asr_vad **out) {
  sherpa_model *m = (sherpa_model *)model;
  pthread_mutex_lock(&m->lock);
  sherpa_vad *v = m->idle;
  if (v) {
    m->idle = v->next_idle;
    m->idle_count--;
  }
  pthread_mutex_unlock(&m->lock);
  if (!v) v = vad_create(m);
  if (!v) return base_fail(BASE_E_INTERNAL);
  v->next_idle = NULL;
  *out = &v->base;
  return BASE_OK;
}

static bool sherpa_vad_window(asr_vad *vad, const float *samples) {
  const sherpa_vad *v = (const sherpa_vad *)vad;
  SherpaOnnxVoiceActivityDetectorAcceptWaveform(v->detector, samples, ASR_WINDOW);
  /* Segments are cut elsewhere: sherpa's own would only pile up. */
  SherpaOnnxVoiceActivityDetectorClear(v->detector);
  return SherpaOnnxVoiceActivityDetectorDetected(v->detector) != 0;
}

/* sherpa's reset forgets the context too, which would make the first decision come a window late: the zeros are what Silero begins with. */
static void sherpa_vad_reset(asr_vad *vad) {
  const sherpa_vad *v = (const sherpa_vad *)vad;
  static const float zeros[VAD_CONTEXT];
  SherpaOnnxVoiceActivityDetectorReset(v->detector);
  SherpaOnnxVoiceActivityDetectorClear(v->detector);
  SherpaOnnxVoiceActivityDetectorAcceptWaveform(v->detector, zeros, VAD_CONTEXT);
}

static void sherpa_vad_close(asr_vad *vad) {
  sherpa_vad *v = (sherpa_vad *)vad;
  sherpa_model *m = v->model;
  asr_vad_reset(vad);
  pthread_mutex_lock(&m->lock);
  bool keep = m->idle_count < MAX_IDLE_VADS;
  if (keep) {
    v->next_idle = m->idle;
    m->idle = v;
    m->idle_count++;
  }
  pthread_mutex_unlock(&m->lock);
  if (!keep) vad_destroy(v);
}

const asr_engine asr_sherpa = {
    .name = "sherpa",
    .supports = sherpa_supports,
    .load = sherpa_load,
    .unload = sherpa_unload,
    .decode = sherpa_decode,
    .vad_open = sherpa_vad_open,
    .vad_window = sherpa_vad_window,
    .vad_reset = sherpa_vad_reset,
    .vad_close = sherpa_vad_close,
};
