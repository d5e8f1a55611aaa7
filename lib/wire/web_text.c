#include "wire/web_text.h"

enum { GROUP = 4 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
enum { NO_DIGIT = 64 };
static const uint8_t digits[256] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
    64, 64, 64, 64, 64, 64, 64, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 64, 64, 64, 64, 64, 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
    45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
};

bool wire_web_text_at_rest(const wire_web_text_decoder *d) { return d->have == 0; }

/* One character into the group; false for what cannot stand there. */
static bool take(wire_web_text_decoder *d, uint8_t c) {
  uint32_t digit = digits[c];
  if (c == '=') {
    if (d->have < 2) {
      return false;
    }
    d->padding++;
    digit = 0;
  } else if (digit == NO_DIGIT || d->padding > 0) {
    return false;
  }
  d->bits = d->bits << 6 | digit;
  d->have++;
  return true;
}

/* Bits beyond the last byte must be zero: one value has one encoding (RFC 4648 section 3.5). */
static bool finish_group(wire_web_text_decoder *d, uint8_t **at) {
  uint32_t spare = d->padding == 2 ? 0xffff : d->padding == 1 ? 0xff : 0;
  for (int i = 0; i < 3 - d->padding; i++) {
    *(*at)++ = (uint8_t)(d->bits >> (16 - 8 * i));
  }
  bool good = (d->bits & spare) == 0;
  *d = (wire_web_text_decoder){0};
  return good;
}

/* Whole groups without padding, which nearly all are: how many characters it took. */
static size_t take_groups(base_span text, uint8_t **at) {
  const uint8_t *p = text.p;
  uint8_t *out = *at;
  size_t i = 0;
  for (; i + GROUP <= text.n; i += GROUP) {
    uint32_t a = digits[p[i]], b = digits[p[i + 1]], c = digits[p[i + 2]], d = digits[p[i + 3]];
    if ((a | b | c | d) & NO_DIGIT) {
      break;
    }
    uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 8);
    out[2] = (uint8_t)bits;
    out += 3;
  }
  *at = out;
  return i;
}

base_err wire_web_text_decode(wire_web_text_decoder *d, base_span text, base_buf *out) {
  uint8_t *start = NULL;
  BASE_TRY(base_buf_reserve(out, text.n / GROUP * 3 + 3, &start));
  uint8_t *at = start;
  bool good = true;
  for (size_t i = 0; good && i < text.n;) {
    if (d->have == 0 && text.n - i >= GROUP) {
      size_t n = take_groups(base_span_of(text.p + i, text.n - i), &at);
      i += n;
      if (n > 0) {
        continue;
      }
    }
    good = take(d, text.p[i++]) && (d->have < GROUP || finish_group(d, &at));
  }
  base_buf_commit(out, (size_t)(at - start));
  return good ? BASE_OK : base_fail(BASE_E_MALFORMED);
}

base_err wire_web_text_encode(base_span raw, base_buf *out) {
  uint8_t *at = NULL;
  if (raw.n / 3 > SIZE_MAX / GROUP - 1) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  size_t n = (raw.n + 2) / 3 * GROUP, whole = raw.n / 3 * 3;
  BASE_TRY(base_buf_reserve(out, n, &at));
  for (size_t i = 0; i < whole; i += 3) {
    uint32_t bits = (uint32_t)raw.p[i] << 16 | (uint32_t)raw.p[i + 1] << 8 | raw.p[i + 2];
    at[0] = (uint8_t)alphabet[bits >> 18];
    at[1] = (uint8_t)alphabet[bits >> 12 & 63];
    at[2] = (uint8_t)alphabet[bits >> 6 & 63];
    at[3] = (uint8_t)alphabet[bits & 63];
    at += GROUP;
  }
  if (whole < raw.n) {
    bool two = raw.n - whole == 2;
    uint32_t bits = (uint32_t)raw.p[whole] << 16 | (two ? (uint32_t)raw.p[whole + 1] << 8 : 0);
    *at++ = (uint8_t)alphabet[bits >> 18];
    *at++ = (uint8_t)alphabet[bits >> 12 & 63];
    *at++ = two ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
    *at++ = '=';
  }
  base_buf_commit(out, n);
  return BASE_OK;
}
