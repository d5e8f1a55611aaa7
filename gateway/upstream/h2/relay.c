/* relay.c - calls on a cluster: they wait for a connection, run on one, and move to another as long as no server has acted on them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gateway/obs/obs.h"
#include "gateway/upstream/h2/cluster_internal.h"

enum {
  KEPT_MAX = 64 << 10, /* request bytes kept for another try */
  TRIES_MAX = 3,
  WAITING_EXTRA = 1 << 20, /* a waiting call holds a message and the browser's window */
};

enum state { WAITING, RUNNING, ENDED };
enum fate { CANCELLED, DEADLINE, FULL, STOPPED };

struct gw__call {
  gw_up_call base; /* first */
  const gw_up_events *events;
  void *ctx;
  gw__cluster *cluster;
  TAILQ_ENTRY(gw__call) entry; /* in waiting or ended */
  gw_h2c_call *h2;             /* while RUNNING */
  enum state state;
  enum fate fate; /* in ENDED */
  bool half_closed, cancelled;
  bool kept_all; /* metadata and all request bytes so far are here: the call can be started anew */
  unsigned tries;
  int64_t deadline_ms;
  size_t credit;
  size_t sent, reported; /* request bytes the running try has taken; those of them (or of an earlier try) told */
  wire_metadata metadata;
  base_buf kept;
  size_t path_n;
  uint8_t path[];
};

static void forget(gw__call *c) {
  c->kept_all = false;
  wire_metadata_dispose(&c->metadata);
  base_buf_dispose(&c->kept);
}

static void call_free(gw__call *c) {
  forget(c);
  free(c);
}

static void wait_in_line(gw__call *c, bool first) {
  gw__cluster *k = c->cluster;
  c->state = WAITING;
  k->waiting_count++;
  gw_obs_upstream(GW_UPSTREAM_WAITING, 1);
  if (c->deadline_ms < k->waiting_due_ms) {
    k->waiting_due_ms = c->deadline_ms;
  }
  if (first) {
    TAILQ_INSERT_HEAD(&k->waiting, c, entry);
  } else {
    TAILQ_INSERT_TAIL(&k->waiting, c, entry);
  }
}

static void leave_line(gw__call *c) {
  TAILQ_REMOVE(&c->cluster->waiting, c, entry);
  c->cluster->waiting_count--;
  gw_obs_upstream(GW_UPSTREAM_WAITING, -1);
}

/* The status is told from the loop. */
static void end_later(gw__call *c, enum fate fate) {
  c->state = ENDED;
  c->fate = fate;
  TAILQ_INSERT_TAIL(&c->cluster->ended, c, entry);
  gw__arm(c->cluster, 0);
}

/* -- from the server -- */

static void on_headers(void *ctx, const wire_metadata *headers) {
  gw__call *c = ctx;
  forget(c);
  c->events->on_headers(c->ctx, headers);
}

static void on_data(void *ctx, base_span run) {
  gw__call *c = ctx;
  c->events->on_data(c->ctx, run);
}

/* What an earlier try has told counts once. */
static void on_written(void *ctx, size_t bytes) {
  gw__call *c = ctx;
  c->sent += bytes;
  if (c->sent > c->reported) {
    bytes = c->sent - c->reported;
    c->reported = c->sent;
    c->events->on_written(c->ctx, bytes);
  }
}

/* The status of our own making. */
static void finish(gw__call *c, int code, const char *text) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set(&status, code, "%s", text);
  c->events->on_status(c->ctx, &status);
  wire_status_dispose(&status);
  call_free(c);
}

/* Servers end a call past its deadline with a mere reset, which says nothing of the reason. */
static bool is_late(const gw__call *c, const wire_status *status) {
  return status->code == BASE_GRPC_UNAVAILABLE && !c->cancelled && base_now_ms() >= c->deadline_ms;
}

/* A server of the C core that shuts down ends the calls it has not begun with these words, as if the caller had wanted it (lib/rpc/client_call.c meets the same).
 * They are no promise that nothing happened, so there is no other try. */
static bool was_dropped(const gw__call *c, const wire_status *status) {
  return status->code == BASE_GRPC_CANCELLED && !c->cancelled &&
         base_span_is(base_buf_span(&status->message), "CANCELLED");
}

