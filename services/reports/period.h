/* period.h - days folded into longer periods, UTC. Pure; any thread. Source: ISO 8601 (weeks begin on Monday). */
#ifndef PONTE_REPORTS_PERIOD_H
#define PONTE_REPORTS_PERIOD_H

#include <stdint.h>

enum reports_period { REPORTS_DAYS, REPORTS_WEEKS, REPORTS_MONTHS };

/* The first day of the period that the day is in; days since 1970-01-01, of the years 1 to 9999. */
int64_t reports_period_begin(enum reports_period period, int64_t day);

#endif
