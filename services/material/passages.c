#include <stdlib.h>

#include "material/internal.h"

enum { FIRST_PASSAGES = 16 };

static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_inside(uint8_t c) { return (c & 0xC0) == 0x80; } /* not the first byte of a character */

/* Without spaces around it, and without a byte order mark. */
static void trim(base_span text, size_t *begin, size_t *end) {
  static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
  if (*begin == 0 && base_span_starts(text, "\xEF\xBB\xBF") && *end >= sizeof mark) *begin = sizeof mark;
  while (*begin < *end && is_space(text.p[*begin]))
    (*begin)++;
  while (*begin < *end && is_space(text.p[*end - 1]))
    (*end)--;
}

static bool has_word(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    uint8_t c = s.p[i], letter = c | 0x20;
    if (c >= 0x80 || (c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z')) return true;
  }
  return false;
}

bool material__ends_sentence(base_span s) {
  static const char *const closing[] = {"\"", "'", ")", "]", "*", "_", "\xE2\x80\x9D", "\xE2\x80\x99", "\xC2\xBB"};
  static const char *const ends[] = {".", "!", "?", "\xE2\x80\xA6", "\xE3\x80\x82"};
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < sizeof closing / sizeof *closing && !again; i++) {
      again = base_span_ends(s, closing[i]);
      if (again) s.n -= strlen(closing[i]);
    }
  }
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    if (base_span_ends(s, ends[i])) return true;
  }
  return false;
}

/* Where the piece that begins at `begin` ends: a line's end where lines count, else a sentence's, else a word's, else a character's. */
static size_t piece_end(base_span text, size_t begin, size_t end, enum material__cut cut) {
  if (end - begin <= MATERIAL_PASSAGE_MAX) return end;
  size_t limit = begin + MATERIAL_PASSAGE_MAX;
  for (size_t at = limit; at > begin && cut == MATERIAL__LINES; at--) {
    if (text.p[at] == '\n' || text.p[at] == '\r') return at;
  }
  /* A sentence that ends early in the piece would leave it short: better a word's end then. */
  for (size_t at = limit; at > begin + MATERIAL_PASSAGE_MAX / 3; at--) {
    if (is_space(text.p[at]) && material__ends_sentence(base_span_of(text.p + begin, at - begin))) return at;
  }
  for (size_t at = limit; at > begin; at--) {
    if (is_space(text.p[at])) return at;
  }
  while (is_inside(text.p[limit]))
    limit--;
  return limit;
}

static base_err put(material__passages *p, size_t begin, size_t end, const char *heading) {
  material *m = p->m;
  if (m->passage_count == p->capacity) {
    size_t capacity = p->capacity ? 2 * p->capacity : FIRST_PASSAGES;
    material_passage *grown = realloc(m->passages, capacity * sizeof *grown);
    if (!grown) return base_fail(BASE_E_NO_MEMORY);
    m->passages = grown;
    p->capacity = capacity;
  }
  char *copy = strdup(heading);
  if (!copy) return base_fail(BASE_E_NO_MEMORY);
  m->passages[m->passage_count++] =
      (material_passage){.begin = begin, .end = end, .start_ms = -1, .end_ms = -1, .heading = copy};
  return BASE_OK;
}

base_err material__add_alone(material__passages *p, size_t begin, size_t end, const char *heading,
                             enum material__cut cut) {
  trim(p->text, &begin, &end);
  while (begin < end) {
    size_t stop = piece_end(p->text, begin, end, cut), first = begin, last = stop;
    trim(p->text, &first, &last);
    if (has_word(base_span_of(p->text.p + first, last - first))) BASE_TRY(put(p, first, last, heading));
    begin = stop;
  }
  return BASE_OK;
}

base_err material__add_block(material__passages *p, size_t begin, size_t end, const char *heading,
                             enum material__cut cut) {
  trim(p->text, &begin, &end);
  if (begin == end || !has_word(base_span_of(p->text.p + begin, end - begin))) return BASE_OK;
  material_passage *last = p->m->passage_count ? &p->m->passages[p->m->passage_count - 1] : NULL;
  if (last && end - last->begin <= MATERIAL_PASSAGE_GOAL) {
    size_t gap_begin = last->end, gap_end = begin;
    trim(p->text, &gap_begin, &gap_end);
    /* What stands between them (a heading, a comment) was left out on purpose. */
    if (gap_begin == gap_end) {
      last->end = end;
      return BASE_OK;
    }
  }
  return material__add_alone(p, begin, end, heading, cut);
}
