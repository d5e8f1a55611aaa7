/* Orders as CSV, a page of them in memory at a time. */
#include "ponte/reports/v1/reports.ponte.svc.h"
#include "reports/csv.h"
#include "reports/handlers.h"
#include "reports/sources.h"

enum { CHUNK = 32 * 1024, CHUNK_MAX = 1 << 20 };

typedef struct {
  svc_call *call;
  reports_names *names;
  bool told; /* that names are missing */
  base_buf lines;
} export;

static base_err flush(export *x) {
  Ponte__Reports__V1__CsvChunk chunk = PONTE__REPORTS__V1__CSV_CHUNK__INIT;
  base_span lines = base_buf_span(&x->lines);
  if (lines.n == 0) return BASE_OK;
  chunk.data = (ProtobufCBinaryData){lines.n, (uint8_t *)lines.p};
  chunk.missing = reports_missing_users;
  chunk.n_missing = x->names->is_down && !x->told;
  x->told = x->names->is_down;
  BASE_TRY(ponte_reports_v1_report_export_orders_put(x->call, &chunk));
  base_buf_clear(&x->lines);
  return BASE_OK;
}

static base_err add_order(void *ctx, const Ponte__Orders__V1__Order *order) {
  export *x = ctx;
  const char *name;
  BASE_TRY(reports_name_of(x->call, x->names, order->user_id, &name));
  base_err e = reports_csv_order(&x->lines, order, name);
  if (!base_is_ok(e)) return base_is(e, BASE_E_INVALID) ? base_fail(BASE_E_INTERNAL) : e;
  return base_buf_size(&x->lines) >= CHUNK ? flush(x) : BASE_OK;
}

base_err reports_export_orders(svc_call *c, const Ponte__Reports__V1__ExportOrdersRequest *request) {
  Ponte__Orders__V1__ListOrdersRequest orders = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
  orders.user_id = request->user_id;
  orders.start_time = request->start_time;
  orders.end_time = request->end_time;
  export x = {.call = c, .names = reports_names_new()};
  if (!x.names) return base_fail(BASE_E_NO_MEMORY);
  base_buf_init(&x.lines, CHUNK_MAX);
  base_err e = reports_csv_head(&x.lines);
  if (base_is_ok(e)) e = reports_each_order(c, orders, add_order, &x);
  if (base_is_ok(e)) e = flush(&x);
  base_buf_dispose(&x.lines);
  reports_names_free(x.names);
  return e;
}
