#include "base/test.h"
#include "gateway/auth/testing_auth.h"
#include "gateway/gate/gate.h"
#include "gateway/upstream/fake.h"

static int last_code;
static void on_headers(void *down, const wire_metadata *headers) { (void)down, (void)headers; }
static void on_data(void *down, base_span run) { (void)down, (void)run; }
static void on_consumed(void *down, size_t bytes) { (void)down, (void)bytes; }
static void on_status(void *down, const wire_status *status) {
  (void)down;
  last_code = status->code;
}
static const gw_down_vt down_vt = {on_headers, on_data, on_consumed, on_status};

static test_auth auth;
static char token[TEST_TOKEN_SIZE], bearer[TEST_TOKEN_SIZE + 8];

static void set_up(void) { test_auth_start(&auth); }
static void tear_down(void) { test_auth_end(&auth); }

static void sign(const char *subject, int64_t expires_in_s) {
  test_auth_token(&auth, subject, expires_in_s, token);
  snprintf(bearer, sizeof bearer, "Bearer %s", token);
}

/* The status of the refusal; 0 = opened. */
static int open_call(gw_gate *g, const char *path, const char *authorization, gw_stream **out) {
  wire_metadata m;
  wire_status why;
  wire_metadata_init(&m);
  wire_status_init(&why);
  if (authorization) {
    CHECK_OK(wire_metadata_add_str(&m, "authorization", authorization));
  }
  CHECK_OK(wire_metadata_add_str(&m, "x-ponte-subject", "root"));
  CHECK_OK(wire_metadata_add_str(&m, "x-ponte-client", "127.0.0.1"));
  CHECK_OK(wire_metadata_add_str(&m, "x-api-key", "secret"));
  const gw_stream_request r = {.path = base_span_str(path), .metadata = &m, .kind = GW_KIND_MUX, .peer = "10.0.0.1"};
  base_err e = gw_gate_open(g, &r, &down_vt, NULL, out, &why);
  int code = base_is_ok(e) ? 0 : why.code;
  wire_metadata_dispose(&m);
  wire_status_dispose(&why);
  return code;
}

static bool sent(const gw_fake *up, const char *key, const char *value) {
  base_span got;
  return up->calls && wire_metadata_get(&up->calls->metadata, key, &got) && base_span_is(got, value);
}

static void test_what_the_service_learns(void) {
  gw_fake up;
  gw_stream *s = NULL;
  gw_fake_init(&up);
  gw_gate on = {.upstream = &up.base, .auth = auth.auth}, off = {.upstream = &up.base};
  base_span value;
  CHECK_INT(open_call(&on, "/pkg.Service/M", NULL, &s), 16);
  CHECK_INT(open_call(&on, "/pkg.Service/M", "Bearer x.y.z", &s), 16);
  CHECK(up.calls == NULL);
  sign("alice", 600);
  CHECK_INT(open_call(&on, "/pkg.Other/M", bearer, &s), 7);
  CHECK(up.calls == NULL);
  CHECK_INT(open_call(&on, "/pkg.Service/M", bearer, &s), 0);
  CHECK(sent(&up, "x-ponte-subject", "alice"));
  CHECK(sent(&up, "x-ponte-client", "10.0.0.1"));
  CHECK(sent(&up, "authorization", bearer));
  CHECK(!wire_metadata_get(&up.calls->metadata, "x-api-key", &value));
  CHECK_STR(gw_stream_subject(s), "alice");
  CHECK_INT(open_call(&off, "/pkg.Service/M", NULL, &s), 0);
  CHECK(!wire_metadata_get(&up.calls->metadata, "x-ponte-subject", &value));
  CHECK(!wire_metadata_get(&up.calls->metadata, "x-ponte-client", &value));
  CHECK(sent(&up, "x-api-key", "secret"));
  gw_fake_dispose(&up);
}

/* Verifying costs: who sends bad tokens is not listened to for a while, and a missing one costs nothing. */
static void test_bad_tokens_use_up_the_rate(void) {
  gw_fake up;
  gw_stream *s = NULL;
  gw_fake_init(&up);
  gw_gate gate = {.upstream = &up.base, .auth = auth.auth};
  CHECK_OK(gw_limits_new(&(gw_limits_options){.rate_per_address = 1, .burst_per_address = 35}, &gate.limits));
  for (int i = 0; i < 50; i++) {
    CHECK_INT(open_call(&gate, "/pkg.Service/M", NULL, &s), 16);
  }
  for (int i = 0; i < 4; i++) {
    CHECK_INT(open_call(&gate, "/pkg.Service/M", "Bearer x.y.z", &s), 16);
  }
  sign("alice", 600);
  CHECK_INT(open_call(&gate, "/pkg.Service/M", "Bearer x.y.z", &s), 8);
  CHECK_INT(open_call(&gate, "/pkg.Service/M", bearer, &s), 8);
  CHECK(up.calls == NULL);
  gw_limits_free(gate.limits);
  gw_fake_dispose(&up);
}

/* Times are those of the token: now plus so many seconds, and 30 s of skew. */
static void test_expiry_and_renewal(void) {
  static const struct {
    const char *renewed_by; /* NULL: by nobody */
    int64_t expires_in_s;
    int64_t look_after_s;
    bool ended;
    const char *reason;
  } rows[] = {
      {NULL, 0, 60, false, "before it expires"},        {NULL, 0, 200, true, "after"},
      {"alice", 1000, 200, false, "renewed"},           {"alice", 1000, 1200, true, "renewed once"},
      {"alice", 10, 100, true, "with a shorter token"}, {"bob", 1000, 200, true, "with someone else's token"},
      {"alice", -100, 200, true, "with an old token"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_fake up;
    gw_stream *s = NULL;
    gw_timers timers = {0};
    gw_fake_init(&up);
    gw_gate gate = {.upstream = &up.base, .auth = auth.auth, .timers = &timers};
    sign("alice", 100);
    CHECK_INT(open_call(&gate, "/pkg.Service/M", bearer, &s), 0);
    if (rows[i].renewed_by) {
      sign(rows[i].renewed_by, rows[i].expires_in_s);
      gw_gate_renew(&gate, s, base_span_str(token));
    }
    last_code = 0;
    gw_timers_run(&timers, base_now_ms() + rows[i].look_after_s * 1000);
    gw_fake_end_cancelled(&up);
    CHECK_MSG(last_code == (rows[i].ended ? 16 : 0), "%s: %d", rows[i].reason, last_code);
    gw_fake_dispose(&up);
  }
}

TEST_MAIN(TEST(set_up), TEST(test_what_the_service_learns), TEST(test_expiry_and_renewal),
          TEST(test_bad_tokens_use_up_the_rate), TEST(tear_down))
