/* gRPC frames: byte 0 is the size of the pieces, byte 1 a ceiling; the rest is the stream. However it is split, the same
 * frames and the same error come out, and writing them again gives the same bytes. */
#include "fuzz.h"

#include "wire/frame.h"

/* Decodes in pieces and writes each frame again; *left is what the last, unfinished frame had. */
static base_err decode(base_span in, size_t piece, uint32_t max, base_buf *again) {
  wire_frame_decoder d;
  wire_frame_init(&d, max);
  while (in.n > 0) {
    base_span part = base_span_of(in.p, piece < in.n ? piece : in.n);
    in = base_span_of(in.p + part.n, in.n - part.n);
    wire_frame_step step;
    do {
      BASE_TRY(wire_frame_next(&d, &part, &step));
      if (step.event == WIRE_FRAME_BEGIN) {
        uint8_t head[WIRE_FRAME_HEAD];
        FUZZ_CHECK(step.length <= max);
        wire_frame_head(head, step.flags, step.length);
        FUZZ_OK(base_buf_append(again, base_span_of(head, sizeof head)));
      } else if (step.event == WIRE_FRAME_BODY) {
        FUZZ_CHECK(step.body.n > 0);
        FUZZ_OK(base_buf_append(again, step.body));
      } else if (step.event == WIRE_FRAME_END) {
        FUZZ_CHECK(wire_frame_at_rest(&d));
      }
    } while (step.event != WIRE_FRAME_MORE);
    FUZZ_CHECK(part.n == 0);
  }
  return BASE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_buf whole, split;
  if (size < 2) {
    return 0;
  }
  base_span in = base_span_of(data + 2, size - 2);
  uint32_t max = data[1] == 0xff ? UINT32_MAX : (uint32_t)data[1] * 16;
  base_buf_init(&whole, size);
  base_buf_init(&split, size);
  base_err e = decode(in, in.n, max, &whole);
  base_err f = decode(in, (size_t)data[0] + 1, max, &split);
  FUZZ_CHECK(e.code == f.code);
  FUZZ_CHECK(base_span_eq(base_buf_span(&whole), base_buf_span(&split)));
  /* All that was understood is a front of the input; only an unfinished or refused head may be missing. */
  size_t n = base_buf_size(&whole);
  FUZZ_CHECK(base_span_eq(base_buf_span(&whole), base_span_of(in.p, n)));
  FUZZ_CHECK(!base_is_ok(e) || in.n - n < WIRE_FRAME_HEAD);
  base_buf_dispose(&whole);
  base_buf_dispose(&split);
  return 0;
}
