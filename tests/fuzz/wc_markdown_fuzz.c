/* Answers as they come: what is written is balanced, holds only known elements and safe addresses, and does not depend on how the answer was cut into pieces. */
#include "fuzz.h"

#include "wc/markdown.h"

static bool is_known(base_span name) {
  static const char *const tags[] = {
#define X(id, tag) tag,
      WC_MARKDOWN_NODES(X)
#undef X
  };
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
    if (base_span_is(name, tags[i])) return true;
  }
  return false;
}

/* Behind an opening quote: past the closing one; *out is what stands between them. */
static const uint8_t *text_end(const uint8_t *p, const uint8_t *end, base_span *out) {
  const uint8_t *begin = p;
  while (p < end && *p != '"')
    p += *p == '\\' ? 2 : 1;
  FUZZ_CHECK(p < end);
  *out = base_span_of(begin, (size_t)(p - begin));
  return p + 1;
}

static void check_element(const uint8_t **at, const uint8_t *end) {
  base_span name, address;
  *at = text_end(*at + 2, end, &name);
  FUZZ_CHECK(is_known(name));
  if (base_span_is(name, "a")) {
    *at = text_end(*at + 2, end, &address);
    FUZZ_CHECK(address.n > 7);
    FUZZ_CHECK(base_span_ieq(base_span_of(address.p, 7), base_span_str("http://")) ||
               base_span_ieq(base_span_of(address.p, 7), base_span_str("https:/")) ||
               base_span_ieq(base_span_of(address.p, 7), base_span_str("mailto:")));
  }
  while (*at < end && **at != ']')
    (*at)++;
  (*at)++;
}

static void check_blocks(base_span out) {
  const uint8_t *end = out.p + out.n, *p = out.p;
  while (p < end && *p != '[')
    p++;
  p++;
  int depth = 0;
  base_span ignored;
  while (p < end && (*p != ']' || p[1] != '}')) {
    if (p[0] == '[' && p[1] == '"') {
      check_element(&p, end);
      FUZZ_CHECK(++depth <= WC_MARKDOWN_DEPTH);
    } else if (*p == '0') {
      FUZZ_CHECK(depth-- > 0);
      p++;
    } else if (*p == '"') {
      p = text_end(p + 1, end, &ignored);
    } else {
      FUZZ_CHECK(*p == ',' || ((*p == '[' || *p == ']') && depth == 0));
      p++;
    }
  }
  FUZZ_CHECK(depth == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wc_markdown *grown = wc_markdown_new(), *whole = wc_markdown_new();
  FUZZ_CHECK(grown && whole);
  base_buf out, again;
  base_buf_init(&out, 8 << 20);
  base_buf_init(&again, 8 << 20);
  for (size_t n = size / 4; n < size && n > 0; n += size / 4) {
    (void)!base_is_ok(wc_markdown_render(grown, base_span_of(data, n), 9, &out));
    base_buf_clear(&out);
  }
  base_err a = wc_markdown_render(whole, base_span_of(data, size), 9, &out);
  base_err b = wc_markdown_render(grown, base_span_of(data, size), 9, &again);
  FUZZ_CHECK(a.code == b.code);
  if (base_is_ok(a)) {
    check_blocks(base_buf_span(&out));
    base_buf_clear(&again);
    wc_markdown_reset(grown);
    FUZZ_OK(wc_markdown_render(grown, base_span_of(data, size), 9, &again));
    FUZZ_CHECK(base_span_eq(base_buf_span(&out), base_buf_span(&again)));
  }
  base_buf_dispose(&out);
  base_buf_dispose(&again);
  wc_markdown_free(grown);
  wc_markdown_free(whole);
  return 0;
}
