#include "base/buf.h"

#include "base/test.h"

#define B(literal) base_span_of(literal, sizeof(literal) - 1)
#define ROW(literal) \
  { (const uint8_t *)(literal), sizeof(literal) - 1 }

static void the_ceiling_holds_and_a_failed_append_changes_nothing(void) {
  base_buf b;
  base_buf_init(&b, 4);
  CHECK(base_buf_span(&b).p == NULL);
  CHECK_OK(base_buf_str(&b, "abc"));
  CHECK_ERR(base_buf_str(&b, "de"), BASE_E_TOO_LARGE);
  CHECK_ERR(base_buf_u16(&b, 1), BASE_E_TOO_LARGE);
  CHECK_ERR(base_buf_printf(&b, "%d", 12), BASE_E_TOO_LARGE);
  CHECK_ERR(base_buf_utf8(&b, B("\xff")), BASE_E_TOO_LARGE);
  CHECK_ERR(base_buf_json(&b, B("")), BASE_E_TOO_LARGE);
  CHECK(base_span_is(base_buf_span(&b), "abc"));
  CHECK_OK(base_buf_printf(&b, "%c", 'd')); /* the NUL that printf wants does not count */
  CHECK(base_span_is(base_buf_span(&b), "abcd"));
  CHECK_INT(base_buf_room(&b), 0);
  CHECK_OK(base_buf_append(&b, (base_span){NULL, 0}));
  base_buf_dispose(&b);
}

static void a_ceiling_of_zero_takes_nothing(void) {
  base_buf b;
  uint8_t *at = NULL;
  base_buf_init(&b, 0);
  CHECK_ERR(base_buf_u8(&b, 1), BASE_E_TOO_LARGE);
  CHECK_OK(base_buf_str(&b, ""));
  CHECK_OK(base_buf_printf(&b, "%s", ""));
  CHECK_OK(base_buf_reserve(&b, 0, &at));
  base_buf_dispose(&b);
}

static void bytes_leave_at_the_front_and_make_room(void) {
  base_buf b;
  base_buf_init(&b, 300);
  for (int round = 0; round < 1000; round++) { /* without compaction, 300 bytes would be used up in the second round */
    uint8_t chunk[250];
    memset(chunk, round, sizeof chunk);
    CHECK_OK(base_buf_append(&b, base_span_of(chunk, sizeof chunk)));
    CHECK_INT(base_buf_size(&b), 250 + (round ? 50 : 0));
    base_buf_consume(&b, base_buf_size(&b) - 50);
    uint8_t front = (uint8_t)round;
    CHECK(base_span_eq(base_span_of(base_buf_span(&b).p, 1), base_span_of(&front, 1)));
  }
  base_buf_clear(&b);
  CHECK_INT(base_buf_size(&b), 0);
  base_buf_shrink(&b);
  CHECK(b.data == NULL);
  CHECK_OK(base_buf_str(&b, "again"));
  base_buf_shrink(&b);
  CHECK(base_span_is(base_buf_span(&b), "again"));
  base_buf_dispose(&b);
  CHECK_INT(b.ceiling, 300);
}

static void truncate_undoes_from_the_consumed_front(void) {
  base_buf b;
  base_buf_init(&b, 16);
  CHECK_OK(base_buf_str(&b, "0123456"));
  base_buf_consume(&b, 2);
  base_buf_truncate(&b, 3);
  CHECK(base_span_is(base_buf_span(&b), "234"));
  base_buf_truncate(&b, 0);
  CHECK_INT(base_buf_size(&b), 0);
  base_buf_dispose(&b);
}

static void integers_are_big_endian(void) {
  base_buf b;
  base_buf_init(&b, 64);
  CHECK_OK(base_buf_u8(&b, 1));
  CHECK_OK(base_buf_u16(&b, 0x0203));
  CHECK_OK(base_buf_u24(&b, 0x040506));
  CHECK_OK(base_buf_u32(&b, 0x0708090a));
  CHECK_OK(base_buf_u64(&b, 0x0b0c0d0e0f101112));
  CHECK(base_span_eq(base_buf_span(&b), B("\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10\x11\x12")));
  base_buf_dispose(&b);
}

static const struct {
  base_span in;
  const char *utf8, *json, *reason;
} texts[] = {
    {ROW(""), "", "\"\"", "nothing"},
    {ROW("a/\"b\\"), "a/\"b\\", "\"a/\\\"b\\\\\"", "quotes"},
    {ROW("\n\r\t"), "\n\r\t", "\"\\n\\r\\t\"", "the short escapes"},
    {ROW("\x1f\x7f"), "\x1f\x7f", "\"\\u001f\\u007f\"", "control bytes"},
    {ROW("\xc3\xa9\xf0\x9f\x98\x80"), "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"", "UTF-8 stays"},
    {ROW("\xff"
         "a"),
     "\xef\xbf\xbd"
     "a",
     "\"\xef\xbf\xbd"
     "a\"",
     "a bad byte"},
    {ROW("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "a character cut off"},
    {ROW("\xe2\x82"
         "a"),
     "\xef\xbf\xbd\xef\xbf\xbd"
     "a",
     "\"\xef\xbf\xbd\xef\xbf\xbd"
     "a\"",
     "the letter after it stays"},
    {ROW("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
     "a surrogate"},
};

static void text_comes_out_well_formed(void) {
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    base_buf b;
    base_buf_init(&b, 64);
    CHECK_OK(base_buf_utf8(&b, texts[i].in));
    CHECK_MSG(base_span_is(base_buf_span(&b), texts[i].utf8), "%s", texts[i].reason);
    base_buf_clear(&b);
    CHECK_OK(base_buf_json(&b, texts[i].in));
    CHECK_MSG(base_span_is(base_buf_span(&b), texts[i].json), "%s: %.*s", texts[i].reason,
              BASE_SPAN_ARG(base_buf_span(&b)));
    base_buf_dispose(&b);
  }
}

static void reserved_room_is_the_callers_to_fill(void) {
  base_buf b;
  uint8_t *at = NULL;
  base_buf_init(&b, 1000);
  CHECK_OK(base_buf_str(&b, "a"));
  CHECK_OK(base_buf_reserve(&b, 999, &at));
  memset(at, 'b', 999);
  base_buf_commit(&b, 2);
  CHECK(base_span_is(base_buf_span(&b), "abb"));
  CHECK_ERR(base_buf_reserve(&b, 998, &at), BASE_E_TOO_LARGE);
  base_buf_dispose(&b);
}

TEST_MAIN(TEST(the_ceiling_holds_and_a_failed_append_changes_nothing), TEST(a_ceiling_of_zero_takes_nothing),
          TEST(bytes_leave_at_the_front_and_make_room), TEST(truncate_undoes_from_the_consumed_front),
          TEST(integers_are_big_endian), TEST(text_comes_out_well_formed), TEST(reserved_room_is_the_callers_to_fill))
