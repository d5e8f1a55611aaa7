/* plat.h - what the client needs of the world: a clock, randomness, timers, WebSockets and a few records, behind one small vtable.
 *
 * Implemented by plat_net.c (natively, over lib/net), by js/plat.js (in the browser) and by fake_plat.c (in tests: virtual time, a scripted
 * server). The client itself does no I/O, so the same C runs in all three.
 *
 * Thread rule: one thread. Callbacks come from the platform's loop, never from inside a function of this interface.
 */
#ifndef PONTE_WC_PLAT_H
#define PONTE_WC_PLAT_H

#include "base/err.h"
#include "base/span.h"

typedef struct wc_plat wc_plat;
typedef struct wc_timer wc_timer;
typedef struct wc_socket wc_socket;
typedef struct wc_lock wc_lock;

/* The close code that stands for "no close frame came" (RFC 6455 section 7.1.5). */
enum { WC_CLOSE_NORMAL = 1000, WC_CLOSE_LOST = 1006 };
enum { WC_RECORD_KEY_MAX = 64, WC_RECORD_MAX = 1 << 20 };

typedef struct {
  void (*on_open)(void *ctx);
  void (*on_message)(void *ctx, base_span message); /* one whole binary message, borrowed */
  /* Last, at most once, also when the connection never opened; the socket is gone when it returns. `reason` is never NULL. */
  void (*on_close)(void *ctx, int code, const char *reason);
} wc_socket_events;

typedef struct {
  int64_t (*now_ms)(wc_plat *p); /* monotonic; only differences mean something */
  /* Unix time by this machine's clock, which people set and which jumps: for what must outlive the page. */
  int64_t (*wall_ms)(wc_plat *p);
  void (*random)(wc_plat *p, void *out, size_t n);

  /* One-shot timers; setting one again moves it. timer_new gives NULL when out of memory; timer_free takes NULL. */
  wc_timer *(*timer_new)(wc_plat *p, void (*fn)(void *ctx), void *ctx);
  void (*timer_set)(wc_timer *t, int64_t delay_ms);
  void (*timer_cancel)(wc_timer *t);
  void (*timer_free)(wc_timer *t);

  /* Subprotocol ponte.v1, binary messages of at most WIRE_MUX_MESSAGE_MAX bytes. An error means that no callback comes. */
  base_err (*socket_open)(wc_plat *p, const char *url, const wc_socket_events *events, void *ctx,
                          wc_socket **out) BASE_MUST_USE;
  /* Copies the message. Only after on_open. */
  base_err (*socket_send)(wc_socket *s, base_span message) BASE_MUST_USE;
  /* Closes in the background; the socket is gone for the caller and no callback comes any more. */
  void (*socket_close)(wc_socket *s, int code);

  /* Small records that survive the page (IndexedDB) or the process (a file): what was asked or said while offline, who is signed in. Keys are visible ASCII of 1 to WC_RECORD_KEY_MAX bytes
   * and copied, like values. `done` comes once, from the loop, or with CANCELLED when the platform is freed; what was put is there for every later get, also of another page, when `done` says
   * OK. The value is borrowed, and empty if there is none. UNAVAILABLE: the platform keeps nothing; INVALID: no such key; TOO_LARGE: more than WC_RECORD_MAX bytes; IO. NO_MEMORY may come
   * from inside the call. An empty value removes the record. */
  void (*record_get)(wc_plat *p, const char *key, void (*done)(void *ctx, base_err e, base_span value), void *ctx);
  void (*record_put)(wc_plat *p, const char *key, base_span value, void (*done)(void *ctx, base_err e), void *ctx);

  /* One holder of a name at a time, among all pages of this origin (Web Locks): for reading a record, acting on it and writing it. `held` comes once, from the loop, when it is ours.
   * Natively, and in pages without Web Locks (those that are not secure), it is ours at once. NULL when out of memory. Letting go of one that is not held yet takes the request back;
   * NULL is allowed; whoever dies lets go. */
  wc_lock *(*lock_take)(wc_plat *p, const char *name, void (*held)(void *ctx), void *ctx);
  void (*lock_release)(wc_lock *l);
} wc_plat_vt;

/* Every implementation begins with this. */
struct wc_plat {
  const wc_plat_vt *vt;
};

static inline int64_t wc_now_ms(wc_plat *p) { return p->vt->now_ms(p); }
static inline uint32_t wc_random_u32(wc_plat *p) {
  uint32_t v;
  p->vt->random(p, &v, sizeof v);
  return v;
}

/* Whether a record may have this key. */
static inline bool wc_record_key_ok(const char *key) {
  size_t n = 0;
  while (n <= WC_RECORD_KEY_MAX && key[n] > 0x20 && key[n] < 0x7f)
    n++;
  return n > 0 && n <= WC_RECORD_KEY_MAX && !key[n];
}

#endif
