#include "gateway/stream/stream.h"

/* RFC 9110 section 7.6.1 and what HTTP/1.1 proxies know besides; content-type and te are gRPC's own (PROTOCOL-HTTP2.md), host belongs to the gateway, and
 * stream.c writes traceparent. */
static const char *const refused[] = {
    "connection",          "content-length",   "content-type", "host",    "keep-alive",  "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te",           "trailer", "traceparent", "trailers",
    "transfer-encoding",   "upgrade",
};

static const char *const refused_prefixes[] = {"grpc-", "x-ponte-", ":"};

/* What both ends agree on about compression: messages pass as they are, so this must too. */
static const char *const agreed[] = {"grpc-encoding", "grpc-accept-encoding"};

bool gw_metadata_is_forwarded(base_span key) {
  for (size_t i = 0; i < sizeof agreed / sizeof *agreed; i++) {
    if (base_span_is(key, agreed[i])) {
      return true;
    }
  }
  for (size_t i = 0; i < sizeof refused_prefixes / sizeof *refused_prefixes; i++) {
    if (base_span_starts(key, refused_prefixes[i])) {
      return false;
    }
  }
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    if (base_span_is(key, refused[i])) {
      return false;
    }
  }
  return true;
}
