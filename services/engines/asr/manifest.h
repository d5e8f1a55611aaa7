/* manifest.h - reads model.json, the description of a model directory.
 *
 *   {"name": "moonshine-tiny-en", "kind": "moonshine", "languages": ["en"], "licence": "MIT",
 *    "capabilities": {"interim_results": true, "words": false, "alternatives": false, "punctuation": true},
 *    "files": {"encoder": "encoder_model.ort", "merged_decoder": "decoder_model_merged.ort", "tokens": "tokens.txt"}}
 *
 * Unknown members are ignored. File names are plain names inside the directory: a separator in one is MALFORMED. Any thread.
 */
#ifndef PONTE_ASR_MANIFEST_H
#define PONTE_ASR_MANIFEST_H

#include "asr/asr.h"
#include "base/span.h"

/* Reads DIRECTORY/model.json and adds up the sizes of the directory's files. NOT_FOUND without the file, MALFORMED with the reason in
 * `why`, NO_MEMORY. *out is to be disposed after success only. */
base_err asr_manifest_read(const char *directory, asr_manifest *out, char why[ASR_WHY_SIZE]) BASE_MUST_USE;
/* The same from bytes; size_bytes stays 0. */
base_err asr_manifest_parse(base_span json, const char *directory, asr_manifest *out,
                            char why[ASR_WHY_SIZE]) BASE_MUST_USE;
/* Frees what it holds and zeroes it. */
void asr_manifest_dispose(asr_manifest *m);

#endif
