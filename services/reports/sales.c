#include "reports/sales.h"

#include "svc/timestamp.h"

enum { FIRST_ROOM = 32 };

base_err reports_money(svc_call *c, const reports_totals *totals, Ponte__Type__V1__Money ***out, size_t *count) {
  *count = 0;
  Ponte__Type__V1__Money **list = svc_alloc(c, totals->count * sizeof *list);
  Ponte__Type__V1__Money *rows = svc_alloc(c, totals->count * sizeof *rows);
  if (!list || !rows) return base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; i < totals->count; i++) {
    ponte__type__v1__money__init(&rows[i]);
    rows[i].minor_units = totals->rows[i].minor_units;
    rows[i].currency_code = svc_strdup(c, totals->rows[i].currency_code);
    if (!rows[i].currency_code) return base_fail(BASE_E_NO_MEMORY);
    list[i] = &rows[i];
  }
  *out = list;
  *count = totals->count;
  return BASE_OK;
}

void reports_sales_init(reports_sales *s, svc_call *c, Ponte__Reports__V1__Period period) {
  static const enum reports_period periods[] = {
      [PONTE__REPORTS__V1__PERIOD__PERIOD_UNSPECIFIED] = REPORTS_DAYS,
      [PONTE__REPORTS__V1__PERIOD__PERIOD_DAY] = REPORTS_DAYS,
      [PONTE__REPORTS__V1__PERIOD__PERIOD_WEEK] = REPORTS_WEEKS,
      [PONTE__REPORTS__V1__PERIOD__PERIOD_MONTH] = REPORTS_MONTHS,
  };
  *s = (reports_sales){.call = c, .period = periods[period]};
}

void reports_sales_dispose(reports_sales *s) {
  reports_totals_dispose(&s->totals);
  reports_totals_dispose(&s->all_totals);
}

static base_err grow(reports_sales *s) {
  if (s->count < s->room) return BASE_OK;
  size_t room = s->room ? 2 * s->room : FIRST_ROOM;
  Ponte__Reports__V1__Sales **rows = svc_alloc(s->call, room * sizeof *rows);
  if (!rows) return base_fail(BASE_E_NO_MEMORY);
  if (s->count) memcpy(rows, s->rows, s->count * sizeof *rows);
  s->rows = rows;
  s->room = room;
  return BASE_OK;
}

base_err reports_sales_end(reports_sales *s) {
  if (s->order_count == 0) return BASE_OK;
  struct {
    Ponte__Reports__V1__Sales sales;
    Google__Protobuf__Timestamp begin;
  } *parts = svc_alloc(s->call, sizeof *parts);
  if (!parts) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(grow(s));
  ponte__reports__v1__sales__init(&parts->sales);
  svc_timestamp(s->begin_day * ORDERS_DAY_US, &parts->begin);
  parts->sales.start_time = &parts->begin;
  parts->sales.order_count = s->order_count;
  BASE_TRY(reports_money(s->call, &s->totals, &parts->sales.totals, &parts->sales.n_totals));
  s->rows[s->count++] = &parts->sales;
  s->order_count = 0;
  reports_totals_clear(&s->totals);
  return BASE_OK;
}

base_err reports_sales_add(void *sales, const Ponte__Orders__V1__OrderGroup *group) {
  reports_sales *s = sales;
  int64_t day_us;
  if (!group->day || !svc_time_us(group->day, &day_us)) return base_fail(BASE_E_INTERNAL);
  int64_t begin_day = reports_period_begin(s->period, orders_day(day_us));
  if (begin_day != s->begin_day) BASE_TRY(reports_sales_end(s));
  s->begin_day = begin_day;
  s->order_count = orders_sum(s->order_count, group->order_count);
  s->all_count = orders_sum(s->all_count, group->order_count);
  BASE_TRY(reports_totals_add(&s->totals, group->total->currency_code, group->total->minor_units));
  return reports_totals_add(&s->all_totals, group->total->currency_code, group->total->minor_units);
}
