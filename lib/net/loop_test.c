#include "net/loop.h"

#include <signal.h>
#include <stdlib.h>

#include "base/test.h"
#include "net/test_peer.h"

enum { THREADS = 4, WAKES = 5000 };

/* A queue as its users have one: what is put before the wake-up must be seen after it. */
typedef struct {
  net_loop *loop;
  pthread_mutex_t lock;
  int put, seen, wakes;
  int signal;
} shared;

static void on_wake(void *ctx) {
  shared *s = ctx;
  pthread_mutex_lock(&s->lock);
  s->wakes++;
  s->seen = s->put;
  bool done = s->seen == THREADS * WAKES;
  pthread_mutex_unlock(&s->lock);
  if (done) {
    net_loop_stop(s->loop);
  }
}

static void *wake_many(void *arg) {
  shared *s = arg;
  for (int i = 0; i < WAKES; i++) {
    pthread_mutex_lock(&s->lock);
    s->put++;
    pthread_mutex_unlock(&s->lock);
    net_loop_wake(s->loop);
  }
  return NULL;
}

static void wakes_from_threads_are_never_lost(void) {
  shared s = {.lock = PTHREAD_MUTEX_INITIALIZER};
  pthread_t threads[THREADS];
  CHECK_OK(net_loop_new(&(net_loop_options){.on_wake = on_wake, .ctx = &s}, &s.loop));
  for (int i = 0; i < THREADS; i++) {
    pthread_create(&threads[i], NULL, wake_many, &s);
  }
  net_loop_run(s.loop);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_INT(s.seen, THREADS * WAKES);
  CHECK(s.wakes <= THREADS * WAKES);
  net_loop_free(s.loop);
}

static void a_stop_before_run_counts(void) {
  net_loop *l = NULL;
  CHECK_OK(net_loop_new(NULL, &l));
  net_loop_stop(l);
  net_loop_run(l);
  net_loop_stop(l); /* and the loop can run again */
  net_loop_run(l);
  net_loop_free(l);
}

typedef struct {
  net_loop *loop;
  net_timer *timers[4];
  char order[8];
  int n;
} timer_test;

static void on_first(void *ctx) {
  timer_test *t = ctx;
  t->order[t->n++] = '1';
  net_timer_cancel(t->timers[1]);
  net_timer_set(t->timers[2], 2);
  net_timer_free(t->timers[0]); /* inside its own callback */
}
static void on_second(void *ctx) {
  timer_test *t = ctx;
  t->order[t->n++] = '2';
}
static void on_third(void *ctx) {
  timer_test *t = ctx;
  t->order[t->n++] = '3';
  if (t->n == 2) {
    net_timer_set(t->timers[2], 0); /* one-shot, until set again */
    return;
  }
  net_loop_stop(t->loop);
}

static void timers_fire_move_cancel_and_die(void) {
  timer_test t = {0};
  CHECK_OK(net_loop_new(NULL, &t.loop));
  t.timers[0] = net_timer_new(t.loop, on_first, &t);
  t.timers[1] = net_timer_new(t.loop, on_second, &t);
  t.timers[2] = net_timer_new(t.loop, on_third, &t);
  t.timers[3] = net_timer_new(t.loop, on_second, &t);
  net_timer_set(t.timers[1], 1000);
  net_timer_set(t.timers[2], 3600 * 1000);
  net_timer_set(t.timers[0], 1);
  net_timer_set(t.timers[3], 0);
  net_timer_free(t.timers[3]);
  net_timer_free(NULL);
  net_loop_run(t.loop);
  CHECK_STR(t.order, "133");
  net_loop_free(t.loop); /* frees the two that are left */
}

static void on_signal(void *ctx, int number) {
  shared *s = ctx;
  s->signal = number;
  net_loop_stop(s->loop);
}

static void signals_arrive_on_the_loop(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    shared s = {0};
    CHECK_OK(net_loop_new(&(net_loop_options){.on_signal = on_signal, .ctx = &s, .handle_signals = true}, &s.loop));
    raise(numbers[i]);
    net_loop_run(s.loop);
    CHECK_INT(s.signal, numbers[i]);
    net_loop_free(s.loop);
    raise(numbers[i]); /* late, and survived */
  }
}

TEST_MAIN(TEST(wakes_from_threads_are_never_lost), TEST(a_stop_before_run_counts),
          TEST(timers_fire_move_cancel_and_die), TEST(signals_arrive_on_the_loop))
