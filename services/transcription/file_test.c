#include "transcription/file.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include <sndfile.h>

#include "base/test.h"

enum { SAMPLES = 24000, MAX_FILE = 1 << 20 };

/* A recording made by libsndfile's writer; the caller frees. */
static base_span make(int format, int rate, int channels) {
  char path[] = "/tmp/ponte-file-XXXXXX";
  int fd = mkstemp(path);
  SF_INFO info = {.format = format, .samplerate = rate, .channels = channels};
  SNDFILE *snd = fd < 0 ? NULL : sf_open_fd(fd, SFM_WRITE, &info, 0);
  for (int i = 0; snd && i < SAMPLES; i++) {
    float frame[4];
    for (int c = 0; c < channels; c++)
      frame[c] = 0.4f * (float)sin(2 * 3.14159265 * 440 * i / rate);
    sf_writef_float(snd, frame, 1);
  }
  if (snd) sf_close(snd);
  uint8_t *bytes = malloc(MAX_FILE);
  ssize_t n = fd < 0 ? -1 : pread(fd, bytes, MAX_FILE, 0);
  if (fd >= 0) close(fd);
  unlink(path);
  return base_span_of(bytes, n < 0 ? 0 : (size_t)n);
}

static size_t read_all(tr_file *f, float *loudest) {
  float block[1000];
  size_t total = 0;
  *loudest = 0;
  for (size_t n = tr_file_read(f, block, 1000); n; n = tr_file_read(f, block, 1000)) {
    for (size_t i = 0; i < n; i++)
      *loudest = fmaxf(*loudest, fabsf(block[i]));
    total += n;
  }
  return total;
}

static void good(void) {
  static const struct {
    int format, rate, channels;
    const char *reason;
  } rows[] = {
      {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, "plain"},
      {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, "stereo"},
      {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 8000, 1, "8 bits"},
      {SF_FORMAT_WAV | SF_FORMAT_PCM_24, 96000, 1, "24 bits"},
      {SF_FORMAT_WAVEX | SF_FORMAT_FLOAT, 48000, 2, "extensible"},
      {SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1, "mu-law"},
      {SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1, "Ogg Opus"},
      {SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 2, "Ogg Opus, stereo"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span bytes = make(rows[i].format, rows[i].rate, rows[i].channels);
    tr_file *f = NULL;
    base_err e = tr_file_open(bytes, &f);
    CHECK_MSG(base_is_ok(e), "%s: %s", rows[i].reason, base_err_name(e));
    if (f) {
      float loudest = 0;
      CHECK_INT(tr_file_rate(f), rows[i].rate);
      CHECK_MSG(read_all(f, &loudest) == SAMPLES, "%s: length", rows[i].reason);
      CHECK_MSG(loudest > 0.3f && loudest < 0.7f, "%s: loudest %g", rows[i].reason, (double)loudest);
    }
    tr_file_free(f);
    free((void *)bytes.p);
  }
}

static void refused(void) {
  static const struct {
    int format, rate, channels;
    enum base_err_code want;
    const char *reason;
  } rows[] = {
      {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 3, BASE_E_UNIMPLEMENTED, "three channels"},
      {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4000, 1, BASE_E_UNIMPLEMENTED, "a rate too low"},
      {SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, 16000, 1, BASE_E_UNIMPLEMENTED, "ADPCM"},
      {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16000, 1, BASE_E_MALFORMED, "AIFF"},
      {SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000, 1, BASE_E_MALFORMED, "Ogg Vorbis"},
      {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, BASE_E_MALFORMED, "FLAC"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span bytes = make(rows[i].format, rows[i].rate, rows[i].channels);
    tr_file *f = NULL;
    base_err e = tr_file_open(bytes, &f);
    CHECK_MSG(base_is(e, rows[i].want), "%s: %s", rows[i].reason, base_err_name(e));
    if (base_is_ok(e)) tr_file_free(f);
    free((void *)bytes.p);
  }
}

/* Whatever is missing, it ends or is refused; a sanitizer watches. */
static void truncated(void) {
  static const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_OPUS};
  for (size_t i = 0; i < 2; i++) {
    base_span bytes = make(formats[i], 48000, 1);
    for (size_t n = 0; n < bytes.n; n += n < 300 ? 1 : 997) {
      uint8_t *exact = malloc(n ? n : 1);
      if (!exact) break;
      memcpy(exact, bytes.p, n);
      tr_file *f = NULL;
      float loudest = 0;
      if (base_is_ok(tr_file_open(base_span_of(exact, n), &f))) {
        CHECK(read_all(f, &loudest) <= SAMPLES);
        tr_file_free(f);
      }
      free(exact);
    }
    free((void *)bytes.p);
  }
}

TEST_MAIN(TEST(good), TEST(refused), TEST(truncated))
