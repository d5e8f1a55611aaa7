#include "transcription/context.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { STREAMS_A_CORE = 8, FEEDERS = 1, DEFAULT_BATCH_BYTES = 16 * 1024 * 1024 };

static base_err load_default(tr_context *c, char why[ASR_WHY_SIZE]) {
  size_t index = 0;
  asr_model *model = NULL;
  return tr_models_find(c->models, "", &index) ? tr_models_get(c->models, index, &model, why)
                                               : base_fail(BASE_E_NOT_FOUND);
}

base_err tr_context_new(const tr_options *options, tr_context **out, char why[ASR_WHY_SIZE]) {
  why[0] = '\0';
  tr_context *c = calloc(1, sizeof *c);
  if (!c) return base_fail(BASE_E_NO_MEMORY);
  pthread_mutex_init(&c->list_lock, NULL);
  pthread_mutex_init(&c->lock, NULL);
  tr_meter_init(&c->meter);
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  c->max_streams = options->max_streams ? options->max_streams : STREAMS_A_CORE * (cores > 0 ? (unsigned)cores : 1);
  c->max_batch_bytes = options->max_batch_bytes ? options->max_batch_bytes : DEFAULT_BATCH_BYTES;
  c->version = options->version;
  c->started_ms = base_now_ms();
  base_err e = tr_models_open(options->model_directory, options->engine, options->default_model, &c->models, why);
  if (base_is_ok(e)) e = load_default(c, why);
  if (base_is_ok(e)) e = tr_pool_new("decode", options->decode_threads, &c->decoders);
  if (base_is_ok(e)) e = tr_pool_new("feed", FEEDERS, &c->feeders);
  if (!base_is_ok(e)) {
    tr_context_free(c);
    return e;
  }
  *out = c;
  return BASE_OK;
}

void tr_context_free(tr_context *c) {
  if (!c) return;
  /* Feeders give work to decoders and decoders to feeders; both are idle once the last stream has ended. */
  tr_pool_free(c->feeders);
  tr_pool_free(c->decoders);
  tr_models_free(c->models);
  tr_meter_dispose(&c->meter);
  pthread_mutex_destroy(&c->lock);
  pthread_mutex_destroy(&c->list_lock);
  free(c);
}

void tr_context_drain(tr_context *c) {
  pthread_mutex_lock(&c->lock);
  c->draining = true;
  pthread_mutex_unlock(&c->lock);
}

unsigned tr_context_active(tr_context *c) {
  pthread_mutex_lock(&c->lock);
  unsigned n = c->active_streams;
  pthread_mutex_unlock(&c->lock);
  return n;
}
