#include "svc/timestamp.h"

#include "base/test.h"

static void times_are_checked_and_rounded_up(void) {
  static const struct {
    int64_t seconds;
    int32_t nanos;
    int64_t us;
    bool ok;
    const char *why;
  } rows[] = {
      {0, 0, 0, true, "the epoch"},
      {1, 1000, 1000001, true, "a whole microsecond"},
      {1, 1, 1000001, true, "a nanosecond more is the next microsecond"},
      {1, 999999999, 2000000, true, "the last nanosecond of a second"},
      {-1, 500000000, -500000, true, "before the epoch nanos still count forward"},
      {-62135596800, 0, -62135596800000000, true, "year 1"},
      {253402300799, 999999999, 253402300800000000, true, "the end of 9999"},
      {-62135596801, 0, 0, false, "before year 1"},
      {253402300800, 0, 0, false, "year 10000"},
      {INT64_MAX, 0, 0, false, "would overflow"},
      {INT64_MIN, 0, 0, false, "would overflow"},
      {0, -1, 0, false, "negative nanos"},
      {0, 1000000000, 0, false, "a second of nanos"},
      {0, INT32_MAX, 0, false, "too many nanos"},
      {0, INT32_MIN, 0, false, "too many nanos, negative"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    t.seconds = rows[i].seconds;
    t.nanos = rows[i].nanos;
    int64_t us = 0;
    CHECK_MSG(svc_time_us(&t, &us) == rows[i].ok, "%s", rows[i].why);
    CHECK_MSG(us == rows[i].us, "%s", rows[i].why);
  }
  static const int64_t back[] = {0, 1, 999999, 1000000, -1, -1000000, -1000001, 1700000000123456};
  for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
    Google__Protobuf__Timestamp t;
    int64_t us = 0;
    svc_timestamp(back[i], &t);
    CHECK(t.nanos >= 0 && t.nanos < 1000000000);
    CHECK(svc_time_us(&t, &us));
    CHECK_INT(us, back[i]);
  }
}

TEST_MAIN(TEST(times_are_checked_and_rounded_up))
