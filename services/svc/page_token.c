#include "svc/page_token.h"

#include "wire/metadata.h"

enum { VERSION = 1, HEAD = 1 + SVC_PAGE_FILTER_SIZE, RAW_MAX = HEAD + SVC_PAGE_KEY_MAX };

/* base64url (RFC 4648 section 5) is base64 with two other letters. */
static void swap_letters(uint8_t *p, size_t n, const char *from, const char *to) {
  for (size_t i = 0; i < n; i++) {
    const char *at = memchr(from, p[i], 2);
    p[i] = at ? (uint8_t)to[at - from] : p[i];
  }
}

base_err svc_page_token_encode(const uint8_t filter[SVC_PAGE_FILTER_SIZE], base_span key, base_buf *out) {
  uint8_t raw[RAW_MAX] = {VERSION};
  size_t before = base_buf_size(out);
  if (key.n > SVC_PAGE_KEY_MAX) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  memcpy(raw + 1, filter, SVC_PAGE_FILTER_SIZE);
  if (key.n > 0) {
    memcpy(raw + HEAD, key.p, key.n);
  }
  BASE_TRY(wire_base64_encode(base_span_of(raw, HEAD + key.n), out));
  swap_letters(out->data + out->start + before, base_buf_size(out) - before, "+/", "-_");
  return BASE_OK;
}

base_err svc_page_token_decode(base_span token, uint8_t filter[SVC_PAGE_FILTER_SIZE], base_buf *key) {
  uint8_t text[SVC_PAGE_TOKEN_MAX];
  base_buf raw;
  if (token.n == 0 || token.n > sizeof text || memchr(token.p, '+', token.n) || memchr(token.p, '/', token.n) ||
      memchr(token.p, '=', token.n)) {
    return base_fail(BASE_E_MALFORMED);
  }
  memcpy(text, token.p, token.n);
  swap_letters(text, token.n, "-_", "+/");
  base_buf_init(&raw, RAW_MAX);
  base_err e = wire_base64_decode(base_span_of(text, token.n), &raw);
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
