/* transcript_write.c - the transcript as TXT, SRT, VTT and JSON. */
#include <inttypes.h>
#include <string.h>

#include "wc/transcript_int.h"

int wc_format_by_name(const char *extension) {
  static const char *const names[] = {
#define X(name, extension) extension,
      WC_FORMATS(X)
#undef X
  };
  for (int i = 0; i < WC_FORMAT_COUNT; i++) {
    if (strcmp(names[i], extension) == 0) return i;
  }
  return -1;
}

static base_err write_txt(const wc_transcript *t, base_buf *out) {
  for (size_t i = 0; i < t->count; i++) {
    BASE_TRY(base_buf_str(out, t->finals[i].text));
    BASE_TRY(base_buf_str(out, "\n"));
  }
  return BASE_OK;
}

/* hh:mm:ss and milliseconds behind `mark`: ',' in SRT, '.' in VTT. */
static base_err write_time(base_buf *out, int64_t ms, char mark) {
  int64_t s = ms / 1000;
  return base_buf_printf(out, "%02" PRId64 ":%02d:%02d%c%03d", s / 3600, (int)(s / 60 % 60), (int)(s % 60), mark,
                         (int)(ms % 1000));
}

static base_err write_cue_times(base_buf *out, const wc_segment *s, char mark) {
  int64_t end = s->end_ms > s->start_ms ? s->end_ms : s->start_ms + 1; /* an empty cue would never be shown */
  BASE_TRY(write_time(out, s->start_ms, mark));
  BASE_TRY(base_buf_str(out, " --> "));
  BASE_TRY(write_time(out, end, mark));
  return base_buf_str(out, "\n");
}

static base_err write_srt(const wc_transcript *t, base_buf *out) {
  for (size_t i = 0; i < t->count; i++) {
    BASE_TRY(base_buf_printf(out, "%zu\n", i + 1));
    BASE_TRY(write_cue_times(out, &t->finals[i], ','));
    BASE_TRY(base_buf_printf(out, "%s\n\n", t->finals[i].text));
  }
  return BASE_OK;
}

/* "&", "<" and ">" begin markup in a cue, and "-->" would begin a new one (WebVTT section 4.2). */
static base_err write_vtt_text(base_buf *out, const char *text) {
  for (const char *p = text; *p; p++) {
    const char *entity = *p == '&' ? "&amp;" : *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : NULL;
    if (entity)
      BASE_TRY(base_buf_str(out, entity));
    else
      BASE_TRY(base_buf_u8(out, (uint8_t)*p));
  }
  return BASE_OK;
}

static base_err write_vtt(const wc_transcript *t, base_buf *out) {
  BASE_TRY(base_buf_str(out, "WEBVTT\n\n"));
  for (size_t i = 0; i < t->count; i++) {
    BASE_TRY(write_cue_times(out, &t->finals[i], '.'));
    BASE_TRY(write_vtt_text(out, t->finals[i].text));
    BASE_TRY(base_buf_str(out, "\n\n"));
  }
  return BASE_OK;
}

static base_err write_json_word(base_buf *out, const wc_word *w) {
  BASE_TRY(base_buf_str(out, "{\"text\":"));
  BASE_TRY(base_buf_json(out, base_span_str(w->text)));
  BASE_TRY(base_buf_printf(out, ",\"start_ms\":%" PRId64 ",\"end_ms\":%" PRId64, w->start_ms, w->end_ms));
  if (w->confidence > 0) BASE_TRY(base_buf_printf(out, ",\"confidence\":%.3f", (double)w->confidence));
  return base_buf_str(out, "}");
}

static base_err write_json_segment(base_buf *out, const wc_segment *s) {
  BASE_TRY(base_buf_printf(out,
                           "    {\"start_ms\":%" PRId64 ",\"end_ms\":%" PRId64 ",\"start_sample\":%" PRId64
                           ",\"end_sample\":%" PRId64 ",\"text\":",
                           s->start_ms, s->end_ms, s->start_sample, s->end_sample));
  BASE_TRY(base_buf_json(out, base_span_str(s->text)));
  if (s->word_count > 0) BASE_TRY(base_buf_str(out, ",\"words\":["));
  for (size_t i = 0; i < s->word_count; i++) {
    if (i > 0) BASE_TRY(base_buf_str(out, ","));
    BASE_TRY(write_json_word(out, &s->words[i]));
  }
  return base_buf_str(out, s->word_count > 0 ? "]}" : "}");
}

static base_err write_json(const wc_transcript *t, base_buf *out) {
  BASE_TRY(base_buf_str(out, "{\n  \"segments\": [\n"));
  for (size_t i = 0; i < t->count; i++) {
    BASE_TRY(write_json_segment(out, &t->finals[i]));
    BASE_TRY(base_buf_str(out, i + 1 < t->count ? ",\n" : "\n"));
  }
  return base_buf_str(out, "  ]\n}\n");
}

base_err wc_transcript_write(const wc_transcript *t, enum wc_format format, base_buf *out) {
  static base_err (*const writers[WC_FORMAT_COUNT])(const wc_transcript *,
                                                    base_buf *) = {[WC_FORMAT_TXT] = write_txt,
                                                                   [WC_FORMAT_SRT] = write_srt,
                                                                   [WC_FORMAT_VTT] = write_vtt,
                                                                   [WC_FORMAT_JSON] = write_json};
  return writers[format](t, out);
}
