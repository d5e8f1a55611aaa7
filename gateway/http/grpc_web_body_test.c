#include "gateway/http/grpc_web_body.h"

#include <stdlib.h>

#include "base/test.h"
#include "gateway/http/testing_exchange.h"
#include "wire/web_text.h"

enum { LARGE = 100000 };

/* Messages of these sizes, one behind the other. */
static base_buf messages(const uint32_t *sizes, size_t n) {
  static uint8_t bytes[LARGE];
  base_buf out;
  base_buf_init(&out, 1 << 20);
  for (size_t i = 0; i < sizeof bytes; i++) {
    bytes[i] = (uint8_t)(i * 7 + i / 256);
  }
  for (size_t i = 0; i < n; i++) {
    CHECK_OK(wire_frame_append(&out, i % 2 ? WIRE_FRAME_COMPRESSED : 0, base_span_of(bytes, sizes[i])));
  }
  return out;
}

/* What a client makes of the body: the bytes of the frames before the trailers; -1 if there are none, or not at a boundary. */
static long before_trailers(base_span body, bool text, base_buf *raw) {
  wire_web_text_decoder text_decoder = {0};
  wire_frame_decoder d;
  wire_frame_step step = {.event = WIRE_FRAME_BEGIN};
  CHECK_OK(text ? wire_web_text_decode(&text_decoder, body, raw) : base_buf_append(raw, body));
  base_span all = base_buf_span(raw), left = all;
  wire_frame_init(&d, UINT32_MAX);
  while (step.event != WIRE_FRAME_MORE) {
    size_t at = all.n - left.n;
    if (!base_is_ok(wire_frame_next(&d, &left, &step))) {
      return -1;
    }
    if (step.event == WIRE_FRAME_BEGIN && step.flags == WIRE_FRAME_TRAILERS) {
      return (long)at;
    }
  }
  return -1;
}

static void any_split_gives_the_same_messages(void) {
  static const uint32_t sizes[] = {0, 1, 2, 3, GW_WEB_HOLD, 5, GW_WEB_HOLD + 1, 0, LARGE, 7};
  static const size_t steps[] = {1, 2, 3, 4, 5, 6, 7, 1000, 16384, 16385, 16389, 16390, 65536, 1 << 20};
  base_buf in = messages(sizes, sizeof sizes / sizeof *sizes);
  for (size_t i = 0; i < 2 * sizeof steps / sizeof *steps; i++) {
    testing_exchange t;
    gw_web_body b;
    wire_status ok;
    base_buf raw;
    size_t step = steps[i / 2], size = base_buf_size(&in);
    testing_exchange_init(&t);
    gw_web_body_init(&b, i % 2);
    wire_status_init(&ok);
    base_buf_init(&raw, 1 << 20);
    for (size_t at = 0; at < size; at += step) {
      CHECK_OK(
          gw_web_body_write(&b, &t.x, base_span_of(base_buf_span(&in).p + at, size - at < step ? size - at : step)));
      CHECK(base_buf_size(&b.held) < GW_WEB_HOLD + WIRE_FRAME_HEAD);
    }
    CHECK_INT(base_buf_size(&b.held), 0);
    gw_web_body_end(&b, &t.x, &ok);
    CHECK(t.ended && !t.reset);
    CHECK_MSG(before_trailers(base_buf_span(&t.body), b.text, &raw) == (long)size, "in steps of %zu", step);
    CHECK_MSG(base_span_eq(base_span_of(base_buf_span(&raw).p, size), base_buf_span(&in)), "in steps of %zu", step);
    base_buf_dispose(&raw);
    wire_status_dispose(&ok);
    gw_web_body_dispose(&b);
    testing_exchange_dispose(&t);
  }
  base_buf_dispose(&in);
}

/* The service dies after so many bytes of a message of `size`, which follows a whole one. */
static void dies(uint32_t size, size_t after, int code, bool text) {
  const uint32_t sizes[] = {3, size};
  base_buf in = messages(sizes, 2), raw;
  testing_exchange t;
  gw_web_body b;
  wire_status status;
  testing_exchange_init(&t);
  gw_web_body_init(&b, text);
  wire_status_init(&status);
  base_buf_init(&raw, 1 << 20);
  wire_status_set(&status, code, "gone");
  CHECK_OK(gw_web_body_write(&b, &t.x, base_span_of(base_buf_span(&in).p, 8 + after)));
  gw_web_body_end(&b, &t.x, &status);
  bool begun = size > GW_WEB_HOLD && after >= WIRE_FRAME_HEAD;
  CHECK_MSG(t.reset == begun && t.ended != begun, "%zu of %u", after, size);
  if (!begun) {
    CHECK_MSG(before_trailers(base_buf_span(&t.body), text, &raw) == 8, "%zu of %u", after, size);
    base_span all = base_buf_span(&raw);
    const char *want = code == 0 && after > 0 ? "grpc-status: 13\r\n"
                       : code == 0            ? "grpc-status: 0\r\n"
                                              : "grpc-status: 14\r\n";
    CHECK_MSG(memmem(all.p, all.n, want, strlen(want)) != NULL, "%zu of %u: not %s", after, size, want);
  }
  base_buf_dispose(&raw);
  wire_status_dispose(&status);
  gw_web_body_dispose(&b);
  testing_exchange_dispose(&t);
  base_buf_dispose(&in);
}

static void a_death_inside_a_message(void) {
  static const uint32_t sizes[] = {1, 10, GW_WEB_HOLD, GW_WEB_HOLD + 1, LARGE};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const size_t afters[] = {0, 1, 4, 5, WIRE_FRAME_HEAD + sizes[i] - 1};
    for (size_t k = 0; k < sizeof afters / sizeof *afters; k++) {
      for (int how = 0; how < 4; how++) {
        dies(sizes[i], afters[k], how & 1 ? 14 : 0, how & 2);
      }
    }
  }
}

static void flags_no_message_has(void) {
  static const uint8_t flags[] = {0x80, 0x81, 2, 0x40, 'H'};
  for (size_t i = 0; i < sizeof flags; i++) {
    testing_exchange t;
    gw_web_body b;
    testing_exchange_init(&t);
    gw_web_body_init(&b, false);
    CHECK_ERR(gw_web_body_write(&b, &t.x, base_span_of((uint8_t[]){flags[i], 0, 0, 0, 0}, 5)), BASE_E_MALFORMED);
    CHECK_INT(base_buf_size(&t.body), 0);
    gw_web_body_dispose(&b);
    testing_exchange_dispose(&t);
  }
}

TEST_MAIN(TEST(any_split_gives_the_same_messages), TEST(a_death_inside_a_message), TEST(flags_no_message_has))
