#include "transcription/counters.h"

static const double decode_bounds[] = {0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 0};

base_metric tr_streams = BASE_GAUGE("ponte_transcription_streams", "Live streams.", "");
base_metric tr_refused =
    BASE_COUNTER("ponte_transcription_refused_total", "Streams refused: too many, or shutting down.", "");
base_metric tr_audio_samples =
    BASE_COUNTER("ponte_transcription_audio_samples_total", "Audio heard, in samples at 16 kHz.", "");
base_metric tr_finals = BASE_COUNTER("ponte_transcription_segments_total", "Final segments sent.", "");
base_metric tr_interims = BASE_COUNTER("ponte_transcription_interims_total", "Interim results sent.", "");
base_metric tr_stale =
    BASE_COUNTER("ponte_transcription_stale_total", "Interim decodings dropped for newer audio.", "");
base_metric tr_batches = BASE_COUNTER("ponte_transcription_batches_total", "Recordings transcribed whole.", "");
base_metric tr_decode_seconds =
    BASE_HISTOGRAM("ponte_transcription_decode_seconds", "Time of one decoding.", "", decode_bounds);

void tr_counters_register(void) {
  base_metric *const all[] = {&tr_streams,  &tr_refused, &tr_audio_samples, &tr_finals,
                              &tr_interims, &tr_stale,   &tr_batches,       &tr_decode_seconds};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    base_metric_register(all[i]);
}
