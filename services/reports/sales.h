/* sales.h - the sums of days, as they come, folded into periods. Of one handler. */
#ifndef PONTE_REPORTS_SALES_H
#define PONTE_REPORTS_SALES_H

#include "ponte/reports/v1/reports.pb-c.h"
#include "reports/period.h"
#include "reports/sources.h"
#include "reports/totals.h"

typedef struct {
  svc_call *call;
  enum reports_period period;
  /* The period that is being added up, when order_count > 0. */
  int64_t begin_day, order_count;
  reports_totals totals;
  /* All. */
  int64_t all_count;
  reports_totals all_totals;
  /* What was added up, in the call's memory. */
  Ponte__Reports__V1__Sales **rows;
  size_t count, room;
} reports_sales;

void reports_sales_init(reports_sales *s, svc_call *c, Ponte__Reports__V1__Period period);
void reports_sales_dispose(reports_sales *s);
/* A reports_group_fn over groups by day. */
base_err reports_sales_add(void *sales, const Ponte__Orders__V1__OrderGroup *group) BASE_MUST_USE;
/* The last period too is among the rows then. */
base_err reports_sales_end(reports_sales *s) BASE_MUST_USE;

/* As messages in the call's memory. */
base_err reports_money(svc_call *c, const reports_totals *totals, Ponte__Type__V1__Money ***out,
                       size_t *count) BASE_MUST_USE;

#endif
