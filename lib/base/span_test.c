#include "base/span.h"

#include "base/buf.h"
#include "base/test.h"

#define B(literal) base_span_of(literal, sizeof(literal) - 1)
#define ROW(literal) \
  { (const uint8_t *)(literal), sizeof(literal) - 1 }

static void comparisons_see_length_and_case(void) {
  base_span none = {NULL, 0};
  CHECK(base_span_eq(none, B("")));
  CHECK(!base_span_eq(B("a"), B("A")) && !base_span_eq(B("a"), B("ab")));
  CHECK(base_span_ieq(B("Te-9["), B("tE-9[")));
  CHECK(!base_span_ieq(B("["), B("{")) && !base_span_ieq(B("@"), B("`"))); /* letters' neighbours, 0x20 apart */
  CHECK(!base_span_ieq(B("a"), B("ab")));
  CHECK(base_span_starts(B("grpc-x"), "grpc-") && base_span_starts(none, "") && !base_span_starts(B("grpc"), "grpc-"));
  CHECK(base_span_ends(B("t-bin"), "-bin") && base_span_ends(none, "") && !base_span_ends(B("bin"), "-bin"));
  CHECK(base_span_is(B("x"), "x") && !base_span_is(B("x\0"), "x"));
}

static void trim_takes_blanks_and_tabs_only(void) {
  CHECK(base_span_is(base_span_trim(B(" \ta b\t ")), "a b"));
  CHECK_INT(base_span_trim(B(" \t ")).n, 0);
  CHECK_INT(base_span_trim((base_span){NULL, 0}).n, 0);
  CHECK(base_span_is(base_span_trim(B("\na\r")), "\na\r"));
}

static const struct {
  const char *text;
  bool good;
  uint64_t value;
} numbers[] = {
    {"0", true, 0},
    {"007", true, 7},
    {"18446744073709551615", true, UINT64_MAX},
    {"18446744073709551616", false, 0},
    {"18446744073709551620", false, 0},
    {"99999999999999999999999", false, 0},
    {"", false, 0},
    {"-1", false, 0},
    {"+1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"1a", false, 0},
    {"0x1", false, 0},
    {":", false, 0}, /* the byte after '9' */
    {"/", false, 0}, /* the byte before '0' */
};

static void numbers_are_digits_that_fit(void) {
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    uint64_t v = 0;
    bool good = base_span_u64(base_span_str(numbers[i].text), &v);
    CHECK_MSG(good == numbers[i].good && v == numbers[i].value, "\"%s\"", numbers[i].text);
  }
}

