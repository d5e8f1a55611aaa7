/* Page tokens as clients send them: what is taken has one form, and its key is text. */
#include "fuzz.h"

#include "svc/page_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t filter[SVC_PAGE_FILTER_SIZE];
  base_buf key, again;
  base_buf_init(&key, SVC_PAGE_KEY_MAX);
  base_buf_init(&again, SVC_PAGE_TOKEN_MAX);
  base_err e = svc_page_token_decode(base_span_of(data, size), filter, &key);
  if (base_is_ok(e)) {
    base_span text = base_buf_span(&key);
    FUZZ_CHECK(base_span_utf8(text) && (text.n == 0 || memchr(text.p, 0, text.n) == NULL));
    FUZZ_OK(svc_page_token_encode(filter, text, &again));
    FUZZ_CHECK(base_span_eq(base_buf_span(&again), base_span_of(data, size)));
  } else {
    FUZZ_CHECK(base_is(e, BASE_E_MALFORMED) && base_buf_size(&key) == 0);
  }
  base_buf_dispose(&key);
  base_buf_dispose(&again);
  return 0;
}
