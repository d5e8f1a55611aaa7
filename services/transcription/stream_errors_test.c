/* Every way to use a stream wrongly, and the field each answer names. */
#include "transcription/stream_harness.h"

typedef struct {
  call_log *log;
  tr_stream *s;
  config_message config;
} caller;

static const uint8_t zeros[70000];

static void frame(caller *c, uint64_t sequence, int64_t start, size_t bytes) {
  give_frame(c->s, sequence, start, zeros, bytes);
}
static void configure(caller *c) { give_config(c->s, &c->config); }

static void audio_first(caller *c) { frame(c, 0, 0, 320); }
static void close_first(caller *c) { tr_stream_half_close(c->s); }
static void config_twice(caller *c) {
  configure(c);
  configure(c);
}
static void config_after_audio(caller *c) {
  configure(c);
  frame(c, 0, 0, 320);
  configure(c);
}
static void empty_chunk(caller *c) {
  chunk_message m = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__INIT;
  tr_stream_message(c->s, &m);
}
static void no_codec(caller *c) {
  c->config.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_UNSPECIFIED;
  configure(c);
}
static void file_codec(caller *c) {
  c->config.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_WAV;
  configure(c);
}
static void unknown_codec(caller *c) {
  c->config.codec = (Ponte__Transcription__V1__AudioCodec)99;
  configure(c);
}
static void no_rate(caller *c) {
  c->config.sample_rate_hz = 0;
  configure(c);
}
static void low_rate(caller *c) {
  c->config.sample_rate_hz = 7999;
  configure(c);
}
static void high_rate(caller *c) {
  c->config.sample_rate_hz = 96000;
  configure(c);
}
static void opus_rate(caller *c) {
  c->config.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS;
  c->config.sample_rate_hz = 44100;
  configure(c);
}
static void three_channels(caller *c) {
  c->config.channels = 3;
  configure(c);
}
static void unknown_model(caller *c) {
  c->config.model = (char *)"whisper";
  configure(c);
}
static void unknown_language(caller *c) {
  c->config.language = (char *)"fr-FR";
  configure(c);
}
static void session_with_space(caller *c) {
  c->config.session_id = (char *)"a b";
  configure(c);
}
static void long_session(caller *c) {
  c->config.session_id = (char *)"0123456789012345678901234567890123456789012345678901234567890123x";
  configure(c);
}
static void negative_resume(caller *c) {
  c->config.resume_sample = -1;
  configure(c);
}
static void huge_resume(caller *c) {
  c->config.resume_sample = INT64_MAX;
  configure(c);
}
static void wrong_first_sequence(caller *c) {
  configure(c);
  frame(c, 1, 0, 320);
}
static void lost_frame(caller *c) {
  configure(c);
  frame(c, 0, 0, 320);
  frame(c, 2, 160, 320);
}
static void frame_twice(caller *c) {
  configure(c);
  frame(c, 0, 0, 320);
  frame(c, 0, 0, 320);
}
static void gap_in_samples(caller *c) {
  configure(c);
  frame(c, 0, 0, 320);
  frame(c, 1, 161, 320);
}
static void late_beginning(caller *c) {
  configure(c);
  frame(c, 0, 1, 320);
}
static void negative_beginning(caller *c) {
  configure(c);
  frame(c, 0, -10, 320);
}
static void resume_too_early(caller *c) {
  c->config.resume_sample = 16000;
  configure(c);
  frame(c, 0, 16000 - 3201, 320);
}
static void resume_too_late(caller *c) {
  c->config.resume_sample = 16000;
  configure(c);
  frame(c, 0, 16001, 320);
}
static void huge_frame(caller *c) {
  configure(c);
  frame(c, 0, 0, 65538);
}
static void half_sample(caller *c) {
  configure(c);
  frame(c, 0, 0, 321);
}
static void empty_frame(caller *c) {
  configure(c);
  frame(c, 0, 0, 0);
}
static void opus_between_samples(caller *c) {
  c->config.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS;
  c->config.sample_rate_hz = 48000;
  c->config.resume_sample = 48000;
  configure(c);
  give_frame(c->s, 0, 47999, "\x08", 1);
}
static void malformed_opus(caller *c) {
  c->config.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS;
  c->config.sample_rate_hz = 48000;
  configure(c);
  give_frame(c->s, 0, 0, "\x1b\x3f", 2);
}
/* Its length can be told, so only the decoder finds out. */
static void broken_opus(caller *c) {
  c->config.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS;
  c->config.sample_rate_hz = 48000;
  configure(c);
  give_frame(c->s, 0, 0, "\xfa\xff\xff", 3);
}

