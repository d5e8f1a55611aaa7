/* ws_client.h - the native WebSocket client (lws's), for the CLI and tests through a gateway. Belongs to the loop's thread. */
#ifndef PONTE_NET_WS_CLIENT_H
#define PONTE_NET_WS_CLIENT_H

#include "base/span.h"
#include "net/loop.h"

typedef struct net_ws net_ws;

typedef struct {
  void (*on_open)(void *ctx);
  void (*on_message)(void *ctx, base_span message); /* one whole binary message, at most max_message bytes */
  /* Last, exactly once, also when the connection never opened; code 1006 = no close frame. The handle is freed when it returns. */
  void (*on_close)(void *ctx, int code, const char *reason);
} net_ws_events;

/* url: ws://host:port/path or wss://. */
base_err net_ws_connect(net_loop *l, const char *url, const char *subprotocol, size_t max_message,
                        const net_ws_events *events, void *ctx, net_ws **out) BASE_MUST_USE;
/* Copies and queues one binary message. */
base_err net_ws_send(net_ws *w, base_span message) BASE_MUST_USE;
size_t net_ws_queued(const net_ws *w);  /* bytes not yet handed to the kernel */
void net_ws_close(net_ws *w, int code); /* on_close still follows */

#endif
