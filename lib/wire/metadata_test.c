#include "wire/metadata.h"

#include "base/test.h"

#define B(literal) base_span_of(literal, sizeof(literal) - 1)
#define ROW(key, value) \
  {(const uint8_t *)(key), sizeof(key) - 1}, { (const uint8_t *)(value), sizeof(value) - 1 }

static const struct {
  base_span key, value;
  enum base_err_code want;
  const char *reason;
} pairs[] = {
    {ROW("authorization", "Bearer x.y"), BASE_E_OK, "a usual pair"},
    {ROW("a-z_0.9", " ~"), BASE_E_OK, "each end of the allowed bytes"},
    {ROW("empty", ""), BASE_E_OK, "an empty value"},
    {ROW("trace-bin", "\0\xff\r\n"), BASE_E_OK, "raw bytes under -bin"},
    {ROW("-bin", ""), BASE_E_OK, "the suffix alone is a binary key"},
    {ROW("", "x"), BASE_E_INVALID, "an empty key"},
    {ROW("Upper", "x"), BASE_E_INVALID, "an upper-case key"},
    {ROW(":path", "x"), BASE_E_INVALID, "a pseudo header"},
    {ROW("a b", "x"), BASE_E_INVALID, "a blank in a key"},
    {ROW("a:", "x"), BASE_E_INVALID, "a colon in a key: header injection"},
    {ROW("a\r\nb", "x"), BASE_E_INVALID, "a line end in a key"},
    {ROW("a\0", "x"), BASE_E_INVALID, "a NUL in a key"},
    {ROW("\xc3\xa9", "x"), BASE_E_INVALID, "a key outside ASCII"},
    {ROW("a", "x\r\nb: c"), BASE_E_INVALID, "a line end in a value: response splitting"},
    {ROW("a", "x\0"), BASE_E_INVALID, "a NUL in a value"},
    {ROW("a", "\t"), BASE_E_INVALID, "a tab in a value"},
    {ROW("a", "\x7f"), BASE_E_INVALID, "DEL in a value"},
    {ROW("a", "\xc3\xa9"), BASE_E_INVALID, "UTF-8 in a text value"},
    {ROW("a-bi", "\x80"), BASE_E_INVALID, "almost a binary key"},
};

static void add_judges_each_pair(void) {
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    wire_metadata m;
    wire_metadata_init(&m);
    base_err e = wire_metadata_add(&m, pairs[i].key, pairs[i].value);
    CHECK_MSG(base_is(e, pairs[i].want), "%s: %s", pairs[i].reason, base_err_name(e));
    CHECK_MSG(m.count == base_is_ok(e), "%s: count %u", pairs[i].reason, (unsigned)m.count);
    if (m.count == 1) {
      wire_pair p = wire_metadata_at(&m, 0);
      CHECK_MSG(base_span_eq(p.key, pairs[i].key) && base_span_eq(p.value, pairs[i].value), "%s", pairs[i].reason);
    }
    wire_metadata_dispose(&m);
  }
}

static void order_and_repeats_are_kept(void) {
  wire_metadata m, copy;
  base_span v;
  wire_metadata_init(&m);
  wire_metadata_init(&copy);
  CHECK_OK(wire_metadata_add_str(&m, "b", "1"));
  CHECK_OK(wire_metadata_add_str(&m, "a", "2"));
  CHECK_OK(wire_metadata_add_str(&m, "b", "3"));
  CHECK_OK(wire_metadata_merge(&copy, &m));
  CHECK_INT(copy.count, 3);
  REQUIRE(wire_metadata_get(&copy, "b", &v));
  CHECK(base_span_is(v, "1"));
  CHECK(base_span_is(wire_metadata_at(&copy, 2).value, "3"));
  CHECK(!wire_metadata_get(&copy, "c", &v));
  wire_metadata_clear(&m);
  CHECK(!wire_metadata_get(&m, "b", &v));
  CHECK_OK(wire_metadata_add_str(&m, "c", "4"));
  CHECK(base_span_is(wire_metadata_at(&m, 0).key, "c"));
  wire_metadata_dispose(&m);
  wire_metadata_dispose(&copy);
}

