#include "base/trace.h"

#include <string.h>

#include "base/clock.h"

static const char digits[] = "0123456789abcdef";

/* -- text ------------------------------------------------------------------------------------------------------------------- */

/* Lower case only, as the specification demands. */
static int digit(uint8_t c) { return c >= 'A' && c <= 'F' ? -1 : base_hex_value(c); }

static bool from_hex(const uint8_t *text, uint8_t *out, size_t n) {
  for (size_t i = 0; i < n; i++) {
    int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return false;
    }
    out[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static char *to_hex(const uint8_t *bytes, size_t n, char *out) {
  for (size_t i = 0; i < n; i++) {
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
  return out;
}

static bool is_zero(const uint8_t *bytes, size_t n) {
  uint8_t any = 0;
  for (size_t i = 0; i < n; i++) {
    any |= bytes[i];
  }
  return any == 0;
}

bool base_trace_parse(base_span s, base_trace *out) {
  enum { SIZE = BASE_TRACEPARENT_SIZE - 1 };
  uint8_t version = 0;
  /* Later versions may append "-..."; version 0 is exactly this long, and ff is forbidden. */
  if (s.n < SIZE || !from_hex(s.p, &version, 1) || version == 0xff || (version == 0 && s.n != SIZE) ||
      (s.n > SIZE && s.p[SIZE] != '-')) {
    return false;
  }
  return s.p[2] == '-' && s.p[35] == '-' && s.p[52] == '-' && from_hex(s.p + 3, out->trace_id, 16) &&
         from_hex(s.p + 36, out->span_id, 8) && from_hex(s.p + 53, &out->flags, 1) && !is_zero(out->trace_id, 16) &&
         !is_zero(out->span_id, 8);
}

void base_trace_text(const base_trace *t, char out[BASE_TRACEPARENT_SIZE]) {
  static const uint8_t version = 0;
  char *p = to_hex(&version, 1, out);
  *p++ = '-';
  p = to_hex(t->trace_id, 16, p);
  *p++ = '-';
  p = to_hex(t->span_id, 8, p);
  *p++ = '-';
  *to_hex(&t->flags, 1, p) = 0;
}

void base_trace_id_text(const base_trace *t, char out[BASE_TRACE_ID_SIZE]) { *to_hex(t->trace_id, 16, out) = 0; }

/* -- new spans ---------------------------------------------------------------------------------------------------------------- */

/* xoshiro256** (Blackman and Vigna): a system call for each span would cost more than the span. */
static uint64_t random_u64(void) {
  static _Thread_local uint64_t s[4];
  while (is_zero((const uint8_t *)s, sizeof s)) {
    base_random(s, sizeof s);
  }
  uint64_t x = s[1] * 5, result = (x << 7 | x >> 57) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = s[3] << 45 | s[3] >> 19;
  return result;
}

static void put_random(uint8_t out[8]) {
  uint64_t n = random_u64();
  n += n == 0; /* all zeroes mean "no id" */
  memcpy(out, &n, 8);
}

/* By the last seven bytes of the trace id, so that every service that looks decides alike. */
static bool is_sampled(const base_trace *t, double ratio) {
  uint64_t n = 0;
  for (int i = 9; i < 16; i++) {
    n = n << 8 | t->trace_id[i];
  }
  return (double)n < ratio * (double)(UINT64_C(1) << 56);
}

void base_trace_start(const base_trace *parent, double ratio, base_trace *out) {
  if (parent) {
    memcpy(out->trace_id, parent->trace_id, sizeof out->trace_id);
    out->flags = parent->flags & BASE_TRACE_SAMPLED;
  } else {
    put_random(out->trace_id);
    put_random(out->trace_id + 8);
    out->flags = is_sampled(out, ratio) ? BASE_TRACE_SAMPLED : 0;
  }
  put_random(out->span_id);
}