static void on_status(void *ctx, const wire_status *status, bool unprocessed) {
  gw__call *c = ctx;
  gw__cluster *k = c->cluster;
  c->h2 = NULL;
  if (unprocessed && c->kept_all && !c->cancelled && !k->stopped && c->tries < TRIES_MAX) {
    c->sent = 0;
    gw_obs_upstream(GW_UPSTREAM_RETRIES, 1);
    wait_in_line(c, true);
    gw__arm(k, 0);
    return;
  }
  if (is_late(c, status)) {
    finish(c, BASE_GRPC_DEADLINE_EXCEEDED, "the deadline passed");
    return;
  }
  if (was_dropped(c, status)) {
    finish(c, BASE_GRPC_UNAVAILABLE, "the server went away without taking the call");
    return;
  }
  c->events->on_status(c->ctx, status);
  call_free(c);
}

static const gw_h2c_call_events events = {on_headers, on_data, on_written, on_status};

/* -- towards the server -- */

/* EXHAUSTED: the link has no room after all. */
static base_err run(gw__call *c, gw__link *link, int64_t now_ms) {
  int64_t left_ms = c->deadline_ms == INT64_MAX ? 0 : c->deadline_ms - now_ms;
  BASE_TRY(gw_h2c_start(link->session, base_span_of(c->path, c->path_n), left_ms, &c->metadata, &events, c, &c->h2));
  c->state = RUNNING;
  c->tries++;
  if (c->credit > 0) {
    gw_h2c_credit(c->h2, c->credit);
  }
  gw__arm(c->cluster, gw_h2c_next_due_ms(link->session));
  return BASE_OK;
}

/* What has been written meanwhile. */
static void catch_up(gw__call *c) {
  if (base_buf_size(&c->kept) == 0 && !c->half_closed) {
    return;
  }
  base_err e = gw_h2c_write(c->h2, base_buf_span(&c->kept), c->half_closed);
  if (!base_is_ok(e)) {
    c->cancelled = true;
    gw_h2c_cancel(c->h2);
  }
  if (base_buf_size(&c->kept) > KEPT_MAX) {
    forget(c);
  }
}

static base_err make(gw__cluster *k, base_span path, const wire_metadata *metadata, gw__call **out) {
  gw__call *c = calloc(1, sizeof *c + path.n);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  c->cluster = k;
  c->path_n = path.n;
  memcpy(c->path, path.p, path.n);
  wire_metadata_init(&c->metadata);
  base_buf_init(&c->kept, (size_t)k->base.max_message_bytes + WAITING_EXTRA);
  c->kept_all = true;
  base_err e = metadata ? wire_metadata_merge(&c->metadata, metadata) : BASE_OK;
  if (!base_is_ok(e)) {
    call_free(c);
    return e;
  }
  *out = c;
  return BASE_OK;
}

base_err gw__call_start(gw_upstream *u, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                        const gw_up_events *up_events, void *ctx, gw_up_call **out) {
  gw__cluster *k = (gw__cluster *)u;
  gw__call *c = NULL;
  int64_t now_ms = base_now_ms();
  if (k->stopped) {
    return base_fail(BASE_E_DRAINING);
  }
  BASE_TRY(make(k, path, metadata, &c));
  c->base.upstream = u;
  c->events = up_events;
  c->ctx = ctx;
  c->deadline_ms = timeout_ms > 0 ? now_ms + timeout_ms : INT64_MAX;
  *out = &c->base;
  /* Those that wait came first. */
  gw__link *link = k->waiting_count == 0 ? gw__endpoints_pick(k) : NULL;
  base_err e = link ? run(c, link, now_ms) : base_fail(BASE_E_EXHAUSTED);
  if (base_is(e, BASE_E_EXHAUSTED)) {
    if (k->waiting_count >= k->options.max_pending) {
      end_later(c, FULL);
      return BASE_OK;
    }
    wait_in_line(c, false);
    k->active = true;
    gw__arm(k, 0);
    return BASE_OK;
  }
  if (!base_is_ok(e)) {
    call_free(c);
  }
  return e;
}

/* To be kept. The first message's head tells it before bytes are copied for nothing. */
static bool is_too_large(const gw__call *c, base_span bytes) {
  size_t have = base_buf_size(&c->kept), message = 0;
  if (have == 0 && bytes.n >= WIRE_FRAME_HEAD) {
    message = (size_t)bytes.p[1] << 24 | (size_t)bytes.p[2] << 16 | (size_t)bytes.p[3] << 8 | bytes.p[4];
  }
  return bytes.n > KEPT_MAX - have || message > KEPT_MAX - WIRE_FRAME_HEAD;
}

