/* session.h - the ponte.v1 client: gRPC calls of all four kinds over one WebSocket (docs/protocol.md), as a ponte_channel.
 *
 * It connects when the first call needs it. A lost connection ends its calls with 14 UNAVAILABLE; the next call connects again, not before
 * the back-off has passed, and waits for that attempt. After DRAIN new calls take a new connection at once, and the old one closes when its
 * calls have ended. Close codes that mean a bug of ours, or a refused HELLO, stop the session: calls then fail at once.
 *
 * Thread rule: all on the platform's thread; callbacks come from its loop. wc_session_free must not be called from inside a callback.
 */
#ifndef PONTE_WC_SESSION_H
#define PONTE_WC_SESSION_H

#include "pb/channel.h"
#include "wc/plat.h"

typedef struct wc_session wc_session;

/*      name        meaning */
#define WC_SESSION_STATES(X)                                      \
  X(IDLE)       /* not connected, nobody needs it */              \
  X(WAITING)    /* the back-off before the next attempt passes */ \
  X(CONNECTING) /* until the gateway's HELLO */                   \
  X(OPEN)                                                         \
  X(STOPPED) /* fatal close code; 4004 ends with a new token */

enum wc_session_state {
#define X(name) WC_SESSION_##name,
  WC_SESSION_STATES(X)
#undef X
};

typedef struct {
  const char *url;             /* ws://host:port/ponte.v1 or wss://...; copied */
  const char *token;           /* bearer token without "Bearer "; copied; NULL = none */
  uint32_t call_credit;        /* bytes the gateway may send ahead on each call; 0 = 256 KiB */
  uint32_t max_message;        /* largest message accepted; 0 = 4 MiB */
  uint32_t max_queue;          /* bytes one call may queue to send; 0 = 8 MiB */
  uint32_t ping_interval_ms;   /* silence after which the gateway is asked, dead after twice that; 0 = 5 s */
  uint32_t connect_timeout_ms; /* until the gateway's HELLO; 0 = 10 s */
  /* `code`: the close code that led here, or 0. May be NULL. */
  void (*on_state)(void *ctx, enum wc_session_state state, int code);
  void *ctx;
} wc_session_options;

/* INVALID: a token that is not visible ASCII of at most 8192 bytes. NO_MEMORY. */
base_err wc_session_new(wc_plat *plat, const wc_session_options *options, wc_session **out) BASE_MUST_USE;
/* Closes the connections; every call still gets its status (CANCELLED), from inside this function. NULL is allowed. */
void wc_session_free(wc_session *s);
/* Belongs to the session. */
ponte_channel *wc_session_channel(wc_session *s);
enum wc_session_state wc_session_state(const wc_session *s);
/* Used from now on, also on the open connection; lifts a stop that 4004 caused. NULL = none. */
base_err wc_session_set_token(wc_session *s, const char *token) BASE_MUST_USE;
/* The network came back: forget the back-off. */
void wc_session_retry_now(wc_session *s);

#endif
