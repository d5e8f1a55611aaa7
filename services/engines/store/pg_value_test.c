#include "store/pg_value.h"

#include "base/test.h"

#define BYTES(...) \
  { (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}) }

static void test_numbers(void) {
  const struct {
    const char *reason;
    unsigned type;
    base_span value;
    enum base_err_code err;
    int64_t want;
  } rows[] = {
      {"true", PG_BOOL, BYTES(1), BASE_E_OK, 1},
      {"int2", PG_INT2, BYTES(0xff, 0xfe), BASE_E_OK, -2},
      {"int4", PG_INT4, BYTES(0x80, 0, 0, 0), BASE_E_OK, INT32_MIN},
      {"int8", PG_INT8, BYTES(0x7f, 255, 255, 255, 255, 255, 255, 255), BASE_E_OK, INT64_MAX},
      {"numeric 0", PG_NUMERIC, BYTES(0, 0, 0, 0, 0, 0, 0, 0), BASE_E_OK, 0},
      {"numeric 12345", PG_NUMERIC, BYTES(0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0x09, 0x29), BASE_E_OK, 12345},
      {"numeric -10000: zeros at the end are left out", PG_NUMERIC, BYTES(0, 1, 0, 1, 0x40, 0, 0, 0, 0, 1), BASE_E_OK,
       -10000},
      {"numeric -2^63", PG_NUMERIC,
       BYTES(0, 5, 0, 4, 0x40, 0, 0, 0, 0x03, 0x9a, 0x0d, 0x2c, 0x01, 0x70, 0x15, 0x65, 0x16, 0xb0), BASE_E_OK,
       INT64_MIN},
      {"5.00: decimals of zero", PG_NUMERIC, BYTES(0, 2, 0, 0, 0, 0, 0, 2, 0, 5, 0, 0), BASE_E_OK, 5},
      {"2^63", PG_NUMERIC, BYTES(0, 5, 0, 4, 0, 0, 0, 0, 0x03, 0x9a, 0x0d, 0x2c, 0x01, 0x70, 0x15, 0x65, 0x16, 0xb0),
       BASE_E_INVALID, 0},
      {"1e36", PG_NUMERIC, BYTES(0, 1, 0, 9, 0, 0, 0, 0, 0, 1), BASE_E_INVALID, 0},
      {"weight without end", PG_NUMERIC, BYTES(0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1), BASE_E_INVALID, 0},
      {"1.5", PG_NUMERIC, BYTES(0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0x13, 0x88), BASE_E_INVALID, 0},
      {"0.0001", PG_NUMERIC, BYTES(0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 1), BASE_E_INVALID, 0},
      {"not a number", PG_NUMERIC, BYTES(0, 0, 0, 0, 0xc0, 0, 0, 0), BASE_E_INVALID, 0},
      {"fewer digits than said", PG_NUMERIC, BYTES(0, 2, 0, 1, 0, 0, 0, 0, 0, 1), BASE_E_INVALID, 0},
      {"a head cut short", PG_NUMERIC, BYTES(0, 0, 0), BASE_E_INVALID, 0},
      {"int8 cut short", PG_INT8, BYTES(1, 2, 3, 4), BASE_E_INVALID, 0},
      {"int4 of nothing", PG_INT4, {NULL, 0}, BASE_E_INVALID, 0},
      {"floating point", PG_FLOAT8, BYTES(0x3f, 0xf0, 0, 0, 0, 0, 0, 0), BASE_E_INVALID, 0},
      {"a text", PG_TEXT, BYTES('1'), BASE_E_NOT_FOUND, 0},
      {"a type we do not know", 3802, BYTES(1), BASE_E_NOT_FOUND, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t n = 77;
    base_err e = pg_value_number(rows[i].type, rows[i].value, &n);
    CHECK_MSG(base_is(e, rows[i].err), "%s: %s", rows[i].reason, base_err_name(e));
    CHECK_MSG(!base_is_ok(e) || n == rows[i].want, "%s: %lld", rows[i].reason, (long long)n);
  }
}

TEST_MAIN(TEST(test_numbers))
