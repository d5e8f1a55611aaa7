/* grpc_web.h - gRPC-Web (binary) over an HTTP exchange, whatever version carries it: the exchange's side of a gw_stream.
 *
 * Unary and server-streaming calls; request and response bodies pass through unread. Each call ends with exactly one status: in a trailer frame after the
 * body, or in the headers of an empty answer when nothing had been sent (both HTTP 200). Only what is no call at all is answered with another HTTP
 * status: 404 (path), 405 (method), 415 (content type). docs/grpc-web.md lists what happens to each header.
 *
 * Loop thread only. Source: grpc/grpc doc/PROTOCOL-WEB.md and doc/PROTOCOL-HTTP2.md.
 */
#ifndef PONTE_GATEWAY_GRPC_WEB_H
#define PONTE_GATEWAY_GRPC_WEB_H

#include "gateway/gate/gate.h"
#include "http/exchange.h"

typedef struct {
  gw_gate *gate;       /* outlives every exchange */
  size_t window_bytes; /* of a response on its way to the browser; 0 = 256 KiB */
} gw_grpc_web_options;

/* The content type begins with application/grpc-web. CORS preflights have none: they are answered before. */
bool gw_grpc_web_is(const http_request *request);
/* Takes the exchange over; to be called inside on_request. `extra` are headers of every answer, errors included (copied): those of CORS. If they hold
 * access-control-allow-origin, access-control-expose-headers is added with the names that this answer really has. */
void gw_grpc_web_handle(const gw_grpc_web_options *options, http_exchange *x, const http_request *request,
                        const http_header *extra, size_t extra_count);

#endif
