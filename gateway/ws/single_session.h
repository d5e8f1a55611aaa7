/* single_session.h - the gateway's side of one `grpc-websockets` connection, as existing clients speak it (docs/grpc-websockets.md): one call a socket. A pure codec
 * like mux_session.h: pieces of WebSocket messages in, messages out through the sink, the call opened through gw_gate_open.
 *
 * Sources: improbable-eng/grpc-web v0.15.0, client/grpc-web/src/transports/websocket and go/grpcweb/websocket_wrapper.go; nice-grpc-web's WebsocketTransport.
 *
 * Flow control. From the client: reading stops while more than a window of bytes waits for the service behind a complete message (the heart's `consumed` tells). To
 * the client: the service is asked for a window at a time, again when the socket's queue is low. Memory: two windows and one message each way.
 */
#ifndef PONTE_GATEWAY_SINGLE_SESSION_H
#define PONTE_GATEWAY_SINGLE_SESSION_H

#include "gateway/ws/session.h"

#define GW_SINGLE_SUBPROTOCOL "grpc-websockets"

typedef struct gw_single gw_single;

typedef struct {
  base_span path;            /* of the upgrade request: the method */
  const char *peer;          /* numeric address; must outlive the session; or NULL */
  uint32_t head_timeout_ms;  /* for the header frame; 0 = 5 s */
  uint32_t ping_interval_ms; /* a ping after so long a silence; the connection is dead after twice as long; 0 = 30 s */
} gw_single_options;

/* `sink` and `gate` outlive the session; the path is copied. NO_MEMORY only. */
base_err gw_single_new(const gw_single_options *options, gw_gate *gate, const gw_ws_sink *sink, void *ctx,
                       int64_t now_ms, gw_single **out) BASE_MUST_USE;
extern const gw_ws_session_vt gw_single_vt;

#endif
