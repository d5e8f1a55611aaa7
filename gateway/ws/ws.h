/* ws.h - WebSockets on connections, each carrying one session: ponte.v1 (mux_session.h) or grpc-websockets (single_session.h).
 *
 * A hub holds what all sockets of a loop share and can end them all. Loop thread only.
 *
 *   net_conn on_bytes -> endpoint.h: frames, compression -> session ;  session -> endpoint.h -> net_conn_write, once a loop turn
 */
#ifndef PONTE_GATEWAY_WS_H
#define PONTE_GATEWAY_WS_H

#include "gateway/ws/deflate.h"
#include "gateway/ws/handshake.h"
#include "gateway/ws/mux_session.h"
#include "net/conn.h"

typedef struct gw_ws_hub gw_ws_hub;

typedef struct {
  gw_mux_options mux; /* its times are those of grpc-websockets too; its peer is taken from each connection */
  gw_deflate_options deflate;
  int64_t lifetime_ms; /* a socket is drained after so long; its calls may take as long again; 0 = never */
} gw_ws_options;

/* `options` is copied and may be NULL. INVALID: a number of the compression's out of its range. */
base_err gw_ws_hub_new(net_loop *loop, gw_gate *gate, const gw_ws_options *options, gw_ws_hub **out) BASE_MUST_USE;
/* After its connections ended (net_loop_free ends them). */
void gw_ws_hub_free(gw_ws_hub *hub);

/* Judges the handshake, and writes the 101: the socket becomes the connection's codec and frees itself when the connection ends. `early` are bytes that came behind the
 * request. INVALID (gw_ws_handshake says why), NO_MEMORY: nothing was written, and the connection is as before. */
base_err gw_ws_start(gw_ws_hub *hub, net_conn *conn, const gw_ws_request *request, base_span early) BASE_MUST_USE;
/* Announces the end on every socket, now and to come. */
void gw_ws_hub_drain(gw_ws_hub *hub, uint32_t grace_ms);
/* Open sockets. */
size_t gw_ws_hub_count(const gw_ws_hub *hub);

#endif
