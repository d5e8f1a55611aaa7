/* sources.h - what reports are made of: the users and orders services, asked page by page. Functions are for handlers, on their threads. */
#ifndef PONTE_REPORTS_SOURCES_H
#define PONTE_REPORTS_SOURCES_H

#include "orders/domain.h"
#include "ponte/orders/v1/orders.pb-c.h"
#include "ponte/users/v1/users.pb-c.h"
#include "svc/svc.h"

/* The state of the service. */
typedef struct {
  svc_peer *users, *orders;
} reports_sources;

/* `missing` of an answer. */
extern char *reports_missing_users[1], *reports_missing_orders[1];

/* Each group of all pages, in their order; an error of `fn` ends it. One page is in memory at a time. *request says which groups; its page is ours to set. */
typedef base_err (*reports_group_fn)(void *ctx, const Ponte__Orders__V1__OrderGroup *group);
base_err reports_each_group(svc_call *c, Ponte__Orders__V1__SummarizeOrdersRequest request, reports_group_fn fn,
                            void *ctx) BASE_MUST_USE;
/* The same of orders. */
typedef base_err (*reports_order_fn)(void *ctx, const Ponte__Orders__V1__Order *order);
base_err reports_each_order(svc_call *c, Ponte__Orders__V1__ListOrdersRequest request, reports_order_fn fn,
                            void *ctx) BASE_MUST_USE;

/* *out lives as long as the call, or until svc_drop(). */
base_err reports_get_user(svc_call *c, const char *user_id, const Ponte__Users__V1__User **out) BASE_MUST_USE;

/* Names of users, of which the latest are kept: a user's orders often come close together. A user has one place, that of its id's hash; who comes later takes it. At most
 * 4 MiB. Zeroed at first. */
enum { REPORTS_NAMES = 4096 };
typedef struct {
  bool is_down; /* the users service could not be asked; it is not asked again */
  struct {
    char user_id[ORDERS_ID_SIZE];
    char *name; /* NULL: nobody is here */
  } places[REPORTS_NAMES];
} reports_names;
reports_names *reports_names_new(void); /* NULL when out of memory */
void reports_names_free(reports_names *names);
/* Valid until the next; "" for a user that is not there, and when the service is down. */
base_err reports_name_of(svc_call *c, reports_names *names, const char *user_id, const char **out) BASE_MUST_USE;

#endif
