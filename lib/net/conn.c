#include "net/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/internal.h"

enum {
  LOOK_SWEEPS = 4, /* of which one looks for a lost network; every other connection has another */
  QUEUE_CEILING = 16 << 20,
  STUFFED_BYTES = 32768, /* unread: at most half of what a socket takes */
  DROPPED_LINGER_MS = 2000,
  FIN_UNREAD_MS = 15000, /* with unread bytes in front of a FIN we wait for the codec to read them, but not for ever */
};

/* The one writer of ->state; states only move on. */
static void set_state(net_conn *c, enum net__conn_state state) {
  assert(state > c->state);
  c->state = state;
}

/* Watched while something must be looked for that no event will tell. */
static void update_watch(net_conn *c) {
  net__hangup_watch(c, c->paused && c->state == NET__OPEN);
  net__loop_watch(c->loop, c, c->deadline_ms != 0 || base_buf_size(&c->out) > 0 || c->guard);
}

static void kill_later(net_conn *c) {
  if (c->state != NET__DEAD) {
    set_state(c, NET__DEAD);
    net__loop_add_turn(c->loop, c);
  }
}

void net__conn_fail(net_conn *c, const char *why) {
  if (c->dial && c->state != NET__DEAD) {
    net__dial_failed(c->dial, why);
  }
  kill_later(c);
}

void net__conn_set_deadline(net_conn *c, int64_t delay_ms) {
  c->deadline_ms = delay_ms > 0 ? base_now_ms() + delay_ms : 0;
  update_watch(c);
}

net_conn *net__conn_new(net_loop *l, int fd, const net__address *peer) {
  net_conn *c = calloc(1, sizeof *c);
  if (!c) {
    return NULL;
  }
  c->loop = l;
  c->fd = fd;
  base_buf_init(&c->out, QUEUE_CEILING);
  net__address_name(peer, c->peer);
  return c;
}

/* What waits in the queues of all loops. */
static _Atomic int64_t queued_bytes;

static void count_queued(int64_t more) { atomic_fetch_add_explicit(&queued_bytes, more, memory_order_relaxed); }

int64_t net_queued_bytes(void) { return atomic_load_explicit(&queued_bytes, memory_order_relaxed); }

static void dispose(net_conn *c) {
  net__loop_drop(c->loop, c);
  if (c->accepted && c->listener->options.on_end) {
    c->listener->options.on_end(c->listener->options.ctx, c);
  }
  if (c->listener) {
    net__listener_forget(c->listener);
  }
  if (c->dial) {
    net__dial_free(c->dial);
  }
  net__tls_free(c->tls);
  count_queued(-(int64_t)base_buf_size(&c->out));
  base_buf_dispose(&c->out);
  free(c);
}

bool net__conn_adopt(net_conn *c) {
  c->adopting = true;
  c->wsi = net__lws_adopt(c->loop->lws, c->fd, c);
  c->adopting = false;
  if (!c->wsi) {
    c->fd = -1;
  }
  return c->wsi != NULL;
}

void net__conn_open(net_conn *c) {
  set_state(c, NET__OPEN);
  c->has_read = true;
  net__conn_set_deadline(c, 0);
  if (c->paused) {
    net__lws_pause(c->wsi, true);
  }
  net__dial_open(c->dial);
}

void net__conn_start(net_conn *c, net_listener *listener) {
  const net_listener_options *options = &listener->options;
  c->listener = listener;
  c->stall_ms = options->stall_ms;
  c->lost_ms = options->lost_ms;
  set_state(c, NET__OPEN);
  if (!net__conn_adopt(c)) {
    dispose(c);
    return;
  }
  if (listener->tls) {
    c->tls = net__tls_accept(c, listener->tls);
    if (!c->tls) {
      kill_later(c);
      return;
    }
  }
  net__conn_set_deadline(c, options->first_byte_ms);
  c->accepted = options->on_accept(options->ctx, c);
  if (!c->accepted && c->state == NET__OPEN) {
    kill_later(c);
  }
}

void net__conn_on_raw(net_conn *c, base_span bytes) {
  if (c->dropping) {
    return;
  }
  if (!c->tls) {
    net__conn_on_bytes(c, bytes);
  } else if (c->state <= NET__OPEN) {
    net__tls_on_bytes(c->tls, bytes);
  }
}

/* Before the handshake is done a writable socket is of no use, and asking for it would spin. */
static void await_writable(net_conn *c) {
  if (!c->tls || net__tls_is_up(c->tls)) {
    net__lws_want_write(c->wsi);
  }
}

