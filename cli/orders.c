/* orders.c - `ponte orders`: the orders service. */
#include <stdio.h>
#include <string.h>

#include "cli/show.h"
#include "cli/table.h"
#include "cli/unary.h"
#include "ponte/orders/v1/orders.ponte.h"

typedef Ponte__Orders__V1__Order order;
typedef Ponte__Orders__V1__OrderItem item;
enum { ITEMS_MAX = 100, ITEM_TEXT = 1024, QUANTITY_MAX = 1000000 };

static const char *const heads[] = {"ORDER_ID", "USER_ID", ">ITEMS", ">TOTAL", "STATE", "CREATED", NULL};

static void add_row(cli_table *t, const order *o) {
  char text[CLI_SHORT];
  cli_table_cell(t, o->order_id);
  cli_table_cell(t, o->user_id);
  cli_table_number(t, (int64_t)o->n_items);
  cli_show_money(o->total, text);
  cli_table_cell(t, text);
  cli_show_enum(&ponte__orders__v1__order_state__descriptor, o->state, text);
  cli_table_cell(t, text);
  cli_show_time(o->create_time, text);
  cli_table_cell(t, text);
}

static void show_order(const ProtobufCMessage *reply) {
  cli_table t;
  cli_table_init(&t, heads);
  add_row(&t, (const order *)reply);
  cli_table_show(&t);
}

static void show_items(const order *o) {
  static const char *const item_heads[] = {"DESCRIPTION", ">QUANTITY", ">UNIT PRICE", NULL};
  cli_table t;
  cli_table_init(&t, item_heads);
  for (size_t i = 0; i < o->n_items; i++) {
    char text[CLI_SHORT];
    Ponte__Type__V1__Money price = PONTE__TYPE__V1__MONEY__INIT;
    price.minor_units = o->items[i]->unit_price;
    price.currency_code = o->total ? o->total->currency_code : (char *)"";
    cli_table_cell(&t, o->items[i]->description);
    cli_table_number(&t, o->items[i]->quantity);
    cli_show_money(&price, text);
    cli_table_cell(&t, text);
  }
  cli_table_show(&t);
}

static void show_whole_order(const ProtobufCMessage *reply) {
  show_order(reply);
  puts("");
  show_items((const order *)reply);
}

static void show_orders(const ProtobufCMessage *reply) {
  const Ponte__Orders__V1__ListOrdersResponse *r = (const Ponte__Orders__V1__ListOrdersResponse *)reply;
  cli_table t;
  cli_table_init(&t, heads);
  for (size_t i = 0; i < r->n_orders; i++)
    add_row(&t, r->orders[i]);
  cli_table_show(&t);
  cli_page_more(r->next_page_token);
}

static int run_orders(const cli_args *a, const char *method, void (*show)(const ProtobufCMessage *reply),
                      ProtobufCMessage *request) {
  cli_unary u = {&ponte_orders_v1_order_service, method, CLI_ORDERS_PORT, show};
  return cli_unary_run(a, &u, request);
}

static int run_list(const cli_args *a) {
  Ponte__Orders__V1__ListOrdersRequest r = PONTE__ORDERS__V1__LIST_ORDERS_REQUEST__INIT;
  Google__Protobuf__Timestamp from, to;
  int state;
  if (!cli_page(a, &r.page_size, &r.page_token) ||
      !cli_read_enum(&ponte__orders__v1__order_state__descriptor, cli_arg(a, "state"), &state) ||
      !cli_read_time("from", cli_arg(a, "from"), &from, &r.start_time) ||
      !cli_read_time("to", cli_arg(a, "to"), &to, &r.end_time))
    return CLI_EXIT_USAGE;
  r.user_id = cli_arg_text(a, "user");
  r.state = (Ponte__Orders__V1__OrderState)state;
  return run_orders(a, "ListOrders", show_orders, &r.base);
}

static int run_get(const cli_args *a) {
  Ponte__Orders__V1__GetOrderRequest r = PONTE__ORDERS__V1__GET_ORDER_REQUEST__INIT;
  r.order_id = a->words[0];
  return run_orders(a, "GetOrder", show_whole_order, &r.base);
}

