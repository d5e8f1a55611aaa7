#include "gateway/http/grpc_web_headers.h"

#include "base/test.h"
#include "gateway/http/testing_exchange.h"

#define H(n, v)                                                                    \
  {                                                                                \
    {(const uint8_t *)(n), sizeof(n) - 1}, { (const uint8_t *)(v), sizeof(v) - 1 } \
  }

static void what_reaches_the_service(void) {
  static const struct {
    http_header in;
    const char *key, *value; /* NULL: dropped here */
  } rows[] = {
      {H("authorization", "Bearer x"), "authorization", "Bearer x"},
      {H("cookie", "a=b; c=d"), "cookie", "a=b; c=d"},
      {H("cookie", "a=\xc3\xa7"), NULL, NULL},
      {H("x-custom", "v"), "x-custom", "v"},
      {H("x-empty", ""), "x-empty", ""},
      {H("traceparent", "00-1-2-01"), "traceparent", "00-1-2-01"},
      {H("x-user-agent", "grpc-web-javascript/0.1"), "x-user-agent", "grpc-web-javascript/0.1"},
      {H("user-agent", "Mozilla/5.0"), "x-user-agent", "Mozilla/5.0"},
      {H("x-raw-bin", "AAEC"), "x-raw-bin", NULL},
      {H("accept", "*/*"), NULL, NULL},
      {H("accept-language", "pt-BR"), NULL, NULL},
      {H("sec-fetch-mode", "cors"), NULL, NULL},
      {H("origin", "https://a"), NULL, NULL},
      {H("referer", "https://a/b"), NULL, NULL},
      {H("x-grpc-web", "1"), NULL, NULL},
      {H("cache-control", "no-cache"), NULL, NULL},
      {H("access-control-request-method", "POST"), NULL, NULL},
      {H("dnt", "1"), NULL, NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wire_metadata m;
    wire_status why;
    base_span value;
    wire_metadata_init(&m);
    wire_status_init(&why);
    http_request r = {.headers = &rows[i].in, .header_count = 1};
    const char *name = (const char *)rows[i].in.name.p;
    CHECK_MSG(gw_web_metadata_in(&r, &m, &why), "%s", name);
    CHECK_MSG(m.count == (rows[i].key ? 1 : 0), "%s: %u pairs", name, m.count);
    if (rows[i].key && m.count == 1) {
      CHECK_MSG(wire_metadata_get(&m, rows[i].key, &value), "%s", name);
      CHECK_MSG(!rows[i].value || base_span_is(value, rows[i].value), "%s", name);
    }
    wire_metadata_dispose(&m);
    wire_status_dispose(&why);
  }
}

static void x_user_agent_wins(void) {
  static const http_header in[] = {H("user-agent", "Mozilla/5.0"), H("x-user-agent", "lib/1")};
  wire_metadata m;
  wire_status why;
  base_span value;
  wire_metadata_init(&m);
  wire_status_init(&why);
  CHECK(gw_web_metadata_in(&(http_request){.headers = in, .header_count = 2}, &m, &why));
  CHECK_INT(m.count, 1);
  CHECK(wire_metadata_get(&m, "x-user-agent", &value) && base_span_is(value, "lib/1"));
  wire_metadata_dispose(&m);
  wire_status_dispose(&why);
}

static void binary_values_are_decoded(void) {
  static const struct {
    const char *text;
    size_t count;
    const char *first;
    size_t first_n;
  } rows[] = {
      {"AAEC", 1, "\0\1\2", 3}, {"AA==", 1, "\0", 1},           {"AA", 1, "\0", 1}, {"", 1, "", 0},
      {"AA, AQ", 2, "\0", 1},   {"AA==,AQ==,Ag==", 3, "\0", 1}, {",", 2, "", 0},    {"//79", 1, "\xff\xfe\xfd", 3},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wire_metadata m;
    wire_status why;
    wire_metadata_init(&m);
    wire_status_init(&why);
    http_header in = {base_span_str("a-bin"), base_span_str(rows[i].text)};
    CHECK_MSG(gw_web_metadata_in(&(http_request){.headers = &in, .header_count = 1}, &m, &why), "%s", rows[i].text);
    CHECK_MSG(m.count == rows[i].count, "%s: %u", rows[i].text, m.count);
    if (m.count > 0) {
      CHECK_MSG(base_span_eq(wire_metadata_at(&m, 0).value, base_span_of(rows[i].first, rows[i].first_n)), "%s",
                rows[i].text);
    }
    wire_metadata_dispose(&m);
    wire_status_dispose(&why);
  }
}

static void bad_metadata_is_refused_by_name(void) {
  static char huge[30000];
  memset(huge, 'a', sizeof huge);
  const struct {
    http_header in;
    int code;
  } rows[] = {
      {H("a-bin", "*"), 3},
      {H("a-bin", "AA, *"), 3},
      {H("a-bin", "A"), 3},
      {H("bad!name", "v"), 3},
      {H("bad!-bin", "AA"), 3},
      {H("a", "\xc3\xa7"), 3},
      {H("a", "tab\there"), 3},
      {{base_span_str("a"), base_span_of(huge, sizeof huge)}, 8},
      {{base_span_str("a-bin"), base_span_of(huge, sizeof huge)}, 8},
      {{base_span_str("cookie"), base_span_of(huge, sizeof huge)}, 8},
      {{base_span_str("user-agent"), base_span_of(huge, sizeof huge)}, 8},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wire_metadata m;
    wire_status why;
    wire_metadata_init(&m);
    wire_status_init(&why);
    CHECK_MSG(!gw_web_metadata_in(&(http_request){.headers = &rows[i].in, .header_count = 1}, &m, &why), "row %zu", i);
    CHECK_MSG(why.code == rows[i].code, "row %zu: %d", i, why.code);
    base_span text = base_buf_span(&why.message), name = rows[i].in.name;
    CHECK_MSG(text.n > name.n && memcmp(text.p, name.p, name.n) == 0, "row %zu: %.*s", i, BASE_SPAN_ARG(text));
    wire_metadata_dispose(&m);
    wire_status_dispose(&why);
  }
}

static void timeouts(void) {
  static const struct {
    const char *text;
    bool ok;
    int64_t ms;
    int code;
  } rows[] = {
      {"1S", true, 1000, 0},       {"250m", true, 250, 0},
      {"1n", true, 1, 0},          {"99999999H", true, 359999996400000, 0},
      {"0S", false, 0, 4},         {"", false, 0, 3},
      {"1", false, 0, 3},          {"S", false, 0, 3},
      {"-1S", false, 0, 3},        {"1.5S", false, 0, 3},
      {"123456789m", false, 0, 3}, {"1s", false, 0, 3},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wire_status why;
    wire_status_init(&why);
    int64_t ms = -1;
    http_header in = {base_span_str("grpc-timeout"), base_span_str(rows[i].text)};
    bool ok = gw_web_timeout_in(&(http_request){.headers = &in, .header_count = 1}, &ms, &why);
    CHECK_MSG(ok == rows[i].ok, "%s", rows[i].text);
    CHECK_MSG(!ok || ms == rows[i].ms, "%s: %lld", rows[i].text, (long long)ms);
    CHECK_MSG(why.code == rows[i].code, "%s: %d", rows[i].text, why.code);
    wire_status_dispose(&why);
  }
}

static void what_reaches_the_browser(void) {
  wire_metadata m;
  gw_web_headers h;
  testing_exchange t;
  wire_metadata_init(&m);
  testing_exchange_init(&t);
  CHECK_OK(wire_metadata_add_str(&m, "x-a", "b"));
  CHECK_OK(wire_metadata_add(&m, base_span_str("x-bin"), base_span_of("\0\1\2\3", 4)));
  CHECK_OK(wire_metadata_add_str(&m, "content-type", "application/grpc"));
  CHECK_OK(wire_metadata_add_str(&m, "grpc-encoding", "gzip"));
  CHECK_OK(wire_metadata_add_str(&m, "grpc-status", "0"));
  CHECK_OK(wire_metadata_add_str(&m, "date", "today"));
  CHECK_OK(wire_metadata_add_str(&m, "access-control-allow-origin", "*"));
  CHECK_OK(wire_metadata_add_str(&m, "transfer-encoding", "chunked"));
  gw_web_headers_init(&h);
  gw_web_headers_metadata(&h, &m);
  CHECK_INT(h.count, 3);
  gw_web_headers_expose(&h); /* a service cannot open the door by itself */
  CHECK_INT(h.count, 3);
  gw_web_headers_respond(&h, &t.x, 200, true);
  CHECK(testing_has(&t, "x-a: b"));
  CHECK(testing_has(&t, "x-bin: AAECAw"));
  CHECK(testing_has(&t, "grpc-encoding: gzip"));
  gw_web_headers_dispose(&h);
  wire_metadata_dispose(&m);
  testing_exchange_dispose(&t);
}

static void status_in_headers(void) {
  wire_status s;
  gw_web_headers h;
  testing_exchange t;
  wire_status_init(&s);
  testing_exchange_init(&t);
  wire_status_set(&s, 3, "100%%\n\xc3\xa7");
  CHECK_OK(wire_metadata_add(&s.trailers, base_span_str("grpc-status-details-bin"), base_span_of("\x08\x03", 2)));
  CHECK_OK(wire_metadata_add_str(&s.trailers, "x-t", "u"));
  CHECK_OK(wire_metadata_add_str(&s.trailers, "server", "s"));
  gw_web_headers_init(&h);
  gw_web_headers_status(&h, &s);
  gw_web_headers_respond(&h, &t.x, 200, true);
  CHECK(testing_has(&t, "grpc-status: 3"));
  CHECK(testing_has(&t, "grpc-message: 100%25%0A%C3%A7"));
  CHECK(testing_has(&t, "grpc-status-details-bin: CAM"));
  CHECK(testing_has(&t, "x-t: u"));
  CHECK(!testing_has(&t, "server: s"));
  gw_web_headers_dispose(&h);
  wire_status_dispose(&s);
  testing_exchange_dispose(&t);
}

static void more_than_fits_is_no_half_answer(void) {
  gw_web_headers h;
  testing_exchange t;
  testing_exchange_init(&t);
  gw_web_headers_init(&h);
  for (int i = 0; i <= GW_WEB_MAX_HEADERS; i++) {
    gw_web_headers_add(&h, base_span_str("a"), base_span_str("b"));
  }
  CHECK(h.failed);
  gw_web_headers_respond(&h, &t.x, 200, true);
  CHECK(t.reset);
  CHECK_INT(t.status, 0);
  gw_web_headers_dispose(&h);
  testing_exchange_dispose(&t);
}

TEST_MAIN(TEST(what_reaches_the_service), TEST(x_user_agent_wins), TEST(binary_values_are_decoded),
          TEST(bad_metadata_is_refused_by_name), TEST(timeouts), TEST(what_reaches_the_browser),
          TEST(status_in_headers), TEST(more_than_fits_is_no_half_answer))
