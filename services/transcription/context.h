/* context.h - what all streams and calls of the transcription service share.
 *
 * Made once, outlives everything in it. Any thread.
 */
#ifndef PONTE_TRANSCRIPTION_CONTEXT_H
#define PONTE_TRANSCRIPTION_CONTEXT_H

#include <pthread.h>

#include "transcription/meter.h"
#include "transcription/models.h"
#include "transcription/pool.h"

struct tr_stream;

typedef struct {
  const char *model_directory;
  const asr_engine *engine;
  const char *default_model; /* NULL: the first by name */
  unsigned decode_threads;   /* 0: one a core */
  unsigned max_streams;      /* 0: 8 a core */
  size_t max_batch_bytes;    /* 0: 16 MiB */
  const char *version;
} tr_options;

typedef struct {
  tr_models *models;
  tr_pool *decoders; /* text */
  tr_pool *feeders;  /* audio and detector: short jobs that must not wait behind a decoding */
  tr_meter meter;
  unsigned max_streams;
  size_t max_batch_bytes;
  const char *version;
  int64_t started_ms;
  pthread_mutex_t list_lock; /* comes before a stream's lock, which comes before `lock` */
  struct tr_stream *streams; /* guarded by list_lock: all calls, also those that said nothing yet */
  pthread_mutex_t lock;
  unsigned active_streams; /* guarded by lock, as all below; streams with a configuration: these hold a place */
  bool draining;
} tr_context;

/* Loads the default model. Errors of tr_models_open and tr_models_get with the reason. */
base_err tr_context_new(const tr_options *options, tr_context **out, char why[ASR_WHY_SIZE]) BASE_MUST_USE;
/* After the last stream and call ended. NULL is allowed. */
void tr_context_free(tr_context *c);
/* From now on new streams are refused with SHUTTING_DOWN. */
void tr_context_drain(tr_context *c);
unsigned tr_context_active(tr_context *c);

#endif
