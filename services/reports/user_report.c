/* Sums by period: of one user, and of all. */
#include "reports/handlers.h"
#include "reports/sales.h"

static base_err add_up(svc_call *c, const Ponte__Reports__V1__GetUserReportRequest *request, reports_sales *sales) {
  Ponte__Orders__V1__SummarizeOrdersRequest groups = PONTE__ORDERS__V1__SUMMARIZE_ORDERS_REQUEST__INIT;
  groups.user_id = request->user_id;
  groups.start_time = request->start_time;
  groups.end_time = request->end_time;
  groups.by_day = true;
  BASE_TRY(reports_each_group(c, groups, reports_sales_add, sales));
  return reports_sales_end(sales);
}

static base_err tell_sales(svc_call *c, const reports_sales *sales, Ponte__Reports__V1__UserReport *response) {
  response->order_count = sales->all_count;
  response->periods = sales->rows;
  response->n_periods = sales->count;
  return reports_money(c, &sales->all_totals, &response->totals, &response->n_totals);
}

base_err reports_user_report(svc_call *c, const Ponte__Reports__V1__GetUserReportRequest *request,
                             Ponte__Reports__V1__UserReport *response) {
  const Ponte__Users__V1__User *user = NULL;
  base_err e = reports_get_user(c, request->user_id, &user);
  bool no_users = base_is(e, BASE_E_UNAVAILABLE);
  if (!no_users) BASE_TRY(e);
  response->user = (Ponte__Users__V1__User *)user;

  reports_sales sales;
  reports_sales_init(&sales, c, request->period);
  e = add_up(c, request, &sales);
  bool no_orders = base_is(e, BASE_E_UNAVAILABLE);
  if (base_is_ok(e)) e = tell_sales(c, &sales, response);
  reports_sales_dispose(&sales);
  if (no_orders && no_users) return e;
  if (no_users || no_orders) {
    response->missing = no_users ? reports_missing_users : reports_missing_orders;
    response->n_missing = 1;
  }
  return no_orders ? BASE_OK : e;
}

base_err reports_sales_over_time(svc_call *c, const Ponte__Reports__V1__SalesOverTimeRequest *request,
                                 Ponte__Reports__V1__SalesOverTimeResponse *response) {
  Ponte__Orders__V1__SummarizeOrdersRequest groups = PONTE__ORDERS__V1__SUMMARIZE_ORDERS_REQUEST__INIT;
  groups.start_time = request->start_time;
  groups.end_time = request->end_time;
  groups.by_day = true;
  reports_sales sales;
  reports_sales_init(&sales, c, request->period);
  base_err e = reports_each_group(c, groups, reports_sales_add, &sales);
  if (base_is_ok(e)) e = reports_sales_end(&sales);
  response->periods = sales.rows;
  response->n_periods = sales.count;
  reports_sales_dispose(&sales);
  return e;
}
