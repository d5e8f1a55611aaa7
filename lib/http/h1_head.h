/* h1_head.h - the head of one HTTP/1 request while it arrives, and the checks that llhttp leaves to the server.
 *
 * Pure. Names and values are gathered in one buffer, since a head may come in any pieces; spans into it are made when it is complete. The first
 * reason to refuse the request is kept in `status` and everything after it is ignored. Names are in lower case from the start.
 *
 * Sources: RFC 9112 (HTTP/1.1) sections 3, 6, 7; RFC 9110 sections 7.2, 7.6.1, 7.8, 10.1.1.
 */
#ifndef PONTE_HTTP_H1_HEAD_H
#define PONTE_HTTP_H1_HEAD_H

#include "base/buf.h"
#include "http/exchange.h"

enum { H1_MAX_FIELDS = 100, H1_MAX_TARGET_BYTES = 8192 };

typedef struct {
  uint32_t name, name_n, value, value_n; /* offsets into text */
} h1_field;

typedef struct h1_head {
  base_buf text; /* the target first, then names and values */
  size_t target_n;
  h1_field fields[H1_MAX_FIELDS];
  http_header headers[H1_MAX_FIELDS]; /* what the application sees */
  size_t count;
  int status; /* HTTP status to refuse with; 0 so far */
  struct h1_head *next_free;
} h1_head;

/* What the carrier needs to know and the application does not. */
typedef struct {
  bool http10;
  bool keep_alive;
  bool has_body; /* chunked, or a Content-Length above 0 */
  bool chunked;
  uint64_t content_length; /* when not chunked */
  bool expects_continue;
  bool wants_upgrade; /* a bodiless GET on 1.1 with Upgrade and Connection: upgrade */
} h1_facts;

void h1_head_init(h1_head *h, size_t max_bytes);
void h1_head_dispose(h1_head *h);
/* Ready for the next request; keeps its memory. */
void h1_head_clear(h1_head *h);

/* Pieces as they come. */
void h1_head_target(h1_head *h, base_span piece);
void h1_head_name(h1_head *h, base_span piece);
void h1_head_value(h1_head *h, base_span piece);
void h1_head_field_end(h1_head *h);

/* The Origin among the fields that have come; p == NULL if there is none, or more than one. */
base_span h1_head_origin(const h1_head *h);

/* The head is complete: fills `request` (but for tls and peer) with spans into the head, and the facts but keep_alive, chunked and content_length,
 * which the parser knows. Returns 0 or the status to refuse with. `method` is static text. */
int h1_head_finish(h1_head *h, const char *method, int major, int minor, http_request *request, h1_facts *facts);

#endif
