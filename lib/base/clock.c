#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h> /* getentropy of emscripten */

enum { ENTROPY_MAX = 256 }; /* what getentropy(3) gives at once */

static int64_t now_us(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) {
    abort(); /* only an unknown clock can fail */
  }
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t base_now_us(void) { return now_us(CLOCK_MONOTONIC); }
int64_t base_now_ms(void) { return base_now_us() / 1000; }
int64_t base_wall_us(void) { return now_us(CLOCK_REALTIME); }
int64_t base_wall_ms(void) { return base_wall_us() / 1000; }

/* By arithmetic and not by gmtime_r(3), which in wasm calls out to JavaScript for a time zone nobody asked for. A year
 * begins in March here, so that the leap day is its last (Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", civil_from_days); 719468 days lie between 0000-03-01 and 1970-01-01. */
void base_time_text(int64_t wall_ms, char out[BASE_TIME_SIZE]) {
  const int64_t last = 253402300799999; /* 9999-12-31T23:59:59.999Z */
  int64_t ms = wall_ms < 0 ? 0 : wall_ms > last ? last : wall_ms;
  unsigned in_day = (unsigned)(ms % 86400000), days = (unsigned)(ms / 86400000) + 719468;
  unsigned era = days / 146097, day_of_era = days % 146097; /* 400 years */
  unsigned year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  unsigned day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
  unsigned month = (5 * day_of_year + 2) / 153; /* 0 is March */
  unsigned day = day_of_year - (153 * month + 2) / 5 + 1;
  year += era * 400 + (month >= 10);
  month = month < 10 ? month + 3 : month - 9;
  char text[64]; /* as long as the compiler fears the numbers to be */
  snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, day, in_day / 3600000,
           in_day / 60000 % 60, in_day / 1000 % 60, in_day % 1000);
  memcpy(out, text, BASE_TIME_SIZE);
}

void base_random(void *out, size_t n) {
  uint8_t *at = out;
  while (n > 0) {
    size_t some = n < ENTROPY_MAX ? n : ENTROPY_MAX;
    if (getentropy(at, some) != 0) {
      fputs("the system has no source of randomness\n", stderr);
      abort();
    }
    at += some;
    n -= some;
  }
}

void base_uuid7_of(int64_t wall_ms, const uint8_t random[10], char out[BASE_UUID_SIZE]) {
  static const char hex[] = "0123456789abcdef";
  uint8_t id[16];
  for (int i = 0; i < 16; i++) {
    id[i] = i < 6 ? (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i)) : random[i - 6];
  }
  id[6] = (uint8_t)(0x70 | (id[6] & 0x0f)); /* version 7 */
  id[8] = (uint8_t)(0x80 | (id[8] & 0x3f)); /* variant 10 */
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      *out++ = '-';
    }
    *out++ = hex[id[i] >> 4];
    *out++ = hex[id[i] & 15];
  }
  *out = 0;
}

void base_uuid7(char out[BASE_UUID_SIZE]) {
  uint8_t random[10];
  base_random(random, sizeof random);
  base_uuid7_of(base_wall_ms(), random, out);
}

int64_t base_backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms, uint32_t random) {
  int64_t most = base_ms < cap_ms ? base_ms : cap_ms;
  for (unsigned i = 0; i < attempt && most < cap_ms; i++) {
    most = most > cap_ms / 2 ? cap_ms : most * 2;
    if (most == 0) {
      break; /* a base of 0 stays 0, however often it is doubled */
    }
  }
  int64_t least = base_ms / 2 < most ? base_ms / 2 : most;
  /* (most - least) * random / 2^32, in two halves so that nothing overflows. */
  uint64_t range = (uint64_t)(most - least);
  return least + (int64_t)((range >> 32) * random + ((range & UINT32_MAX) * random >> 32));
}
