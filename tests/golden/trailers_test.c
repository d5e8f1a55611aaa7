/* The trailer block of gRPC-Web against trailers/: whole, cut off at every length, and written again. */
#include "base/test.h"
#include "golden.h"
#include "wire/status.h"

enum { TEXT = 8192 };

static base_err describe(const wire_status *s, base_buf *out) {
  BASE_TRY(base_buf_printf(out, "status=%d message=", s->code));
  BASE_TRY(base_buf_json(out, base_buf_span(&s->message)));
  BASE_TRY(golden_describe(&s->trailers, out));
  return base_buf_str(out, "\n");
}

/* Cut off anywhere, a block is refused or means a part of what it meant: never more pairs, never another code, unless
 * the cut goes through the number itself. */
static void truncations(const golden_vector *v, const wire_status *whole) {
  for (size_t n = 0; n < v->n; n++) {
    wire_status s;
    wire_status_init(&s);
    base_err e = wire_trailers_decode(base_span_of(v->bytes, n), &s);
    CHECK_MSG(base_is_ok(e) || base_is(e, BASE_E_MALFORMED), GOLDEN_FMT ": cut off at %zu: %s", GOLDEN_ARG(v), n,
              base_err_name(e));
    CHECK_MSG(s.trailers.count <= whole->trailers.count, GOLDEN_FMT ": cut off at %zu", GOLDEN_ARG(v), n);
    CHECK_MSG(!base_is_ok(e) || s.code <= whole->code, GOLDEN_FMT ": cut off at %zu", GOLDEN_ARG(v), n);
    wire_status_dispose(&s);
  }
}

static void check(const golden_vector *v) {
  wire_status s;
  base_buf text;
  wire_status_init(&s);
  base_buf_init(&text, TEXT);
  base_err e = wire_trailers_decode(golden_span(v), &s);
  CHECK_MSG(strcmp(base_is_ok(e) ? "" : base_err_name(e), v->error) == 0, GOLDEN_FMT ": %s", GOLDEN_ARG(v),
            base_err_name(e));
  if (base_is_ok(e)) {
    CHECK_OK(describe(&s, &text));
    CHECK_MSG(base_span_is(base_buf_span(&text), v->means), GOLDEN_FMT ": %.*s", GOLDEN_ARG(v),
              BASE_SPAN_ARG(base_buf_span(&text)));
    base_buf_clear(&text);
    CHECK_OK(wire_trailers_encode(&s, &text));
    CHECK_MSG(v->one_way != base_span_eq(base_buf_span(&text), golden_span(v)), GOLDEN_FMT ": written again: %.*s",
              GOLDEN_ARG(v), BASE_SPAN_ARG(base_buf_span(&text)));
    truncations(v, &s);
  }
  base_buf_dispose(&text);
  wire_status_dispose(&s);
}

static void good_blocks(void) { CHECK(golden_each("trailers/good.hex", check) >= 5); }
static void bad_blocks(void) { CHECK(golden_each("trailers/bad.hex", check) >= 5); }

TEST_MAIN(TEST(good_blocks), TEST(bad_blocks))
