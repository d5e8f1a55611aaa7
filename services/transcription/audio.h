/* audio.h - the audio frames of a live stream to mono samples at 16 kHz.
 *
 * Opus packets (RFC 6716) are decoded at 16 kHz mono whatever rate the client counts in; PCM is mixed and resampled. Frames from before
 * the stream's beginning settle decoder and filter and are dropped. Malformed input is refused and never read past. One thread at a time.
 */
#ifndef PONTE_TRANSCRIPTION_AUDIO_H
#define PONTE_TRANSCRIPTION_AUDIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum tr_codec { TR_CODEC_OPUS, TR_CODEC_PCM16 };
enum {
  TR_MIN_RATE = 8000,
  TR_MAX_RATE = 48000,
  TR_MAX_FRAME_BYTES = 64 * 1024,
  TR_MAX_LEAD_MS = 200 /* 80 ms, and the longest packet, in which these may begin */
};

typedef struct {
  enum tr_codec codec;
  uint32_t rate;     /* that positions are counted in */
  uint32_t channels; /* 1 or 2 */
} tr_format;

typedef struct tr_audio tr_audio;

/* Whether the codec knows the rate: any of 8-48 kHz for PCM, the five of Opus. */
bool tr_format_has_rate(const tr_format *f);

/* `lead`: how many samples (at format.rate) the first frame begins before the stream's beginning; at most TR_MAX_LEAD_MS. INVALID when the
 * format, or the lead, cannot be; NO_MEMORY. */
base_err tr_audio_new(const tr_format *format, uint32_t lead, tr_audio **out) BASE_MUST_USE;
void tr_audio_free(tr_audio *a); /* NULL is allowed */
/* Duration of a frame at format.rate. MALFORMED for what is no frame of this codec; pure. */
base_err tr_audio_duration(const tr_format *format, base_span frame, uint32_t *samples) BASE_MUST_USE;
/* Decodes the next frame. *out holds 16 kHz samples, valid until the next call. MALFORMED, NO_MEMORY. */
base_err tr_audio_frame(tr_audio *a, base_span frame, const float **out, size_t *count) BASE_MUST_USE;
/* What the filter still holds when no frame follows. */
base_err tr_audio_finish(tr_audio *a, const float **out, size_t *count) BASE_MUST_USE;

#endif
