/* pg_value.h - values of PostgreSQL in their binary form (network byte order; the _send functions of src/backend/utils/adt). Pure. */
#ifndef PONTE_STORE_PG_VALUE_H
#define PONTE_STORE_PG_VALUE_H

#include "base/err.h"
#include "base/span.h"

/* Object ids of types: src/include/catalog/pg_type.dat. They never change. */
enum pg_type {
  PG_BOOL = 16,
  PG_BYTEA = 17,
  PG_NAME = 19,
  PG_INT8 = 20,
  PG_INT2 = 21,
  PG_INT4 = 23,
  PG_TEXT = 25,
  PG_FLOAT4 = 700,
  PG_FLOAT8 = 701,
  PG_UNKNOWN = 705,
  PG_BPCHAR = 1042,
  PG_VARCHAR = 1043,
  PG_NUMERIC = 1700
};

/* Numbers, truth values and whole numerics (a sum of BIGINTs is one) as an integer. NOT_FOUND: the type is none of these. INVALID: a fraction, or beyond 64 bits. */
base_err pg_value_number(unsigned type, base_span value, int64_t *out) BASE_MUST_USE;
bool pg_value_is_bytes(unsigned type);

#endif
