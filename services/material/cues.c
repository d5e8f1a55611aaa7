#include <stdlib.h>

#include "material/internal.h"

enum { FIRST_CUES = 64, PAUSE_MS = 4000 }; /* a pause this long ends a passage: most often another subject follows */

base_err material__add_cue(material__cues *c, int64_t start_ms, int64_t end_ms, base_span text) {
  material *m = c->m;
  size_t before = base_buf_size(&m->text);
  if (before > 0) BASE_TRY(base_buf_u8(&m->text, '\n'));
  size_t begin = base_buf_size(&m->text);
  bool space = false;
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] == ' ' || (text.p[i] >= '\t' && text.p[i] <= '\r')) {
      space = true;
      continue;
    }
    if (space && base_buf_size(&m->text) > begin) BASE_TRY(base_buf_u8(&m->text, ' '));
    space = false;
    BASE_TRY(base_buf_u8(&m->text, text.p[i]));
  }
  size_t end = base_buf_size(&m->text);
  if (end == begin) {
    base_buf_truncate(&m->text, before);
    return BASE_OK;
  }
  if (m->cue_count == c->capacity) {
    size_t capacity = c->capacity ? 2 * c->capacity : FIRST_CUES;
    material_cue *grown = realloc(m->cues, capacity * sizeof *grown);
    if (!grown) return base_fail(BASE_E_NO_MEMORY);
    m->cues = grown;
    c->capacity = capacity;
  }
  m->cues[m->cue_count++] = (material_cue){begin, end, start_ms, end_ms < start_ms ? start_ms : end_ms};
  return BASE_OK;
}

void material_times(const material_cue *cues, size_t count, size_t begin, size_t end, int64_t *start_ms,
                    int64_t *end_ms) {
  size_t first = 0, after = count;
  while (first < after) { /* the first cue that ends behind `begin` */
    size_t middle = first + (after - first) / 2;
    if (cues[middle].end <= begin) {
      first = middle + 1;
    } else {
      after = middle;
    }
  }
  *start_ms = *end_ms = -1;
  for (size_t i = first; i < count && cues[i].begin < end; i++) {
    if (*start_ms < 0 || cues[i].start_ms < *start_ms) *start_ms = cues[i].start_ms;
    if (cues[i].end_ms > *end_ms) *end_ms = cues[i].end_ms;
  }
}

/* A passage takes what comes while it is short, up to a sentence's end or a pause. Only what has been is looked at, so that later cues change nothing but the last passage. */
static bool is_full(base_span text, size_t begin, const material_cue *last, const material_cue *next) {
  size_t size = last->end - begin;
  if (next->end - begin > MATERIAL_PASSAGE_MAX || size >= MATERIAL_PASSAGE_GOAL) return true;
  if (next->start_ms - last->end_ms >= PAUSE_MS) return true;
  return size >= MATERIAL_PASSAGE_GOAL / 2 && material__ends_sentence(base_span_of(text.p + begin, size));
}

static base_err add_passages(base_span text, const material_cue *cues, size_t count, material *out) {
  material__passages passages = {.m = out, .text = text};
  for (size_t i = 0, first = 0; i < count; i++) {
    if (cues[i].begin > cues[i].end || cues[i].end > text.n || (i > 0 && cues[i].begin < cues[i - 1].end)) {
      return base_fail(BASE_E_INVALID);
    }
    if (i + 1 < count && !is_full(text, cues[first].begin, &cues[i], &cues[i + 1])) continue;
    BASE_TRY(material__add_alone(&passages, cues[first].begin, cues[i].end, "", MATERIAL__PROSE));
    first = i + 1;
  }
  for (size_t i = 0; i < out->passage_count; i++) {
    material_passage *p = &out->passages[i];
    material_times(cues, count, p->begin, p->end, &p->start_ms, &p->end_ms);
  }
  return BASE_OK;
}

base_err material__add_cue_passages(material *m) {
  return add_passages(base_buf_span(&m->text), m->cues, m->cue_count, m);
}

base_err material_cue_passages(base_span text, const material_cue *cues, size_t count, material *out) {
  *out = (material){0};
  base_err e = add_passages(text, cues, count, out);
  if (!base_is_ok(e)) material_dispose(out);
  return e;
}

/* At least min and at most max digits; takes them from *s. */
static bool take_number(base_span *s, size_t min, size_t max, int64_t *out, size_t *digits) {
  size_t n = 0;
  *out = 0;
  for (; n < s->n && n < max && s->p[n] >= '0' && s->p[n] <= '9'; n++)
    *out = *out * 10 + (s->p[n] - '0');
  *digits = n;
  *s = base_span_of(s->p + n, s->n - n);
  return n >= min;
}

static bool take_byte(base_span *s, char c) {
  if (s->n == 0 || s->p[0] != (uint8_t)c) return false;
  *s = base_span_of(s->p + 1, s->n - 1);
  return true;
}

/* [hours:]minutes:seconds and thousandths. */
static bool take_time(base_span *s, bool strict, int64_t *ms) {
  enum { HOURS_DIGITS = 8 }; /* no overflow of milliseconds */
  int64_t part[3] = {0}, fraction = 0;
  size_t digits[3] = {0}, count = 0, fraction_digits = 0;
  do {
    if (!take_number(s, 1, HOURS_DIGITS, &part[count], &digits[count])) return false;
    count++;
  } while (count < 3 && take_byte(s, ':'));
  if (count < 2) return false;
  int64_t hours = count == 3 ? part[0] : 0, minutes = part[count - 2], seconds = part[count - 1];
  if (minutes > 59 || seconds > 59) return false;
  if (strict && (digits[count - 1] != 2 || digits[count - 2] != 2 || (count == 3 && digits[0] < 2))) return false;
  bool dot = take_byte(s, '.') || (!strict && take_byte(s, ','));
  if (strict && !dot) return false;
  if (dot && !take_number(s, strict ? 3 : 1, 3, &fraction, &fraction_digits)) return false;
  for (; dot && fraction_digits < 3; fraction_digits++)
    fraction *= 10;
  *ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction;
  return true;
}

bool material__times_line(base_span line, bool strict, int64_t *start_ms, int64_t *end_ms) {
  base_span s = base_span_trim(line);
  if (!take_time(&s, strict, start_ms)) return false;
  s = base_span_trim(s);
  if (!base_span_starts(s, "-->")) return false;
  s = base_span_trim(base_span_of(s.p + 3, s.n - 3));
  if (!take_time(&s, strict, end_ms)) return false;
  return s.n == 0 || s.p[0] == ' ' || s.p[0] == '\t'; /* settings and positions */
}
