/* Server-sent events from a provider: the same events whatever the split, none larger than the bound. The first byte says how many come at once. */
#include "fuzz.h"

#include "llm/sse.h"

static void note(base_buf *out, base_span data) {
  FUZZ_CHECK(data.n <= LLM_SSE_EVENT_MAX);
  FUZZ_OK(base_buf_printf(out, "%zu:", data.n));
  FUZZ_OK(base_buf_append(out, data));
}

static void decode(base_span in, size_t step, base_buf *out) {
  llm_sse s;
  base_span data;
  llm_sse_init(&s);
  while (in.n) {
    base_span some = base_span_of(in.p, step < in.n ? step : in.n);
    base_err e;
    in = base_span_of(in.p + some.n, in.n - some.n);
    while (base_is_ok(e = llm_sse_next(&s, &some, &data)))
      note(out, data);
    FUZZ_CHECK(base_is(e, BASE_E_NEED_MORE) && some.n == 0);
  }
  if (base_is_ok(llm_sse_end(&s, &data))) note(out, data);
  FUZZ_CHECK(!base_is_ok(llm_sse_end(&s, &data)));
  llm_sse_dispose(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_buf whole, parts;
  if (size == 0) return 0;
  base_span in = base_span_of(data + 1, size - 1);
  base_buf_init(&whole, 40 * size + 64);
  base_buf_init(&parts, 40 * size + 64);
  decode(in, size, &whole);
  decode(in, data[0] % 16 + 1U, &parts);
  FUZZ_CHECK(base_span_eq(base_buf_span(&whole), base_buf_span(&parts)));
  base_buf_dispose(&whole);
  base_buf_dispose(&parts);
  return 0;
}
