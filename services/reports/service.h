/* service.h - the reports service. proto/ponte/reports/v1/reports.proto; docs/orders-and-reports.md. */
#ifndef PONTE_REPORTS_SERVICE_H
#define PONTE_REPORTS_SERVICE_H

#include "svc/svc.h"

extern const svc_definition reports_definition;

#endif
