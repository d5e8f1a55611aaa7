/* h1.h - an HTTP/1.1 server: requests of a net_conn become exchanges (http/exchange.h).
 *
 * One exchange at a time on a connection: pipelined requests wait unread, and are answered in order. A request body is held back as the application
 * consumes it, a response as the peer reads it; both are bounded. From the end of a request until its answer is written nothing is read.
 *
 *   http_h1_server *server;
 *   http_h1_server_new(loop, &app, NULL, &server);
 *   net_listen(loop, &(net_listener_options){.address = "127.0.0.1:0", .on_accept = http_h1_on_accept, .ctx = server}, &listener);
 *
 * Loop thread only. The exchanges' callbacks come from the loop, never from inside http_* functions.
 * Sources: RFC 9112 (HTTP/1.1), RFC 9110 (semantics). h1_head.h says what is refused.
 */
#ifndef PONTE_HTTP_H1_H
#define PONTE_HTTP_H1_H

#include "http/exchange.h"
#include "net/conn.h"

typedef struct http_h1_server http_h1_server; /* what the connections of one application on one loop share */
typedef struct http_h1 http_h1;               /* one connection's codec */

typedef struct {
  size_t max_header_bytes; /* target, names and values; 0 = 16384; more is 414 or 431. At most 100 headers. */
  uint64_t max_body_bytes; /* 0 = no limit here; more is 413 */
  int64_t head_timeout_ms; /* 0 = 10000; a request head that takes longer is answered with 408 */
  int64_t body_timeout_ms; /* 0 = 30000; without a byte of a body that we are ready to read */
  int64_t idle_timeout_ms; /* 0 = 75000; between requests */
  int64_t lifetime_ms;     /* 0 = none; the first request after so long is answered with `connection: close` */
  /* A GET with Upgrade and Connection: upgrade, before on_request. True takes the connection over: put another codec on it inside the call; this one is
   * gone when it returns and calls nothing more. `rest` are the bytes already read after the head. False: it becomes an ordinary request. NULL is allowed. */
  bool (*on_upgrade)(void *app, net_conn *conn, const http_request *request, base_span rest);
} http_h1_options;

/* `options` may be NULL; `app` is copied, its context and the loop are borrowed. */
base_err http_h1_server_new(net_loop *l, const http_app *app, const http_h1_options *options,
                            http_h1_server **out) BASE_MUST_USE;
/* Idle connections close, others after the answer they are at. New ones are still served, with `connection: close`. */
void http_h1_server_drain(http_h1_server *s);
/* Connections of this server that are open. */
size_t http_h1_server_connections(const http_h1_server *s);
/* After net_loop_free, which closes the connections. NULL is allowed. */
void http_h1_server_free(http_h1_server *s);

/* Puts a new codec on the connection, which frees itself when that is closed. NO_MEMORY: the connection is as before. */
base_err http_h1_new(http_h1_server *s, net_conn *conn, http_h1 **out) BASE_MUST_USE;
/* Bytes that somebody else read first (to tell HTTP/1 from HTTP/2 or TLS). The codec may be gone afterwards. */
void http_h1_receive(http_h1 *h, base_span bytes);
/* net_listener_options.on_accept for a listener that speaks HTTP/1 only; its ctx is the server. */
bool http_h1_on_accept(void *server, net_conn *conn);

#endif