void net__conn_on_tls_up(net_conn *c) {
  if (c->dial) {
    net__conn_open(c);
  } else if (base_buf_size(&c->out) > 0) {
    await_writable(c);
  }
}

void net__conn_on_bytes(net_conn *c, base_span bytes) {
  if (!c->has_read) {
    c->has_read = true;
    if (c->state == NET__OPEN) {
      net__conn_set_deadline(c, 0);
    }
  }
  if (c->state != NET__OPEN || !c->vt) {
    return; /* lingering: dropped */
  }
  c->vt->on_bytes(c->codec, bytes);
  if (c->vt->on_flush) {
    net__loop_add_turn(c->loop, c);
  }
}

/* Sends the queue. False when the connection is broken. */
static bool drain(net_conn *c) {
  ssize_t n = net__transport_write(c, base_buf_span(&c->out));
  if (n < 0) {
    return false;
  }
  base_buf_consume(&c->out, (size_t)n);
  count_queued(-n);
  if (base_buf_size(&c->out) > 0) {
    c->taken_ms = n > 0 ? base_now_ms() : c->taken_ms;
    await_writable(c);
    return true;
  }
  base_buf_shrink(&c->out); /* idle connections cost nothing */
  update_watch(c);
  return true;
}

void net__conn_on_writable(net_conn *c) {
  if (c->tls && c->state <= NET__OPEN && net__tls_wants_write(c->tls)) {
    net__tls_on_bytes(c->tls, (base_span){0});
  }
  if (c->state == NET__DEAD || base_buf_size(&c->out) == 0) {
    return;
  }
  if (!drain(c)) {
    net__conn_fail(c, net__transport_error());
    return;
  }
  if (base_buf_size(&c->out) > 0) {
    return;
  }
  if (c->state == NET__OPEN && c->vt) {
    c->vt->on_drained(c->codec);
    return;
  }
  net__loop_add_turn(c->loop, c);
}

/* lws reads on only when what TLS has kept is through, so that nothing overtakes it. */
static void resume(net_conn *c) {
  c->resuming = false;
  net__tls_on_bytes(c->tls, (base_span){0});
  if (c->state == NET__OPEN && !c->paused) {
    net__lws_pause(c->wsi, false);
  }
}

void net__conn_on_turn(net_conn *c) {
  switch (c->state) {
  case NET__CONNECTING: return;
  case NET__OPEN:
    if (c->resuming && !c->paused) {
      resume(c);
    }
    if (c->state == NET__OPEN && c->vt && c->vt->on_flush) {
      c->vt->on_flush(c->codec);
    }
    return;
  case NET__CLOSING:
    if (base_buf_size(&c->out) == 0) {
      net__transport_shut(c);
      set_state(c, NET__SHUT);
    }
    return;
  case NET__SHUT: return;
  case NET__DEAD:
    if (c->wsi) {
      net__lws_kill(c->wsi);
    } else {
      net__conn_on_gone(c);
    }
    return;
  }
}

bool net__conn_on_fin(net_conn *c, int64_t since_ms) {
  if (base_buf_size(&c->out) > 0) {
    return false; /* an answer is on its way: a peer that is gone resets it, one that has only half-closed reads it */
  }
  /* A TLS peer that closes leaves its close_notify unread, so there unread bytes say nothing. */
  if (!c->guard && since_ms < FIN_UNREAD_MS && !c->tls && net__transport_unread(c) > 0) {
    return false;
  }
  net__conn_fail(c, "");
  return true;
}

static void set_probing(net_conn *c, bool on) {
  if (c->probing != on) {
    int pace_s = on ? 1 + (int)(c->lost_ms / 3000) : 0; /* two probes before a network counts as lost */
    c->probing = on;
    net__address_set_probes(c->fd, pace_s, pace_s);
  }
}

/* Not by TCP_USER_TIMEOUT, which also ends a peer that acknowledges everything and only does not read. Such a one is asked rarely, and a look may come just then: so one look alone proves nothing. */
static bool is_lost(net_conn *c) {
  set_probing(c, true);
  bool was_silent = c->silent;
  c->silent = net__transport_silence_ms(c) >= c->lost_ms;
  return c->silent && was_silent;
}

/* A FIN comes behind all bytes, so a full socket hides that the peer is gone. */
static void drop_if_stuffed(net_conn *c) {
  if (c->guard == NET_GUARD_ANSWER && c->paused && !c->dropping && net__transport_unread(c) >= STUFFED_BYTES) {
    c->dropping = true;
    net__lws_pause(c->wsi, false);
  }
}

static bool looks_now(const net_conn *c) {
  return c->guard && c->state == NET__OPEN && (c->loop->sweeps + (unsigned)c->fd) % LOOK_SWEEPS == 0;
}

