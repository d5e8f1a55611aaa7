/* Recordings on the fake engine: what is heard, where, and every way to send a wrong one. */
#include "transcription/batch.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include <sndfile.h>

#include "asr/fake.h"
#include "base/test.h"
#include "pb/arena.h"

enum { MAX_FILE = 8 << 20 };

static tr_context *context;
static bool cancelled;

static void *take(void *arena, size_t n) { return pb_arena_alloc(arena, n); }
static bool is_cancelled(void *ctx) {
  (void)ctx;
  return cancelled;
}

/* Words 0..count-1, each 200 ms, with a second between them: as 16-bit samples of all channels. */
static int16_t *say(uint32_t rate, unsigned channels, unsigned count, size_t *frames) {
  size_t slot = rate + rate / 5;
  *frames = slot * count;
  float *tone = calloc(rate, sizeof *tone);
  int16_t *out = calloc(*frames * channels + 1, sizeof *out);
  for (unsigned k = 0; tone && out && k < count; k++) {
    asr_fake_tone(k, rate, tone, rate / 5);
    for (size_t i = 0; i < rate / 5; i++) {
      for (unsigned c = 0; c < channels; c++)
        out[(k * slot + rate / 2 + i) * channels + c] = (int16_t)lrintf(tone[i] * 32767);
    }
  }
  free(tone);
  return out;
}

static ProtobufCBinaryData file_of(int format, uint32_t rate, unsigned channels, unsigned words) {
  char path[] = "/tmp/ponte-batch-XXXXXX";
  size_t frames = 0;
  int16_t *samples = say(rate, channels, words, &frames);
  int fd = mkstemp(path);
  SF_INFO info = {.format = format, .samplerate = (int)rate, .channels = (int)channels};
  SNDFILE *snd = fd < 0 ? NULL : sf_open_fd(fd, SFM_WRITE, &info, 0);
  if (snd) sf_writef_short(snd, samples, (sf_count_t)frames);
  if (snd) sf_close(snd);
  ProtobufCBinaryData d = {0, malloc(MAX_FILE)};
  ssize_t n = fd < 0 || !d.data ? -1 : pread(fd, d.data, MAX_FILE, 0);
  d.len = n < 0 ? 0 : (size_t)n;
  if (fd >= 0) close(fd);
  unlink(path);
  free(samples);
  return d;
}

static void check_heard(const Ponte__Transcription__V1__AudioData *request, uint32_t rate, const char *what) {
  pb_arena arena;
  pb_arena_init(&arena, 1 << 20);
  tr_batch_caller caller = {{take, &arena}, is_cancelled, NULL};
  Ponte__Transcription__V1__TranscriptionResult r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  rpc_error error = {0};
  bool ok = tr_batch_run(context, request, &caller, &r, &error);
  CHECK_MSG(ok, "%s: %s", what, error.message);
  if (ok) {
    const Ponte__Transcription__V1__Transcript *t = r.transcript;
    CHECK_STR(t->text, "w0 w1 w2 w3 w4");
    CHECK_INT(t->n_segments, 5);
    CHECK_INT(t->sample_rate_hz, rate);
    CHECK_INT(t->duration_ms, 6000);
    for (size_t i = 0; i < t->n_segments; i++) {
      const Ponte__Transcription__V1__Segment *s = t->segments[i];
      CHECK(s->is_final && s->n_words == 1 && s->end_sample <= 6 * (int64_t)rate);
      int64_t off = s->words[0]->start_ms - (int64_t)(i * 1200 + 500);
      CHECK_MSG(off > -20 && off < 20, "%s: word %zu is off by %d ms", what, i, (int)off);
    }
  }
  pb_arena_dispose(&arena);
}

