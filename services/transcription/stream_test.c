/* Live streams on the fake engine: order and content of results, exact coverage undisturbed and resumed, back-pressure, cancellation. */
#include <math.h>

#include <opus/opus.h>

#include "transcription/stream_harness.h"

enum { MAX_SECONDS = 40, LEAD_MS = 80, OPUS_FRAME = 960, MAX_PACKETS = MAX_SECONDS * 50 };

/* What is said, as frames of one format. */
typedef struct {
  uint32_t rate;
  int16_t *pcm; /* PCM16 when not NULL */
  struct {
    uint8_t bytes[400];
    size_t size;
  } * packets;    /* Opus */
  int64_t length; /* samples at `rate` */
  char words[TEXT_SIZE];
} speech;

static float *say(uint32_t seed, uint32_t rate, int64_t *length, char *words) {
  float *out = calloc((size_t)rate * MAX_SECONDS, sizeof *out);
  int64_t burst = (int64_t)rate / 5, at = 0;
  size_t n = 0;
  for (unsigned k = 0; out && k < 50 && at < (int64_t)rate * (MAX_SECONDS - 5); k++) {
    seed = seed * 1664525u + 1013904223u;
    at += (int64_t)rate / 10 + ((seed >> 24) % 4 == 0 ? (int64_t)(seed >> 8) % (2 * rate) : 0);
    asr_fake_tone(k, rate, out + at, (size_t)burst);
    at += burst;
    n += (size_t)snprintf(words + n, TEXT_SIZE - n, "%sw%u", k ? " " : "", k);
  }
  *length = at;
  return out;
}

static bool speech_pcm(speech *s, uint32_t seed, uint32_t rate) {
  *s = (speech){.rate = rate};
  float *samples = say(seed, rate, &s->length, s->words);
  s->pcm = calloc((size_t)s->length + 1, sizeof *s->pcm);
  for (int64_t i = 0; samples && s->pcm && i < s->length; i++)
    s->pcm[i] = (int16_t)lrintf(samples[i] * 32767);
  free(samples);
  return s->pcm != NULL;
}

static bool speech_opus(speech *s, uint32_t seed) {
  *s = (speech){.rate = 48000};
  float *samples = say(seed, s->rate, &s->length, s->words);
  s->packets = calloc(MAX_PACKETS, sizeof *s->packets);
  int error = 0;
  OpusEncoder *e = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
  s->length = s->length / OPUS_FRAME * OPUS_FRAME + OPUS_FRAME;
  for (int64_t i = 0; samples && s->packets && e && i < s->length / OPUS_FRAME; i++) {
    int n = opus_encode_float(e, samples + i * OPUS_FRAME, OPUS_FRAME, s->packets[i].bytes, sizeof s->packets[i].bytes);
    s->packets[i].size = n > 0 ? (size_t)n : 0;
  }
  if (e) opus_encoder_destroy(e);
  free(samples);
  return s->packets != NULL;
}

static void speech_free(speech *s) {
  free(s->pcm);
  free(s->packets);
}

/* Sends from `resume` on, with lead where there is audio before it. */
static void send_all(tr_stream *s, call_log *l, const speech *what, int64_t resume) {
  int64_t lead = (int64_t)what->rate * LEAD_MS / 1000, at = resume > lead ? resume - lead : 0;
  uint64_t sequence = 0;
  if (what->packets) {
    for (int64_t i = (at + OPUS_FRAME - 1) / OPUS_FRAME; i * OPUS_FRAME < what->length; i++) {
      wait_until(l, is_free);
      give_frame(s, sequence++, i * OPUS_FRAME, what->packets[i].bytes, what->packets[i].size);
    }
    return;
  }
  for (int64_t n = 0; at < what->length; at += n) {
    n = what->length - at < what->rate / 10 ? what->length - at : what->rate / 10;
    wait_until(l, is_free);
    give_frame(s, sequence++, at, what->pcm + at, (size_t)n * 2);
  }
}

static void run(tr_context *context, const speech *what, int64_t resume, bool interim, call_log *l) {
  log_init(l);
  tr_stream *s = NULL;
  CHECK(tr_stream_begin(context, &log_sink, l, &s));
  REQUIRE(s);
  config_message c = config_of(what->rate);
  if (what->packets) c.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS;
  c.resume_sample = resume;
  c.interim_results = interim;
  c.session_id = (char *)"session-1";
  give_config(s, &c);
  send_all(s, l, what, resume);
  tr_stream_half_close(s);
  wait_until(l, is_finished);
  CHECK_MSG(!l->failed, "%s", l->error.message);
  tr_stream_end(s);
}

