/* file.h - a whole WAV or Ogg Opus recording in memory to mono samples at its own rate, a block at a time.
 *
 * libsndfile reads them (RIFF WAVE with PCM, float, A-law or mu-law; RFC 7845), and nothing else reaches it: the first bytes are judged here,
 * since it knows two dozen formats more. Memory does not grow with the recording's length. One thread at a time.
 */
#ifndef PONTE_TRANSCRIPTION_FILE_H
#define PONTE_TRANSCRIPTION_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum tr_container { TR_FILE_UNKNOWN, TR_FILE_WAV, TR_FILE_OGG_OPUS };

typedef struct tr_file tr_file;

/* From the first bytes. */
enum tr_container tr_file_sniff(base_span bytes);
/* Borrows the bytes until tr_file_free(). MALFORMED when they are no such recording; UNIMPLEMENTED for more than 2 channels, a rate
 * outside 8-192 kHz, or another coding in a WAV file; NO_MEMORY. */
base_err tr_file_open(base_span bytes, tr_file **out) BASE_MUST_USE;
void tr_file_free(tr_file *f); /* NULL is allowed */
uint32_t tr_file_rate(const tr_file *f);
/* Up to `count` samples; 0 at the end. A file that ends early just ends. */
size_t tr_file_read(tr_file *f, float *mono, size_t count);

#endif
