/* fake.h - the scripted engine: it "hears" tone bursts, so that tests know what was said without a model.
 *
 * A burst is a sine of at least ASR_FAKE_MIN_BURST samples louder than ASR_FAKE_LOUD; word k sounds at 300 + 25 k Hz and is
 * recognised as "w<k>". The text is a function of the samples alone: a burst given twice is heard twice, and one that is left out is
 * missing, which is what tests of exact coverage need. The detector hears any window louder than ASR_FAKE_LOUD, from the second one in a row;
 * once it has heard ASR_FAKE_TRUST of them, from the first: it has a memory, as real ones have, so that a reset left out shows.
 */
#ifndef PONTE_ASR_FAKE_H
#define PONTE_ASR_FAKE_H

#include "asr/asr.h"

enum {
  ASR_FAKE_WORDS = 120,     /* k is below this: 3,275 Hz at most, so that 8 kHz audio carries every word */
  ASR_FAKE_MIN_BURST = 800, /* 50 ms */
  ASR_FAKE_BURST = 3200,    /* 200 ms, as asr_fake_say() makes them */
  ASR_FAKE_TRUST = 20,      /* windows */
  ASR_FAKE_GAP = 1600       /* 100 ms of silence after each */
};
#define ASR_FAKE_LOUD 0.05f

/* Writes `count` samples of word k's tone at any rate, amplitude 0.5, phase 0 at the first one. */
void asr_fake_tone(unsigned k, unsigned sample_rate, float *out, size_t count);
/* A manifest of a fake model that needs no directory; freed like any other. NO_MEMORY. */
base_err asr_fake_manifest(asr_manifest *out) BASE_MUST_USE;

#endif
