/* handlers.h - the methods of the reports service. */
#ifndef PONTE_REPORTS_HANDLERS_H
#define PONTE_REPORTS_HANDLERS_H

#include "ponte/reports/v1/reports.pb-c.h"
#include "svc/svc.h"

base_err reports_user_report(svc_call *c, const Ponte__Reports__V1__GetUserReportRequest *request,
                             Ponte__Reports__V1__UserReport *response);
base_err reports_sales_over_time(svc_call *c, const Ponte__Reports__V1__SalesOverTimeRequest *request,
                                 Ponte__Reports__V1__SalesOverTimeResponse *response);
base_err reports_top_users(svc_call *c, const Ponte__Reports__V1__TopUsersRequest *request);
base_err reports_export_orders(svc_call *c, const Ponte__Reports__V1__ExportOrdersRequest *request);

#endif
