/* SubRip has no standard; this reads what players read: counters may be missing or wrong, blank lines may stand within a text, numbers may be short. */
#include "material/internal.h"

/* One cue's text as it stands in the file, without tags: <i>, </font>, {\an8}. What only looks like one ("a < b") stays. */
static base_err append_text(base_buf *out, base_span line) {
  bool tags = true,
       styles = true; /* some may still be closed: or "<a<a<a" would be searched to its end again and again */
  for (size_t i = 0; i < line.n;) {
    size_t close = i + 1;
    uint8_t next = i + 1 < line.n ? line.p[i + 1] : 0, letter = next | 0x20;
    bool tag = tags && line.p[i] == '<' && (next == '/' || (letter >= 'a' && letter <= 'z'));
    bool style = styles && line.p[i] == '{' && next == '\\';
    if (tag || style) {
      const uint8_t *end = memchr(line.p + i, tag ? '>' : '}', line.n - i);
      if (end) {
        i = (size_t)(end - line.p) + 1;
        continue;
      }
      tags = tags && !tag;
      styles = styles && !style;
    }
    BASE_TRY(base_buf_append(out, base_span_of(line.p + i, close - i)));
    i = close;
  }
  return base_buf_u8(out, '\n');
}

static bool is_counter(base_span line) {
  uint64_t number;
  return base_span_u64(base_span_trim(line), &number);
}

/* A time that somebody mistyped; "2 --> 3" is a text. */
static bool looks_like_times(base_span line) {
  return line.n && line.p[0] >= '0' && line.p[0] <= '9' && memchr(line.p, ':', line.n) &&
         memmem(line.p, line.n, "-->", 3);
}

typedef struct {
  material__cues cues;
  base_buf text;     /* of the cue that is being read */
  size_t last_line;  /* where the last line of that text begins: it is the next cue's counter, perhaps */
  bool last_counter; /* it looks like one */
  bool open;         /* a time has been read */
  int64_t start_ms, end_ms;
} reader;

static base_err finish(reader *r) {
  if (!r->open) return BASE_OK;
  base_err e = material__add_cue(&r->cues, r->start_ms, r->end_ms, base_buf_span(&r->text));
  base_buf_clear(&r->text);
  r->open = false;
  return e;
}

static base_err read_line(reader *r, base_span line, size_t number, char why[MATERIAL_WHY_SIZE]) {
  int64_t start_ms, end_ms;
  if (material__times_line(line, false, &start_ms, &end_ms)) {
    if (r->last_counter) base_buf_truncate(&r->text, r->last_line);
    if (!r->open) base_buf_clear(&r->text); /* counters only */
    BASE_TRY(finish(r));
    r->open = true;
    r->last_counter = false;
    r->start_ms = start_ms;
    r->end_ms = end_ms;
    return BASE_OK;
  }
  base_span trimmed = base_span_trim(line);
  if (looks_like_times(trimmed)) {
    return material__malformed(why, number, "not two times like 00:01:02,500 --> 00:01:04,000");
  }
  if (trimmed.n == 0) {
    r->last_counter = false; /* a counter stands right above its time: this was a text, "42" */
    return BASE_OK;
  }
  if (!r->open && !is_counter(line)) {
    return material__malformed(why, number,
                               "text before the first time, which looks like 00:01:02,500 --> 00:01:04,000");
  }
  r->last_line = base_buf_size(&r->text);
  r->last_counter = is_counter(line);
  return append_text(&r->text, line);
}

base_err material__srt(base_span content, material *m, char why[MATERIAL_WHY_SIZE]) {
  reader r = {.cues = {.m = m}};
  base_buf_init(&r.text, content.n + 1);
  base_err e = BASE_OK;
  if (base_span_starts(content, "\xEF\xBB\xBF")) content = base_span_of(content.p + 3, content.n - 3);
  material__lines lines = {.rest = content};
  base_span line;
  while (base_is_ok(e) && material__line(&lines, &line))
    e = read_line(&r, line, lines.number, why);
  if (base_is_ok(e)) e = finish(&r);
  base_buf_dispose(&r.text);
  BASE_TRY(e);
  return material__add_cue_passages(m);
}
