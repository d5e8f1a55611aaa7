/* status.h - the end of a call: gRPC status code, message, trailers; and the forms it takes on the wire.
 * Sources: grpc/grpc doc/PROTOCOL-HTTP2.md ("Status-Message": percent-encoding), doc/PROTOCOL-WEB.md (trailer frame:
 * an HTTP/1.1 header block without the last empty line), doc/http-grpc-status-mapping.md. */
#ifndef PONTE_WIRE_STATUS_H
#define PONTE_WIRE_STATUS_H

#include "wire/metadata.h"

typedef struct {
  int code;               /* gRPC status code 0..16; others are kept as they came */
  base_buf message;       /* UTF-8, not encoded */
  wire_metadata trailers; /* without grpc-status and grpc-message; with grpc-status-details-bin */
} wire_status;

void wire_status_init(wire_status *s);
void wire_status_dispose(wire_status *s);
/* Replaces code and message; a message that does not fit into memory becomes empty. Trailers stay. */
void wire_status_set(wire_status *s, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Code and text from the table of err.h. */
void wire_status_from_err(wire_status *s, base_err e);

/* grpc-message: bytes outside 0x20-0x7e and '%' become %XX. Decoding never fails: a bad escape is kept as it stands. */
base_err wire_status_message_encode(base_span message, base_buf *out) BASE_MUST_USE;
base_err wire_status_message_decode(base_span text, base_buf *out) BASE_MUST_USE;

/* The header block "grpc-status: 0\r\ngrpc-message: ...\r\nkey: value\r\n" of a gRPC-Web trailer frame (without the
 * frame's head). Decoding fails with MALFORMED on lines without a colon, on a missing or non-numeric grpc-status, on bad bytes. Lower- and
 * upper-case names, "\n" line ends and missing blanks after the colon are accepted, as peers send them. */
base_err wire_trailers_encode(const wire_status *s, base_buf *out) BASE_MUST_USE;
base_err wire_trailers_decode(base_span block, wire_status *out) BASE_MUST_USE;

/* gRPC status for an HTTP status that came without grpc-status. */
int wire_status_of_http(int http_status);

/* grpc-timeout: 1-8 digits and a unit H M S m u n. Decoding rounds up to ms; MALFORMED otherwise. Encoding writes the
 * value exactly in ms where it fits, else in seconds. ms >= 0. */
base_err wire_timeout_decode(base_span text, int64_t *ms) BASE_MUST_USE;
void wire_timeout_encode(int64_t ms, char out[16]);

#endif
