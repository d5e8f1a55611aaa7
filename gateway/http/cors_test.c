#include "gateway/http/cors.h"

#include "base/test.h"
#include "gateway/http/testing_exchange.h"

static void done(testing_exchange *t) {
  testing_close(t, false);
  testing_exchange_dispose(t);
}

static void headers_by_policy(void) {
  static const struct {
    const char *rule, *origin;
    bool credentials;
    size_t count;
    const char *reason;
  } rows[] = {
      {NULL, "https://a.example", false, 0, "nothing is allowed, so nothing depends on the Origin"},
      {"https://a.example", NULL, false, 1, "caches must know that it would matter"},
      {"https://a.example", "https://b.example", false, 1, "refused, and the same"},
      {"https://a.example", "https://a.example", false, 2, "allowed"},
      {"https://a.example", "https://a.example", true, 3, "with credentials"},
      {"https://a.example", "https://b.example", true, 1, "no credentials for others"},
      {"*", "null", false, 2, "anyone"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_policy p;
    http_header h[GW_CORS_HEADERS];
    base_span origin = rows[i].origin ? base_span_str(rows[i].origin) : base_span_of(NULL, 0);
    gw_policy_init(&p);
    p.credentials = rows[i].credentials;
    CHECK(rows[i].rule == NULL || base_is_ok(gw_policy_add_origin(&p, rows[i].rule)));
    CHECK_MSG(gw_cors_headers(&p, origin, h) == rows[i].count, "%s", rows[i].reason);
    if (rows[i].count > 0) {
      CHECK(base_span_is(h[0].name, "vary") && base_span_is(h[0].value, "origin"));
    }
    if (rows[i].count > 1) {
      CHECK_MSG(base_span_is(h[1].name, "access-control-allow-origin") && base_span_eq(h[1].value, origin), "%s",
                rows[i].reason);
    }
    if (rows[i].count > 2) {
      CHECK(base_span_is(h[2].name, "access-control-allow-credentials") && base_span_is(h[2].value, "true"));
    }
    gw_policy_dispose(&p);
  }
}

static void preflights(void) {
  static const struct {
    int64_t max_age_s;
    const char *line;
  } ages[] = {
      {0, "access-control-max-age: 86400"}, {600, "access-control-max-age: 600"}, {-1, "access-control-max-age: 0"}};
  gw_policy p;
  testing_exchange t;
  http_header h[] = {{base_span_str("origin"), base_span_str("https://x")},
                     {base_span_str("access-control-request-method"), base_span_str("POST")},
                     {base_span_str("access-control-request-headers"), base_span_str("x-grpc-web,content-type")}};
  http_request r = {.method = base_span_str("OPTIONS"), .path = base_span_str("/a/b"), .headers = h, .header_count = 3};
  CHECK(gw_cors_is_preflight(&r));
  gw_policy_init(&p);
  CHECK_OK(gw_policy_add_origin(&p, "https://x"));
  for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
    p.max_age_s = ages[i].max_age_s;
    p.credentials = i > 0;
    testing_exchange_init(&t);
    gw_cors_preflight(&p, &t.x, &r);
    CHECK_INT(t.status, 204);
    CHECK(testing_has(&t, "access-control-allow-origin: https://x"));
    CHECK(testing_has(&t, "access-control-allow-headers: x-grpc-web,content-type"));
    CHECK(testing_has(&t, "access-control-allow-methods: GET, HEAD, POST"));
    CHECK(testing_has(&t, "access-control-allow-credentials: true") == (i > 0));
    CHECK(testing_has(&t, "vary: origin") && testing_has(&t, "vary: access-control-request-headers"));
    CHECK_MSG(testing_has(&t, ages[i].line), "%s", ages[i].line);
    done(&t);
  }
  h[2].value = base_span_str("x: y\r\nset-cookie");
  testing_exchange_init(&t);
  gw_cors_preflight(&p, &t.x, &r);
  CHECK(memmem(t.head.data, base_buf_size(&t.head), "set-cookie", 10) == NULL);
  done(&t);
  gw_policy_dispose(&p);
}

static void what_is_no_preflight(void) {
  http_header h[] = {{base_span_str("origin"), base_span_str("https://x")},
                     {base_span_str("access-control-request-method"), base_span_str("POST")}};
  http_request r = {.method = base_span_str("OPTIONS"), .path = base_span_str("/a/b"), .headers = h, .header_count = 1};
  CHECK(!gw_cors_is_preflight(&r));
  r.headers = h + 1;
  CHECK(!gw_cors_is_preflight(&r));
  r.headers = h;
  r.header_count = 2;
  r.method = base_span_str("POST");
  CHECK(!gw_cors_is_preflight(&r));
}

TEST_MAIN(TEST(headers_by_policy), TEST(preflights), TEST(what_is_no_preflight))
