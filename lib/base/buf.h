/* buf.h - a growing byte buffer with a ceiling, consumed from the front.
 *
 * Every buffer names its ceiling when it is made: no peer can make it grow without bound. An append that would pass
 * the ceiling fails with TOO_LARGE and changes nothing; one without memory fails with NO_MEMORY and changes nothing.
 * The caller holds the struct (init/dispose). Not shared between threads.
 */
#ifndef PONTE_BASE_BUF_H
#define PONTE_BASE_BUF_H

#include "base/err.h"
#include "base/span.h"

typedef struct {
  uint8_t *data; /* NULL until the first append */
  size_t start;  /* consumed bytes at the front */
  size_t end;    /* start <= end <= cap, end - start <= ceiling */
  size_t cap;    /* at most ceiling, and one byte for the NUL of base_buf_printf */
  size_t ceiling;
} base_buf;

/* No allocation happens before the first append. */
void base_buf_init(base_buf *b, size_t ceiling_bytes);
/* Frees the memory; the buffer is then as after init. */
void base_buf_dispose(base_buf *b);

static inline size_t base_buf_size(const base_buf *b) { return b->end - b->start; }
static inline size_t base_buf_room(const base_buf *b) { return b->ceiling - base_buf_size(b); }
/* The bytes held; valid until the next call that changes the buffer. */
static inline base_span base_buf_span(const base_buf *b) {
  return b->data ? base_span_of(b->data + b->start, b->end - b->start) : base_span_of(NULL, 0);
}

base_err base_buf_append(base_buf *b, base_span s) BASE_MUST_USE;
base_err base_buf_str(base_buf *b, const char *s) BASE_MUST_USE;
base_err base_buf_printf(base_buf *b, const char *fmt, ...) BASE_MUST_USE __attribute__((format(printf, 2, 3)));
/* Big-endian integers and the varint of span.h. */
base_err base_buf_u8(base_buf *b, uint8_t v) BASE_MUST_USE;
base_err base_buf_u16(base_buf *b, uint16_t v) BASE_MUST_USE;
base_err base_buf_u24(base_buf *b, uint32_t v) BASE_MUST_USE;
base_err base_buf_u32(base_buf *b, uint32_t v) BASE_MUST_USE;
base_err base_buf_u64(base_buf *b, uint64_t v) BASE_MUST_USE;
base_err base_buf_varint(base_buf *b, uint32_t v) BASE_MUST_USE;
/* Text in which each malformed UTF-8 byte is replaced by U+FFFD. */
base_err base_buf_utf8(base_buf *b, base_span text) BASE_MUST_USE;
/* A JSON string (RFC 8259) with its quotes; malformed UTF-8 becomes U+FFFD. */
base_err base_buf_json(base_buf *b, base_span text) BASE_MUST_USE;
/* Room for n more bytes at *out, to be written by the caller and then added with base_buf_commit(). */
base_err base_buf_reserve(base_buf *b, size_t n, uint8_t **out) BASE_MUST_USE;
void base_buf_commit(base_buf *b, size_t n);
/* Drops n <= size bytes from the front. An emptied buffer keeps its memory; base_buf_clear keeps it too. */
void base_buf_consume(base_buf *b, size_t n);
void base_buf_clear(base_buf *b);
/* Cuts the buffer back to its first `size` bytes; used to undo a half-written frame. */
void base_buf_truncate(base_buf *b, size_t size);
/* Gives the memory back if nothing is held: idle connections must cost nothing. */
void base_buf_shrink(base_buf *b);

#endif
