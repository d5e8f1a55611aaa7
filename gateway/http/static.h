/* static.h - the files of a folder over HTTP: content types, ETag and 304, precompressed variants, caching, security headers.
 *
 * Files are read from disk as they are sent, 64 KiB at a time, so memory does not grow with them. Beside `x` a newer or equally old `x.br` or `x.gz` is sent
 * to those who take it. Nothing outside the folder is served: hidden names and ".." are refused, symbolic links must stay inside. Loop thread only.
 */
#ifndef PONTE_GATEWAY_STATIC_H
#define PONTE_GATEWAY_STATIC_H

#include "http/exchange.h"

typedef struct gw_static gw_static;

/* NOT_FOUND: no such folder. */
base_err gw_static_new(const char *folder, gw_static **out) BASE_MUST_USE;
/* After its exchanges ended. NULL is allowed. */
void gw_static_free(gw_static *s);
/* GET and HEAD; others get 405. Takes the exchange over. `extra` (CORS) is copied into each answer. */
void gw_static_handle(gw_static *s, http_exchange *x, const http_request *request, const http_header *extra,
                      size_t extra_count);

#endif
