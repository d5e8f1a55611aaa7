/* Text from a peer: whatever comes in, what goes out is well-formed, and well-formed text goes through as it is. */
#include "fuzz.h"

#include "base/buf.h"

static void utf8(base_span in) {
  base_buf out;
  base_buf_init(&out, in.n * 3 + 1);
  FUZZ_OK(base_buf_utf8(&out, in));
  FUZZ_CHECK(base_span_utf8(base_buf_span(&out)));
  FUZZ_CHECK(base_span_utf8(in) == base_span_eq(in, base_buf_span(&out)));
  base_buf_dispose(&out);
}

/* Between its quotes a JSON string has no control byte and no quote that no backslash escapes. */
static void json(base_span in) {
  base_buf out;
  base_buf_init(&out, in.n * 6 + 2);
  FUZZ_OK(base_buf_json(&out, in));
  base_span s = base_buf_span(&out);
  FUZZ_CHECK(s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' && base_span_utf8(s));
  for (size_t i = 1; i + 1 < s.n; i++) {
    FUZZ_CHECK(s.p[i] >= 0x20 && s.p[i] != 0x7f && s.p[i] != '"');
    i += s.p[i] == '\\';
    FUZZ_CHECK(i + 1 < s.n);
  }
  base_buf_dispose(&out);
}

static void varint(base_span in) {
  base_cursor c = base_cursor_of(in);
  base_buf out;
  uint32_t v = base_cursor_varint(&c);
  if (c.failed) {
    FUZZ_CHECK(v == 0);
    return;
  }
  base_buf_init(&out, 5);
  FUZZ_OK(base_buf_varint(&out, v));
  FUZZ_CHECK(base_span_eq(base_buf_span(&out), base_span_of(in.p, in.n - base_cursor_left(&c))));
  base_buf_dispose(&out);
}

static void number(base_span in) {
  uint64_t v = 0;
  char text[32];
  if (!base_span_u64(in, &v)) {
    return;
  }
  while (in.n > 1 && in.p[0] == '0') {
    in = base_span_of(in.p + 1, in.n - 1);
  }
  snprintf(text, sizeof text, "%llu", (unsigned long long)v);
  FUZZ_CHECK(base_span_is(in, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_span in = base_span_of(data, size);
  utf8(in);
  json(in);
  varint(in);
  number(in);
  return 0;
}
