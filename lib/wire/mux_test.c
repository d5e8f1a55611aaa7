#include "wire/mux.h"

#include "base/test.h"

enum { ROOM = 2 * WIRE_MUX_MESSAGE_MAX, TWO_HEADS = 2 * WIRE_MUX_HEAD };

#define B(literal) base_span_of(literal, sizeof(literal) - 1)
#define ROW(literal) \
  { (const uint8_t *)(literal), sizeof(literal) - 1 }

static const struct {
  base_span message;
  enum base_err_code want;
  const char *reason;
} forms[] = {
    {ROW("\x12\0\0\0\0\1\0\0\1x"), BASE_E_OK, "DATA"},
    {ROW("\x12\1\0\0\0\1\0\0\0"), BASE_E_OK, "END without bytes"},
    {ROW("\x14\0\xff\xff\xff\xff\0\0\0"), BASE_E_OK, "CANCEL of the highest id"},
    {ROW("\x80\xff\0\0\0\0\0\0\2ab"), BASE_E_OK, "an unknown hint with any flags"},
    {ROW("\xff\0\0\0\0\7\0\0\0"), BASE_E_OK, "an unknown hint on a call"},
    {ROW("\x02\0\0\0\0\0\0\0\0"), BASE_E_OK, "AUTH without a token"},
    {ROW(""), BASE_E_MALFORMED, "an empty message"},
    {ROW("\x12"), BASE_E_MALFORMED, "a type alone"},
    {ROW("\x12\0\0\0\0\1\0\0"), BASE_E_MALFORMED, "a head one short"},
    {ROW("\x12\0\0\0\0\1\0\0\1"), BASE_E_MALFORMED, "a payload one short"},
    {ROW("\x12\0\0\0\0\1\xff\xff\xffx"), BASE_E_MALFORMED, "the largest length"},
    {ROW("\x00\0\0\0\0\1\0\0\0"), BASE_E_MALFORMED, "type 0"},
    {ROW("\x7f\0\0\0\0\1\0\0\0"), BASE_E_MALFORMED, "the highest type that must be known"},
    {ROW("\x12\2\0\0\0\1\0\0\0"), BASE_E_MALFORMED, "an unknown flag on DATA"},
    {ROW("\x14\1\0\0\0\1\0\0\0"), BASE_E_MALFORMED, "END on CANCEL"},
    {ROW("\x10\1\0\0\0\1\0\0\7\1/\0\0\0\0\0"), BASE_E_MALFORMED, "END on OPEN"},
    {ROW("\x12\0\0\0\0\0\0\0\0"), BASE_E_MALFORMED, "DATA on the connection"},
    {ROW("\x13\0\0\0\0\0\0\0\3\0\0\0"), BASE_E_MALFORMED, "STATUS on the connection"},
    {ROW("\x20\0\0\0\0\1\0\0\x8"
         "12345678"),
     BASE_E_MALFORMED, "PING on a call"},
    {ROW("\x02\0\0\0\0\1\0\0\0"), BASE_E_MALFORMED, "AUTH on a call"},
    {ROW("\x14\0\0\0\0\1\0\0\1x"), BASE_E_MALFORMED, "CANCEL with a payload"},
    {ROW("\x15\0\0\0\0\1\0\0\3\0\0\1"), BASE_E_MALFORMED, "CREDIT one short"},
    {ROW("\x15\0\0\0\0\1\0\0\5\0\0\0\1\0"), BASE_E_MALFORMED, "CREDIT one long"},
    {ROW("\x20\0\0\0\0\0\0\0\x7"
         "1234567"),
     BASE_E_MALFORMED, "PING one short"},
    {ROW("\x21\0\0\0\0\0\0\0\x9"
         "123456789"),
     BASE_E_MALFORMED, "PONG one long"},
    {ROW("\x22\0\0\0\0\0\0\0\x7"
         "1234567"),
     BASE_E_MALFORMED, "DRAIN one short"},
    {ROW("\x11\0\0\0\0\1\0\0\0"), BASE_E_MALFORMED, "HEADERS without a count"},
    {ROW("\x13\0\0\0\0\1\0\0\2\0\0"), BASE_E_MALFORMED, "STATUS without metadata"},
};

static void next_judges_the_form_of_a_frame(void) {
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    base_span message = forms[i].message;
    wire_mux_frame f;
    base_err e = wire_mux_next(&message, &f);
    CHECK_MSG(base_is(e, forms[i].want), "%s: %s", forms[i].reason, base_err_name(e));
    CHECK_MSG(message.n == (base_is_ok(e) ? 0 : forms[i].message.n), "%s: %zu left", forms[i].reason, message.n);
  }
}

