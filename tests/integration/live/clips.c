#include "live/clips.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/live.h"

#define FOLDER "/usr/share/pocketsphinx/test/data/librivox/"
enum { STEP = LIVE_CLIP_RATE / 50, QUIET_SHARE = 400 /* of the energy: a twentieth of the amplitude */ };

static double energy(const int16_t *p) {
  double sum = 0;
  for (int i = 0; i < STEP; i++)
    sum += (double)p[i] * p[i];
  return sum;
}

static void find_speech(live_clip *c) {
  double loudest = 0;
  for (int64_t at = 0; at + STEP <= c->count; at += STEP)
    loudest = energy(c->pcm + at) > loudest ? energy(c->pcm + at) : loudest;
  c->begin = -1;
  for (int64_t at = 0; at + STEP <= c->count; at += STEP) {
    if (energy(c->pcm + at) * QUIET_SHARE < loudest) continue;
    if (c->begin < 0) c->begin = at;
    c->end = at + STEP;
  }
}

/* <s> words </s> (name) */
static bool read_line(char *line, live_clip *c) {
  char path[2048], *end = strstr(line, "</s> ("), *name = end ? end + strlen("</s> (") : NULL;
  if (!name || strncmp(line, "<s> ", 4) != 0) return false;
  *end = '\0';
  name[strcspn(name, ")")] = '\0';
  snprintf(path, sizeof path, FOLDER "%s.wav", name);
  snprintf(c->words, sizeof c->words, "%s", line + 4);
  uint32_t rate = 0;
  c->pcm = live_wav(path, &c->count, &rate);
  return c->pcm && rate == LIVE_CLIP_RATE;
}

bool live_clips_read(live_clip clips[LIVE_CLIPS]) {
  memset(clips, 0, LIVE_CLIPS * sizeof *clips);
  FILE *f = fopen(FOLDER "transcription", "re");
  char line[1024];
  int n = 0;
  while (f && n < LIVE_CLIPS && fgets(line, sizeof line, f)) {
    if (!read_line(line, &clips[n])) continue;
    find_speech(&clips[n++]);
  }
  if (f) fclose(f);
  return n == LIVE_CLIPS;
}

void live_clips_free(live_clip clips[LIVE_CLIPS]) {
  for (int i = 0; i < LIVE_CLIPS; i++)
    free(clips[i].pcm);
}

int16_t *live_clips_join(const live_clip clips[LIVE_CLIPS], int64_t *count) {
  *count = 0;
  for (int i = 0; i < LIVE_CLIPS; i++)
    *count += clips[i].count + LIVE_CLIP_PAUSE;
  int16_t *out = calloc((size_t)*count, sizeof *out);
  int64_t at = 0;
  for (int i = 0; out && i < LIVE_CLIPS; i++) {
    memcpy(out + at, clips[i].pcm, (size_t)clips[i].count * sizeof *out);
    at += clips[i].count + LIVE_CLIP_PAUSE;
  }
  return out;
}
