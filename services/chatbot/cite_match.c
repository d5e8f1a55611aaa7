#include "chatbot/cite_match.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "chatbot/cite.h"

enum {
  DIGITS_MAX = 3,
  QUOTE_BYTES_MAX = 3,
  FOLDED_MAX = 4,
  UNITS_PER_BYTE = 2 /* of folded text: U+0390 is two bytes and becomes three code points */
};

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static size_t skip_spaces(base_span s, size_t at) {
  while (at < s.n && is_space(s.p[at]))
    at++;
  return at;
}

/* Of those that Portuguese and English texts have, and what is typed for them. */
static const struct {
  utf8proc_int32_t code;
  const char *text;
} quotes[] = {
    {'"', "\""},
    {'\'', "'"},
    {0x201C, "\xE2\x80\x9C"},
    {0x201D, "\xE2\x80\x9D"},
    {0x201E, "\xE2\x80\x9E"},
    {0x2018, "\xE2\x80\x98"},
    {0x2019, "\xE2\x80\x99"},
    {0xAB, "\xC2\xAB"},
    {0xBB, "\xC2\xBB"},
};

static size_t quote_size(base_span s, size_t at) {
  uint8_t c = s.p[at];
  if (c < 0x80) return c == '"' || c == '\'';
  base_span rest = base_span_of(s.p + at, s.n - at);
  for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
    if (base_span_starts(rest, quotes[i].text)) return strlen(quotes[i].text);
  }
  return 0;
}

/* It may be the beginning of a character that goes on behind the end. */
static bool is_torn(base_span s, size_t at) { return s.p[at] >= 0x80 && s.n - at < QUOTE_BYTES_MAX; }

/* The words from `begin` to the ']' that ends the mark; quoted ones may have a ']' in them. A blank line ends a paragraph, and a mark does not go on in the next. */
static enum cite_match match_words(base_span s, size_t begin, bool quoted, cite_mark *out) {
  bool line_end = false;
  out->words = base_span_of(s.p + begin, 0);
  for (size_t at = begin; at < s.n; at++) {
    if (s.p[at] == '\n' && line_end) return CITE_NONE;
    if (s.p[at] == '\n') line_end = true;
    if (!is_space(s.p[at])) line_end = false;
    size_t close = at;
    if (quoted) {
      size_t n = quote_size(s, at);
      if (n == 0 && is_torn(s, at)) return CITE_NEED_MORE;
      if (n == 0) continue;
      close = skip_spaces(s, at + n);
      if (close == s.n) return CITE_NEED_MORE;
    }
    if (s.p[close] != ']') continue;
    out->words = base_span_of(s.p + begin, at - begin);
    out->size = close + 1;
    return CITE_MATCH;
  }
  return CITE_NEED_MORE;
}

enum cite_match cite_match_mark(base_span s, cite_mark *out) {
  *out = (cite_mark){0};
  size_t at = skip_spaces(s, 1), digits = 0;
  for (; at < s.n && is_digit(s.p[at]) && digits <= DIGITS_MAX; at++, digits++)
    out->number = out->number * 10 + (s.p[at] - '0');
  if (at < s.n && (digits == 0 || digits > DIGITS_MAX)) return CITE_NONE;
  at = skip_spaces(s, at);
  if (at == s.n) return CITE_NEED_MORE;
  if (s.p[at] == ']') {
    out->size = at + 1;
    return CITE_MATCH;
  }
  if (s.p[at] != ':') return CITE_NONE;
  at = skip_spaces(s, at + 1);
  if (at == s.n) return CITE_NEED_MORE;
  if (is_digit(s.p[at])) return CITE_NONE;
  size_t quote = quote_size(s, at);
  if (quote == 0 && is_torn(s, at)) return CITE_NEED_MORE;
  return match_words(s, at + quote, quote > 0, out);
}

/* What is compared: a code point of the folded text, and the bytes of the text that it came from. */
typedef struct {
  utf8proc_int32_t code;
  size_t begin, end;
} unit;

static bool is_word(utf8proc_int32_t code) {
  switch (utf8proc_category(code)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_NO: return true;
  default: return false;
  }
}

static bool is_separator(utf8proc_int32_t code) {
  return (code < 0x80 && is_space((uint8_t)code)) || utf8proc_category(code) == UTF8PROC_CATEGORY_ZS;
}

/* Emphasis, code spans, and what is not seen (soft hyphens, joiners). */
static bool is_ignored(utf8proc_int32_t code) {
  return code == '*' || code == '_' || code == '`' || utf8proc_category(code) == UTF8PROC_CATEGORY_CF;
}

static bool is_quote(utf8proc_int32_t code) {
  for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
    if (quotes[i].code == code) return true;
  }
  return false;
}

/* The folded text, whose memory is the caller's; NULL without memory. */
static unit *fold(base_span text, size_t *count) {
  size_t capacity = text.n * UNITS_PER_BYTE + FOLDED_MAX;
  unit *units = malloc(capacity * sizeof *units);
  *count = 0;
  if (!units) return NULL;
  for (size_t at = 0; at < text.n;) {
    utf8proc_int32_t code, folded[FOLDED_MAX];
    int last_class = 0;
    utf8proc_ssize_t n = utf8proc_iterate(text.p + at, (utf8proc_ssize_t)(text.n - at), &code);
    if (n < 1) { /* not UTF-8: equal to nothing else */
      code = 0xFFFD;
      n = 1;
    }
    size_t begin = at;
    at += (size_t)n;
    if (is_ignored(code)) continue;
    utf8proc_ssize_t size = 1;
    folded[0] = code;
    if (is_separator(code)) {
      folded[0] = ' ';
      if (*count && units[*count - 1].code == ' ') continue;
    } else if (is_quote(code)) {
      folded[0] = '"';
    } else {
      size = utf8proc_decompose_char(code, folded, FOLDED_MAX, UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD, &last_class);
      if (size < 0 || size > FOLDED_MAX) {
        folded[0] = code;
        size = 1;
      }
    }
    for (utf8proc_ssize_t i = 0; i < size && *count < capacity; i++)
      units[(*count)++] = (unit){folded[i], begin, at};
  }
  return units;
}

static size_t count_words(const unit *units, size_t count) {
  size_t words = 0;
  for (size_t i = 0; i < count; i++)
    words += is_word(units[i].code) && (i == 0 || !is_word(units[i - 1].code));
  return words;
}

static bool stands_at(const unit *in, size_t in_count, size_t at, const unit *words, size_t count) {
  if (at > 0 && is_word(in[at - 1].code)) return false;
  for (size_t i = 0; i < count; i++) {
    if (in[at + i].code != words[i].code) return false;
  }
  return at + count == in_count || !is_word(in[at + count].code);
}

base_err cite_find(base_span passage, base_span words, bool *found, size_t *begin, size_t *end) {
  *found = false;
  size_t in_count, count;
  unit *in = fold(passage, &in_count), *asked = fold(words, &count), *first = asked;
  if (!in || !asked) {
    free(in);
    free(asked);
    return base_fail(BASE_E_NO_MEMORY);
  }
  while (count && !is_word(first->code)) {
    first++;
    count--;
  }
  while (count && !is_word(first[count - 1].code))
    count--;
  if (count_words(first, count) >= CITE_WORDS_MIN) {
    for (size_t at = 0; at + count <= in_count && !*found; at++) {
      *found = stands_at(in, in_count, at, first, count);
      *begin = in[at].begin;
      *end = in[at + count - 1].end;
    }
  }
  free(in);
  free(asked);
  return BASE_OK;
}
