/* resample.h - mono audio of any rate from 8 to 192 kHz to 16 kHz, with output sample j exactly at the time of input sample j * rate / 16000.
 *
 * A windowed-sinc filter (speexdsp): what comes out depends on a few milliseconds of input around it, so a resampler that was given 80 ms
 * from before a position gives the same samples after it as one that was given everything. One thread at a time.
 */
#ifndef PONTE_TRANSCRIPTION_RESAMPLE_H
#define PONTE_TRANSCRIPTION_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { TR_MIN_FILE_RATE = 8000, TR_MAX_FILE_RATE = 192000 };

typedef struct tr_resampler tr_resampler;

/* The first `lead` input samples come before position 0 and only settle the filter. INVALID for other rates; NO_MEMORY. */
base_err tr_resampler_new(uint32_t rate, uint32_t lead, tr_resampler **out) BASE_MUST_USE;
void tr_resampler_free(tr_resampler *r); /* NULL is allowed */
/* *out is valid until the next call. NO_MEMORY. */
base_err tr_resampler_push(tr_resampler *r, const float *samples, size_t count, const float **out,
                           size_t *out_count) BASE_MUST_USE;
/* The last samples: in all, count * 16000 / rate of them (rounded down) come out. */
base_err tr_resampler_finish(tr_resampler *r, const float **out, size_t *out_count) BASE_MUST_USE;

#endif
