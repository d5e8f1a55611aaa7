#include "pb/json_lex.h"

static bool fails(pb_json_lexer *l, const char *why) {
  l->why = l->why ? l->why : why;
  return false;
}

static void skip_blanks(pb_json_lexer *l) {
  while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\n' || *l->p == '\r')) {
    l->p++;
  }
}

enum pb_json_kind pb_json_peek(pb_json_lexer *l) {
  skip_blanks(l);
  switch (l->p < l->end ? *l->p : 0) {
  case '{': return PB_JSON_OBJECT_KIND;
  case '[': return PB_JSON_ARRAY_KIND;
  case '"': return PB_JSON_TEXT_KIND;
  case 't': return PB_JSON_TRUE_KIND;
  case 'f': return PB_JSON_FALSE_KIND;
  case 'n': return PB_JSON_NULL_KIND;
  case '-':
  case '0':
  case '1':
  case '2':
  case '3':
  case '4':
  case '5':
  case '6':
  case '7':
  case '8':
  case '9': return PB_JSON_NUMBER_KIND;
  default: return PB_JSON_NO_KIND;
  }
}

/* -- texts ----------------------------------------------------------------------------------------------------------- */

static bool hex4(base_cursor *c, uint32_t *out) {
  *out = 0;
  for (int i = 0; i < 4; i++) {
    int d = base_hex_value(base_cursor_u8(c));
    if (d < 0) {
      return false;
    }
    *out = *out << 4 | (uint32_t)d;
  }
  return true;
}

/* What follows "\u": a character, or the two halves of one. */
static bool escaped_code(base_cursor *c, uint32_t *out) {
  uint32_t low;
  if (!hex4(c, out) || *out == 0) {
    return false;
  }
  if (*out < 0xd800 || *out > 0xdfff) {
    return true;
  }
  if (*out > 0xdbff || base_cursor_u8(c) != '\\' || base_cursor_u8(c) != 'u' || !hex4(c, &low) || low < 0xdc00 ||
      low > 0xdfff) {
    return false;
  }
  *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
  return true;
}

static size_t put_utf8(uint32_t c, uint8_t *out) {
  if (c < 0x80) {
    out[0] = (uint8_t)c;
    return 1;
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, c >>= 6) {
    out[i] = (uint8_t)(0x80 | (c & 0x3f));
  }
  out[0] = (uint8_t)((0xf00U >> n & 0xf0) | c);
  return n;
}

static bool unescape(base_cursor *c, uint8_t *out, size_t *n) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  uint8_t e = base_cursor_u8(c);
  uint32_t code;
  const char *known = e ? strchr(from, e) : NULL;
  if (known) {
    out[(*n)++] = (uint8_t)to[known - from];
    return true;
  }
  if (e != 'u' || !escaped_code(c, &code)) {
    return false;
  }
  *n += put_utf8(code, out + *n);
  return true;
}

/* `raw` is what stands between the quotes; decoded it is never longer. */
static bool decode(pb_json_lexer *l, base_span raw, base_span *out) {
  uint8_t *text = pb_arena_alloc(l->arena, raw.n);
  size_t n = 0;
  if (text == NULL) {
    return fails(l, "there is no memory for this text");
  }
  for (base_cursor c = base_cursor_of(raw); base_cursor_left(&c) > 0;) {
    uint8_t byte = base_cursor_u8(&c);
    if (byte != '\\') {
      text[n++] = byte;
    } else if (!unescape(&c, text, &n) || c.failed) {
      return fails(l, "an escape in this text is none of JSON's, or names no character");
    }
  }
  *out = base_span_of(text, n);
  return true;
}

bool pb_json_text(pb_json_lexer *l, base_span *out) {
  skip_blanks(l);
  if (l->p == l->end || *l->p != '"') {
    return fails(l, "a text in quotes belongs here");
  }
  const uint8_t *p = l->p + 1, *begin = p;
  bool escapes = false;
  for (; p < l->end && *p != '"'; p++) {
    if (*p < ' ') {
      l->p = p;
      return fails(l, "control characters in a text are written as escapes");
    }
    if (*p == '\\') {
      escapes = true;
      p += p + 1 < l->end;
    }
  }
  if (p == l->end) {
    return fails(l, "the quote that ends this text is missing");
  }
  *out = base_span_of(begin, (size_t)(p - begin));
  if (!base_span_utf8(*out)) {
    return fails(l, "this text is not UTF-8");
  }
  if (escapes && !decode(l, *out, out)) {
    return false;
  }
  l->p = p + 1;
  return true;
}

/* -- numbers --------------------------------------------------------------------------------------------------------- */

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end) {
  while (p < end && *p >= '0' && *p <= '9') {
    p++;
  }
  return p;
}

/* Behind the number that begins at p; NULL: there is none. */
static const uint8_t *number_end(const uint8_t *p, const uint8_t *end) {
  p += p < end && *p == '-';
  const uint8_t *digits = p;
  p = skip_digits(p, end);
  if (p == digits || (*digits == '0' && p > digits + 1)) {
    return NULL;
  }
  if (p < end && *p == '.') {
    digits = ++p;
    p = skip_digits(p, end);
    if (p == digits) {
      return NULL;
    }
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    p += p < end && (*p == '+' || *p == '-');
    digits = p;
    p = skip_digits(p, end);
    if (p == digits) {
      return NULL;
    }
  }
  return p;
}

