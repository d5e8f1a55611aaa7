/* stream_out.c - segments to text, and text to results in the order of the audio. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pb/arena.h"
#include "transcription/counters.h"
#include "transcription/stream_internal.h"
#include "transcription/text.h"

enum {
  MIN_PERIOD = 500 * TR_RATE / 1000,
  MAX_PERIOD = 2000 * TR_RATE / 1000,
  /* Interim text of one stream takes at most a quarter of a core: a decoding's time is waited for four times. */
  DECODE_SHARE = 4,
  MESSAGE_CAP = 1024 * 1024,
  ID_SIZE = 24
};

typedef Ponte__Transcription__V1__TranscriptionResult result_message;

static void *arena_alloc(void *ctx, size_t n) { return pb_arena_alloc(ctx, n); }

/* -- results ------------------------------------------------------------------------------------------------------- */

/* Fills in what every result carries and sends it; `start` names the segment, -1 without. */
static void send_result(tr_stream *s, result_message *r, int64_t start) {
  char id[ID_SIZE] = "";
  if (start >= 0) snprintf(id, sizeof id, "%" PRId64, tr_clock_sample(&s->clock, start));
  r->session_id = s->config.session_id;
  r->result_id = id;
  r->committed_end = tr_clock_sample(&s->clock, s->committed);
  s->sink->send(s->call, r);
}

static void send_progress(tr_stream *s) {
  Ponte__Transcription__V1__Progress progress = PONTE__TRANSCRIPTION__V1__PROGRESS__INIT;
  result_message r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_PROGRESS;
  r.progress = &progress;
  send_result(s, &r, -1);
}

static void send_speech_started(tr_stream *s, int64_t start) {
  Ponte__Transcription__V1__SpeechStarted started = PONTE__TRANSCRIPTION__V1__SPEECH_STARTED__INIT;
  started.sample = tr_clock_sample(&s->clock, start);
  result_message r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SPEECH_STARTED;
  r.speech_started = &started;
  send_result(s, &r, start);
}

static void send_utterance_end(tr_stream *s, int64_t start, int64_t end) {
  Ponte__Transcription__V1__UtteranceEnd ended = PONTE__TRANSCRIPTION__V1__UTTERANCE_END__INIT;
  ended.sample = tr_clock_sample(&s->clock, end);
  result_message r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_UTTERANCE_END;
  r.utterance_end = &ended;
  send_result(s, &r, start);
}

/* `stable` = bytes that will not change; the whole text and is_final when the segment is decided. */
static bool send_segment(tr_stream *s, int64_t start, int64_t end, const asr_result *text, bool is_final,
                         size_t stable) {
  pb_arena arena;
  pb_arena_init(&arena, MESSAGE_CAP);
  tr_allocator allocator = {arena_alloc, &arena};
  Ponte__Transcription__V1__Segment *segment = tr_segment_new(&allocator, &s->clock, start, end, text);
  if (segment) {
    size_t n = strlen(segment->text);
    if (!is_final) {
      segment->is_final = false;
      segment->stable_bytes = (uint32_t)stable;
      segment->stability = n ? (float)stable / (float)n : 0;
    }
    result_message r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
    r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT;
    r.segment = segment;
    send_result(s, &r, start);
  }
  pb_arena_dispose(&arena);
  return segment != NULL;
}

static void send_interim(tr_stream *s, int64_t start, int64_t end, const asr_result *text) {
  /* Results before this one are not out yet, or it says nothing new. */
  if (!s->config.interim || s->over || s->first_item || s->open_start != start || !text->text[0]) return;
  if (s->interim && strcmp(s->interim, text->text) == 0) return;
  char *copy = strdup(text->text);
  if (!copy) return;
  size_t stable = s->interim ? tr_text_stable(s->interim, text->text) : 0;
  if (send_segment(s, start, end, text, false, stable)) base_metric_add(&tr_interims, 1);
  free(s->interim);
  s->interim = copy;
}

/* -- decoding ------------------------------------------------------------------------------------------------------ */

static base_err decode(tr_stream *s, const float *samples, size_t count, asr_result *out, int64_t *us) {
  int64_t begin = base_now_us();
  base_err e = asr_decode(s->model, samples, count, out);
  *us = base_now_us() - begin;
  tr_meter_add(&s->context->meter, base_now_ms(), 0, *us);
  base_metric_observe(&tr_decode_seconds, (double)*us / 1e6);
  if (base_is_ok(e)) tr_text_clean(out->text);
  return e;
}

