#include "transcription/batch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "transcription/config.h"
#include "transcription/counters.h"
#include "transcription/file.h"
#include "transcription/resample.h"
#include "transcription/text.h"
#include "transcription/track.h"

enum { MAX_WAITING = 16, BLOCKS_A_SECOND = 4 };

typedef struct part {
  struct part *next; /* in the order of the audio */
  struct batch *batch;
  tr_job job;
  float *samples;
  int64_t start, end;
  asr_result result;
  base_err error;
  bool done; /* guarded by the batch's lock */
} part;

typedef struct batch {
  tr_context *context;
  const tr_batch_caller *caller;
  rpc_error *error;
  /* The recording: a file, or PCM that `audio`'s format describes. */
  tr_file *file;
  base_span pcm;
  tr_format format;
  uint32_t rate;
  int64_t length; /* samples at `rate` read so far */
  asr_model *model;
  asr_vad *vad;
  tr_track *track;
  tr_resampler *resampler;
  part *first, *last;
  size_t parts;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  size_t waiting; /* guarded by lock: parts not done */
} batch;

static bool refuse(batch *b, rpc_error e) {
  *b->error = e;
  return false;
}

static bool out_of_memory(batch *b) {
  return refuse(b, rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "the server is out of memory: try again later"));
}

/* -- the recording ------------------------------------------------------------------------------------------------- */

static bool open_pcm(batch *b, const Ponte__Transcription__V1__AudioData *in) {
  b->format = (tr_format){TR_CODEC_PCM16, in->sample_rate_hz, in->channels ? in->channels : 1};
  if (!tr_format_has_rate(&b->format)) {
    return refuse(b, rpc_error_of(RPC_REASON_INVALID_FIELD, "sample_rate_hz",
                                  "the sample rate is %" PRIu32 ", but must be 8000 to 48000", in->sample_rate_hz));
  }
  if (b->format.channels > 2) {
    return refuse(b, rpc_error_of(RPC_REASON_INVALID_FIELD, "channels",
                                  "there are %" PRIu32 " channels, but 1 or 2 can be", in->channels));
  }
  size_t sample_bytes = (size_t)2 * b->format.channels;
  if (in->data.len == 0 || in->data.len % sample_bytes != 0) {
    return refuse(
        b, rpc_error_of(RPC_REASON_MALFORMED_AUDIO, "data", "PCM16 is made of whole 16-bit samples of all channels"));
  }
  b->pcm = base_span_of(in->data.data, in->data.len);
  b->rate = in->sample_rate_hz;
  return true;
}

static bool open_file(batch *b, const Ponte__Transcription__V1__AudioData *in) {
  base_span bytes = base_span_of(in->data.data, in->data.len);
  enum tr_container is = tr_file_sniff(bytes), want = TR_FILE_UNKNOWN;
  if (in->codec == PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_WAV) want = TR_FILE_WAV;
  if (in->codec == PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OGG_OPUS) want = TR_FILE_OGG_OPUS;
  base_err e = want != TR_FILE_UNKNOWN && is != want ? base_fail(BASE_E_MALFORMED) : tr_file_open(bytes, &b->file);
  if (base_is(e, BASE_E_NO_MEMORY)) return out_of_memory(b);
  if (base_is(e, BASE_E_UNIMPLEMENTED)) {
    return refuse(b, rpc_error_of(RPC_REASON_MALFORMED_AUDIO, "data",
                                  "the recording's coding is not known here: send 1 or 2 channels of 8 to 192 kHz, PCM "
                                  "or float in WAV, or Ogg Opus"));
  }
  if (!base_is_ok(e)) {
    return refuse(b, rpc_error_of(RPC_REASON_MALFORMED_AUDIO, "data", "the bytes are no %s",
                                  want == TR_FILE_WAV ? "WAV file"
                                  : want == TR_FILE_OGG_OPUS
                                      ? "Ogg Opus file"
                                      : "WAV or Ogg Opus file; raw samples need codec AUDIO_CODEC_PCM16"));
  }
  b->rate = tr_file_rate(b->file);
  return true;
}

static bool open_recording(batch *b, const Ponte__Transcription__V1__AudioData *in) {
  if (in->data.len > b->context->max_batch_bytes) {
    return refuse(
        b, rpc_error_of(RPC_REASON_TOO_LARGE, "data",
                        "the recording has %zu bytes, and %zu are allowed: send it through TranscribeAudioStream",
                        in->data.len, b->context->max_batch_bytes));
  }
  switch ((int)in->codec) {
  case PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16: return open_pcm(b, in);
  case PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_UNSPECIFIED:
  case PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_WAV:
  case PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OGG_OPUS: return open_file(b, in);
  default:
    return refuse(b, rpc_error_of(RPC_REASON_INVALID_FIELD, "codec",
                                  "a recording is AUDIO_CODEC_WAV, AUDIO_CODEC_OGG_OPUS or AUDIO_CODEC_PCM16; Opus "
                                  "packets go to TranscribeAudioStream"));
  }
}

