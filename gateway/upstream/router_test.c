#include "base/test.h"
#include "gateway/upstream/fake.h"
#include "gateway/upstream/router.h"

static void no_headers(void *ctx, const wire_metadata *headers) { (void)ctx, (void)headers; }
static void no_data(void *ctx, base_span run) { (void)ctx, (void)run; }
static void no_written(void *ctx, size_t bytes) { (void)ctx, (void)bytes; }
static void count_status(void *ctx, const wire_status *status) {
  (void)status;
  ++*(int *)ctx;
}
static const gw_up_events events = {no_headers, no_data, no_written, count_status};

static void longest_prefix_wins(void) {
  gw_fake all, users, deep, method;
  gw_upstream *router = NULL;
  gw_fake_init(&all), gw_fake_init(&users), gw_fake_init(&deep), gw_fake_init(&method);
  users.base.max_message_bytes = 100 << 20;
  CHECK_OK(gw_router_new(&router));
  CHECK_OK(gw_router_add(router, "/", &all.base));
  CHECK_OK(gw_router_add(router, "/users.v1.UserService/", &users.base));
  CHECK_OK(gw_router_add(router, "/users.v1.UserServiceAdmin/", &deep.base));
  CHECK_OK(gw_router_add(router, "/users.v1.UserService/Watch", &method.base));
  CHECK_OK(gw_router_add(router, "/users.v2.", &users.base));
  CHECK_INT(router->max_message_bytes, 100 << 20);
  struct {
    const char *path;
    gw_fake *want;
  } rows[] = {
      {"/users.v1.UserService/Get", &users},
      {"/users.v1.UserServiceAdmin/Get", &deep},
      {"/users.v1.UserServ/Get", &all},
      {"/users.v1.UserService/Watch", &method},
      {"/users.v1.UserService/WatchAll", &users},
      {"/users.v1.UserService/Watc", &users},
      {"/users.v2.UserService/Get", &users},
      {"/users.v2.deep.X/Get", &users},
      {"/users.v2/Get", &all},
      {"/other.v1.X/Y", &all},
  };
  int ended = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_up_call *call = NULL;
    CHECK_OK(router->vt->start(router, base_span_str(rows[i].path), 0, NULL, &events, &ended, &call));
    CHECK_MSG(call && call->upstream == &rows[i].want->base, "%s", rows[i].path);
  }
  gw_fake_dispose(&all), gw_fake_dispose(&users), gw_fake_dispose(&deep), gw_fake_dispose(&method);
  CHECK_INT(ended, (int)(sizeof rows / sizeof *rows));
  router->vt->free(router);
}

static void without_a_route_is_unimplemented(void) {
  gw_fake users;
  gw_upstream *router = NULL;
  gw_up_call *call = NULL;
  int ended = 0;
  gw_fake_init(&users);
  CHECK_OK(gw_router_new(&router));
  CHECK(!router->vt->is_ready(router));
  CHECK_OK(gw_router_add(router, "/users.v1.UserService/", &users.base));
  CHECK_ERR(router->vt->start(router, base_span_str("/x.Y/Z"), 0, NULL, &events, &ended, &call), BASE_E_NO_ROUTE);
  CHECK_INT(ended, 0);
  router->vt->free(router);
}

static void readiness_is_that_of_all(void) {
  gw_fake a, b;
  gw_upstream *router = NULL;
  gw_fake_init(&a), gw_fake_init(&b);
  CHECK_OK(gw_router_new(&router));
  CHECK_OK(gw_router_add(router, "/a.A/", &a.base));
  CHECK_OK(gw_router_add(router, "/b.B/", &b.base));
  CHECK(router->vt->is_ready(router));
  b.ready = false;
  CHECK(!router->vt->is_ready(router));
  router->vt->free(router);
}

static void bad_prefixes(void) {
  static const char *const rows[] = {"",   "x",     "x/",    "/x",     "//",   "/a/b/", "/a//b", "/a.b",
                                     "/.", "x.y/z", "/a b/", "/a/b c", "/a/*", "/*",    "/a?/",  "/a/b#"};
  gw_fake leg;
  gw_upstream *router = NULL;
  gw_fake_init(&leg);
  CHECK_OK(gw_router_new(&router));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = gw_router_add(router, rows[i], &leg.base);
    CHECK_MSG(base_is(e, BASE_E_INVALID), "%s", rows[i]);
  }
  CHECK_OK(gw_router_add(router, "/", &leg.base));
  CHECK_ERR(gw_router_add(router, "/", &leg.base), BASE_E_EXISTS);
  router->vt->free(router);
}

TEST_MAIN(TEST(longest_prefix_wins), TEST(without_a_route_is_unimplemented), TEST(readiness_is_that_of_all),
          TEST(bad_prefixes))
