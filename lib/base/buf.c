#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BYTES = 256 };

void base_buf_init(base_buf *b, size_t ceiling_bytes) {
  *b = (base_buf){.ceiling = ceiling_bytes < SIZE_MAX ? ceiling_bytes : SIZE_MAX - 1}; /* one is lent to printf's NUL */
}

void base_buf_dispose(base_buf *b) {
  free(b->data);
  base_buf_init(b, b->ceiling);
}

base_err base_buf_reserve(base_buf *b, size_t n, uint8_t **out) {
  size_t size = base_buf_size(b);
  if (n > b->ceiling - size) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  assert(b->data != NULL || b->cap == 0);
  if (n > b->cap - b->end) {
    if (b->data != NULL && b->start > 0) {
      memmove(b->data, b->data + b->start, size);
      b->start = 0;
      b->end = size;
    }
    if (n > b->cap - size) {
      size_t cap = b->cap ? b->cap : FIRST_BYTES;
      while (cap < size + n) {
        cap = cap > b->ceiling / 2 ? b->ceiling : cap * 2;
      }
      cap = cap < b->ceiling ? cap : b->ceiling;
      uint8_t *grown = realloc(b->data, cap);
      if (grown == NULL) {
        return base_fail(BASE_E_NO_MEMORY);
      }
      b->data = grown;
      b->cap = cap;
    }
  }
  assert(b->data != NULL || n == 0);
  *out = b->data ? b->data + b->end : NULL;
  return BASE_OK;
}

void base_buf_commit(base_buf *b, size_t n) {
  assert(n <= b->cap - b->end);
  b->end += n;
}

base_err base_buf_append(base_buf *b, base_span s) {
  uint8_t *at = NULL;
  if (s.n == 0) {
    return BASE_OK;
  }
  BASE_TRY(base_buf_reserve(b, s.n, &at));
  memcpy(at, s.p, s.n);
  base_buf_commit(b, s.n);
  return BASE_OK;
}

base_err base_buf_str(base_buf *b, const char *s) { return base_buf_append(b, base_span_str(s)); }

base_err base_buf_printf(base_buf *b, const char *fmt, ...) {
  va_list ap;
  uint8_t *at = NULL;
  va_start(ap, fmt);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  if (n < 0) {
    return base_fail(BASE_E_INTERNAL);
  }
  /* One more for vsnprintf's NUL, which is not committed; the ceiling is lifted by it so that a text may just fit. */
  if ((size_t)n > base_buf_room(b)) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  b->ceiling++;
  base_err e = base_buf_reserve(b, (size_t)n + 1, &at);
  b->ceiling--;
  BASE_TRY(e);
  va_start(ap, fmt);
  vsnprintf((char *)at, (size_t)n + 1, fmt, ap);
  va_end(ap);
  base_buf_commit(b, (size_t)n);
  return BASE_OK;
}

static base_err big_endian(base_buf *b, uint64_t v, size_t n) {
  uint8_t *at = NULL;
  BASE_TRY(base_buf_reserve(b, n, &at));
  for (size_t i = 0; i < n; i++) {
    at[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
  }
  base_buf_commit(b, n);
  return BASE_OK;
}

base_err base_buf_u8(base_buf *b, uint8_t v) { return big_endian(b, v, 1); }
base_err base_buf_u16(base_buf *b, uint16_t v) { return big_endian(b, v, 2); }
base_err base_buf_u24(base_buf *b, uint32_t v) { return big_endian(b, v, 3); }
base_err base_buf_u32(base_buf *b, uint32_t v) { return big_endian(b, v, 4); }
base_err base_buf_u64(base_buf *b, uint64_t v) { return big_endian(b, v, 8); }

base_err base_buf_varint(base_buf *b, uint32_t v) {
  uint8_t bytes[5];
  size_t n = 0;
  while (v >= 0x80) {
    bytes[n++] = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  bytes[n++] = (uint8_t)v;
  return base_buf_append(b, base_span_of(bytes, n));
}

static const char *json_escape(uint8_t c) {
  switch (c) {
  case '"': return "\\\"";
  case '\\': return "\\\\";
  case '\n': return "\\n";
  case '\r': return "\\r";
  case '\t': return "\\t";
  default: return NULL;
  }
}

/* Length of the UTF-8 sequence at the front, or 0 if it is malformed. */
static size_t utf8_front(base_span s) {
  for (size_t n = 1; n <= 4 && n <= s.n; n++) {
    if (base_span_utf8(base_span_of(s.p, n))) {
      return n;
    }
  }
  return 0;
}

/* Takes one character off the front; *bad if it is a byte that belongs to none. */
static base_span next_char(base_span *text, bool *bad) {
  size_t n = utf8_front(*text);
  base_span c = base_span_of(text->p, n ? n : 1);
  *bad = n == 0;
  text->p += c.n;
  text->n -= c.n;
  return *bad ? base_span_str("\xef\xbf\xbd") : c;
}

static base_err append_utf8(base_buf *b, base_span text) {
  while (text.n > 0) {
    bool bad = false;
    BASE_TRY(base_buf_append(b, next_char(&text, &bad)));
  }
  return BASE_OK;
}

base_err base_buf_utf8(base_buf *b, base_span text) {
  size_t before = base_buf_size(b);
  base_err e = base_span_utf8(text) ? base_buf_append(b, text) : append_utf8(b, text);
  if (!base_is_ok(e)) {
    base_buf_truncate(b, before);
  }
  return e;
}

static base_err json_char(base_buf *b, base_span *text) {
  bool bad = false;
  base_span c = next_char(text, &bad);
  const char *escape = json_escape(c.p[0]);
  if (escape) {
    return base_buf_str(b, escape);
  }
  if (c.p[0] < 0x20 || c.p[0] == 0x7f) {
    return base_buf_printf(b, "\\u%04x", c.p[0]);
  }
  return base_buf_append(b, c);
}

/* How many bytes at the front stand for themselves. */
static size_t json_plain(base_span text) {
  size_t n = 0;
  while (n < text.n && text.p[n] >= 0x20 && text.p[n] < 0x7f && text.p[n] != '"' && text.p[n] != '\\') {
    n++;
  }
  return n;
}

static base_err append_json(base_buf *b, base_span text) {
  BASE_TRY(base_buf_u8(b, '"'));
  while (text.n > 0) {
    size_t n = json_plain(text);
    BASE_TRY(n > 0 ? base_buf_append(b, base_span_of(text.p, n)) : json_char(b, &text));
    text = base_span_of(text.p + n, text.n - n);
  }
  return base_buf_u8(b, '"');
}

base_err base_buf_json(base_buf *b, base_span text) {
  size_t before = base_buf_size(b);
  base_err e = append_json(b, text);
  if (!base_is_ok(e)) {
    base_buf_truncate(b, before);
  }
  return e;
}

void base_buf_consume(base_buf *b, size_t n) {
  assert(n <= base_buf_size(b));
  b->start += n;
  if (b->start == b->end) {
    b->start = b->end = 0;
  }
}

void base_buf_clear(base_buf *b) { b->start = b->end = 0; }

void base_buf_truncate(base_buf *b, size_t size) {
  assert(size <= base_buf_size(b));
  b->end = b->start + size;
}

void base_buf_shrink(base_buf *b) {
  if (base_buf_size(b) == 0) {
    base_buf_dispose(b);
  }
}
