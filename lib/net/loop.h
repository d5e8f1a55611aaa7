/* loop.h - one event loop, one thread: libwebsockets over libuv, behind a few calls.
 *
 * Thread rule: everything belongs to the loop's thread, except net_loop_wake and net_loop_stop. Timers and connections report by callback, never
 * from inside a call of this interface.
 */
#ifndef PONTE_NET_LOOP_H
#define PONTE_NET_LOOP_H

#include "base/err.h"

typedef struct net_loop net_loop;
typedef struct net_timer net_timer;

typedef struct {
  void (*on_wake)(void *ctx);               /* after net_loop_wake, coalesced; or NULL */
  void (*on_signal)(void *ctx, int signal); /* SIGINT, SIGTERM, SIGHUP if handle_signals; or NULL */
  void *ctx;
  bool handle_signals; /* they are ignored once the loop is freed: the process is on its way out then */
} net_loop_options;

/* Ignores SIGPIPE in the whole process. `options` may be NULL. Loops of several threads are made one after another. */
base_err net_loop_new(const net_loop_options *options, net_loop **out) BASE_MUST_USE;
/* Returns after net_loop_stop. */
void net_loop_run(net_loop *l);
/* Any thread; a signal handler may call it too. */
void net_loop_stop(net_loop *l);
void net_loop_wake(net_loop *l);
/* After run has returned; NULL is allowed. Closes what is open: connections report on_closed and WebSockets on_close from inside this call, so
 * that codecs can free themselves; what those callbacks use must outlive the loop. Timers left over are freed without firing. */
void net_loop_free(net_loop *l);

/* One-shot. Fires once, unless freed before. Set again to move it. */
net_timer *net_timer_new(net_loop *l, void (*fn)(void *ctx), void *ctx); /* NULL when out of memory */
void net_timer_set(net_timer *t, int64_t delay_ms);
void net_timer_cancel(net_timer *t);
void net_timer_free(net_timer *t); /* NULL is allowed */

#endif
