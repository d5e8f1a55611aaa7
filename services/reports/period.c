#include "reports/period.h"

#include <time.h>

enum { DAY_S = 86400, WEEK = 7 };

int64_t reports_period_begin(enum reports_period period, int64_t day) {
  time_t seconds = day * DAY_S;
  struct tm t;
  if (period == REPORTS_DAYS || !gmtime_r(&seconds, &t)) return day;
  if (period == REPORTS_WEEKS) return day - (t.tm_wday + WEEK - 1) % WEEK; /* tm_wday counts from Sunday */
  t.tm_mday = 1;
  return timegm(&t) / DAY_S;
}
