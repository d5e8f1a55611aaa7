#include "transcription/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#include "transcription/resample.h"

enum { BLOCK = 4096, OGG_HEAD = 28, MAX_CHANNELS = 2 };

struct tr_file {
  SNDFILE *snd;
  SF_INFO info;
  base_span bytes;
  size_t at;
  float block[BLOCK * MAX_CHANNELS];
};

static sf_count_t get_length(void *ctx) { return (sf_count_t)((tr_file *)ctx)->bytes.n; }

static sf_count_t do_seek(sf_count_t offset, int whence, void *ctx) {
  tr_file *f = ctx;
  sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (sf_count_t)f->at : (sf_count_t)f->bytes.n;
  /* Offsets come from the file: neither their sum nor their place can be trusted. */
  if (offset > (sf_count_t)f->bytes.n || offset < -(sf_count_t)f->bytes.n) return -1;
  sf_count_t at = base + offset;
  if (at < 0 || at > (sf_count_t)f->bytes.n) return -1;
  f->at = (size_t)at;
  return at;
}

static sf_count_t do_read(void *out, sf_count_t count, void *ctx) {
  tr_file *f = ctx;
  size_t left = f->bytes.n - f->at;
  size_t n = count < 0 ? 0 : (uint64_t)count < left ? (size_t)count : left;
  if (n) memcpy(out, f->bytes.p + f->at, n);
  f->at += n;
  return (sf_count_t)n;
}

static sf_count_t do_tell(void *ctx) { return (sf_count_t)((tr_file *)ctx)->at; }

enum tr_container tr_file_sniff(base_span b) {
  if (b.n >= 12 && memcmp(b.p, "RIFF", 4) == 0 && memcmp(b.p + 8, "WAVE", 4) == 0) return TR_FILE_WAV;
  /* RFC 7845 section 3: the first page holds nothing but the identification header, after a table of one segment. */
  if (b.n >= OGG_HEAD + 8 && memcmp(b.p, "OggS", 4) == 0 && memcmp(b.p + OGG_HEAD, "OpusHead", 8) == 0)
    return TR_FILE_OGG_OPUS;
  return TR_FILE_UNKNOWN;
}

static bool is_supported(const SF_INFO *info, enum tr_container container) {
  int major = info->format & SF_FORMAT_TYPEMASK, minor = info->format & SF_FORMAT_SUBMASK;
  if (info->channels < 1 || info->channels > MAX_CHANNELS) return false;
  if (info->samplerate < TR_MIN_FILE_RATE || info->samplerate > TR_MAX_FILE_RATE) return false;
  if (container == TR_FILE_OGG_OPUS) return major == SF_FORMAT_OGG && minor == SF_FORMAT_OPUS;
  if (major != SF_FORMAT_WAV && major != SF_FORMAT_WAVEX) return false;
  static const int codings[] = {SF_FORMAT_PCM_U8, SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_PCM_32,
                                SF_FORMAT_FLOAT,  SF_FORMAT_DOUBLE, SF_FORMAT_ULAW,   SF_FORMAT_ALAW};
  for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
    if (minor == codings[i]) return true;
  }
  return false;
}

base_err tr_file_open(base_span bytes, tr_file **out) {
  enum tr_container container = tr_file_sniff(bytes);
  if (container == TR_FILE_UNKNOWN) return base_fail(BASE_E_MALFORMED);
  tr_file *f = calloc(1, sizeof *f);
  if (!f) return base_fail(BASE_E_NO_MEMORY);
  f->bytes = bytes;
  SF_VIRTUAL_IO io = {.get_filelen = get_length, .seek = do_seek, .read = do_read, .tell = do_tell};
  f->snd = sf_open_virtual(&io, SFM_READ, &f->info, f);
  base_err e = !f->snd                             ? base_fail(BASE_E_MALFORMED)
               : is_supported(&f->info, container) ? BASE_OK
                                                   : base_fail(BASE_E_UNIMPLEMENTED);
  if (!base_is_ok(e)) {
    tr_file_free(f);
    return e;
  }
  *out = f;
  return BASE_OK;
}

void tr_file_free(tr_file *f) {
  if (!f) return;
  if (f->snd) sf_close(f->snd);
  free(f);
}

uint32_t tr_file_rate(const tr_file *f) { return (uint32_t)f->info.samplerate; }

/* Float files may hold anything: what is not a number becomes silence, and what is too loud is cut. */
static float tame(float v) { return !isfinite(v) ? 0.0f : v > 1.0f ? 1.0f : v < -1.0f ? -1.0f : v; }

size_t tr_file_read(tr_file *f, float *mono, size_t count) {
  size_t given = 0;
  while (given < count) {
    size_t want = count - given < BLOCK ? count - given : BLOCK;
    sf_count_t got = sf_readf_float(f->snd, f->block, (sf_count_t)want);
    if (got <= 0) break;
    for (sf_count_t i = 0; i < got; i++) {
      const float *s = f->block + i * f->info.channels;
      mono[given++] = f->info.channels == 1 ? tame(s[0]) : 0.5f * (tame(s[0]) + tame(s[1]));
    }
  }
  return given;
}
