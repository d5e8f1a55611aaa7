/* Out of memory at every place where it can happen: the call fails with NO_MEMORY, what was appended to is as before,
 * nothing leaks (LeakSanitizer), and with memory the same call succeeds. */
#include "failalloc.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/test.h"
#include "wire/frame.h"
#include "wire/mux.h"

#define B(literal) base_span_of(literal, sizeof(literal) - 1)
enum { CEILING = 1 << 20, BIG = 3000 };

/* What the scenarios read; made before memory runs out. */
static struct {
  wire_status status;
  wire_mux_open open;
  base_buf trailers, open_frame, status_frame;
  char big[BIG];
} given;

static void prepare(void) {
  memset(given.big, 'x', sizeof given.big);
  wire_status_init(&given.status);
  wire_metadata_init(&given.open.metadata);
  base_buf_init(&given.trailers, CEILING);
  base_buf_init(&given.open_frame, CEILING);
  base_buf_init(&given.status_frame, CEILING);
  wire_status_set_span(&given.status, 5, base_span_of(given.big, sizeof given.big));
  given.open.path = B("/a/b");
  for (int i = 0; i < 20; i++) { /* more than the first room for pairs, more than the first room for bytes */
    CHECK_OK(wire_metadata_add(&given.status.trailers, B("some-bin"), base_span_of(given.big, 100)));
    CHECK_OK(wire_metadata_add(&given.open.metadata, B("some"), base_span_of(given.big, 100)));
  }
  CHECK_OK(wire_trailers_encode(&given.status, &given.trailers));
  CHECK_OK(wire_mux_put_open(&given.open_frame, 1, &given.open));
  CHECK_OK(wire_mux_put_status(&given.status_frame, 1, &given.status));
}

static void dispose(void) {
  wire_status_dispose(&given.status);
  wire_metadata_dispose(&given.open.metadata);
  base_buf_dispose(&given.trailers);
  base_buf_dispose(&given.open_frame);
  base_buf_dispose(&given.status_frame);
}

static base_span payload(const base_buf *frame) {
  base_span s = base_buf_span(frame);
  return base_span_of(s.p + WIRE_MUX_HEAD, s.n - WIRE_MUX_HEAD);
}

/* Each appends to `out`, or decodes into something of its own. */

static base_err frame(base_buf *out) { return wire_frame_append(out, 0, base_span_of(given.big, BIG)); }
static base_err base64(base_buf *out) { return wire_base64_encode(base_span_of(given.big, BIG), out); }
static base_err base64_decode(base_buf *out) { return wire_base64_decode(base_span_of(given.big, BIG), out); }
static base_err message(base_buf *out) { return wire_status_message_encode(base_span_of(given.big, BIG), out); }
static base_err message_decode(base_buf *out) { return wire_status_message_decode(base_span_of(given.big, BIG), out); }
static base_err json(base_buf *out) { return base_buf_json(out, base_span_of(given.big, BIG)); }
static base_err utf8(base_buf *out) { return base_buf_utf8(out, B("some text, and a byte that is none: \xff")); }
static base_err print(base_buf *out) { return base_buf_printf(out, "%.*s", (int)BIG, given.big); }
static base_err trailers(base_buf *out) { return wire_trailers_encode(&given.status, out); }
static base_err metadata(base_buf *out) { return wire_metadata_encode(&given.open.metadata, out); }
static base_err put_hello(base_buf *out) {
  return wire_mux_put_hello(out, &(wire_mux_hello){.version = 1, .token = base_span_of(given.big, BIG)});
}
static base_err put_auth(base_buf *out) { return wire_mux_put_auth(out, base_span_of(given.big, BIG)); }
static base_err put_open(base_buf *out) { return wire_mux_put_open(out, 1, &given.open); }
static base_err put_headers(base_buf *out) { return wire_mux_put_headers(out, 1, &given.open.metadata); }
static base_err put_data(base_buf *out) { return wire_mux_put_data(out, 1, base_span_of(given.big, BIG), true); }
static base_err put_status(base_buf *out) { return wire_mux_put_status(out, 1, &given.status); }
static base_err put_cancel(base_buf *out) { return wire_mux_put_cancel(out, 1); }
static base_err put_credit(base_buf *out) { return wire_mux_put_credit(out, 1, 1); }
static base_err put_ping(base_buf *out) { return wire_mux_put_ping(out, false, 1); }
static base_err put_drain(base_buf *out) { return wire_mux_put_drain(out, &(wire_mux_drain){1, 1}); }
static base_err metrics(base_buf *out) { return base_metrics_write(out); }
static base_err log_line(base_buf *out) {
  const struct base_log_field field = LOG_SPAN("big", base_span_of(given.big, BIG));
  return base_log_format(out, &(struct base_log_line){0, BASE_LOG_INFO, "p", "m", &field, 1}, false);
}

