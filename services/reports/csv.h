/* csv.h - orders as lines of a CSV file. Source: RFC 4180; for cells that a spreadsheet would take for a formula, OWASP "CSV Injection". Pure; any thread. */
#ifndef PONTE_REPORTS_CSV_H
#define PONTE_REPORTS_CSV_H

#include "base/buf.h"
#include "ponte/orders/v1/orders.pb-c.h"

/* One cell without the comma: quoted where it must be, and behind an apostrophe where a spreadsheet would compute it. Appended. */
base_err reports_csv_cell(base_buf *out, base_span text) BASE_MUST_USE;
/* "75.00" of 7500 and two digits. The amount is not negative. */
enum { REPORTS_AMOUNT_SIZE = 24 };
void reports_amount_text(int64_t minor_units, unsigned digits, char out[REPORTS_AMOUNT_SIZE]);
/* The line of names. */
base_err reports_csv_head(base_buf *out) BASE_MUST_USE;
base_err reports_csv_order(base_buf *out, const Ponte__Orders__V1__Order *order, const char *user_name) BASE_MUST_USE;

#endif
