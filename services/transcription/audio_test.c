#include "transcription/audio.h"

#include <math.h>
#include <stdlib.h>

#include <opus/opus.h>

#include "base/test.h"

enum { MAX_OUT = 200000 };

typedef struct {
  float *samples;
  size_t count;
} sound;

static sound sound_new(void) { return (sound){calloc(MAX_OUT, sizeof(float)), 0}; }

static void add(sound *s, const float *samples, size_t count) {
  if (s->count + count <= MAX_OUT && count) memcpy(s->samples + s->count, samples, count * sizeof *samples);
  s->count += count;
}

/* A sweep, so that each moment sounds different; sample i of a session. */
static double sweep(double seconds) { return 0.5 * sin(2 * 3.14159265358979 * (200 + 300 * seconds) * seconds); }

static void pcm_of(uint32_t rate, size_t from, size_t count, uint32_t channels, uint8_t *out) {
  for (size_t i = 0; i < count * channels; i++) {
    size_t at = from + i / channels;
    int16_t v = (int16_t)(32767 * sweep((double)at / rate));
    out[2 * i] = (uint8_t)v;
    out[2 * i + 1] = (uint8_t)((uint16_t)v >> 8);
  }
}

/* Feeds samples from..to in frames of `step`, beginning `lead` before. */
static sound feed_pcm(uint32_t rate, uint32_t channels, size_t from, size_t lead, size_t to, size_t step) {
  sound s = sound_new();
  tr_audio *a = NULL;
  tr_format format = {TR_CODEC_PCM16, rate, channels};
  CHECK_OK(tr_audio_new(&format, (uint32_t)lead, &a));
  uint8_t *bytes = malloc(step * channels * 2);
  const float *out = NULL;
  size_t count = 0;
  for (size_t at = from - lead; a && bytes && at < to; at += step) {
    size_t n = to - at < step ? to - at : step;
    pcm_of(rate, at, n, channels, bytes);
    CHECK_OK(tr_audio_frame(a, base_span_of(bytes, n * channels * 2), &out, &count));
    add(&s, out, count);
  }
  if (a) CHECK_OK(tr_audio_finish(a, &out, &count));
  add(&s, out, count);
  free(bytes);
  tr_audio_free(a);
  return s;
}

static void pcm_is_placed_exactly(void) {
  static const uint32_t rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 8001};
  for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
    size_t to = (size_t)rates[r] * 2;
    sound s = feed_pcm(rates[r], 1 + r % 2, 0, 0, to, 317);
    CHECK_MSG(s.count == to * 16000ull / rates[r], "%u Hz: %zu samples", rates[r], s.count);
    double worst = 0;
    for (size_t i = 400; i + 400 < s.count; i++)
      worst = fmax(worst, fabs((double)s.samples[i] - sweep((double)i / 16000)));
    /* One sample late would be 0.5 * 2 * pi * 1400 Hz / 16 kHz = 0.27. */
    CHECK_MSG(worst < 0.01, "%u Hz: off by %g", rates[r], worst);
    free(s.samples);
  }
}

static void frames_may_be_cut_anywhere(void) {
  sound whole = feed_pcm(44100, 1, 0, 0, 44100, 30000);
  static const size_t steps[] = {1, 2, 7, 441, 1000};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    sound cut = feed_pcm(44100, 1, 0, 0, 44100, steps[i]);
    CHECK_INT(cut.count, whole.count);
    CHECK_MSG(memcmp(cut.samples, whole.samples, whole.count * sizeof(float)) == 0, "frames of %zu", steps[i]);
    free(cut.samples);
  }
  free(whole.samples);
}

/* What resumption rests on: with 80 ms of lead, samples after a commit on the grid are the undisturbed ones, bit for bit. */
static void resumed_pcm_is_equal(void) {
  static const struct {
    uint32_t rate;
    size_t grid; /* a commit's multiple, in samples of that rate */
  } rows[] = {{16000, 512}, {48000, 1536}, {8000, 256}, {44100, 7056}, {22050, 3528}, {11025, 1764}, {24000, 768}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t to = (size_t)rows[i].rate * 2, from = rows[i].grid * 5;
    sound whole = feed_pcm(rows[i].rate, 1, 0, 0, to, 960);
    size_t lead = rows[i].rate / 1000 * 80 - 3;
    sound rest = feed_pcm(rows[i].rate, 1, from, lead, to, 960);
    size_t skip = from * 16000 / rows[i].rate;
    CHECK_INT(rest.count, whole.count - skip);
    CHECK_MSG(memcmp(rest.samples, whole.samples + skip, rest.count * sizeof(float)) == 0, "%u Hz differs",
              rows[i].rate);
    free(whole.samples);
    free(rest.samples);
  }
}

static size_t opus_packet(OpusEncoder *e, size_t at, size_t n, uint8_t *out, size_t size) {
  float samples[5760];
  for (size_t i = 0; i < n; i++)
    samples[i] = (float)sweep((double)(at + i) / 48000);
  int len = opus_encode_float(e, samples, (int)n, out, (opus_int32)size);
  return len > 0 ? (size_t)len : 0;
}

