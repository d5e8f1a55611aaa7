#include "transcription/resample.h"

#include <stdlib.h>
#include <string.h>

#include <speex/speex_resampler.h>

#include "asr/asr.h"

enum { QUALITY = 6, ROOM = 64, TAIL_BLOCK = 256 };

struct tr_resampler {
  SpeexResamplerState *speex; /* NULL at 16 kHz: nothing to do but to copy */
  uint32_t rate;
  uint32_t skip_in;  /* input samples still to drop, so that the first one that counts lies on a whole output sample */
  uint64_t skip_out; /* output samples still to drop: the lead */
  uint64_t in, out;  /* samples taken after the lead; samples given */
  uint32_t lead_left;
  float *buffer;
  size_t cap;
};

static uint32_t gcd(uint32_t a, uint32_t b) {
  while (b) {
    uint32_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

base_err tr_resampler_new(uint32_t rate, uint32_t lead, tr_resampler **out) {
  if (rate < TR_MIN_FILE_RATE || rate > TR_MAX_FILE_RATE) return base_fail(BASE_E_INVALID);
  tr_resampler *r = calloc(1, sizeof *r);
  if (!r) return base_fail(BASE_E_NO_MEMORY);
  uint32_t common = gcd(rate, ASR_SAMPLE_RATE);
  r->rate = rate;
  r->lead_left = lead;
  r->skip_in = lead % (rate / common);
  r->skip_out = (uint64_t)(lead - r->skip_in) * ASR_SAMPLE_RATE / rate;
  if (rate != ASR_SAMPLE_RATE) {
    int error = 0;
    r->speex = speex_resampler_init(1, rate, ASR_SAMPLE_RATE, QUALITY, &error);
    if (!r->speex) {
      free(r);
      return base_fail(BASE_E_NO_MEMORY);
    }
    speex_resampler_skip_zeros(r->speex); /* else all output is late by half the filter */
  }
  *out = r;
  return BASE_OK;
}

void tr_resampler_free(tr_resampler *r) {
  if (!r) return;
  if (r->speex) speex_resampler_destroy(r->speex);
  free(r->buffer);
  free(r);
}

static base_err make_room(tr_resampler *r, size_t in_count) {
  size_t need = (size_t)((uint64_t)in_count * ASR_SAMPLE_RATE / r->rate) + ROOM;
  if (need <= r->cap) return BASE_OK;
  float *grown = realloc(r->buffer, need * sizeof *grown);
  if (!grown) return base_fail(BASE_E_NO_MEMORY);
  r->buffer = grown;
  r->cap = need;
  return BASE_OK;
}

/* Converts into the buffer; returns how many samples are there. Input is always taken whole: the buffer has room for all. */
static size_t convert(tr_resampler *r, const float *samples, size_t count) {
  if (!r->speex) {
    if (count) memcpy(r->buffer, samples, count * sizeof *samples);
    return count;
  }
  size_t taken = 0, given = 0;
  while (taken < count) {
    spx_uint32_t in = (spx_uint32_t)(count - taken), out = (spx_uint32_t)(r->cap - given);
    if (speex_resampler_process_float(r->speex, 0, samples + taken, &in, r->buffer + given, &out) != 0 ||
        (in == 0 && out == 0))
      break;
    taken += in;
    given += out;
  }
  return given;
}

static void give(tr_resampler *r, size_t given, const float **out, size_t *out_count) {
  size_t skip = given < r->skip_out ? given : (size_t)r->skip_out;
  r->skip_out -= skip;
  *out = r->buffer + skip;
  *out_count = given - skip;
  r->out += *out_count;
}

base_err tr_resampler_push(tr_resampler *r, const float *samples, size_t count, const float **out, size_t *out_count) {
  BASE_TRY(make_room(r, count));
  uint32_t lead = count < r->lead_left ? (uint32_t)count : r->lead_left;
  r->lead_left -= lead;
  r->in += count - lead;
  size_t skip = count < r->skip_in ? count : r->skip_in;
  r->skip_in -= (uint32_t)skip;
  give(r, convert(r, samples + skip, count - skip), out, out_count);
  return BASE_OK;
}

base_err tr_resampler_finish(tr_resampler *r, const float **out, size_t *out_count) {
  static const float zeros[TAIL_BLOCK];
  uint64_t want = r->in * ASR_SAMPLE_RATE / r->rate;
  *out = r->buffer;
  *out_count = 0;
  if (!r->speex || r->out >= want) return BASE_OK;
  size_t zero_count = (size_t)speex_resampler_get_input_latency(r->speex) + r->rate / ASR_SAMPLE_RATE + 1;
  BASE_TRY(make_room(r, zero_count + TAIL_BLOCK));
  size_t given = 0;
  /* Convert in blocks behind each other; `convert` writes from the buffer's start, so shift what it may use. */
  tr_resampler tail = *r;
  while (zero_count > 0) {
    size_t n = zero_count < TAIL_BLOCK ? zero_count : TAIL_BLOCK;
    tail.buffer = r->buffer + given;
    tail.cap = r->cap - given;
    given += convert(&tail, zeros, n);
    zero_count -= n;
  }
  give(r, given, out, out_count);
  if (r->out > want) {
    uint64_t extra = r->out - want;
    *out_count -= extra < *out_count ? (size_t)extra : *out_count;
    r->out = want;
  }
  return BASE_OK;
}
