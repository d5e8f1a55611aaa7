/* counters.h - the service's metrics; base/metrics.h says how they are used. */
#ifndef PONTE_TRANSCRIPTION_COUNTERS_H
#define PONTE_TRANSCRIPTION_COUNTERS_H

#include "base/metrics.h"

extern base_metric tr_streams, tr_refused, tr_audio_samples, tr_finals, tr_interims, tr_stale, tr_batches,
    tr_decode_seconds;

/* Once, at start-up. */
void tr_counters_register(void);

#endif
