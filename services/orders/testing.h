/* testing.h - what the tests of orders and reports share: orders put into the store at any time of the past, many at once; and a users service that fails as it is told.
 * Test code only. */
#ifndef PONTE_ORDERS_TESTING_H
#define PONTE_ORDERS_TESTING_H

#include <pthread.h>

#include "orders/domain.h"
#include "ponte/users/v1/users.pb-c.h"
#include "rpc/server.h"
#include "svc/svc.h"

/* Of the methods in the services' tables. */
enum { TEST_CREATE_ORDER, TEST_GET_ORDER, TEST_LIST_ORDERS, TEST_CANCEL_ORDER, TEST_PAY_ORDER, TEST_SUMMARIZE_ORDERS };
enum { TEST_CREATE_USER, TEST_GET_USER, TEST_LIST_USERS, TEST_UPDATE_USER, TEST_DELETE_USER };
enum { TEST_USER_REPORT, TEST_TOP_USERS, TEST_SALES_OVER_TIME, TEST_EXPORT_ORDERS };

/* The orders service as it is, and a way to its store for orders_seed(). One at a time. */
extern const svc_definition orders_test_definition;

typedef struct {
  const char *user_id;
  int64_t created_us;
  const char *currency_code;
  int64_t total; /* of one item "seed" */
  int64_t state; /* enum orders_state; 0 reads as pending */
} orders_seed_row;
/* In one transaction. Ends the program when it fails. */
void orders_seed(const orders_seed_row *rows, size_t count);
/* `count` orders, all of them of one item; what the i-th is says `row`. Thousands a transaction. */
void orders_seed_many(size_t count, orders_seed_row (*row)(void *ctx, size_t i), void *ctx);

/* -- a users service --------------------------------------------------------------------------------------------- */

enum fake_users_mode {
  FAKE_USERS_FOUND,
  FAKE_USERS_DELETED,
  FAKE_USERS_NOT_FOUND,
  FAKE_USERS_UNAVAILABLE,
  FAKE_USERS_INTERNAL,
  FAKE_USERS_SLOW, /* says nothing until fake_users_release(), and nothing good then */
};

typedef struct {
  rpc_server *server;
  char target[32];      /* "127.0.0.1:PORT" */
  pthread_mutex_t lock; /* of the rest */
  pthread_cond_t changed;
  enum fake_users_mode mode;
  int down_after; /* so many calls are answered as `mode` says, those after them UNAVAILABLE; 0: no limit */
  bool released;
  int calls;
  /* Of the last call. */
  char traceparent[64], authorization[1024];
  int64_t left_ms; /* until its deadline; INT64_MAX: none */
} fake_users;

void fake_users_start(fake_users *f);
void fake_users_set(fake_users *f, enum fake_users_mode mode, int down_after);
int fake_users_calls(fake_users *f);
void fake_users_release(fake_users *f);
void fake_users_stop(fake_users *f);
/* The target of a service that is not there. */
extern const char fake_users_nobody[];

#endif
