#include "reports/testing.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "orders/testing.h"
#include "ponte/reports/v1/reports.ponte.h"
#include "svc/timestamp.h"

const char *reports_token;

static svc_reply ask(svc_world *w, int method, const ProtobufCMessage *request, int64_t timeout_ms,
                     bool (*on_message)(void *ctx, const ProtobufCMessage *message), void *ctx) {
  return svc_world_ask(w, &(svc_question){.service = "reports",
                                          .method = &ponte_reports_v1_report_service.methods[method],
                                          .request = request,
                                          .token = reports_token,
                                          .timeout_ms = timeout_ms,
                                          .on_message = on_message,
                                          .ctx = ctx});
}

static void put(char *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(char *out, const char *fmt, ...) {
  size_t used = strlen(out);
  va_list args;
  va_start(args, fmt);
  vsnprintf(out + used, REPORTS_TEXT_SIZE - used, fmt, args);
  va_end(args);
}

static void put_totals(char *out, Ponte__Type__V1__Money **totals, size_t n) {
  for (size_t i = 0; i < n; i++)
    put(out, " %s %" PRId64, totals[i]->currency_code, totals[i]->minor_units);
}

static void put_missing(char *out, char **missing, size_t n) {
  for (size_t i = 0; i < n; i++)
    put(out, " missing %s", missing[i]);
}

static void put_sales(char *out, Ponte__Reports__V1__Sales **periods, size_t n) {
  for (size_t i = 0; i < n; i++) {
    int64_t us = INT64_MIN;
    if (periods[i]->start_time && !svc_time_us(periods[i]->start_time, &us)) us = INT64_MIN;
    if (us % ORDERS_DAY_US) put(out, " not a day:");
    put(out, "%s%" PRId64 ": %" PRId64, out[0] ? " | " : "", orders_day(us), periods[i]->order_count);
    put_totals(out, periods[i]->totals, periods[i]->n_totals);
  }
}

typedef struct {
  Google__Protobuf__Timestamp start, end;
} times;

static Google__Protobuf__Timestamp *time_of(int64_t day, Google__Protobuf__Timestamp *t) {
  svc_timestamp(day * ORDERS_DAY_US, t);
  return day ? t : NULL;
}

svc_reply reports_ask_user(svc_world *w, const char *user_id, int period, int64_t start_day, int64_t end_day,
                           char out[REPORTS_TEXT_SIZE]) {
  times t;
  Ponte__Reports__V1__GetUserReportRequest request = PONTE__REPORTS__V1__GET_USER_REPORT_REQUEST__INIT;
  request.user_id = (char *)user_id;
  request.period = (Ponte__Reports__V1__Period)period;
  request.start_time = time_of(start_day, &t.start);
  request.end_time = time_of(end_day, &t.end);
  svc_reply r = ask(w, TEST_USER_REPORT, &request.base, 0, NULL, NULL);
  out[0] = '\0';
  if (r.code != 0) return r;
  const Ponte__Reports__V1__UserReport *report = (const Ponte__Reports__V1__UserReport *)r.response;
  put(out, "%s %" PRId64, report->user ? report->user->display_name : "-", report->order_count);
  put_totals(out, report->totals, report->n_totals);
  put_sales(out, report->periods, report->n_periods);
  put_missing(out, report->missing, report->n_missing);
  return r;
}

svc_reply reports_ask_sales(svc_world *w, int period, int64_t start_day, int64_t end_day, char out[REPORTS_TEXT_SIZE]) {
  times t;
  Ponte__Reports__V1__SalesOverTimeRequest request = PONTE__REPORTS__V1__SALES_OVER_TIME_REQUEST__INIT;
  request.period = (Ponte__Reports__V1__Period)period;
  request.start_time = time_of(start_day, &t.start);
  request.end_time = time_of(end_day, &t.end);
  svc_reply r = ask(w, TEST_SALES_OVER_TIME, &request.base, 0, NULL, NULL);
  out[0] = '\0';
  if (r.code != 0) return r;
  const Ponte__Reports__V1__SalesOverTimeResponse *sales =
      (const Ponte__Reports__V1__SalesOverTimeResponse *)r.response;
  put_sales(out, sales->periods, sales->n_periods);
  return r;
}

static bool on_user(void *ctx, const ProtobufCMessage *message) {
  const Ponte__Reports__V1__TopUser *user = (const Ponte__Reports__V1__TopUser *)message;
  char *out = ctx;
  put(out, "%s%d %s %" PRId64, out[0] ? " | " : "", user->rank, user->display_name[0] ? user->display_name : "-",
      user->order_count);
  put_totals(out, user->totals, user->n_totals);
  put_missing(out, user->missing, user->n_missing);
  return true;
}

svc_reply reports_ask_top(svc_world *w, const Ponte__Reports__V1__TopUsersRequest *request,
                          char out[REPORTS_TEXT_SIZE]) {
  out[0] = '\0';
  return ask(w, TEST_TOP_USERS, &request->base, 0, on_user, out);
}

typedef struct {
  base_buf *csv;
  char *missing;
} chunks;

static bool on_chunk(void *ctx, const ProtobufCMessage *message) {
  const Ponte__Reports__V1__CsvChunk *chunk = (const Ponte__Reports__V1__CsvChunk *)message;
  chunks *c = ctx;
  base_span data = base_span_of(chunk->data.data, chunk->data.len);
  if (!base_span_ends(data, "\r\n") || (c->csv && !base_is_ok(base_buf_append(c->csv, data)))) {
    printf("a chunk of %zu bytes is not of whole lines, or too much\n", data.n);
    exit(1);
  }
  if (c->missing) put(c->missing, "%zu", chunk->n_missing);
  return true;
}

svc_reply reports_ask_export(svc_world *w, const char *user_id, int64_t timeout_ms, base_buf *csv,
                             char missing[REPORTS_TEXT_SIZE]) {
  Ponte__Reports__V1__ExportOrdersRequest request = PONTE__REPORTS__V1__EXPORT_ORDERS_REQUEST__INIT;
  request.user_id = (char *)user_id;
  chunks c = {csv, missing};
  if (missing) missing[0] = '\0';
  return ask(w, TEST_EXPORT_ORDERS, &request.base, timeout_ms, on_chunk, &c);
}
