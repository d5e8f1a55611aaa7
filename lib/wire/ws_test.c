/* The parser's own promises. What RFC 6455 asks for as a whole is the table of gateway/ws/ws_cases.h. */
#include "wire/ws.h"

#include <stdlib.h>

#include "base/test.h"

/* Unmasked payloads of all data pieces, one after another, and how the input ended. */
struct run {
  base_err error;
  size_t n;
  int messages, controls;
  uint8_t bytes[70000];
};

static void decode(wire_ws_decoder *d, base_span in, struct run *r) {
  static uint8_t room[70000];
  wire_ws_step step;
  do {
    r->error = wire_ws_next(d, &in, room, &step);
    if (!base_is_ok(r->error)) {
      return;
    }
    if (step.event == WIRE_WS_DATA) {
      CHECK(step.begin == (r->n == 0 || r->messages > 0) || !step.begin);
      memcpy(r->bytes + r->n, step.payload.p, step.payload.n);
      r->n += step.payload.n;
      r->messages += step.end;
    }
    r->controls += step.event == WIRE_WS_CONTROL;
  } while (step.event != WIRE_WS_MORE);
  CHECK_INT(in.n, 0);
}

static size_t masked(uint8_t *out, uint8_t first, base_span payload) {
  static const uint8_t mask[4] = {0xde, 0xad, 0xbe, 0xef};
  size_t at = wire_ws_head(out, first, payload.n);
  out[1] |= 0x80;
  memcpy(out + at, mask, sizeof mask);
  at += sizeof mask;
  for (size_t i = 0; i < payload.n; i++) {
    out[at++] = payload.p[i] ^ mask[i % 4];
  }
  return at;
}

static void payloads_of_every_length_come_out(void) {
  static const size_t lengths[] = {0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, 65537};
  static uint8_t payload[70000], out[70100];
  for (size_t i = 0; i < sizeof payload; i++) {
    payload[i] = (uint8_t)(i * 7);
  }
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    static struct run r;
    wire_ws_decoder d;
    size_t n = masked(out, WIRE_WS_FIN | WIRE_WS_BINARY, base_span_of(payload, lengths[i]));
    memset(&r, 0, sizeof r);
    wire_ws_init(&d, false);
    decode(&d, base_span_of(out, n), &r);
    CHECK_MSG(r.messages == 1 && r.n == lengths[i] && memcmp(r.bytes, payload, r.n) == 0, "%zu", lengths[i]);
    CHECK(wire_ws_at_rest(&d));
  }
}

static void any_cut_gives_the_same(void) {
  static uint8_t out[512];
  size_t n = masked(out, WIRE_WS_TEXT, base_span_str("hel"));
  n += masked(out + n, WIRE_WS_FIN | WIRE_WS_PING, base_span_str("?"));
  n += masked(out + n, WIRE_WS_FIN | WIRE_WS_CONTINUATION, base_span_str("lo, bridges"));
  for (size_t first = 0; first <= n; first++) {
    for (size_t second = first; second <= n; second++) {
      static struct run r;
      wire_ws_decoder d;
      memset(&r, 0, sizeof r);
      wire_ws_init(&d, false);
      decode(&d, base_span_of(out, first), &r);
      CHECK(first == 0 || first == n || !wire_ws_at_rest(&d));
      decode(&d, base_span_of(out + first, second - first), &r);
      decode(&d, base_span_of(out + second, n - second), &r);
      CHECK(r.messages == 1 && r.controls == 1 && base_span_is(base_span_of(r.bytes, r.n), "hello, bridges"));
      CHECK(wire_ws_at_rest(&d));
    }
  }
}

static void refuses_before_the_head_is_complete(void) {
  static const struct {
    const char *bytes;
    bool compression;
    const char *reason;
  } rows[] = {
      {"\x82\x01", false, "no mask"},       {"\xc2\x81", false, "RSV1"},
      {"\xa2\x81", true, "RSV2"},           {"\x92\x81", true, "RSV3"},
      {"\x83\x81", true, "opcode 3"},       {"\x8b\x81", true, "opcode 11"},
      {"\x80\x81", true, "a continuation"}, {"\x09\x81", true, "a fragmented ping"},
      {"\x89\xfe", true, "a long ping"},    {"\xc9\x81", true, "a compressed ping"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static struct run r;
    wire_ws_decoder d;
    wire_ws_init(&d, rows[i].compression);
    decode(&d, base_span_of(rows[i].bytes, 2), &r);
    CHECK_MSG(base_is(r.error, BASE_E_MALFORMED), "%s", rows[i].reason);
  }
}

static void heads_have_the_shortest_length(void) {
  static const struct {
    uint64_t n;
    size_t size;
  } rows[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {UINT64_MAX >> 1, 10}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint8_t head[WIRE_WS_SENT_HEAD_MAX];
    CHECK_INT(wire_ws_head(head, 0x82, rows[i].n), rows[i].size);
  }
}

TEST_MAIN(TEST(payloads_of_every_length_come_out), TEST(any_cut_gives_the_same),
          TEST(refuses_before_the_head_is_complete), TEST(heads_have_the_shortest_length))