static void finals(const call_log *l, int64_t after, char *words, char *ranges) {
  size_t n = 0, m = 0;
  words[0] = ranges[0] = '\0';
  for (size_t i = 0; i < l->count; i++) {
    const seen *r = &l->results[i];
    if (!r->is_final || r->start < after) continue;
    n += (size_t)snprintf(words + n, TEXT_SIZE - n, "%s%s", n ? " " : "", r->text);
    m += (size_t)snprintf(ranges + m, TEXT_SIZE - m, "%s%" PRId64 "-%" PRId64 " %s", m ? "|" : "", r->start, r->end,
                          r->text);
  }
}

static void check_order(const call_log *l, int64_t resume, int64_t length) {
  int64_t committed = resume, covered = resume;
  const seen *previous = NULL;
  for (size_t i = 0; i < l->count; i++) {
    const seen *r = &l->results[i];
    CHECK_MSG(r->committed >= committed, "committed_end fell to %" PRId64, r->committed);
    committed = r->committed;
    if (r->kind != PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT) continue;
    CHECK_MSG(r->start >= covered && r->start < r->end, "segment %" PRId64 "-%" PRId64 " after %" PRId64, r->start,
              r->end, covered);
    CHECK_INT(strtoll(r->id, NULL, 10), r->start);
    CHECK(r->stable <= strlen(r->text));
    if (r->is_final) {
      covered = r->end;
      CHECK(r->committed >= r->end && r->stable == strlen(r->text));
      previous = NULL;
    } else {
      CHECK_MSG(!previous || strcmp(previous->text, r->text) != 0, "\"%s\" came twice", r->text);
      CHECK(r->committed <= r->start);
      previous = r;
    }
  }
  CHECK_INT(committed, length);
}

/* The heart of it: text and ranges from every point at which a client may go on are those of the undisturbed run. */
static void check_everywhere(tr_context *context, const speech *what) {
  static call_log whole, rest;
  static char words[TEXT_SIZE], ranges[TEXT_SIZE], want[TEXT_SIZE], got[TEXT_SIZE];
  run(context, what, 0, false, &whole);
  check_order(&whole, 0, what->length);
  finals(&whole, 0, words, ranges);
  CHECK_MSG(strcmp(words, what->words) == 0, "at %u Hz: \"%s\", want \"%s\"", what->rate, words, what->words);
  int64_t last = 0;
  for (size_t i = 0; i < whole.count; i++) {
    int64_t resume = whole.results[i].committed;
    if (resume <= last || resume >= what->length) continue;
    last = resume;
    run(context, what, resume, i % 2, &rest);
    check_order(&rest, resume, what->length);
    finals(&whole, resume, words, want);
    finals(&rest, resume, words, got);
    CHECK_MSG(strcmp(got, want) == 0, "at %u Hz, resumed at %" PRId64 ":\n got %s\nwant %s", what->rate, resume, got,
              want);
  }
}

static void exactly_once(void) {
  static const uint32_t rates[] = {16000, 48000, 44100, 8000};
  tr_context *context = context_of(4);
  REQUIRE(context);
  speech what;
  for (uint32_t i = 0; i < 4; i++) {
    REQUIRE(speech_pcm(&what, i + 1, rates[i]));
    check_everywhere(context, &what);
    speech_free(&what);
  }
  REQUIRE(speech_opus(&what, 9));
  check_everywhere(context, &what);
  speech_free(&what);
  tr_context_free(context);
}

static void interim_results(void) {
  static call_log l;
  static char words[TEXT_SIZE], ranges[TEXT_SIZE];
  tr_context *context = context_of(1);
  REQUIRE(context);
  speech what;
  REQUIRE(speech_pcm(&what, 5, 16000));
  size_t interims = 0;
  /* Fed at once, many are rightly dropped as stale; some run must show some. */
  for (int i = 0; i < 20 && interims == 0; i++) {
    run(context, &what, 0, true, &l);
    for (size_t k = 0; k < l.count; k++) {
      interims +=
          l.results[k].kind == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT && !l.results[k].is_final;
    }
    check_order(&l, 0, what.length);
    finals(&l, 0, words, ranges);
    CHECK_STR(words, what.words);
    CHECK_STR(l.session_id, "session-1");
  }
  CHECK(interims > 0);
  speech_free(&what);
  tr_context_free(context);
}

static bool has_interim(const call_log *l) { return l->count >= 2 && l->results[l->count - 1].text[0]; }

