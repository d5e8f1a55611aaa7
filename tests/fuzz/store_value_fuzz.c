/* Numbers as PostgreSQL sends them: whatever comes, it is an integer or refused; and a numeric is what its digits say. */
#include "fuzz.h"

#include "base/span.h"
#include "store/pg_value.h"

/* The same number the slow way, in 128 bits. False: a fraction, or beyond 64 bits. */
static bool numeric(base_cursor c, int64_t *out) {
  int digits = (int16_t)base_cursor_u16(&c), weight = (int16_t)base_cursor_u16(&c);
  unsigned sign = base_cursor_u16(&c);
  base_cursor_u16(&c);
  __int128 n = 0;
  const __int128 limit = (__int128)1 << 64;
  for (int i = 0; i < digits || (i <= weight && n != 0); i++) {
    unsigned digit = i < digits ? base_cursor_u16(&c) : 0;
    if (c.failed || n > limit || (i > weight && digit != 0)) {
      return false;
    }
    n = i <= weight ? n * 10000 + digit : n;
  }
  n = sign == 0x4000 ? -n : n;
  *out = (int64_t)n;
  return !c.failed && (sign == 0 || sign == 0x4000) && n >= INT64_MIN && n <= INT64_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const unsigned types[] = {PG_BOOL, PG_INT2, PG_INT4, PG_INT8, PG_FLOAT8, PG_TEXT, PG_NUMERIC};
  base_span value = base_span_of(data, size);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    int64_t n = -1, slow = 0;
    base_err e = pg_value_number(types[i], value, &n);
    FUZZ_CHECK(base_is_ok(e) || base_is(e, BASE_E_INVALID) || base_is(e, BASE_E_NOT_FOUND));
    FUZZ_CHECK(base_is(e, BASE_E_NOT_FOUND) == pg_value_is_bytes(types[i]));
    if (types[i] == PG_NUMERIC) {
      FUZZ_CHECK(numeric(base_cursor_of(value), &slow) == base_is_ok(e));
      FUZZ_CHECK(!base_is_ok(e) || n == slow);
    }
  }
  return 0;
}
