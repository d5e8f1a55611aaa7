/* The text form of gRPC-Web: byte 0 is the size of the pieces; the rest is the text. However it is split, the same bytes and the same error come out, and what came
 * out is read back from one run of ours. */
#include "fuzz.h"

#include "wire/web_text.h"

static base_err decode(base_span in, size_t piece, base_buf *out, bool *at_rest) {
  wire_web_text_decoder d = {0};
  base_err e = BASE_OK;
  for (size_t at = 0; base_is_ok(e) && at < in.n; at += piece) {
    e = wire_web_text_decode(&d, base_span_of(in.p + at, in.n - at < piece ? in.n - at : piece), out);
  }
  *at_rest = wire_web_text_at_rest(&d);
  return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_buf whole, split, text, back;
  bool whole_rests = false, split_rests = false, back_rests = false;
  if (size < 2) {
    return 0;
  }
  base_span in = base_span_of(data + 1, size - 1);
  base_buf_init(&whole, size + 8);
  base_buf_init(&split, size + 8);
  base_buf_init(&text, 2 * size + 8);
  base_buf_init(&back, 2 * size + 8);
  base_err e = decode(in, in.n, &whole, &whole_rests);
  base_err f = decode(in, (size_t)data[0] + 1, &split, &split_rests);
  FUZZ_CHECK(e.code == f.code && base_span_eq(base_buf_span(&whole), base_buf_span(&split)));
  FUZZ_CHECK(!base_is_ok(e) || whole_rests == split_rests);
  FUZZ_CHECK(!base_is_ok(e) || whole_rests == (in.n % 4 == 0));
  FUZZ_OK(wire_web_text_encode(base_buf_span(&whole), &text));
  FUZZ_OK(decode(base_buf_span(&text), 64, &back, &back_rests));
  FUZZ_CHECK(back_rests && base_span_eq(base_buf_span(&back), base_buf_span(&whole)));
  base_buf_dispose(&whole);
  base_buf_dispose(&split);
  base_buf_dispose(&text);
  base_buf_dispose(&back);
  return 0;
}