/* Interim text comes while the segment is open, before anything says that it ends. */
static void interim_before_final(void) {
  static call_log l;
  tr_context *context = context_of(1);
  REQUIRE(context);
  enum { STEP = 1600, STEPS = 20 };
  static float tones[STEP * STEPS];
  for (unsigned k = 0; k < STEPS / 4; k++)
    asr_fake_tone(k, 16000, tones + (size_t)k * 4 * STEP, (size_t)3 * STEP);
  log_init(&l);
  tr_stream *s = NULL;
  CHECK(tr_stream_begin(context, &log_sink, &l, &s));
  config_message c = config_of(16000);
  c.interim_results = true;
  give_config(s, &c);
  for (size_t i = 0; i < STEPS; i++) {
    int16_t pcm[STEP];
    for (size_t k = 0; k < STEP; k++)
      pcm[k] = (int16_t)lrintf(tones[i * STEP + k] * 32767);
    give_frame(s, i, (int64_t)i * STEP, pcm, sizeof pcm);
  }
  wait_until(&l, has_interim);
  CHECK(!l.results[l.count - 1].is_final);
  CHECK(l.results[0].kind == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SPEECH_STARTED);
  tr_stream_end(s);
  tr_context_free(context);
}

static void nothing_said(void) {
  static call_log l;
  tr_context *context = context_of(1);
  REQUIRE(context);
  speech what = {.rate = 16000};
  run(context, &what, 0, true, &l);
  CHECK_INT(l.count, 0);
  what.length = 16000 * 5;
  what.pcm = calloc((size_t)what.length, sizeof *what.pcm);
  run(context, &what, 0, true, &l);
  CHECK(l.count >= 3);
  for (size_t i = 0; i < l.count; i++)
    CHECK(l.results[i].kind == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_PROGRESS);
  CHECK_INT(l.results[l.count - 1].committed, what.length);
  speech_free(&what);
  tr_context_free(context);
}

static bool is_paused(const call_log *l) { return l->paused; }

/* A client that does not read stops the stream, and with it its own sending; nothing is lost when it reads again. */
static void back_pressure(void) {
  static call_log l;
  static char words[TEXT_SIZE], ranges[TEXT_SIZE];
  tr_context *context = context_of(1);
  REQUIRE(context);
  speech what;
  REQUIRE(speech_pcm(&what, 3, 48000));
  log_init(&l);
  atomic_store(&l.queued, TR_SINK_HIGH + 1);
  tr_stream *s = NULL;
  CHECK(tr_stream_begin(context, &log_sink, &l, &s));
  config_message c = config_of(48000);
  give_config(s, &c);
  int64_t at = 0, step = 4800;
  uint64_t sequence = 0;
  for (; at + step <= what.length && !l.paused; at += step)
    give_frame(s, sequence++, at, what.pcm + at, (size_t)step * 2);
  wait_until(&l, is_paused);
  CHECK_INT(l.count, 0);
  atomic_store(&l.queued, 0);
  tr_stream_writable(s);
  for (; at < what.length; at += step) {
    wait_until(&l, is_free);
    int64_t n = what.length - at < step ? what.length - at : step;
    give_frame(s, sequence++, at, what.pcm + at, (size_t)n * 2);
  }
  tr_stream_half_close(s);
  wait_until(&l, is_finished);
  finals(&l, 0, words, ranges);
  CHECK_STR(words, what.words);
  tr_stream_end(s);
  speech_free(&what);
  tr_context_free(context);
}

/* The call may be over at any moment: nothing is sent then, nothing leaks, and the place is free at once. */
static void cancelled_anywhere(void) {
  static call_log l;
  tr_context *context = context_of(1);
  REQUIRE(context);
  speech what;
  REQUIRE(speech_pcm(&what, 7, 16000));
  for (int64_t frames = 0; frames < 200; frames += 7) {
    log_init(&l);
    tr_stream *s = NULL;
    CHECK(tr_stream_begin(context, &log_sink, &l, &s));
    REQUIRE(s);
    config_message c = config_of(16000);
    c.interim_results = true;
    give_config(s, &c);
    for (int64_t i = 0; i < frames; i++)
      give_frame(s, (uint64_t)i, i * 1600, what.pcm + i * 1600, 3200);
    tr_stream_end(s);
    pthread_mutex_lock(&l.lock);
    l.ended = true;
    pthread_mutex_unlock(&l.lock);
    CHECK_INT(tr_context_active(context), 0);
  }
  tr_context_free(context); /* joins the threads: whatever ran has ended */
  speech_free(&what);
}

TEST_MAIN(TEST(nothing_said), TEST(exactly_once), TEST(interim_results), TEST(interim_before_final),
          TEST(back_pressure), TEST(cancelled_anywhere))
