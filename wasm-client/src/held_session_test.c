#include "wc/held_session.h"

#include <stdlib.h>

#include "base/test.h"
#include "wire/metadata.h"

typedef Ponte__Users__V1__Session session;

static char token[512];

static char *jwt(const char *claims) {
  base_buf b;
  base_buf_init(&b, sizeof token - 1);
  CHECK_OK(base_buf_str(&b, "e30."));
  CHECK_OK(wire_base64url_encode(base_span_str(claims), &b));
  CHECK_OK(base_buf_str(&b, ".c2ln"));
  snprintf(token, sizeof token, "%.*s", BASE_SPAN_ARG(base_buf_span(&b)));
  base_buf_dispose(&b);
  return token;
}

static base_err take(wc_held_session *h, char *access_token) {
  static char refresh[] = "refresh", email[] = "ana@example.org", name[] = "Ana";
  Ponte__Users__V1__User user = PONTE__USERS__V1__USER__INIT;
  session s = PONTE__USERS__V1__SESSION__INIT;
  user.email = email;
  user.display_name = name;
  s.user = &user;
  s.access_token = access_token;
  s.refresh_token = refresh;
  return wc_held_take(h, &s, 1000000);
}

static void test_claims(void) {
  static const struct {
    const char *token;
    int64_t lifetime_ms;
    int roles;
    bool one_time;
    const char *reason;
  } rows[] = {
      {"{\"iat\":100,\"exp\":1000,\"roles\":[\"teacher\"]}", 900000, 1, false, "as the users service writes them"},
      {"{\"iat\":100,\"exp\":1000,\"roles\":[]}", 900000, 0, true, "a one-time password"},
      {"{\"iat\":100,\"exp\":1000}", 900000, 0, true, "no roles at all"},
      {"{\"roles\":[\"a\",7,null,\"\",\"b\"]}", 0, 2, false, "what is no role is left out"},
      {"{\"iat\":1000,\"exp\":100,\"roles\":[\"a\"]}", 0, 1, false, "it ends before it begins"},
      {"{\"iat\":\"100\",\"exp\":1000,\"roles\":\"a\"}", 1000000, 0, true, "texts for numbers, a text for a list"},
      {"{\"iat\":0,\"exp\":1e300,\"roles\":[\"a\"]}", 86400000, 1, false, "for ever"},
      {"{\"roles\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}", 0, 8, false, "more roles than fit"},
      {"{\"roles\":[\"a-role-whose-name-is-longer-than-any-name\"]}", 0, 1, false, "a long name is cut"},
      {"[]", 0, 0, false, "no object"},
      {"{\"iat\":", 0, 0, false, "torn"},
      {"", 0, 0, false, "empty"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wc_held_session h;
    wc_held_init(&h);
    CHECK_OK(take(&h, jwt(rows[i].token)));
    CHECK_MSG(h.lifetime_ms == rows[i].lifetime_ms, "%s: %lld ms", rows[i].reason, (long long)h.lifetime_ms);
    CHECK_MSG(h.role_count == rows[i].roles, "%s: %d roles", rows[i].reason, h.role_count);
    CHECK_MSG(h.one_time == rows[i].one_time, "%s", rows[i].reason);
    wc_held_clear(&h);
  }
}

static void test_tokens_that_are_no_jwt(void) {
  static const char *const tokens[] = {"opaque", "a.b", "a.!!.c", "..", "a..b", "a.====.b"};
  for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
    wc_held_session h;
    wc_held_init(&h);
    snprintf(token, sizeof token, "%s", tokens[i]);
    CHECK_OK(take(&h, token));
    CHECK_MSG(!h.one_time && h.role_count == 0 && h.lifetime_ms == 0, "%s", tokens[i]);
    wc_held_clear(&h);
  }
}

static void test_left(void) {
  wc_held_session h;
  wc_held_init(&h);
  CHECK_INT(wc_held_left_ms(&h, 1000000), 0);
  CHECK_OK(take(&h, jwt("{\"iat\":100,\"exp\":1000,\"roles\":[\"teacher\"]}")));
  CHECK_INT(wc_held_left_ms(&h, 1000000), 840000); /* a minute before its end */
  CHECK_INT(wc_held_left_ms(&h, 1000000 + 839999), 1);
  CHECK_INT(wc_held_left_ms(&h, 1000000 + 900000), 0);
  CHECK_INT(wc_held_left_ms(&h, 999999), 0); /* the clock was set back */
  CHECK(!wc_held_is_over(&h, 1000000 + 899999));
  CHECK(wc_held_is_over(&h, 1000000 + 900000));
  CHECK(wc_held_is_over(&h, 999999));
  CHECK(wc_held_has_role(&h, "teacher"));
  CHECK(!wc_held_has_role(&h, "admin"));
  CHECK_OK(take(&h, jwt("{\"iat\":100,\"exp\":104,\"roles\":[\"teacher\"]}")));
  CHECK_INT(wc_held_left_ms(&h, 1000000), 3000); /* short lives lose a quarter */
  wc_held_clear(&h);
}

static void test_no_session(void) {
  session s = PONTE__USERS__V1__SESSION__INIT;
  wc_held_session h;
  wc_held_init(&h);
  CHECK_ERR(wc_held_take(&h, &s, 1), BASE_E_MALFORMED);
  CHECK_OK(take(&h, jwt("{}")));
  CHECK_ERR(wc_held_take(&h, &s, 1), BASE_E_MALFORMED);
  CHECK(!h.session); /* and the old one is gone */
}

/* Cut or changed at each byte it is refused or read, but never read beyond. */
static void test_record(void) {
  wc_held_session h, again;
  base_buf record;
  wc_held_init(&h);
  wc_held_init(&again);
  base_buf_init(&record, 4096);
  CHECK_OK(take(&h, jwt("{\"iat\":100,\"exp\":1000,\"roles\":[\"teacher\",\"admin\"]}")));
  CHECK_OK(wc_held_write(&h, &record));
  base_span bytes = base_buf_span(&record);
  CHECK_OK(wc_held_read(&again, bytes));
  CHECK_STR(again.session->refresh_token, "refresh");
  CHECK_STR(again.session->user->display_name, "Ana");
  CHECK_INT(again.since_ms, 1000000);
  CHECK_INT(again.role_count, 2);
  for (size_t n = 0; n < bytes.n; n++) {
    uint8_t *copy = malloc(bytes.n);
    REQUIRE(copy);
    memcpy(copy, bytes.p, bytes.n);
    CHECK(!base_is_ok(wc_held_read(&again, base_span_of(copy, n))) || again.session);
    copy[n] ^= 0x80;
    CHECK(base_is_ok(wc_held_read(&again, base_span_of(copy, bytes.n))) == (again.session != NULL));
    free(copy);
  }
  CHECK_ERR(wc_held_read(&again, base_span_str("\x02 of another version")), BASE_E_MALFORMED);
  CHECK_ERR(wc_held_read(&again, base_span_of("\x01\xff\xff\xff\xff\xff\xff\xff\xff", 9)), BASE_E_MALFORMED);
  wc_held_clear(&again);
  wc_held_clear(&h);
  base_buf_dispose(&record);
}

TEST_MAIN(TEST(test_claims), TEST(test_tokens_that_are_no_jwt), TEST(test_left), TEST(test_no_session),
          TEST(test_record))
