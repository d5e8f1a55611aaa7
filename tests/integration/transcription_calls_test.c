/* The transcription service over the wire, with the fake engine: errors as a client sees them, unary calls, limits, drain, exact coverage. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "asr/fake.h"
#include "base/clock.h"
#include "base/test.h"
#include "live/live.h"
#include "live/server.h"
#include "rpc/error.h"

enum { TEXT_SIZE = 4096, RATE = 16000, WORDS = 40 };

static live_server server;
static test_loop loop;

typedef Ponte__Transcription__V1__StreamConfig config_message;

static config_message config_of(uint32_t rate) {
  config_message c = PONTE__TRANSCRIPTION__V1__STREAM_CONFIG__INIT;
  c.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16;
  c.sample_rate_hz = rate;
  return c;
}

/* Words 0, 1, 2, ... with short gaps and pauses of up to 2 s. */
static int16_t *say(uint32_t seed, int64_t *count, char *words) {
  int64_t at = 0, cap = (int64_t)RATE * 60;
  float tone[RATE / 5];
  int16_t *out = calloc((size_t)cap, sizeof *out);
  size_t n = 0;
  for (unsigned k = 0; out && k < WORDS; k++) {
    seed = seed * 1664525u + 1013904223u;
    at += RATE / 10 + ((seed >> 24) % 3 == 0 ? (int64_t)(seed >> 8) % (2 * RATE) : 0);
    asr_fake_tone(k, RATE, tone, RATE / 5);
    for (size_t i = 0; i < RATE / 5; i++)
      out[at + (int64_t)i] = (int16_t)lrintf(tone[i] * 32767);
    at += RATE / 5;
    n += (size_t)snprintf(words + n, TEXT_SIZE - n, "%sw%u", k ? " " : "", k);
  }
  *count = at;
  return out;
}

/* -- errors -------------------------------------------------------------------------------------------------------- */

static void no_config(live_stream *s) { live_send_frame(s, 0, 0, "xx", 2); }
static void half_close_first(live_stream *s) { ponte_call_half_close(s->call); }
static void two_configs(live_stream *s) {
  config_message c = config_of(RATE);
  live_send_config(s, &c);
  live_send_config(s, &c);
}
static void wrong_rate(live_stream *s) {
  config_message c = config_of(7000);
  live_send_config(s, &c);
}
static void wrong_model(live_stream *s) {
  config_message c = config_of(RATE);
  c.model = (char *)"none";
  live_send_config(s, &c);
}
static void wrong_language(live_stream *s) {
  config_message c = config_of(RATE);
  c.language = (char *)"ja";
  live_send_config(s, &c);
}
static void wrong_sequence(live_stream *s) {
  config_message c = config_of(RATE);
  live_send_config(s, &c);
  live_send_frame(s, 3, 0, "xx", 2);
}
static void wrong_start(live_stream *s) {
  config_message c = config_of(RATE);
  live_send_config(s, &c);
  live_send_frame(s, 0, 0, "xx", 2);
  live_send_frame(s, 1, 7, "xx", 2);
}
static void wrong_opus(live_stream *s) {
  config_message c = config_of(48000);
  c.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS;
  live_send_config(s, &c);
  live_send_frame(s, 0, 0, "\xfa\xff\xff", 3);
}

