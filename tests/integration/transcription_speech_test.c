/* The real engine on human speech (Debian's pocketsphinx-testdata): word error rate, silence and noise, concurrency, resumption. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/test.h"
#include "live/clips.h"
#include "live/live.h"
#include "live/server.h"
#include "wer/wer.h"

enum { RATE = LIVE_CLIP_RATE, TEXT_SIZE = 4096, STREAMS = 8 };

static live_server server;
static test_loop loop;
static live_clip clips[LIVE_CLIPS];
static int16_t *joined; /* all clips with pauses between them */
static int64_t joined_count;
static char joined_words[TEXT_SIZE];

static void check_wer(const live_stream *streams, size_t count, const char *what) {
  size_t errors = 0, words = 0;
  for (size_t i = 0; i < count; i++) {
    size_t n = 0;
    char *text = live_text(&streams[i], 0, false);
    CHECK_MSG(streams[i].code == 0 && text, "%s: clip %zu: %s", what, i, streams[i].message);
    size_t e = wer_count(clips[i].words, text ? text : "", &n);
    if (e) printf("  %s, clip %zu: %zu of %zu: %s\n", what, i, e, n, text);
    errors += e;
    words += n;
    free(text);
  }
  printf("%s: WER %zu of %zu words\n", what, errors, words);
  CHECK_MSG(words > 0 && errors * 10 <= words, "%s: WER above 10 %%", what);
}

static void word_error_rate(void) {
  for (int opus = 0; opus <= 1; opus++) {
    live_stream s[LIVE_CLIPS] = {0};
    for (size_t i = 0; i < LIVE_CLIPS; i++) {
      s[i] = (live_stream){.pcm = clips[i].pcm, .count = clips[i].count, .rate = RATE, .opus = opus, .interim = true};
    }
    CHECK(live_run(&loop, s, LIVE_CLIPS));
    check_wer(s, LIVE_CLIPS, opus ? "Opus" : "PCM");
    for (size_t i = 0; i < LIVE_CLIPS; i++)
      live_dispose(&s[i]);
  }
}

/* Silence, hiss of three loudnesses, hum: whatever the model would make of them, nobody may read it. */
static void nothing_from_noise(void) {
  enum { KINDS = 5, SECONDS = 12 };
  live_stream s[KINDS] = {0};
  int16_t *pcm[KINDS];
  uint32_t state = 12345;
  for (int k = 0; k < KINDS; k++) {
    static const int loudness[KINDS] = {0, 100, 1000, 6000, 3000};
    pcm[k] = calloc((size_t)RATE * SECONDS, sizeof *pcm[k]);
    for (int i = 0; pcm[k] && i < RATE * SECONDS; i++) {
      state = state * 1664525u + 1013904223u;
      int v = k == KINDS - 1 ? ((i / 160) % 2 ? 1 : -1) * loudness[k]
                             : (int)(state >> 16) % (2 * loudness[k] + 1) - loudness[k];
      pcm[k][i] = (int16_t)v;
    }
    s[k] = (live_stream){.pcm = pcm[k], .count = (int64_t)RATE * SECONDS, .rate = RATE, .interim = true};
  }
  CHECK(live_run(&loop, s, KINDS));
  for (int k = 0; k < KINDS; k++) {
    CHECK_INT(s[k].code, 0);
    for (size_t i = 0; i < s[k].result_count; i++) {
      const live_result *r = &s[k].results[i];
      CHECK_MSG(!r->text || !r->text[0], "noise %d became \"%s\"", k, r->text);
    }
    CHECK(s[k].result_count > 0 && s[k].results[s[k].result_count - 1].committed == (int64_t)RATE * SECONDS);
    live_dispose(&s[k]);
    free(pcm[k]);
  }
}

static void normalised(const live_stream *s, int64_t after, char out[TEXT_SIZE]) {
  char *text = live_text(s, after, false);
  wer_normalise(text ? text : "", out, TEXT_SIZE);
  free(text);
}

static void streams_do_not_disturb(void) {
  static char want[TEXT_SIZE], got[TEXT_SIZE];
  live_stream alone = {.pcm = joined, .count = joined_count, .rate = RATE, .opus = true}, s[STREAMS];
  CHECK(live_run(&loop, &alone, 1));
  normalised(&alone, 0, want);
  for (int i = 0; i < STREAMS; i++) {
    s[i] = (live_stream){.pcm = joined, .count = joined_count, .rate = RATE, .opus = true, .interim = true, .pace = 4};
  }
  CHECK(live_run(&loop, s, STREAMS));
  for (int i = 0; i < STREAMS; i++) {
    CHECK_MSG(s[i].code == 0, "%s", s[i].message);
    normalised(&s[i], 0, got);
    CHECK_STR(got, want);
    live_dispose(&s[i]);
  }
  live_dispose(&alone);
}

