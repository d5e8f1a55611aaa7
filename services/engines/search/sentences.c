#include "search/sentences.h"

enum { ABBREVIATION_MAX = 6 };

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static bool is_lower(uint8_t c) { return c >= 'a' && c <= 'z'; }
static bool is_letter(uint8_t c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || c >= 0x80; }

/* The word that ends before text[dot] is a single letter ("J. Watt") or stands in the list. */
static bool is_abbreviation(base_span text, size_t dot) {
  static const char *const words[] = {"dr", "dra", "sr", "sra", "srta",   "prof", "profa", "mr",  "mrs",
                                      "ms", "st",  "vs", "fig", "cap",    "pag",  "art",   "ed",  "vol",
                                      "no", "num", "ex", "cf",  "approx", "ca",   "av",    "gen", "jr"};
  size_t begin = dot;
  while (begin > 0 && is_letter(text.p[begin - 1]) && dot - begin <= ABBREVIATION_MAX)
    begin--;
  base_span word = base_span_of(text.p + begin, dot - begin);
  if (word.n == 1) return true;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (base_span_ieq(word, base_span_str(words[i]))) return true;
  }
  return false;
}

/* Bytes of a quotation mark or bracket that closes; 0 for anything else. */
static size_t closing(base_span text, size_t at) {
  static const char *const marks[] = {"\"", "'", ")", "]", "*", "_", "”", "’", "»"};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    if (base_span_starts(base_span_of(text.p + at, text.n - at), marks[i])) return strlen(marks[i]);
  }
  return 0;
}

/* What a line begins with in a list, a heading, a quotation or a table; such a line is no continuation of the one before. Bytes of it; 0: none. */
static size_t line_mark(base_span text, size_t at) {
  size_t begin = at;
  while (at < text.n && (text.p[at] == ' ' || text.p[at] == '\t'))
    at++;
  size_t mark = at;
  while (at < text.n && (text.p[at] == '#' || text.p[at] == '>' || text.p[at] == '|'))
    at++;
  if (at == mark && at + 1 < text.n && strchr("-*+", text.p[at]) && text.p[at] && text.p[at + 1] == ' ') at++;
  if (at == mark) {
    while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
      at++;
    at = at > mark && at + 1 < text.n && (text.p[at] == '.' || text.p[at] == ')') && text.p[at + 1] == ' ' ? at + 1
                                                                                                           : mark;
  }
  return at > mark ? at - begin : 0;
}

/* A full stop at `at`: the sentence's end behind it, or 0 if it goes on. */
static size_t ends_at(base_span text, size_t at) {
  uint8_t c = text.p[at];
  if (c != '.' && c != '!' && c != '?') return 0;
  size_t end = at + 1, n;
  while (end < text.n && strchr(".!?", text.p[end]) && text.p[end])
    end++;
  while (end < text.n && (n = closing(text, end)) > 0)
    end += n;
  if (end == text.n) return end;
  if (!is_blank(text.p[end])) return 0; /* 3.14, example.org */
  size_t next = end;
  while (next < text.n && is_blank(text.p[next]))
    next++;
  if (next < text.n && is_lower(text.p[next])) return 0;
  return c == '.' && is_abbreviation(text, at) ? 0 : end;
}

/* A line's end at `at` ends the sentence that began at `begin`. */
static bool breaks(base_span text, size_t begin, size_t at) {
  size_t next = at + 1;
  while (next < text.n && (text.p[next] == ' ' || text.p[next] == '\t' || text.p[next] == '\r'))
    next++;
  return next >= text.n || text.p[next] == '\n' || line_mark(text, at + 1) || at - begin > SEARCH_SENTENCE_LONG;
}

/* Where the next sentence begins, behind blanks and marks. */
static size_t skip(base_span text, size_t at, bool *heading) {
  size_t mark;
  bool line = at == 0 || (at < text.n && text.p[at - 1] == '\n');
  *heading = false;
  while (at < text.n) {
    if (is_blank(text.p[at])) {
      line |= text.p[at] == '\n';
      at++;
    } else if (line && (mark = line_mark(text, at)) > 0) {
      *heading = text.p[at] == '#';
      at += mark;
    } else {
      break;
    }
  }
  return at;
}

bool search_sentence_next(base_span text, size_t *at, search_sentence *out) {
  size_t begin = skip(text, *at, &out->heading), end = begin, stop = 0;
  while (end < text.n && !(text.p[end] == '\n' && (out->heading || breaks(text, begin, end))) &&
         !(stop = ends_at(text, end)))
    end++;
  if (stop) end = stop;
  *at = end;
  if (begin >= text.n) return false;
  while (end > begin && is_blank(text.p[end - 1]))
    end--;
  out->text = base_span_of(text.p + begin, end - begin);
  return end > begin;
}