static void errors(void) {
  static const struct {
    void (*misuse)(live_stream *s);
    int code;
    const char *reason, *field;
  } rows[] = {
      {no_config, 3, "INVALID_FIELD", "config"},
      {half_close_first, 3, "INVALID_FIELD", "config"},
      {two_configs, 3, "INVALID_FIELD", "config"},
      {wrong_rate, 3, "INVALID_FIELD", "config.sample_rate_hz"},
      {wrong_model, 5, "MODEL_NOT_FOUND", "config.model"},
      {wrong_language, 3, "UNSUPPORTED_LANGUAGE", "config.language"},
      {wrong_sequence, 3, "OUT_OF_SEQUENCE", "audio.sequence"},
      {wrong_start, 3, "OUT_OF_SEQUENCE", "audio.start_sample"},
      {wrong_opus, 3, "MALFORMED_AUDIO", "audio.data"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    live_stream s = {0};
    CHECK_OK(live_open(&loop, &s));
    rows[i].misuse(&s);
    CHECK(TEST_LOOP_UNTIL(&loop, s.done));
    CHECK_MSG(s.code == rows[i].code && strcmp(s.reason, rows[i].reason) == 0 && strcmp(s.field, rows[i].field) == 0,
              "row %zu: %d %s %s \"%s\"", i, s.code, s.reason, s.field, s.message);
    live_dispose(&s);
  }
}

/* -- coverage ------------------------------------------------------------------------------------------------------ */

static void coverage(void) {
  static char words[TEXT_SIZE];
  for (uint32_t seed = 1; seed <= 2; seed++) {
    int64_t count = 0;
    int16_t *pcm = say(seed, &count, words);
    REQUIRE(pcm);
    live_stream whole = {.pcm = pcm, .count = count, .rate = RATE, .opus = seed == 2, .interim = true};
    CHECK(live_run(&loop, &whole, 1));
    CHECK_MSG(whole.code == 0, "%s", whole.message);
    char *text = live_text(&whole, 0, false);
    CHECK_MSG(text && strcmp(text, words) == 0, "heard %s", text);
    free(text);
    int64_t last = 0;
    for (size_t i = 0; i < whole.result_count; i++) {
      int64_t resume = whole.results[i].committed;
      if (resume <= last || resume >= count) continue;
      last = resume;
      live_stream rest = {.pcm = pcm, .count = count, .rate = RATE, .opus = seed == 2, .resume = resume};
      CHECK(live_run(&loop, &rest, 1));
      char *got = live_text(&rest, 0, true), *want = live_text(&whole, resume, true);
      CHECK_MSG(got && want && strcmp(got, want) == 0, "seed %u resumed at %" PRId64 ":\n got %s\nwant %s", seed,
                resume, got, want);
      free(got);
      free(want);
      live_dispose(&rest);
    }
    CHECK(last > 0);
    live_dispose(&whole);
    free(pcm);
  }
}

/* -- unary --------------------------------------------------------------------------------------------------------- */

typedef struct {
  bool done;
  int code;
  char text[512], reason[64], field[128];
  unsigned active, max, models;
  int64_t max_batch;
} answer;

static void take_status(answer *a, const wire_status *status) {
  int64_t retry = 0;
  a->code = status->code;
  if (!base_is_ok(rpc_error_read(status, a->reason, a->field, &retry))) a->reason[0] = a->field[0] = '\0';
  a->done = true;
}

static void on_transcript(void *ctx, ponte_call *call, const Ponte__Transcription__V1__TranscriptionResult *r,
                          const wire_status *status) {
  (void)call;
  answer *a = ctx;
  if (r && r->transcript) snprintf(a->text, sizeof a->text, "%s", r->transcript->text);
  take_status(a, status);
}

static void on_models(void *ctx, ponte_call *call, const Ponte__Transcription__V1__ListModelsResponse *r,
                      const wire_status *status) {
  (void)call;
  answer *a = ctx;
  if (r) snprintf(a->text, sizeof a->text, "%s", r->default_model);
  if (r) a->models = (unsigned)r->n_models;
  take_status(a, status);
}

static void on_service_status(void *ctx, ponte_call *call, const Ponte__Transcription__V1__GetServiceStatusResponse *r,
                              const wire_status *status) {
  (void)call;
  answer *a = ctx;
  if (r) {
    a->active = r->active_streams;
    a->max = r->max_streams;
    a->max_batch = r->max_batch_bytes;
    bool full = r->active_streams >= r->max_streams; /* then new streams are refused, and the status says so */
    CHECK_INT(r->state, full ? PONTE__TRANSCRIPTION__V1__GET_SERVICE_STATUS_RESPONSE__STATE__STATE_DEGRADED
                             : PONTE__TRANSCRIPTION__V1__GET_SERVICE_STATUS_RESPONSE__STATE__STATE_OK);
    CHECK_INT(r->n_subsystems, 3);
    CHECK(r->pool_threads > 0 && r->resident_memory_bytes > 0 && r->version[0] && r->uptime_ms >= 0);
  }
  take_status(a, status);
}

static answer get_status(void) {
  static const ponte_transcription_v1_get_service_status_events events = {.on_reply = on_service_status};
  Ponte__Transcription__V1__GetServiceStatusRequest request =
      PONTE__TRANSCRIPTION__V1__GET_SERVICE_STATUS_REQUEST__INIT;
  answer a = {0};
  ponte_call *call = NULL;
  CHECK_OK(ponte_transcription_v1_get_service_status(loop.channel, NULL, &request, &events, &a, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, a.done));
  return a;
}

static void unary(void) {
  static const ponte_transcription_v1_list_models_events events = {.on_reply = on_models};
  Ponte__Transcription__V1__ListModelsRequest request = PONTE__TRANSCRIPTION__V1__LIST_MODELS_REQUEST__INIT;
  answer a = {0};
  ponte_call *call = NULL;
  CHECK_OK(ponte_transcription_v1_list_models(loop.channel, NULL, &request, &events, &a, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, a.done));
  CHECK_INT(a.code, 0);
  CHECK_INT(a.models, 1);
  CHECK_STR(a.text, "fake");
  a = get_status();
  CHECK_INT(a.code, 0);
  CHECK_INT(a.max, 3);
  CHECK_INT(a.max_batch, 1 << 20);
}

static answer transcribe(uint8_t *bytes, size_t size) {
  static const ponte_transcription_v1_transcribe_audio_events events = {.on_reply = on_transcript};
  Ponte__Transcription__V1__AudioData request = PONTE__TRANSCRIPTION__V1__AUDIO_DATA__INIT;
  request.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16;
  request.sample_rate_hz = RATE;
  request.data.data = bytes;
  request.data.len = size;
  answer a = {0};
  ponte_call *call = NULL;
  CHECK_OK(ponte_transcription_v1_transcribe_audio(loop.channel, NULL, &request, &events, &a, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, a.done));
  return a;
}

static void batch(void) {
  static char words[TEXT_SIZE];
  int64_t count = 0;
  int16_t *pcm = say(4, &count, words);
  REQUIRE(pcm);
  answer a = transcribe((uint8_t *)pcm, (size_t)count * 2);
  CHECK_MSG(a.code == 0 && strcmp(a.text, words) == 0, "%d: %s", a.code, a.text);
  a = transcribe((uint8_t *)pcm, 3);
  CHECK_MSG(a.code == 3 && strcmp(a.reason, "MALFORMED_AUDIO") == 0 && strcmp(a.field, "data") == 0, "%d %s", a.code,
            a.reason);
  free(pcm);
  /* A little too large is answered by us, naming the field; more is refused by the transport before it is read. */
  uint8_t *zeros = calloc(3, 1 << 20);
  a = transcribe(zeros, (1 << 20) + 2);
  CHECK_MSG(a.code == 8 && strcmp(a.reason, "TOO_LARGE") == 0 && strcmp(a.field, "data") == 0, "%d %s", a.code,
            a.reason);
  a = transcribe(zeros, (size_t)3 << 20);
  CHECK_INT(a.code, 8);
  free(zeros);
}

/* -- limits and end ------------------------------------------------------------------------------------------------ */

static void open_silent(live_stream *s) {
  *s = (live_stream){0};
  CHECK_OK(live_open(&loop, s));
  config_message c = config_of(RATE);
  live_send_config(s, &c);
}

static bool has_active(unsigned n) { return get_status().active == n; }

static void limit_on_streams(void) {
  live_stream open[3], more = {0};
  for (int i = 0; i < 3; i++)
    open_silent(&open[i]);
  CHECK(TEST_LOOP_UNTIL(&loop, has_active(3)));
  CHECK_OK(live_open(&loop, &more));
  CHECK(TEST_LOOP_UNTIL(&loop, more.done));
  CHECK_MSG(more.code == 8 && strcmp(more.reason, "TOO_MANY_STREAMS") == 0 && more.retry_ms > 0, "%d %s", more.code,
            more.reason);
  live_dispose(&more);
  /* Cancelling makes room at once. */
  ponte_call_cancel(open[0].call);
  CHECK(TEST_LOOP_UNTIL(&loop, open[0].done && has_active(2)));
  CHECK_INT(open[0].code, 1);
  open_silent(&more);
  CHECK(TEST_LOOP_UNTIL(&loop, has_active(3)));
  live_stream *rest[] = {&open[1], &open[2], &more};
  for (int i = 0; i < 3; i++)
    ponte_call_half_close(rest[i]->call);
  for (int i = 0; i < 3; i++) {
    CHECK(TEST_LOOP_UNTIL(&loop, rest[i]->done));
    CHECK_INT(rest[i]->code, 0);
    live_dispose(rest[i]);
  }
  live_dispose(&open[0]);
}

/* SIGTERM: what runs may end; what does not is told to resume elsewhere. Ends the server. */
static void drain(void) {
  static char words[TEXT_SIZE];
  int64_t count = 0;
  int16_t *pcm = say(6, &count, words);
  REQUIRE(pcm);
  live_stream ending = {.pcm = pcm, .count = count, .rate = RATE, .keep_open = true}, endless;
  CHECK_OK(live_open(&loop, &ending));
  open_silent(&endless);
  while (ending.at < count) {
    live_feed(&ending);
    CHECK(test_loop_turn(&loop, base_now_ms() + TEST_LOOP_PATIENCE_MS));
  }
  CHECK(TEST_LOOP_UNTIL(&loop, ending.result_count > 0));
  kill(server.pid, SIGTERM);
  live_stream refused = {0};
  for (int i = 0; i < 1000 && strcmp(refused.reason, "SHUTTING_DOWN") != 0; i++) { /* the signal takes a moment */
    live_dispose(&refused);
    if (!base_is_ok(live_open(&loop, &refused))) break;
    ponte_call_half_close(refused.call);
    CHECK(TEST_LOOP_UNTIL(&loop, refused.done));
  }
  CHECK_STR(refused.reason, "SHUTTING_DOWN");
  ponte_call_half_close(ending.call);
  CHECK(TEST_LOOP_UNTIL(&loop, ending.done && endless.done));
  char *text = live_text(&ending, 0, false);
  CHECK_MSG(ending.code == 0 && text && strcmp(text, words) == 0, "%d %s", ending.code, text);
  CHECK_MSG(endless.code == 14 && strcmp(endless.reason, "SHUTTING_DOWN") == 0, "%d %s", endless.code, endless.reason);
  free(text);
  free(pcm);
  live_dispose(&ending);
  live_dispose(&endless);
  live_dispose(&refused);
}

int main(void) {
  static const struct test_case cases[] = {TEST(errors), TEST(coverage),         TEST(unary),
                                           TEST(batch),  TEST(limit_on_streams), TEST(drain)};
  static const char *const more[] = {"--max-streams", "3", "--max-batch", "1MiB", "--grace", "2s", NULL};
  if (!live_server_start(&server, "fake", more) || !base_is_ok(test_loop_init(&loop, server.port, (size_t)8 << 20))) {
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
  return test_failures != 0;
}