static void decode_free(tr_decode *d) {
  asr_result_dispose(&d->result);
  free(d->samples);
  free(d);
}

static void run_decode(void *ctx) {
  tr_decode *d = ctx;
  tr_stream *s = d->stream;
  int64_t us = 0;
  base_err e = decode(s, d->samples, d->count, &d->result, &us);
  pthread_mutex_lock(&s->lock);
  d->error = e;
  d->done = true;
  if (d->abandoned) {
    decode_free(d);
  } else {
    if (d == s->tentative && base_is_ok(e)) send_interim(s, d->start, d->end, &d->result);
    tr__out_drain(s);
    tr__stream_schedule(s);
  }
  pthread_mutex_unlock(&s->lock);
  tr__stream_unref(s);
}

static tr_decode *begin_decode(tr_stream *s, int64_t start, int64_t end, const float *samples) {
  tr_decode *d = calloc(1, sizeof *d);
  size_t count = (size_t)(end - start);
  if (d) d->samples = malloc(count * sizeof *samples);
  if (!d || !d->samples) {
    free(d);
    return NULL;
  }
  memcpy(d->samples, samples, count * sizeof *samples);
  d->count = count;
  d->start = start;
  d->end = end;
  d->stream = s;
  d->job = (tr_job){.run = run_decode, .ctx = d};
  tr__stream_ref(s);
  tr_pool_add(s->context->decoders, &d->job, TR_FIRST);
  return d;
}

/* The caller of all this holds a reference of its own, so the decode's is never the last. */
static void abandon(tr_stream *s, tr_decode *d) {
  if (!d) return;
  if (d->done) {
    decode_free(d);
  } else if (tr_pool_cancel(s->context->decoders, &d->job)) {
    decode_free(d);
    atomic_fetch_sub(&s->references, 1);
  } else {
    d->abandoned = true;
  }
}

static void run_partial(void *ctx) {
  tr_stream *s = ctx;
  pthread_mutex_lock(&s->lock);
  float *samples = s->partial_samples;
  size_t count = s->partial_count;
  int64_t start = s->partial_start;
  s->partial_samples = NULL;
  bool wanted = samples && !s->over && s->open_start == start && !s->tentative;
  s->partial_state = wanted ? TR_PARTIAL_RUNNING : TR_PARTIAL_IDLE;
  pthread_mutex_unlock(&s->lock);
  if (wanted) {
    asr_result r = {0};
    int64_t us = 0;
    base_err e = decode(s, samples, count, &r, &us);
    pthread_mutex_lock(&s->lock);
    s->partial_state = TR_PARTIAL_IDLE;
    int64_t period = DECODE_SHARE * us * TR_RATE / 1000000;
    s->partial_period = period < MIN_PERIOD ? MIN_PERIOD : period > MAX_PERIOD ? MAX_PERIOD : period;
    if (base_is_ok(e)) send_interim(s, start, start + (int64_t)count, &r);
    pthread_mutex_unlock(&s->lock);
    asr_result_dispose(&r);
  } else {
    base_metric_add(&tr_stale, 1);
  }
  free(samples);
  tr__stream_unref(s);
}

void tr__out_partial(tr_stream *s, const float *samples, int64_t start, int64_t end) {
  if (s->partial_period == 0) s->partial_period = MIN_PERIOD;
  bool busy = s->partial_state != TR_PARTIAL_IDLE;
  if (busy) {
    int64_t slower = 2 * s->partial_period;
    s->partial_period = slower > MAX_PERIOD ? MAX_PERIOD : slower;
  }
  if (s->partial_state == TR_PARTIAL_RUNNING) return;
  size_t count = (size_t)(end - start);
  float *copy = malloc(count * sizeof *copy);
  if (!copy) return; /* interim text is what can be done without */
  memcpy(copy, samples, count * sizeof *copy);
  if (s->partial_samples) base_metric_add(&tr_stale, 1);
  free(s->partial_samples);
  s->partial_samples = copy;
  s->partial_count = count;
  s->partial_start = start;
  if (busy) return;
  s->partial_state = TR_PARTIAL_QUEUED;
  s->partial_job = (tr_job){.run = run_partial, .ctx = s};
  tr__stream_ref(s);
  tr_pool_add(s->context->decoders, &s->partial_job, s->interim ? TR_THIRD : TR_SECOND);
}

