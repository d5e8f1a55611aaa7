#include "wire/frame.h"

#include "base/test.h"

#define B(literal) base_span_of(literal, sizeof(literal) - 1)

/* Decodes `in`, given in pieces of `piece` bytes, into a text like "B80:3 abc E". */
static base_err transcript(base_span in, size_t piece, uint32_t max, char *out, size_t size, bool *rest) {
  wire_frame_decoder d;
  size_t at = 0;
  wire_frame_init(&d, max);
  out[0] = 0;
  while (in.n > 0) {
    base_span part = base_span_of(in.p, piece < in.n ? piece : in.n);
    in = base_span_of(in.p + part.n, in.n - part.n);
    for (;;) {
      wire_frame_step step;
      BASE_TRY(wire_frame_next(&d, &part, &step));
      if (step.event == WIRE_FRAME_MORE) {
        break;
      }
      if (step.event == WIRE_FRAME_BEGIN) {
        at += (size_t)snprintf(out + at, size - at, "B%02x:%u ", step.flags, (unsigned)step.length);
      } else if (step.event == WIRE_FRAME_BODY) {
        at += (size_t)snprintf(out + at, size - at, "%.*s", BASE_SPAN_ARG(step.body));
      } else {
        at += (size_t)snprintf(out + at, size - at, "E%02x:%u ", step.flags, (unsigned)step.length);
      }
    }
    CHECK_INT(part.n, 0);
  }
  *rest = wire_frame_at_rest(&d);
  return BASE_OK;
}

static const struct {
  base_span in;
  const char *want;
  bool rest;
  enum base_err_code err;
  const char *reason;
} rows[] = {
    {{(const uint8_t *)"", 0}, "", true, BASE_E_OK, "nothing is no frame"},
    {{(const uint8_t *)"\0\0\0\0\3abc", 8}, "B00:3 abcE00:3 ", true, BASE_E_OK, "one frame"},
    {{(const uint8_t *)"\1\0\0\0\0", 5}, "B01:0 E01:0 ", true, BASE_E_OK, "an empty compressed message"},
    {{(const uint8_t *)"\0\0\0\0\1a\x80\0\0\0\2bc", 13},
     "B00:1 aE00:1 B80:2 bcE80:2 ",
     true,
     BASE_E_OK,
     "message, trailers"},
    {{(const uint8_t *)"\x81\0\0\0\1z", 6}, "B81:1 zE81:1 ", true, BASE_E_OK, "compressed trailers"},
    {{(const uint8_t *)"\0\0\0\0", 4}, "", false, BASE_E_OK, "a head cut off"},
    {{(const uint8_t *)"\0\0\0\0\3ab", 7}, "B00:3 ab", false, BASE_E_OK, "a payload cut off"},
    {{(const uint8_t *)"\0\0\0\0\x10"
                       "0123456789abcdef",
      21},
     "B00:16 0123456789abcdefE00:16 ",
     true,
     BASE_E_OK,
     "exactly the limit"},
    {{(const uint8_t *)"\0\0\0\0\x11", 5}, "", false, BASE_E_TOO_LARGE, "one above the limit"},
    {{(const uint8_t *)"\0\xff\xff\xff\xff", 5}, "", false, BASE_E_TOO_LARGE, "the largest length"},
    {{(const uint8_t *)"\0\1\0\0\0", 5}, "", false, BASE_E_TOO_LARGE, "a length whose low bytes are small"},
    {{(const uint8_t *)"\2\0\0\0\0", 5}, "", false, BASE_E_MALFORMED, "unknown flag bit 1"},
    {{(const uint8_t *)"\x40\0\0\0\0", 5}, "", false, BASE_E_MALFORMED, "unknown flag bit 6"},
    {{(const uint8_t *)"H", 1}, "", false, BASE_E_MALFORMED, "HTTP instead of a frame fails at its first byte"},
    {{(const uint8_t *)"\0\0\0\0\0\xff", 6}, "B00:0 E00:0 ", false, BASE_E_MALFORMED, "a bad frame after a good one"},
};

static void frames_come_out_the_same_however_they_are_split(void) {
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (size_t piece = 1; piece <= rows[r].in.n + 1; piece++) {
      char got[128];
      bool rest = false;
      base_err e = transcript(rows[r].in, piece, 16, got, sizeof got, &rest);
      CHECK_MSG(base_is(e, rows[r].err), "%s: %s in pieces of %zu", rows[r].reason, base_err_name(e), piece);
      CHECK_MSG(strcmp(got, rows[r].want) == 0, "%s: \"%s\" in pieces of %zu", rows[r].reason, got, piece);
      CHECK_MSG(!base_is_ok(e) || rest == rows[r].rest, "%s: at_rest in pieces of %zu", rows[r].reason, piece);
    }
  }
}

