/* reports.c - `ponte reports`: the reports service. What a report lacks because a service was down is said on stderr. */
#include <stdio.h>
#include <string.h>

#include "cli/show.h"
#include "cli/table.h"
#include "cli/unary.h"
#include "ponte/reports/v1/reports.ponte.h"

enum { TOTALS_TEXT = 1024 };

static void say_missing(char *const *missing, size_t n) {
  for (size_t i = 0; i < n; i++)
    cli_say("the %s service could not be asked: its part is missing", missing[i]);
}

/* "75.00 BRL, 3.50 USD" */
static void show_totals(Ponte__Type__V1__Money *const *totals, size_t n, char out[TOTALS_TEXT]) {
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < n && used < TOTALS_TEXT; i++) {
    char text[CLI_SHORT];
    cli_show_money(totals[i], text);
    used += (size_t)snprintf(out + used, TOTALS_TEXT - used, "%s%s", i ? ", " : "", text);
  }
}

static void show_periods(Ponte__Reports__V1__Sales *const *periods, size_t n) {
  static const char *const heads[] = {"FROM", ">ORDERS", ">TOTAL", NULL};
  cli_table t;
  cli_table_init(&t, heads);
  for (size_t i = 0; i < n; i++) {
    char text[TOTALS_TEXT];
    cli_show_time(periods[i]->start_time, text);
    cli_table_cell(&t, text);
    cli_table_number(&t, periods[i]->order_count);
    show_totals(periods[i]->totals, periods[i]->n_totals, text);
    cli_table_cell(&t, text);
  }
  cli_table_show(&t);
}

static void show_user_report(const ProtobufCMessage *reply) {
  static const char *const heads[] = {"NAME", "E-MAIL", ">ORDERS", ">TOTAL", NULL};
  const Ponte__Reports__V1__UserReport *r = (const Ponte__Reports__V1__UserReport *)reply;
  char text[TOTALS_TEXT];
  cli_table t;
  cli_table_init(&t, heads);
  cli_table_cell(&t, r->user ? r->user->display_name : "");
  cli_table_cell(&t, r->user ? r->user->email : "");
  cli_table_number(&t, r->order_count);
  show_totals(r->totals, r->n_totals, text);
  cli_table_cell(&t, text);
  cli_table_show(&t);
  puts("");
  show_periods(r->periods, r->n_periods);
  say_missing(r->missing, r->n_missing);
}

static void show_sales(const ProtobufCMessage *reply) {
  const Ponte__Reports__V1__SalesOverTimeResponse *r = (const Ponte__Reports__V1__SalesOverTimeResponse *)reply;
  show_periods(r->periods, r->n_periods);
}

static const cli_unary user_report = {&ponte_reports_v1_report_service, "GetUserReport", CLI_REPORTS_PORT,
                                      show_user_report};
static const cli_unary sales_report = {&ponte_reports_v1_report_service, "SalesOverTime", CLI_REPORTS_PORT, show_sales};
static const cli_unary top_report = {&ponte_reports_v1_report_service, "TopUsers", CLI_REPORTS_PORT, NULL};
static const cli_unary export_report = {&ponte_reports_v1_report_service, "ExportOrders", CLI_REPORTS_PORT, NULL};

static bool read_times(const cli_args *a, Google__Protobuf__Timestamp room[2], Google__Protobuf__Timestamp **from,
                       Google__Protobuf__Timestamp **to) {
  return cli_read_time("from", cli_arg(a, "from"), &room[0], from) &&
         cli_read_time("to", cli_arg(a, "to"), &room[1], to);
}

static bool read_period(const cli_args *a, Ponte__Reports__V1__Period *out) {
  int period;
  if (!cli_read_enum(&ponte__reports__v1__period__descriptor, cli_arg(a, "period"), &period)) return false;
  *out = (Ponte__Reports__V1__Period)period;
  return true;
}

static int run_user(const cli_args *a) {
  Ponte__Reports__V1__GetUserReportRequest r = PONTE__REPORTS__V1__GET_USER_REPORT_REQUEST__INIT;
  Google__Protobuf__Timestamp room[2];
  if (!read_times(a, room, &r.start_time, &r.end_time) || !read_period(a, &r.period)) return CLI_EXIT_USAGE;
  r.user_id = a->words[0];
  return cli_unary_run(a, &user_report, &r.base);
}

static int run_sales(const cli_args *a) {
  Ponte__Reports__V1__SalesOverTimeRequest r = PONTE__REPORTS__V1__SALES_OVER_TIME_REQUEST__INIT;
  Google__Protobuf__Timestamp room[2];
  if (!read_times(a, room, &r.start_time, &r.end_time) || !read_period(a, &r.period)) return CLI_EXIT_USAGE;
  return cli_unary_run(a, &sales_report, &r.base);
}

