/* transcript.h - the transcript as the reader sees it: finals in order and the interim one; and its files: TXT, SRT, VTT, JSON.
 *
 * Used by the page and the CLI alike. Owns its text; getters borrow until the next change. Pure; one thread.
 * Sources: WebVTT (W3C), SubRip as players read it.
 */
#ifndef PONTE_WC_TRANSCRIPT_H
#define PONTE_WC_TRANSCRIPT_H

#include "base/buf.h"
#include "wc/live.h"

typedef struct wc_transcript wc_transcript;

/*      name  extension */
#define WC_FORMATS(X) \
  X(TXT, "txt")       \
  X(SRT, "srt")       \
  X(VTT, "vtt")       \
  X(JSON, "json")

enum wc_format {
#define X(name, extension) WC_FORMAT_##name,
  WC_FORMATS(X)
#undef X
      WC_FORMAT_COUNT
};

typedef struct {
  char *text;
  int64_t start_ms, end_ms;
  float confidence; /* 0: unknown */
} wc_word;

typedef struct {
  char *id, *text;
  int64_t start_sample, end_sample; /* of the session it came from */
  int64_t start_ms, end_ms;         /* of the whole transcript */
  uint32_t stable_bytes;            /* of text; all of it in finals */
  wc_word *words;
  size_t word_count;
} wc_segment;

enum wc_change { WC_CHANGE_NONE, WC_CHANGE_INTERIM, WC_CHANGE_FINAL };

wc_transcript *wc_transcript_new(void); /* NULL when out of memory */
void wc_transcript_free(wc_transcript *t);
void wc_transcript_clear(wc_transcript *t);
/* Results from now on begin at this time of the transcript: a second recording follows the first. */
void wc_transcript_set_origin(wc_transcript *t, int64_t ms);
/* *change: what is new; a final also ends the interim. NO_MEMORY changes nothing. */
base_err wc_transcript_apply(wc_transcript *t, const wc_result *r, enum wc_change *change) BASE_MUST_USE;
/* The interim text will not be finished: the recording ended or failed. */
void wc_transcript_drop_interim(wc_transcript *t);

size_t wc_transcript_count(const wc_transcript *t);
const wc_segment *wc_transcript_at(const wc_transcript *t, size_t i);
/* NULL if there is none. */
const wc_segment *wc_transcript_interim(const wc_transcript *t);

/* -1 if there is no such format. */
int wc_format_by_name(const char *extension);
/* Appends the finals as a file. */
base_err wc_transcript_write(const wc_transcript *t, enum wc_format format, base_buf *out) BASE_MUST_USE;

#endif
