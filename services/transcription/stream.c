#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "transcription/counters.h"
#include "transcription/stream_internal.h"

void tr__stream_ref(tr_stream *s) { atomic_fetch_add(&s->references, 1); }

static void drop_frames(tr_stream *s) {
  while (s->first_frame) {
    tr_frame *f = s->first_frame;
    s->first_frame = f->next;
    free(f);
  }
  s->last_frame = NULL;
  s->waiting_bytes = s->waiting_frames = 0;
}

void tr__stream_unref(tr_stream *s) {
  if (atomic_fetch_sub(&s->references, 1) != 1) return;
  drop_frames(s);
  tr__out_clear(s);
  tr_track_free(s->track);
  asr_vad_close(s->vad);
  tr_audio_free(s->audio);
  free(s->partial_samples);
  free(s->interim);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

/* Whether there is a place; with `take`, it is taken. Any state of the stream's lock. */
static bool find_place(tr_context *c, bool take, rpc_error *error) {
  pthread_mutex_lock(&c->lock);
  bool draining = c->draining, full = c->active_streams >= c->max_streams, ok = !draining && !full;
  if (ok && take) c->active_streams++;
  pthread_mutex_unlock(&c->lock);
  if (ok) return true;
  if (draining) {
    *error =
        rpc_error_of(RPC_REASON_SHUTTING_DOWN, NULL, "this server is shutting down: try again, another will answer");
  } else {
    *error =
        rpc_error_of(RPC_REASON_TOO_MANY_STREAMS, NULL, "%u streams run already, which is the limit: try again in %d s",
                     c->max_streams, TR_RETRY_MS / 1000);
    error->retry_after_ms = TR_RETRY_MS;
  }
  base_metric_add(&tr_refused, 1);
  return false;
}

/* A call that cannot have a place is told so at once. One that can takes it with its configuration only: calls that say nothing would
 * otherwise hold all places for ever. */
static bool enter(tr_context *c, tr_stream *s, rpc_error *error) {
  /* One step, so that tr_streams_stop() after tr_context_drain() misses no stream. */
  pthread_mutex_lock(&c->list_lock);
  bool ok = find_place(c, false, error);
  if (ok) {
    s->next = c->streams;
    if (s->next) s->next->previous = s;
    c->streams = s;
  }
  pthread_mutex_unlock(&c->list_lock);
  return ok;
}

static void leave(tr_stream *s) {
  tr_context *c = s->context;
  pthread_mutex_lock(&c->list_lock);
  *(s->previous ? &s->previous->next : &c->streams) = s->next;
  if (s->next) s->next->previous = s->previous;
  pthread_mutex_unlock(&c->list_lock);
  if (!s->configured) return;
  pthread_mutex_lock(&c->lock);
  c->active_streams--;
  pthread_mutex_unlock(&c->lock);
  base_metric_add(&tr_streams, -1);
}

bool tr_stream_begin(tr_context *context, const tr_stream_sink *sink, void *call, tr_stream **out) {
  rpc_error error;
  tr_stream *s = calloc(1, sizeof *s);
  if (!s) {
    error = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "the server is out of memory: try again later");
    sink->finish(call, &error);
    return false;
  }
  s->context = context;
  s->sink = sink;
  s->call = call;
  atomic_init(&s->references, 1);
  s->open_start = -1;
  pthread_mutex_init(&s->lock, NULL);
  s->feed_job = (tr_job){.run = tr__stream_feed, .ctx = s};
  if (!enter(context, s, &error)) {
    sink->finish(call, &error);
    tr__stream_unref(s);
    return false;
  }
  *out = s;
  return true;
}

void tr__stream_finish(tr_stream *s, const rpc_error *error) {
  if (s->over) return;
  s->over = true;
  s->sink->finish(s->call, error);
  drop_frames(s);
  tr__out_clear(s);
}

bool tr__stream_is_stalled(const tr_stream *s) {
  /* One segment may be in decoding while the next is heard; more would only be memory. */
  enum { MAX_PENDING_FINALS = 3 };
  return s->pending_finals >= MAX_PENDING_FINALS || s->sink->queued(s->call) > TR_SINK_HIGH;
}

void tr__stream_schedule(tr_stream *s) {
  bool work = s->first_frame || (s->half_closed && !s->input_done);
  if (s->feeding || s->over || !work || tr__stream_is_stalled(s)) return;
  s->feeding = true;
  tr__stream_ref(s);
  tr_pool_add(s->context->feeders, &s->feed_job, TR_FIRST);
}

