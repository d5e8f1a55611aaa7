#include "reports/csv.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "orders/currency.h"
#include "orders/domain.h"
#include "svc/timestamp.h"

enum { CELL_MAX = 1 << 20, US_PER_MS = 1000 };

/* With what a formula begins in one spreadsheet or another; those of full width (U+FF0B, U+FF0D, U+FF1D, U+FF20) are taken for the plain ones in some places. */
static const char *const formula_starts[] = {
    "=", "+", "-", "@", "\t", "\r", "\n", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\x9d", "\xef\xbc\xa0"};

static bool is_formula(base_span text) {
  for (size_t i = 0; i < sizeof formula_starts / sizeof *formula_starts; i++) {
    if (base_span_starts(text, formula_starts[i])) return true;
  }
  return false;
}

static bool needs_quotes(base_span text) {
  static const char special[] = {',', '"', '\r', '\n'};
  for (size_t i = 0; i < text.n; i++) {
    if (memchr(special, text.p[i], sizeof special)) return true;
  }
  return false;
}

base_err reports_csv_cell(base_buf *out, base_span text) {
  bool quoted = needs_quotes(text);
  if (quoted) BASE_TRY(base_buf_u8(out, '"'));
  if (is_formula(text)) BASE_TRY(base_buf_u8(out, '\''));
  size_t begin = 0;
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] != '"') continue;
    BASE_TRY(base_buf_append(out, base_span_of(text.p + begin, i + 1 - begin)));
    begin = i; /* the quote comes again with what follows it */
  }
  BASE_TRY(base_buf_append(out, base_span_of(text.p + begin, text.n - begin)));
  return quoted ? base_buf_u8(out, '"') : BASE_OK;
}

void reports_amount_text(int64_t minor_units, unsigned digits, char out[REPORTS_AMOUNT_SIZE]) {
  int64_t unit = 1;
  for (unsigned i = 0; i < digits; i++)
    unit *= 10;
  if (digits == 0) {
    snprintf(out, REPORTS_AMOUNT_SIZE, "%" PRId64, minor_units);
  } else {
    snprintf(out, REPORTS_AMOUNT_SIZE, "%" PRId64 ".%0*" PRId64, minor_units / unit, (int)digits, minor_units % unit);
  }
}

base_err reports_csv_head(base_buf *out) {
  return base_buf_str(out,
                      "order_id,create_time,state,user_id,user_name,items,currency_code,total,total_minor_units\r\n");
}

/* "2 x Notebook; 1 x Pen". */
static base_err write_items(base_buf *out, const Ponte__Orders__V1__Order *order) {
  base_buf text;
  base_buf_init(&text, CELL_MAX);
  base_err e = BASE_OK;
  for (size_t i = 0; i < order->n_items && base_is_ok(e); i++) {
    e = base_buf_printf(&text, "%s%" PRId32 " x %s", i ? "; " : "", order->items[i]->quantity,
                        order->items[i]->description);
  }
  if (base_is_ok(e)) e = reports_csv_cell(out, base_buf_span(&text));
  base_buf_dispose(&text);
  return e;
}

base_err reports_csv_order(base_buf *out, const Ponte__Orders__V1__Order *order, const char *user_name) {
  int64_t created_us = 0;
  if (!order->total || !order->create_time || !svc_time_us(order->create_time, &created_us)) {
    return base_fail(BASE_E_INVALID);
  }
  char created[BASE_TIME_SIZE], total[REPORTS_AMOUNT_SIZE] = "";
  base_time_text(created_us / US_PER_MS, created);
  /* A currency that was withdrawn since has only its minor units here. */
  const orders_currency *currency = orders_currency_find(order->total->currency_code);
  if (currency) reports_amount_text(order->total->minor_units, currency->digits, total);
  BASE_TRY(
      base_buf_printf(out, "%s,%s,%s,%s,", order->order_id, created, orders_state_name(order->state), order->user_id));
  BASE_TRY(reports_csv_cell(out, base_span_str(user_name)));
  BASE_TRY(base_buf_u8(out, ','));
  BASE_TRY(write_items(out, order));
  return base_buf_printf(out, ",%s,%s,%" PRId64 "\r\n", order->total->currency_code, total, order->total->minor_units);
}
