#include "net/loop.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/internal.h"

static const int signals[NET__SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

static void on_idle(uv_idle_t *h) { (void)h; }

void net__loop_add_turn(net_loop *l, net_conn *c) {
  if (!c->in_turn) {
    c->in_turn = true;
    l->turn_count++;
    TAILQ_INSERT_TAIL(&l->turn, c, turn);
  }
}

static void remove_turn(net_loop *l, net_conn *c) {
  if (c->in_turn) {
    c->in_turn = false;
    l->turn_count--;
    TAILQ_REMOVE(&l->turn, c, turn);
  }
}

/* Only those present at the start: what they add waits for the next turn, so that one turn is bounded. */
static void run_turn(net_loop *l) {
  for (size_t n = l->turn_count; n > 0 && !TAILQ_EMPTY(&l->turn); n--) {
    net_conn *c = TAILQ_FIRST(&l->turn);
    remove_turn(l, c);
    net__conn_on_turn(c);
  }
}

/* libuv's order is timers, prepare, poll, check: `check` ends a turn of sockets and wake-ups, `prepare` one of timers. */
static void on_prepare(uv_prepare_t *h) {
  net_loop *l = h->data;
  run_turn(l);
  if (l->turn_count > 0) {
    uv_idle_start(&l->idle, on_idle);
  }
  base_log_flush();
}

static void on_check(uv_check_t *h) {
  net_loop *l = h->data;
  uv_idle_stop(&l->idle);
  run_turn(l);
}

static void on_sweep(uv_timer_t *h) {
  net_loop *l = h->data;
  int64_t now_ms = base_now_ms();
  l->sweeps++;
  for (net_conn *c = LIST_FIRST(&l->watched), *next; c; c = next) {
    next = LIST_NEXT(c, watch);
    net__conn_on_sweep(c, now_ms);
  }
  if (LIST_EMPTY(&l->watched)) {
    uv_timer_stop(h);
  }
}

void net__loop_watch(net_loop *l, net_conn *c, bool on) {
  if (on == c->in_watch) {
    return;
  }
  c->in_watch = on;
  if (!on) {
    LIST_REMOVE(c, watch);
    return;
  }
  LIST_INSERT_HEAD(&l->watched, c, watch);
  if (!uv_is_active((uv_handle_t *)&l->sweep)) {
    uv_timer_start(&l->sweep, on_sweep, NET__SWEEP_MS, NET__SWEEP_MS);
  }
}

void net__loop_drop(net_loop *l, net_conn *c) {
  remove_turn(l, c);
  net__loop_watch(l, c, false);
  net__hangup_forget(c);
}

static void on_async(uv_async_t *h) {
  net_loop *l = h->data;
  /* Cleared before the owner looks at its queue, so that what comes later wakes again. */
  if (atomic_exchange_explicit(&l->woken, false, memory_order_acq_rel) && l->options.on_wake) {
    l->options.on_wake(l->options.ctx);
  }
  if (atomic_load_explicit(&l->stopping, memory_order_acquire)) {
    uv_stop(&l->uv);
  }
}

static void on_signal(uv_signal_t *h, int number) {
  net_loop *l = h->data;
  if (l->options.on_signal) {
    l->options.on_signal(l->options.ctx, number);
  }
}

static void start_handles(net_loop *l) {
  uv_async_init(&l->uv, &l->wake, on_async);
  uv_prepare_init(&l->uv, &l->prepare);
  uv_check_init(&l->uv, &l->check);
  uv_idle_init(&l->uv, &l->idle);
  uv_timer_init(&l->uv, &l->sweep);
  l->wake.data = l->prepare.data = l->check.data = l->sweep.data = l;
  uv_prepare_start(&l->prepare, on_prepare);
  uv_check_start(&l->check, on_check);
  for (int i = 0; i < NET__SIGNALS; i++) {
    uv_signal_init(&l->uv, &l->signals[i]);
    l->signals[i].data = l;
    if (l->options.handle_signals) {
      uv_signal_start(&l->signals[i], on_signal, signals[i]);
    }
  }
}

static void on_timer_closed(uv_handle_t *h) { free(h->data); }

/* Closes every handle of ours and turns the loop until they and lws's are gone. */
static void drain_handles(net_loop *l) {
  while (!LIST_EMPTY(&l->timers)) {
    net_timer_free(LIST_FIRST(&l->timers));
  }
  uv_close((uv_handle_t *)&l->wake, NULL);
  uv_close((uv_handle_t *)&l->prepare, NULL);
  uv_close((uv_handle_t *)&l->check, NULL);
  uv_close((uv_handle_t *)&l->idle, NULL);
  uv_close((uv_handle_t *)&l->sweep, NULL);
  net__hangups_close(&l->hangups);
  for (int i = 0; i < NET__SIGNALS; i++) {
    uv_close((uv_handle_t *)&l->signals[i], NULL);
    if (l->options.handle_signals) {
      signal(signals[i],
             SIG_IGN); /* a second SIGTERM in the last moments must not turn a clean end into a death by signal */
    }
  }
  uv_run(&l->uv, UV_RUN_DEFAULT);
}

base_err net_loop_new(const net_loop_options *options, net_loop **out) {
  net_loop *l = calloc(1, sizeof *l);
  if (!l) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  if (uv_loop_init(&l->uv) != 0) {
    free(l);
    return base_fail(BASE_E_IO);
  }
  signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
  l->options = options ? *options : (net_loop_options){0};
  TAILQ_INIT(&l->turn);
  LIST_INIT(&l->watched);
  LIST_INIT(&l->timers);
  LIST_INIT(&l->listeners);
  LIST_INIT(&l->sockets);
  LIST_INIT(&l->dials);
  LIST_INIT(&l->lookups);
  start_handles(l);
  base_err e = net__hangups_open(&l->hangups, &l->uv);
  if (base_is_ok(e)) {
    e = net__lws_new(&l->uv, &l->lws);
  }
  if (!base_is_ok(e)) {
    net_loop_free(l);
    return e;
  }
  *out = l;
  return BASE_OK;
}

void net_loop_run(net_loop *l) {
  base_log_gather(true); /* one write for the lines of a turn: a busy gateway logs each call */
  while (!atomic_load_explicit(&l->stopping, memory_order_acquire)) {
    uv_run(&l->uv, UV_RUN_DEFAULT);
  }
  atomic_store_explicit(&l->stopping, false, memory_order_release);
  base_log_gather(false);
}

void net_loop_stop(net_loop *l) {
  atomic_store_explicit(&l->stopping, true, memory_order_release);
  uv_async_send(&l->wake);
}

void net_loop_wake(net_loop *l) {
  if (!atomic_exchange_explicit(&l->woken, true, memory_order_acq_rel)) {
    uv_async_send(&l->wake);
  }
}

void net_loop_free(net_loop *l) {
  if (!l) {
    return;
  }
  net_listener *s;
  l->freeing = true;
  net__resolve_end_all(l);
  net__dial_end_all(l);
  LIST_FOREACH(s, &l->listeners, all) { net_listener_close(s); } /* they free themselves later, in drain_handles */
  net__ws_end_all(l);
  if (l->lws) {
    net__lws_close(l->lws);
  }
  drain_handles(l);
  if (l->lws) {
    net__lws_free(l->lws);
  }
  net__ws_free_all(l);
  net__hangups_free(&l->hangups);
  uv_loop_close(&l->uv);
  free(l);
}

static void on_timer(uv_timer_t *h) {
  net_timer *t = h->data;
  t->fn(t->ctx);
}

net_timer *net_timer_new(net_loop *l, void (*fn)(void *ctx), void *ctx) {
  net_timer *t = calloc(1, sizeof *t);
  if (!t) {
    return NULL;
  }
  uv_timer_init(&l->uv, &t->uv);
  t->uv.data = t;
  t->fn = fn;
  t->ctx = ctx;
  LIST_INSERT_HEAD(&l->timers, t, all);
  return t;
}

void net_timer_set(net_timer *t, int64_t delay_ms) {
  /* libuv counts from the start of the turn; after a long one that would fire too early. */
  uv_update_time(t->uv.loop);
  uv_timer_start(&t->uv, on_timer, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

void net_timer_cancel(net_timer *t) { uv_timer_stop(&t->uv); }

void net_timer_free(net_timer *t) {
  if (t) {
    LIST_REMOVE(t, all);
    uv_close((uv_handle_t *)&t->uv, on_timer_closed);
  }
}
