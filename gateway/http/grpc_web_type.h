/* grpc_web_type.h - which of gRPC-Web's forms a request is in, and which its answer takes. Pure.
 * Source: grpc/grpc doc/PROTOCOL-WEB.md: "application/grpc-web" and "application/grpc-web-text", each with "+proto" or nothing, which means the same. */
#ifndef PONTE_GATEWAY_GRPC_WEB_TYPE_H
#define PONTE_GATEWAY_GRPC_WEB_TYPE_H

#include "http/exchange.h"

typedef struct {
  const char *name; /* NULL: none of them */
  bool text;
} gw_web_type;

/* By content-type; parameters do not matter. +json and the like are not spoken: upstream it would be called application/grpc, which is +proto to services. */
gw_web_type gw_web_request_type(const http_request *r);
/* By the first form in Accept that the client does not exclude with q=0; without any, that of the request. */
gw_web_type gw_web_answer_type(const http_request *r);

#endif
