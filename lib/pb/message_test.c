#include "pb/message.h"

#include <stdlib.h>

#include "base/test.h"
#include "ponte/test/v1/echo.pb-c.h"

#define PAYLOAD (&ponte__test__v1__payload__descriptor)

/* Payload: 1 text, 2 data, 3 command, 4 count, 5 size, 6 notes (1 text), 7 child. */
static const struct {
  const char *bytes;
  size_t n;
  enum base_err_code want;
  const char *reason;
} rows[] = {
    {"", 0, BASE_E_OK, "empty"},
    {"\x0a\x02hi", 4, BASE_E_OK, "a string"},
    {"\x0a\x04\xf0\x9f\x98\x80", 6, BASE_E_OK, "four-byte UTF-8"},
    {"\x12\x02\xff\x00", 4, BASE_E_OK, "bytes may be anything"},
    {"\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, BASE_E_OK, "ten-byte varint"},
    {"\xa2\x06\x03"
     "abc",
     6, BASE_E_OK, "unknown field, even if its bytes are no UTF-8"},
    {"\x32\x03\x0a\x01z\x32\x00", 7, BASE_E_OK, "repeated sub-messages, one empty"},
    {"\x0a\x02h", 3, BASE_E_MALFORMED, "string longer than the input"},
    {"\x0a", 1, BASE_E_MALFORMED, "ends after a tag"},
    {"\x80", 1, BASE_E_MALFORMED, "ends in a tag"},
    {"\x20\x80", 2, BASE_E_MALFORMED, "ends in a varint"},
    {"\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12, BASE_E_MALFORMED, "eleven-byte varint"},
    {"\x02\x00", 2, BASE_E_MALFORMED, "field number 0"},
    {"\x0b\x0c", 2, BASE_E_MALFORMED, "a group"},
    {"\x0f", 1, BASE_E_MALFORMED, "wire type 7"},
    {"\x09\x00\x00", 3, BASE_E_MALFORMED, "fixed64 cut"},
    {"\x0d\x00\x00", 3, BASE_E_MALFORMED, "fixed32 cut"},
    {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, BASE_E_MALFORMED, "length of 2^64-1"},
    {"\x0a\x01\xff", 3, BASE_E_MALFORMED, "not UTF-8"},
    {"\x0a\x03\xed\xa0\x80", 5, BASE_E_MALFORMED, "a surrogate"},
    {"\x0a\x02\xc0\x80", 4, BASE_E_MALFORMED, "overlong NUL"},
    {"\x0a\x03"
     "a\0b",
     5, BASE_E_MALFORMED, "NUL inside a string"},
    {"\x32\x03\x0a\x01\xff", 5, BASE_E_MALFORMED, "not UTF-8 in a sub-message"},
    {"\x32\x05\x0a\x01z", 5, BASE_E_MALFORMED, "sub-message longer than the input"},
    {"\x08\x01", 2, BASE_E_MALFORMED, "a varint where a string belongs"},
};

static base_err unpack(base_span bytes, size_t cap) {
  /* A copy of its own, so that the sanitizer sees a read past the end. */
  uint8_t *copy = malloc(bytes.n + 1);
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  if (bytes.n > 0) {
    memcpy(copy, bytes.p, bytes.n);
  }
  copy = realloc(copy, bytes.n ? bytes.n : 1);
  pb_arena_init(&arena, cap);
  base_err e = pb_unpack(PAYLOAD, base_span_of(copy, bytes.n), &arena, &m);
  CHECK((m != NULL) == base_is_ok(e));
  pb_arena_dispose(&arena);
  free(copy);
  return e;
}

static void test_unpack(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = unpack(base_span_of(rows[i].bytes, rows[i].n), 1 << 20);
    CHECK_MSG(base_is(e, rows[i].want), "%s: %s", rows[i].reason, base_err_name(e));
  }
}

/* Every cut of a good message is either good (at a field's border) or MALFORMED, and never read past its end. */
static void test_truncation(void) {
  static const char whole[] = "\x0a\x02hi\x12\x01\xff\x20\x96\x01\x32\x03\x0a\x01z\x3a\x06\x0a\x01"
                              "c\x3a\x01\x0a";
  for (size_t n = 0; n < sizeof whole - 1; n++) {
    base_err e = unpack(base_span_of(whole, n), 1 << 20);
    CHECK_MSG(base_is_ok(e) || base_is(e, BASE_E_MALFORMED), "%zu: %s", n, base_err_name(e));
  }
}

/* `depth` children, the innermost empty, into `out` from its end; returns the first byte's index. */
static size_t nest(uint8_t *out, size_t size, int depth) {
  size_t at = size;
  for (int i = 0; i < depth; i++) {
    size_t n = size - at;
    if (n >= 128) {
      out[--at] = (uint8_t)(n >> 7);
      out[--at] = (uint8_t)(n | 0x80);
    } else {
      out[--at] = (uint8_t)n;
    }
    out[--at] = 7 << 3 | 2;
  }
  return at;
}

static void test_depth(void) {
  uint8_t bytes[4096];
  size_t at = nest(bytes, sizeof bytes, PB_DEPTH_MAX);
  CHECK_OK(unpack(base_span_of(bytes + at, sizeof bytes - at), 1 << 20));
  at = nest(bytes, sizeof bytes, PB_DEPTH_MAX + 1);
  CHECK_ERR(unpack(base_span_of(bytes + at, sizeof bytes - at), 1 << 20), BASE_E_MALFORMED);
  at = nest(bytes, sizeof bytes, 1000);
  CHECK_ERR(unpack(base_span_of(bytes + at, sizeof bytes - at), 1 << 20), BASE_E_MALFORMED);
}

/* Two bytes each, a struct each: what a stranger's few bytes may cost is bounded by the arena. */
static void test_memory_cap(void) {
  enum { NOTES = 50000 };
  uint8_t *bytes = malloc(2 * NOTES);
  for (int i = 0; i < NOTES; i++) {
    bytes[2 * i] = 6 << 3 | 2;
    bytes[2 * i + 1] = 0;
  }
  CHECK_ERR(unpack(base_span_of(bytes, 2 * NOTES), pb_memory_cap(2 * NOTES)), BASE_E_TOO_LARGE);
  CHECK_OK(unpack(base_span_of(bytes, 2 * NOTES), 64 << 20));
  free(bytes);
}

static void test_round_trip(void) {
  Ponte__Test__V1__Payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  base_buf out;
  p.text = (char[]){"ol\xc3\xa1"};
  p.count = 7;
  base_buf_init(&out, 64);
  pb_arena_init(&arena, 1 << 16);
  CHECK_OK(pb_pack(&p.base, &out));
  CHECK_OK(pb_unpack(PAYLOAD, base_buf_span(&out), &arena, &m));
  REQUIRE(m != NULL);
  CHECK_STR(((Ponte__Test__V1__Payload *)m)->text, p.text);
  CHECK_INT(((Ponte__Test__V1__Payload *)m)->count, 7);
  p.data = (ProtobufCBinaryData){60, (uint8_t[60]){0}};
  CHECK_ERR(pb_pack(&p.base, &out), BASE_E_TOO_LARGE);
  base_buf_dispose(&out);
  pb_arena_dispose(&arena);
}

TEST_MAIN(TEST(test_unpack), TEST(test_truncation), TEST(test_depth), TEST(test_memory_cap), TEST(test_round_trip))