static void add_top(void *ctx, const ProtobufCMessage *message) {
  const Ponte__Reports__V1__TopUser *u = (const Ponte__Reports__V1__TopUser *)message;
  cli_table *t = ctx;
  char text[TOTALS_TEXT];
  cli_table_number(t, u->rank);
  cli_table_cell(t, u->user_id);
  cli_table_cell(t, u->display_name);
  cli_table_number(t, u->order_count);
  show_totals(u->totals, u->n_totals, text);
  cli_table_cell(t, text);
  say_missing(u->missing, u->n_missing);
}

static int run_top(const cli_args *a) {
  static const char *const heads[] = {">RANK", "USER_ID", "NAME", ">ORDERS", ">TOTAL", NULL};
  Ponte__Reports__V1__TopUsersRequest r = PONTE__REPORTS__V1__TOP_USERS_REQUEST__INIT;
  Google__Protobuf__Timestamp room[2];
  int64_t limit;
  int order;
  if (!cli_arg_number(a, "limit", 1, 1000, 0, &limit) || !read_times(a, room, &r.start_time, &r.end_time) ||
      !cli_read_enum(&ponte__reports__v1__top_users_request__order__descriptor, cli_arg(a, "by"), &order))
    return CLI_EXIT_USAGE;
  cli_table t;
  r.limit = (int32_t)limit;
  r.order = (Ponte__Reports__V1__TopUsersRequest__Order)order;
  r.currency_code = cli_arg_text(a, "currency");
  r.user_ids = a->words;
  r.n_user_ids = (size_t)a->count;
  cli_table_init(&t, heads);
  int code = cli_stream_run(a, &top_report, &r.base, add_top, &t);
  if (code == CLI_EXIT_OK && !cli_arg(a, "json")) code = cli_table_print(&t) ? code : CLI_EXIT_LOCAL;
  cli_table_dispose(&t);
  return code;
}

static void write_chunk(void *ctx, const ProtobufCMessage *message) {
  const Ponte__Reports__V1__CsvChunk *c = (const Ponte__Reports__V1__CsvChunk *)message;
  (void)ctx;
  fwrite(c->data.data, 1, c->data.len, stdout);
  say_missing(c->missing, c->n_missing);
}

static int run_export(const cli_args *a) {
  Ponte__Reports__V1__ExportOrdersRequest r = PONTE__REPORTS__V1__EXPORT_ORDERS_REQUEST__INIT;
  Google__Protobuf__Timestamp room[2];
  if (!read_times(a, room, &r.start_time, &r.end_time)) return CLI_EXIT_USAGE;
  r.user_id = cli_arg_text(a, "user");
  return cli_stream_run(a, &export_report, &r.base, write_chunk, NULL);
}

#define TIMES                                                                 \
  {"from", "TIME", "orders created at or after this day or time", NULL, 0}, { \
    "to", "TIME", "and before this one", NULL, 0                              \
  }
enum { READS = CLI_LINK | CLI_CALL | CLI_JSON };

static const cli_option period_options[] = {
    TIMES, {"period", "PERIOD", "how long a row is (default day)", "day week month", 0}, {0}};
static const cli_option top_options[] = {TIMES,
                                         {"limit", "N", "how many users, up to 1000 (default 10)", NULL, 0},
                                         {"by", "WHAT", "what ranks them (default count)", "count total", 0},
                                         {"currency", "CODE", "only orders of this currency (ISO 4217)", NULL, 0},
                                         {0}};
static const cli_option export_options[] = {TIMES, {"user", "USER_ID", "only this user's orders", NULL, 0}, {0}};

static const cli_command user = {.name = "user",
                                 .summary = "a user's orders: count, totals, periods",
                                 .arguments = "USER_ID",
                                 .min = 1,
                                 .max = 1,
                                 .groups = READS,
                                 .options = period_options,
                                 .run = run_user};
static const cli_command top = {.name = "top",
                                .summary = "the users with the most orders; of these users, or of all",
                                .arguments = "[USER_ID]...",
                                .max = 100,
                                .groups = READS,
                                .options = top_options,
                                .run = run_top};
static const cli_command sales = {
    .name = "sales", .summary = "orders over time", .groups = READS, .options = period_options, .run = run_sales};
static const cli_command export_command = {.name = "export",
                                           .summary = "orders as CSV (RFC 4180)",
                                           .groups = READS,
                                           .options = export_options,
                                           .run = run_export};
const cli_command cli_reports = {.name = "reports",
                                 .summary = "what users and orders add up to",
                                 .commands = (const cli_command *const[]){&user, &top, &sales, &export_command, NULL}};