/* So that a type added to the table is also added to mux.c: each has some payload length that is accepted. */
static void every_type_of_the_table_is_known(void) {
  static const uint8_t types[] = {
#define X(name, value) value,
      WIRE_MUX_TYPES(X)
#undef X
  };
  for (size_t i = 0; i < sizeof types; i++) {
    bool known = false;
    for (uint8_t n = 0; n < 32; n++) {
      for (uint8_t call = 0; call < 2; call++) {
        uint8_t frame[WIRE_MUX_HEAD + 32] = {types[i], 0, 0, 0, 0, call, 0, 0, n};
        base_span message = base_span_of(frame, WIRE_MUX_HEAD + (size_t)n);
        wire_mux_frame f;
        known |= base_is_ok(wire_mux_next(&message, &f));
      }
    }
    CHECK_MSG(known, "type %02x", types[i]);
  }
}

static void a_message_may_hold_many_frames_and_64_kib(void) {
  static uint8_t big[WIRE_MUX_MESSAGE_MAX];
  base_buf out;
  wire_mux_frame f;
  base_buf_init(&out, ROOM);
  CHECK_OK(wire_mux_put_cancel(&out, 7));
  CHECK_OK(wire_mux_put_data(&out, 8, base_span_of(big, sizeof big - TWO_HEADS), true));
  base_span message = base_buf_span(&out);
  CHECK_INT(message.n, WIRE_MUX_MESSAGE_MAX);
  CHECK_OK(wire_mux_next(&message, &f));
  CHECK_INT(f.type, WIRE_MUX_CANCEL);
  CHECK_INT(f.call, 7);
  CHECK_OK(wire_mux_next(&message, &f));
  CHECK_INT(f.type, WIRE_MUX_DATA);
  CHECK_INT(f.flags, WIRE_MUX_END);
  CHECK_INT(f.payload.n, sizeof big - TWO_HEADS);
  CHECK_INT(message.n, 0);
  CHECK_OK(base_buf_u8(&out, 0));
  message = base_buf_span(&out);
  CHECK_ERR(wire_mux_next(&message, &f), BASE_E_TOO_LARGE);

  base_buf_clear(&out);
  CHECK_ERR(wire_mux_put_data(&out, 1, base_span_of(big, sizeof big - WIRE_MUX_HEAD + 1), false), BASE_E_TOO_LARGE);
  CHECK_INT(base_buf_size(&out), 0);
  CHECK_OK(wire_mux_put_data(&out, 1, base_span_of(big, sizeof big - WIRE_MUX_HEAD), false));
  base_buf_dispose(&out);
}

/* The payload of the only frame in `out`. */
static base_span only(const base_buf *out, enum wire_mux_type type, uint32_t call) {
  base_span message = base_buf_span(out);
  wire_mux_frame f = {0};
  CHECK_OK(wire_mux_next(&message, &f));
  CHECK_INT(f.type, type);
  CHECK_INT(f.call, call);
  CHECK_INT(message.n, 0);
  return f.payload;
}

static void control_frames_come_back(void) {
  base_buf out;
  base_buf_init(&out, 256);
  wire_mux_hello h = {1, 65536, 0, 4 << 20, 30000, B("token.of-mine")}, h2;
  CHECK_OK(wire_mux_put_hello(&out, &h));
  CHECK_OK(wire_mux_get_hello(only(&out, WIRE_MUX_HELLO, 0), &h2));
  CHECK(h2.version == 1 && h2.call_credit == 65536 && h2.max_calls == 0 && h2.max_message == 4 << 20);
  CHECK(h2.ping_interval_ms == 30000 && base_span_eq(h.token, h2.token));

  base_span token;
  base_buf_clear(&out);
  CHECK_OK(wire_mux_put_auth(&out, B("next")));
  CHECK_OK(wire_mux_get_auth(only(&out, WIRE_MUX_AUTH, 0), &token));
  CHECK(base_span_is(token, "next"));

  uint32_t bytes = 0;
  base_buf_clear(&out);
  CHECK_OK(wire_mux_put_credit(&out, 3, 0x7fffffff));
  CHECK_OK(wire_mux_get_credit(only(&out, WIRE_MUX_CREDIT, 3), &bytes));
  CHECK_INT(bytes, 0x7fffffff);

  uint64_t value = 0;
  base_buf_clear(&out);
  CHECK_OK(wire_mux_put_ping(&out, true, 0x0123456789abcdef));
  CHECK_OK(wire_mux_get_ping(only(&out, WIRE_MUX_PONG, 0), &value));
  CHECK(value == 0x0123456789abcdef);

  wire_mux_drain d = {9, 5000}, d2;
  base_buf_clear(&out);
  CHECK_OK(wire_mux_put_drain(&out, &d));
  CHECK_OK(wire_mux_get_drain(only(&out, WIRE_MUX_DRAIN, 0), &d2));
  CHECK(d2.last_call == 9 && d2.grace_ms == 5000);
  base_buf_dispose(&out);
}