/* "DESCRIPTION:QUANTITY:PRICE"; the description may hold colons. */
static bool read_item(const char *given_text, const char *currency, char text[ITEM_TEXT], item *out) {
  uint64_t quantity = 0;
  bool fits = snprintf(text, ITEM_TEXT, "%s", given_text) < ITEM_TEXT;
  char *price = fits ? strrchr(text, ':') : NULL;
  if (price) *price++ = '\0';
  char *count = price ? strrchr(text, ':') : NULL;
  if (count) *count++ = '\0';
  if (!count || !base_span_u64(base_span_str(count), &quantity) || quantity < 1 || quantity > QUANTITY_MAX) {
    cli_say("--item must be DESCRIPTION:QUANTITY:PRICE, such as \"Book:2:37.50\"");
    return false;
  }
  ponte__orders__v1__order_item__init(out);
  out->description = text;
  out->quantity = (int32_t)quantity;
  return cli_read_amount(price, currency, &out->unit_price);
}

static int run_create(const cli_args *a) {
  static char texts[ITEMS_MAX][ITEM_TEXT];
  static item items[ITEMS_MAX], *list[ITEMS_MAX];
  Ponte__Orders__V1__CreateOrderRequest r = PONTE__ORDERS__V1__CREATE_ORDER_REQUEST__INIT;
  const char *text;
  r.currency_code = cli_arg(a, "currency") ? cli_arg_text(a, "currency") : (char *)"BRL";
  for (int i = 0; (text = cli_arg_at(a, "item", i)); i++) {
    if (i == ITEMS_MAX) {
      cli_say("an order has at most %d items", ITEMS_MAX);
      return CLI_EXIT_USAGE;
    }
    if (!read_item(text, r.currency_code, texts[i], &items[i])) return CLI_EXIT_USAGE;
    list[i] = &items[i];
    r.n_items = (size_t)i + 1;
  }
  if (r.n_items == 0) {
    cli_say("name at least one --item DESCRIPTION:QUANTITY:PRICE");
    return CLI_EXIT_USAGE;
  }
  r.user_id = a->words[0];
  r.items = list;
  return run_orders(a, "CreateOrder", show_whole_order, &r.base);
}

static int run_cancel(const cli_args *a) {
  Ponte__Orders__V1__CancelOrderRequest r = PONTE__ORDERS__V1__CANCEL_ORDER_REQUEST__INIT;
  if (!cli_confirm(a, "Cancel this order?")) return CLI_EXIT_LOCAL;
  r.order_id = a->words[0];
  return run_orders(a, "CancelOrder", show_order, &r.base);
}

static int run_pay(const cli_args *a) {
  Ponte__Orders__V1__PayOrderRequest r = PONTE__ORDERS__V1__PAY_ORDER_REQUEST__INIT;
  r.order_id = a->words[0];
  return run_orders(a, "PayOrder", show_order, &r.base);
}

enum { READS = CLI_LINK | CLI_CALL | CLI_JSON, CHANGES = READS | CLI_CHANGE };

static const cli_option list_options[] = {{"user", "USER_ID", "only this user's", NULL, 0},
                                          {"state", "STATE", "only these", "pending paid cancelled", 0},
                                          {"from", "TIME", "created at or after this day or time", NULL, 0},
                                          {"to", "TIME", "created before this day or time", NULL, 0},
                                          CLI_PAGE_OPTIONS,
                                          {0}};
static const cli_option create_options[] = {
    {"item", "TEXT:N:PRICE", "what, how many, and the price of one; once for each item", NULL, 0},
    {"currency", "CODE", "ISO 4217 (default BRL)", NULL, 0},
    {0}};
static const cli_option cancel_options[] = {CLI_YES_OPTION, {0}};

static const cli_command list_command = {
    .name = "list", .summary = "orders, the newest first", .groups = READS, .options = list_options, .run = run_list};
static const cli_command get = {.name = "get",
                                .summary = "show an order with its items",
                                .arguments = "ORDER_ID",
                                .min = 1,
                                .max = 1,
                                .groups = READS,
                                .run = run_get};
static const cli_command create = {.name = "create",
                                   .summary = "place an order for a user",
                                   .arguments = "USER_ID",
                                   .min = 1,
                                   .max = 1,
                                   .groups = CHANGES,
                                   .options = create_options,
                                   .run = run_create};
static const cli_command cancel = {.name = "cancel",
                                   .summary = "cancel an order that is not paid",
                                   .arguments = "ORDER_ID",
                                   .min = 1,
                                   .max = 1,
                                   .groups = CHANGES,
                                   .options = cancel_options,
                                   .run = run_cancel};
static const cli_command pay = {.name = "pay",
                                .summary = "pay an order (simulated)",
                                .arguments = "ORDER_ID",
                                .min = 1,
                                .max = 1,
                                .groups = CHANGES,
                                .run = run_pay};
const cli_command cli_orders = {.name = "orders",
                                .summary = "list, show, place, pay and cancel orders",
                                .commands =
                                    (const cli_command *const[]){&list_command, &get, &create, &cancel, &pay, NULL}};
