/* result.h - recognised text to messages, and positions at 16 kHz to the client's. Pure.
 *
 * Positions in the engine count from the stream's beginning; the client's count from the session's, at its own rate. A message's parts live in
 * the allocator's memory, texts included.
 */
#ifndef PONTE_TRANSCRIPTION_RESULT_H
#define PONTE_TRANSCRIPTION_RESULT_H

#include "asr/asr.h"
#include "ponte/transcription/v1/transcription.pb-c.h"

typedef struct {
  int64_t origin; /* where the stream begins in the session: resume_sample */
  uint32_t rate;
  int64_t end_16k,
      end; /* the stream's end in both, once it is known; 0, 0 before: rounding must not lose its last sample */
} tr_clock;

/* Sample number at the client's rate, rounded down. */
int64_t tr_clock_sample(const tr_clock *c, int64_t at_16k);
int64_t tr_clock_ms(const tr_clock *c, int64_t sample);

typedef struct {
  void *(*alloc)(void *ctx, size_t n); /* NULL when there is no memory */
  void *ctx;
} tr_allocator;

/* A final segment of start..end (16 kHz): all text stable. NULL when there is no memory. */
Ponte__Transcription__V1__Segment *tr_segment_new(const tr_allocator *a, const tr_clock *c, int64_t start, int64_t end,
                                                  const asr_result *r);

#endif