static bool has_trailers(const char *transcript) { return strstr(transcript, "B8") != NULL; }

static void following_comes_to_the_same_as_decoding(void) {
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (size_t piece = 1; piece <= rows[r].in.n + 1; piece++) {
      wire_frame_decoder d;
      base_err e = BASE_OK;
      size_t done = 0, ends = 0;
      wire_frame_init(&d, 16);
      for (base_span in = rows[r].in; in.n > 0 && base_is_ok(e); done += piece) {
        base_span part = base_span_of(in.p, piece < in.n ? piece : in.n);
        in = base_span_of(in.p + part.n, in.n - part.n);
        e = wire_frame_follow(&d, part, &ends);
        CHECK_MSG(!base_is_ok(e) || wire_frame_at_rest(&d) == (ends == part.n), "%s: ends at %zu of %zu",
                  rows[r].reason, done + ends, done + part.n);
      }
      enum base_err_code want = has_trailers(rows[r].want) ? BASE_E_MALFORMED : rows[r].err;
      CHECK_MSG(base_is(e, want), "%s: %s in pieces of %zu", rows[r].reason, base_err_name(e), piece);
      CHECK_MSG(!base_is_ok(e) || wire_frame_at_rest(&d) == rows[r].rest, "%s in pieces of %zu", rows[r].reason, piece);
    }
  }
  wire_frame_decoder d;
  size_t ends = 0;
  wire_frame_init(&d, 16);
  CHECK_OK(wire_frame_follow(&d, B("\0\0\0\0\1x\1\0\0\0\0\0\0\0\0\5abc"), &ends));
  CHECK_INT(ends, 11);
  CHECK_INT(wire_frame_inside(&d), 5);
  CHECK_OK(wire_frame_follow(&d, B("d"), &ends));
  CHECK_INT(ends, 0);
  CHECK_OK(wire_frame_follow(&d, B("e\0"), &ends));
  CHECK_INT(ends, 1);
  CHECK_INT(wire_frame_inside(&d), 0);
}

static void the_end_needs_no_further_input(void) {
  wire_frame_decoder d;
  wire_frame_step step;
  base_span in = B("\0\0\0\0\1x");
  wire_frame_init(&d, 1);
  CHECK_OK(wire_frame_next(&d, &in, &step));
  CHECK_INT(step.event, WIRE_FRAME_BEGIN);
  CHECK_OK(wire_frame_next(&d, &in, &step));
  CHECK_INT(step.event, WIRE_FRAME_BODY);
  CHECK_INT(in.n, 0);
  CHECK(!wire_frame_at_rest(&d));
  CHECK_OK(wire_frame_next(&d, &in, &step));
  CHECK_INT(step.event, WIRE_FRAME_END);
  CHECK(wire_frame_at_rest(&d));
  CHECK_OK(wire_frame_next(&d, &in, &step));
  CHECK_INT(step.event, WIRE_FRAME_MORE);
}

static void append_writes_one_whole_frame_or_nothing(void) {
  base_buf out;
  base_buf_init(&out, 13);
  CHECK_OK(wire_frame_append(&out, WIRE_FRAME_TRAILERS, B("abc")));
  CHECK(base_span_eq(base_buf_span(&out), B("\x80\0\0\0\3abc")));
  CHECK_ERR(wire_frame_append(&out, 0, B("x")), BASE_E_TOO_LARGE);
  CHECK_INT(base_buf_size(&out), 8);
  CHECK_OK(wire_frame_append(&out, 0, base_span_of(NULL, 0)));
  CHECK_INT(base_buf_size(&out), 13);
  base_buf_dispose(&out);
}

static void head_is_big_endian(void) {
  uint8_t head[WIRE_FRAME_HEAD];
  wire_frame_head(head, 1, 0x01020304);
  CHECK(memcmp(head, "\1\1\2\3\4", 5) == 0);
}

TEST_MAIN(TEST(frames_come_out_the_same_however_they_are_split), TEST(following_comes_to_the_same_as_decoding),
          TEST(the_end_needs_no_further_input), TEST(append_writes_one_whole_frame_or_nothing),
          TEST(head_is_big_endian))
