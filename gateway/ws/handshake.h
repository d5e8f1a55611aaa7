/* handshake.h - the server's side of the opening handshake of a WebSocket (RFC 6455 section 4.2) as pure functions. Any thread.
 *
 * Who calls it has seen `Upgrade: websocket` and `Connection: Upgrade` on an HTTP/1.1 request, and has checked Host and Origin.
 */
#ifndef PONTE_GATEWAY_HANDSHAKE_H
#define PONTE_GATEWAY_HANDSHAKE_H

#include "base/span.h"

typedef struct {
  base_span method;
  base_span key;        /* Sec-WebSocket-Key */
  base_span version;    /* Sec-WebSocket-Version */
  base_span protocols;  /* Sec-WebSocket-Protocol: the offered ones, comma-separated, the preferred one first */
  base_span extensions; /* Sec-WebSocket-Extensions; not judged here */
  base_span path;
} gw_ws_request;

enum gw_ws_protocol { GW_WS_MUX, GW_WS_SINGLE, GW_WS_PROTOCOLS };
const char *gw_ws_protocol_name(enum gw_ws_protocol p);

enum { GW_WS_ACCEPT_SIZE = 29 };

typedef struct {
  int status;       /* 101, or the HTTP status of the refusal: 400, 405, 426 (with Sec-WebSocket-Version: 13) */
  const char *text; /* of a refusal: says what to do; static */
  enum gw_ws_protocol protocol;   /* of a 101 */
  char accept[GW_WS_ACCEPT_SIZE]; /* Sec-WebSocket-Accept, with its NUL */
} gw_ws_answer;

/* The subprotocol is the first of the client's that is spoken here; there must be one: a client that wants another would not understand us. */
void gw_ws_handshake(const gw_ws_request *request, gw_ws_answer *answer);

#endif
