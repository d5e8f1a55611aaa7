/* totals.h - sums of money, one for each currency, in the order of their codes. The caller holds the struct; zeroed it is empty. */
#ifndef PONTE_REPORTS_TOTALS_H
#define PONTE_REPORTS_TOTALS_H

#include <stddef.h>

#include "base/err.h"

typedef struct {
  char currency_code[4];
  int64_t minor_units;
} reports_total;

typedef struct {
  reports_total *rows;
  size_t count, room;
} reports_totals;

void reports_totals_dispose(reports_totals *t);
/* Empties it and keeps its memory. */
void reports_totals_clear(reports_totals *t);
/* Sums stop at INT64_MAX (orders_sum()). INVALID: a code that is not of three characters. NO_MEMORY. */
base_err reports_totals_add(reports_totals *t, const char *currency_code, int64_t minor_units) BASE_MUST_USE;
base_err reports_totals_add_all(reports_totals *t, const reports_totals *more) BASE_MUST_USE;
/* 0 without one. */
int64_t reports_totals_get(const reports_totals *t, const char *currency_code);

#endif
