#include "base/clock.h"
#include "base/test.h"
#include "base/trace.h"
#include "gateway/stream/stream.h"
#include "gateway/upstream/fake.h"
#include "wire/frame.h"

/* What the browser's side saw. */
struct down {
  int headers, statuses;
  int code;
  char message[256];
  size_t data, consumed;
};

static void down_headers(void *ctx, const wire_metadata *headers) {
  (void)headers;
  ((struct down *)ctx)->headers++;
}
static void down_data(void *ctx, base_span run) { ((struct down *)ctx)->data += run.n; }
static void down_consumed(void *ctx, size_t bytes) { ((struct down *)ctx)->consumed += bytes; }
static void down_status(void *ctx, const wire_status *status) {
  struct down *d = ctx;
  d->statuses++;
  d->code = status->code;
  snprintf(d->message, sizeof d->message, "%.*s", BASE_SPAN_ARG(base_buf_span(&status->message)));
}
static const gw_down_vt down_vt = {down_headers, down_data, down_consumed, down_status};

struct fixture {
  gw_fake up;
  struct down down;
  gw_stream *stream;
  gw_fake_call *call;
};

static bool open_path(struct fixture *f, const char *path, base_err want) {
  gw_stream_request r = {
      .path = base_span_str(path), .timeout_ms = 1234, .credit = 1000, .kind = GW_KIND_MUX, .peer = "127.0.0.1"};
  base_err e = gw_stream_open(&f->up.base, &r, &down_vt, &f->down, &f->stream);
  f->call = f->up.calls;
  return e.code == want.code;
}

static void setup(struct fixture *f) {
  *f = (struct fixture){0};
  gw_fake_init(&f->up);
  f->up.base.max_message_bytes = 100;
  CHECK(open_path(f, "/pkg.Service/Method", BASE_OK));
}

static base_span message(uint8_t *room, uint8_t flags, uint32_t n) {
  wire_frame_head(room, flags, n);
  memset(room + WIRE_FRAME_HEAD, 'm', n);
  return base_span_of(room, WIRE_FRAME_HEAD + n);
}

static void paths(void) {
  static const struct {
    const char *path;
    bool ok;
  } rows[] = {
      {"/a/b", true},
      {"/pkg.v1.Service/Do_It", true},
      {"", false},
      {"/", false},
      {"/a", false},
      {"/a/", false},
      {"//b", false},
      {"a/b", false},
      {"/a/b/c", false},
      {"/a/b?x=1", false},
      {"/a b/c", false},
      {"/../etc", true},
      {"/a/b\r\nx: y", false},
      {"/a/\xc3\xa9", false},
      {"/a%2f/b", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fixture f = {0};
    gw_fake_init(&f.up);
    CHECK_MSG(open_path(&f, rows[i].path, rows[i].ok ? BASE_OK : base_fail(BASE_E_INVALID)), "%s", rows[i].path);
    CHECK_INT(f.up.calls != NULL, rows[i].ok);
    gw_fake_dispose(&f.up);
    CHECK_INT(f.down.statuses, rows[i].ok);
  }
}

/* What the service gets of the trace headers: *state says whether tracestate came too. */
static base_trace forwarded_trace(const char *traceparent, bool *state) {
  gw_fake up;
  struct down r = {0};
  gw_stream *s = NULL;
  wire_metadata m;
  base_span value = {0};
  base_trace t = {0};
  gw_fake_init(&up);
  wire_metadata_init(&m);
  CHECK_OK(wire_metadata_add_str(&m, "traceparent", traceparent));
  CHECK_OK(wire_metadata_add_str(&m, "tracestate", "vendor=1"));
  const gw_stream_request request = {.path = base_span_str("/a/b"), .metadata = &m, .kind = GW_KIND_MUX};
  CHECK_OK(gw_stream_open(&up.base, &request, &down_vt, &r, &s));
  CHECK(wire_metadata_get(&up.calls->metadata, "traceparent", &value) && base_trace_parse(value, &t));
  *state = wire_metadata_get(&up.calls->metadata, "tracestate", &value);
  gw_stream_abandon(s);
  gw_fake_end_cancelled(&up);
  gw_fake_dispose(&up);
  wire_metadata_dispose(&m);
  return t;
}

static void the_trace_goes_on_with_a_span_of_ours(void) {
  bool state = false;
  base_trace t = forwarded_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &state);
  CHECK(state);
  CHECK_INT(t.trace_id[0], 0x0a);
  CHECK_INT(t.trace_id[15], 0x9c);
  CHECK(t.span_id[0] != 0xb7 || t.span_id[7] != 0x31);
  CHECK_INT(t.flags, 1);
  t = forwarded_trace("nonsense", &state);
  CHECK(!state);
  CHECK_INT(t.flags, 0);
}