void net__conn_on_sweep(net_conn *c, int64_t now_ms) {
  if (base_buf_size(&c->out) > 0 && now_ms - c->taken_ms >= c->stall_ms) {
    net__conn_fail(c, "the peer takes nothing");
  } else if (c->deadline_ms != 0 && now_ms >= c->deadline_ms) {
    net__conn_fail(c, strerror(ETIMEDOUT));
  } else if (looks_now(c)) {
    drop_if_stuffed(c);
    if (is_lost(c)) {
      net__conn_fail(c, "the peer's network is lost");
    }
  }
}

void net__conn_on_gone(net_conn *c) {
  c->wsi = NULL;
  if (c->adopting) {
    return; /* who adopts it cleans up */
  }
  if (c->dial && c->state == NET__OPEN && net__transport_is_broken(c)) {
    net__dial_failed(c->dial, strerror(ECONNRESET));
  }
  if (c->dial && c->state == NET__CONNECTING && !c->loop->freeing) {
    net__dial_failed(c->dial, "TLS: the server closed the connection in the handshake");
  }
  net__loop_drop(c->loop, c);
  if (c->vt) {
    c->vt->on_closed(c->codec);
  }
  dispose(c);
}

void net_conn_set_codec(net_conn *c, const net_codec_vt *vt, void *codec) {
  c->vt = vt;
  c->codec = codec;
}

net_loop *net_conn_loop(net_conn *c) { return c->loop; }
const char *net_conn_peer(const net_conn *c) { return c->peer; }
bool net_conn_is_tls(const net_conn *c) { return c->tls != NULL; }
const char *net_conn_peer_subject(const net_conn *c) { return c->tls ? net__tls_subject(c->tls) : ""; }
size_t net_conn_queued(const net_conn *c) { return base_buf_size(&c->out); }

base_span net_conn_alpn(const net_conn *c) { return c->tls ? net__tls_alpn(c->tls) : (base_span){0}; }

base_err net_conn_write(net_conn *c, base_span bytes) {
  bool was_empty = base_buf_size(&c->out) == 0;
  if (c->state != NET__OPEN || !c->wsi) {
    return base_fail(BASE_E_IO);
  }
  if (was_empty && bytes.n > 0) {
    ssize_t n = net__transport_write(c, bytes);
    if (n < 0) {
      net__conn_fail(c, net__transport_error());
      return base_fail(BASE_E_IO);
    }
    bytes = base_span_of(bytes.p + n, bytes.n - (size_t)n);
  }
  if (bytes.n == 0) {
    return BASE_OK;
  }
  base_err e = base_buf_append(&c->out, bytes);
  if (!base_is_ok(e)) {
    net__conn_fail(c, base_err_text(e));
    return e;
  }
  count_queued((int64_t)bytes.n);
  if (was_empty) {
    c->taken_ms = base_now_ms();
    update_watch(c);
    await_writable(c);
  }
  return BASE_OK;
}

void net_conn_flush_later(net_conn *c) {
  if (c->state == NET__OPEN) {
    net__loop_add_turn(c->loop, c);
  }
}

void net_conn_pause(net_conn *c, bool paused) {
  if (c->paused == paused || c->state > NET__OPEN) {
    return;
  }
  if (c->dropping) {
    net_conn_close(c, DROPPED_LINGER_MS); /* bytes are missing from what would be read */
    return;
  }
  c->paused = paused;
  if (c->state == NET__CONNECTING) {
    return; /* net__conn_open looks */
  }
  update_watch(c);
  if (!paused && c->tls && net__tls_has_kept(c->tls)) {
    c->resuming = true;
    net__loop_add_turn(c->loop, c);
    return;
  }
  net__lws_pause(c->wsi, paused);
}

void net_conn_guard(net_conn *c, enum net_guard guard) {
  if (c->guard == guard || c->lost_ms == 0 || c->state > NET__OPEN) {
    return;
  }
  c->guard = guard;
  if (!guard) {
    c->silent = false;
    set_probing(c, false);
  }
  update_watch(c);
}

void net_conn_close(net_conn *c, int64_t linger_ms) {
  if (c->state > NET__OPEN) {
    return;
  }
  if (linger_ms <= 0 || c->state == NET__CONNECTING) {
    kill_later(c);
    return;
  }
  set_state(c, NET__CLOSING);
  if (c->paused) {
    c->paused = false;
    net__lws_pause(c->wsi, false);
  }
  c->deadline_ms = base_now_ms() + linger_ms;
  update_watch(c);
  net__loop_add_turn(c->loop, c);
}
