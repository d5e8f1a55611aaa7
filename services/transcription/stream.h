/* stream.h - one live transcription: chunks in, results out.
 *
 * Messages are checked where they arrive and queued; a thread of the feeder pool turns frames into segments; the decoder pool turns these into
 * text; results leave in the order of the audio. docs/transcription.md draws it.
 *
 * Threads: tr_stream_message, _half_close, _writable and _end come one at a time and do not block. The sink is called on any thread, one call at a
 * time, under the stream's lock, and never after tr_stream_end() returned; it must not call back.
 */
#ifndef PONTE_TRANSCRIPTION_STREAM_H
#define PONTE_TRANSCRIPTION_STREAM_H

#include "ponte/transcription/v1/transcription.pb-c.h"
#include "rpc/error.h"
#include "transcription/context.h"

typedef struct tr_stream tr_stream;

typedef struct {
  void (*send)(void *call, const Ponte__Transcription__V1__TranscriptionResult *result);
  /* Bytes sent that still wait. */
  size_t (*queued)(void *call);
  /* NULL: OK. At most once; nothing is sent after it. */
  void (*finish)(void *call, const rpc_error *error);
  /* Stops and resumes messages. */
  void (*pause)(void *call, bool paused);
} tr_stream_sink;

enum {
  TR_SINK_HIGH = 256 * 1024,  /* so much waiting to be sent, and the stream stands still until tr_stream_writable() */
  TR_INPUT_HIGH = 256 * 1024, /* so much audio waiting, and the call is paused */
  TR_INPUT_HIGH_FRAMES = 128,
  TR_RETRY_MS = 2000 /* the hint to a client that finds no room */
};

/* False, and the call is finished with the reason, when there is no room. The stream takes one of the limited places when its configuration is
 * accepted, and is refused there if the last one is gone by then. `sink` outlives the stream. */
bool tr_stream_begin(tr_context *context, const tr_stream_sink *sink, void *call, tr_stream **out);
void tr_stream_message(tr_stream *s, const Ponte__Transcription__V1__AudioChunk *chunk);
void tr_stream_half_close(tr_stream *s);
void tr_stream_writable(tr_stream *s);
/* The call is over, for whatever reason: what waits is dropped at once, what runs is when it ends. Frees the stream. */
void tr_stream_end(tr_stream *s);
/* Any thread: finishes all streams of the context with this error. */
void tr_streams_stop(tr_context *context, const rpc_error *error);

#endif