base_err gw__call_write(gw_up_call *base, base_span bytes, bool end) {
  gw__call *c = (gw__call *)base;
  if (c->state == ENDED) {
    return BASE_OK;
  }
  c->half_closed |= end;
  if (c->state == WAITING) {
    return base_buf_append(&c->kept, bytes);
  }
  if (c->kept_all && (is_too_large(c, bytes) || !base_is_ok(base_buf_append(&c->kept, bytes)))) {
    forget(c);
  }
  return gw_h2c_write(c->h2, bytes, end);
}

void gw__call_credit(gw_up_call *base, size_t bytes) {
  gw__call *c = (gw__call *)base;
  c->credit += bytes; /* a later try gets it whole: until then no data has come */
  if (c->state == RUNNING) {
    gw_h2c_credit(c->h2, bytes);
  }
}

void gw__call_cancel(gw_up_call *base) {
  gw__call *c = (gw__call *)base;
  c->cancelled = true;
  if (c->state == RUNNING) {
    gw_h2c_cancel(c->h2);
  } else if (c->state == WAITING) {
    leave_line(c);
    end_later(c, CANCELLED);
  }
}

/* -- those that wait -- */

static void tell_ended(gw__cluster *k) {
  static const struct {
    int code;
    const char *text;
  } fates[] = {
      [CANCELLED] = {BASE_GRPC_CANCELLED, "cancelled"},
      [DEADLINE] = {BASE_GRPC_DEADLINE_EXCEEDED, "no server took the call before its deadline"},
      [FULL] = {BASE_GRPC_UNAVAILABLE, "too many calls wait for a connection to the service; try again"},
      [STOPPED] = {BASE_GRPC_UNAVAILABLE, "the gateway is shutting down"},
  };
  for (gw__call *c; (c = TAILQ_FIRST(&k->ended)) != NULL;) {
    TAILQ_REMOVE(&k->ended, c, entry);
    finish(c, fates[c->fate].code, fates[c->fate].text);
  }
}

static void expire(gw__cluster *k, int64_t now_ms) {
  if (now_ms < k->waiting_due_ms) {
    return;
  }
  k->waiting_due_ms = INT64_MAX;
  for (gw__call *c = TAILQ_FIRST(&k->waiting), *next; c; c = next) {
    next = TAILQ_NEXT(c, entry);
    if (c->deadline_ms <= now_ms) {
      leave_line(c);
      end_later(c, DEADLINE);
    } else if (c->deadline_ms < k->waiting_due_ms) {
      k->waiting_due_ms = c->deadline_ms;
    }
  }
}

static void start_waiting(gw__cluster *k, int64_t now_ms) {
  for (gw__call *c; (c = TAILQ_FIRST(&k->waiting)) != NULL;) {
    gw__link *link = gw__endpoints_pick(k);
    if (link == NULL) {
      return;
    }
    base_err e = run(c, link, now_ms);
    if (base_is(e, BASE_E_EXHAUSTED)) {
      return;
    }
    leave_line(c);
    if (base_is_ok(e)) {
      catch_up(c);
    } else {
      finish(c, base_err_grpc(e), base_err_text(e));
    }
  }
}

static void fail_waiting(gw__cluster *k) {
  char why[GW__WHY], text[2 * GW__WHY];
  if (k->waiting_count == 0 || !gw__endpoints_failing(k, why)) {
    return;
  }
  snprintf(text, sizeof text, "no server of %.80s can be reached: %s", k->options.name, why);
  /* Only those present: what their ends start waits for the next turn. */
  for (size_t n = k->waiting_count; n > 0 && k->waiting_count > 0; n--) {
    gw__call *c = TAILQ_FIRST(&k->waiting);
    leave_line(c);
    finish(c, BASE_GRPC_UNAVAILABLE, text);
  }
}

void gw__calls_work(gw__cluster *k, int64_t now_ms) {
  expire(k, now_ms);
  start_waiting(k, now_ms);
  fail_waiting(k);
  tell_ended(k);
}

void gw__calls_stop(gw__cluster *k) {
  while (k->waiting_count > 0) {
    gw__call *c = TAILQ_FIRST(&k->waiting);
    leave_line(c);
    end_later(c, STOPPED);
  }
  tell_ended(k);
}
