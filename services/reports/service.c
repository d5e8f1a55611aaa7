#include "reports/service.h"

#include <stdlib.h>

#include "ponte/reports/v1/reports.ponte.svc.h"
#include "reports/handlers.h"
#include "reports/sources.h"

static const ponte_reports_v1_report_methods methods = {
    .get_user_report = {.call = reports_user_report},
    .top_users = {.stream = reports_top_users},
    .sales_over_time = {.call = reports_sales_over_time},
    .export_orders = {.stream = reports_export_orders},
};

static base_err open_reports(svc *s, base_buf *why, void **state) {
  (void)why;
  BASE_TRY(ponte_reports_v1_report_add(s, &methods));
  reports_sources *sources = malloc(sizeof *sources);
  if (!sources) return base_fail(BASE_E_NO_MEMORY);
  *sources = (reports_sources){.users = svc_find_peer(s, "users"), .orders = svc_find_peer(s, "orders")};
  *state = sources;
  return BASE_OK;
}

static const char *const peers[] = {"users", "orders", NULL};

const svc_definition reports_definition = {
    .name = "reports",
    .port = 50053,
    .peers = peers,
    .open = open_reports,
    .close = free,
};
