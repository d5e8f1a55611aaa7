/* meter.h - how fast decoding is, over the last minute. Any thread; time is an argument. */
#ifndef PONTE_TRANSCRIPTION_METER_H
#define PONTE_TRANSCRIPTION_METER_H

#include <pthread.h>
#include <stdint.h>

enum { TR_METER_SECONDS = 60 };

/* Plain; owned by whoever holds it. */
typedef struct {
  pthread_mutex_t lock;
  struct {
    int64_t second, audio_samples, decode_us;
  } slots[TR_METER_SECONDS];
} tr_meter;

void tr_meter_init(tr_meter *m);
void tr_meter_dispose(tr_meter *m);
/* 16 kHz samples that came in, and time that decoding took. */
void tr_meter_add(tr_meter *m, int64_t now_ms, int64_t audio_samples, int64_t decode_us);
/* Decoding time divided by audio time; 0 without audio. */
double tr_meter_factor(tr_meter *m, int64_t now_ms);

#endif
