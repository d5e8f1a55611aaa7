/* mux_session.h - the gateway's side of one ponte.v1 connection (docs/protocol.md) as a pure codec: WebSocket messages in, WebSocket messages out through a sink,
 * calls opened through gw_stream_open. No socket, no clock: tests and the fuzzer drive it with a fake upstream. gateway/ws/ws.h puts it on a connection.
 *
 * Flow control, per call and direction. From the client: it may send what its credit allows; credit goes back as the stream heart reports bytes consumed. To
 * the client: the service is asked for as much as the client's credit, a local window and the sink's queue allow; what a long message brings beyond that waits
 * in the call. Memory of a connection is bounded by max calls * (2 windows + 1 message each way) and the sink's queue.
 *
 * Loop thread only. Nothing here may be called from inside the sink's functions.
 */
#ifndef PONTE_GATEWAY_MUX_SESSION_H
#define PONTE_GATEWAY_MUX_SESSION_H

#include "gateway/ws/session.h"

typedef struct gw_mux gw_mux;

typedef struct {
  uint32_t call_credit;      /* DATA bytes a client may send ahead on each call; 0 = 64 KiB */
  uint32_t max_calls;        /* at once; 0 = 100 */
  uint32_t ping_interval_ms; /* the connection is dead after twice as long without a frame; 0 = 30 s */
  uint32_t hello_timeout_ms; /* 0 = 5 s */
  int64_t idle_ms;           /* without a call for so long it is drained; 0 = 1 h */
  const char *peer;          /* numeric address, for logs; must outlive the session; or NULL */
} gw_mux_options;

/* `sink` and `gate` outlive the session; `options` may be NULL. The gateway's HELLO waits to be flushed. NO_MEMORY only. */
base_err gw_mux_new(const gw_mux_options *options, gw_gate *gate, const gw_ws_sink *sink, void *ctx, int64_t now_ms,
                    gw_mux **out) BASE_MUST_USE;
/* Abandons its calls. NULL is allowed. */
void gw_mux_free(gw_mux *m);

/* One whole binary message from the client. */
void gw_mux_receive(gw_mux *m, base_span message, int64_t now_ms);
/* A message that is not binary, or anything else that breaks the rules of the WebSocket: ends the session with that error's close code. */
void gw_mux_fail(gw_mux *m, base_err why);
void gw_mux_flush(gw_mux *m, int64_t now_ms);
/* The sink's queue is empty again. */
void gw_mux_writable(gw_mux *m);
/* When gw_mux_on_time is wanted next; moves earlier only in receive and drain. */
int64_t gw_mux_next_due_ms(const gw_mux *m);
void gw_mux_on_time(gw_mux *m, int64_t now_ms);
/* Announces the end; running calls may finish within grace_ms. 0 ends them now. A second call shortens the time only. Calls that the client opened before it heard of it
 * are still taken. */
void gw_mux_drain(gw_mux *m, int64_t now_ms, uint32_t grace_ms);
/* Open calls. */
size_t gw_mux_calls(const gw_mux *m);
/* The same functions for the endpoint. */
extern const gw_ws_session_vt gw_mux_vt;

#endif
