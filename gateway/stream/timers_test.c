#include <stdlib.h>

#include "base/clock.h"
#include "base/test.h"
#include "gateway/stream/timers.h"

enum { MANY = 300 };

static struct {
  gw_timers heap;
  gw_timer timers[MANY];
  int64_t fired[MANY]; /* at_ms in the order of firing */
  int count;
  int earlier;
  int64_t earliest;
} w;

static void on_fire(gw_timer *timer, int64_t now_ms) {
  CHECK(timer->at_ms <= now_ms && !timer->is_set);
  w.fired[w.count++] = timer->at_ms;
}

static void on_earlier(void *ctx, int64_t at_ms) {
  CHECK(ctx == &w);
  w.earlier++;
  w.earliest = at_ms;
}

static void setup(void) {
  memset(&w, 0, sizeof w);
  w.heap = (gw_timers){.on_earlier = on_earlier, .ctx = &w};
  for (int i = 0; i < MANY; i++) {
    w.timers[i].fn = on_fire;
  }
}

static void fires_in_order_and_not_before_time(void) {
  setup();
  gw_timer_set(&w.heap, &w.timers[0], 30);
  gw_timer_set(&w.heap, &w.timers[1], 10);
  gw_timer_set(&w.heap, &w.timers[2], 20);
  gw_timers_run(&w.heap, 9);
  CHECK_INT(w.count, 0);
  gw_timers_run(&w.heap, 20);
  CHECK_INT(w.count, 2);
  CHECK_INT(w.fired[0], 10);
  CHECK_INT(w.fired[1], 20);
  gw_timers_run(&w.heap, INT64_MAX);
  CHECK_INT(w.count, 3);
  CHECK(w.heap.first == NULL);
}

static void tells_only_what_is_earlier(void) {
  setup();
  gw_timer_set(&w.heap, &w.timers[0], 30);
  gw_timer_set(&w.heap, &w.timers[1], 40);
  CHECK_INT(w.earlier, 1);
  gw_timer_set(&w.heap, &w.timers[1], 5);
  CHECK_INT(w.earlier, 2);
  CHECK_INT(w.earliest, 5);
}

static void cancelled_and_moved(void) {
  setup();
  gw_timer_cancel(&w.heap, &w.timers[0]);
  gw_timer_set(&w.heap, &w.timers[0], 10);
  gw_timer_set(&w.heap, &w.timers[1], 11);
  gw_timer_cancel(&w.heap, &w.timers[0]);
  gw_timer_cancel(&w.heap, &w.timers[0]);
  gw_timer_set(&w.heap, &w.timers[1], 50);
  gw_timers_run(&w.heap, 49);
  CHECK_INT(w.count, 0);
  gw_timers_run(&w.heap, 50);
  CHECK_INT(w.count, 1);
}

static void set_again(gw_timer *timer, int64_t now_ms) {
  if (w.count++ < 3) {
    gw_timer_set(&w.heap, timer, now_ms);
  }
}

static void a_timer_may_be_set_from_its_callback(void) {
  setup();
  w.timers[0].fn = set_again;
  gw_timer_set(&w.heap, &w.timers[0], 1);
  gw_timers_run(&w.heap, 1);
  CHECK_INT(w.count, 4);
}

static gw_timer *victim;
static void cancel_another(gw_timer *timer, int64_t now_ms) {
  on_fire(timer, now_ms);
  gw_timer_cancel(&w.heap, victim);
}

static void one_that_is_due_may_be_cancelled_by_another(void) {
  setup();
  victim = &w.timers[1];
  w.timers[0].fn = cancel_another;
  gw_timer_set(&w.heap, &w.timers[0], 1);
  gw_timer_set(&w.heap, victim, 1);
  gw_timer_set(&w.heap, &w.timers[2], 2);
  gw_timers_run(&w.heap, 5);
  CHECK_INT(w.count, 2);
  CHECK_INT(w.fired[1], 2);
}

/* Against the plainest model: a list of what is set. */
static void agrees_with_a_list(void) {
  int64_t set[MANY]; /* 0 = not set */
  int64_t now = 0;
  uint32_t seed = 7;
  setup();
  memset(set, 0, sizeof set);
  for (int step = 0; step < 20000; step++) {
    seed = seed * 1664525u + 1013904223u;
    int i = (int)(seed >> 16) % MANY, what = (int)(seed >> 8) % 8;
    if (what < 4) {
      set[i] = now + 1 + (int64_t)(seed >> 12) % 500;
      gw_timer_set(&w.heap, &w.timers[i], set[i]);
    } else if (what < 7) {
      set[i] = 0;
      gw_timer_cancel(&w.heap, &w.timers[i]);
    } else {
      int due = 0;
      now += (int64_t)(seed >> 20) % 40;
      for (int k = 0; k < MANY; k++) {
        due += set[k] != 0 && set[k] <= now;
        set[k] = set[k] <= now ? 0 : set[k];
      }
      w.count = 0;
      gw_timers_run(&w.heap, now);
      CHECK_INT(w.count, due);
      for (int k = 1; k < w.count; k++) {
        CHECK(w.fired[k - 1] <= w.fired[k]);
      }
    }
    for (int k = 0; k < MANY && step % 500 == 0; k++) {
      CHECK_INT(w.timers[k].is_set, set[k] != 0);
    }
  }
}

static net_loop *loop;
static gw_ticker *ticker;
static void on_tick(gw_timer *timer, int64_t now_ms) {
  CHECK(base_now_ms() >= now_ms);
  on_fire(timer, now_ms);
  if (w.count == 2) {
    net_loop_stop(loop);
  }
}

static void a_loop_drives_them(void) {
  setup();
  CHECK_OK(net_loop_new(NULL, &loop));
  CHECK_OK(gw_ticker_new(loop, &ticker));
  gw_timers *timers = gw_ticker_timers(ticker);
  int64_t now = base_now_ms();
  for (int i = 0; i < 3; i++) {
    w.timers[i].fn = on_tick;
  }
  gw_timer_set(timers, &w.timers[0], now + 40);
  gw_timer_set(timers, &w.timers[1], now + 5);
  gw_timer_set(timers, &w.timers[2], now + 1);
  gw_timer_cancel(timers, &w.timers[2]);
  net_loop_run(loop);
  CHECK_INT(w.count, 2);
  CHECK_INT(w.fired[0], now + 5);
  net_loop_free(loop);
  gw_ticker_free(ticker);
}

TEST_MAIN(TEST(fires_in_order_and_not_before_time), TEST(tells_only_what_is_earlier), TEST(cancelled_and_moved),
          TEST(a_timer_may_be_set_from_its_callback), TEST(one_that_is_due_may_be_cancelled_by_another),
          TEST(agrees_with_a_list), TEST(a_loop_drives_them))
