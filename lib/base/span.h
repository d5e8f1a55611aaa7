/* span.h - borrowed bytes, and the one cursor that parsers read them with.
 *
 * A base_span never owns; it is valid as long as what it points into. {NULL, 0} is the empty span. A base_cursor
 * reads integers big-endian and checks the end on each step: a read past the end fails, sets `failed`, and every
 * later read fails too, so that a parser may read a whole header and test once. Pure; any thread.
 */
#ifndef PONTE_BASE_SPAN_H
#define PONTE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  const uint8_t *p;
  size_t n;
} base_span;

static inline base_span base_span_of(const void *p, size_t n) { return (base_span){(const uint8_t *)p, n}; }
static inline base_span base_span_str(const char *s) { return (base_span){(const uint8_t *)s, strlen(s)}; }
static inline bool base_span_eq(base_span a, base_span b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool base_span_is(base_span a, const char *s) { return base_span_eq(a, base_span_str(s)); }
/* ASCII case-insensitive. */
bool base_span_ieq(base_span a, base_span b);
/* True if `a` begins with / ends with the text. */
bool base_span_starts(base_span a, const char *prefix);
bool base_span_ends(base_span a, const char *suffix);
/* Without leading and trailing spaces and tabs (RFC 9110 OWS). */
base_span base_span_trim(base_span a);
/* Decimal digits only, no sign, at least one digit; false on anything else or on overflow. */
bool base_span_u64(base_span a, uint64_t *out);
/* Whether one of the words between separators is that word, which may not be empty. */
bool base_span_has_word(base_span words, char separator, base_span word);
/* Of a hexadecimal digit, either case; -1 for any other byte. */
int base_hex_value(uint8_t c);
/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool base_span_utf8(base_span a);

/* For printf("%.*s", BASE_SPAN_ARG(s)); an empty span may hold NULL, which printf may not get. */
#define BASE_SPAN_ARG(s) (int)(s).n, (s).n ? (const char *)(s).p : ""

typedef struct {
  const uint8_t *p, *end;
  bool failed;
} base_cursor;

static inline base_cursor base_cursor_of(base_span s) { return (base_cursor){s.p, s.p ? s.p + s.n : s.p, false}; }
static inline size_t base_cursor_left(const base_cursor *c) { return (size_t)(c->end - c->p); }
uint8_t base_cursor_u8(base_cursor *c);
uint16_t base_cursor_u16(base_cursor *c);
uint32_t base_cursor_u24(base_cursor *c);
uint32_t base_cursor_u32(base_cursor *c);
uint64_t base_cursor_u64(base_cursor *c);
/* Unsigned LEB128, at most 5 bytes and 32 bits, shortest form only (one value has one encoding). */
uint32_t base_cursor_varint(base_cursor *c);
/* Protocol buffers' varint: up to ten bytes and 64 bits, not always the shortest form. */
uint64_t base_cursor_varint64(base_cursor *c);
/* The next n bytes, borrowed. */
base_span base_cursor_bytes(base_cursor *c, size_t n);

#endif