static bool take_config(tr_stream *s, const Ponte__Transcription__V1__StreamConfig *in, rpc_error *error) {
  if (s->configured) {
    *error = rpc_error_of(RPC_REASON_INVALID_FIELD, "config",
                          "the configuration comes once: open another stream for another one");
    return false;
  }
  if (!tr_config_check(s->context->models, in, &s->config, error) || !find_place(s->context, true, error)) return false;
  base_metric_add(&tr_streams, 1);
  s->configured = true;
  s->clock = (tr_clock){.origin = s->config.resume_sample, .rate = s->config.format.rate};
  s->rules = tr_rules_for_rate(s->config.format.rate);
  return true;
}

/* With the lock. */
static bool queue_frame(tr_stream *s, const Ponte__Transcription__V1__AudioFrame *in, rpc_error *error) {
  tr_frame *f = malloc(sizeof *f + in->data.len);
  if (!f) {
    *error = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "the server is out of memory: resume elsewhere or later");
    return false;
  }
  f->next = NULL;
  f->size = in->data.len;
  memcpy(f->bytes, in->data.data, in->data.len);
  *(s->last_frame ? &s->last_frame->next : &s->first_frame) = f;
  s->last_frame = f;
  s->waiting_bytes += f->size;
  s->waiting_frames++;
  if (s->position.sequence == 1) s->lead = s->position.lead;
  if (!s->paused && (s->waiting_bytes > TR_INPUT_HIGH || s->waiting_frames > TR_INPUT_HIGH_FRAMES)) {
    s->paused = true;
    s->sink->pause(s->call, true);
  }
  return true;
}

static bool take_audio(tr_stream *s, const Ponte__Transcription__V1__AudioFrame *in, rpc_error *error) {
  if (!s->configured) {
    *error = rpc_error_of(RPC_REASON_INVALID_FIELD, "config", "the first message must hold the configuration");
    return false;
  }
  return tr_config_frame(&s->config, &s->position, in, error) && queue_frame(s, in, error);
}

void tr_stream_message(tr_stream *s, const Ponte__Transcription__V1__AudioChunk *chunk) {
  rpc_error error;
  bool ok = false;
  pthread_mutex_lock(&s->lock);
  if (s->over) {
    pthread_mutex_unlock(&s->lock);
    return;
  }
  switch (chunk->chunk_case) {
  case PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_CONFIG: ok = take_config(s, chunk->config, &error); break;
  case PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_AUDIO: ok = take_audio(s, chunk->audio, &error); break;
  default: error = rpc_error_of(RPC_REASON_INVALID_FIELD, "chunk", "a message holds the configuration or audio"); break;
  }
  if (ok) {
    tr__stream_schedule(s);
  } else {
    tr__stream_finish(s, &error);
  }
  pthread_mutex_unlock(&s->lock);
}

void tr_stream_half_close(tr_stream *s) {
  pthread_mutex_lock(&s->lock);
  s->half_closed = true;
  s->end = s->position.sample;
  if (!s->configured) {
    rpc_error error =
        rpc_error_of(RPC_REASON_INVALID_FIELD, "config", "the stream ended before its configuration came");
    tr__stream_finish(s, &error);
  }
  tr__stream_schedule(s);
  pthread_mutex_unlock(&s->lock);
}

void tr_stream_writable(tr_stream *s) {
  pthread_mutex_lock(&s->lock);
  tr__stream_schedule(s);
  pthread_mutex_unlock(&s->lock);
}

void tr_streams_stop(tr_context *context, const rpc_error *error) {
  pthread_mutex_lock(&context->list_lock);
  /* A stream leaves the list, under this lock, before it ends. */
  for (tr_stream *s = context->streams; s; s = s->next) {
    pthread_mutex_lock(&s->lock);
    tr__stream_finish(s, error);
    pthread_mutex_unlock(&s->lock);
  }
  pthread_mutex_unlock(&context->list_lock);
}

void tr_stream_end(tr_stream *s) {
  leave(s);
  pthread_mutex_lock(&s->lock);
  s->over = true;
  drop_frames(s);
  tr__out_clear(s);
  pthread_mutex_unlock(&s->lock);
  tr__stream_unref(s);
}
