/* demo.c - `ponte demo`: two users, three orders, two reports. Every change has a fixed idempotency key, so that a second run changes nothing and prints the same. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/folder.h"
#include "cli/session.h"
#include "cli/show.h"
#include "cli/unary.h"
#include "cli/words.h"
#include "ponte/orders/v1/orders.ponte.h"
#include "ponte/reports/v1/reports.ponte.h"
#include "ponte/users/v1/users.ponte.h"

#define CURRENCY "BRL"
enum { PEOPLE = 2 };

static const struct {
  const char *name, *email, *key;
} people[PEOPLE] = {{"Alice", "alice@demo.ponte.local", "ponte-demo-user-alice"},
                    {"Bob", "bob@demo.ponte.local", "ponte-demo-user-bob"}};

static const struct {
  int person;
  const char *what;
  int32_t quantity;
  int64_t unit_price;
  const char *key;
} orders[] = {{0, "Book", 2, 2500, "ponte-demo-order-1"},
              {0, "Notebook", 1, 2500, "ponte-demo-order-2"},
              {1, "Pen", 4, 2000, "ponte-demo-order-3"}};
enum { ORDERS = sizeof orders / sizeof *orders };

typedef struct {
  cli_link link;
  int64_t timeout_ms;
  pb_arena arena; /* of the last answer */
  wire_status status;
  char ids[PEOPLE][64];
  bool known[PEOPLE]; /* from a run whose keys are forgotten: the orders are there, too */
} demo;

static const ProtobufCMessage *ask(demo *d, int port, const pb_service *service, const char *method,
                                   const ProtobufCMessage *request) {
  pb_arena_dispose(&d->arena);
  return cli_ask(&d->link, port, cli_method(service, method), d->timeout_ms, request, &d->arena, &d->status);
}

/* -- who asks ---------------------------------------------------------------------------------------------------------- */

/* The account that run.sh has made, if there is one: the file's text stays in *root. */
static json_t *demo_account(void) {
  const char *folder = getenv("PONTE_DATA_DIR");
  char path[CLI_PATH_MAX];
  snprintf(path, sizeof path, "%s/demo-account.json", folder && *folder ? folder : "var");
  return json_load_file(path, 0, NULL);
}

static bool sign_in(demo *d, const json_t *account) {
  const char *email = json_string_value(json_object_get(account, "email"));
  const char *password = json_string_value(json_object_get(account, "password"));
  Ponte__Users__V1__SignInRequest request = PONTE__USERS__V1__SIGN_IN_REQUEST__INIT;
  if (!email || !password) return true; /* none: without a token */
  request.email = (char *)email;
  request.password = (char *)password;
  const ProtobufCMessage *answer =
      cli_ask_anonymous(&d->link, CLI_USERS_PORT, cli_method(&ponte_users_v1_user_service, "SignIn"), d->timeout_ms,
                        &request.base, &d->arena, &d->status);
  return answer && base_is_ok(cli_link_set_token(&d->link, ((const Ponte__Users__V1__Session *)answer)->access_token));
}

/* A token that was given, then the session of `ponte login`, then the demo account, then none. */
static bool identify(demo *d) {
  cli_session session;
  if (d->link.identified) return true;
  enum cli_found found = cli_session_load(d->link.place, &session);
  if (found != CLI_FOUND_NOT) return found == CLI_FOUND;
  json_t *account = demo_account();
  bool good = sign_in(d, account);
  json_decref(account);
  d->link.identified = true;
  return good;
}

/* -- users and orders -------------------------------------------------------------------------------------------------- */

static bool keep_id(demo *d, int i, const char *id) { return snprintf(d->ids[i], sizeof d->ids[i], "%s", id) < 64; }

/* Keys are forgotten after a week, and belong to the account that used them: the user is there then. */
static bool find_user(demo *d, int i) {
  Ponte__Users__V1__ListUsersRequest request = PONTE__USERS__V1__LIST_USERS_REQUEST__INIT;
  request.query = (char *)people[i].email;
  const Ponte__Users__V1__ListUsersResponse *r = (const Ponte__Users__V1__ListUsersResponse *)ask(
      d, CLI_USERS_PORT, &ponte_users_v1_user_service, "ListUsers", &request.base);
  d->known[i] = true;
  for (size_t k = 0; r && k < r->n_users; k++) {
    if (strcmp(r->users[k]->email, people[i].email) == 0) return keep_id(d, i, r->users[k]->user_id);
  }
  if (r)
    wire_status_set(&d->status, BASE_GRPC_NOT_FOUND,
                    cli_words("the user %s has been deleted; `ponte users restore` helps"), people[i].email);
  return false;
}

