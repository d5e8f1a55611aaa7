#include "base/test.h"
#include "wire/status.h"

#define TEXT(literal) \
  { (const uint8_t *)(literal), sizeof(literal) - 1 }

/* What came out, as "code|message|key=value;key=value;". */
static void show(const wire_status *s, char *out, size_t size) {
  size_t at = (size_t)snprintf(out, size, "%d|%.*s|", s->code, BASE_SPAN_ARG(base_buf_span(&s->message)));
  for (uint32_t i = 0; i < s->trailers.count; i++) {
    wire_pair p = wire_metadata_at(&s->trailers, i);
    at += (size_t)snprintf(out + at, size - at, "%.*s=%.*s;", BASE_SPAN_ARG(p.key), BASE_SPAN_ARG(p.value));
  }
}

static const struct {
  base_span block;
  const char *want, *reason;
} good[] = {
    {TEXT("grpc-status: 0\r\n"), "0||", "the shortest"},
    {TEXT("grpc-status: 5\r\ngrpc-message: not%20found\r\n"), "5|not found|", "a message"},
    {TEXT("grpc-status:0\r\ngrpc-message:\r\n"), "0||", "no blanks, an empty message (Envoy)"},
    {TEXT("Grpc-Status: 7\r\nGRPC-MESSAGE: x\r\nX-A: b\r\n"), "7|x|x-a=b;", "upper case (Go's HTTP/1.1 stack)"},
    {TEXT("grpc-status: 0\nx: y\n"), "0||x=y;", "bare line feeds"},
    {TEXT("grpc-status: 0"), "0||", "no last line end"},
    {TEXT("grpc-status: 0\r\n\r\n"), "0||", "an empty last line"},
    {TEXT("x: y\r\ngrpc-message: m\r\ngrpc-status: 13\r\n"), "13|m|x=y;", "any order"},
    {TEXT("grpc-status: 99\r\n"), "99||", "a code of the future is kept"},
    {TEXT("grpc-status: 0\r\nx: a:b\r\n"), "0||x=a:b;", "a colon in a value"},
    {TEXT("grpc-status: 3\r\ngrpc-status-details-bin: Zm9v\r\n"), "3||grpc-status-details-bin=foo;", "details"},
    {TEXT("grpc-status: 0\r\nt-bin: Zg==,Zm8\r\n"), "0||t-bin=f;t-bin=fo;", "joined binary values"},
    {TEXT("grpc-status: 2\r\ngrpc-message: %FF\r\n"), "2|\xef\xbf\xbd|", "a message that is no UTF-8"},
};

static void good_blocks_decode(void) {
  wire_status s;
  char got[256];
  wire_status_init(&s);
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) { /* one status for all: decoding replaces */
    base_err e = wire_trailers_decode(good[i].block, &s);
    CHECK_MSG(base_is_ok(e), "%s: %s", good[i].reason, base_err_name(e));
    show(&s, got, sizeof got);
    CHECK_MSG(strcmp(got, good[i].want) == 0, "%s: \"%s\"", good[i].reason, got);
  }
  wire_status_dispose(&s);
}

static const struct {
  base_span block;
  const char *reason;
} bad[] = {
    {TEXT(""), "nothing"},
    {TEXT("\r\n"), "an empty line"},
    {TEXT("x: y\r\n"), "no status"},
    {TEXT("grpc-message: ok\r\n"), "a message without a status"},
    {TEXT("grpc-status\r\n"), "no colon"},
    {TEXT("grpc-status: \r\n"), "no number"},
    {TEXT("grpc-status: -1\r\n"), "a negative number"},
    {TEXT("grpc-status: 0x0\r\n"), "hexadecimal"},
    {TEXT("grpc-status: 1 2\r\n"), "two numbers"},
    {TEXT("grpc-status: OK\r\n"), "a name"},
    {TEXT("grpc-status: 2147483648\r\n"), "above INT_MAX"},
    {TEXT("grpc-status: 18446744073709551616\r\n"), "above 64 bits: 0 if it wrapped"},
    {TEXT("grpc-status: 0\r\ngrpc-status: 0\r\n"), "two statuses"},
    {TEXT("grpc-status: 0\r\n\r\nx: y\r\n"), "an empty line in the middle"},
    {TEXT("grpc-status: 0\r\n\r\n\r\n"), "two empty lines"},
    {TEXT("grpc-status: 0\r\n: y\r\n"), "an empty name"},
    {TEXT("grpc-status: 0\r\nx y: z\r\n"), "a blank in a name"},
    {TEXT("grpc-status : 0\r\n"), "a blank before the colon (RFC 9112 section 5.1)"},
    {TEXT("grpc-status: 0\r\n x: folded\r\n"), "a folded line"},
    {TEXT("grpc-status: 0\r\nx: a\rb\r\n"), "a bare carriage return"},
    {TEXT("grpc-status: 0\r\r\n"), "two carriage returns"},
    {TEXT("grpc-status: 0\r\nx: a\0b\r\n"), "a NUL"},
    {TEXT("grpc-status: 0\r\nx: \xc3\xa9\r\n"), "bytes above ASCII in a text value"},
    {TEXT("grpc-status: 0\r\nx-bin: !\r\n"), "bad base64"},
    {TEXT("\0\0\0\0\0"), "a frame's head"},
};

