#include "wire/status.h"

#include <stdio.h>

enum { MAX_DIGITS = 8, MAX_VALUE = 99999999 };

/* Each unit in nanoseconds, ascending (PROTOCOL-HTTP2.md, "TimeoutUnit"). */
static const struct {
  char unit;
  int64_t ns;
} units[] = {{'n', 1}, {'u', 1000}, {'m', 1000000}, {'S', 1000000000}, {'M', 60000000000}, {'H', 3600000000000}};
enum { UNITS = sizeof units / sizeof *units, MILLISECONDS = 2, NS_PER_MS = 1000000 };

base_err wire_timeout_decode(base_span text, int64_t *ms) {
  uint64_t value = 0;
  if (text.n < 2 || text.n > MAX_DIGITS + 1 || !base_span_u64(base_span_of(text.p, text.n - 1), &value)) {
    return base_fail(BASE_E_MALFORMED);
  }
  for (int i = 0; i < UNITS; i++) {
    if (text.p[text.n - 1] != (uint8_t)units[i].unit) {
      continue;
    }
    /* In ms before ns could overflow: 99999999 hours are 3.6e20 ns. */
    *ms = units[i].ns >= NS_PER_MS ? (int64_t)value * (units[i].ns / NS_PER_MS)
                                   : ((int64_t)value * units[i].ns + NS_PER_MS - 1) / NS_PER_MS;
    return BASE_OK;
  }
  return base_fail(BASE_E_MALFORMED);
}

void wire_timeout_encode(int64_t ms, char out[16]) {
  int i = MILLISECONDS;
  int64_t value = ms < 0 ? 0 : ms;
  while (value > MAX_VALUE && i + 1 < UNITS) {
    int64_t ratio = units[i + 1].ns / units[i].ns;
    value = value / ratio + (value % ratio != 0);
    i++;
  }
  snprintf(out, 16, "%d%c", value > MAX_VALUE ? MAX_VALUE : (int)value, units[i].unit);
}
