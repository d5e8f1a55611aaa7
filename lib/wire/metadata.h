/* metadata.h - gRPC metadata: an ordered list of (key, value) pairs, keys in lower case, repeated keys allowed.
 *
 * Values of keys ending in "-bin" are held raw here, whatever the transport; base64 is put on and taken off at the
 * HTTP border (grpc/grpc doc/PROTOCOL-HTTP2.md, "Custom-Metadata"). The list owns its bytes; the caller holds the
 * struct. Not shared between threads. No pointer may be NULL.
 */
#ifndef PONTE_WIRE_METADATA_H
#define PONTE_WIRE_METADATA_H

#include "base/buf.h"

enum { WIRE_METADATA_MAX_PAIRS = 128, WIRE_METADATA_MAX_BYTES = 16384 };

typedef struct {
  base_span key, value;
} wire_pair;

typedef struct {
  struct {
    uint32_t key_at, key_n, value_at, value_n; /* offsets into bytes: it may move when it grows */
  } * pairs;
  uint32_t count, cap;
  base_buf bytes;
} wire_metadata;

void wire_metadata_init(wire_metadata *m);
void wire_metadata_dispose(wire_metadata *m);
void wire_metadata_clear(wire_metadata *m);
/* Copies both; on failure the list is as before. Errors: INVALID (a key or value not allowed by PROTOCOL-HTTP2.md: keys
 * [0-9a-z_.-]+, text values printable ASCII 0x20-0x7e; "-bin" values any bytes), TOO_LARGE (pairs or bytes above the
 * limits), NO_MEMORY. */
base_err wire_metadata_add(wire_metadata *m, base_span key, base_span value) BASE_MUST_USE;
base_err wire_metadata_add_str(wire_metadata *m, const char *key, const char *value) BASE_MUST_USE;
/* Appends all pairs of `from`, which is another list; on failure those that came before the failing one are there. */
base_err wire_metadata_merge(wire_metadata *m, const wire_metadata *from) BASE_MUST_USE;
/* Pair i < count; spans are valid until the list changes. */
wire_pair wire_metadata_at(const wire_metadata *m, uint32_t i);
/* The first value of the key; false if there is none. */
bool wire_metadata_get(const wire_metadata *m, const char *key, base_span *value);
bool wire_metadata_is_binary(base_span key);

/* The HTTP border. Adds one HTTP header: the name's case is folded, blanks around the value are dropped, and a "-bin"
 * value is a comma-separated list of base64 values, each of which becomes a pair. Errors as of wire_metadata_add; bad
 * base64 is INVALID. Reserved headers (grpc-*, content-type, connection headers) are the caller's to drop. */
base_err wire_metadata_add_header(wire_metadata *m, base_span name, base_span value) BASE_MUST_USE;
/* Appends the pair's value as a header carries it: base64 for "-bin", else as it is. */
base_err wire_metadata_header_value(wire_pair pair, base_buf *out) BASE_MUST_USE;

/* The form of ponte.v1 (docs/protocol.md, "Metadata"): varint count, then (varint n, key, varint n, value)... On
 * failure *out is unchanged. */
base_err wire_metadata_encode(const wire_metadata *m, base_buf *out) BASE_MUST_USE;
/* Adds the decoded pairs to *m. MALFORMED on truncation; INVALID and TOO_LARGE as above. On failure the pairs before
 * the bad one are there. */
base_err wire_metadata_decode(base_cursor *c, wire_metadata *m) BASE_MUST_USE;

/* base64 (RFC 4648 section 4) with and without padding is accepted; it is written without (PROTOCOL-HTTP2.md).
 * MALFORMED on other bytes, on a length no encoder makes and on spare bits that are not zero; on failure *out is
 * unchanged. */
base_err wire_base64_encode(base_span raw, base_buf *out) BASE_MUST_USE;
base_err wire_base64_decode(base_span text, base_buf *out) BASE_MUST_USE;
/* base64url (RFC 4648 section 5) without padding, which is refused; otherwise the same. */
base_err wire_base64url_encode(base_span raw, base_buf *out) BASE_MUST_USE;
base_err wire_base64url_decode(base_span text, base_buf *out) BASE_MUST_USE;

#endif