static void good(void) {
  static const struct {
    int format;
    uint32_t rate;
    unsigned channels;
    const char *what;
  } rows[] = {
      {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, "WAV"},
      {SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, "WAV, stereo, 44.1 kHz"},
      {SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1, "Ogg Opus"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    Ponte__Transcription__V1__AudioData request = PONTE__TRANSCRIPTION__V1__AUDIO_DATA__INIT;
    request.data = file_of(rows[i].format, rows[i].rate, rows[i].channels, 5);
    check_heard(&request, rows[i].rate, rows[i].what);
    free(request.data.data);
  }
  for (unsigned channels = 1; channels <= 2; channels++) {
    size_t frames = 0;
    Ponte__Transcription__V1__AudioData request = PONTE__TRANSCRIPTION__V1__AUDIO_DATA__INIT;
    request.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16;
    request.sample_rate_hz = 22050;
    request.channels = channels;
    request.data.data = (uint8_t *)say(22050, channels, 5, &frames);
    request.data.len = frames * channels * 2;
    check_heard(&request, 22050, "PCM16");
    free(request.data.data);
  }
}

static void refused(const Ponte__Transcription__V1__AudioData *request, enum rpc_reason reason, const char *field,
                    const char *what) {
  pb_arena arena;
  pb_arena_init(&arena, 1 << 20);
  tr_batch_caller caller = {{take, &arena}, is_cancelled, NULL};
  Ponte__Transcription__V1__TranscriptionResult r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  rpc_error error = {0};
  CHECK_MSG(!tr_batch_run(context, request, &caller, &r, &error), "%s", what);
  CHECK_MSG(error.reason == reason && error.message[0], "%s: %s", what, rpc_reason_name(error.reason));
  CHECK_MSG((error.field == NULL) == (field == NULL) && (!field || strcmp(error.field, field) == 0), "%s: field %s",
            what, error.field ? error.field : "(none)");
  pb_arena_dispose(&arena);
}

static void bad(void) {
#define CODEC(x) PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_##x
  static const struct {
    Ponte__Transcription__V1__AudioCodec codec;
    uint32_t rate, channels;
    const char *language, *model, *bytes;
    size_t size;
    enum rpc_reason reason;
    const char *field, *what;
  } rows[] = {
      {CODEC(UNSPECIFIED), 0, 0, "", "", "", 0, RPC_REASON_MALFORMED_AUDIO, "data", "nothing"},
      {CODEC(UNSPECIFIED), 0, 0, "", "", "ID3\3 an MP3 file", 16, RPC_REASON_MALFORMED_AUDIO, "data", "another format"},
      {CODEC(WAV), 0, 0, "", "", "RIFF\0\0\0\0WAVE", 12, RPC_REASON_MALFORMED_AUDIO, "data", "a WAV file cut short"},
      {CODEC(OGG_OPUS), 0, 0, "", "", "RIFF\0\0\0\0WAVE", 12, RPC_REASON_MALFORMED_AUDIO, "data",
       "WAV declared as Ogg"},
      {CODEC(OPUS), 0, 0, "", "", "\x08", 1, RPC_REASON_INVALID_FIELD, "codec", "bare Opus packets"},
      {(Ponte__Transcription__V1__AudioCodec)77, 0, 0, "", "", "x", 1, RPC_REASON_INVALID_FIELD, "codec",
       "an unknown codec"},
      {CODEC(PCM16), 0, 1, "", "", "xx", 2, RPC_REASON_INVALID_FIELD, "sample_rate_hz", "PCM without a rate"},
      {CODEC(PCM16), 96000, 1, "", "", "xx", 2, RPC_REASON_INVALID_FIELD, "sample_rate_hz", "96 kHz"},
      {CODEC(PCM16), 16000, 3, "", "", "xxxxxx", 6, RPC_REASON_INVALID_FIELD, "channels", "three channels"},
      {CODEC(PCM16), 16000, 2, "", "", "xxxxxx", 6, RPC_REASON_MALFORMED_AUDIO, "data", "half a frame"},
      {CODEC(PCM16), 16000, 1, "", "", "", 0, RPC_REASON_MALFORMED_AUDIO, "data", "no samples"},
      {CODEC(PCM16), 16000, 1, "fr", "", "xx", 2, RPC_REASON_UNSUPPORTED_LANGUAGE, "language", "an unknown language"},
      {CODEC(PCM16), 16000, 1, "", "none", "xx", 2, RPC_REASON_MODEL_NOT_FOUND, "model", "an unknown model"},
      {CODEC(PCM16), 16000, 1, "", "", NULL, (2 << 20) + 2, RPC_REASON_TOO_LARGE, "data", "too many bytes"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    Ponte__Transcription__V1__AudioData request = PONTE__TRANSCRIPTION__V1__AUDIO_DATA__INIT;
    request.codec = rows[i].codec;
    request.sample_rate_hz = rows[i].rate;
    request.channels = rows[i].channels;
    request.language = (char *)rows[i].language;
    request.model = (char *)rows[i].model;
    request.data.len = rows[i].size;
    request.data.data = rows[i].bytes ? (uint8_t *)rows[i].bytes : calloc(1, rows[i].size);
    refused(&request, rows[i].reason, rows[i].field, rows[i].what);
    if (!rows[i].bytes) free(request.data.data);
  }
}

static void caller_goes_away(void) {
  Ponte__Transcription__V1__AudioData request = PONTE__TRANSCRIPTION__V1__AUDIO_DATA__INIT;
  request.data = file_of(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 5);
  cancelled = true;
  refused(&request, RPC_REASON_INTERNAL, NULL, "cancelled");
  cancelled = false;
  free(request.data.data);
}

int main(void) {
  char why[ASR_WHY_SIZE];
  tr_options options = {
      .model_directory = "/nonexistent", .engine = &asr_fake, .max_batch_bytes = 2 << 20, .version = "test"};
  if (!base_is_ok(tr_context_new(&options, &context, why))) return 1;
  good();
  bad();
  caller_goes_away();
  tr_context_free(context);
  return test_failures != 0;
}