static base_err get_open(base_buf *out) {
  wire_mux_open o;
  (void)out;
  wire_metadata_init(&o.metadata);
  base_err e = wire_mux_get_open(payload(&given.open_frame), &o);
  CHECK(!base_is_ok(e) || o.metadata.count == 20);
  wire_metadata_dispose(&o.metadata);
  return e;
}

static base_err get_status(base_buf *out) {
  wire_status s;
  (void)out;
  wire_status_init(&s);
  base_err e = wire_mux_get_status(payload(&given.status_frame), &s);
  CHECK_INT(s.code, 5); /* the code is known even if its message is not */
  wire_status_dispose(&s);
  return e;
}

static base_err get_trailers(base_buf *out) {
  wire_status s;
  (void)out;
  wire_status_init(&s);
  base_err e = wire_trailers_decode(base_buf_span(&given.trailers), &s);
  CHECK(base_is_ok(e) ? s.trailers.count == 20 : s.code == 0 && s.trailers.count == 0);
  wire_status_dispose(&s);
  return e;
}

static base_err merge(base_buf *out) {
  wire_metadata m;
  (void)out;
  wire_metadata_init(&m);
  base_err e = wire_metadata_merge(&m, &given.open.metadata);
  wire_metadata_dispose(&m);
  return e;
}

static base_err header(base_buf *out) {
  wire_metadata m;
  (void)out;
  wire_metadata_init(&m);
  base_err e = wire_metadata_add_header(&m, B("Some-Bin"), B("Zm9v, Zm9v"));
  CHECK(!base_is_ok(e) || m.count == 2);
  wire_metadata_dispose(&m);
  return e;
}

static const struct {
  const char *name;
  base_err (*run)(base_buf *out);
} scenarios[] = {
#define S(f) \
  { #f, f }
    S(frame),    S(base64),     S(base64_decode), S(message),      S(message_decode), S(json),      S(utf8),
    S(print),    S(trailers),   S(metadata),      S(put_hello),    S(put_auth),       S(put_open),  S(put_headers),
    S(put_data), S(put_status), S(put_cancel),    S(put_credit),   S(put_ping),       S(put_drain), S(metrics),
    S(log_line), S(get_open),   S(get_status),    S(get_trailers), S(merge),          S(header),
#undef S
};

/* Fills the buffer's memory but for a few bytes, so that also the second and later appends of a frame must grow it. */
static void fill(base_buf *out, size_t free_bytes) {
  uint8_t *at = NULL;
  CHECK_OK(base_buf_u8(out, 'k'));
  size_t n = out->cap - base_buf_size(out) - free_bytes;
  CHECK_OK(base_buf_reserve(out, n, &at));
  memset(at, 'k', n);
  base_buf_commit(out, n);
}

static void run_scenario(size_t i, size_t free_bytes) {
  base_err e = base_fail(BASE_E_NO_MEMORY);
  long n = 0;
  for (; n < 1000 && !base_is_ok(e); n++) {
    base_buf out;
    base_buf_init(&out, CEILING);
    fill(&out, free_bytes);
    size_t before = base_buf_size(&out);
    failalloc_after(n);
    e = scenarios[i].run(&out);
    long failures = failalloc_failures();
    failalloc_after(-1);
    bool whole = base_is_ok(e) || (base_is(e, BASE_E_NO_MEMORY) && base_buf_size(&out) == before && failures > 0);
    CHECK_MSG(whole, "%s, %zu bytes free, %ld allocations: %s", scenarios[i].name, free_bytes, n, base_err_name(e));
    base_buf_dispose(&out);
  }
  CHECK_MSG(base_is_ok(e), "%s never succeeds", scenarios[i].name);
}

static void every_allocation_may_fail(void) {
  prepare();
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    for (size_t free_bytes = 0; free_bytes < 32; free_bytes++) {
      run_scenario(i, free_bytes);
    }
  }
  dispose();
}

/* The hook works at all: otherwise the test above would pass whatever the code does. */
static void memory_does_run_out(void) {
  base_buf b;
  base_buf_init(&b, CEILING);
  failalloc_after(0);
  CHECK_ERR(base_buf_u8(&b, 1), BASE_E_NO_MEMORY);
  CHECK_INT(failalloc_failures(), 1);
  failalloc_after(-1);
  CHECK_OK(base_buf_u8(&b, 1));
  base_buf_dispose(&b);
}

/* A call's end must be told even then: the code stays, only the message is lost. */
static void a_status_survives_without_its_message(void) {
  wire_status s;
  wire_status_init(&s);
  for (long n = 0; n < 3; n++) {
    failalloc_after(n);
    wire_status_set(&s, 14, "the server is shutting down");
    long failures = failalloc_failures();
    failalloc_after(-1);
    CHECK_INT(s.code, 14);
    CHECK((failures > 0) == (base_buf_size(&s.message) == 0));
    base_buf_dispose(&s.message);
  }
  wire_status_dispose(&s);
}

TEST_MAIN(TEST(memory_does_run_out), TEST(every_allocation_may_fail), TEST(a_status_survives_without_its_message))
