#include "wire/status.h"

#include <stdarg.h>
#include <stdio.h>

/* More of a message than this cannot survive the cut, since replacing bytes only lengthens it; with one character to
 * spare, so that no character is split before the cut. */
enum { KEPT = WIRE_STATUS_MESSAGE_MAX + 4, KEPT_AS_UTF8 = KEPT * 3 /* U+FFFD has three bytes */ };

void wire_status_init(wire_status *s) {
  s->code = 0;
  base_buf_init(&s->message, WIRE_STATUS_MESSAGE_MAX);
  wire_metadata_init(&s->trailers);
}

void wire_status_dispose(wire_status *s) {
  base_buf_dispose(&s->message);
  wire_metadata_dispose(&s->trailers);
  s->code = 0;
}

/* The longest front of well-formed UTF-8 text that has at most n bytes. */
static base_span cut(base_span text, size_t n) {
  if (text.n <= n) {
    return text;
  }
  while (n > 0 && (text.p[n] & 0xc0) == 0x80) {
    n--;
  }
  return base_span_of(text.p, n);
}

void wire_status_set_span(wire_status *s, int code, base_span message) {
  base_buf clean;
  s->code = code;
  message.n = message.n < KEPT ? message.n : KEPT;
  base_buf_init(&clean, KEPT_AS_UTF8);
  base_err e = base_buf_utf8(&clean, message);
  base_buf_clear(&s->message);
  e = base_is_ok(e) ? base_buf_append(&s->message, cut(base_buf_span(&clean), WIRE_STATUS_MESSAGE_MAX)) : e;
  if (!base_is_ok(e)) {
    base_buf_clear(&s->message);
  }
  base_buf_dispose(&clean);
}

void wire_status_set(wire_status *s, int code, const char *fmt, ...) {
  base_buf text;
  uint8_t *at = NULL;
  va_list ap;
  va_start(ap, fmt);
  base_buf_init(&text, KEPT + 1);
  if (base_is_ok(base_buf_reserve(&text, KEPT + 1, &at))) {
    int n = vsnprintf((char *)at, KEPT + 1, fmt, ap);
    base_buf_commit(&text, n < 0 ? 0 : n < KEPT ? (size_t)n : KEPT);
  }
  va_end(ap);
  wire_status_set_span(s, code, base_buf_span(&text));
  base_buf_dispose(&text);
}

void wire_status_from_err(wire_status *s, base_err e) {
  wire_status_set_span(s, base_err_grpc(e), base_span_str(base_err_text(e)));
}

static base_err encode_message(base_span message, base_buf *out) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < message.n; i++) {
    uint8_t c = message.p[i];
    bool at_edge = i == 0 || i + 1 == message.n; /* HTTP takes blanks off both ends of a value (RFC 9110 section 5.5) */
    if (c >= 0x20 && c <= 0x7e && c != '%' && !(c == ' ' && at_edge)) {
      BASE_TRY(base_buf_u8(out, c));
    } else {
      const uint8_t escape[3] = {'%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
      BASE_TRY(base_buf_append(out, base_span_of(escape, sizeof escape)));
    }
  }
  return BASE_OK;
}

base_err wire_status_message_encode(base_span message, base_buf *out) {
  size_t before = base_buf_size(out);
  base_err e = encode_message(message, out);
  if (!base_is_ok(e)) {
    base_buf_truncate(out, before);
  }
  return e;
}

base_err wire_status_message_decode(base_span text, base_buf *out) {
  uint8_t *at = NULL;
  size_t n = 0;
  BASE_TRY(base_buf_reserve(out, text.n, &at));
  for (size_t i = 0; i < text.n; n++) {
    bool escape =
        text.p[i] == '%' && text.n - i > 2 && base_hex_value(text.p[i + 1]) >= 0 && base_hex_value(text.p[i + 2]) >= 0;
    at[n] = escape ? (uint8_t)(base_hex_value(text.p[i + 1]) << 4 | base_hex_value(text.p[i + 2])) : text.p[i];
    i += escape ? 3 : 1;
  }
  base_buf_commit(out, n);
  return BASE_OK;
}

int wire_status_of_http(int http_status) {
  static const struct {
    int http, grpc;
  } rows[] = {{400, 13}, {401, 16}, {403, 7}, {404, 12}, {429, 14}, {502, 14}, {503, 14}, {504, 14}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].http == http_status) {
      return rows[i].grpc;
    }
  }
  return 2; /* UNKNOWN */
}
