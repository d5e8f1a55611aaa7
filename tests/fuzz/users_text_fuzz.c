/* Names and queries from a caller: what is folded is UTF-8 and stays as it is when it is folded again, clean names stay clean, and a pattern of LIKE has no wildcard
 * but the two around it. */
#include "fuzz.h"

#include "users/domain.h"

enum { TEXT_MAX = 800 }; /* bytes of the 200 code points that the .proto allows */

static void fold(base_span text) {
  base_buf once, twice;
  base_buf_init(&once, USERS_FOLDED_MAX);
  base_buf_init(&twice, USERS_FOLDED_MAX);
  base_err e = users_fold(text, &once);
  FUZZ_CHECK(base_is_ok(e) == base_span_utf8(text));
  if (base_is_ok(e)) {
    FUZZ_CHECK(base_span_utf8(base_buf_span(&once)));
    FUZZ_OK(users_fold(base_buf_span(&once), &twice));
    FUZZ_CHECK(base_span_eq(base_buf_span(&once), base_buf_span(&twice)));
  }
  base_buf_dispose(&once);
  base_buf_dispose(&twice);
}

static void clean(const char *text) {
  base_span name, again;
  if (users_clean_name(text, &name).reason) return;
  FUZZ_CHECK(name.n && base_span_utf8(name) && name.p >= (const uint8_t *)text);
  for (size_t i = 0; i < name.n; i++)
    FUZZ_CHECK(name.p[i] >= ' ' && name.p[i] != 0x7F);
  char copy[TEXT_MAX + 1] = "";
  memcpy(copy, name.p, name.n);
  FUZZ_CHECK(!users_clean_name(copy, &again).reason && again.n == name.n);
}

static void pattern(const char *text) {
  base_buf out;
  base_buf_init(&out, 2 * USERS_FOLDED_MAX + 2);
  if (base_is_ok(users_search_pattern(text, &out))) {
    base_span s = base_buf_span(&out);
    FUZZ_CHECK(s.n >= 1 && s.n != 2 && s.p[0] == '%' && s.p[s.n - 1] == '%');
    for (size_t i = 1; i + 1 < s.n; i++) {
      FUZZ_CHECK(s.p[i] != '%' && s.p[i] != '_');
      i += s.p[i] == '!';
      FUZZ_CHECK(i + 1 < s.n);
    }
  }
  base_buf_dispose(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char text[TEXT_MAX + 1] = "";
  if (size > TEXT_MAX) return 0;
  if (size) memcpy(text, data, size);
  text[size] = '\0'; /* a NUL within ends it: strings of messages have none */
  fold(base_span_str(text));
  clean(text);
  pattern(text);
  return 0;
}