static void errors(void) {
  static const struct {
    void (*misuse)(caller *c);
    enum rpc_reason reason;
    const char *field, *what;
  } rows[] = {
      {audio_first, RPC_REASON_INVALID_FIELD, "config", "audio before the configuration"},
      {close_first, RPC_REASON_INVALID_FIELD, "config", "no configuration at all"},
      {config_twice, RPC_REASON_INVALID_FIELD, "config", "two configurations"},
      {config_after_audio, RPC_REASON_INVALID_FIELD, "config", "another one after audio"},
      {empty_chunk, RPC_REASON_INVALID_FIELD, "chunk", "a message without content"},
      {no_codec, RPC_REASON_INVALID_FIELD, "config.codec", "no codec"},
      {file_codec, RPC_REASON_INVALID_FIELD, "config.codec", "a codec of files"},
      {unknown_codec, RPC_REASON_INVALID_FIELD, "config.codec", "a codec of the future"},
      {no_rate, RPC_REASON_INVALID_FIELD, "config.sample_rate_hz", "no rate"},
      {low_rate, RPC_REASON_INVALID_FIELD, "config.sample_rate_hz", "7,999 Hz"},
      {high_rate, RPC_REASON_INVALID_FIELD, "config.sample_rate_hz", "96 kHz"},
      {opus_rate, RPC_REASON_INVALID_FIELD, "config.sample_rate_hz", "a rate that Opus does not have"},
      {three_channels, RPC_REASON_INVALID_FIELD, "config.channels", "three channels"},
      {unknown_model, RPC_REASON_MODEL_NOT_FOUND, "config.model", "an unknown model"},
      {unknown_language, RPC_REASON_UNSUPPORTED_LANGUAGE, "config.language", "an unknown language"},
      {session_with_space, RPC_REASON_INVALID_FIELD, "config.session_id", "a blank in the session id"},
      {long_session, RPC_REASON_INVALID_FIELD, "config.session_id", "65 characters"},
      {negative_resume, RPC_REASON_INVALID_FIELD, "config.resume_sample", "before the session"},
      {huge_resume, RPC_REASON_INVALID_FIELD, "config.resume_sample", "beyond all time"},
      {wrong_first_sequence, RPC_REASON_OUT_OF_SEQUENCE, "audio.sequence", "sequence begins at 1"},
      {lost_frame, RPC_REASON_OUT_OF_SEQUENCE, "audio.sequence", "a frame is missing"},
      {frame_twice, RPC_REASON_OUT_OF_SEQUENCE, "audio.sequence", "a frame comes twice"},
      {gap_in_samples, RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample", "a sample is missing"},
      {late_beginning, RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample", "the first sample is missing"},
      {negative_beginning, RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample", "before the session"},
      {resume_too_early, RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample", "too much lead"},
      {resume_too_late, RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample", "a gap after resume_sample"},
      {huge_frame, RPC_REASON_INVALID_FIELD, "audio.data", "more than 64 KiB"},
      {half_sample, RPC_REASON_MALFORMED_AUDIO, "audio.data", "half a sample"},
      {empty_frame, RPC_REASON_MALFORMED_AUDIO, "audio.data", "no samples"},
      {opus_between_samples, RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample", "a lead of a third of a sample"},
      {malformed_opus, RPC_REASON_MALFORMED_AUDIO, "audio.data", "no Opus packet"},
      {broken_opus, RPC_REASON_MALFORMED_AUDIO, "audio.data", "an Opus packet that cannot be decoded"},
  };
  tr_context *context = context_of(4);
  REQUIRE(context);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    static call_log log;
    log_init(&log);
    caller c = {&log, NULL, config_of(16000)};
    CHECK(tr_stream_begin(context, &log_sink, &log, &c.s));
    REQUIRE(c.s);
    rows[i].misuse(&c);
    wait_until(&log, is_finished);
    CHECK_MSG(log.failed && log.error.reason == rows[i].reason && log.error.field &&
                  strcmp(log.error.field, rows[i].field) == 0,
              "%s: %s %s: %s", rows[i].what, rpc_reason_name(log.error.reason),
              log.error.field ? log.error.field : "(none)", log.error.message);
    CHECK_MSG(log.error.message[0], "%s: no message", rows[i].what);
    frame(&c, 7, 7, 7); /* whatever comes later is ignored */
    tr_stream_half_close(c.s);
    tr_stream_end(c.s);
  }
  CHECK_INT(tr_context_active(context), 0);
  tr_context_free(context);
}

static void too_many_streams(void) {
  static call_log logs[4];
  tr_stream *s[4] = {0};
  tr_context *context = context_of(2);
  REQUIRE(context);
  for (int i = 0; i < 4; i++) {
    log_init(&logs[i]);
    CHECK(tr_stream_begin(context, &log_sink, &logs[i], &s[i]) == (i != 2));
    config_message config = config_of(16000);
    if (s[i]) give_config(s[i], &config);
    if (i == 2) { /* one leaves, so that the fourth finds room */
      CHECK(logs[i].failed && logs[i].error.reason == RPC_REASON_TOO_MANY_STREAMS &&
            logs[i].error.retry_after_ms == TR_RETRY_MS);
      tr_stream_end(s[0]);
    }
  }
  tr_stream_end(s[1]);
  tr_stream_end(s[3]);
  tr_context_free(context);
}

/* Calls that say nothing hold no place; of those that wait, the ones whose configuration comes first are served. */
static void mute_streams(void) {
  enum { PLACES = 2, CALLS = 8 };
  static call_log logs[CALLS];
  tr_stream *s[CALLS] = {0};
  config_message config = config_of(16000);
  tr_context *context = context_of(PLACES);
  REQUIRE(context);
  for (int i = 0; i < CALLS; i++) {
    log_init(&logs[i]);
    REQUIRE(tr_stream_begin(context, &log_sink, &logs[i], &s[i]));
  }
  CHECK_INT(tr_context_active(context), 0);
  for (int i = CALLS - 1; i >= CALLS - 1 - PLACES; i--) {
    give_config(s[i], &config);
    bool refused = i == CALLS - 1 - PLACES;
    CHECK_MSG(logs[i].finished == refused, "call %d", i);
    if (refused) {
      CHECK(logs[i].failed && logs[i].error.reason == RPC_REASON_TOO_MANY_STREAMS &&
            logs[i].error.retry_after_ms == TR_RETRY_MS);
    }
  }
  CHECK_INT(tr_context_active(context), PLACES);
  tr_context_drain(context);
  give_config(s[0], &config); /* said too late */
  CHECK(logs[0].failed && logs[0].error.reason == RPC_REASON_SHUTTING_DOWN);
  rpc_error e = rpc_error_of(RPC_REASON_SHUTTING_DOWN, NULL, "later");
  tr_streams_stop(context, &e);
  for (int i = 0; i < CALLS; i++) {
    CHECK_MSG(logs[i].failed, "call %d was not told", i);
    tr_stream_end(s[i]);
  }
  CHECK_INT(tr_context_active(context), 0);
  tr_context_free(context);
}

static void draining(void) {
  static call_log running, refused;
  tr_stream *s = NULL, *none = NULL;
  tr_context *context = context_of(2);
  REQUIRE(context);
  log_init(&running);
  log_init(&refused);
  CHECK(tr_stream_begin(context, &log_sink, &running, &s));
  tr_context_drain(context);
  CHECK(!tr_stream_begin(context, &log_sink, &refused, &none));
  CHECK(refused.error.reason == RPC_REASON_SHUTTING_DOWN);
  CHECK(!running.finished);
  rpc_error e = rpc_error_of(RPC_REASON_SHUTTING_DOWN, NULL, "later");
  tr_streams_stop(context, &e);
  CHECK(running.failed && running.error.reason == RPC_REASON_SHUTTING_DOWN);
  tr_stream_end(s);
  tr_context_free(context);
}

TEST_MAIN(TEST(errors), TEST(too_many_streams), TEST(mute_streams), TEST(draining))
