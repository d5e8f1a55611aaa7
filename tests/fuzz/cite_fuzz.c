/* The check of citations: byte 0 is the size of the pieces, the next the size of the first one; a NUL ends the passage, the rest is what a model wrote. However it is cut, the same goes on; without
 * marks nothing changes; every citation's mark stands where it says. */
#include "fuzz.h"

#include "chatbot/cite.h"

static base_span passage;

static cite *run(base_span in, size_t first, size_t each, base_buf *out) {
  cite *c = cite_new(&passage, 1);
  FUZZ_CHECK(c);
  for (size_t at = 0, n = first; at < in.n; at += n, n = each) {
    n = n < in.n - at ? n : in.n - at;
    FUZZ_OK(cite_push(c, base_span_of(in.p + at, n), out));
  }
  FUZZ_OK(cite_end(c, out));
  return c;
}

static void check_citation(const cite_citation *it, base_span out) {
  FUZZ_CHECK(it->number == 1 && it->begin < it->end && it->end <= passage.n);
  FUZZ_CHECK(it->answer_offset + 3 <= out.n && memcmp(out.p + it->answer_offset, "[1]", 3) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3) return 0;
  const uint8_t *begin = data + 2, *zero = memchr(begin, 0, size - 2);
  if (!zero) return 0;
  passage = base_span_of(begin, (size_t)(zero - begin));
  base_span in = base_span_of(zero + 1, (size_t)(data + size - zero - 1));
  base_buf whole, split;
  base_buf_init(&whole, 2 * in.n + 16);
  base_buf_init(&split, 2 * in.n + 16);
  cite *a = run(in, in.n, in.n, &whole), *b = run(in, (size_t)data[1] + 1, (size_t)data[0] + 1, &split);
  size_t count, count_split;
  const cite_citation *citations = cite_citations(a, &count), *citations_split = cite_citations(b, &count_split);
  FUZZ_CHECK(base_span_eq(base_buf_span(&whole), base_buf_span(&split)));
  FUZZ_CHECK(count == count_split && cite_dropped(a) == cite_dropped(b));
  for (size_t i = 0; i < count; i++) {
    check_citation(&citations[i], base_buf_span(&whole));
    FUZZ_CHECK(citations[i].begin == citations_split[i].begin && citations[i].end == citations_split[i].end);
    FUZZ_CHECK(citations[i].answer_offset == citations_split[i].answer_offset);
    FUZZ_CHECK(i == 0 || citations[i].answer_offset > citations[i - 1].answer_offset);
  }
  if (count == 0 && cite_dropped(a) == 0) FUZZ_CHECK(base_span_eq(base_buf_span(&whole), in));
  cite_free(a);
  cite_free(b);
  base_buf_dispose(&whole);
  base_buf_dispose(&split);
  return 0;
}
