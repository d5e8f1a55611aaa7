/* source.h - where audio comes from: frames of 20 ms, 16 kHz, mono, from a file or the microphone. One thread, but for the
 * microphone's own, which only fills a queue. */
#ifndef PONTE_CLI_SOURCE_H
#define PONTE_CLI_SOURCE_H

#include "base/err.h"

enum { CLI_RATE = 16000, CLI_FRAME = 320 };

typedef struct cli_source cli_source;
enum cli_read { CLI_READ_FRAME, CLI_READ_LATER, CLI_READ_END, CLI_READ_ERROR };

typedef struct {
  /* LATER: nothing yet; `wake` will be called. The last frame is filled up with silence. */
  enum cli_read (*read)(cli_source *s, float frame[CLI_FRAME]);
  /* What the source is, or why it failed; never NULL. */
  const char *(*text)(const cli_source *s);
  void (*free)(cli_source *s);
} cli_source_vt;

struct cli_source {
  const cli_source_vt *vt;
  int64_t total; /* samples at CLI_RATE; 0: unknown */
};

/* WAV, FLAC, Ogg (Vorbis, Opus), MP3 and whatever else libsndfile reads, at any rate and number of channels. "-" is standard input. NULL: said why. */
cli_source *cli_source_file(const char *path);
/* An ALSA capture device; `wake` is called from another thread. NULL: said why. */
cli_source *cli_source_microphone(const char *device, void (*wake)(void *ctx), void *ctx);

#endif
