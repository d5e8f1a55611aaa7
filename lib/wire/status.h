/* status.h - the end of a call: gRPC status code, message, trailers; and the forms it takes on the wire.
 *
 * The caller holds a wire_status (init/dispose), which owns its bytes. Pure; not shared between threads. No pointer may
 * be NULL. Sources: grpc/grpc doc/PROTOCOL-HTTP2.md ("Status-Message": percent-encoding), doc/PROTOCOL-WEB.md (trailer
 * frame: an HTTP/1.1 header block without the last empty line), doc/http-grpc-status-mapping.md. */
#ifndef PONTE_WIRE_STATUS_H
#define PONTE_WIRE_STATUS_H

#include "wire/metadata.h"

enum { WIRE_STATUS_MESSAGE_MAX = 8192 };

/* `message` is well-formed UTF-8, not encoded, at most WIRE_STATUS_MESSAGE_MAX bytes; the setters below write it. */
typedef struct {
  int code; /* gRPC status code 0..16; others are kept as they came */
  base_buf message;
  wire_metadata trailers; /* without grpc-status and grpc-message; with grpc-status-details-bin */
} wire_status;

void wire_status_init(wire_status *s);
void wire_status_dispose(wire_status *s);
/* Replace code and message; trailers stay. A call's end must always be told, so these cannot fail: a long message is
 * cut between characters, malformed UTF-8 becomes U+FFFD, and a message that does not fit into memory becomes empty. */
void wire_status_set_span(wire_status *s, int code, base_span message);
void wire_status_set(wire_status *s, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Code and text from the table of err.h. */
void wire_status_from_err(wire_status *s, base_err e);

/* grpc-message: bytes outside 0x20-0x7e, '%' and blanks at both ends become %XX. A bad escape is kept as it stands when
 * decoding, and the result may be malformed UTF-8: only the buffer's ceiling and memory can fail. On failure *out is
 * unchanged. */
base_err wire_status_message_encode(base_span message, base_buf *out) BASE_MUST_USE;
base_err wire_status_message_decode(base_span text, base_buf *out) BASE_MUST_USE;

/* The header block "grpc-status: 0\r\ngrpc-message: ...\r\nkey: value\r\n" of a gRPC-Web trailer frame (without the
 * frame's head); on failure *out is unchanged. Decoding replaces what *out held, and fails with MALFORMED on lines
 * without a colon, on a missing, repeated or non-numeric grpc-status, on bad bytes; with TOO_LARGE on trailers beyond
 * the limits of metadata.h; then *out is cleared. Lower- and upper-case names, "\n" line ends, a missing or a second
 * last line end and missing blanks after the colon are accepted, as peers send them. */
base_err wire_trailers_encode(const wire_status *s, base_buf *out) BASE_MUST_USE;
base_err wire_trailers_decode(base_span block, wire_status *out) BASE_MUST_USE;

/* gRPC status for an HTTP status that came without grpc-status. */
int wire_status_of_http(int http_status);

/* grpc-timeout: 1-8 digits and a unit H M S m u n. Decoding rounds up to ms; MALFORMED otherwise; 0 is a deadline that
 * has passed, not "none". Encoding writes the value exactly in ms where it fits, else rounded up in the first of S, M,
 * H that holds it (at most 99999999H). ms >= 0. */
base_err wire_timeout_decode(base_span text, int64_t *ms) BASE_MUST_USE;
void wire_timeout_encode(int64_t ms, char out[16]);

#endif