static const struct {
  base_span text;
  bool good;
  const char *reason;
} utf8[] = {
    {ROW(""), true, "nothing"},
    {ROW("a\0z"), true, "NUL is a character"},
    {ROW("\x7f"), true, "the last of one byte"},
    {ROW("\xc2\x80\xdf\xbf"), true, "both ends of two bytes"},
    {ROW("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"), true, "the ends of three bytes around the surrogates"},
    {ROW("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), true, "both ends of four bytes"},
    {ROW("\x80"), false, "a continuation first"},
    {ROW("\xc0\x80"), false, "an overlong NUL"},
    {ROW("\xc1\xbf"), false, "an overlong DEL"},
    {ROW("\xe0\x9f\xbf"), false, "overlong three bytes"},
    {ROW("\xf0\x8f\xbf\xbf"), false, "overlong four bytes"},
    {ROW("\xed\xa0\x80"), false, "the first surrogate"},
    {ROW("\xed\xbf\xbf"), false, "the last surrogate"},
    {ROW("\xf4\x90\x80\x80"), false, "above U+10FFFF"},
    {ROW("\xf5\x80\x80\x80"), false, "a lead byte above all"},
    {ROW("\xff"), false, "a byte of no sequence"},
    {ROW("\xc3"), false, "two bytes cut off"},
    {ROW("\xe2\x82"), false, "three bytes cut off"},
    {ROW("\xf0\x90\x80"), false, "four bytes cut off"},
    {ROW("\xe2\x82"
         "a"),
     false, "a letter in a sequence"},
    {ROW("\xe2\x28\xa1"), false, "a bad second byte"},
    {ROW("\xf0\x90\x80\xc0"), false, "a bad fourth byte"},
};

static void utf8_is_judged_as_rfc_3629_says(void) {
  for (size_t i = 0; i < sizeof utf8 / sizeof *utf8; i++) {
    CHECK_MSG(base_span_utf8(utf8[i].text) == utf8[i].good, "%s", utf8[i].reason);
  }
}

static void hexadecimal_digits_have_a_value(void) {
  static const char digits[] = "0123456789abcdefABCDEF";
  for (int c = 0; c < 256; c++) {
    const char *at = c ? strchr(digits, c) : NULL;
    int want = at == NULL ? -1 : (int)(at - digits) < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
    CHECK_INT(base_hex_value((uint8_t)c), want);
  }
}

static void the_cursor_reads_big_endian_and_stops_at_the_end(void) {
  base_cursor c = base_cursor_of(B("\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10\x11\x12xy"));
  CHECK_INT(base_cursor_u8(&c), 1);
  CHECK_INT(base_cursor_u16(&c), 0x0203);
  CHECK_INT(base_cursor_u24(&c), 0x040506);
  CHECK_INT(base_cursor_u32(&c), 0x0708090a);
  CHECK(base_cursor_u64(&c) == 0x0b0c0d0e0f101112);
  CHECK(base_span_is(base_cursor_bytes(&c, 2), "xy"));
  CHECK_INT(base_cursor_left(&c), 0);
  CHECK_INT(base_cursor_bytes(&c, 0).n, 0);
  CHECK(!c.failed);
  CHECK_INT(base_cursor_u8(&c), 0);
  CHECK(c.failed);
}

static void a_failed_cursor_stays_failed(void) {
  base_cursor c = base_cursor_of(B("\1\2\3"));
  CHECK_INT(base_cursor_u32(&c), 0);
  CHECK(c.failed);
  CHECK_INT(base_cursor_u8(&c), 0); /* although a byte is left */
  CHECK_INT(base_cursor_bytes(&c, 0).n, 0);
  CHECK(c.failed);
  base_cursor empty = base_cursor_of((base_span){NULL, 0});
  CHECK_INT(base_cursor_left(&empty), 0);
  CHECK_INT(base_cursor_bytes(&empty, SIZE_MAX).n, 0);
  CHECK(empty.failed);
}

static const struct {
  base_span in;
  bool good;
  uint32_t value;
  const char *reason;
} varints[] = {
    {ROW("\0"), true, 0, "the least"},
    {ROW("\x7f"), true, 127, "the most of one byte"},
    {ROW("\x80\1"), true, 128, "the least of two"},
    {ROW("\xff\xff\xff\x7f"), true, 0x0fffffff, "the most of four"},
    {ROW("\x80\x80\x80\x80\1"), true, 0x10000000, "the least of five"},
    {ROW("\xff\xff\xff\xff\x0f"), true, UINT32_MAX, "the most"},
    {ROW(""), false, 0, "nothing"},
    {ROW("\x80"), false, 0, "cut off after one"},
    {ROW("\xff\xff\xff\xff"), false, 0, "cut off after four"},
    {ROW("\x80\0"), false, 0, "zero in two bytes"},
    {ROW("\xff\x80\0"), false, 0, "a value in one byte too many"},
    {ROW("\xff\xff\xff\xff\x10"), false, 0, "one bit too many"},
    {ROW("\xff\xff\xff\xff\x1f"), false, 0, "33 bits"},
    {ROW("\xff\xff\xff\xff\x8f\0"), false, 0, "six bytes"},
    {ROW("\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"), false, 0, "64 bits, as protobuf writes them"},
};

static void varints_have_one_form(void) {
  for (size_t i = 0; i < sizeof varints / sizeof *varints; i++) {
    base_cursor c = base_cursor_of(varints[i].in);
    uint32_t v = base_cursor_varint(&c);
    CHECK_MSG(c.failed == !varints[i].good && v == varints[i].value, "%s: %u", varints[i].reason, (unsigned)v);
    if (varints[i].good) {
      base_buf out;
      base_buf_init(&out, 5);
      CHECK_OK(base_buf_varint(&out, v));
      CHECK_MSG(base_span_eq(base_buf_span(&out), varints[i].in), "%s", varints[i].reason);
      base_buf_dispose(&out);
    }
  }
}

static const struct {
  const char *words, *word;
  bool there;
} word_rows[] = {
    {"teacher", "teacher", true},
    {"student teacher", "student", true},
    {"student teacher", "teacher", true},
    {"  student   teacher ", "teacher", true},
    {"", "teacher", false},
    {" ", "", false},
    {"teachers", "teacher", false},
    {"teacher", "teachers", false},
    {"head-teacher", "teacher", false},
    {"student,teacher", "teacher", false},
};

static void words_are_whole(void) {
  for (size_t i = 0; i < sizeof word_rows / sizeof *word_rows; i++) {
    bool there = base_span_has_word(base_span_str(word_rows[i].words), ' ', base_span_str(word_rows[i].word));
    CHECK_MSG(there == word_rows[i].there, "\"%s\" in \"%s\"", word_rows[i].word, word_rows[i].words);
  }
}

TEST_MAIN(TEST(comparisons_see_length_and_case), TEST(trim_takes_blanks_and_tabs_only), TEST(words_are_whole),
          TEST(numbers_are_digits_that_fit), TEST(hexadecimal_digits_have_a_value),
          TEST(utf8_is_judged_as_rfc_3629_says), TEST(the_cursor_reads_big_endian_and_stops_at_the_end),
          TEST(a_failed_cursor_stays_failed), TEST(varints_have_one_form))
