/* front.h - the first bytes of a connection: HTTP/1.1 or HTTP/2? By ALPN on TLS, by HTTP/2's preface on plain connections (prior knowledge). Loop thread only. */
#ifndef PONTE_GATEWAY_FRONT_H
#define PONTE_GATEWAY_FRONT_H

#include "gateway/http2/conn.h"
#include "gateway/limits/limits.h"
#include "http/h1.h"

/* Borrowed by its connections; `h2` is zeroed at first. */
typedef struct {
  http_h1_server *h1;
  http_app app;             /* for HTTP/2; the HTTP/1.1 server has its own copy */
  gw_h2_options h2_options; /* its tls and peer are each connection's own */
  int64_t header_ms;        /* for the first bytes; 0 = 10 s */
  gw_limits *limits;        /* of connections; NULL = none */
  gw_h2_group h2;
} gw_front;

/* net_listener_options.on_accept and on_end; ctx is a gw_front. */
bool gw_front_on_accept(void *front, net_conn *conn);
void gw_front_on_end(void *front, net_conn *conn);

#endif
