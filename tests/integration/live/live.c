#include "live/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <opus/opus.h>
#include <sndfile.h>

#include "base/clock.h"
#include "rpc/error.h"

enum { LEAD_MS = 80, FRAME_MS = 20, BIT_RATE = 24000, MAX_QUEUED = 128 * 1024, MAX_PACKET = 400 };

typedef Ponte__Transcription__V1__AudioChunk chunk_message;

double live_now(void) { return (double)base_now_us() / 1e6; }

int16_t *live_wav(const char *path, int64_t *count, uint32_t *rate) {
  SF_INFO info = {0};
  SNDFILE *f = sf_open(path, SFM_READ, &info);
  int16_t *out = f && info.channels == 1 ? calloc((size_t)info.frames + 1, sizeof *out) : NULL;
  if (out) *count = sf_readf_short(f, out, info.frames);
  *rate = (uint32_t)info.samplerate;
  if (f) sf_close(f);
  return out;
}

static void on_message(void *ctx, ponte_call *call, const Ponte__Transcription__V1__TranscriptionResult *r) {
  (void)call;
  live_stream *s = ctx;
  live_result *grown = realloc(s->results, (s->result_count + 1) * sizeof *grown);
  if (!grown) return;
  s->results = grown;
  live_result *out = &grown[s->result_count++];
  *out = (live_result){.kind = r->result_case, .committed = r->committed_end, .at = live_now() - s->began};
  if (r->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT) {
    out->start = r->segment->start_sample;
    out->end = r->segment->end_sample;
    out->is_final = r->segment->is_final;
    out->text = strdup(r->segment->text);
  } else if (r->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SPEECH_STARTED) {
    out->start = r->speech_started->sample;
  } else if (r->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_UTTERANCE_END) {
    out->start = r->utterance_end->sample;
  }
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  (void)call;
  live_stream *s = ctx;
  s->done = true;
  s->call = NULL;
  s->code = status->code;
  base_span text = base_buf_span(&status->message);
  snprintf(s->message, sizeof s->message, "%.*s", (int)text.n, text.n ? (const char *)text.p : "");
  if (!base_is_ok(rpc_error_read(status, s->reason, s->field, &s->retry_ms))) s->reason[0] = s->field[0] = '\0';
}

static bool encode(live_stream *s) {
  int error = 0, frame = (int)s->rate / 1000 * FRAME_MS;
  OpusEncoder *e = opus_encoder_create((opus_int32)s->rate, 1, OPUS_APPLICATION_VOIP, &error);
  s->packet_count = (s->count + frame - 1) / frame;
  s->packets = calloc((size_t)s->packet_count + 1, sizeof *s->packets);
  int16_t *padded = calloc((size_t)frame, sizeof *padded);
  bool ok = e && s->packets && padded;
  if (ok) opus_encoder_ctl(e, OPUS_SET_BITRATE(BIT_RATE));
  for (int64_t i = 0; ok && i < s->packet_count; i++) {
    int64_t left = s->count - i * frame;
    memset(padded, 0, (size_t)frame * sizeof *padded);
    memcpy(padded, s->pcm + i * frame, (size_t)(left < frame ? left : frame) * sizeof *padded);
    s->packets[i].bytes = malloc(MAX_PACKET);
    int n = s->packets[i].bytes ? opus_encode(e, padded, frame, s->packets[i].bytes, MAX_PACKET) : -1;
    ok = n > 0;
    s->packets[i].size = ok ? (size_t)n : 0;
  }
  free(padded);
  if (e) opus_encoder_destroy(e);
  return ok;
}

static void send_chunk(live_stream *s, const chunk_message *m) {
  if (!s->call) return;
  base_err e = ponte_transcription_v1_transcribe_audio_stream_send(s->call, m);
  if (!base_is_ok(e)) snprintf(s->message, sizeof s->message, "send failed: %s", base_err_name(e));
}

void live_send_config(live_stream *s, Ponte__Transcription__V1__StreamConfig *c) {
  chunk_message m = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__INIT;
  m.chunk_case = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_CONFIG;
  m.config = c;
  send_chunk(s, &m);
}