/* A copy is a list like any other: it grows, keeps the limits, and merges into what is there. */
static void copies_grow(void) {
  wire_metadata m, copy;
  wire_metadata_init(&m);
  wire_metadata_init(&copy);
  for (int i = 0; i < 100; i++) {
    CHECK_OK(wire_metadata_add_str(&m, "k", "v"));
  }
  CHECK_OK(wire_metadata_merge(&copy, &m));
  CHECK_INT(copy.count, 100);
  for (int i = 0; i < WIRE_METADATA_MAX_PAIRS - 100; i++) {
    CHECK_OK(wire_metadata_add_str(&copy, "more", "w"));
  }
  CHECK_ERR(wire_metadata_add_str(&copy, "more", "w"), BASE_E_TOO_LARGE);
  CHECK(base_span_is(wire_metadata_at(&copy, 99).value, "v") && base_span_is(wire_metadata_at(&copy, 100).key, "more"));
  CHECK_ERR(wire_metadata_merge(&copy, &m), BASE_E_TOO_LARGE);
  wire_metadata_clear(&copy);
  CHECK_OK(wire_metadata_merge(&copy, &m));
  CHECK_OK(wire_metadata_merge(&copy, &(wire_metadata){0}));
  CHECK_INT(copy.count, 100);
  wire_metadata_dispose(&m);
  wire_metadata_dispose(&copy);
}

static void limits_hold_to_the_byte(void) {
  static uint8_t big[WIRE_METADATA_MAX_BYTES];
  wire_metadata m;
  wire_metadata_init(&m);
  CHECK_ERR(wire_metadata_add(&m, B("a-bin"), base_span_of(big, sizeof big - 4)), BASE_E_TOO_LARGE);
  CHECK_OK(wire_metadata_add(&m, B("a-bin"), base_span_of(big, sizeof big - 5)));
  CHECK_ERR(wire_metadata_add(&m, B("a"), B("")), BASE_E_TOO_LARGE);
  CHECK_INT(m.count, 1);
  wire_metadata_clear(&m);
  for (int i = 0; i < WIRE_METADATA_MAX_PAIRS; i++) {
    CHECK_OK(wire_metadata_add(&m, B("a"), B("")));
  }
  CHECK_ERR(wire_metadata_add(&m, B("a"), B("")), BASE_E_TOO_LARGE);
  CHECK_INT(m.count, WIRE_METADATA_MAX_PAIRS);
  wire_metadata_dispose(&m);
}

static const struct {
  base_span name, value;
  enum base_err_code want;
  const char *pairs; /* key=value; each value as text */
  const char *reason;
} headers[] = {
    {ROW("X-Request-ID", " abc "), BASE_E_OK, "x-request-id=abc;", "case folds, blanks go"},
    {ROW("t-bin", "Zm9v"), BASE_E_OK, "t-bin=foo;", "base64 comes off"},
    {ROW("T-Bin", "Zm8="), BASE_E_OK, "t-bin=fo;", "padding and case"},
    {ROW("t-bin", "Zg, Zm8=,Zm9v"), BASE_E_OK, "t-bin=f;t-bin=fo;t-bin=foo;", "a joined list"},
    {ROW("t-bin", ""), BASE_E_OK, "t-bin=;", "an empty binary value"},
    {ROW("t-bin", "Zg,"), BASE_E_OK, "t-bin=f;t-bin=;", "an empty second value"},
    {ROW("t", "a,b"), BASE_E_OK, "t=a,b;", "text lists stay joined"},
    {ROW("t-bin", "!"), BASE_E_INVALID, "", "bad base64"},
    {ROW("t-bin", "Zg,!"), BASE_E_INVALID, "t-bin=f;", "bad base64 in a list"},
    {ROW("", "x"), BASE_E_INVALID, "", "no name"},
    {ROW("bin", "\x80"), BASE_E_INVALID, "", "no binary name"},
    {ROW("a b", "x"), BASE_E_INVALID, "", "a blank in the name"},
    {ROW("a", "x\ny"), BASE_E_INVALID, "", "a line end in the value"},
};

static void headers_cross_the_http_border(void) {
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    wire_metadata m;
    char got[128] = "";
    size_t at = 0;
    wire_metadata_init(&m);
    base_err e = wire_metadata_add_header(&m, headers[i].name, headers[i].value);
    CHECK_MSG(base_is(e, headers[i].want), "%s: %s", headers[i].reason, base_err_name(e));
    for (uint32_t k = 0; k < m.count; k++) {
      wire_pair p = wire_metadata_at(&m, k);
      at += (size_t)snprintf(got + at, sizeof got - at, "%.*s=%.*s;", BASE_SPAN_ARG(p.key), BASE_SPAN_ARG(p.value));
    }
    CHECK_MSG(strcmp(got, headers[i].pairs) == 0, "%s: \"%s\"", headers[i].reason, got);
    wire_metadata_dispose(&m);
  }
}

static void header_values_are_base64_for_binary_keys_only(void) {
  base_buf out;
  base_buf_init(&out, 64);
  CHECK_OK(wire_metadata_header_value((wire_pair){B("a-bin"), B("\xff")}, &out));
  CHECK(base_span_is(base_buf_span(&out), "/w"));
  base_buf_clear(&out);
  CHECK_OK(wire_metadata_header_value((wire_pair){B("a"), B("b c")}, &out));
  CHECK(base_span_is(base_buf_span(&out), "b c"));
  base_buf_dispose(&out);
}

