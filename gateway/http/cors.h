/* cors.h - the CORS protocol for allowed origins (https://fetch.spec.whatwg.org/#http-cors-protocol). Refused origins never come here. Loop thread only. */
#ifndef PONTE_GATEWAY_CORS_H
#define PONTE_GATEWAY_CORS_H

#include "http/exchange.h"

enum { GW_CORS_HEADERS = 2 };

/* Headers of every answer to a cross-origin request; the values borrow `origin`. Returns how many: 0 without an Origin. */
size_t gw_cors_headers(base_span origin, http_header out[GW_CORS_HEADERS]);
/* OPTIONS with Origin and Access-Control-Request-Method. */
bool gw_cors_is_preflight(const http_request *request);
/* Answers it: 204 with what may be sent, good for a day. */
void gw_cors_preflight(http_exchange *x, const http_request *request);

#endif