bool pb_json_number(pb_json_lexer *l, base_span *out) {
  skip_blanks(l);
  const uint8_t *end = number_end(l->p, l->end);
  if (end == NULL) {
    return fails(l, "this is no number of JSON");
  }
  *out = base_span_of(l->p, (size_t)(end - l->p));
  l->p = end;
  return true;
}

bool pb_json_is_number(base_span text) { return text.n > 0 && number_end(text.p, text.p + text.n) == text.p + text.n; }

/* A decimal number in parts: digits (without the point) times ten to the exponent. */
struct decimal {
  bool negative;
  base_span whole, fraction;
  int64_t exponent;
};

static int64_t read_exponent(base_span s) {
  enum { FAR = 100000000 }; /* beyond any text that fits into memory */
  bool negative = s.n > 0 && s.p[0] == '-';
  int64_t v = 0;
  for (size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'); i < s.n; i++) {
    v = v < FAR ? v * 10 + (s.p[i] - '0') : v;
  }
  return negative ? -v : v;
}

static struct decimal split(base_span s) {
  struct decimal d = {.negative = s.p[0] == '-'};
  const uint8_t *end = s.p + s.n, *p = s.p + d.negative, *stop = skip_digits(p, end);
  d.whole = base_span_of(p, (size_t)(stop - p));
  if (stop < end && *stop == '.') {
    p = stop + 1;
    stop = skip_digits(p, end);
    d.fraction = base_span_of(p, (size_t)(stop - p));
  }
  if (stop < end) {
    d.exponent = read_exponent(base_span_of(stop + 1, (size_t)(end - stop - 1)));
  }
  return d;
}

static uint8_t digit_at(const struct decimal *d, size_t i) {
  return i < d->whole.n ? d->whole.p[i] - '0' : d->fraction.p[i - d->whole.n] - '0';
}

/* False: not whole, or beyond 64 bits. */
static bool magnitude(const struct decimal *d, uint64_t *out) {
  size_t digits = d->whole.n + d->fraction.n;
  int64_t places = (int64_t)d->whole.n + d->exponent; /* digits in front of the point */
  *out = 0;
  for (size_t i = 0; i < digits; i++) {
    uint8_t digit = digit_at(d, i);
    if ((int64_t)i >= places) {
      if (digit != 0) {
        return false;
      }
    } else if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, digit, out)) {
      return false;
    }
  }
  for (int64_t i = (int64_t)digits; i < places && *out != 0; i++) {
    if (__builtin_mul_overflow(*out, 10, out)) {
      return false;
    }
  }
  return true;
}

bool pb_json_integer(base_span number, bool is_signed, int bits, uint64_t *out) {
  struct decimal d = split(number);
  uint64_t m;
  if (!magnitude(&d, &m)) {
    return false;
  }
  uint64_t most = is_signed ? ((uint64_t)1 << (bits - 1)) - 1 : bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
  if (d.negative && m > 0) {
    *out = 0 - m;
    return is_signed && m <= most + 1;
  }
  *out = m;
  return m <= most;
}

/* -- structure ------------------------------------------------------------------------------------------------------- */

bool pb_json_word(pb_json_lexer *l, const char *word) {
  skip_blanks(l);
  size_t n = strlen(word);
  if ((size_t)(l->end - l->p) < n || memcmp(l->p, word, n) != 0) {
    return fails(l, "this is no value of JSON; texts stand in quotes");
  }
  l->p += n;
  return true;
}

bool pb_json_open(pb_json_lexer *l, char bracket) {
  const char word[] = {bracket, '\0'};
  return pb_json_word(l, word);
}

bool pb_json_more(pb_json_lexer *l, char closing, bool *first, bool *more) {
  skip_blanks(l);
  uint8_t next = l->p < l->end ? *l->p : 0;
  *more = next != (uint8_t)closing;
  if (!*more) {
    l->p++;
    return true;
  }
  if (!*first) {
    if (next != ',') {
      return fails(l, closing == '}' ? "a comma or } is missing" : "a comma or ] is missing");
    }
    l->p++;
  }
  *first = false;
  return true;
}

bool pb_json_key(pb_json_lexer *l, base_span *out) {
  skip_blanks(l);
  if (l->p == l->end || *l->p != '"') {
    return fails(l, "a member's name in quotes belongs here");
  }
  if (!pb_json_text(l, out)) {
    return false;
  }
  skip_blanks(l);
  if (l->p == l->end || *l->p != ':') {
    return fails(l, "a colon is missing");
  }
  l->p++;
  return true;
}

bool pb_json_end(pb_json_lexer *l) {
  skip_blanks(l);
  return l->p == l->end || fails(l, "nothing may follow the value");
}

void pb_json_place(const pb_json_lexer *l, unsigned *line, unsigned *column) {
  *line = *column = 1;
  for (const uint8_t *p = l->begin; p < l->p; p++) {
    *line += *p == '\n';
    *column = *p == '\n' ? 1 : *column + 1;
  }
}