static void opus(void) {
  enum { FRAME = 960, FRAMES = 100, FROM = 1536 * 12, LEAD_FRAME = (FROM - 3840) / FRAME };
  int error = 0;
  OpusEncoder *e = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
  tr_format format = {TR_CODEC_OPUS, 48000, 1};
  tr_audio *whole = NULL, *rest = NULL;
  CHECK_OK(tr_audio_new(&format, 0, &whole));
  CHECK_OK(tr_audio_new(&format, FROM - LEAD_FRAME * FRAME, &rest));
  REQUIRE(e && whole && rest);
  sound a = sound_new(), b = sound_new();
  for (size_t i = 0; i < FRAMES; i++) {
    uint8_t packet[1500];
    base_span frame = base_span_of(packet, opus_packet(e, i * FRAME, FRAME, packet, sizeof packet));
    uint32_t duration = 0;
    CHECK_OK(tr_audio_duration(&format, frame, &duration));
    CHECK_INT(duration, FRAME);
    const float *out = NULL;
    size_t count = 0;
    CHECK_OK(tr_audio_frame(whole, frame, &out, &count));
    add(&a, out, count);
    if (i < LEAD_FRAME) continue;
    CHECK_OK(tr_audio_frame(rest, frame, &out, &count));
    add(&b, out, count);
  }
  CHECK_INT(a.count, FRAMES * FRAME / 3);
  CHECK_INT(b.count, (FRAMES * FRAME - FROM) / 3);
  double worst = 0, loudest = 0;
  for (size_t i = 0; i < b.count; i++) {
    worst = fmax(worst, fabs((double)b.samples[i] - (double)a.samples[FROM / 3 + i]));
    loudest = fmax(loudest, fabs((double)b.samples[i]));
  }
  CHECK_MSG(worst < 0.05 && loudest > 0.3, "resumed Opus is off by %g of %g", worst, loudest);
  free(a.samples);
  free(b.samples);
  tr_audio_free(whole);
  tr_audio_free(rest);
  opus_encoder_destroy(e);
}

static void bad_formats(void) {
  static const struct {
    tr_format format;
    uint32_t lead;
    const char *reason;
  } rows[] = {
      {{TR_CODEC_PCM16, 7999, 1}, 0, "rate too low"},
      {{TR_CODEC_PCM16, 48001, 1}, 0, "rate too high"},
      {{TR_CODEC_PCM16, 0, 1}, 0, "no rate"},
      {{TR_CODEC_PCM16, 16000, 0}, 0, "no channels"},
      {{TR_CODEC_PCM16, 16000, 3}, 0, "three channels"},
      {{TR_CODEC_OPUS, 44100, 1}, 0, "not a rate of Opus"},
      {{TR_CODEC_OPUS, 48000, 1}, 1, "between two samples"},
      {{TR_CODEC_PCM16, 16000, 1}, 3201, "too long a lead"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tr_audio *a = NULL;
    CHECK_MSG(base_is(tr_audio_new(&rows[i].format, rows[i].lead, &a), BASE_E_INVALID), "%s", rows[i].reason);
  }
}

static void bad_frames(void) {
  static const uint8_t zeros[70000];
  static const struct {
    tr_format format;
    const char *bytes;
    size_t n;
    const char *reason;
  } rows[] = {
      {{TR_CODEC_PCM16, 16000, 1}, "", 0, "empty PCM"},
      {{TR_CODEC_PCM16, 16000, 1}, "abc", 3, "half a sample"},
      {{TR_CODEC_PCM16, 16000, 2}, "abcdef", 6, "one channel missing"},
      {{TR_CODEC_PCM16, 16000, 1}, NULL, 65538, "too large"},
      {{TR_CODEC_OPUS, 48000, 1}, "", 0, "empty Opus"},
      {{TR_CODEC_OPUS, 48000, 1}, "\x03", 1, "code 3 without its count"},
      {{TR_CODEC_OPUS, 48000, 1}, "\x03\x00", 2, "no frames in it"},
      {{TR_CODEC_OPUS, 48000, 1}, "\x1b\x3f", 2, "63 frames of 60 ms"},
      {{TR_CODEC_OPUS, 48000, 1}, "\xfa\xff\xff", 3, "lengths beyond the end"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tr_audio *a = NULL;
    CHECK_OK(tr_audio_new(&rows[i].format, 0, &a));
    const float *out = NULL;
    size_t count = 0;
    base_span frame = base_span_of(rows[i].bytes ? (const void *)rows[i].bytes : zeros, rows[i].n);
    CHECK_MSG(base_is(tr_audio_frame(a, frame, &out, &count), BASE_E_MALFORMED), "%s", rows[i].reason);
    tr_audio_free(a);
  }
}

TEST_MAIN(TEST(pcm_is_placed_exactly), TEST(frames_may_be_cut_anywhere), TEST(resumed_pcm_is_equal), TEST(opus),
          TEST(bad_formats), TEST(bad_frames))
