/* stream_internal.h - the stream's parts, shared by stream.c (life and input), stream_feed.c (audio to segments) and stream_out.c (segments to
 * results). Fields say who may touch them. Functions named tr__ are called with the lock held unless they say otherwise. */
#ifndef PONTE_TRANSCRIPTION_STREAM_INTERNAL_H
#define PONTE_TRANSCRIPTION_STREAM_INTERNAL_H

#include <stdatomic.h>

#include "transcription/config.h"
#include "transcription/result.h"
#include "transcription/stream.h"
#include "transcription/track.h"

/* A segment being decoded. It belongs to the decoder pool until `done`, then to the stream; `abandoned` ones free themselves. */
typedef struct {
  tr_job job;
  tr_stream *stream; /* holds a reference while queued or running */
  float *samples;
  size_t count;
  int64_t start, end;
  asr_result result;
  base_err error;
  bool done, abandoned;
} tr_decode;

/* What was decided about the audio, in its order; results leave when all before them are known. */
typedef struct tr_item {
  struct tr_item *next;
  tr_event event;
  tr_decode *decode; /* TR_FINAL only */
} tr_item;

typedef struct tr_frame {
  struct tr_frame *next;
  size_t size;
  uint8_t bytes[];
} tr_frame;

struct tr_stream {
  tr_context *context;
  const tr_stream_sink *sink;
  void *call;
  atomic_int references;
  tr_stream *next, *previous; /* in context->streams, guarded by its list_lock */

  /* The thread of the callbacks only. */
  bool configured; /* and thereby holds a place */
  tr_position position;

  /* Written before the first frame is queued, then constant. */
  tr_config config;
  tr_rules rules;

  pthread_mutex_t lock; /* guards all below */
  bool over;            /* finished or ended: nothing leaves any more */
  bool half_closed, input_done, paused, feeding;
  tr_frame *first_frame, *last_frame;
  size_t waiting_bytes;
  unsigned waiting_frames;
  uint32_t lead;
  int64_t end; /* of the audio, at the client's rate, once half-closed */
  tr_clock clock;
  tr_item *first_item, *last_item;
  unsigned pending_finals;
  int64_t committed;    /* 16 kHz: what results say of it */
  int64_t open_start;   /* of the segment that runs; -1 without */
  tr_decode *tentative; /* of the pause that may end it; NULL without */
  char *interim;        /* last interim text sent of it; NULL without */
  tr_job partial_job;
  enum { TR_PARTIAL_IDLE, TR_PARTIAL_QUEUED, TR_PARTIAL_RUNNING } partial_state;
  float *partial_samples; /* what the queued job will decode; replaced by newer audio until it starts */
  size_t partial_count;
  int64_t partial_start;
  int64_t partial_period; /* samples between interim results: grows under load */

  /* The feeder only; one job at a time. */
  tr_job feed_job;
  tr_audio *audio;
  asr_model *model; /* others read it after the first segment */
  asr_vad *vad;
  tr_track *track;
  int64_t next_partial;
};

/* Any state of the lock. */
void tr__stream_ref(tr_stream *s);
void tr__stream_unref(tr_stream *s); /* not with the lock */
/* Finishes the call, once, and drops all that waits. */
void tr__stream_finish(tr_stream *s, const rpc_error *error);
/* Gives the feeder work if there is any and nothing stands in its way. */
void tr__stream_schedule(tr_stream *s);
/* Whether the feeder has to wait: for decodings, or for the client to read. */
bool tr__stream_is_stalled(const tr_stream *s);
void tr__stream_feed(void *stream); /* the feeder's job; without the lock */

/* An event of the track; samples are those of start..end where the kind has them. */
void tr__out_event(tr_stream *s, const tr_event *e, const float *samples);
/* Interim text for start..end of the open segment is due. */
void tr__out_partial(tr_stream *s, const float *samples, int64_t start, int64_t end);
/* Sends what can be sent. */
void tr__out_drain(tr_stream *s);
/* Drops all items and decodings. */
void tr__out_clear(tr_stream *s);

#endif
