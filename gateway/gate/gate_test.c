#include "gateway/gate/gate.h"

#include "base/clock.h"
#include "base/test.h"
#include "gateway/upstream/fake.h"

static int statuses;
static void on_headers(void *down, const wire_metadata *headers) { (void)down, (void)headers; }
static void on_data(void *down, base_span run) { (void)down, (void)run; }
static void on_consumed(void *down, size_t bytes) { (void)down, (void)bytes; }
static void on_status(void *down, const wire_status *status) {
  (void)down, (void)status;
  statuses++;
}
static const gw_down_vt down_vt = {on_headers, on_data, on_consumed, on_status};

struct fixture {
  gw_fake up;
  gw_gate gate;
  gw_stream *stream;
  int code; /* of the last refusal; 0 = none */
};

static void setup(struct fixture *f, const gw_limits_options *limits) {
  *f = (struct fixture){.gate.upstream = &f->up.base};
  gw_fake_init(&f->up);
  if (limits) {
    CHECK_OK(gw_limits_new(limits, &f->gate.limits));
  }
}

static void teardown(struct fixture *f) {
  gw_fake_dispose(&f->up);
  gw_limits_free(f->gate.limits);
}

static base_err open_call(struct fixture *f, const char *path, int64_t timeout_ms) {
  wire_status why;
  wire_status_init(&why);
  const gw_stream_request r = {
      .path = base_span_str(path), .timeout_ms = timeout_ms, .kind = GW_KIND_MUX, .peer = "10.0.0.1"};
  base_err e = gw_gate_open(&f->gate, &r, &down_vt, f, &f->stream, &why);
  f->code = why.code;
  wire_status_dispose(&why);
  return e;
}

static void timeouts_have_a_ceiling(void) {
  static const struct {
    int64_t ceiling, asked, want;
    const char *reason;
  } rows[] = {
      {0, 0, 0, "none"},           {0, 77, 77, "the caller's"},           {100, 77, 77, "below the ceiling"},
      {100, 101, 100, "above it"}, {100, INT64_MAX, 100, "far above it"}, {100, 0, 100, "no timeout at all"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fixture f;
    setup(&f, NULL);
    f.gate.max_timeout_ms = rows[i].ceiling;
    CHECK_OK(open_call(&f, "/a/b", rows[i].asked));
    CHECK_MSG(f.up.calls->timeout_ms == rows[i].want, "%s", rows[i].reason);
    teardown(&f);
  }
}

static void a_call_takes_one_place_until_its_end(void) {
  struct fixture f;
  setup(&f, &(gw_limits_options){.calls = 2});
  CHECK_OK(open_call(&f, "/a/b", 0));
  CHECK(base_is(open_call(&f, "not a path", 0), BASE_E_INVALID));
  f.up.start_error = base_fail(BASE_E_UNAVAILABLE);
  CHECK(base_is(open_call(&f, "/a/b", 0), BASE_E_UNAVAILABLE));
  f.up.start_error = BASE_OK;
  CHECK_OK(open_call(&f, "/a/b", 0));
  CHECK(base_is(open_call(&f, "/a/b", 0), BASE_E_EXHAUSTED));
  CHECK_INT(f.code, 8);
  gw_stream_abandon(f.stream);
  CHECK_MSG(base_is(open_call(&f, "/a/b", 0), BASE_E_EXHAUSTED), "%s", "the service has not let go yet");
  gw_fake_end_cancelled(&f.up);
  CHECK_OK(open_call(&f, "/a/b", 0));
  teardown(&f);
}

static void deadlines_come_from_the_worker(void) {
  struct fixture f;
  gw_timers timers = {0};
  setup(&f, NULL);
  f.gate.timers = &timers;
  f.gate.max_timeout_ms = 60000;
  CHECK_OK(open_call(&f, "/a/b", 0));
  statuses = 0;
  gw_timers_run(&timers, base_now_ms() + 120000);
  gw_fake_end_cancelled(&f.up);
  CHECK_INT(statuses, 1);
  teardown(&f);
}

/* What is broken off before its first answer costs as much as ten calls. */
static void calls_broken_off_are_charged(void) {
  static const struct {
    bool abandon, answered;
    int calls; /* that are left of eleven */
  } rows[] = {{false, false, 0}, {true, false, 0}, {false, true, 10}, {true, true, 10}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fixture f;
    setup(&f, &(gw_limits_options){.rate_per_address = 1, .burst_per_address = 11});
    CHECK_OK(open_call(&f, "/a/b", 0));
    if (rows[i].answered) {
      gw_fake_headers(f.up.calls, "k", "v");
    }
    (rows[i].abandon ? gw_stream_abandon : gw_stream_cancel)(f.stream);
    gw_fake_end_cancelled(&f.up);
    int calls = 0;
    while (base_is_ok(open_call(&f, "/a/b", 0))) {
      calls++;
    }
    CHECK_INT(calls, rows[i].calls);
    teardown(&f);
  }
}

TEST_MAIN(TEST(timeouts_have_a_ceiling), TEST(a_call_takes_one_place_until_its_end),
          TEST(deadlines_come_from_the_worker), TEST(calls_broken_off_are_charged))
