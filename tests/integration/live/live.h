/* live.h - test code only: streams of the transcription service as the generated C client sends them, any number in one loop.
 *
 * One thread. A stream sends its audio as fast as it is taken, or paced; live_run() turns the loop until all streams have their status.
 */
#ifndef PONTE_TESTS_LIVE_LIVE_H
#define PONTE_TESTS_LIVE_LIVE_H

#include "ponte/transcription/v1/transcription.ponte.h"
#include "rpc_testing/loop.h"

typedef struct {
  Ponte__Transcription__V1__TranscriptionResult__ResultCase kind;
  int64_t committed, start, end; /* samples; start..end of segments, start alone of events */
  bool is_final;
  char *text; /* of segments; else NULL */
  double at;  /* seconds since the stream began to send */
} live_result;

typedef struct {
  /* Set by the caller; the audio is borrowed. */
  const int16_t *pcm; /* mono */
  int64_t count;
  uint32_t rate;
  int64_t resume; /* send from here on, with 80 ms before it */
  bool opus;      /* 20 ms packets of 24 kb/s; rate must be one of Opus */
  bool interim;
  double pace;    /* seconds of audio a second; 0: as fast as it is taken */
  bool keep_open; /* do not half-close: the caller cancels `call` */
  /* Filled in. */
  live_result *results;
  size_t result_count;
  bool done;
  int code;
  char message[256], reason[64], field[128];
  int64_t retry_ms;
  ponte_call *call;
  struct {
    uint8_t *bytes;
    size_t size;
  } * packets;
  int64_t packet_count, at;
  uint64_t sequence;
  bool closed;
  double began;
} live_stream;

void live_dispose(live_stream *s);
/* Opens all, sends, waits for the statuses. False when a deadline passed. */
bool live_run(test_loop *l, live_stream *streams, size_t count);
/* The parts of it. */
base_err live_open(test_loop *l, live_stream *s) BASE_MUST_USE;
void live_feed(live_stream *s);
/* A chunk of the caller's own on an open stream. */
void live_send_config(live_stream *s, Ponte__Transcription__V1__StreamConfig *c);
void live_send_frame(live_stream *s, uint64_t sequence, int64_t start, const void *bytes, size_t size);
/* Final texts from sample `after` on, with blanks between; NULL when out of memory; the caller frees. With `ranges`, "start-end text|...". */
char *live_text(const live_stream *s, int64_t after, bool ranges);
double live_now(void);

/* A WAV file of human speech or what fake engines hear, as 16-bit mono; NULL when it cannot be read. The caller frees. */
int16_t *live_wav(const char *path, int64_t *count, uint32_t *rate);

#endif
