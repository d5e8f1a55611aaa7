#include <stdlib.h>

#include "base/clock.h"
#include "gateway/stream/timers.h"

struct gw_ticker {
  gw_timers timers;
  net_timer *timer; /* freed with the loop */
  int64_t armed_ms; /* when it fires; INT64_MAX: not set */
};

/* Cancelled deadlines leave it armed: one early look is cheaper than a system's timer moved for every call that ends. */
static void arm(void *ctx, int64_t at_ms) {
  gw_ticker *t = ctx;
  if (at_ms < t->armed_ms) {
    t->armed_ms = at_ms;
    net_timer_set(t->timer, at_ms - base_now_ms());
  }
}

static void on_timer(void *ctx) {
  gw_ticker *t = ctx;
  t->armed_ms = INT64_MAX;
  gw_timers_run(&t->timers, base_now_ms());
  if (t->timers.first) {
    arm(t, t->timers.first->at_ms);
  }
}

base_err gw_ticker_new(net_loop *loop, gw_ticker **out) {
  gw_ticker *t = calloc(1, sizeof *t);
  if (t == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  t->timer = net_timer_new(loop, on_timer, t);
  if (t->timer == NULL) {
    free(t);
    return base_fail(BASE_E_NO_MEMORY);
  }
  t->armed_ms = INT64_MAX;
  t->timers = (gw_timers){.on_earlier = arm, .ctx = t};
  *out = t;
  return BASE_OK;
}

void gw_ticker_free(gw_ticker *t) { free(t); }

gw_timers *gw_ticker_timers(gw_ticker *t) { return &t->timers; }