static void call_frames_come_back(void) {
  base_buf out;
  wire_mux_open o = {.path = B("/p.S/M"), .timeout_ms = 250}, o2 = {.timeout_ms = 0};
  wire_status s, s2;
  base_span v;
  base_buf_init(&out, 1024);
  wire_metadata_init(&o.metadata);
  wire_metadata_init(&o2.metadata);
  wire_status_init(&s);
  wire_status_init(&s2);
  CHECK_OK(wire_metadata_add_str(&o.metadata, "a", "b"));
  CHECK_OK(wire_mux_put_open(&out, 1, &o));
  CHECK_OK(wire_mux_get_open(only(&out, WIRE_MUX_OPEN, 1), &o2));
  CHECK(base_span_is(o2.path, "/p.S/M") && o2.timeout_ms == 250);
  CHECK(wire_metadata_get(&o2.metadata, "a", &v) && base_span_is(v, "b"));

  base_buf_clear(&out);
  wire_metadata_clear(&o2.metadata);
  CHECK_OK(wire_mux_put_headers(&out, 1, &o.metadata));
  CHECK_OK(wire_mux_get_headers(only(&out, WIRE_MUX_HEADERS, 1), &o2.metadata));
  CHECK_INT(o2.metadata.count, 1);

  base_buf_clear(&out);
  wire_status_set(&s, 16, "n\xc3\xa3o");
  CHECK_OK(wire_metadata_add(&s.trailers, B("d-bin"), B("\0\xff")));
  CHECK_OK(wire_mux_put_status(&out, 1, &s));
  CHECK_OK(wire_mux_get_status(only(&out, WIRE_MUX_STATUS, 1), &s2));
  CHECK_INT(s2.code, 16);
  CHECK(base_span_is(base_buf_span(&s2.message), "n\xc3\xa3o"));
  CHECK(wire_metadata_get(&s2.trailers, "d-bin", &v) && base_span_eq(v, B("\0\xff")));

  base_buf_clear(&out);
  s.code = 256;
  CHECK_OK(wire_mux_put_status(&out, 1, &s));
  wire_metadata_clear(&s2.trailers);
  CHECK_OK(wire_mux_get_status(only(&out, WIRE_MUX_STATUS, 1), &s2));
  CHECK_INT(s2.code, 2);
  wire_status_dispose(&s);
  wire_status_dispose(&s2);
  wire_metadata_dispose(&o.metadata);
  wire_metadata_dispose(&o2.metadata);
  base_buf_dispose(&out);
}

/* Decodes a payload as the type says, into things that are thrown away. */
static base_err get(enum wire_mux_type type, base_span payload) {
  wire_mux_hello h;
  wire_mux_drain d;
  wire_mux_open o;
  wire_status s;
  uint64_t u64;
  uint32_t u32;
  base_err e = base_fail(BASE_E_INTERNAL);
  wire_metadata_init(&o.metadata);
  wire_status_init(&s);
  switch (type) {
  case WIRE_MUX_HELLO: e = wire_mux_get_hello(payload, &h); break;
  case WIRE_MUX_AUTH: e = wire_mux_get_auth(payload, &h.token); break;
  case WIRE_MUX_OPEN: e = wire_mux_get_open(payload, &o); break;
  case WIRE_MUX_HEADERS: e = wire_mux_get_headers(payload, &o.metadata); break;
  case WIRE_MUX_STATUS: e = wire_mux_get_status(payload, &s); break;
  case WIRE_MUX_CREDIT: e = wire_mux_get_credit(payload, &u32); break;
  case WIRE_MUX_PING:
  case WIRE_MUX_PONG: e = wire_mux_get_ping(payload, &u64); break;
  case WIRE_MUX_DRAIN: e = wire_mux_get_drain(payload, &d); break;
  case WIRE_MUX_DATA:
  case WIRE_MUX_CANCEL: break;
  }
  wire_metadata_dispose(&o.metadata);
  wire_status_dispose(&s);
  return e;
}

