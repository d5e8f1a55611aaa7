/* cors.h - the CORS protocol for allowed origins (https://fetch.spec.whatwg.org/#http-cors-protocol). Refused origins never come here. Loop thread only. */
#ifndef PONTE_GATEWAY_CORS_H
#define PONTE_GATEWAY_CORS_H

#include "gateway/http/policy.h"
#include "http/exchange.h"

enum { GW_CORS_HEADERS = 3 };

/* Headers of every answer, whoever makes it and whatever it says, so that pages of allowed origins can read why something failed; the values borrow `origin`.
 * Without any allowed origin there are none; with some, also answers to others say that they depend on the Origin, for caches. */
size_t gw_cors_headers(const gw_policy *p, base_span origin, http_header out[GW_CORS_HEADERS]);
/* OPTIONS with Origin and Access-Control-Request-Method. */
bool gw_cors_is_preflight(const http_request *request);
/* Answers it: 204 with what may be sent, and for how long that is good. */
void gw_cors_preflight(const gw_policy *p, http_exchange *x, const http_request *request);

#endif
