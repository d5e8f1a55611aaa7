/* asr.h - the interface of speech recognition engines: a model that turns samples into text, and a detector of speech.
 *
 * An engine is one const vtable. A model is loaded once, from a directory that model.json describes, and shared by all threads and
 * streams; a detector belongs to one stream at a time. All audio is mono, 16 kHz, floats in -1..1.
 *
 * Ownership: the caller frees what load and vad_open gave, detectors before their model. Results own their texts until
 * asr_result_dispose(). Threads: decode may run on any number of threads at once; vad_open and vad_close too; one detector is used
 * by one thread at a time. Nothing here calls back. NULL is not allowed but where it says so.
 */
#ifndef PONTE_ASR_ASR_H
#define PONTE_ASR_ASR_H

#include <stddef.h>

#include "base/err.h"

enum {
  ASR_SAMPLE_RATE = 16000,
  ASR_WINDOW = 512, /* samples that a detector judges at a time: 32 ms */
  ASR_WHY_SIZE = 256
};

/* Words of a result, with times in samples from the first sample given to decode. */
typedef struct {
  char *text;
  int64_t start_sample, end_sample;
  float confidence; /* 0..1; 0 when the engine has none */
} asr_word;

typedef struct {
  char *text; /* UTF-8, never NULL after a successful decode; "" when nothing was recognised */
  asr_word *words;
  size_t word_count;   /* 0 when the engine has no times */
  char **alternatives; /* other readings, best first */
  float *confidences;  /* of the alternatives */
  size_t alternative_count;
} asr_result;

/* Frees what the result holds and zeroes it; a zeroed result may be disposed. */
void asr_result_dispose(asr_result *r);

enum { ASR_MAX_LANGUAGES = 64 };
enum asr_capability { ASR_CAN_INTERIM = 1, ASR_CAN_WORDS = 2, ASR_CAN_ALTERNATIVES = 4, ASR_CAN_PUNCTUATION = 8 };

/* What model.json says (manifest.h reads it). All texts are owned by the manifest. */
typedef struct {
  char *directory;
  char *name;
  char *kind; /* which engine loads it: "moonshine", "fake" */
  char *licence;
  char *languages[ASR_MAX_LANGUAGES]; /* BCP 47 */
  size_t language_count;
  char *encoder, *merged_decoder, *tokens; /* full paths; NULL when the kind has none */
  unsigned capabilities;                   /* of enum asr_capability */
  int64_t size_bytes;                      /* of all files in the directory */
} asr_manifest;

typedef struct asr_engine asr_engine;

/* Implementations put these first in their own structs. */
typedef struct {
  const asr_engine *engine;
} asr_model;
typedef struct {
  const asr_engine *engine;
} asr_vad;

struct asr_engine {
  const char *name;
  /* Whether this engine loads models of that kind. */
  bool (*supports)(const char *kind);
  /* Loads the model and prepares detectors; vad_path is the detector's file (the fake ignores it). May take a second. The manifest is
   * needed for the call only. NOT_FOUND or MALFORMED, with the reason in English in `why`, for files that cannot be loaded. */
  base_err (*load)(const asr_manifest *manifest, const char *vad_path, asr_model **out, char why[ASR_WHY_SIZE]);
  void (*unload)(asr_model *m);
  /* Blocks for as long as the work takes. The same samples give the same result. Less than 0.1 s gives "". NO_MEMORY, INTERNAL. */
  base_err (*decode)(asr_model *m, const float *samples, size_t count, asr_result *out);
  /* A detector in its first state, taken from the model's pool when one is idle there. NO_MEMORY, INTERNAL. */
  base_err (*vad_open)(asr_model *m, asr_vad **out);
  /* Exactly ASR_WINDOW samples; returns whether there is speech in them, as far as can be told from what came since the first state. */
  bool (*vad_window)(asr_vad *v, const float *samples);
  /* Back to the first state: decisions after it depend on nothing that came before it. */
  void (*vad_reset)(asr_vad *v);
  /* Gives the detector back to its model's pool. NULL is allowed. */
  void (*vad_close)(asr_vad *v);
};

extern const asr_engine asr_sherpa; /* sherpa-onnx with Silero VAD */
extern const asr_engine asr_fake;   /* scripted: fake.h */
/* NULL when there is no engine of that name. */
const asr_engine *asr_engine_find(const char *name);

static inline void asr_unload(asr_model *m) {
  if (m) m->engine->unload(m);
}
static inline base_err asr_decode(asr_model *m, const float *samples, size_t count, asr_result *out) {
  return m->engine->decode(m, samples, count, out);
}
static inline base_err asr_vad_open(asr_model *m, asr_vad **out) { return m->engine->vad_open(m, out); }
static inline bool asr_vad_window(asr_vad *v, const float *samples) { return v->engine->vad_window(v, samples); }
static inline void asr_vad_reset(asr_vad *v) { v->engine->vad_reset(v); }
static inline void asr_vad_close(asr_vad *v) {
  if (v) v->engine->vad_close(v);
}

#endif