static const struct {
  enum wire_mux_type type;
  base_span payload;
  enum base_err_code want;
  const char *reason;
} payloads[] = {
    {WIRE_MUX_HELLO, ROW("\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0"), BASE_E_OK, "no token"},
    {WIRE_MUX_HELLO, ROW("\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\1tmore"), BASE_E_OK, "fields of a later version"},
    {WIRE_MUX_HELLO, ROW("\0\2\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0"), BASE_E_OK, "the version is not the codec's matter"},
    {WIRE_MUX_HELLO, ROW("\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0"), BASE_E_MALFORMED, "no token length"},
    {WIRE_MUX_HELLO, ROW("\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\2t"), BASE_E_MALFORMED, "a token one short"},
    {WIRE_MUX_HELLO, ROW("\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\3a\r\n"), BASE_E_MALFORMED, "a line end in a token"},
    {WIRE_MUX_HELLO, ROW("\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\x80\0"), BASE_E_MALFORMED, "a long form of length 0"},
    {WIRE_MUX_AUTH, ROW(""), BASE_E_OK, "no token any more"},
    {WIRE_MUX_AUTH, ROW("a b"), BASE_E_MALFORMED, "a blank in a token"},
    {WIRE_MUX_AUTH, ROW("a\xff"), BASE_E_MALFORMED, "a token outside ASCII"},
    {WIRE_MUX_OPEN, ROW("\4/a/b\0\0\0\0\0"), BASE_E_OK, "the shortest call"},
    {WIRE_MUX_OPEN, ROW("\0\0\0\0\0\0"), BASE_E_MALFORMED, "an empty path"},
    {WIRE_MUX_OPEN, ROW("\3a/b\0\0\0\0\0"), BASE_E_MALFORMED, "a path without its slash"},
    {WIRE_MUX_OPEN, ROW("\4/a b\0\0\0\0\0"), BASE_E_MALFORMED, "a blank in a path: request splitting"},
    {WIRE_MUX_OPEN, ROW("\4/a\nb\0\0\0\0\0"), BASE_E_MALFORMED, "a line end in a path"},
    {WIRE_MUX_OPEN, ROW("\3/\xc3\xa9\0\0\0\0\0"), BASE_E_MALFORMED, "a path outside ASCII"},
    {WIRE_MUX_OPEN, ROW("\5/a/b\0\0\0\0\0"), BASE_E_MALFORMED, "a path one too long"},
    {WIRE_MUX_OPEN, ROW("\4/a/b\0\0\0\0"), BASE_E_MALFORMED, "no metadata"},
    {WIRE_MUX_OPEN, ROW("\4/a/b\0\0\0\0\0\0"), BASE_E_MALFORMED, "a byte too many"},
    {WIRE_MUX_OPEN, ROW("\4/a/b\0\0\0\0\1\1a"), BASE_E_MALFORMED, "metadata cut off"},
    {WIRE_MUX_OPEN, ROW("\4/a/b\0\0\0\0\1\1A\0"), BASE_E_INVALID, "an upper-case key fails the call only"},
    {WIRE_MUX_HEADERS, ROW("\0"), BASE_E_OK, "no headers"},
    {WIRE_MUX_HEADERS, ROW("\0\0"), BASE_E_MALFORMED, "a byte too many"},
    {WIRE_MUX_HEADERS, ROW(""), BASE_E_MALFORMED, "no count"},
    {WIRE_MUX_STATUS, ROW("\0\0\0"), BASE_E_OK, "OK"},
    {WIRE_MUX_STATUS, ROW("\xff\2ok\0"), BASE_E_OK, "a code of the future"},
    {WIRE_MUX_STATUS, ROW("\0\1\xff\0"), BASE_E_MALFORMED, "a message that is no UTF-8"},
    {WIRE_MUX_STATUS, ROW("\0\3ok"), BASE_E_MALFORMED, "a message cut off"},
    {WIRE_MUX_STATUS, ROW("\0\0"), BASE_E_MALFORMED, "no metadata"},
    {WIRE_MUX_STATUS, ROW("\0\0\0x"), BASE_E_MALFORMED, "a byte too many"},
    {WIRE_MUX_CREDIT, ROW("\0\0\0\1"), BASE_E_OK, "one byte"},
    {WIRE_MUX_CREDIT, ROW("\0\0\0\0"), BASE_E_MALFORMED, "no credit at all"},
    {WIRE_MUX_CREDIT, ROW("\0\0\1"), BASE_E_MALFORMED, "three bytes"},
    {WIRE_MUX_CREDIT, ROW("\0\0\0\1\0"), BASE_E_MALFORMED, "five bytes"},
    {WIRE_MUX_PING, ROW("1234567"), BASE_E_MALFORMED, "seven bytes"},
    {WIRE_MUX_PING, ROW("123456789"), BASE_E_MALFORMED, "nine bytes"},
    {WIRE_MUX_DRAIN, ROW("\0\0\0\1\0\0\0\2more"), BASE_E_OK, "fields of a later version"},
    {WIRE_MUX_DRAIN, ROW("\0\0\0\1\0\0\0"), BASE_E_MALFORMED, "seven bytes"},
};