static void opens_with_credit_timeout_and_filtered_metadata(void) {
  gw_fake up;
  struct down down = {0};
  gw_stream *s = NULL;
  wire_metadata m;
  base_span value;
  gw_fake_init(&up);
  wire_metadata_init(&m);
  CHECK_OK(wire_metadata_add_str(&m, "authorization", "Bearer x"));
  CHECK_OK(wire_metadata_add_str(&m, "x-ponte-user", "root"));
  CHECK_OK(wire_metadata_add_str(&m, "grpc-timeout", "1H"));
  gw_stream_request r = {
      .path = base_span_str("/a/b"), .timeout_ms = 77, .metadata = &m, .credit = 9, .kind = GW_KIND_MUX};
  CHECK_OK(gw_stream_open(&up.base, &r, &down_vt, &down, &s));
  CHECK_INT(up.calls->credit, 9);
  CHECK_INT(up.calls->timeout_ms, 77);
  CHECK_INT(up.calls->metadata.count, 2);
  CHECK(wire_metadata_get(&up.calls->metadata, "authorization", &value));
  wire_metadata_dispose(&m);
  gw_fake_dispose(&up);
}

static void a_refused_start_leaves_nothing(void) {
  struct fixture f = {0};
  gw_fake_init(&f.up);
  f.up.start_error = base_fail(BASE_E_UNAVAILABLE);
  CHECK(open_path(&f, "/a/b", base_fail(BASE_E_UNAVAILABLE)));
  CHECK_INT(f.down.statuses, 0);
  gw_fake_dispose(&f.up);
}

static void carries_a_whole_call(void) {
  struct fixture f;
  uint8_t room[128];
  setup(&f);
  base_span m = message(room, 0, 50);
  gw_stream_write(f.stream, m, true);
  CHECK(f.call->ended);
  CHECK_INT(base_buf_size(&f.call->written), m.n);
  gw_fake_headers(f.call, "k", "v");
  gw_fake_data(f.call, m);
  gw_stream_credit(f.stream, 55);
  CHECK_INT(f.call->credit, 1000);
  gw_fake_take(f.call);
  gw_fake_status(f.call, 5, "not here");
  CHECK_INT(f.down.headers, 1);
  CHECK_INT(f.down.data, m.n);
  CHECK_INT(f.down.consumed, m.n);
  CHECK_INT(f.down.statuses, 1);
  CHECK_INT(f.down.code, 5);
  CHECK_STR(f.down.message, "not here");
}

/* The beginning of a message longer than the window must not hold the window shut. */
static void part_messages_count_as_consumed(void) {
  struct fixture f;
  uint8_t room[128];
  setup(&f);
  base_span m = message(room, 0, 90);
  gw_stream_write(f.stream, base_span_of(m.p, 3), false);
  CHECK_INT(f.down.consumed, 3);
  gw_stream_write(f.stream, base_span_of(m.p + 3, 40), false);
  CHECK_INT(f.down.consumed, 43);
  gw_stream_write(f.stream, base_span_of(m.p + 43, m.n - 43), false);
  CHECK_MSG(f.down.consumed == 43, "%s", "a complete message waits for the service");
  gw_stream_write(f.stream, base_span_of(m.p, 20), false);
  CHECK_MSG(f.down.consumed == 43, "%s", "and so does what comes behind it");
  gw_fake_take(f.call);
  CHECK_INT(f.down.consumed, m.n + 20);
  gw_stream_abandon(f.stream);
  gw_fake_end_cancelled(&f.up);
  CHECK_INT(f.down.statuses, 0);
}

static void open_with(struct fixture *f, const char *encoding) {
  wire_metadata m;
  wire_metadata_init(&m);
  CHECK_OK(wire_metadata_add_str(&m, "grpc-encoding", encoding));
  gw_stream_abandon(f->stream);
  gw_fake_end_cancelled(&f->up);
  const gw_stream_request r = {.path = base_span_str("/p.S/M"), .metadata = &m, .kind = GW_KIND_MUX};
  CHECK_OK(gw_stream_open(&f->up.base, &r, &down_vt, &f->down, &f->stream));
  f->call = f->up.calls;
  wire_metadata_dispose(&m);
}

