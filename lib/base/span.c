#include "base/span.h"

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; }

bool base_span_ieq(base_span a, base_span b) {
  if (a.n != b.n) {
    return false;
  }
  for (size_t i = 0; i < a.n; i++) {
    if (lower(a.p[i]) != lower(b.p[i])) {
      return false;
    }
  }
  return true;
}

bool base_span_starts(base_span a, const char *prefix) {
  size_t n = strlen(prefix);
  return a.n >= n && base_span_eq(base_span_of(a.p, n), base_span_of(prefix, n));
}

bool base_span_ends(base_span a, const char *suffix) {
  size_t n = strlen(suffix);
  if (a.n < n || n == 0) {
    return n == 0;
  }
  return base_span_eq(base_span_of(a.p + a.n - n, n), base_span_of(suffix, n));
}

base_span base_span_trim(base_span a) {
  while (a.n > 0 && (a.p[0] == ' ' || a.p[0] == '\t')) {
    a.p++;
    a.n--;
  }
  while (a.n > 0 && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t')) {
    a.n--;
  }
  return a;
}

bool base_span_has_word(base_span words, char separator, base_span word) {
  while (words.n > 0) {
    const uint8_t *stop = memchr(words.p, separator, words.n);
    size_t length = stop ? (size_t)(stop - words.p) : words.n;
    if (length > 0 && base_span_eq(base_span_of(words.p, length), word)) {
      return true;
    }
    size_t used = length + (stop ? 1 : 0);
    words = base_span_of(words.p + used, words.n - used);
  }
  return false;
}

bool base_span_u64(base_span a, uint64_t *out) {
  uint64_t v = 0;
  if (a.n == 0) {
    return false;
  }
  for (size_t i = 0; i < a.n; i++) {
    if (a.p[i] < '0' || a.p[i] > '9') {
      return false;
    }
    unsigned digit = a.p[i] - '0';
    if (v > (UINT64_MAX - digit) / 10) {
      return false;
    }
    v = v * 10 + digit;
  }
  *out = v;
  return true;
}

/* Continuation bytes of a sequence by its lead byte, with the bounds of the second byte (RFC 3629 section 4). */
static const struct {
  uint8_t lead_first, lead_last, more, second_first, second_last;
} utf8_rows[] = {
    {0x00, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

/* Length of the well-formed sequence at p, or 0. */
static size_t utf8_sequence(const uint8_t *p, size_t n) {
  for (size_t r = 0; r < sizeof utf8_rows / sizeof *utf8_rows; r++) {
    if (p[0] < utf8_rows[r].lead_first || p[0] > utf8_rows[r].lead_last) {
      continue;
    }
    size_t more = utf8_rows[r].more;
    if (n < more + 1 || (more > 0 && (p[1] < utf8_rows[r].second_first || p[1] > utf8_rows[r].second_last))) {
      return 0;
    }
    for (size_t i = 2; i <= more; i++) {
      if ((p[i] & 0xc0) != 0x80) {
        return 0;
      }
    }
    return more + 1;
  }
  return 0;
}

int base_hex_value(uint8_t c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool base_span_utf8(base_span a) {
  for (size_t i = 0; i < a.n;) {
    size_t n = utf8_sequence(a.p + i, a.n - i);
    if (n == 0) {
      return false;
    }
    i += n;
  }
  return true;
}

base_span base_cursor_bytes(base_cursor *c, size_t n) {
  if (c->failed || n > base_cursor_left(c)) {
    c->failed = true;
    return (base_span){NULL, 0};
  }
  base_span s = {c->p, n};
  c->p = n ? c->p + n : c->p;
  return s;
}

static uint64_t big_endian(base_cursor *c, size_t n) {
  base_span s = base_cursor_bytes(c, n);
  uint64_t v = 0;
  for (size_t i = 0; i < s.n; i++) {
    v = v << 8 | s.p[i];
  }
  return v;
}

uint8_t base_cursor_u8(base_cursor *c) { return (uint8_t)big_endian(c, 1); }
uint16_t base_cursor_u16(base_cursor *c) { return (uint16_t)big_endian(c, 2); }
uint32_t base_cursor_u24(base_cursor *c) { return (uint32_t)big_endian(c, 3); }
uint32_t base_cursor_u32(base_cursor *c) { return (uint32_t)big_endian(c, 4); }
uint64_t base_cursor_u64(base_cursor *c) { return big_endian(c, 8); }

uint32_t base_cursor_varint(base_cursor *c) {
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    uint8_t b = base_cursor_u8(c);
    v |= (uint64_t)(b & 0x7f) << shift;
    if ((b & 0x80) == 0) {
      bool shortest = shift == 0 || b != 0;
      c->failed |= !shortest || v > UINT32_MAX;
      return c->failed ? 0 : (uint32_t)v;
    }
  }
  c->failed = true;
  return 0;
}

uint64_t base_cursor_varint64(base_cursor *c) {
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    uint8_t b = base_cursor_u8(c);
    v |= shift < 64 ? (uint64_t)(b & 0x7f) << shift : 0;
    if ((b & 0x80) == 0) {
      return v;
    }
  }
  c->failed = true;
  return 0;
}
