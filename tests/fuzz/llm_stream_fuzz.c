/* A provider's whole answer: the same text and the same end whatever the split; always well-formed UTF-8; never a success without a finish reason. The first byte chooses the provider and how
 * many bytes come at once; what follows it is also given as the body of a refusal. */
#include "fuzz.h"

#include "llm/stream.h"

typedef struct {
  base_err error;
  bool finished;
  enum llm_finish finish;
} outcome;

static outcome decode(const llm_provider *p, base_span in, size_t step, base_buf *out) {
  llm_stream s;
  outcome o = {0};
  llm_stream_init(&s, p, "pt");
  while (in.n && base_is_ok(o.error)) {
    base_span some = base_span_of(in.p, step < in.n ? step : in.n);
    in = base_span_of(in.p + some.n, in.n - some.n);
    o.error = llm_stream_push(&s, some, out);
    FUZZ_CHECK(base_span_utf8(base_buf_span(out)));
  }
  if (base_is_ok(o.error)) o.error = llm_stream_end(&s, out);
  o.finish = s.finish;
  o.finished = s.finished;
  FUZZ_CHECK(base_is_ok(o.error) ? s.finished : s.trouble.why[0] && base_is(s.trouble.error, o.error.code));
  FUZZ_CHECK(!base_is_ok(o.error) || s.has_text || o.finish == LLM_SAFETY || o.finish == LLM_MAX_TOKENS);
  llm_stream_dispose(&s);
  return o;
}

static void refuse(const llm_provider *p, base_span body) {
  llm_trouble t = {0};
  llm_provider_refusal(p, 429, body, &t);
  FUZZ_CHECK(!base_is_ok(t.error) && t.why[0] && memchr(t.why, 0, sizeof t.why) && t.retry_after_ms >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_buf whole, parts;
  if (size == 0) return 0;
  const llm_provider *p = data[0] & 1 ? &llm_provider_openai : &llm_provider_gemini;
  base_span in = base_span_of(data + 1, size - 1);
  base_buf_init(&whole, LLM_STREAM_PUSH_MAX);
  base_buf_init(&parts, LLM_STREAM_PUSH_MAX);
  outcome a = decode(p, in, size, &whole), b = decode(p, in, data[0] / 2 % 16 + 1U, &parts);
  FUZZ_CHECK(a.error.code == b.error.code && a.finish == b.finish && a.finished == b.finished);
  FUZZ_CHECK(base_span_eq(base_buf_span(&whole), base_buf_span(&parts)));
  refuse(p, in);
  base_buf_dispose(&whole);
  base_buf_dispose(&parts);
  return 0;
}
