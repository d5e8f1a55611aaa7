/* track.h - 16 kHz audio in, segments with their samples out: the detector and the segmenter put together, for live and batch alike.
 *
 * The track holds the samples since the last commit; a segment's cap bounds them. One thread at a time. Events come from tr_track_next(),
 * one at a time; it gives the samples after a commit to the reset detector again, as segmenter.h asks.
 */
#ifndef PONTE_TRANSCRIPTION_TRACK_H
#define PONTE_TRANSCRIPTION_TRACK_H

#include <stddef.h>

#include "asr/asr.h"
#include "transcription/segmenter.h"

typedef struct tr_track tr_track;

/* `vad` is borrowed and is in its first state. NO_MEMORY. */
base_err tr_track_new(const tr_rules *rules, asr_vad *vad, tr_track **out) BASE_MUST_USE;
void tr_track_free(tr_track *t); /* NULL is allowed */
/* Copies the samples to the end. NO_MEMORY changes nothing. */
base_err tr_track_push(tr_track *t, const float *samples, size_t count) BASE_MUST_USE;
/* No samples come any more; call tr_track_next() until it gives false. */
void tr_track_finish(tr_track *t);
/* The next event but TR_NOTHING; false when more samples are needed, or after the last one when finished. */
bool tr_track_next(tr_track *t, tr_event *out);
/* Samples from `start`, which is not before the last event's start; valid until the next push or next. */
const float *tr_track_samples(const tr_track *t, int64_t start);
/* End of the samples pushed. */
int64_t tr_track_end(const tr_track *t);
/* End of the windows judged. */
int64_t tr_track_judged(const tr_track *t);

#endif
