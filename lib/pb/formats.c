#include "pb/formats.h"

enum { EMAIL_MAX = 254, LOCAL_MAX = 64, LABEL_MAX = 63 };

static bool is_letter_or_digit(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 5322 atext. */
static bool is_atom(uint8_t c) { return c != 0 && (is_letter_or_digit(c) || strchr("!#$%&'*+-/=?^_`{|}~", c)); }

/* Code points beyond ASCII that show nothing, or turn the text around them: two addresses that look the same must not differ by them. */
static const struct {
  uint32_t first, last;
} unseen[] = {
    {0x80, 0xa0},     {0xad, 0xad},       {0x34f, 0x34f},      {0x61c, 0x61c},   {0x115f, 0x1160}, {0x1680, 0x1680},
    {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x2000, 0x200f},    {0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800},
    {0x3000, 0x3000}, {0x3164, 0x3164},   {0xe000, 0xf8ff},    {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
    {0xfff0, 0xffff}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
};

/* The code point at `p` of valid UTF-8, and its length. */
static uint32_t code_point(const uint8_t *p, size_t *n) {
  *n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
  uint32_t c = *n == 1 ? *p : *p & (0xffu >> (*n + 1));
  for (size_t i = 1; i < *n; i++) {
    c = c << 6 | (p[i] & 0x3f);
  }
  return c;
}

static bool is_seen(base_span text) {
  for (size_t i = 0, n; i < text.n; i += n) {
    uint32_t c = code_point(text.p + i, &n);
    for (size_t k = 0; k < sizeof unseen / sizeof *unseen; k++) {
      if (c >= unseen[k].first && c <= unseen[k].last) {
        return false;
      }
    }
  }
  return true;
}

/* A part between dots. */
static bool is_label(base_span s) {
  if (s.n == 0 || s.n > LABEL_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-') {
    return false;
  }
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < 0x80 && !is_letter_or_digit(s.p[i]) && s.p[i] != '-') {
      return false;
    }
  }
  return true;
}

static bool is_atom_text(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < 0x80 && !is_atom(s.p[i])) {
      return false;
    }
  }
  return s.n > 0;
}

static bool parts_are(base_span s, bool (*is_part)(base_span)) {
  for (;;) {
    const uint8_t *dot = s.n ? memchr(s.p, '.', s.n) : NULL;
    size_t n = dot ? (size_t)(dot - s.p) : s.n;
    if (!is_part(base_span_of(s.p, n))) {
      return false;
    }
    if (dot == NULL) {
      return true;
    }
    s = base_span_of(dot + 1, s.n - n - 1);
  }
}

bool pb_is_email(base_span text) {
  const uint8_t *at = text.n > 0 && text.n <= EMAIL_MAX ? memchr(text.p, '@', text.n) : NULL;
  if (at == NULL || !base_span_utf8(text) || !is_seen(text)) {
    return false;
  }
  base_span local = base_span_of(text.p, (size_t)(at - text.p));
  base_span host = base_span_of(at + 1, text.n - local.n - 1);
  return local.n <= LOCAL_MAX && parts_are(local, is_atom_text) && parts_are(host, is_label);
}

bool pb_is_uuid(base_span text) {
  if (text.n != 36) {
    return false;
  }
  for (size_t i = 0; i < text.n; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text.p[i] != '-' : base_hex_value(text.p[i]) < 0) {
      return false;
    }
  }
  return true;
}