/* Text and ranges from every commit on equal those of the undisturbed run. */
static void resumed(void) {
  static char want[TEXT_SIZE], got[TEXT_SIZE];
  for (int opus = 0; opus <= 1; opus++) {
    live_stream whole = {.pcm = joined, .count = joined_count, .rate = RATE, .opus = opus};
    CHECK(live_run(&loop, &whole, 1));
    int64_t last = 0;
    int points = 0;
    for (size_t i = 0; i < whole.result_count; i++) {
      int64_t resume = whole.results[i].committed;
      if (resume <= last || resume >= joined_count) continue;
      last = resume;
      points++;
      live_stream rest = {.pcm = joined, .count = joined_count, .rate = RATE, .opus = opus, .resume = resume};
      CHECK(live_run(&loop, &rest, 1));
      normalised(&whole, resume, want);
      normalised(&rest, 0, got);
      CHECK_MSG(strcmp(got, want) == 0, "%s resumed at %" PRId64 ":\n got %s\nwant %s", opus ? "Opus" : "PCM", resume,
                got, want);
      char *a = live_text(&whole, resume, true), *b = live_text(&rest, 0, true);
      if (!opus)
        CHECK_MSG(a && b && strcmp(a, b) == 0, "ranges resumed at %" PRId64 ":\n got %s\nwant %s", resume, b, a);
      free(a);
      free(b);
      live_dispose(&rest);
    }
    printf("%s: resumed at %d points\n", opus ? "Opus" : "PCM", points);
    CHECK(points >= 5);
    live_dispose(&whole);
  }
}

typedef struct {
  bool done;
  int code;
  char text[TEXT_SIZE];
} answer;

static void on_transcript(void *ctx, ponte_call *call, const Ponte__Transcription__V1__TranscriptionResult *r,
                          const wire_status *status) {
  (void)call;
  answer *a = ctx;
  if (r && r->transcript) snprintf(a->text, sizeof a->text, "%s", r->transcript->text);
  a->code = status->code;
  a->done = true;
}

static void batch(void) {
  static const ponte_transcription_v1_transcribe_audio_events events = {.on_reply = on_transcript};
  static answer a;
  Ponte__Transcription__V1__AudioData request = PONTE__TRANSCRIPTION__V1__AUDIO_DATA__INIT;
  request.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16;
  request.sample_rate_hz = RATE;
  request.data.data = (uint8_t *)joined;
  request.data.len = (size_t)joined_count * 2;
  ponte_call *call = NULL;
  CHECK_OK(ponte_transcription_v1_transcribe_audio(loop.channel, NULL, &request, &events, &a, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, a.done));
  CHECK_INT(a.code, 0);
  size_t words = 0, errors = wer_count(joined_words, a.text, &words);
  printf("batch: WER %zu of %zu words\n", errors, words);
  CHECK_MSG(words > 0 && errors * 10 <= words, "batch: %s", a.text);
}

int main(void) {
  static const struct test_case cases[] = {TEST(word_error_rate), TEST(nothing_from_noise), TEST(resumed),
                                           TEST(streams_do_not_disturb), TEST(batch)};
  bool there = live_clips_read(clips);
  if (there) joined = live_clips_join(clips, &joined_count);
  for (size_t i = 0; i < LIVE_CLIPS; i++) {
    size_t n = strlen(joined_words);
    snprintf(joined_words + n, sizeof joined_words - n, "%s ", clips[i].words);
  }
  if (!joined) {
    printf("the clips of pocketsphinx-testdata are not there\n");
    return 1;
  }
  if (!live_server_start(&server, "sherpa", NULL) || !base_is_ok(test_loop_init(&loop, server.port, 0))) {
    printf("the server does not start\n");
    return 1;
  }
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int before = test_failures;
    cases[i].run();
    printf("%s %s\n", test_failures == before ? "ok" : "FAILED", cases[i].name);
  }
  test_loop_dispose(&loop);
  CHECK_INT(live_server_stop(&server, SIGTERM), 0);
  for (size_t i = 0; i < LIVE_CLIPS; i++)
    free(clips[i].pcm);
  free(joined);
  return test_failures != 0;
}
