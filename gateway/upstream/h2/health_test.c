#include "gateway/upstream/h2/health.h"

#include "base/test.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

enum { NO_ANSWER = 99 };

static const struct {
  const char *why;
  const uint8_t *p;
  size_t n;
  enum base_err_code want;
  uint64_t status;
} rows[] = {
    {"serving", BYTES(0, 0, 0, 0, 2, 8, 1), BASE_E_OK, 1},
    {"not serving", BYTES(0, 0, 0, 0, 2, 8, 2), BASE_E_OK, 2},
    {"the default is left out", BYTES(0, 0, 0, 0, 0), BASE_E_OK, 0},
    {"the last of two", BYTES(0, 0, 0, 0, 2, 8, 2, 0, 0, 0, 0, 2, 8, 1), BASE_E_OK, 1},
    {"the last field wins", BYTES(0, 0, 0, 0, 4, 8, 2, 8, 1), BASE_E_OK, 1},
    {"unknown fields", BYTES(0, 0, 0, 0, 12, 0x12, 2, 'a', 'b', 0x1d, 1, 2, 3, 4, 8, 1, 0x20), BASE_E_MALFORMED,
     NO_ANSWER},
    {"unknown fields", BYTES(0, 0, 0, 0, 11, 0x12, 2, 'a', 'b', 0x1d, 1, 2, 3, 4, 8, 1), BASE_E_OK, 1},
    {"a fixed64", BYTES(0, 0, 0, 0, 11, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1), BASE_E_OK, 1},
    {"a varint longer than needed", BYTES(0, 0, 0, 0, 3, 8, 0x81, 0), BASE_E_OK, 1},
    {"incomplete", BYTES(0, 0, 0, 0, 2, 8), BASE_E_OK, NO_ANSWER},
    {"nothing", BYTES(0), BASE_E_OK, NO_ANSWER},
    {"field without value", BYTES(0, 0, 0, 0, 1, 8), BASE_E_MALFORMED, NO_ANSWER},
    {"a varint without end", BYTES(0, 0, 0, 0, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255),
     BASE_E_MALFORMED, NO_ANSWER},
    {"a length beyond the end", BYTES(0, 0, 0, 0, 2, 0x12, 1), BASE_E_MALFORMED, NO_ANSWER},
    {"a length of 2^64-1", BYTES(0, 0, 0, 0, 11, 0x12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
     BASE_E_MALFORMED, NO_ANSWER},
    {"a fixed32 cut off", BYTES(0, 0, 0, 0, 3, 0x1d, 1, 2), BASE_E_MALFORMED, NO_ANSWER},
    {"a group", BYTES(0, 0, 0, 0, 1, 0x0b), BASE_E_MALFORMED, NO_ANSWER},
    {"compressed", BYTES(1, 0, 0, 0, 2, 8, 1), BASE_E_UNIMPLEMENTED, NO_ANSWER},
    {"a flag nobody knows", BYTES(2, 0, 0, 0, 2, 8, 1), BASE_E_MALFORMED, NO_ANSWER},
    {"too long", BYTES(0, 0, 0, 2, 0, 8), BASE_E_TOO_LARGE, NO_ANSWER},
};

static void answers_whole_and_in_pieces(void) {
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (size_t step = 1; step <= rows[r].n; step++) {
      gw__health_reader reader;
      uint64_t status = NO_ANSWER;
      base_err e = BASE_OK;
      gw__health_reader_init(&reader);
      for (size_t at = 0; base_is_ok(e) && at < rows[r].n; at += step) {
        size_t n = rows[r].n - at < step ? rows[r].n - at : step;
        e = gw__health_read(&reader, base_span_of(rows[r].p + at, n), &status);
      }
      CHECK_MSG(base_is(e, rows[r].want), "%s by %zu: %s", rows[r].why, step, base_err_name(e));
      CHECK_MSG(status == rows[r].status, "%s by %zu: %d", rows[r].why, step, (int)status);
      gw__health_reader_dispose(&reader);
    }
  }
}

static void requests(void) {
  char name[GW__HEALTH_SERVICE_MAX + 2];
  base_buf out;
  base_buf_init(&out, 4096);
  CHECK_OK(gw__health_request("", &out));
  CHECK(base_span_eq(base_buf_span(&out), base_span_of("\0\0\0\0\0", 5)));
  base_buf_clear(&out);
  CHECK_OK(gw__health_request("a.B", &out));
  CHECK(base_span_eq(base_buf_span(&out), base_span_of("\0\0\0\0\5\n\3a.B", 10)));
  memset(name, 'x', sizeof name);
  name[200] = 0;
  base_buf_clear(&out);
  CHECK_OK(gw__health_request(name, &out));
  CHECK(base_span_eq(base_span_of(base_buf_span(&out).p, 8), base_span_of("\0\0\0\0\xcb\n\xc8\1", 8)));
  name[200] = 'x';
  name[sizeof name - 1] = 0;
  CHECK_ERR(gw__health_request(name, &out), BASE_E_TOO_LARGE);
  base_buf_dispose(&out);
}

TEST_MAIN(TEST(answers_whole_and_in_pieces), TEST(requests))