static size_t read_pcm(batch *b, float *mono, size_t count) {
  size_t n = 0, channels = b->format.channels;
  while (n < count && b->pcm.n >= 2 * channels) {
    float sum = 0;
    for (size_t c = 0; c < channels; c++)
      sum += (float)(int16_t)(uint16_t)(b->pcm.p[2 * c] | b->pcm.p[2 * c + 1] << 8) / 32768.0f;
    mono[n++] = sum / (float)channels;
    b->pcm = base_span_of(b->pcm.p + 2 * channels, b->pcm.n - 2 * channels);
  }
  return n;
}

/* -- decoding ------------------------------------------------------------------------------------------------------ */

static void run_part(void *ctx) {
  part *p = ctx;
  batch *b = p->batch;
  int64_t begin = base_now_us();
  base_err e = asr_decode(b->model, p->samples, (size_t)(p->end - p->start), &p->result);
  int64_t us = base_now_us() - begin;
  if (base_is_ok(e)) tr_text_clean(p->result.text);
  tr_meter_add(&b->context->meter, base_now_ms(), 0, us);
  base_metric_observe(&tr_decode_seconds, (double)us / 1e6);
  pthread_mutex_lock(&b->lock);
  p->error = e;
  p->done = true;
  b->waiting--;
  pthread_cond_signal(&b->changed);
  pthread_mutex_unlock(&b->lock); /* the batch may be gone from here on */
}

/* Until at most so many parts are not done. */
static void wait_for_parts(batch *b, size_t at_most) {
  pthread_mutex_lock(&b->lock);
  while (b->waiting > at_most)
    pthread_cond_wait(&b->changed, &b->lock);
  pthread_mutex_unlock(&b->lock);
}

static bool add_part(batch *b, const tr_event *e, const float *samples) {
  size_t size = (size_t)(e->end - e->start) * sizeof *samples;
  part *p = calloc(1, sizeof *p);
  if (p) p->samples = malloc(size);
  if (!p || !p->samples) {
    free(p);
    return out_of_memory(b);
  }
  memcpy(p->samples, samples, size);
  p->batch = b;
  p->start = e->start;
  p->end = e->end;
  p->job = (tr_job){.run = run_part, .ctx = p};
  *(b->last ? &b->last->next : &b->first) = p;
  b->last = p;
  b->parts++;
  wait_for_parts(b, MAX_WAITING);
  pthread_mutex_lock(&b->lock);
  b->waiting++;
  pthread_mutex_unlock(&b->lock);
  /* Behind what live speakers wait for. */
  tr_pool_add(b->context->decoders, &p->job, TR_THIRD);
  return true;
}

static bool take_events(batch *b) {
  tr_event e;
  while (tr_track_next(b->track, &e)) {
    if (e.kind == TR_FINAL && !add_part(b, &e, tr_track_samples(b->track, e.start))) return false;
  }
  return true;
}

static bool push(batch *b, base_err e, const float *samples, size_t count) {
  if (base_is_ok(e)) e = tr_track_push(b->track, samples, count);
  if (!base_is_ok(e)) return out_of_memory(b);
  tr_meter_add(&b->context->meter, base_now_ms(), (int64_t)count, 0);
  base_metric_add(&tr_audio_samples, (int64_t)count);
  return true;
}

static bool read_all(batch *b) {
  size_t block = b->rate / BLOCKS_A_SECOND, count = 0, n = 0;
  float *mono = malloc(block * sizeof *mono);
  if (!mono) return out_of_memory(b);
  bool ok = true;
  const float *samples = NULL;
  while (ok && (n = b->file ? tr_file_read(b->file, mono, block) : read_pcm(b, mono, block)) > 0) {
    b->length += (int64_t)n;
    if (b->caller->is_cancelled(b->caller->ctx)) {
      ok = refuse(b, rpc_error_of(RPC_REASON_INTERNAL, NULL, "the caller went away"));
    } else if (b->length > (int64_t)b->rate * TR_BATCH_MAX_SECONDS) {
      ok = refuse(b, rpc_error_of(RPC_REASON_TOO_LARGE, "data",
                                  "the recording is longer than an hour: send it through TranscribeAudioStream"));
    } else {
      base_err e = tr_resampler_push(b->resampler, mono, n, &samples, &count);
      ok = push(b, e, samples, count) && take_events(b);
    }
  }
  free(mono);
  if (!ok) return false;
  base_err e = tr_resampler_finish(b->resampler, &samples, &count);
  if (!push(b, e, samples, count)) return false;
  tr_track_finish(b->track);
  return take_events(b);
}

