#include "reports/totals.h"

#include <stdlib.h>
#include <string.h>

#include "orders/domain.h"

enum { FIRST_ROOM = 2 }; /* most have orders in one currency */

void reports_totals_dispose(reports_totals *t) {
  free(t->rows);
  *t = (reports_totals){0};
}

void reports_totals_clear(reports_totals *t) { t->count = 0; }

/* Where the currency is, or would be. */
static size_t find(const reports_totals *t, const char *currency_code) {
  size_t i = 0;
  while (i < t->count && strcmp(t->rows[i].currency_code, currency_code) < 0)
    i++;
  return i;
}

static bool has(const reports_totals *t, size_t i, const char *currency_code) {
  return i < t->count && strcmp(t->rows[i].currency_code, currency_code) == 0;
}

base_err reports_totals_add(reports_totals *t, const char *currency_code, int64_t minor_units) {
  if (strlen(currency_code) != sizeof t->rows->currency_code - 1) return base_fail(BASE_E_INVALID);
  size_t i = find(t, currency_code);
  if (has(t, i, currency_code)) {
    t->rows[i].minor_units = orders_sum(t->rows[i].minor_units, minor_units);
    return BASE_OK;
  }
  if (t->count == t->room) {
    size_t room = t->room ? 2 * t->room : FIRST_ROOM;
    reports_total *rows = realloc(t->rows, room * sizeof *rows);
    if (!rows) return base_fail(BASE_E_NO_MEMORY);
    t->rows = rows;
    t->room = room;
  }
  memmove(&t->rows[i + 1], &t->rows[i], (t->count - i) * sizeof *t->rows);
  t->rows[i].minor_units = minor_units;
  memcpy(t->rows[i].currency_code, currency_code, sizeof t->rows[i].currency_code);
  t->count++;
  return BASE_OK;
}

base_err reports_totals_add_all(reports_totals *t, const reports_totals *more) {
  for (size_t i = 0; i < more->count; i++) {
    BASE_TRY(reports_totals_add(t, more->rows[i].currency_code, more->rows[i].minor_units));
  }
  return BASE_OK;
}

int64_t reports_totals_get(const reports_totals *t, const char *currency_code) {
  size_t i = find(t, currency_code);
  return has(t, i, currency_code) ? t->rows[i].minor_units : 0;
}
