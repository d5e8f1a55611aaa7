#include <inttypes.h>
#include <stdlib.h>

#include "pb/json_types.h"

/* google/protobuf/timestamp.proto and duration.proto: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z, and ten thousand years either way. */
#define TIME_MIN INT64_C(-62135596800)
#define TIME_MAX INT64_C(253402300799)
#define DURATION_MAX INT64_C(315576000000)
enum { NANOS = 1000000000, DAY = 86400 };

/* -- the calendar (proleptic Gregorian): days since 1970-01-01, by counting from March in eras of 400 years ---------------- */

static int64_t days_of(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t day_of_era = days - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted = (5 * day_of_year + 2) / 153;
  *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
  *month = (int)(shifted + (shifted < 10 ? 3 : -9));
  *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static int days_in_month(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[month - 1] + (month == 2 && leap);
}

/* -- writing --------------------------------------------------------------------------------------------------------- */

/* None, 3, 6 or 9 digits. */
static base_err write_nanos(int32_t nanos, base_buf *out) {
  if (nanos == 0) {
    return BASE_OK;
  }
  if (nanos % 1000000 == 0) {
    return base_buf_printf(out, ".%03" PRId32, nanos / 1000000);
  }
  return nanos % 1000 == 0 ? base_buf_printf(out, ".%06" PRId32, nanos / 1000)
                           : base_buf_printf(out, ".%09" PRId32, nanos);
}

base_err pb_json_write_time(int64_t seconds, int32_t nanos, base_buf *out) {
  int year, month, day;
  if (seconds < TIME_MIN || seconds > TIME_MAX || nanos < 0 || nanos >= NANOS) {
    return base_fail(BASE_E_INVALID);
  }
  int64_t days = (seconds - TIME_MIN) / DAY + TIME_MIN / DAY; /* rounded down; TIME_MIN is a midnight */
  int rest = (int)(seconds - days * DAY);
  date_of(days, &year, &month, &day);
  BASE_TRY(base_buf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, rest / 3600, rest / 60 % 60,
                           rest % 60));
  BASE_TRY(write_nanos(nanos, out));
  return base_buf_str(out, "Z\"");
}

base_err pb_json_write_duration(int64_t seconds, int32_t nanos, base_buf *out) {
  if (seconds < -DURATION_MAX || seconds > DURATION_MAX || nanos <= -NANOS || nanos >= NANOS ||
      (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    return base_fail(BASE_E_INVALID);
  }
  bool negative = seconds < 0 || nanos < 0;
  BASE_TRY(base_buf_printf(out, "\"%s%" PRId64, negative ? "-" : "", negative ? -seconds : seconds));
  BASE_TRY(write_nanos(negative ? -nanos : nanos, out));
  return base_buf_str(out, "s\"");
}

/* -- reading --------------------------------------------------------------------------------------------------------- */

static bool digits(base_span *s, size_t n, int *out) {
  uint64_t v;
  if (s->n < n || !base_span_u64(base_span_of(s->p, n), &v)) {
    return false;
  }
  *out = (int)v;
  *s = base_span_of(s->p + n, s->n - n);
  return true;
}

static bool one(base_span *s, char c) {
  if (s->n == 0 || s->p[0] != (uint8_t)c) {
    return false;
  }
  *s = base_span_of(s->p + 1, s->n - 1);
  return true;
}

/* ".5": one to nine digits, or nothing. */
static bool fraction(base_span *s, int32_t *nanos) {
  *nanos = 0;
  if (!one(s, '.')) {
    return true;
  }
  int32_t unit = NANOS / 10;
  size_t n = 0;
  for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++, unit /= 10) {
    if (unit == 0) {
      return false;
    }
    *nanos += (s->p[n] - '0') * unit;
  }
  *s = base_span_of(s->p + n, s->n - n);
  return n > 0;
}

/* "Z", "+02:00": seconds to take off. */
static bool offset(base_span *s, int *out) {
  int hours, minutes;
  *out = 0;
  if (one(s, 'Z')) {
    return true;
  }
  int sign = one(s, '+') ? 1 : one(s, '-') ? -1 : 0;
  if (sign == 0 || !digits(s, 2, &hours) || !one(s, ':') || !digits(s, 2, &minutes) || hours > 23 || minutes > 59) {
    return false;
  }
  *out = sign * (hours * 3600 + minutes * 60);
  return true;
}

bool pb_json_read_time(base_span s, int64_t *seconds, int32_t *nanos) {
  int year, month, day, hour, minute, second, shift;
  if (!digits(&s, 4, &year) || !one(&s, '-') || !digits(&s, 2, &month) || !one(&s, '-') || !digits(&s, 2, &day) ||
      !one(&s, 'T') || !digits(&s, 2, &hour) || !one(&s, ':') || !digits(&s, 2, &minute) || !one(&s, ':') ||
      !digits(&s, 2, &second) || !fraction(&s, nanos) || !offset(&s, &shift) || s.n > 0) {
    return false;
  }
  /* There are no leap seconds in a Timestamp. */
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
      second > 59) {
    return false;
  }
  *seconds = days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second - shift;
  return *seconds >= TIME_MIN && *seconds <= TIME_MAX;
}

bool pb_json_read_duration(base_span s, int64_t *seconds, int32_t *nanos) {
  uint64_t whole;
  bool negative = one(&s, '-');
  size_t n = 0;
  while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9') {
    n++;
  }
  if (!base_span_u64(base_span_of(s.p, n), &whole) || whole > (uint64_t)DURATION_MAX) {
    return false;
  }
  s = base_span_of(s.p + n, s.n - n);
  if (!fraction(&s, nanos) || !one(&s, 's') || s.n > 0 || (whole == (uint64_t)DURATION_MAX && *nanos > 0)) {
    return false;
  }
  *seconds = negative ? -(int64_t)whole : (int64_t)whole;
  *nanos = negative ? -*nanos : *nanos;
  return true;
}