static void bad_blocks_are_malformed_and_leave_nothing(void) {
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    wire_status s;
    wire_status_init(&s);
    base_err e = wire_trailers_decode(bad[i].block, &s);
    CHECK_MSG(base_is(e, BASE_E_MALFORMED), "%s: %s", bad[i].reason, base_err_name(e));
    CHECK_MSG(s.code == 0 && base_buf_size(&s.message) == 0 && s.trailers.count == 0, "%s", bad[i].reason);
    wire_status_dispose(&s);
  }
}

static void blocks_beyond_the_limits_are_too_large(void) {
  base_buf block;
  wire_status s;
  base_buf_init(&block, 1 << 20);
  wire_status_init(&s);
  CHECK_OK(base_buf_str(&block, "grpc-status: 0\r\n"));
  for (int i = 0; i <= WIRE_METADATA_MAX_PAIRS; i++) {
    CHECK_OK(base_buf_str(&block, "a: b\r\n"));
  }
  CHECK_ERR(wire_trailers_decode(base_buf_span(&block), &s), BASE_E_TOO_LARGE);
  base_buf_clear(&block);
  CHECK_OK(base_buf_str(&block, "grpc-status: 3\r\ngrpc-message: "));
  for (int i = 0; i < WIRE_STATUS_MESSAGE_MAX + 9; i++) {
    CHECK_OK(base_buf_str(&block, "%41"));
  }
  CHECK_OK(wire_trailers_decode(base_buf_span(&block), &s)); /* a long message is cut: the status must arrive */
  CHECK_INT(base_buf_size(&s.message), WIRE_STATUS_MESSAGE_MAX);
  CHECK_INT(s.code, 3);
  base_buf_dispose(&block);
  wire_status_dispose(&s);
}

static void encoding_gives_the_documented_block(void) {
  wire_status s;
  base_buf out;
  wire_status_init(&s);
  base_buf_init(&out, 4096);
  CHECK_OK(wire_trailers_encode(&s, &out));
  CHECK(base_span_is(base_buf_span(&out), "grpc-status: 0\r\n"));
  base_buf_clear(&out);
  wire_status_set(&s, 3, "n\xc3\xa3o");
  CHECK_OK(wire_metadata_add_str(&s.trailers, "x", "y"));
  CHECK_OK(wire_metadata_add(&s.trailers, base_span_str("d-bin"), base_span_of("\0\1", 2)));
  CHECK_OK(wire_trailers_encode(&s, &out));
  CHECK(base_span_is(base_buf_span(&out), "grpc-status: 3\r\ngrpc-message: n%C3%A3o\r\nx: y\r\nd-bin: AAE\r\n"));
  base_buf small;
  base_buf_init(&small, base_buf_size(&out) - 1);
  CHECK_ERR(wire_trailers_encode(&s, &small), BASE_E_TOO_LARGE);
  CHECK_INT(base_buf_size(&small), 0);
  base_buf_dispose(&small);
  base_buf_dispose(&out);
  wire_status_dispose(&s);
}

TEST_MAIN(TEST(good_blocks_decode), TEST(bad_blocks_are_malformed_and_leave_nothing),
          TEST(blocks_beyond_the_limits_are_too_large), TEST(encoding_gives_the_documented_block))
