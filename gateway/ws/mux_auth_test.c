/* Tokens of a ponte.v1 connection: in HELLO, replaced by AUTH. */
#include "gateway/auth/testing_auth.h"
#include "gateway/ws/mux_harness.h"

static test_auth auth;
static char token[TEST_TOKEN_SIZE];

static void set_up(void) { test_auth_start(&auth); }
static void tear_down(void) { test_auth_end(&auth); }

static void begin(struct harness *h, gw_timers *timers, const char *hello_token) {
  harness_open(h, NULL);
  h->gate.auth = auth.auth;
  h->gate.timers = timers;
  wire_mux_hello hello = {.version = WIRE_MUX_VERSION, .call_credit = 65536, .token = base_span_str(hello_token)};
  CHECK_OK(wire_mux_put_hello(&h->out, &hello));
  harness_tell(h, 0);
}

static void tell_token(struct harness *h, const char *text) {
  CHECK_OK(wire_mux_put_auth(&h->out, base_span_str(text)));
  harness_tell(h, 0);
}

static void open_call(struct harness *h, uint32_t id) {
  harness_put_open(h, id);
  harness_tell(h, 0);
}

/* The status of a call; -1 while it runs. */
static int code_of(const struct harness *h, uint32_t id) {
  struct got last = {0};
  return harness_count(h, WIRE_MUX_STATUS, id, &last) ? (int)last.number : -1;
}

static void test_a_call_wants_a_token_and_the_connection_does_not(void) {
  struct harness h;
  begin(&h, NULL, "");
  open_call(&h, 1);
  CHECK_INT(code_of(&h, 1), 16);
  CHECK_INT(h.closes, 0);
  test_auth_token(&auth, "alice", 600, token);
  tell_token(&h, token);
  open_call(&h, 2);
  CHECK_INT(code_of(&h, 2), -1);
  tell_token(&h, "");
  open_call(&h, 3);
  CHECK_INT(code_of(&h, 3), 16);
  CHECK_INT(code_of(&h, 2), -1);
  CHECK_INT(h.closes, 0);
  harness_free(&h);
}

static void test_a_bad_token_in_hello_fails_the_calls(void) {
  struct harness h;
  begin(&h, NULL, "x.y.z");
  open_call(&h, 1);
  CHECK_INT(code_of(&h, 1), 16);
  CHECK_INT(h.closes, 0);
  harness_free(&h);
}

static void test_a_bad_token_in_auth_ends_the_connection(void) {
  struct harness h;
  test_auth_token(&auth, "alice", 600, token);
  begin(&h, NULL, token);
  open_call(&h, 1);
  CHECK_INT(code_of(&h, 1), -1);
  test_auth_token(&auth, "alice", -600, token);
  tell_token(&h, token);
  CHECK_INT(h.closes, 1);
  CHECK_INT(h.close_code, 4004);
  harness_free(&h);
}

/* Expiry ends the call, not the connection; AUTH moves it for running calls. */
static void test_refresh(void) {
  struct harness h;
  gw_timers timers = {0};
  test_auth_token(&auth, "alice", 100, token);
  begin(&h, &timers, token);
  open_call(&h, 1);
  test_auth_token(&auth, "alice", 1000, token);
  tell_token(&h, token);
  gw_timers_run(&timers, base_now_ms() + 500000);
  gw_fake_end_cancelled(&h.up);
  harness_flush(&h);
  CHECK_INT(code_of(&h, 1), -1);
  gw_timers_run(&timers, base_now_ms() + 1100000);
  gw_fake_end_cancelled(&h.up);
  harness_flush(&h);
  CHECK_INT(code_of(&h, 1), 16);
  CHECK_INT(h.closes, 0);
  open_call(&h, 2);
  CHECK_INT(code_of(&h, 2), -1);
  harness_free(&h);
}

TEST_MAIN(TEST(set_up), TEST(test_a_call_wants_a_token_and_the_connection_does_not),
          TEST(test_a_bad_token_in_hello_fails_the_calls), TEST(test_a_bad_token_in_auth_ends_the_connection),
          TEST(test_refresh), TEST(tear_down))
