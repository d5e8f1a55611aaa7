#include "wire/details.h"

#include "base/test.h"

#define URL "type.googleapis.com/google.rpc."
#define TEXT(s) \
  { (const uint8_t *)(s), sizeof(s) - 1 }

/* What protoc --encode=google.rpc.Status makes of the same. */
static const struct {
  int code;
  const char *message;
  wire_details details;
  base_span want;
  const char *reason;
} rows[] = {
    {16,
     "no",
     {.domain = "ponte", .reason = "R"},
     TEXT("\x08\x10\x12\x02no\x1a\x36\x0a\x28" URL "ErrorInfo\x12\x0a\x0a\x01R\x12\x05ponte"),
     "ErrorInfo alone"},
    {16,
     "no",
     {.domain = "p", .reason = "R", .key = "k", .value = "v"},
     TEXT("\x08\x10\x12\x02no\x1a\x3a\x0a\x28" URL "ErrorInfo\x12\x0e\x0a\x01R\x12\x01p\x1a\x06\x0a\x01k\x12\x01v"),
     "metadata"},
    {8,
     "m",
     {.domain = "p", .reason = "R", .retry_after_ms = 1500},
     TEXT("\x08\x08\x12\x01m\x1a\x32\x0a\x28" URL "ErrorInfo\x12\x06\x0a\x01R\x12\x01p"
          "\x1a\x36\x0a\x28" URL "RetryInfo\x12\x0a\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01"),
     "retry"},
    {3,
     "m",
     {.domain = "p", .reason = "R", .field = "f"},
     TEXT("\x08\x03\x12\x01m\x1a\x32\x0a\x28" URL "ErrorInfo\x12\x06\x0a\x01R\x12\x01p"
          "\x1a\x35\x0a\x29" URL "BadRequest\x12\x08\x0a\x06\x0a\x01"
          "f\x12\x01m"),
     "field"},
};

static void test_bytes(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span got = {0};
    wire_status s;
    wire_status_init(&s);
    wire_status_set(&s, rows[i].code, "%s", rows[i].message);
    CHECK_OK(wire_details_add(&s, &rows[i].details));
    CHECK(wire_metadata_get(&s.trailers, "grpc-status-details-bin", &got));
    CHECK_MSG(base_span_eq(got, rows[i].want), "%s", rows[i].reason);
    wire_status_dispose(&s);
  }
}

static void test_too_large(void) {
  static char text[2000];
  base_span got = {0};
  wire_status s;
  wire_status_init(&s);
  memset(text, 'x', sizeof text - 1);
  CHECK_ERR(wire_details_add(&s, &(wire_details){.domain = "p", .reason = text}), BASE_E_TOO_LARGE);
  CHECK(!wire_metadata_get(&s.trailers, "grpc-status-details-bin", &got));
  wire_status_dispose(&s);
}

TEST_MAIN(TEST(test_bytes), TEST(test_too_large))
