#include "wire/status.h"

#include "base/test.h"

#define B(literal) base_span_of(literal, sizeof(literal) - 1)

static const struct {
  const char *raw, *encoded;
} both_ways[] = {
    {"", ""},
    {"plain text ~", "plain text ~"},
    {"100%", "100%25"},
    {"a\r\nb", "a%0D%0Ab"},
    {"n\xc3\xa3o", "n%C3%A3o"},
    {"\x7f", "%7F"},
    {"%41", "%2541"},
    {" a b ", "%20a b%20"},
    {"  ", "%20%20"},
    {" ", "%20"},
};

static void messages_go_both_ways(void) {
  for (size_t i = 0; i < sizeof both_ways / sizeof *both_ways; i++) {
    base_buf out;
    base_buf_init(&out, 64);
    CHECK_OK(wire_status_message_encode(base_span_str(both_ways[i].raw), &out));
    CHECK_MSG(base_span_is(base_buf_span(&out), both_ways[i].encoded), "%s", both_ways[i].encoded);
    base_buf_clear(&out);
    CHECK_OK(wire_status_message_decode(base_span_str(both_ways[i].encoded), &out));
    CHECK_MSG(base_span_is(base_buf_span(&out), both_ways[i].raw), "%s", both_ways[i].encoded);
    base_buf_dispose(&out);
  }
}

static const struct {
  const char *text, *want, *reason;
} lenient[] = {
    {"%", "%", "a sign alone"},
    {"%4", "%4", "one digit"},
    {"%4g", "%4g", "a letter that is no digit"},
    {"%g4", "%g4", "the first is no digit"},
    {"%%41", "%A", "an escape after a sign"},
    {"a%", "a%", "a sign at the end"},
    {"%c3%a3", "\xc3\xa3", "lower-case digits"},
    {"%-1", "%-1", "a sign of a number"},
    {"% 1", "% 1", "a blank"},
    {"\xc3\xa3", "\xc3\xa3", "bytes that should have been escaped"},
};

static void bad_escapes_stay_as_they_stand(void) {
  for (size_t i = 0; i < sizeof lenient / sizeof *lenient; i++) {
    base_buf out;
    base_buf_init(&out, 64);
    CHECK_OK(wire_status_message_decode(base_span_str(lenient[i].text), &out));
    CHECK_MSG(base_span_is(base_buf_span(&out), lenient[i].want), "%s", lenient[i].reason);
    base_buf_dispose(&out);
  }
}

static void encoding_writes_all_or_nothing(void) {
  base_buf out;
  base_buf_init(&out, 4);
  CHECK_ERR(wire_status_message_encode(base_span_str("ab%"), &out), BASE_E_TOO_LARGE);
  CHECK_INT(base_buf_size(&out), 0);
  base_buf_dispose(&out);
}

static void a_message_is_always_text_that_fits(void) {
  static char text[WIRE_STATUS_MESSAGE_MAX * 2];
  wire_status s;
  wire_status_init(&s);
  wire_status_set(&s, 5, "no model %s of %d", "tiny", 3);
  CHECK_INT(s.code, 5);
  CHECK(base_span_is(base_buf_span(&s.message), "no model tiny of 3"));
  wire_status_set_span(&s, 99,
                       B("a\xff"
                         "b"));
  CHECK_INT(s.code, 99);
  CHECK(base_span_is(base_buf_span(&s.message), "a\xef\xbf\xbd"
                                                "b"));

  for (size_t lead = 0; lead < 3; lead++) { /* the cut falls on each byte of a character */
    memset(text, 'x', lead);
    for (size_t i = lead; i + 3 < sizeof text; i += 3) {
      memcpy(text + i, "\xe2\x82\xac", 3);
    }
    wire_status_set(&s, 1, "%s", text);
    size_t n = base_buf_size(&s.message);
    CHECK(n <= WIRE_STATUS_MESSAGE_MAX && n > WIRE_STATUS_MESSAGE_MAX - 3);
    CHECK(base_span_utf8(base_buf_span(&s.message)));
    CHECK(memcmp(base_buf_span(&s.message).p, text, n) == 0);
  }
  memset(text, '\xff', sizeof text - 1);
  wire_status_set(&s, 1, "%s", text);
  CHECK(base_buf_size(&s.message) <= WIRE_STATUS_MESSAGE_MAX && base_span_utf8(base_buf_span(&s.message)));
  memset(text, 'x', sizeof text - 1);
  text[WIRE_STATUS_MESSAGE_MAX] = 0;
  wire_status_set(&s, 1, "%s", text);
  CHECK_INT(base_buf_size(&s.message), WIRE_STATUS_MESSAGE_MAX);
  wire_status_dispose(&s);
}

static void errors_become_statuses_by_the_table(void) {
  wire_status s;
  wire_status_init(&s);
  CHECK_OK(wire_metadata_add_str(&s.trailers, "kept", "yes"));
  wire_status_from_err(&s, base_fail(BASE_E_DEADLINE));
  CHECK_INT(s.code, 4);
  CHECK(base_span_is(base_buf_span(&s.message), "deadline exceeded"));
  CHECK_INT(s.trailers.count, 1);
  wire_status_dispose(&s);
}

static void http_statuses_map_as_grpc_says(void) {
  static const int rows[][2] = {{400, 13}, {401, 16}, {403, 7}, {404, 12}, {429, 14}, {502, 14}, {503, 14},
                                {504, 14}, {200, 2},  {500, 2}, {302, 2},  {0, 2},    {-1, 2}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(wire_status_of_http(rows[i][0]) == rows[i][1], "%d", rows[i][0]);
  }
}

TEST_MAIN(TEST(messages_go_both_ways), TEST(bad_escapes_stay_as_they_stand), TEST(encoding_writes_all_or_nothing),
          TEST(a_message_is_always_text_that_fits), TEST(errors_become_statuses_by_the_table),
          TEST(http_statuses_map_as_grpc_says))
