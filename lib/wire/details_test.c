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

static base_err read(const char *bytes, size_t n, wire_status *s, wire_details_found *found) {
  wire_status_init(s);
  CHECK_OK(wire_metadata_add(&s->trailers, base_span_str("grpc-status-details-bin"), base_span_of(bytes, n)));
  return wire_details_read(s, found);
}

static void test_round_trips(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const wire_details *d = &rows[i].details;
    wire_details_found found;
    wire_status s;
    CHECK_OK(read((const char *)rows[i].want.p, rows[i].want.n, &s, &found));
    CHECK_MSG(base_span_is(found.reason, d->reason) && base_span_is(found.domain, d->domain), "%s", rows[i].reason);
    CHECK_MSG(base_span_is(found.field, d->field ? d->field : ""), "%s", rows[i].reason);
    CHECK_INT(found.retry_after_ms, d->retry_after_ms);
    wire_status_dispose(&s);
  }
}

static void test_none(void) {
  wire_details_found found;
  wire_status s;
  wire_status_init(&s);
  CHECK_OK(wire_details_read(&s, &found));
  CHECK(found.reason.n == 0 && found.field.n == 0 && found.retry_after_ms == 0);
  wire_status_dispose(&s);
}

static const struct {
  base_span bytes;
  bool ok;
  const char *reason;
} readings[] = {
    {TEXT(""), true, "empty"},
    {TEXT("\x1a\x1c\x0a\x15/google.rpc.ErrorInfo\x12\x03\x0a\x01R"), true, "no host in the type"},
    {TEXT("\x1a\x1c\x12\x03\x0a\x01R\x0a\x15/google.rpc.ErrorInfo"), true, "the value before its type"},
    {TEXT("\x1a\x05\x0a\x03"
          "a/b"),
     true, "another detail"},
    {TEXT("\x1a\x17\x0a\x15/google.rpc.ErrorInfo"), true, "no value"},
    {TEXT("\x98\x00\x05\xa0\x06\x01"), true, "long varints and unknown fields"},
    {TEXT("\x0a"), false, "ends after a tag"},
    {TEXT("\x1a\x05\x0a"), false, "ends in a detail"},
    {TEXT("\x1a\x02\x0a\xff"), false, "a text longer than its message"},
    {TEXT("\x1a\x04\x0a\x02\xff\xff"), false, "a type that is not UTF-8"},
    {TEXT("\x1a\x1c\x0a\x15/google.rpc.ErrorInfo\x12\x03\x0a\x01\xff"), false, "a reason that is not UTF-8"},
    {TEXT("\x1a\x1a\x0a\x15/google.rpc.ErrorInfo\x12\x01\x0a"), false, "a reason cut"},
    {TEXT("\x1a\x1b\x0a\x15/google.rpc.ErrorInfo\x12\x02\x08\x01"), false, "a reason that is a number"},
    {TEXT("\x1a\x1b\x0a\x16/google.rpc.BadRequest\x12\x01\x0a"), false, "a field violation cut"},
    {TEXT("\x02\x00"), false, "field number 0"},
    {TEXT("\x0b\x0c"), false, "a group"},
    {TEXT("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false, "a length of 2^64-1"},
    {TEXT("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), false, "a varint of eleven bytes"},
};

static void test_readings(void) {
  for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
    wire_details_found found;
    wire_status s;
    base_err e = read((const char *)readings[i].bytes.p, readings[i].bytes.n, &s, &found);
    CHECK_MSG(base_is(e, readings[i].ok ? BASE_E_OK : BASE_E_MALFORMED), "%s", readings[i].reason);
    CHECK_MSG(readings[i].ok || found.reason.n == 0, "%s", readings[i].reason);
    wire_status_dispose(&s);
  }
}

/* A delay that makes no sense is none. */
static void test_delays(void) {
  static const struct {
    base_span bytes;
    int64_t ms;
  } delays[] = {
      {TEXT("\x1a\x1f\x0a\x15/google.rpc.RetryInfo\x12\x06\x0a\x04\x08\x01\x10\x05"), 1000},
      {TEXT("\x1a\x26\x0a\x15/google.rpc.RetryInfo\x12\x0d\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0},
      {TEXT("\x1a\x21\x0a\x15/google.rpc.RetryInfo\x12\x08\x0a\x06\x08\xff\xff\xff\xff\x7f"), 0},
  };
  for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
    wire_details_found found;
    wire_status s;
    CHECK_OK(read((const char *)delays[i].bytes.p, delays[i].bytes.n, &s, &found));
    CHECK_INT(found.retry_after_ms, delays[i].ms);
    wire_status_dispose(&s);
  }
}

TEST_MAIN(TEST(test_round_trips), TEST(test_none), TEST(test_readings), TEST(test_delays), TEST(test_bytes),
          TEST(test_too_large))
