#include "net_double.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "fuzz.h"

enum { QUEUE_CEILING = 16 << 20, TURNS_MAX = 10000 };

struct net_loop {
  int unused;
};

struct net_timer {
  void (*fn)(void *ctx);
  void *ctx;
  bool is_set, due;
  LIST_ENTRY(net_timer) all;
};

struct net_conn {
  const net_codec_vt *vt;
  void *codec;
  base_buf in; /* behind a pause */
  size_t queued;
  int64_t linger_ms;
  bool open, paused, want_flush, closing, stuck, drained;
};

static net_loop the_loop;
static net_conn the_conn;
static LIST_HEAD(, net_timer) timers;

/* -- net/loop.h ---------------------------------------------------------------------------------------------------------- */

net_timer *net_timer_new(net_loop *l, void (*fn)(void *ctx), void *ctx) {
  (void)l;
  net_timer *t = calloc(1, sizeof *t);
  FUZZ_CHECK(t != NULL);
  t->fn = fn;
  t->ctx = ctx;
  LIST_INSERT_HEAD(&timers, t, all);
  return t;
}

void net_timer_set(net_timer *t, int64_t delay_ms) {
  FUZZ_CHECK(delay_ms >= 0);
  t->is_set = true;
  t->due = false;
}

void net_timer_cancel(net_timer *t) { t->is_set = t->due = false; }

void net_timer_free(net_timer *t) {
  if (t) {
    LIST_REMOVE(t, all);
    free(t);
  }
}

size_t double_free_timers(void) {
  size_t n = 0;
  for (; !LIST_EMPTY(&timers); n++) {
    net_timer_free(LIST_FIRST(&timers));
  }
  return n;
}

static net_timer *first_due(void) {
  net_timer *t;
  LIST_FOREACH(t, &timers, all) {
    if (t->due) {
      return t;
    }
  }
  return NULL;
}

/* -- net/conn.h ---------------------------------------------------------------------------------------------------------- */

void net_conn_set_codec(net_conn *c, const net_codec_vt *vt, void *codec) {
  c->vt = vt;
  c->codec = codec;
}
net_loop *net_conn_loop(net_conn *c) {
  (void)c;
  return &the_loop;
}
const char *net_conn_peer(const net_conn *c) {
  (void)c;
  return "10.0.0.1";
}
base_span net_conn_alpn(const net_conn *c) {
  (void)c;
  return base_span_of(NULL, 0);
}
bool net_conn_is_tls(const net_conn *c) {
  (void)c;
  return false;
}
size_t net_conn_queued(const net_conn *c) { return c->queued; }
int64_t net_queued_bytes(void) { return (int64_t)the_conn.queued; }
void net_conn_flush_later(net_conn *c) { c->want_flush = true; }
void net_conn_pause(net_conn *c, bool paused) { c->paused = paused; }
void net_conn_guard(net_conn *c, enum net_guard guard) { (void)c, (void)guard; }

base_err net_conn_write(net_conn *c, base_span bytes) {
  FUZZ_CHECK(c->open);
  if (c->closing) {
    return base_fail(BASE_E_IO);
  }
  if (!c->stuck) {
    return BASE_OK;
  }
  if (c->queued + bytes.n > QUEUE_CEILING) {
    net_conn_close(c, 0);
    return base_fail(BASE_E_TOO_LARGE);
  }
  c->queued += bytes.n;
  return BASE_OK;
}

void net_conn_close(net_conn *c, int64_t linger_ms) {
  FUZZ_CHECK(c->open);
  c->linger_ms = c->closing && c->linger_ms == 0 ? 0 : linger_ms;
  c->closing = true;
}

/* -- the fuzzer's side ----------------------------------------------------------------------------------------------------- */

net_conn *double_open(void) {
  net_conn *c = &the_conn;
  *c = (net_conn){.open = true};
  base_buf_init(&c->in, 1 << 20);
  return c;
}

bool double_is_open(const net_conn *c) { return c->open; }

static void finish(net_conn *c) {
  c->open = false;
  base_buf_dispose(&c->in);
  if (c->vt) {
    c->vt->on_closed(c->codec);
  }
}

/* From an exact-size copy, so that a sanitizer sees a byte read past the end. */
static void deliver(net_conn *c) {
  base_span bytes = base_buf_span(&c->in);
  uint8_t *copy = malloc(bytes.n);
  FUZZ_CHECK(copy != NULL);
  memcpy(copy, bytes.p, bytes.n);
  base_buf_clear(&c->in);
  c->want_flush = true;
  c->vt->on_bytes(c->codec, base_span_of(copy, bytes.n));
  free(copy);
}

/* One thing that is to be done; false: nothing. */
static bool step(net_conn *c) {
  if (c->closing) {
    if (c->linger_ms == 0 || c->queued == 0) {
      finish(c);
    }
    return false;
  }
  if (c->drained) {
    c->drained = false;
    c->vt->on_drained(c->codec);
  } else if (!c->paused && base_buf_size(&c->in) > 0) {
    deliver(c);
  } else if (c->want_flush) {
    c->want_flush = false;
    if (c->vt->on_flush) {
      c->vt->on_flush(c->codec);
    }
  } else {
    return false;
  }
  return true;
}

void double_turn(net_conn *c) {
  int turns = 0;
  while (c->open && step(c)) {
    FUZZ_CHECK(++turns < TURNS_MAX); /* a codec that keeps the loop busy with nothing */
  }
}

void double_receive(net_conn *c, base_span bytes) {
  if (c->open && !c->closing && bytes.n > 0) {
    /* A peer that keeps sending behind a pause fills the kernel's buffers, not ours. */
    base_err e = base_buf_append(&c->in, bytes);
    FUZZ_CHECK(base_is_ok(e) || c->paused);
  }
  double_turn(c);
}

void double_stick(net_conn *c, bool stuck) {
  c->stuck = stuck;
  if (!stuck && c->queued > 0) {
    c->queued = 0;
    c->drained = true;
  }
  double_turn(c);
}

void double_time(net_conn *c) {
  net_timer *t;
  LIST_FOREACH(t, &timers, all) { t->due = t->is_set; }
  while ((t = first_due()) != NULL) {
    t->due = t->is_set = false;
    t->fn(t->ctx);
    double_turn(c);
  }
  if (c->open && c->closing) {
    finish(c); /* it has lingered long enough */
  }
}

void double_end(net_conn *c) {
  if (c->open) {
    finish(c);
  }
}
