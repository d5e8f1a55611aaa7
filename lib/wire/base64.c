#include "wire/metadata.h"

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char standard[] = LETTERS_AND_DIGITS "+/", url[] = LETTERS_AND_DIGITS "-_";

static base_err encode(base_span raw, const char *alphabet, base_buf *out) {
  uint8_t *at = NULL;
  size_t tail = raw.n % 3;
  if (raw.n / 3 > SIZE_MAX / 4 - 1) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  size_t n = raw.n / 3 * 4 + (tail ? tail + 1 : 0);
  BASE_TRY(base_buf_reserve(out, n, &at));
  for (size_t i = 0; i < n; i++) {
    size_t bit = i * 6;
    unsigned two = (unsigned)raw.p[bit / 8] << 8 | (bit / 8 + 1 < raw.n ? raw.p[bit / 8 + 1] : 0U);
    at[i] = (uint8_t)alphabet[(two >> (10 - bit % 8)) & 63];
  }
  base_buf_commit(out, n);
  return BASE_OK;
}

base_err wire_base64_encode(base_span raw, base_buf *out) { return encode(raw, standard, out); }
base_err wire_base64url_encode(base_span raw, base_buf *out) { return encode(raw, url, out); }

static int digit(uint8_t c, const char *alphabet) {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  if (c >= 'a' && c <= 'z') {
    return c - 'a' + 26;
  }
  if (c >= '0' && c <= '9') {
    return c - '0' + 52;
  }
  return c == (uint8_t)alphabet[62] ? 62 : c == (uint8_t)alphabet[63] ? 63 : -1;
}

/* Takes the padding off. Padding, where there is any, must fill the last group of four. */
static bool strip_padding(base_span *text) {
  size_t padding = 0;
  while (padding < text->n && text->p[text->n - 1 - padding] == '=') {
    padding++;
  }
  bool good = padding == 0 || (padding <= 2 && text->n % 4 == 0);
  text->n -= padding;
  return good;
}

static base_err decode(base_span text, const char *alphabet, base_buf *out) {
  uint8_t *at = NULL;
  unsigned bits = 0;
  size_t made = 0;
  if (text.n % 4 == 1) {
    return base_fail(BASE_E_MALFORMED);
  }
  size_t n = text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0);
  BASE_TRY(base_buf_reserve(out, n, &at));
  for (size_t i = 0; i < text.n; i++) {
    int d = digit(text.p[i], alphabet);
    if (d < 0) {
      return base_fail(BASE_E_MALFORMED);
    }
    bits = (bits << 6 | (unsigned)d) & 0xffff;
    if (i % 4 != 0) {
      at[made++] = (uint8_t)(bits >> (6 - i % 4 * 2));
    }
  }
  /* Bits beyond the last byte must be zero: one value has one encoding (RFC 4648 section 3.5). */
  unsigned spare = text.n % 4 == 2 ? 0x0f : text.n % 4 == 3 ? 0x03 : 0;
  if ((bits & spare) != 0) {
    return base_fail(BASE_E_MALFORMED);
  }
  base_buf_commit(out, n);
  return BASE_OK;
}

base_err wire_base64_decode(base_span text, base_buf *out) {
  return strip_padding(&text) ? decode(text, standard, out) : base_fail(BASE_E_MALFORMED);
}

base_err wire_base64url_decode(base_span text, base_buf *out) { return decode(text, url, out); }
