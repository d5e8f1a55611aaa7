#include "transcription/audio.h"

#include <stdlib.h>

#include <opus/opus.h>

#include "asr/asr.h"
#include "transcription/resample.h"

enum {
  OPUS_CLOCK = 48000, /* Opus counts in it, whatever the rate */
  OPUS_MAX_MS = 120,
  OPUS_MAX_SAMPLES = ASR_SAMPLE_RATE / 1000 * OPUS_MAX_MS
};

struct tr_audio {
  tr_format format;
  OpusDecoder *opus;
  uint32_t opus_skip; /* 16 kHz samples still to drop */
  tr_resampler *resampler;
  float *mono; /* OPUS_MAX_SAMPLES for Opus; a frame's worth for PCM */
};

bool tr_format_has_rate(const tr_format *f) {
  if (f->codec == TR_CODEC_PCM16) return f->rate >= TR_MIN_RATE && f->rate <= TR_MAX_RATE;
  return f->rate == 8000 || f->rate == 12000 || f->rate == 16000 || f->rate == 24000 || f->rate == 48000;
}

static base_err open_opus(tr_audio *a, uint32_t lead) {
  int error = 0;
  a->opus = opus_decoder_create(ASR_SAMPLE_RATE, 1, &error);
  a->mono = malloc(OPUS_MAX_SAMPLES * sizeof *a->mono);
  if (!a->opus || !a->mono) return base_fail(BASE_E_NO_MEMORY);
  /* A frame that begins between two 16 kHz samples cannot be placed exactly. */
  if ((uint64_t)lead * ASR_SAMPLE_RATE % a->format.rate != 0) return base_fail(BASE_E_INVALID);
  a->opus_skip = (uint32_t)((uint64_t)lead * ASR_SAMPLE_RATE / a->format.rate);
  return BASE_OK;
}

base_err tr_audio_new(const tr_format *format, uint32_t lead, tr_audio **out) {
  bool channels_ok = format->channels == 1 || format->channels == 2;
  if (!channels_ok || !tr_format_has_rate(format) || lead > format->rate / 1000 * TR_MAX_LEAD_MS)
    return base_fail(BASE_E_INVALID);
  tr_audio *a = calloc(1, sizeof *a);
  if (!a) return base_fail(BASE_E_NO_MEMORY);
  a->format = *format;
  base_err e =
      format->codec == TR_CODEC_OPUS ? open_opus(a, lead) : tr_resampler_new(format->rate, lead, &a->resampler);
  if (!base_is_ok(e)) {
    tr_audio_free(a);
    return e;
  }
  *out = a;
  return BASE_OK;
}

void tr_audio_free(tr_audio *a) {
  if (!a) return;
  if (a->opus) opus_decoder_destroy(a->opus);
  tr_resampler_free(a->resampler);
  free(a->mono);
  free(a);
}

base_err tr_audio_duration(const tr_format *format, base_span frame, uint32_t *samples) {
  if (frame.n == 0 || frame.n > TR_MAX_FRAME_BYTES) return base_fail(BASE_E_MALFORMED);
  if (format->codec == TR_CODEC_PCM16) {
    size_t sample_bytes = (size_t)2 * format->channels;
    if (frame.n % sample_bytes != 0) return base_fail(BASE_E_MALFORMED);
    *samples = (uint32_t)(frame.n / sample_bytes);
    return BASE_OK;
  }
  int n = opus_packet_get_nb_samples(frame.p, (opus_int32)frame.n, OPUS_CLOCK);
  if (n <= 0 || n > OPUS_CLOCK / 1000 * OPUS_MAX_MS) return base_fail(BASE_E_MALFORMED);
  *samples = (uint32_t)((uint64_t)n * format->rate / OPUS_CLOCK);
  return BASE_OK;
}

static base_err opus_frame(tr_audio *a, base_span frame, const float **out, size_t *count) {
  int n = opus_decode_float(a->opus, frame.p, (opus_int32)frame.n, a->mono, OPUS_MAX_SAMPLES, 0);
  if (n < 0) return base_fail(BASE_E_MALFORMED);
  uint32_t skip = (uint32_t)n < a->opus_skip ? (uint32_t)n : a->opus_skip;
  a->opus_skip -= skip;
  *out = a->mono + skip;
  *count = (size_t)n - skip;
  return BASE_OK;
}

static float pcm(const uint8_t *p) { return (float)(int16_t)(uint16_t)(p[0] | p[1] << 8) / 32768.0f; }

static base_err pcm_frame(tr_audio *a, base_span frame, uint32_t n, const float **out, size_t *count) {
  float *grown = realloc(a->mono, n * sizeof *grown);
  if (!grown) return base_fail(BASE_E_NO_MEMORY);
  a->mono = grown;
  for (uint32_t i = 0; i < n; i++) {
    if (a->format.channels == 1) {
      a->mono[i] = pcm(frame.p + 2 * (size_t)i);
    } else {
      a->mono[i] = 0.5f * (pcm(frame.p + 4 * (size_t)i) + pcm(frame.p + 4 * (size_t)i + 2));
    }
  }
  return tr_resampler_push(a->resampler, a->mono, n, out, count);
}

base_err tr_audio_frame(tr_audio *a, base_span frame, const float **out, size_t *count) {
  uint32_t n = 0;
  BASE_TRY(tr_audio_duration(&a->format, frame, &n));
  return a->format.codec == TR_CODEC_OPUS ? opus_frame(a, frame, out, count) : pcm_frame(a, frame, n, out, count);
}

base_err tr_audio_finish(tr_audio *a, const float **out, size_t *count) {
  *out = a->mono;
  *count = 0;
  return a->resampler ? tr_resampler_finish(a->resampler, out, count) : BASE_OK;
}
