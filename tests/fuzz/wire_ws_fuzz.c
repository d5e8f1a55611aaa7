/* WebSocket frames: any cut of the input gives the same messages, control frames and error. Input: options u8 | cut u8 | bytes. */
#include "fuzz.h"

#include "wire/ws.h"

enum { ROOM = 65536 };

struct seen {
  base_buf bytes; /* payloads and marks, in order */
  base_err error;
};

static void note(struct seen *s, const wire_ws_step *step) {
  if (step->event == WIRE_WS_DATA) {
    FUZZ_CHECK(step->opcode == WIRE_WS_TEXT || step->opcode == WIRE_WS_BINARY);
    FUZZ_CHECK(step->payload.n > 0 || step->begin || step->end);
    FUZZ_OK(base_buf_append(&s->bytes, step->payload));
    if (step->end) {
      FUZZ_OK(base_buf_u8(&s->bytes, step->opcode | (step->compressed ? WIRE_WS_RSV1 : 0)));
    }
  } else if (step->event == WIRE_WS_CONTROL) {
    FUZZ_CHECK(step->payload.n <= WIRE_WS_CONTROL_MAX);
    FUZZ_CHECK(step->opcode != WIRE_WS_CLOSE || step->close_code == 1005 || wire_ws_is_close_code(step->close_code));
    FUZZ_CHECK(step->opcode != WIRE_WS_CLOSE || base_span_utf8(step->payload));
    FUZZ_OK(base_buf_u8(&s->bytes, step->opcode));
    FUZZ_OK(base_buf_append(&s->bytes, step->payload));
  }
}

static void feed(wire_ws_decoder *d, base_span bytes, struct seen *s) {
  static uint8_t room[ROOM];
  wire_ws_step step = {.event = WIRE_WS_DATA};
  while (base_is_ok(s->error) && step.event != WIRE_WS_MORE) {
    size_t before = bytes.n;
    s->error = wire_ws_next(d, &bytes, room, &step);
    FUZZ_CHECK(bytes.n <= before);
    if (base_is_ok(s->error)) {
      note(s, &step);
      FUZZ_CHECK(step.event != WIRE_WS_MORE || bytes.n == 0);
    }
  }
}

static void run(bool compression, base_span bytes, size_t cut, struct seen *s) {
  wire_ws_decoder d;
  s->error = BASE_OK;
  base_buf_init(&s->bytes, 1 << 20);
  wire_ws_init(&d, compression);
  while (bytes.n > 0) {
    size_t n = cut < bytes.n ? cut : bytes.n;
    feed(&d, base_span_of(bytes.p, n), s);
    bytes = base_span_of(bytes.p + n, bytes.n - n);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct seen whole, parts;
  if (size < 2 || size > ROOM) {
    return 0;
  }
  base_span bytes = base_span_of(data + 2, size - 2);
  run(data[0] & 1, bytes, ROOM, &whole);
  run(data[0] & 1, bytes, data[1] + 1u, &parts);
  FUZZ_CHECK(base_is(whole.error, (enum base_err_code)parts.error.code));
  FUZZ_CHECK(base_span_eq(base_buf_span(&whole.bytes), base_buf_span(&parts.bytes)));
  base_buf_dispose(&whole.bytes);
  base_buf_dispose(&parts.bytes);
  return 0;
}