static const struct {
  base_span in;
  enum base_err_code want;
  uint32_t count;
  const char *reason;
} encoded[] = {
    {{(const uint8_t *)"\0", 1}, BASE_E_OK, 0, "no pairs"},
    {{(const uint8_t *)"\1\1a\1b", 5}, BASE_E_OK, 1, "one pair"},
    {{(const uint8_t *)"\2\1a\0\5x-bin\2\0\xff", 13}, BASE_E_OK, 2, "an empty value and a binary one"},
    {{(const uint8_t *)"", 0}, BASE_E_MALFORMED, 0, "no count"},
    {{(const uint8_t *)"\1", 1}, BASE_E_MALFORMED, 0, "a pair is promised"},
    {{(const uint8_t *)"\1\1", 2}, BASE_E_MALFORMED, 0, "the key is missing"},
    {{(const uint8_t *)"\1\1a", 3}, BASE_E_MALFORMED, 0, "the value's length is missing"},
    {{(const uint8_t *)"\1\1a\2b", 5}, BASE_E_MALFORMED, 0, "the value is short"},
    {{(const uint8_t *)"\1\xff\xff\xff\xff\x0f", 6}, BASE_E_MALFORMED, 0, "a key of 4 GiB"},
    {{(const uint8_t *)"\xff\xff\xff\xff\x0f", 5}, BASE_E_MALFORMED, 0, "4 G pairs promised, none there"},
    {{(const uint8_t *)"\x81\0\1a\1b", 6}, BASE_E_MALFORMED, 0, "a count that is not the shortest"},
    {{(const uint8_t *)"\1\0\1b", 4}, BASE_E_INVALID, 0, "an empty key"},
    {{(const uint8_t *)"\1\1A\1b", 5}, BASE_E_INVALID, 0, "an upper-case key"},
    {{(const uint8_t *)"\1\1a\1\n", 5}, BASE_E_INVALID, 0, "a line end in a value"},
    {{(const uint8_t *)"\2\1a\1b\1:\0", 8}, BASE_E_INVALID, 1, "the second key is bad"},
};

static void decode_judges_the_binary_form(void) {
  for (size_t i = 0; i < sizeof encoded / sizeof *encoded; i++) {
    wire_metadata m;
    base_buf back;
    base_cursor c = base_cursor_of(encoded[i].in);
    wire_metadata_init(&m);
    base_buf_init(&back, 64);
    base_err e = wire_metadata_decode(&c, &m);
    CHECK_MSG(base_is(e, encoded[i].want), "%s: %s", encoded[i].reason, base_err_name(e));
    CHECK_MSG(m.count == encoded[i].count, "%s: %u pairs", encoded[i].reason, (unsigned)m.count);
    if (base_is_ok(e)) {
      CHECK_OK(wire_metadata_encode(&m, &back));
      CHECK_MSG(base_span_eq(base_buf_span(&back), encoded[i].in), "%s: not the same again", encoded[i].reason);
    }
    base_buf_dispose(&back);
    wire_metadata_dispose(&m);
  }
}

static void too_many_pairs_are_refused_when_decoded(void) {
  base_buf in;
  wire_metadata m;
  base_buf_init(&in, 1024);
  wire_metadata_init(&m);
  CHECK_OK(base_buf_varint(&in, WIRE_METADATA_MAX_PAIRS + 1));
  for (int i = 0; i <= WIRE_METADATA_MAX_PAIRS; i++) {
    CHECK_OK(base_buf_append(&in, B("\1a\0")));
  }
  base_cursor c = base_cursor_of(base_buf_span(&in));
  CHECK_ERR(wire_metadata_decode(&c, &m), BASE_E_TOO_LARGE);
  base_buf_dispose(&in);
  wire_metadata_dispose(&m);
}

static void encode_writes_all_or_nothing(void) {
  wire_metadata m;
  base_buf out;
  wire_metadata_init(&m);
  base_buf_init(&out, 5);
  CHECK_OK(wire_metadata_add_str(&m, "a", "b"));
  CHECK_OK(base_buf_str(&out, "k"));
  CHECK_ERR(wire_metadata_encode(&m, &out), BASE_E_TOO_LARGE);
  CHECK(base_span_is(base_buf_span(&out), "k"));
  base_buf_dispose(&out);
  wire_metadata_dispose(&m);
}

TEST_MAIN(TEST(add_judges_each_pair), TEST(order_and_repeats_are_kept), TEST(copies_grow),
          TEST(limits_hold_to_the_byte), TEST(headers_cross_the_http_border),
          TEST(header_values_are_base64_for_binary_keys_only), TEST(decode_judges_the_binary_form),
          TEST(too_many_pairs_are_refused_when_decoded), TEST(encode_writes_all_or_nothing))
