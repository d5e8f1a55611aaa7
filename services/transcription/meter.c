#include "transcription/meter.h"

#include <string.h>

#include "asr/asr.h"

void tr_meter_init(tr_meter *m) {
  memset(m->slots, 0, sizeof m->slots);
  pthread_mutex_init(&m->lock, NULL);
}

void tr_meter_dispose(tr_meter *m) { pthread_mutex_destroy(&m->lock); }

void tr_meter_add(tr_meter *m, int64_t now_ms, int64_t audio_samples, int64_t decode_us) {
  int64_t second = now_ms / 1000;
  pthread_mutex_lock(&m->lock);
  size_t i = (size_t)(second % TR_METER_SECONDS);
  if (m->slots[i].second != second) {
    m->slots[i].second = second;
    m->slots[i].audio_samples = m->slots[i].decode_us = 0;
  }
  m->slots[i].audio_samples += audio_samples;
  m->slots[i].decode_us += decode_us;
  pthread_mutex_unlock(&m->lock);
}

double tr_meter_factor(tr_meter *m, int64_t now_ms) {
  int64_t oldest = now_ms / 1000 - TR_METER_SECONDS + 1, samples = 0, us = 0;
  pthread_mutex_lock(&m->lock);
  for (size_t i = 0; i < TR_METER_SECONDS; i++) {
    if (m->slots[i].second < oldest) continue;
    samples += m->slots[i].audio_samples;
    us += m->slots[i].decode_us;
  }
  pthread_mutex_unlock(&m->lock);
  return samples == 0 ? 0 : (double)us / 1e6 / ((double)samples / ASR_SAMPLE_RATE);
}
