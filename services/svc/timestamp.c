#include "svc/timestamp.h"

enum { SECOND_US = 1000000, SECOND_NS = 1000000000, US_NS = 1000 };
#define FIRST_SECOND INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST_SECOND INT64_C(253402300799)  /* 9999-12-31T23:59:59Z */

bool svc_time_us(const Google__Protobuf__Timestamp *t, int64_t *us) {
  if (t->seconds < FIRST_SECOND || t->seconds > LAST_SECOND || t->nanos < 0 || t->nanos >= SECOND_NS) return false;
  *us = t->seconds * SECOND_US + (t->nanos + US_NS - 1) / US_NS;
  return true;
}

void svc_timestamp(int64_t us, Google__Protobuf__Timestamp *t) {
  google__protobuf__timestamp__init(t);
  int64_t rest = us % SECOND_US;
  t->seconds = us / SECOND_US - (rest < 0);
  t->nanos = (int32_t)(rest < 0 ? rest + SECOND_US : rest) * US_NS;
}
