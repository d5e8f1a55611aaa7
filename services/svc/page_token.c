#include "svc/page_token.h"

#include "wire/metadata.h"

enum { VERSION = 1, HEAD = 1 + SVC_PAGE_FILTER_SIZE, RAW_MAX = HEAD + SVC_PAGE_KEY_MAX };

base_err svc_page_token_encode(const uint8_t filter[SVC_PAGE_FILTER_SIZE], base_span key, base_buf *out) {
  uint8_t raw[RAW_MAX] = {VERSION};
  if (key.n > SVC_PAGE_KEY_MAX) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  memcpy(raw + 1, filter, SVC_PAGE_FILTER_SIZE);
  if (key.n > 0) {
    memcpy(raw + HEAD, key.p, key.n);
  }
  return wire_base64url_encode(base_span_of(raw, HEAD + key.n), out);
}

base_err svc_page_token_decode(base_span token, uint8_t filter[SVC_PAGE_FILTER_SIZE], base_buf *key) {
  base_buf raw;
  if (token.n == 0 || token.n > SVC_PAGE_TOKEN_MAX) {
    return base_fail(BASE_E_MALFORMED);
  }
  base_buf_init(&raw, RAW_MAX);
  base_err e = wire_base64url_decode(token, &raw);
  base_cursor c = base_cursor_of(base_buf_span(&raw));
  uint8_t version = base_cursor_u8(&c);
  base_span hash = base_cursor_bytes(&c, SVC_PAGE_FILTER_SIZE);
  base_span rest = base_cursor_bytes(&c, base_cursor_left(&c));
  if (base_is_ok(e) &&
      (c.failed || version != VERSION || !base_span_utf8(rest) || (rest.n && memchr(rest.p, 0, rest.n)))) {
    e = base_fail(BASE_E_MALFORMED);
  }
  if (base_is_ok(e)) {
    memcpy(filter, hash.p, hash.n);
    e = base_buf_append(key, rest);
  }
  base_buf_dispose(&raw);
  return base_is(e, BASE_E_NO_MEMORY) ? e : base_is_ok(e) ? e : base_fail(BASE_E_MALFORMED);
}
