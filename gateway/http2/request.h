/* request.h - the head of one request while HPACK yields it field by field, and the checks HTTP/2 leaves to the server.
 *
 * Header blocks of different streams never interleave (RFC 9113 section 4.3), so one head serves a whole session. It holds references to nghttp2's
 * buffers instead of copies. The caller holds the struct.
 */
#ifndef PONTE_GATEWAY_HTTP2_REQUEST_H
#define PONTE_GATEWAY_HTTP2_REQUEST_H

#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "http/exchange.h"

enum { GW_H2_MAX_FIELDS = 100 };

typedef struct {
  base_span method, path, authority, host;
  http_header *fields;
  size_t count, cap;
  nghttp2_rcbuf **held;
  size_t held_count, held_cap;
  base_buf cookie;  /* crumbs joined, RFC 9113 section 8.2.3 */
  size_t cookie_at; /* its index in fields plus one; 0 = none */
  uint32_t bytes, max_bytes;
  uint64_t seen; /* bytes of all fields, forgotten ones too */
  int refusal;   /* HTTP status of what makes the request unacceptable; 0 so far */
} gw_h2_head;

void gw_h2_head_init(gw_h2_head *h, uint32_t max_bytes);
/* Drops the request; ready for the next, with the memory of this one. */
void gw_h2_head_clear(gw_h2_head *h);
/* Gives the memory back too. */
void gw_h2_head_dispose(gw_h2_head *h);
/* A field as nghttp2 reports it. What does not fit sets `refusal` and is forgotten. False: so much of it that the connection should end. */
bool gw_h2_head_add(gw_h2_head *h, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
/* All fields have come: 0, or the HTTP status to refuse the request with. */
int gw_h2_head_check(gw_h2_head *h);

#endif
