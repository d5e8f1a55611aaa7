#include "reports/sources.h"

#include <stdio.h>
#include <stdlib.h>

#include "ponte/orders/v1/orders.ponte.svc.h"
#include "ponte/users/v1/users.ponte.svc.h"

/* Of orders fewer, since each has items. */
enum { GROUPS_A_PAGE = 1000, ORDERS_A_PAGE = 200 };

char *reports_missing_users[1] = {(char *)"users"}, *reports_missing_orders[1] = {(char *)"orders"};

static const reports_sources *sources_of(const svc_call *c) { return svc_state(c); }

base_err reports_each_group(svc_call *c, Ponte__Orders__V1__SummarizeOrdersRequest request, reports_group_fn fn,
                            void *ctx) {
  const Ponte__Orders__V1__SummarizeOrdersResponse *page = NULL, *next;
  request.page_size = GROUPS_A_PAGE;
  do {
    if (page) request.page_token = page->next_page_token;
    base_err e = ponte_orders_v1_order_summarize_orders_ask(c, sources_of(c)->orders, &request, &next);
    if (page) svc_drop(c, &page->base);
    BASE_TRY(e);
    page = next;
    for (size_t i = 0; i < page->n_groups; i++) {
      if (!page->groups[i]->total) return base_fail(BASE_E_INTERNAL);
      BASE_TRY(fn(ctx, page->groups[i]));
    }
  } while (page->next_page_token[0]);
  svc_drop(c, &page->base);
  return BASE_OK;
}

base_err reports_each_order(svc_call *c, Ponte__Orders__V1__ListOrdersRequest request, reports_order_fn fn, void *ctx) {
  const Ponte__Orders__V1__ListOrdersResponse *page = NULL, *next;
  request.page_size = ORDERS_A_PAGE;
  do {
    if (page) request.page_token = page->next_page_token;
    base_err e = ponte_orders_v1_order_list_orders_ask(c, sources_of(c)->orders, &request, &next);
    if (page) svc_drop(c, &page->base);
    BASE_TRY(e);
    page = next;
    for (size_t i = 0; i < page->n_orders; i++)
      BASE_TRY(fn(ctx, page->orders[i]));
  } while (page->next_page_token[0]);
  svc_drop(c, &page->base);
  return BASE_OK;
}

base_err reports_get_user(svc_call *c, const char *user_id, const Ponte__Users__V1__User **out) {
  Ponte__Users__V1__GetUserRequest request = PONTE__USERS__V1__GET_USER_REQUEST__INIT;
  request.user_id = (char *)user_id;
  return ponte_users_v1_user_get_user_ask(c, sources_of(c)->users, &request, out);
}

/* FNV-1a. */
static uint32_t hash(const char *text) {
  uint32_t h = 2166136261;
  for (; *text; text++)
    h = (h ^ (uint8_t)*text) * 16777619;
  return h;
}

reports_names *reports_names_new(void) { return calloc(1, sizeof(reports_names)); }

void reports_names_free(reports_names *names) {
  for (size_t i = 0; names && i < REPORTS_NAMES; i++)
    free(names->places[i].name);
  free(names);
}

base_err reports_name_of(svc_call *c, reports_names *names, const char *user_id, const char **out) {
  *out = "";
  if (names->is_down) return BASE_OK;
  size_t i = hash(user_id) % REPORTS_NAMES;
  *out = names->places[i].name;
  if (*out && strcmp(names->places[i].user_id, user_id) == 0) return BASE_OK;
  *out = "";
  const Ponte__Users__V1__User *user = NULL;
  base_err e = reports_get_user(c, user_id, &user);
  names->is_down = base_is(e, BASE_E_UNAVAILABLE);
  if (names->is_down) return BASE_OK;
  if (!base_is_ok(e) && !base_is(e, BASE_E_NOT_FOUND)) return e;
  char *name = strdup(user ? user->display_name : "");
  if (user) svc_drop(c, &user->base);
  if (!name) return base_fail(BASE_E_NO_MEMORY);
  free(names->places[i].name);
  names->places[i].name = name;
  snprintf(names->places[i].user_id, sizeof names->places[i].user_id, "%s", user_id);
  *out = name;
  return BASE_OK;
}