static bool create_user(demo *d, int i) {
  Ponte__Users__V1__CreateUserRequest request = PONTE__USERS__V1__CREATE_USER_REQUEST__INIT;
  request.display_name = (char *)people[i].name;
  request.email = (char *)people[i].email;
  request.idempotency_key = (char *)people[i].key;
  const ProtobufCMessage *answer = ask(d, CLI_USERS_PORT, &ponte_users_v1_user_service, "CreateUser", &request.base);
  if (answer) return keep_id(d, i, ((const Ponte__Users__V1__User *)answer)->user_id);
  return d->status.code == BASE_GRPC_ALREADY_EXISTS && find_user(d, i);
}

static bool create_order(demo *d, int i) {
  Ponte__Orders__V1__OrderItem item = PONTE__ORDERS__V1__ORDER_ITEM__INIT, *items[] = {&item};
  Ponte__Orders__V1__CreateOrderRequest request = PONTE__ORDERS__V1__CREATE_ORDER_REQUEST__INIT;
  if (d->known[orders[i].person]) return true;
  item.description = (char *)orders[i].what;
  item.quantity = orders[i].quantity;
  item.unit_price = orders[i].unit_price;
  request.user_id = d->ids[orders[i].person];
  request.items = items;
  request.n_items = 1;
  request.currency_code = (char *)CURRENCY;
  request.idempotency_key = (char *)orders[i].key;
  return ask(d, CLI_ORDERS_PORT, &ponte_orders_v1_order_service, "CreateOrder", &request.base) != NULL;
}

/* -- reports ----------------------------------------------------------------------------------------------------------- */

static void total_of(Ponte__Type__V1__Money *const *totals, size_t n, char out[CLI_SHORT]) {
  Ponte__Type__V1__Money none = PONTE__TYPE__V1__MONEY__INIT;
  const Ponte__Type__V1__Money *total = &none;
  for (size_t i = 0; i < n; i++)
    total = strcmp(totals[i]->currency_code, CURRENCY) == 0 ? totals[i] : total;
  cli_show_amount(total, out);
}

static bool report_first(demo *d) {
  Ponte__Reports__V1__GetUserReportRequest request = PONTE__REPORTS__V1__GET_USER_REPORT_REQUEST__INIT;
  char total[CLI_SHORT];
  request.user_id = d->ids[0];
  const Ponte__Reports__V1__UserReport *r = (const Ponte__Reports__V1__UserReport *)ask(
      d, CLI_REPORTS_PORT, &ponte_reports_v1_report_service, "GetUserReport", &request.base);
  if (!r) return false;
  total_of(r->totals, r->n_totals, total);
  printf("Report %s: orders=%" PRId64 ", total=%s\n", people[0].name, r->order_count, total);
  return true;
}

static void print_top(void *ctx, const ProtobufCMessage *message) {
  const Ponte__Reports__V1__TopUser *u = (const Ponte__Reports__V1__TopUser *)message;
  char total[CLI_SHORT];
  (void)ctx;
  total_of(u->totals, u->n_totals, total);
  printf("Top: %s | count=%" PRId64 " total=%s\n", u->display_name, u->order_count, total);
}

static bool report_top(demo *d) {
  Ponte__Reports__V1__TopUsersRequest request = PONTE__REPORTS__V1__TOP_USERS_REQUEST__INIT;
  char *ids[PEOPLE];
  for (int i = 0; i < PEOPLE; i++)
    ids[i] = d->ids[i];
  request.user_ids = ids;
  request.n_user_ids = PEOPLE;
  cli_ask_stream(&d->link, CLI_REPORTS_PORT, cli_method(&ponte_reports_v1_report_service, "TopUsers"), d->timeout_ms,
                 &request.base, print_top, NULL, &d->status);
  return d->status.code == 0;
}

static bool play(demo *d) {
  if (!identify(d)) return false;
  for (int i = 0; i < PEOPLE; i++) {
    if (!create_user(d, i)) return false;
  }
  printf("Users created: [%s, %s]\n", people[0].name, people[1].name);
  for (int i = 0; i < ORDERS; i++) {
    if (!create_order(d, i)) return false;
  }
  return report_first(d) && report_top(d);
}

static int run(const cli_args *a) {
  cli_link_options options = cli_link_options_of(a);
  demo d = {0};
  if (!cli_timeout(a, &d.timeout_ms) || !cli_link_open(&d.link, &options, CLI_USERS_PORT)) return CLI_EXIT_USAGE;
  pb_arena_init(&d.arena, 0);
  wire_status_init(&d.status);
  int code = play(&d) ? CLI_EXIT_OK : d.status.code ? cli_exit_of(&d.status) : CLI_EXIT_LOCAL;
  if (d.link.interrupted) code = CLI_EXIT_INTERRUPTED;
  wire_status_dispose(&d.status);
  pb_arena_dispose(&d.arena);
  cli_link_close(&d.link);
  return code;
}

const cli_command cli_demo = {.name = "demo",
                              .summary = "make two users and three orders, and report on them",
                              .groups = CLI_LINK | CLI_CALL,
                              .help = "Without a token or a session it uses the demo account of run.sh "
                                      "($PONTE_DATA_DIR/demo-account.json). A second run changes nothing.\n",
                              .run = run};
