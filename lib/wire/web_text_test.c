#include "wire/web_text.h"

#include "base/test.h"

enum { ROOM = 1 << 16 };

/* Fed in pieces of `step`. */
static base_err decode(base_span text, size_t step, base_buf *out, bool *at_rest) {
  wire_web_text_decoder d = {0};
  base_err e = BASE_OK;
  base_buf_clear(out);
  for (size_t at = 0; base_is_ok(e) && at < text.n; at += step) {
    e = wire_web_text_decode(&d, base_span_of(text.p + at, text.n - at < step ? text.n - at : step), out);
  }
  *at_rest = wire_web_text_at_rest(&d);
  return e;
}

static void runs_follow_each_other(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"", ""},
      {"YWJj", "abc"},
      {"YQ==", "a"},
      {"YWI=", "ab"},
      {"YQ==YWJj", "aabc"},
      {"YWI=YQ==YWJjYQ==", "abaabca"},
      {"YQ==YQ==YQ==", "aaa"},
      {"YWJjZGVm", "abcdef"},
      {"+/+/", "\xfb\xff\xbf"},
  };
  base_buf out;
  base_buf_init(&out, ROOM);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span text = base_span_str(rows[i].text);
    for (size_t step = 1; step <= text.n; step++) {
      bool at_rest = false;
      CHECK_OK(decode(text, step, &out, &at_rest));
      CHECK_MSG(at_rest && base_span_is(base_buf_span(&out), rows[i].want), "%s in steps of %zu", rows[i].text, step);
    }
  }
  base_buf_dispose(&out);
}

static void other_text_is_refused(void) {
  static const struct {
    const char *text, *why;
  } rows[] = {
      {"=", "padding without anything"},
      {"====", "nothing but padding"},
      {"Y===", "one character makes no byte"},
      {"YQ=a", "a character behind padding"},
      {"YWJj=", "padding behind a whole group"},
      {"YQ===", "more padding than a group has"},
      {"YR==", "spare bits of one byte"},
      {"YWJ=", "spare bits of two bytes"},
      {"YW Jj", "a blank"},
      {"YWJj\n", "a line's end"},
      {"-_-_", "the alphabet of URLs"},
      {"YW\xc3\xa7", "no ASCII"},
      {"Y.Jj", "a dot"},
  };
  base_buf out;
  base_buf_init(&out, ROOM);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span text = base_span_str(rows[i].text);
    for (size_t step = 1; step <= text.n; step++) {
      bool at_rest = false;
      base_err e = decode(text, step, &out, &at_rest);
      CHECK_MSG(base_is(e, BASE_E_MALFORMED), "%s: in steps of %zu", rows[i].why, step);
    }
  }
  base_span nul = base_span_of("YW\0j", 4);
  bool at_rest = false;
  CHECK_ERR(decode(nul, 4, &out, &at_rest), BASE_E_MALFORMED);
  base_buf_dispose(&out);
}

static void an_end_inside_a_group_is_seen(void) {
  static const char text[] = "YQ==YWI=";
  base_buf out;
  base_buf_init(&out, ROOM);
  for (size_t n = 0; n < sizeof text; n++) {
    bool at_rest = false;
    CHECK_OK(decode(base_span_of(text, n), 3, &out, &at_rest));
    CHECK_MSG(at_rest == (n % 4 == 0), "%zu characters", n);
  }
  base_buf_dispose(&out);
}

static void what_is_written_is_read(void) {
  uint8_t raw[300];
  base_buf text, back;
  base_buf_init(&text, ROOM);
  base_buf_init(&back, ROOM);
  for (size_t i = 0; i < sizeof raw; i++) {
    raw[i] = (uint8_t)(i * 83 + i / 7);
  }
  for (size_t n = 0; n <= sizeof raw; n++) {
    bool at_rest = false;
    base_buf_clear(&text);
    CHECK_OK(wire_web_text_encode(base_span_of(raw, n), &text));
    CHECK_INT(base_buf_size(&text), (n + 2) / 3 * 4);
    CHECK_OK(decode(base_buf_span(&text), 7, &back, &at_rest));
    CHECK_MSG(at_rest && base_span_eq(base_buf_span(&back), base_span_of(raw, n)), "%zu bytes", n);
  }
  base_buf_dispose(&text);
  base_buf_dispose(&back);
}

static void a_full_buffer_is_left_alone(void) {
  wire_web_text_decoder d = {0};
  base_buf out;
  base_buf_init(&out, 5);
  CHECK_ERR(wire_web_text_encode(base_span_str("abcd"), &out), BASE_E_TOO_LARGE);
  CHECK_INT(base_buf_size(&out), 0);
  CHECK_ERR(wire_web_text_decode(&d, base_span_str("YWJjZGVm"), &out), BASE_E_TOO_LARGE);
  CHECK(base_buf_size(&out) == 0 && wire_web_text_at_rest(&d));
  base_buf_dispose(&out);
}

TEST_MAIN(TEST(runs_follow_each_other), TEST(other_text_is_refused), TEST(an_end_inside_a_group_is_seen),
          TEST(what_is_written_is_read), TEST(a_full_buffer_is_left_alone))
