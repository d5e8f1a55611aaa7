/* grpc_web_headers.h - HTTP headers <-> gRPC metadata at the border to the browser. docs/grpc-web.md is the table of what passes.
 * Pure; the caller holds the structs. Source: grpc/grpc doc/PROTOCOL-HTTP2.md, "Custom-Metadata" and "Responses". */
#ifndef PONTE_GATEWAY_GRPC_WEB_HEADERS_H
#define PONTE_GATEWAY_GRPC_WEB_HEADERS_H

#include "http/exchange.h"
#include "wire/status.h"

/* Adds to *out what of the browser's headers is meant for the service: without what belongs to the browser or to the gRPC-Web framing, "-bin" values
 * decoded. False: *why holds the status to answer, naming the header. */
bool gw_web_metadata_in(const http_request *request, wire_metadata *out, wire_status *why);
/* grpc-timeout in ms, 0 without one. False: as above; DEADLINE_EXCEEDED if it is over before it begins. */
bool gw_web_timeout_in(const http_request *request, int64_t *timeout_ms, wire_status *why);

enum { GW_WEB_MAX_HEADERS = 160 };

/* Response headers under construction; copies all it is given. */
typedef struct {
  base_buf text;
  struct {
    uint32_t name_at, name_n, value_at, value_n;
  } items[GW_WEB_MAX_HEADERS];
  size_t count;
  bool failed; /* something did not fit: there is no honest answer left */
} gw_web_headers;

void gw_web_headers_init(gw_web_headers *h);
void gw_web_headers_dispose(gw_web_headers *h);
void gw_web_headers_add(gw_web_headers *h, base_span name, base_span value);
/* The service's metadata, without what is the gateway's to say; "-bin" values in base64. */
void gw_web_headers_metadata(gw_web_headers *h, const wire_metadata *m);
/* grpc-status, grpc-message and the trailers, for an answer without a body. */
void gw_web_headers_status(gw_web_headers *h, const wire_status *s);
/* access-control-expose-headers for all that the Fetch standard hides from a page, if access-control-allow-origin is there. Last. */
void gw_web_headers_expose(gw_web_headers *h);
/* Answers with them; resets the exchange if something had failed. */
void gw_web_headers_respond(const gw_web_headers *h, http_exchange *x, int status, bool end);

#endif
