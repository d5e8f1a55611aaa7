/* models.h - the models of a directory: known by their model.json, loaded when first asked for, shared by all.
 *
 * The directory holds one folder a model, and silero-vad/silero_vad.onnx for the detector. Any thread after open. Manifests and models live as
 * long as the tr_models.
 */
#ifndef PONTE_TRANSCRIPTION_MODELS_H
#define PONTE_TRANSCRIPTION_MODELS_H

#include "asr/asr.h"

typedef struct tr_models tr_models;

/* Reads the directory. The fake engine adds its own model. default_name NULL: the first by name. NOT_FOUND without any model that the engine
 * loads or without the default one, with the reason in `why`; NO_MEMORY. Folders whose model.json is wrong are logged and left out. */
base_err tr_models_open(const char *directory, const asr_engine *engine, const char *default_name, tr_models **out,
                        char why[ASR_WHY_SIZE]) BASE_MUST_USE;
/* NULL is allowed. */
void tr_models_free(tr_models *m);
size_t tr_models_count(const tr_models *m);
const asr_manifest *tr_models_at(const tr_models *m, size_t index);
bool tr_models_is_loaded(tr_models *m, size_t index);
const char *tr_models_default(const tr_models *m);
/* Finds by name; "" is the default. False when there is none. */
bool tr_models_find(const tr_models *m, const char *name, size_t *index);
/* Whether the model knows the language: equal primary subtags (RFC 5646), so that en-US and en fit either way. "" always fits. */
bool tr_models_speaks(const tr_models *m, size_t index, const char *language);
/* Loads it if need be, which blocks for up to some seconds. Errors of asr_engine.load, with the reason. */
base_err tr_models_get(tr_models *m, size_t index, asr_model **out, char why[ASR_WHY_SIZE]) BASE_MUST_USE;

#endif
