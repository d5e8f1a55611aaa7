/* endpoint.h - the gateway's end of one WebSocket (RFC 6455, RFC 7692) as a pure codec: bytes in, bytes out through a pipe, messages to and from a session. No socket,
 * no clock: tests and fuzzers feed it whole connections. gateway/ws/ws.h puts it on a net_conn. Loop thread only.
 *
 * Memory of an idle one: this struct and its session; buffers exist while a message is on its way.
 */
#ifndef PONTE_GATEWAY_ENDPOINT_H
#define PONTE_GATEWAY_ENDPOINT_H

#include "gateway/ws/deflate.h"
#include "gateway/ws/session.h"
#include "wire/ws.h"

enum { GW_WS_SCRATCH = 65536 };

/* Nothing here calls back into the endpoint. */
typedef struct {
  void (*write)(void *ctx, base_span bytes); /* copied or sent */
  size_t (*queued)(void *ctx);               /* bytes written that the kernel has not taken */
  void (*want_flush)(void *ctx);             /* gw_ws_endpoint_flush at the end of this turn */
  void (*pause)(void *ctx, bool paused);
  void (*close)(void *ctx); /* once, after the last write: let the queue drain, then end */
} gw_ws_pipe;

typedef struct {
  const gw_ws_pipe *pipe;
  void *ctx;
  uint8_t *scratch; /* GW_WS_SCRATCH bytes that endpoints of a loop share */
  const gw_ws_session_vt *vt;
  void *session;       /* owned; NULL once the peer has said its last */
  gw_deflate *deflate; /* owned; NULL = not agreed on */
  bool over;           /* the close frame is written */
  bool inflated_begin; /* of a compressed message nothing has come out yet */
  wire_ws_decoder decoder;
  base_buf partial; /* a message that has to be whole */
  base_buf out;     /* frames of this turn */
} gw_ws_endpoint;

/* What a session is made with; its ctx is the endpoint. */
extern const gw_ws_sink gw_ws_endpoint_sink;

/* Takes `deflate`, which may be NULL. The session follows with _attach before anything else. */
void gw_ws_endpoint_init(gw_ws_endpoint *e, const gw_ws_pipe *pipe, void *ctx, uint8_t *scratch, gw_deflate *deflate);
void gw_ws_endpoint_attach(gw_ws_endpoint *e, const gw_ws_session_vt *vt, void *session);
void gw_ws_endpoint_dispose(gw_ws_endpoint *e);

void gw_ws_endpoint_receive(gw_ws_endpoint *e, base_span bytes, int64_t now_ms);
void gw_ws_endpoint_flush(gw_ws_endpoint *e, int64_t now_ms);
void gw_ws_endpoint_drained(gw_ws_endpoint *e);
bool gw_ws_endpoint_is_busy(const gw_ws_endpoint *e);
int64_t gw_ws_endpoint_next_due_ms(const gw_ws_endpoint *e);
void gw_ws_endpoint_on_time(gw_ws_endpoint *e, int64_t now_ms);
void gw_ws_endpoint_drain(gw_ws_endpoint *e, int64_t now_ms, uint32_t grace_ms);

#endif