static void payloads_are_judged_field_by_field(void) {
  for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
    base_err e = get(payloads[i].type, payloads[i].payload);
    CHECK_MSG(base_is(e, payloads[i].want), "%02x %s: %s", payloads[i].type, payloads[i].reason, base_err_name(e));
  }
}

static void limits_hold_on_both_sides(void) {
  static char text[WIRE_MUX_TOKEN_MAX + 2];
  base_buf out;
  wire_mux_open o = {.path = {(const uint8_t *)text, WIRE_MUX_PATH_MAX + 1}};
  wire_mux_hello h = {.version = 1, .token = {(const uint8_t *)text, WIRE_MUX_TOKEN_MAX + 1}};
  base_buf_init(&out, ROOM);
  wire_metadata_init(&o.metadata);
  memset(text, '/', sizeof text);
  CHECK_ERR(wire_mux_put_open(&out, 1, &o), BASE_E_INVALID);
  CHECK_ERR(wire_mux_put_hello(&out, &h), BASE_E_INVALID);
  CHECK_ERR(wire_mux_put_auth(&out, h.token), BASE_E_INVALID);
  CHECK_ERR(wire_mux_put_credit(&out, 1, 0), BASE_E_INVALID);
  CHECK_ERR(get(WIRE_MUX_AUTH, h.token), BASE_E_MALFORMED);
  CHECK_INT(base_buf_size(&out), 0);
  o.path.n--;
  CHECK_OK(wire_mux_put_open(&out, 1, &o));
  h.token.n--;
  CHECK_OK(wire_mux_put_hello(&out, &h));
  CHECK_OK(wire_mux_put_auth(&out, h.token));
  base_buf_dispose(&out);
  wire_metadata_dispose(&o.metadata);
}

/* The largest status there can be still fits into one message: a call can always be ended. */
static void the_largest_status_fits(void) {
  static char text[WIRE_METADATA_MAX_BYTES];
  base_buf out;
  wire_status s, back;
  base_buf_init(&out, WIRE_MUX_MESSAGE_MAX);
  wire_status_init(&s);
  wire_status_init(&back);
  memset(text, 'x', sizeof text);
  wire_status_set_span(&s, 8, base_span_of(text, sizeof text));
  for (size_t i = 0; i < WIRE_METADATA_MAX_PAIRS; i++) {
    CHECK_OK(wire_metadata_add(&s.trailers, B("k"), base_span_of(text, sizeof text / WIRE_METADATA_MAX_PAIRS - 1)));
  }
  CHECK_OK(wire_mux_put_status(&out, 1, &s));
  CHECK_OK(wire_mux_get_status(only(&out, WIRE_MUX_STATUS, 1), &back));
  CHECK_INT(back.trailers.count, WIRE_METADATA_MAX_PAIRS);
  wire_status_dispose(&s);
  wire_status_dispose(&back);
  base_buf_dispose(&out);
}

static void a_frame_without_room_changes_nothing(void) {
  wire_status s;
  wire_status_init(&s);
  wire_status_set(&s, 1, "why");
  for (size_t room = 0; room < WIRE_MUX_HEAD + 6; room++) {
    base_buf out;
    base_buf_init(&out, 2 + room);
    CHECK_OK(base_buf_str(&out, "ab"));
    CHECK_ERR(wire_mux_put_status(&out, 1, &s), BASE_E_TOO_LARGE);
    CHECK(base_span_is(base_buf_span(&out), "ab"));
    base_buf_dispose(&out);
  }
  wire_status_dispose(&s);
}

TEST_MAIN(TEST(next_judges_the_form_of_a_frame), TEST(every_type_of_the_table_is_known),
          TEST(a_message_may_hold_many_frames_and_64_kib), TEST(control_frames_come_back), TEST(call_frames_come_back),
          TEST(payloads_are_judged_field_by_field), TEST(limits_hold_on_both_sides), TEST(the_largest_status_fits),
          TEST(a_frame_without_room_changes_nothing))