static void compressed_messages_pass_where_they_are_announced(void) {
  struct fixture f;
  base_span got;
  setup(&f);
  open_with(&f, "gzip");
  CHECK(wire_metadata_get(&f.call->metadata, "grpc-encoding", &got) && base_span_is(got, "gzip"));
  gw_stream_write(f.stream, base_span_of("\1\0\0\0\1x\0\0\0\0\1y", 12), true);
  CHECK(!f.call->cancelled);
  CHECK_INT(base_buf_size(&f.call->written), 12);
  gw_fake_status(f.call, 0, "");
}

static void bad_bytes_end_the_call(void) {
  static const struct {
    const char *encoding;
    uint8_t flags;
    uint32_t length, sent;
    bool end;
    int code;
    const char *reason;
  } rows[] = {
      {NULL, 0, 101, 5, false, 8, "longer than the limit"},
      {NULL, 0, UINT32_MAX, 5, false, 8, "much longer"},
      {NULL, 1, 4, 9, false, 13, "compressed, which nothing announced"},
      {"identity", 1, 4, 9, false, 13, "compressed, of which the contrary was announced"},
      {"gzip", 0x81, 4, 9, false, 13, "compressed trailers from a client"},
      {"gzip", 3, 4, 9, false, 13, "compressed, and an unknown flag"},
      {"gzip", 1, 101, 5, false, 8, "compressed, and longer than the limit"},
      {NULL, 0x80, 4, 9, false, 13, "trailers from a client"},
      {NULL, 0x40, 4, 9, false, 13, "an unknown flag"},
      {NULL, 0, 4, 8, true, 13, "an end inside a message"},
      {NULL, 0, 4, 3, true, 13, "an end inside a head"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fixture f;
    uint8_t room[16] = {0};
    setup(&f);
    if (rows[i].encoding) {
      open_with(&f, rows[i].encoding);
      f.down.statuses = 0;
    }
    wire_frame_head(room, rows[i].flags, rows[i].length);
    gw_stream_write(f.stream, base_span_of(room, rows[i].sent), rows[i].end);
    CHECK_MSG(f.call->cancelled && f.down.statuses == 0, "%s", rows[i].reason);
    gw_stream_write(f.stream, base_span_of(room, 5), false);
    gw_fake_data(f.call, base_span_of(room, 5));
    CHECK_MSG(f.down.data == 0, "%s", rows[i].reason);
    gw_fake_end_cancelled(&f.up);
    CHECK_MSG(f.down.statuses == 1 && f.down.code == rows[i].code, "%s: code %d", rows[i].reason, f.down.code);
    CHECK_MSG(f.down.message[0], "%s", rows[i].reason);
  }
}

static void a_failed_write_ends_the_call(void) {
  struct fixture f;
  setup(&f);
  f.up.write_error = base_fail(BASE_E_NO_MEMORY);
  gw_stream_write(f.stream, base_span_of("\0\0\0\0\0", 5), false);
  gw_fake_end_cancelled(&f.up);
  CHECK_INT(f.down.code, 8);
}

static void cancel_says_cancelled(void) {
  struct fixture f;
  setup(&f);
  gw_stream_cancel(f.stream);
  gw_stream_cancel(f.stream);
  gw_stream_credit(f.stream, 10);
  CHECK_INT(f.call->credit, 1000);
  CHECK(f.call->cancelled);
  gw_fake_status(f.call, 0, "too late: what it said after the cancel was dropped");
  CHECK_INT(f.down.statuses, 1);
  CHECK_INT(f.down.code, 1);
}

static void abandoned_is_silent(void) {
  struct fixture f;
  setup(&f);
  gw_stream_abandon(f.stream);
  CHECK(f.call->cancelled);
  gw_fake_headers(f.call, "k", "v");
  gw_fake_data(f.call, base_span_of("\0\0\0\0\0", 5));
  gw_fake_take(f.call);
  gw_fake_status(f.call, 0, "");
  CHECK_INT(f.down.headers + f.down.statuses + (int)f.down.data + (int)f.down.consumed, 0);
}

static void bytes_after_the_half_close_are_dropped(void) {
  struct fixture f;
  setup(&f);
  gw_stream_write(f.stream, base_span_of(NULL, 0), true);
  gw_stream_write(f.stream, base_span_of("\0\0\0\0\0", 5), false);
  CHECK_INT(base_buf_size(&f.call->written), 0);
  gw_fake_status(f.call, 0, "");
  CHECK_INT(f.down.code, 0);
}

enum { HOUR_MS = 3600000, MINUTE_MS = 60000 };

/* With an hour between the events of a row, the clock that runs on meanwhile changes nothing. */
static void time_ends_calls(void) {
  static const struct {
    int64_t timeout_ms, expiry_ms, again_ms; /* from now; 0 = none */
    int64_t quiet_ms, ends_ms;
    int code;
    const char *reason;
  } rows[] = {
      {HOUR_MS, 0, 0, HOUR_MS - MINUTE_MS, HOUR_MS + MINUTE_MS, 4, "the deadline"},
      {0, HOUR_MS, 0, HOUR_MS - MINUTE_MS, HOUR_MS + MINUTE_MS, 16, "the expiry"},
      {2 * HOUR_MS, HOUR_MS, 0, HOUR_MS - MINUTE_MS, HOUR_MS + MINUTE_MS, 16, "the expiry first"},
      {HOUR_MS, 2 * HOUR_MS, 0, HOUR_MS - MINUTE_MS, HOUR_MS + MINUTE_MS, 4, "the deadline first"},
      {0, HOUR_MS, 3 * HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 16, "an expiry moved"},
      {0, -HOUR_MS, 0, -MINUTE_MS, MINUTE_MS, 16, "an expiry in the past ends the call at the next look"},
      {HOUR_MS, HOUR_MS, INT64_MAX, HOUR_MS - MINUTE_MS, 2 * HOUR_MS, 4, "no expiry any more"},
      {INT64_MAX, 0, 0, INT64_MAX / 2, 0, 0, "a deadline beyond all clocks"},
      {0, 0, 0, INT64_MAX / 2, 0, 0, "none"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_fake up;
    struct down down = {0};
    gw_stream *s = NULL;
    gw_timers timers = {0};
    gw_fake_init(&up);
    gw_stream_request r = {.path = base_span_str("/a/b"),
                           .timeout_ms = rows[i].timeout_ms,
                           .timers = &timers,
                           .credit = 9,
                           .kind = GW_KIND_MUX};
    CHECK_OK(gw_stream_open(&up.base, &r, &down_vt, &down, &s));
    if (rows[i].expiry_ms) {
      gw_stream_set_expiry(s, base_wall_ms() + rows[i].expiry_ms);
    }
    if (rows[i].again_ms) {
      gw_stream_set_expiry(s, rows[i].again_ms == INT64_MAX ? INT64_MAX : base_wall_ms() + rows[i].again_ms);
    }
    gw_timers_run(&timers, base_now_ms() + rows[i].quiet_ms);
    CHECK_MSG(!up.calls->cancelled, "%s", rows[i].reason);
    if (rows[i].code) {
      gw_timers_run(&timers, base_now_ms() + rows[i].ends_ms);
      CHECK_MSG(up.calls->cancelled && down.statuses == 0, "%s", rows[i].reason);
    }
    gw_fake_status(up.calls, 0, "");
    CHECK_MSG(down.statuses == 1 && down.code == rows[i].code, "%s: %d", rows[i].reason, down.code);
    CHECK_MSG(timers.first == NULL, "%s", rows[i].reason);
  }
}

static void counts_its_calls(void) {
  struct fixture f;
  setup(&f);
  CHECK_INT(f.up.base.calls, 1);
  CHECK(open_path(&f, "/bad", base_fail(BASE_E_INVALID)));
  f.up.start_error = base_fail(BASE_E_UNAVAILABLE);
  CHECK(open_path(&f, "/a/b", base_fail(BASE_E_UNAVAILABLE)));
  CHECK_INT(f.up.base.calls, 1);
  gw_stream_abandon(f.stream);
  CHECK_MSG(f.up.base.calls == 1, "%s", "abandoned, but the service has not ended yet");
  gw_fake_end_cancelled(&f.up);
  CHECK_INT(f.up.base.calls, 0);
}

TEST_MAIN(TEST(paths), TEST(opens_with_credit_timeout_and_filtered_metadata),
          TEST(the_trace_goes_on_with_a_span_of_ours), TEST(a_refused_start_leaves_nothing), TEST(carries_a_whole_call),
          TEST(part_messages_count_as_consumed), TEST(compressed_messages_pass_where_they_are_announced),
          TEST(bad_bytes_end_the_call), TEST(a_failed_write_ends_the_call), TEST(cancel_says_cancelled),
          TEST(abandoned_is_silent), TEST(bytes_after_the_half_close_are_dropped), TEST(time_ends_calls),
          TEST(counts_its_calls))
