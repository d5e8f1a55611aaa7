/* h1_response.h - the head and the chunks of HTTP/1.1 responses. Pure.
 *
 * Sources: RFC 9112 sections 4, 6, 7.1; RFC 9110 sections 6.6.1 (Date), 8.6 (Content-Length).
 */
#ifndef PONTE_HTTP_H1_RESPONSE_H
#define PONTE_HTTP_H1_RESPONSE_H

#include "base/buf.h"
#include "http/exchange.h"

enum h1_body_kind {
  H1_BODY_NONE,  /* HEAD, 204, 304: whatever the application writes is dropped */
  H1_BODY_FIXED, /* content-length counts */
  H1_BODY_CHUNKED,
  H1_BODY_TO_CLOSE, /* HTTP/1.0 */
};

typedef struct {
  int status;
  const http_header *headers;
  size_t count;
  bool end;         /* no body follows */
  bool to_head;     /* the request was HEAD */
  bool http10;      /* the client's version */
  bool keep_alive;  /* H1_BODY_TO_CLOSE takes it back */
  const char *date; /* IMF-fixdate */
} h1_response;

/* Appends the head and tells how the body goes; `fixed` is its length for H1_BODY_FIXED. Framing headers of the application are dropped, but for its
 * content-length, which must be a number: INVALID otherwise, and for a status outside 200-599 or a header that could not be read back (CR, LF, NUL,
 * bad name). Nothing is appended on an error. */
base_err h1_response_write(base_buf *out, h1_response *r, enum h1_body_kind *kind, uint64_t *fixed) BASE_MUST_USE;
/* One chunk, and the last chunk. */
base_err h1_chunk_write(base_buf *out, base_span bytes) BASE_MUST_USE;
base_err h1_chunk_end(base_buf *out) BASE_MUST_USE;
/* Reason phrase; "" when unknown. Static text. */
const char *h1_reason(int status);

#endif
