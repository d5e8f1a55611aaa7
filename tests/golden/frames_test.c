/* The gRPC-Web frame decoder against frames/: whole, split at every byte, byte by byte, cut off at every length. */
#include "base/test.h"
#include "golden.h"
#include "wire/frame.h"

enum { MAX_BYTES = 1000, TEXT = 8192 };

/* What one decoder made of all that it was given. */
struct decoded {
  wire_frame_decoder d;
  base_buf text, payload, again;
  int frames;
};

static void start(struct decoded *s) {
  wire_frame_init(&s->d, MAX_BYTES);
  base_buf_init(&s->text, TEXT);
  base_buf_init(&s->payload, MAX_BYTES);
  base_buf_init(&s->again, TEXT);
  s->frames = 0;
}

static void stop(struct decoded *s) {
  base_buf_dispose(&s->text);
  base_buf_dispose(&s->payload);
  base_buf_dispose(&s->again);
}

static base_err end_frame(struct decoded *s, const wire_frame_step *step) {
  BASE_TRY(base_buf_printf(&s->text, "frame flags=%02x ", step->flags));
  BASE_TRY(base_buf_json(&s->text, base_buf_span(&s->payload)));
  BASE_TRY(base_buf_str(&s->text, "\n"));
  BASE_TRY(wire_frame_append(&s->again, step->flags, base_buf_span(&s->payload)));
  base_buf_clear(&s->payload);
  s->frames++;
  return BASE_OK;
}

static base_err feed(struct decoded *s, base_span in) {
  for (;;) {
    wire_frame_step step;
    BASE_TRY(wire_frame_next(&s->d, &in, &step));
    if (step.event == WIRE_FRAME_MORE) {
      return BASE_OK;
    }
    if (step.event == WIRE_FRAME_BODY) {
      BASE_TRY(base_buf_append(&s->payload, step.body));
    }
    if (step.event == WIRE_FRAME_END) {
      BASE_TRY(end_frame(s, &step));
    }
  }
}

/* Gives the first `cut` bytes, then the rest in pieces of `piece`, and judges what came out. */
static void run(const golden_vector *v, size_t cut, size_t piece) {
  struct decoded s;
  base_span all = golden_span(v);
  start(&s);
  base_err e = feed(&s, base_span_of(all.p, cut));
  for (size_t at = cut; at < all.n && base_is_ok(e); at += piece) {
    e = feed(&s, base_span_of(all.p + at, piece < all.n - at ? piece : all.n - at));
  }
  if (base_is_ok(e)) {
    CHECK_OK(base_buf_str(&s.text, wire_frame_at_rest(&s.d) ? "rest\n" : "cut off\n"));
  }
  base_span text = base_buf_span(&s.text);
  CHECK_MSG(base_span_is(text, v->means), GOLDEN_FMT ": cut %zu, then %zu:\n%.*s", GOLDEN_ARG(v), cut, piece,
            BASE_SPAN_ARG(text));
  CHECK_MSG(strcmp(base_is_ok(e) ? "" : base_err_name(e), v->error) == 0, GOLDEN_FMT ": cut %zu, then %zu: %s",
            GOLDEN_ARG(v), cut, piece, base_err_name(e));
  base_span again = base_buf_span(&s.again);
  CHECK_MSG(base_span_eq(again, base_span_of(all.p, again.n)), GOLDEN_FMT ": written again", GOLDEN_ARG(v));
  stop(&s);
}

/* An end of input is clean between frames and nowhere else; what is whole before it is known. */
static void truncate_at(const golden_vector *v, size_t n) {
  struct decoded s;
  start(&s);
  CHECK_OK(feed(&s, base_span_of(v->bytes, n)));
  CHECK_MSG(wire_frame_at_rest(&s.d) == (base_buf_size(&s.again) == n), GOLDEN_FMT ": cut off at %zu", GOLDEN_ARG(v),
            n);
  base_span text = base_buf_span(&s.text);
  CHECK_MSG(base_span_eq(base_span_of(v->means, text.n), text), GOLDEN_FMT ": cut off at %zu", GOLDEN_ARG(v), n);
  stop(&s);
}

static void check(const golden_vector *v) {
  for (size_t cut = 0; cut <= v->n; cut++) {
    run(v, cut, v->n + 1);
  }
  run(v, 0, 1);
  for (size_t n = 0; n < v->n && v->error[0] == 0; n++) {
    truncate_at(v, n);
  }
}

static void good_frames(void) { CHECK(golden_each("frames/good.hex", check) >= 5); }
static void bad_frames(void) { CHECK(golden_each("frames/bad.hex", check) >= 5); }

TEST_MAIN(TEST(good_frames), TEST(bad_frames))
