#include "base/err.h"

#include "base/test.h"

/* The codes as the documents number them; a row of the table that strays is found here. */
static const struct {
  enum base_err_code code;
  const char *name;
  int grpc, http, close;
} rows[] = {
    {BASE_E_OK, "OK", 0, 200, 1000},
    {BASE_E_MALFORMED, "MALFORMED", 3, 400, 1002},
    {BASE_E_TOO_LARGE, "TOO_LARGE", 8, 413, 1009},
    {BASE_E_DRAINING, "DRAINING", 14, 503, 4001},
    {BASE_E_HELLO, "HELLO", 3, 400, 4002},
    {BASE_E_CREDIT, "CREDIT", 8, 429, 4003},
    {BASE_E_UNAUTHENTICATED, "UNAUTHENTICATED", 16, 401, 4004},
    {BASE_E_DEADLINE, "DEADLINE", 4, 504, 1011},
};

static void codes_cross_each_border_as_documented(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = base_fail(rows[i].code);
    CHECK_STR(base_err_name(e), rows[i].name);
    CHECK_MSG(base_err_grpc(e) == rows[i].grpc, "%s", rows[i].name);
    CHECK_MSG(base_err_http(e) == rows[i].http, "%s", rows[i].name);
    CHECK_MSG(base_err_close(e) == rows[i].close, "%s", rows[i].name);
  }
}

static void every_row_is_sound(void) {
  for (int i = 0; i < BASE_E_COUNT; i++) {
    base_err e = base_fail((enum base_err_code)i);
    bool is_ok = i == BASE_E_OK;
    int close = base_err_close(e);
    CHECK_MSG(base_is_ok(e) == is_ok && (base_err_grpc(e) == 0) == is_ok, "%s", base_err_name(e));
    CHECK_MSG((base_err_http(e) < 400) == is_ok && base_err_http(e) < 600, "%s", base_err_name(e));
    /* What may be sent: RFC 6455 section 7.4.1 keeps 1004-1006 and 1015 back; 3000-3999 are registered, 4000-4999 ours.
     * */
    CHECK_MSG((close >= 1000 && close <= 1003) || (close >= 1007 && close <= 1014) || (close >= 4000 && close <= 4999),
              "%s", base_err_name(e));
    CHECK_MSG(strlen(base_err_text(e)) > 0, "%s", base_err_name(e));
  }
}

static void unknown_codes_read_as_internal(void) {
  base_err e = {60000};
  CHECK_STR(base_err_name(e), "INTERNAL");
  CHECK_INT(base_err_grpc(e), 13);
  CHECK(!base_is_ok(e));
}

static base_err try_it(base_err e, int *reached) {
  BASE_TRY(e);
  ++*reached;
  return BASE_OK;
}

static void try_leaves_with_the_error(void) {
  int reached = 0;
  CHECK_OK(try_it(BASE_OK, &reached));
  CHECK_ERR(try_it(base_fail(BASE_E_IO), &reached), BASE_E_IO);
  CHECK_INT(reached, 1);
}

static void grpc_names_go_both_ways(void) {
  static const struct {
    int code;
    const char *name;
  } names[] = {{0, "OK"}, {5, "NOT_FOUND"}, {8, "RESOURCE_EXHAUSTED"}, {14, "UNAVAILABLE"}, {16, "UNAUTHENTICATED"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    CHECK_STR(base_grpc_name(names[i].code), names[i].name);
    CHECK_INT(base_grpc_code(names[i].name), names[i].code);
  }
  for (int code = 0; code <= 16; code++) {
    CHECK_INT(base_grpc_code(base_grpc_name(code)), code);
  }
  CHECK_STR(base_grpc_name(17), "UNKNOWN");
  CHECK_STR(base_grpc_name(-1), "UNKNOWN");
  CHECK_INT(base_grpc_code("not_found"), -1);
  CHECK_INT(base_grpc_code(""), -1);
}

TEST_MAIN(TEST(codes_cross_each_border_as_documented), TEST(every_row_is_sound), TEST(unknown_codes_read_as_internal),
          TEST(try_leaves_with_the_error), TEST(grpc_names_go_both_ways))
