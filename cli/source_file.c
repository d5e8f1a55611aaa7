#include <sndfile.h>
#include <speex/speex_resampler.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/source.h"
#include "cli/words.h"

enum { BLOCK = 4096, QUALITY = 7, CHANNELS_MAX = 64 };

typedef struct {
  cli_source base;
  const char *path;
  SNDFILE *file;
  SF_INFO info;
  SpeexResamplerState *resampler; /* NULL: the file has our rate already */
  float *block;                   /* BLOCK frames, interleaved */
  float *mono;                    /* mixed, waiting for the resampler */
  spx_uint32_t mono_at, mono_end;
  bool ended;
} file_source;

/* Reads and mixes the next block; at the end, as much silence as the resampler holds back. */
static bool fill(file_source *f) {
  f->mono_at = f->mono_end = 0;
  sf_count_t n = sf_readf_float(f->file, f->block, BLOCK);
  if (n <= 0) {
    if (f->ended || !f->resampler) return false;
    f->ended = true;
    f->mono_end = (spx_uint32_t)speex_resampler_get_input_latency(f->resampler);
    memset(f->mono, 0, f->mono_end * sizeof *f->mono);
    return f->mono_end > 0;
  }
  for (sf_count_t i = 0; i < n; i++) {
    float sum = 0;
    for (int c = 0; c < f->info.channels; c++)
      sum += f->block[i * f->info.channels + c];
    f->mono[i] = sum / (float)f->info.channels;
  }
  f->mono_end = (spx_uint32_t)n;
  return true;
}

/* Moves samples to out; gives how many. */
static size_t take(file_source *f, float *out, size_t want) {
  spx_uint32_t in = f->mono_end - f->mono_at, made = (spx_uint32_t)want;
  if (f->resampler) {
    speex_resampler_process_float(f->resampler, 0, f->mono + f->mono_at, &in, out, &made);
  } else {
    if (made > in) made = in;
    in = made;
    memcpy(out, f->mono + f->mono_at, made * sizeof *out);
  }
  f->mono_at += in;
  return made;
}

static enum cli_read read_frame(cli_source *s, float frame[CLI_FRAME]) {
  file_source *f = (file_source *)s;
  size_t have = 0;
  while (have < CLI_FRAME) {
    if (f->mono_at == f->mono_end && !fill(f)) break;
    have += take(f, frame + have, CLI_FRAME - have);
  }
  if (sf_error(f->file) != SF_ERR_NO_ERROR) return CLI_READ_ERROR;
  if (have == 0) return CLI_READ_END;
  memset(frame + have, 0, (CLI_FRAME - have) * sizeof *frame);
  return CLI_READ_FRAME;
}

static const char *text(const cli_source *s) {
  const file_source *f = (const file_source *)s;
  return sf_error(f->file) != SF_ERR_NO_ERROR ? sf_strerror(f->file) : f->path;
}

static void source_free(cli_source *s) {
  file_source *f = (file_source *)s;
  if (f->resampler) speex_resampler_destroy(f->resampler);
  if (f->file) sf_close(f->file);
  free(f->block);
  free(f->mono);
  free(f);
}

static bool prepare(file_source *f) {
  if (f->info.channels < 1 || f->info.channels > CHANNELS_MAX || f->info.samplerate < 1) return false;
  f->block = calloc((size_t)BLOCK * (size_t)f->info.channels, sizeof *f->block);
  f->mono = calloc(BLOCK, sizeof *f->mono);
  if (!f->block || !f->mono) return false;
  f->base.total = f->info.frames > 0 ? f->info.frames * CLI_RATE / f->info.samplerate : 0;
  if (f->info.samplerate == CLI_RATE) return true;
  int err;
  f->resampler = speex_resampler_init(1, (spx_uint32_t)f->info.samplerate, CLI_RATE, QUALITY, &err);
  return f->resampler && speex_resampler_skip_zeros(f->resampler) == 0;
}

cli_source *cli_source_file(const char *path) {
  static const cli_source_vt vt = {read_frame, text, source_free};
  file_source *f = calloc(1, sizeof *f);
  if (!f) {
    cli_say("out of memory");
    return NULL;
  }
  f->base.vt = &vt;
  f->path = path;
  f->file =
      strcmp(path, "-") == 0 ? sf_open_fd(STDIN_FILENO, SFM_READ, &f->info, 0) : sf_open(path, SFM_READ, &f->info);
  if (f->file && prepare(f)) return &f->base;
  cli_say("%s: %s", path, f->file ? cli_words("this kind of audio cannot be converted") : sf_strerror(NULL));
  source_free(&f->base);
  return NULL;
}
