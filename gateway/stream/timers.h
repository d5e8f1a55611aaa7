/* timers.h - the deadlines of many calls behind one timer of the loop: an intrusive heap, which allocates nothing and so cannot fail.
 *
 * gw_timers is pure: time is an argument. gw_ticker drives one with a net_timer; there is one for each worker. Loop thread only. Times are on base_now_ms()'s clock.
 * A pairing heap (Fredman, Sedgewick, Sleator, Tarjan, 1986), as insertion and the removal of any node are what calls do: most end long before their deadline.
 */
#ifndef PONTE_GATEWAY_TIMERS_H
#define PONTE_GATEWAY_TIMERS_H

#include "net/loop.h"

/* Part of what waits; zeroed at first. All but `fn` is the heap's. */
typedef struct gw_timer {
  void (*fn)(struct gw_timer *timer,
             int64_t now_ms); /* the timer is out of the heap then, and may be set again or freed */
  int64_t at_ms;
  struct gw_timer *child, *next, *prev; /* first child; siblings; prev is the parent for the first of them */
  bool is_set;
} gw_timer;

/* Zeroed at first. */
typedef struct gw_timers {
  gw_timer *first; /* the earliest */
  /* The earliest time moved forward: look again at at_ms. NULL is allowed. May be called from inside gw_timer_set. */
  void (*on_earlier)(void *ctx, int64_t at_ms);
  void *ctx;
} gw_timers;

/* Sets, or moves one that is set. */
void gw_timer_set(gw_timers *heap, gw_timer *timer, int64_t at_ms);
/* Harmless if it is not set. */
void gw_timer_cancel(gw_timers *heap, gw_timer *timer);
/* Fires what is due, earliest first; what a callback sets anew for `now_ms` or before fires too. */
void gw_timers_run(gw_timers *heap, int64_t now_ms);

typedef struct gw_ticker gw_ticker;

/* NO_MEMORY only. */
base_err gw_ticker_new(net_loop *loop, gw_ticker **out) BASE_MUST_USE;
/* After the loop was freed and the last call ended: abandoned calls still cancel their timers until then. NULL is allowed. */
void gw_ticker_free(gw_ticker *t);
gw_timers *gw_ticker_timers(gw_ticker *t);

#endif