/* -- the answer ---------------------------------------------------------------------------------------------------- */

static void *take(batch *b, size_t n) { return b->caller->memory.alloc(b->caller->memory.ctx, n); }

/* Non-empty texts become segments. */
static bool add_segments(batch *b, Ponte__Transcription__V1__Transcript *t, size_t *text_size) {
  tr_clock clock = {.rate = b->rate, .end_16k = tr_track_end(b->track), .end = b->length};
  t->segments = take(b, (b->parts + 1) * sizeof *t->segments);
  if (!t->segments) return out_of_memory(b);
  for (const part *p = b->first; p; p = p->next) {
    if (!base_is_ok(p->error)) {
      BASE_LOG(BASE_LOG_ERROR, "decoding failed", LOG_STR("error", base_err_name(p->error)));
      return refuse(b, rpc_error_of(RPC_REASON_ENGINE_FAILED, NULL, "the engine failed: try again"));
    }
    if (!p->result.text[0]) continue;
    Ponte__Transcription__V1__Segment *s = tr_segment_new(&b->caller->memory, &clock, p->start, p->end, &p->result);
    if (!s) return out_of_memory(b);
    t->segments[t->n_segments++] = s;
    *text_size += strlen(s->text) + 1;
  }
  return true;
}

static bool answer(batch *b, Ponte__Transcription__V1__TranscriptionResult *out) {
  Ponte__Transcription__V1__Transcript *t = take(b, sizeof *t);
  if (!t) return out_of_memory(b);
  ponte__transcription__v1__transcript__init(t);
  size_t size = 1, n = 0;
  if (!add_segments(b, t, &size)) return false;
  t->text = take(b, size);
  if (!t->text) return out_of_memory(b);
  for (size_t i = 0; i < t->n_segments; i++) {
    size_t len = strlen(t->segments[i]->text);
    if (i > 0) t->text[n++] = ' ';
    memcpy(t->text + n, t->segments[i]->text, len);
    n += len;
  }
  t->text[n] = '\0';
  tr_clock clock = {.rate = b->rate};
  t->sample_rate_hz = b->rate;
  t->duration_ms = tr_clock_ms(&clock, b->length);
  out->committed_end = b->length;
  out->result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_TRANSCRIPT;
  out->transcript = t;
  return true;
}

static bool open_engine(batch *b, size_t model) {
  char why[ASR_WHY_SIZE];
  tr_rules rules = tr_rules_for_rate(b->rate);
  base_err e = tr_models_get(b->context->models, model, &b->model, why);
  if (base_is_ok(e)) e = asr_vad_open(b->model, &b->vad);
  if (base_is_ok(e)) e = tr_track_new(&rules, b->vad, &b->track);
  if (base_is_ok(e)) e = tr_resampler_new(b->rate, 0, &b->resampler);
  if (base_is_ok(e)) return true;
  BASE_LOG(BASE_LOG_ERROR, "batch cannot begin", LOG_STR("error", base_err_name(e)), LOG_STR("reason", why));
  return refuse(b, rpc_error_of(RPC_REASON_ENGINE_FAILED, NULL, "the model cannot be used: %.160s",
                                why[0] ? why : base_err_text(e)));
}

static void dispose(batch *b) {
  wait_for_parts(b, 0);
  while (b->first) {
    part *p = b->first;
    b->first = p->next;
    asr_result_dispose(&p->result);
    free(p->samples);
    free(p);
  }
  tr_resampler_free(b->resampler);
  tr_track_free(b->track);
  asr_vad_close(b->vad);
  tr_file_free(b->file);
  pthread_cond_destroy(&b->changed);
  pthread_mutex_destroy(&b->lock);
}

bool tr_batch_run(tr_context *context, const Ponte__Transcription__V1__AudioData *request,
                  const tr_batch_caller *caller, Ponte__Transcription__V1__TranscriptionResult *response,
                  rpc_error *error) {
  batch b = {.context = context, .caller = caller, .error = error};
  pthread_mutex_init(&b.lock, NULL);
  pthread_cond_init(&b.changed, NULL);
  size_t model = 0;
  bool ok = tr_config_model(context->models, false, request->model, request->language, &model, error) &&
            open_recording(&b, request) && open_engine(&b, model) && read_all(&b);
  wait_for_parts(&b, 0);
  ok = ok && answer(&b, response);
  dispose(&b);
  base_metric_add(&tr_batches, 1);
  return ok;
}
