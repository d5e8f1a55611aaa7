/* stream_feed.c - frames to segments, on a thread of the feeder pool. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "transcription/counters.h"
#include "transcription/stream_internal.h"

enum {
  FRAMES_A_TURN = 16, /* then other streams have theirs */
  FIRST_PARTIAL = 400 * TR_RATE / 1000
};

static bool open_engine(tr_stream *s, rpc_error *error) {
  char why[ASR_WHY_SIZE];
  base_err e = tr_models_get(s->context->models, s->config.model, &s->model, why);
  if (base_is_ok(e)) e = asr_vad_open(s->model, &s->vad);
  if (base_is_ok(e)) e = tr_track_new(&s->rules, s->vad, &s->track);
  if (base_is_ok(e)) e = tr_audio_new(&s->config.format, s->lead, &s->audio);
  if (base_is_ok(e)) return true;
  BASE_LOG(BASE_LOG_ERROR, "stream cannot begin", LOG_STR("error", base_err_name(e)), LOG_STR("reason", why));
  *error =
      rpc_error_of(RPC_REASON_ENGINE_FAILED, NULL, "the model cannot be used: %.160s", why[0] ? why : base_err_text(e));
  return false;
}

/* Interim text while there is speech: of the running segment, as far as it was heard. */
static void maybe_partial(tr_stream *s) {
  int64_t judged = tr_track_judged(s->track);
  if (!s->config.interim || s->open_start < 0 || s->tentative || judged < s->next_partial) return;
  tr__out_partial(s, tr_track_samples(s->track, s->open_start), s->open_start, judged);
  s->next_partial = judged + s->partial_period;
}

static void handle_events(tr_stream *s) {
  tr_event e;
  while (tr_track_next(s->track, &e)) {
    pthread_mutex_lock(&s->lock);
    if (e.kind == TR_SPEECH) s->next_partial = tr_track_judged(s->track) + FIRST_PARTIAL;
    if (!s->over) tr__out_event(s, &e, e.end >= 0 ? tr_track_samples(s->track, e.start) : NULL);
    pthread_mutex_unlock(&s->lock);
  }
}

static bool push(tr_stream *s, base_err e, const float *samples, size_t count, rpc_error *error) {
  if (base_is_ok(e)) e = tr_track_push(s->track, samples, count);
  if (base_is_ok(e)) {
    tr_meter_add(&s->context->meter, base_now_ms(), (int64_t)count, 0);
    base_metric_add(&tr_audio_samples, (int64_t)count);
    return true;
  }
  if (base_is(e, BASE_E_NO_MEMORY)) {
    *error = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "the server is out of memory: resume elsewhere or later");
  } else {
    *error = rpc_error_of(RPC_REASON_MALFORMED_AUDIO, "audio.data", "the audio cannot be decoded");
  }
  return false;
}

/* One frame, or the end when there is none. */
static bool advance(tr_stream *s, const tr_frame *f, rpc_error *error) {
  if (!s->audio && !open_engine(s, error)) return false;
  const float *samples = NULL;
  size_t count = 0;
  base_err e = f ? tr_audio_frame(s->audio, base_span_of(f->bytes, f->size), &samples, &count)
                 : tr_audio_finish(s->audio, &samples, &count);
  if (!push(s, e, samples, count, error)) return false;
  if (!f) {
    tr_track_finish(s->track);
    pthread_mutex_lock(&s->lock);
    s->clock.end_16k = tr_track_end(s->track);
    s->clock.end = s->end;
    pthread_mutex_unlock(&s->lock);
  }
  handle_events(s);
  return true;
}

static tr_frame *take_frame(tr_stream *s) {
  tr_frame *f = s->first_frame;
  if (!f) return NULL;
  s->first_frame = f->next;
  if (!s->first_frame) s->last_frame = NULL;
  s->waiting_bytes -= f->size;
  s->waiting_frames--;
  if (s->paused && s->waiting_bytes < TR_INPUT_HIGH / 2 && s->waiting_frames < TR_INPUT_HIGH_FRAMES / 2) {
    s->paused = false;
    s->sink->pause(s->call, false);
  }
  return f;
}

/* With the lock, which it gives up meanwhile; false when the stream has nothing to do. */
static bool turn(tr_stream *s) {
  if (s->over || tr__stream_is_stalled(s) || (!s->first_frame && (!s->half_closed || s->input_done))) return false;
  tr_frame *f = take_frame(s);
  pthread_mutex_unlock(&s->lock);
  rpc_error error;
  bool ok = advance(s, f, &error);
  pthread_mutex_lock(&s->lock);
  if (!ok) tr__stream_finish(s, &error);
  if (!f) s->input_done = true;
  if (!s->over) {
    maybe_partial(s);
    tr__out_drain(s);
  }
  free(f);
  return true;
}

void tr__stream_feed(void *stream) {
  tr_stream *s = stream;
  pthread_mutex_lock(&s->lock);
  bool more = true;
  for (int i = 0; more && i < FRAMES_A_TURN; i++)
    more = turn(s);
  s->feeding = false;
  if (more) tr__stream_schedule(s); /* at the queue's end */
  pthread_mutex_unlock(&s->lock);
  tr__stream_unref(s);
}
