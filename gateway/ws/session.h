/* session.h - what a WebSocket carries: the border between RFC 6455 (endpoint.h) and a subprotocol (mux_session.h, single_session.h). Loop thread only.
 *
 *   endpoint: frames, fragments, compression, ping, close  --messages-->  session: calls  --gw_gate_open-->  the services
 */
#ifndef PONTE_GATEWAY_SESSION_H
#define PONTE_GATEWAY_SESSION_H

#include "gateway/gate/gate.h"

/* From the session to its socket. Nothing here calls back into the session. */
typedef struct {
  /* One whole binary message, borrowed; leaves at the end of the loop turn. */
  void (*send)(void *ctx, base_span message);
  /* Bytes taken by send and not yet by the kernel. */
  size_t (*queued)(void *ctx);
  /* Something waits to be sent: flush() comes at the end of this loop turn. */
  void (*want_flush)(void *ctx);
  /* The session is over; at most once, after the last send. `code` is the WebSocket's close code. The session is freed later. */
  void (*close)(void *ctx, int code, const char *reason);
  /* Stops and restarts reading: pieces of what was read already may still come. */
  void (*pause)(void *ctx, bool paused);
  /* A ping of RFC 6455, for subprotocols without one of their own. */
  void (*ping)(void *ctx);
} gw_ws_sink;

typedef struct {
  /* Messages come whole and have at most so many bytes (longer ones: 1009); 0 = in pieces as they arrive, however long. */
  size_t whole_max_bytes;
  /* A piece of a binary message. */
  void (*receive)(void *session, base_span piece, bool begin, bool end, int64_t now_ms);
  /* A pong, or any other sign of life that is no message. */
  void (*heard)(void *session, int64_t now_ms);
  /* A message that is not binary, or broken compression: ends the session with that error's close code. */
  void (*fail)(void *session, base_err why);
  void (*flush)(void *session, int64_t now_ms);
  /* The socket's queue is empty again. */
  void (*writable)(void *session);
  /* The client waits for a call. Changes only in receive and before want_flush. */
  bool (*is_busy)(const void *session);
  /* When on_time is wanted next; INT64_MAX = never. Moves earlier only in receive and drain. */
  int64_t (*next_due_ms)(const void *session);
  void (*on_time)(void *session, int64_t now_ms);
  /* Announces the end; calls may finish within grace_ms. 0 ends them now. A second time shortens only. */
  void (*drain)(void *session, int64_t now_ms, uint32_t grace_ms);
  /* Abandons its calls. NULL is allowed. */
  void (*free)(void *session);
} gw_ws_session_vt;

/* With calls open a silent client is asked sooner for a sign of life: what works for it should stop soon when it is gone. */
enum { GW_WS_BUSY_PING_MS = 10000, GW_WS_BUSY_DEAD_MS = 30000 };
static inline int64_t gw_ws_ping_after_ms(uint32_t interval_ms, bool busy) {
  return busy && interval_ms > GW_WS_BUSY_PING_MS ? GW_WS_BUSY_PING_MS : interval_ms;
}
static inline int64_t gw_ws_dead_after_ms(uint32_t interval_ms, bool busy) {
  int64_t dead_ms = 2 * (int64_t)interval_ms;
  return busy && dead_ms > GW_WS_BUSY_DEAD_MS ? GW_WS_BUSY_DEAD_MS : dead_ms;
}

#endif