static void cancel_partial(tr_stream *s) {
  if (s->partial_state != TR_PARTIAL_QUEUED || !tr_pool_cancel(s->context->decoders, &s->partial_job)) return;
  s->partial_state = TR_PARTIAL_IDLE;
  free(s->partial_samples);
  s->partial_samples = NULL;
  base_metric_add(&tr_stale, 1);
  atomic_fetch_sub(&s->references, 1);
}

/* -- the order ----------------------------------------------------------------------------------------------------- */

static void out_of_memory(tr_stream *s) {
  rpc_error error =
      rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "the server is out of memory: resume elsewhere or later");
  tr__stream_finish(s, &error);
}

static void add_item(tr_stream *s, const tr_event *e, tr_decode *d) {
  tr_item *item = calloc(1, sizeof *item);
  if (!item) {
    abandon(s, d);
    out_of_memory(s);
    return;
  }
  item->event = *e;
  item->decode = d;
  *(s->last_item ? &s->last_item->next : &s->first_item) = item;
  s->last_item = item;
}

static void close_segment(tr_stream *s, const tr_event *e, const float *samples) {
  tr_decode *d = s->tentative;
  s->tentative = NULL;
  if (d && (d->start != e->start || d->end != e->end)) {
    abandon(s, d);
    d = NULL;
  }
  if (!d) d = begin_decode(s, e->start, e->end, samples);
  if (!d) {
    out_of_memory(s);
    return;
  }
  s->open_start = -1;
  cancel_partial(s);
  s->pending_finals++;
  add_item(s, e, d);
}

void tr__out_event(tr_stream *s, const tr_event *e, const float *samples) {
  switch (e->kind) {
  case TR_SPEECH:
    s->open_start = e->start;
    s->partial_period = MIN_PERIOD;
    add_item(s, e, NULL);
    break;
  case TR_TENTATIVE:
    s->tentative = begin_decode(s, e->start, e->end, samples); /* without memory the final is decoded when it is due */
    break;
  case TR_RESUMED:
    abandon(s, s->tentative);
    s->tentative = NULL;
    break;
  case TR_FINAL: close_segment(s, e, samples); break;
  case TR_PROGRESS: add_item(s, e, NULL); break;
  case TR_NOTHING: break;
  }
  tr__out_drain(s);
}

static void send_final(tr_stream *s, const tr_item *item) {
  const tr_decode *d = item->decode;
  assert(d);
  s->pending_finals--;
  if (!base_is_ok(d->error)) {
    BASE_LOG(BASE_LOG_ERROR, "decoding failed", LOG_STR("error", base_err_name(d->error)));
    rpc_error error = rpc_error_of(RPC_REASON_ENGINE_FAILED, NULL, "the engine failed: resume from committed_end");
    tr__stream_finish(s, &error);
    return;
  }
  s->committed = item->event.commit;
  /* Noise may wake the detector and hold no words. An interim text that was shown must be taken back, though. */
  if (d->result.text[0] || s->interim) {
    base_metric_add(&tr_finals, 1);
    if (!send_segment(s, d->start, d->end, &d->result, true, 0)) {
      out_of_memory(s);
      return;
    }
  } else {
    send_progress(s);
  }
  if (!item->event.cut) send_utterance_end(s, d->start, d->end);
}

void tr__out_drain(tr_stream *s) {
  while (!s->over && s->first_item) {
    tr_item *item = s->first_item;
    if (item->decode && !item->decode->done) return;
    s->first_item = item->next;
    if (!s->first_item) s->last_item = NULL;
    if (item->event.kind == TR_SPEECH) {
      send_speech_started(s, item->event.start);
    } else if (item->event.kind == TR_PROGRESS) {
      s->committed = item->event.commit;
      send_progress(s);
    } else {
      send_final(s, item);
    }
    if (item->event.kind != TR_PROGRESS) {
      free(s->interim);
      s->interim = NULL;
    }
    if (item->decode) decode_free(item->decode);
    free(item);
  }
  if (!s->over && s->input_done) tr__stream_finish(s, NULL);
}

void tr__out_clear(tr_stream *s) {
  while (s->first_item) {
    tr_item *item = s->first_item;
    s->first_item = item->next;
    abandon(s, item->decode);
    free(item);
  }
  s->last_item = NULL;
  abandon(s, s->tentative);
  s->tentative = NULL;
  cancel_partial(s);
}
