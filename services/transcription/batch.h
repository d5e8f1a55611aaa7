/* batch.h - TranscribeAudio: one recording, cut by the rules of live streams and decoded on all cores. Blocks; any thread. */
#ifndef PONTE_TRANSCRIPTION_BATCH_H
#define PONTE_TRANSCRIPTION_BATCH_H

#include "ponte/transcription/v1/transcription.pb-c.h"
#include "rpc/error.h"
#include "transcription/context.h"
#include "transcription/result.h"

/* Longer recordings go through the stream: Opus can pack days into a few bytes. */
enum { TR_BATCH_MAX_SECONDS = 60 * 60 };

typedef struct {
  tr_allocator memory;             /* of the answer */
  bool (*is_cancelled)(void *ctx); /* asked now and then */
  void *ctx;
} tr_batch_caller;

/* Fills in *response, whose parts live in the caller's memory. False with *error set. */
bool tr_batch_run(tr_context *context, const Ponte__Transcription__V1__AudioData *request,
                  const tr_batch_caller *caller, Ponte__Transcription__V1__TranscriptionResult *response,
                  rpc_error *error);

#endif