void live_send_frame(live_stream *s, uint64_t sequence, int64_t start, const void *bytes, size_t size) {
  Ponte__Transcription__V1__AudioFrame f = PONTE__TRANSCRIPTION__V1__AUDIO_FRAME__INIT;
  f.sequence = sequence;
  f.start_sample = start;
  f.data.data = (uint8_t *)bytes;
  f.data.len = size;
  chunk_message m = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__INIT;
  m.chunk_case = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_AUDIO;
  m.audio = &f;
  send_chunk(s, &m);
}

static base_err open_call(test_loop *l, live_stream *s) {
  static const ponte_transcription_v1_transcribe_audio_stream_events events = {.on_message = on_message,
                                                                               .on_status = on_status};
  s->began = live_now();
  return ponte_transcription_v1_transcribe_audio_stream(l->channel, NULL, &events, s, &s->call);
}

base_err live_open(test_loop *l, live_stream *s) {
  if (s->opus && !s->packets && !encode(s)) return base_fail(BASE_E_INTERNAL);
  BASE_TRY(open_call(l, s));
  if (!s->pcm) return BASE_OK; /* the caller sends by itself */
  Ponte__Transcription__V1__StreamConfig c = PONTE__TRANSCRIPTION__V1__STREAM_CONFIG__INIT;
  c.codec = s->opus ? PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS
                    : PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16;
  c.sample_rate_hz = s->rate;
  c.interim_results = s->interim;
  c.resume_sample = s->resume;
  live_send_config(s, &c);
  int64_t lead = (int64_t)s->rate * LEAD_MS / 1000, frame = s->rate / 1000 * FRAME_MS;
  s->at = s->resume > lead ? s->resume - lead : 0;
  if (s->opus) s->at = (s->at + frame - 1) / frame * frame;
  return BASE_OK;
}

void live_feed(live_stream *s) {
  int64_t frame = s->rate / 1000 * FRAME_MS;
  while (s->call && s->pcm && s->at < s->count && ponte_call_queued(s->call) < MAX_QUEUED) {
    int64_t n = s->count - s->at < frame ? s->count - s->at : frame;
    double due = s->began + (double)(s->at + n - s->resume) / s->rate / (s->pace > 0 ? s->pace : 1);
    if (s->pace > 0 && live_now() < due) return;
    if (s->opus) {
      live_send_frame(s, s->sequence++, s->at, s->packets[s->at / frame].bytes, s->packets[s->at / frame].size);
    } else {
      live_send_frame(s, s->sequence++, s->at, s->pcm + s->at, (size_t)n * 2);
    }
    s->at += n;
  }
  if (s->call && s->pcm && s->at >= s->count && !s->closed && !s->keep_open) {
    s->closed = true;
    ponte_call_half_close(s->call);
  }
}

static bool all_done(const live_stream *streams, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!streams[i].done) return false;
  }
  return true;
}

bool live_run(test_loop *l, live_stream *streams, size_t count) {
  enum { PATIENCE_MS = 300000 };
  /* All before the first begins: encoding takes half a second, in which the streams that began would be behind their clocks. */
  for (size_t i = 0; i < count; i++) {
    if (streams[i].opus && !streams[i].packets && !encode(&streams[i])) return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (!base_is_ok(live_open(l, &streams[i]))) return false;
  }
  int64_t deadline = base_now_ms() + PATIENCE_MS;
  while (!all_done(streams, count)) {
    for (size_t i = 0; i < count; i++)
      live_feed(&streams[i]);
    if (!test_loop_turn(l, deadline)) return false;
  }
  return true;
}

char *live_text(const live_stream *s, int64_t after, bool ranges) {
  char *out = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&out, &size);
  if (!f) return NULL;
  bool first = true;
  for (size_t i = 0; i < s->result_count; i++) {
    const live_result *r = &s->results[i];
    if (!r->is_final || r->start < after) continue;
    if (ranges) fprintf(f, "%" PRId64 "-%" PRId64 " ", r->start, r->end);
    fprintf(f, "%s%s", first || ranges ? "" : " ", r->text);
    if (ranges) fputc('|', f);
    first = false;
  }
  fclose(f);
  return out;
}

void live_dispose(live_stream *s) {
  for (size_t i = 0; i < s->result_count; i++)
    free(s->results[i].text);
  free(s->results);
  for (int64_t i = 0; s->packets && i < s->packet_count; i++)
    free(s->packets[i].bytes);
  free(s->packets);
  *s = (live_stream){0};
}
