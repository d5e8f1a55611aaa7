/* exchange.h - one HTTP request and its response, whatever version carries it.
 *
 * The HTTP/1.1 server (http/h1.h) and the gateway's HTTP/2 sessions implement it; static files, gRPC-Web and the admin pages sit on it and do not
 * know which. Header names are in lower case. Hop-by-hop headers and framing (Connection, Transfer-Encoding, chunking, Content-Length of streamed
 * bodies) belong to the carrier. Loop thread only; nothing calls back from inside these functions.
 */
#ifndef PONTE_HTTP_EXCHANGE_H
#define PONTE_HTTP_EXCHANGE_H

#include "base/err.h"
#include "base/span.h"

typedef struct http_exchange http_exchange;

typedef struct {
  base_span name, value;
} http_header;

typedef struct {
  base_span method, path, authority; /* path is origin-form with its query; authority from Host or :authority */
  const http_header *headers;        /* without pseudo-headers, Host, Expect and hop-by-hop ones */
  size_t header_count;
  base_span upgrade; /* HTTP/1.1: value of Upgrade if the client asked for it properly; an application may ignore it */
  bool tls;
  const char *peer; /* numeric address */
} http_request;

/* A handler takes the exchange with http_exchange_handle() inside on_request; without that the carrier answers 404. */
typedef struct {
  /* A piece of the request body, borrowed. The carrier's window reopens as http_exchange_consume() tells. */
  void (*on_body)(void *ctx, http_exchange *x, base_span bytes);
  /* The request is complete. */
  void (*on_end)(void *ctx, http_exchange *x);
  /* Room again: http_exchange_queued() fell to HTTP_WRITABLE_LOW or below after having been above it. May be NULL. */
  void (*on_writable)(void *ctx, http_exchange *x);
  /* Exactly once, last: the response is sent, or `aborted`: the peer went away. The exchange is gone when it returns. */
  void (*on_closed)(void *ctx, http_exchange *x, bool aborted);
} http_handler;

enum { HTTP_WRITABLE_LOW = 65536 };

typedef struct {
  void (*respond)(http_exchange *x, int status, const http_header *headers, size_t count, bool end);
  void (*body)(http_exchange *x, base_span bytes, bool end);
  void (*consume)(http_exchange *x, size_t bytes);
  size_t (*queued)(const http_exchange *x);
  void (*reset)(http_exchange *x);
} http_exchange_vt;

struct http_exchange {
  const http_exchange_vt *vt;
  const http_handler *handler; /* set by http_exchange_handle */
  void *ctx;
};

/* The application: called when the request head is complete; the request is borrowed for the call. */
enum { HTTP_REFUSAL_HEADERS = 4 };
typedef struct {
  void (*on_request)(void *app, http_exchange *x, const http_request *request);
  void *app;
  /* Headers of answers that the carrier makes itself (to malformed, too large and too slow requests), given the request's Origin as far as it is known (p == NULL:
   * not). Values may borrow it. NULL is allowed. */
  size_t (*refusal_headers)(void *app, base_span origin, http_header out[HTTP_REFUSAL_HEADERS]);
} http_app;

static inline void http_exchange_handle(http_exchange *x, const http_handler *handler, void *ctx) {
  x->handler = handler;
  x->ctx = ctx;
}
/* Head of the response; headers are copied. With `end` there is no body. A content-length header makes the body's length fixed; without, it is streamed. */
static inline void http_respond(http_exchange *x, int status, const http_header *headers, size_t count, bool end) {
  x->vt->respond(x, status, headers, count, end);
}
/* Copied and queued; `end` completes the response. */
static inline void http_body(http_exchange *x, base_span bytes, bool end) { x->vt->body(x, bytes, end); }
/* The application is done with so many bytes of the request body. */
static inline void http_consume(http_exchange *x, size_t bytes) { x->vt->consume(x, bytes); }
static inline size_t http_queued(const http_exchange *x) { return x->vt->queued(x); }
/* Breaks the exchange off: RST_STREAM, or the connection closes. on_closed follows. */
static inline void http_reset(http_exchange *x) { x->vt->reset(x); }

/* The value of a request header, or the empty span with p == NULL. */
base_span http_request_header(const http_request *r, const char *name);
/* A whole short answer: text/plain, no-store. */
void http_respond_text(http_exchange *x, int status, const char *text);
/* The same for a carrier's own answers, with the application's headers for this origin. */
void http_refuse(http_exchange *x, const http_app *app, base_span origin, int status, const char *text);

#endif
