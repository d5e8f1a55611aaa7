/* WebVTT as the W3C's parser reads it (section 6.1: blocks; 6.4: the text of cues), with one difference: a line with "-->" that is not two times is an error here, because
 * who adds material wants to know what would be missing. */
#include <utf8proc.h>

#include "material/internal.h"

/* The references of WebVTT's text and the ones that captions have besides; all others stay as they are. */
static const struct {
  const char *name, *text;
} entities[] = {
    {"amp;", "&"},
    {"lt;", "<"},
    {"gt;", ">"},
    {"quot;", "\""},
    {"apos;", "'"},
    {"nbsp;", "\xC2\xA0"},
    {"lrm;", "\xE2\x80\x8E"},
    {"rlm;", "\xE2\x80\x8F"},
};

/* Digits up to ';' behind "&#". 0: none. */
static size_t read_number(base_span s, uint32_t *out) {
  bool hex = s.n && (s.p[0] == 'x' || s.p[0] == 'X');
  uint32_t value = 0;
  size_t i = hex;
  for (; i < s.n && s.p[i] != ';'; i++) {
    int digit = base_hex_value(s.p[i]);
    if (digit < 0 || (!hex && digit > 9)) return 0;
    value = value * (hex ? 16 : 10) + (uint32_t)digit;
    if (value > 0x10FFFF) value = 0x110000;
  }
  if (i == hex || i == s.n) return 0;
  *out = value;
  return i + 1;
}

/* `s` begins behind '&'; *used: its bytes that were the reference, 0 if it is none. */
static base_err append_reference(base_buf *out, base_span s, size_t *used) {
  *used = 0;
  for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
    if (!base_span_starts(s, entities[i].name)) continue;
    *used = strlen(entities[i].name);
    return base_buf_str(out, entities[i].text);
  }
  uint32_t value;
  size_t n = base_span_starts(s, "#") ? read_number(base_span_of(s.p + 1, s.n - 1), &value) : 0;
  if (n == 0) return base_buf_u8(out, '&');
  *used = n + 1;
  utf8proc_uint8_t bytes[4];
  bool character = value != 0 && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
  utf8proc_ssize_t size = utf8proc_encode_char(character ? (utf8proc_int32_t)value : 0xFFFD, bytes);
  return base_buf_append(out, base_span_of(bytes, (size_t)size));
}

/* The text of a cue without tags, references replaced. */
static base_err clean(base_span raw, base_buf *out) {
  for (size_t i = 0; i < raw.n;) {
    if (raw.p[i] == '<') {
      const uint8_t *end = memchr(raw.p + i, '>', raw.n - i);
      i = end ? (size_t)(end - raw.p) + 1 : raw.n;
    } else if (raw.p[i] == '&') {
      size_t used = 0;
      BASE_TRY(append_reference(out, base_span_of(raw.p + i + 1, raw.n - i - 1), &used));
      i += used + 1;
    } else {
      BASE_TRY(base_buf_u8(out, raw.p[i]));
      i++;
    }
  }
  return BASE_OK;
}

static bool has_arrow(base_span line) { return line.n >= 3 && memmem(line.p, line.n, "-->", 3) != NULL; }

static base_err add_cue(material__cues *cues, int64_t start_ms, int64_t end_ms, base_span raw) {
  base_buf text;
  base_buf_init(&text, raw.n + 4); /* the text of a reference is shorter than the reference */
  base_err e = clean(raw, &text);
  if (base_is_ok(e)) e = material__add_cue(cues, start_ms, end_ms, base_buf_span(&text));
  base_buf_dispose(&text);
  return e;
}

/* The lines of a cue behind its times, up to a blank line or another cue's times, which are left to be read. */
static base_span take_text(material__lines *lines) {
  base_span line, begin = lines->rest;
  size_t end = 0;
  for (material__lines ahead = *lines; material__line(&ahead, &line) && line.n > 0 && !has_arrow(line); *lines = ahead)
    end = (size_t)(line.p + line.n - begin.p);
  return base_span_of(begin.p, end);
}

static bool is_signature(base_span line) {
  return base_span_starts(line, "WEBVTT") && (line.n == 6 || line.p[6] == ' ' || line.p[6] == '\t');
}

base_err material__vtt(base_span content, material *m, char why[MATERIAL_WHY_SIZE]) {
  material__cues cues = {.m = m};
  if (base_span_starts(content, "\xEF\xBB\xBF")) content = base_span_of(content.p + 3, content.n - 3);
  material__lines lines = {.rest = content};
  base_span line;
  if (!material__line(&lines, &line) || !is_signature(line)) {
    return material__malformed(why, 1, "the first line of WebVTT is WEBVTT");
  }
  /* Headers, comments, styles, regions and the names of cues are the lines without "-->": nothing of them is read. */
  while (material__line(&lines, &line)) {
    int64_t start_ms, end_ms;
    if (!has_arrow(line)) continue;
    if (!material__times_line(line, true, &start_ms, &end_ms)) {
      return material__malformed(why, lines.number, "not two times like 00:01:02.500 --> 00:01:04.000");
    }
    BASE_TRY(add_cue(&cues, start_ms, end_ms, take_text(&lines)));
  }
  return material__add_cue_passages(m);
}
