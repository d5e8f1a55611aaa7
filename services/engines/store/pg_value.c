#include "store/pg_value.h"

enum { NUMERIC_BASE = 10000, NUMERIC_POSITIVE = 0, NUMERIC_NEGATIVE = 0x4000 };

/* Digits of base 10000, the first worth 10000^weight. Negative all the way: INT64_MIN has no positive. */
static base_err numeric(base_cursor *c, int64_t *out) {
  int digits = (int16_t)base_cursor_u16(c);
  int weight = (int16_t)base_cursor_u16(c);
  unsigned sign = base_cursor_u16(c);
  base_cursor_u16(c); /* how many decimals are shown */
  if (sign != NUMERIC_POSITIVE && sign != NUMERIC_NEGATIVE) {
    return base_fail(BASE_E_INVALID); /* not a number, infinity */
  }
  int64_t n = 0;
  for (int i = 0; i < digits || (i <= weight && n != 0); i++) {
    int digit = i < digits ? base_cursor_u16(c) : 0;
    if (c->failed || (i > weight && digit != 0)) {
      return base_fail(BASE_E_INVALID);
    }
    if (i <= weight && (__builtin_mul_overflow(n, NUMERIC_BASE, &n) || __builtin_sub_overflow(n, digit, &n))) {
      return base_fail(BASE_E_INVALID);
    }
  }
  if (c->failed || (sign == NUMERIC_POSITIVE && n == INT64_MIN)) {
    return base_fail(BASE_E_INVALID);
  }
  *out = sign == NUMERIC_POSITIVE ? -n : n;
  return BASE_OK;
}

base_err pg_value_number(unsigned type, base_span value, int64_t *out) {
  base_cursor c = base_cursor_of(value);
  *out = 0;
  switch (type) {
  case PG_BOOL: *out = base_cursor_u8(&c) != 0; break;
  case PG_INT2: *out = (int16_t)base_cursor_u16(&c); break;
  case PG_INT4: *out = (int32_t)base_cursor_u32(&c); break;
  case PG_INT8: *out = (int64_t)base_cursor_u64(&c); break;
  case PG_NUMERIC: return numeric(&c, out);
  case PG_FLOAT4:
  case PG_FLOAT8: return base_fail(BASE_E_INVALID);
  default: return base_fail(BASE_E_NOT_FOUND);
  }
  return c.failed ? base_fail(BASE_E_INVALID) : BASE_OK;
}

bool pg_value_is_bytes(unsigned type) {
  switch (type) {
  case PG_TEXT:
  case PG_VARCHAR:
  case PG_BPCHAR:
  case PG_NAME:
  case PG_UNKNOWN:
  case PG_BYTEA: return true;
  default: return false;
  }
}
