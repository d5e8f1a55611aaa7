/* clips.h - test code only: the human speech of Debian's pocketsphinx-testdata (LibriVox, 16 kHz), with what is said. */
#ifndef PONTE_TESTS_LIVE_CLIPS_H
#define PONTE_TESTS_LIVE_CLIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIVE_CLIPS = 5, LIVE_CLIP_RATE = 16000, LIVE_CLIP_PAUSE = LIVE_CLIP_RATE * 5 / 4 };

typedef struct {
  int16_t *pcm;
  int64_t count;
  char words[1024];
  int64_t begin, end; /* of the speech in it: first and last 20 ms louder than a twentieth of the clip's loudest */
} live_clip;

/* False when they are not there. Free them with live_clips_free(). */
bool live_clips_read(live_clip clips[LIVE_CLIPS]);
void live_clips_free(live_clip clips[LIVE_CLIPS]);
/* All in a row, LIVE_CLIP_PAUSE of silence after each. NULL when out of memory; the caller frees. */
int16_t *live_clips_join(const live_clip clips[LIVE_CLIPS], int64_t *count);

#endif
