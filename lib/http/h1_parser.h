/* h1_parser.h - llhttp behind a small pull: bytes of a connection in, request heads and bodies out. Pure: no socket, clock or log.
 *
 * It stops at the end of each request, so that requests are answered in order, one at a time, and the rest stays unread. Trailers are read and
 * dropped. llhttp's header clashes with libwebsockets': no file may include both.
 *
 * Sources: RFC 9112; llhttp's API documentation.
 */
#ifndef PONTE_HTTP_H1_PARSER_H
#define PONTE_HTTP_H1_PARSER_H

#include <llhttp.h>

#include "http/h1_head.h"

typedef struct {
  /* A complete, checked head; the request is borrowed for the call. */
  void (*on_head)(void *ctx, const http_request *request, const h1_facts *facts);
  void (*on_body)(void *ctx, base_span bytes);
} h1_events;

enum h1_step {
  H1_NEED_MORE, /* all is consumed */
  H1_END,       /* one request is complete; the next feed begins another */
  H1_UPGRADE,   /* the same, of a request with wants_upgrade: what follows may be another protocol */
  H1_ERROR,     /* answer with h1_parser_status() and close */
};

typedef struct {
  llhttp_t ll;
  const h1_events *events;
  void *ctx;
  h1_head *head;      /* lent by the caller from the first byte of a request until on_head has returned */
  uint32_t discarded; /* bytes of this request that leave no trace: trailers and chunk extensions */
  bool in_body, wants_upgrade, begun;
  int status;
} h1_parser;

void h1_parser_init(h1_parser *p, const h1_events *events, void *ctx);
/* `p->head` must be set, and clear when a new request begins. */
enum h1_step h1_parser_feed(h1_parser *p, base_span bytes, size_t *consumed);
/* HTTP status of the refusal after H1_ERROR. */
int h1_parser_status(const h1_parser *p);
/* Between two requests: no byte of the next has come, but perhaps empty lines. */
bool h1_parser_is_idle(const h1_parser *p);

#endif
