/* ws.h - WebSockets on connections, each carrying one ponte.v1 session: wslay between the socket and mux_session.h.
 *
 * A hub holds what all sockets of a loop share and can end them all. Loop thread only.
 *
 *   net_conn on_bytes -> wslay -> whole messages -> gw_mux_receive ;  gw_mux sink -> wslay -> net_conn_write, once a loop turn
 *
 * wslay's context (8 KiB) exists only while a frame is on its way: an idle socket costs its session and a timer.
 */
#ifndef PONTE_GATEWAY_WS_H
#define PONTE_GATEWAY_WS_H

#include "gateway/ws/mux_session.h"
#include "net/conn.h"

typedef struct gw_ws_hub gw_ws_hub;

/* `options` is copied; its peer is taken from each connection. */
base_err gw_ws_hub_new(net_loop *loop, gw_gate *gate, const gw_mux_options *options, gw_ws_hub **out) BASE_MUST_USE;
/* After its connections ended (net_loop_free ends them). */
void gw_ws_hub_free(gw_ws_hub *hub);

/* The socket becomes the connection's codec, writes `answer` (the 101 and its headers; empty in tests) and frees itself when the connection ends. `early` are
 * bytes that came behind the request. NO_MEMORY: the connection is as before. */
base_err gw_ws_start(gw_ws_hub *hub, net_conn *conn, base_span answer, base_span early) BASE_MUST_USE;
/* Announces the end on every socket, now and to come. */
void gw_ws_hub_drain(gw_ws_hub *hub, uint32_t grace_ms);
/* Open sockets. */
size_t gw_ws_hub_count(const gw_ws_hub *hub);

#endif
