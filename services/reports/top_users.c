/* Ranks users by what SummarizeOrders tells of them; their names are asked for last, of those who are shown only. */
#include <stdio.h>

#include "orders/currency.h"
#include "ponte/reports/v1/reports.ponte.svc.h"
#include "reports/handlers.h"
#include "reports/sales.h"
#include "reports/top.h"

enum { DEFAULT_LIMIT = 10 };

/* Groups into users: those of one user stand together. */
typedef struct {
  reports_top *top;
  const char *only;  /* currency; "": all */
  reports_user user; /* the present one */
} ranking;

static void end_user(ranking *r) {
  if (r->user.order_count > 0) reports_top_offer(r->top, &r->user);
}

static base_err add_group(void *ctx, const Ponte__Orders__V1__OrderGroup *group) {
  ranking *r = ctx;
  if (strcmp(r->user.user_id, group->user_id) != 0) {
    end_user(r);
    snprintf(r->user.user_id, sizeof r->user.user_id, "%s", group->user_id);
  }
  if (r->only[0] && strcmp(r->only, group->total->currency_code) != 0) return BASE_OK;
  r->user.order_count = orders_sum(r->user.order_count, group->order_count);
  return reports_totals_add(&r->user.totals, group->total->currency_code, group->total->minor_units);
}

/* A reports_group_fn over groups by currency alone. */
static base_err add_currency(void *ctx, const Ponte__Orders__V1__OrderGroup *group) {
  return reports_totals_add(ctx, group->total->currency_code, group->total->minor_units);
}

/* Totals are compared in the one currency that there is. */
static void take_currency(reports_rule *rule, const reports_totals *all) {
  if (!rule->currency_code[0] && all->count == 1) {
    memcpy(rule->currency_code, all->rows[0].currency_code, sizeof rule->currency_code);
  }
}

static base_err rank_all(svc_call *c, Ponte__Orders__V1__SummarizeOrdersRequest groups, ranking *r) {
  reports_totals currencies = {0};
  base_err e = BASE_OK;
  if (!r->only[0]) e = reports_each_group(c, groups, add_currency, &currencies);
  take_currency(&r->top->rule, &currencies);
  reports_totals_dispose(&currencies);
  BASE_TRY(e);
  groups.by_user = true;
  BASE_TRY(reports_each_group(c, groups, add_group, r));
  end_user(r);
  reports_top_sort(r->top, r->top->rule);
  return BASE_OK;
}

static bool came_before(const Ponte__Reports__V1__TopUsersRequest *request, size_t i) {
  for (size_t k = 0; k < i; k++) {
    if (strcmp(request->user_ids[k], request->user_ids[i]) == 0) return true;
  }
  return false;
}

/* All these users are in memory, so that their currencies are known before they are ranked. */
static base_err rank_these(svc_call *c, Ponte__Orders__V1__SummarizeOrdersRequest groups,
                           const Ponte__Reports__V1__TopUsersRequest *request, ranking *r) {
  groups.by_user = true;
  for (size_t i = 0; i < request->n_user_ids; i++) {
    if (came_before(request, i)) continue;
    groups.user_id = request->user_ids[i];
    BASE_TRY(reports_each_group(c, groups, add_group, r));
    end_user(r);
  }
  reports_totals currencies = {0};
  base_err e = BASE_OK;
  for (size_t i = 0; i < r->top->count && base_is_ok(e); i++) {
    e = reports_totals_add_all(&currencies, &r->top->users[i].totals);
  }
  reports_rule rule = r->top->rule;
  take_currency(&rule, &currencies);
  reports_totals_dispose(&currencies);
  BASE_TRY(e);
  reports_top_sort(r->top, rule);
  return BASE_OK;
}

static base_err rank(svc_call *c, const Ponte__Reports__V1__TopUsersRequest *request, reports_top *top) {
  Ponte__Orders__V1__SummarizeOrdersRequest groups = PONTE__ORDERS__V1__SUMMARIZE_ORDERS_REQUEST__INIT;
  groups.start_time = request->start_time;
  groups.end_time = request->end_time;
  ranking r = {.top = top, .only = request->currency_code};
  base_err e = request->n_user_ids ? rank_these(c, groups, request, &r) : rank_all(c, groups, &r);
  reports_totals_dispose(&r.user.totals);
  return e;
}

static base_err tell(svc_call *c, const reports_top *top, size_t limit, reports_names *names) {
  bool told = false;
  for (size_t i = 0; i < top->count && i < limit; i++) {
    reports_user *user = &top->users[i];
    Ponte__Reports__V1__TopUser message = PONTE__REPORTS__V1__TOP_USER__INIT;
    const char *name;
    BASE_TRY(reports_name_of(c, names, user->user_id, &name));
    BASE_TRY(reports_money(c, &user->totals, &message.totals, &message.n_totals));
    message.rank = (int32_t)i + 1;
    message.user_id = user->user_id;
    message.display_name = (char *)name;
    message.order_count = user->order_count;
    message.missing = reports_missing_users;
    message.n_missing = names->is_down && !told;
    told = names->is_down;
    BASE_TRY(ponte_reports_v1_report_top_users_put(c, &message));
  }
  return BASE_OK;
}

static base_err check(svc_call *c, const Ponte__Reports__V1__TopUsersRequest *request, reports_rule *rule) {
  bool by_total = request->order == PONTE__REPORTS__V1__TOP_USERS_REQUEST__ORDER__ORDER_TOTAL;
  *rule = (reports_rule){.by = by_total ? REPORTS_BY_TOTAL : REPORTS_BY_COUNT};
  if (request->currency_code[0] && !orders_currency_find(request->currency_code)) {
    return svc_fail(c, RPC_REASON_INVALID_FIELD, "currency_code",
                    "currency_code must be a code of ISO 4217 in capitals, such as BRL");
  }
  if (by_total && !request->currency_code[0]) {
    return svc_fail(c, RPC_REASON_INVALID_FIELD, "currency_code",
                    "currency_code must say in which currency totals are compared");
  }
  snprintf(rule->currency_code, sizeof rule->currency_code, "%s", request->currency_code);
  return BASE_OK;
}

base_err reports_top_users(svc_call *c, const Ponte__Reports__V1__TopUsersRequest *request) {
  reports_rule rule;
  BASE_TRY(check(c, request, &rule));
  size_t limit = request->limit ? (size_t)request->limit : DEFAULT_LIMIT;
  reports_top top;
  reports_names *names = reports_names_new();
  if (!names) return base_fail(BASE_E_NO_MEMORY);
  base_err e = reports_top_init(&top, request->n_user_ids ? request->n_user_ids : limit, rule);
  if (base_is_ok(e)) e = rank(c, request, &top);
  if (base_is_ok(e)) e = tell(c, &top, limit, names);
  reports_top_dispose(&top);
  reports_names_free(names);
  return e;
}
