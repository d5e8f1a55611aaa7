/* stream_harness.h - a call that remembers, for the tests of streams. Test code only; one test program includes it. */
#ifndef PONTE_TRANSCRIPTION_STREAM_HARNESS_H
#define PONTE_TRANSCRIPTION_STREAM_HARNESS_H

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "asr/fake.h"
#include "base/test.h"
#include "transcription/stream.h"

enum { MAX_RESULTS = 4096, TEXT_SIZE = 8192, DEADLINE_S = 60 };

typedef struct {
  Ponte__Transcription__V1__TranscriptionResult__ResultCase kind;
  int64_t committed, start, end;
  char id[32];
  char text[256];
  bool is_final;
  uint32_t stable;
} seen;

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  seen results[MAX_RESULTS];
  size_t count;
  bool finished, ended, failed, paused;
  int pauses;
  rpc_error error;
  atomic_size_t queued; /* what the sink claims to hold */
  char session_id[80];
} call_log;

static void log_init(call_log *l) {
  memset(l, 0, sizeof *l);
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->changed, NULL);
}

static inline void sink_send(void *call, const Ponte__Transcription__V1__TranscriptionResult *r) {
  call_log *l = call;
  pthread_mutex_lock(&l->lock);
  CHECK_MSG(!l->finished && !l->ended, "a result after the end");
  seen *s = &l->results[l->count < MAX_RESULTS ? l->count++ : 0];
  *s = (seen){.kind = r->result_case, .committed = r->committed_end};
  snprintf(s->id, sizeof s->id, "%s", r->result_id);
  snprintf(l->session_id, sizeof l->session_id, "%s", r->session_id);
  if (r->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT) {
    s->start = r->segment->start_sample;
    s->end = r->segment->end_sample;
    s->is_final = r->segment->is_final;
    s->stable = r->segment->stable_bytes;
    snprintf(s->text, sizeof s->text, "%s", r->segment->text);
  }
  pthread_cond_broadcast(&l->changed);
  pthread_mutex_unlock(&l->lock);
}

static size_t sink_queued(void *call) { return atomic_load(&((call_log *)call)->queued); }

static inline void sink_finish(void *call, const rpc_error *error) {
  call_log *l = call;
  pthread_mutex_lock(&l->lock);
  CHECK_MSG(!l->finished && !l->ended, "finished twice");
  l->finished = true;
  l->failed = error != NULL;
  if (error) l->error = *error;
  pthread_cond_broadcast(&l->changed);
  pthread_mutex_unlock(&l->lock);
}

static inline void sink_pause(void *call, bool paused) {
  call_log *l = call;
  pthread_mutex_lock(&l->lock);
  CHECK_MSG(l->paused != paused, "paused twice");
  l->paused = paused;
  l->pauses += paused;
  pthread_cond_broadcast(&l->changed);
  pthread_mutex_unlock(&l->lock);
}

static const tr_stream_sink log_sink = {sink_send, sink_queued, sink_finish, sink_pause};

/* Waits for a condition with a generous deadline; false when it passes. */
static bool wait_until(call_log *l, bool (*holds)(const call_log *)) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_sec += DEADLINE_S;
  pthread_mutex_lock(&l->lock);
  int e = 0;
  while (!holds(l) && e == 0)
    e = pthread_cond_timedwait(&l->changed, &l->lock, &t);
  bool ok = holds(l);
  pthread_mutex_unlock(&l->lock);
  CHECK_MSG(ok, "waited in vain");
  return ok;
}

static bool is_finished(const call_log *l) { return l->finished; }
static inline bool is_free(const call_log *l) { return !l->paused || l->finished; }

static tr_context *context_of(unsigned max_streams) {
  char why[ASR_WHY_SIZE];
  tr_options options = {
      .model_directory = "/nonexistent", .engine = &asr_fake, .max_streams = max_streams, .version = "test"};
  tr_context *c = NULL;
  CHECK_OK(tr_context_new(&options, &c, why));
  return c;
}

typedef Ponte__Transcription__V1__AudioChunk chunk_message;
typedef Ponte__Transcription__V1__StreamConfig config_message;
typedef Ponte__Transcription__V1__AudioFrame frame_message;

static config_message config_of(uint32_t rate) {
  config_message c = PONTE__TRANSCRIPTION__V1__STREAM_CONFIG__INIT;
  c.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16;
  c.sample_rate_hz = rate;
  return c;
}

static void give_config(tr_stream *s, config_message *c) {
  chunk_message m = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__INIT;
  m.chunk_case = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_CONFIG;
  m.config = c;
  tr_stream_message(s, &m);
}

static void give_frame(tr_stream *s, uint64_t sequence, int64_t start, const void *bytes, size_t n) {
  frame_message f = PONTE__TRANSCRIPTION__V1__AUDIO_FRAME__INIT;
  f.sequence = sequence;
  f.start_sample = start;
  f.data.data = (uint8_t *)bytes;
  f.data.len = n;
  chunk_message m = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__INIT;
  m.chunk_case = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_AUDIO;
  m.audio = &f;
  tr_stream_message(s, &m);
}

#endif
