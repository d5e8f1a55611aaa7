/* web_text.h - the text form of gRPC-Web (application/grpc-web-text): base64 (RFC 4648 section 4) over runs of gRPC-Web frames.
 *
 * A body is any number of base64 runs, each padded, one behind the other, so padding may stand behind any group of four (grpc/grpc doc/PROTOCOL-WEB.md, "Protocol
 * differences": a sender pads whenever it needs to flush). The decoder is a pure push parser over any split of the input. Not shared between threads; no pointer may be
 * NULL.
 */
#ifndef PONTE_WIRE_WEB_TEXT_H
#define PONTE_WIRE_WEB_TEXT_H

#include "base/buf.h"

/* Zeroed at the start of a body. */
typedef struct {
  uint32_t bits;   /* of the group under way */
  uint8_t have;    /* characters of it: 0..3 */
  uint8_t padding; /* of these, '=' */
} wire_web_text_decoder;

/* Appends what the characters stand for. MALFORMED: another character, padding elsewhere, spare bits that are not zero; then *out may have grown, and the
 * decoder must not be used again. Otherwise the errors of base_buf_append, with *out and the decoder unchanged. */
base_err wire_web_text_decode(wire_web_text_decoder *d, base_span text, base_buf *out) BASE_MUST_USE;
/* Between groups: an end of input here is clean, anywhere else it is a truncation. */
bool wire_web_text_at_rest(const wire_web_text_decoder *d);
/* Appends the bytes as one run, padded; on failure *out is unchanged. */
base_err wire_web_text_encode(base_span raw, base_buf *out) BASE_MUST_USE;

#endif
