#include "base/test.h"
#include "wire/metadata.h"

/* RFC 4648 section 10, without the padding; then values with every kind of digit. */
static const struct {
  const char *raw;
  size_t n;
  const char *text, *padded;
} good[] = {
    {"", 0, "", ""},
    {"f", 1, "Zg", "Zg=="},
    {"fo", 2, "Zm8", "Zm8="},
    {"foo", 3, "Zm9v", "Zm9v"},
    {"foob", 4, "Zm9vYg", "Zm9vYg=="},
    {"fooba", 5, "Zm9vYmE", "Zm9vYmE="},
    {"foobar", 6, "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", 3, "+/+/", "+/+/"},
    {"\0\0", 2, "AAA", "AAA="},
    {"\xff\xff\xff\xff", 4, "/////w", "/////w=="},
};

static void good_values_go_both_ways(void) {
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    base_span raw = base_span_of(good[i].raw, good[i].n);
    base_buf out;
    base_buf_init(&out, 64);
    CHECK_OK(wire_base64_encode(raw, &out));
    CHECK_MSG(base_span_is(base_buf_span(&out), good[i].text), "%s", good[i].text);
    base_buf_clear(&out);
    CHECK_OK(wire_base64_decode(base_span_str(good[i].text), &out));
    CHECK_MSG(base_span_eq(base_buf_span(&out), raw), "%s", good[i].text);
    base_buf_clear(&out);
    CHECK_OK(wire_base64_decode(base_span_str(good[i].padded), &out));
    CHECK_MSG(base_span_eq(base_buf_span(&out), raw), "%s", good[i].padded);
    base_buf_dispose(&out);
  }
}

static const struct {
  const char *text, *reason;
} bad[] = {
    {"A", "one digit holds no byte"},
    {"AAAAA", "five digits hold no whole number of bytes"},
    {"Zg=", "padding that does not fill the group"},
    {"Zg===", "padding beyond the group"},
    {"Zm9v====", "a group of padding alone"},
    {"Zm8==", "two signs where one fits"},
    {"=", "padding alone"},
    {"====", "padding alone, a whole group"},
    {"Z===", "three signs"},
    {"Zg==Zg==", "padding in the middle"},
    {"Zm9v-_", "the URL alphabet"},
    {"Zm 9v", "a blank"},
    {"Zm9v\n", "a line end"},
    {"Zm9v\x80", "a byte above ASCII"},
    {"Zh", "the lowest spare bit after one byte"},
    {"Zo", "the highest spare bit after one byte"},
    {"Zm+", "the highest spare bit after two bytes"},
    {"Zm9", "the lowest spare bit after two bytes"},
    {"Zm8,Zm8", "a list is the header's matter"},
};

static void bad_values_are_malformed_and_write_nothing(void) {
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    base_buf out;
    base_buf_init(&out, 64);
    CHECK_OK(base_buf_str(&out, "kept"));
    base_err e = wire_base64_decode(base_span_str(bad[i].text), &out);
    CHECK_MSG(base_is(e, BASE_E_MALFORMED), "%s: %s", bad[i].reason, base_err_name(e));
    CHECK_MSG(base_span_is(base_buf_span(&out), "kept"), "%s", bad[i].reason);
    base_buf_dispose(&out);
  }
}

static void every_byte_and_length_comes_back(void) {
  uint8_t raw[256];
  for (size_t n = 0; n < sizeof raw; n++) {
    raw[n] = (uint8_t)(n * 167 + 13);
    base_buf text, back;
    base_buf_init(&text, 512);
    base_buf_init(&back, 512);
    CHECK_OK(wire_base64_encode(base_span_of(raw, n), &text));
    CHECK_OK(wire_base64_decode(base_buf_span(&text), &back));
    CHECK_MSG(base_span_eq(base_buf_span(&back), base_span_of(raw, n)), "length %zu", n);
    base_buf_dispose(&text);
    base_buf_dispose(&back);
  }
}

static void base64url_has_letters_of_its_own(void) {
  static const struct {
    const char *text, *reason;
  } refused[] = {{"-_+A", "a letter of base64"}, {"-_/A", "the other one"},     {"Zm8=", "padding"},
                 {"Zg==", "more of it"},         {"A", "no encoder makes one"}, {"Zh", "spare bits"}};
  base_buf text, back;
  base_buf_init(&text, 64);
  base_buf_init(&back, 64);
  CHECK_OK(wire_base64url_encode(base_span_of("\xfb\xff\xbf\xff", 4), &text));
  CHECK(base_span_is(base_buf_span(&text), "-_-__w"));
  CHECK_OK(wire_base64url_decode(base_buf_span(&text), &back));
  CHECK(base_span_eq(base_buf_span(&back), base_span_of("\xfb\xff\xbf\xff", 4)));
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    CHECK_MSG(base_is(wire_base64url_decode(base_span_str(refused[i].text), &back), BASE_E_MALFORMED), "%s",
              refused[i].reason);
  }
  CHECK_INT(base_buf_size(&back), 4);
  CHECK_ERR(wire_base64_decode(base_span_str("-_-_"), &back), BASE_E_MALFORMED);
  base_buf_dispose(&text);
  base_buf_dispose(&back);
}

static void the_ceiling_holds(void) {
  base_buf out;
  base_buf_init(&out, 3);
  CHECK_ERR(wire_base64_encode(base_span_str("foo"), &out), BASE_E_TOO_LARGE);
  CHECK_ERR(wire_base64_decode(base_span_str("Zm9vYg"), &out), BASE_E_TOO_LARGE);
  CHECK_OK(wire_base64_decode(base_span_str("Zm9v"), &out));
  base_buf_dispose(&out);
}

TEST_MAIN(TEST(good_values_go_both_ways), TEST(bad_values_are_malformed_and_write_nothing),
          TEST(every_byte_and_length_comes_back), TEST(base64url_has_letters_of_its_own), TEST(the_ceiling_holds))
