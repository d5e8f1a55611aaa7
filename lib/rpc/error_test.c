#include "rpc/error.h"

#include "base/test.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "pb/message.h"

/* What we write by hand is what generated code reads. */
static void check_as_message(const rpc_error *e, const wire_status *s, const char *field) {
  base_span bytes;
  pb_arena arena;
  ProtobufCMessage *m = NULL, *detail = NULL;
  pb_arena_init(&arena, 1 << 16);
  CHECK(wire_metadata_get(&s->trailers, "grpc-status-details-bin", &bytes));
  CHECK_OK(pb_unpack(&google__rpc__status__descriptor, bytes, &arena, &m));
  const Google__Rpc__Status *status = (const Google__Rpc__Status *)m;
  size_t want = 1 + (field[0] != '\0') + (e->retry_after_ms > 0);
  REQUIRE(status && status->n_details == want);
  CHECK_INT(status->code, s->code);
  CHECK_STR(status->message, e->message);
  const ProtobufCBinaryData *value = &status->details[0]->value;
  CHECK_STR(status->details[0]->type_url, "type.googleapis.com/google.rpc.ErrorInfo");
  CHECK_OK(pb_unpack(&google__rpc__error_info__descriptor, base_span_of(value->data, value->len), &arena, &detail));
  CHECK_STR(((const Google__Rpc__ErrorInfo *)detail)->reason, rpc_reason_name(e->reason));
  if (field[0]) {
    value = &status->details[1]->value;
    CHECK_OK(pb_unpack(&google__rpc__bad_request__descriptor, base_span_of(value->data, value->len), &arena, &detail));
    CHECK_STR(((const Google__Rpc__BadRequest *)detail)->field_violations[0]->field, field);
  }
  pb_arena_dispose(&arena);
}

static void check_round_trip(const rpc_error *e, const char *reason, const char *field, int code) {
  char got_reason[64], got_field[128];
  int64_t retry = -1;
  wire_status s;
  wire_status_init(&s);
  CHECK_OK(rpc_error_to_status(e, &s));
  CHECK_INT(s.code, code);
  CHECK(base_span_is(base_buf_span(&s.message), e->message));
  CHECK_OK(rpc_error_read(&s, got_reason, got_field, &retry));
  CHECK_STR(got_reason, reason);
  CHECK_STR(got_field, field);
  CHECK_INT(retry, e->retry_after_ms);
  check_as_message(e, &s, field);
  wire_status_dispose(&s);
}

static void test_round_trips(void) {
  rpc_error e = rpc_error_of(RPC_REASON_INVALID_FIELD, "config.sample_rate_hz", "use %d to %d", 8000, 48000);
  CHECK_STR(e.message, "use 8000 to 48000");
  check_round_trip(&e, "INVALID_FIELD", "config.sample_rate_hz", 3);
  e = rpc_error_of(RPC_REASON_TOO_MANY_STREAMS, NULL, "try again in a moment");
  e.retry_after_ms = 1500;
  check_round_trip(&e, "TOO_MANY_STREAMS", "", 8);
  e = rpc_error_of(RPC_REASON_MODEL_NOT_FOUND, NULL, "%s", "");
  check_round_trip(&e, "MODEL_NOT_FOUND", "", 5);
  for (int r = 0; r < RPC_REASON_COUNT; r++) {
    e = rpc_error_of((enum rpc_reason)r, "f", "m");
    check_round_trip(&e, rpc_reason_name((enum rpc_reason)r), "f", rpc_error_code(&e));
  }
}

static void test_pushback(void) {
  base_span value = {0};
  wire_status s;
  wire_status_init(&s);
  rpc_error e = rpc_error_of(RPC_REASON_TOO_MANY_STREAMS, NULL, "later");
  e.retry_after_ms = 1500;
  CHECK_OK(rpc_error_to_status(&e, &s));
  CHECK(wire_metadata_get(&s.trailers, "grpc-retry-pushback-ms", &value));
  CHECK(base_span_is(value, "1500"));
  wire_status_dispose(&s);
}

static void test_message_is_cut_between_characters(void) {
  char text[300];
  memset(text, 'a', sizeof text);
  memcpy(text + 254, "\xc3\xa9", 2);
  text[256] = '\0';
  rpc_error e = rpc_error_of(RPC_REASON_INTERNAL, NULL, "%s", text);
  CHECK_INT(strlen(e.message), 254);
}

static const struct {
  const char *bytes;
  size_t n;
  bool ok;
  const char *reason;
} rows[] = {
    {"", 0, true, "empty details"},
    {"\x0a", 1, false, "truncated"},
    {"\x1a\x02\x0a\xff", 4, false, "Any truncated"},
    {"\x1a\x04\x0a\x02\xff\xff", 6, false, "type_url is not UTF-8"},
    {"\x1a\x05\x0a\x03"
     "a/b",
     7, true, "unknown detail"},
    {"\x1a\x2d\x0a\x28type.googleapis.com/google.rpc.ErrorInfo\x12\x01\x0a", 47, false, "ErrorInfo truncated"},
};

static void test_bad_details(void) {
  char reason[64], field[128];
  int64_t retry;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wire_status s;
    wire_status_init(&s);
    CHECK_OK(wire_metadata_add(&s.trailers, base_span_str("grpc-status-details-bin"),
                               base_span_of(rows[i].bytes, rows[i].n)));
    base_err e = rpc_error_read(&s, reason, field, &retry);
    CHECK_MSG(base_is_ok(e) == rows[i].ok, "%s: %s", rows[i].reason, base_err_name(e));
    CHECK_STR(reason, "");
    wire_status_dispose(&s);
  }
}

TEST_MAIN(TEST(test_round_trips), TEST(test_pushback), TEST(test_message_is_cut_between_characters),
          TEST(test_bad_details))
