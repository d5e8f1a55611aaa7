#include "gateway/ws/mux_session.h"

#include <stdlib.h>

#include "gateway/obs/obs.h"
#include "gateway/ws/mux_state.h"

enum {
  DEFAULT_CREDIT = 65536,
  DEFAULT_CALLS = 100,
  DEFAULT_PING_MS = 30000,
  DEFAULT_HELLO_MS = 5000,
  DEFAULT_IDLE_MS = 3600000,
  SHORTEST_PING_MS = 1000,
  SEAL_MS = 1000, /* for the answer to the drain's PING */
};

/* -- out ----------------------------------------------------------------------------------------------------------- */

void gw__mux_send(gw_mux *m) {
  if (base_buf_size(&m->out) > 0) {
    m->sink->send(m->ctx, base_buf_span(&m->out));
    base_buf_clear(&m->out);
    m->sent_ms = m->now_ms;
  }
}

bool gw__mux_congested(const gw_mux *m) { return m->sink->queued(m->ctx) > GW_MUX_CONGESTED; }

static void finish(gw_mux *m, base_err why) {
  if (m->closed) {
    return;
  }
  m->closed = true;
  gw__mux_end_all(m, BASE_OK);
  gw__mux_send(m);
  base_buf_shrink(&m->out);
  m->sink->close(m->ctx, base_err_close(why), base_err_text(why));
}

void gw__mux_after_put(gw_mux *m, base_err e) {
  if (!base_is_ok(e)) {
    m->broken = e;
  }
  m->sink->want_flush(m->ctx);
}

void gw_mux_fail(gw_mux *m, base_err why) {
  if (!m->closed) {
    gw_obs_rejected(base_is(why, BASE_E_UNAUTHENTICATED) ? GW_REJECT_UNAUTHENTICATED : GW_REJECT_MALFORMED);
    finish(m, why);
  }
}

void gw_mux_flush(gw_mux *m, int64_t now_ms) {
  m->now_ms = now_ms;
  gw__mux_send(m);
  base_buf_shrink(&m->out);
  if (!base_is_ok(m->broken)) {
    finish(m, m->broken);
  } else if (m->sealed && m->count == 0) {
    finish(m, base_fail(BASE_E_DRAINING));
  }
}

void gw_mux_writable(gw_mux *m) {
  if (!m->closed) {
    gw__mux_pump(m);
    gw__mux_replenish_all(m);
  }
}

/* -- in: the connection's frames --------------------------------------------------------------------------------------- */

static base_err keep_token(gw_mux *m, base_span token) {
  char *copy = NULL;
  if (token.n > 0) {
    copy = malloc(token.n);
    if (copy == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
    memcpy(copy, token.p, token.n);
  }
  free(m->token);
  m->token = copy;
  m->token_n = token.n;
  return BASE_OK;
}

static base_err on_hello(gw_mux *m, const wire_mux_frame *f) {
  wire_mux_hello h;
  if (m->hello) {
    return base_fail(BASE_E_MALFORMED);
  }
  if (!base_is_ok(wire_mux_get_hello(f->payload, &h)) || h.version != WIRE_MUX_VERSION ||
      h.call_credit > GW_MUX_CREDIT_MAX) {
    return base_fail(BASE_E_HELLO);
  }
  m->hello = true;
  m->client_credit = h.call_credit;
  m->client_ping_ms =
      h.ping_interval_ms > 0 && h.ping_interval_ms < SHORTEST_PING_MS ? SHORTEST_PING_MS : h.ping_interval_ms;
  return keep_token(m, h.token);
}

/* An empty one takes the last back. A token that is bad for certain ends the connection (4004); one that nobody can judge at the moment is kept, and the calls opened with it are asked again. */
static base_err on_auth(gw_mux *m, const wire_mux_frame *f) {
  base_span token;
  BASE_TRY(wire_mux_get_auth(f->payload, &token));
  base_err e = token.n > 0 ? gw_gate_check_token(m->gate, token) : BASE_OK;
  if (base_is(e, BASE_E_UNAUTHENTICATED)) {
    return e;
  }
  if (base_is_ok(e) && token.n > 0) {
    gw__mux_renew_all(m, token);
  }
  return keep_token(m, token);
}

static base_err on_ping(gw_mux *m, const wire_mux_frame *f) {
  uint64_t value = 0;
  BASE_TRY(wire_mux_get_ping(f->payload, &value));
  GW_MUX_PUT(m, wire_mux_put_ping(&m->out, true, value));
  return BASE_OK;
}

/* What is told with DRAIN first, and the PING that comes with it: docs/protocol.md, section 3. */
#define DRAIN_ALL UINT32_MAX
#define DRAIN_PING UINT64_MAX

static void seal(gw_mux *m) {
  int64_t left = m->drain_due_ms - m->now_ms;
  m->sealed = true;
  GW_MUX_PUT(m, wire_mux_put_drain(
                    &m->out, &(wire_mux_drain){.last_call = m->last_id, .grace_ms = left > 0 ? (uint32_t)left : 0}));
}

/* That it came is all there is to know, but for the drain's: whatever the client opened before it heard of the drain is here now. */
static base_err on_pong(gw_mux *m, const wire_mux_frame *f) {
  uint64_t value = 0;
  BASE_TRY(wire_mux_get_ping(f->payload, &value));
  if (m->draining && !m->sealed && value == DRAIN_PING) {
    seal(m);
  }
  return BASE_OK;
}

/* Frames that a client may send; an absent one (HEADERS, STATUS, DRAIN) is malformed by construction. */
static const struct {
  uint8_t type;
  base_err (*on)(gw_mux *m, const wire_mux_frame *f);
} handlers[] = {
    {WIRE_MUX_HELLO, on_hello},
    {WIRE_MUX_AUTH, on_auth},
    {WIRE_MUX_OPEN, gw__mux_open},
    {WIRE_MUX_DATA, gw__mux_call_frame},
    {WIRE_MUX_CANCEL, gw__mux_call_frame},
    {WIRE_MUX_CREDIT, gw__mux_call_frame},
    {WIRE_MUX_PING, on_ping},
    {WIRE_MUX_PONG, on_pong},
};

static base_err handle(gw_mux *m, const wire_mux_frame *f) {
  if (!m->hello && f->type != WIRE_MUX_HELLO) {
    return base_fail(BASE_E_HELLO);
  }
  for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
    if (handlers[i].type == f->type) {
      return handlers[i].on(m, f);
    }
  }
  return f->type >= 0x80 ? BASE_OK : base_fail(BASE_E_MALFORMED);
}

void gw_mux_receive(gw_mux *m, base_span message, int64_t now_ms) {
  m->now_ms = m->heard_ms = now_ms;
  do {
    wire_mux_frame f;
    if (m->closed) {
      return;
    }
    base_err e = wire_mux_next(&message, &f);
    if (base_is_ok(e)) {
      e = handle(m, &f);
    }
    if (!base_is_ok(e)) {
      gw_mux_fail(m, e);
      return;
    }
  } while (message.n > 0);
}

/* -- time ----------------------------------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t ping_due_ms(const gw_mux *m) {
  int64_t due = INT64_MAX;
  if (m->client_ping_ms > 0) {
    due = m->sent_ms + m->client_ping_ms;
  }
  /* Silence of the client: a PING asks for a sign of life, once a silence. */
  int64_t silent_ms = m->heard_ms + gw_ws_ping_after_ms(m->options.ping_interval_ms, m->count > 0);
  if (m->pinged_ms < silent_ms) {
    due = earlier(due, silent_ms);
  }
  return due;
}

static int64_t death_due_ms(const gw_mux *m) {
  return m->heard_ms + gw_ws_dead_after_ms(m->options.ping_interval_ms, m->count > 0);
}

int64_t gw_mux_next_due_ms(const gw_mux *m) {
  if (m->closed) {
    return INT64_MAX;
  }
  int64_t due = m->hello ? ping_due_ms(m) : m->hello_due_ms;
  if (m->draining) {
    due = earlier(due, m->sealed ? m->drain_due_ms : m->seal_due_ms);
  } else if (m->count == 0) {
    due = earlier(due, m->busy_ms + m->options.idle_ms);
  }
  return earlier(due, death_due_ms(m));
}

void gw_mux_on_time(gw_mux *m, int64_t now_ms) {
  m->now_ms = now_ms;
  if (m->closed) {
    return;
  }
  if (m->draining && now_ms >= m->drain_due_ms) {
    gw__mux_end_all(m, base_fail(BASE_E_DRAINING));
    finish(m, base_fail(BASE_E_DRAINING));
    return;
  }
  if (m->draining && !m->sealed && now_ms >= m->seal_due_ms) {
    seal(m);
  }
  if (m->count > 0) {
    m->busy_ms = now_ms;
  } else if (!m->draining && now_ms >= m->busy_ms + m->options.idle_ms) {
    gw_mux_drain(m, now_ms, m->options.hello_timeout_ms);
    return;
  }
  if (!m->hello && now_ms >= m->hello_due_ms) {
    gw_mux_fail(m, base_fail(BASE_E_HELLO));
    return;
  }
  if (now_ms >= death_due_ms(m)) {
    finish(m, base_fail(BASE_E_UNAVAILABLE));
    return;
  }
  if (m->hello && now_ms >= ping_due_ms(m)) {
    m->pinged_ms = now_ms;
    GW_MUX_PUT(m, wire_mux_put_ping(&m->out, false, (uint64_t)now_ms));
  }
}

void gw_mux_drain(gw_mux *m, int64_t now_ms, uint32_t grace_ms) {
  m->now_ms = now_ms;
  if (m->closed) {
    return;
  }
  if (!m->draining) {
    m->draining = true;
    m->drain_due_ms = now_ms + grace_ms;
    m->seal_due_ms = now_ms + (grace_ms < SEAL_MS ? grace_ms : SEAL_MS);
    GW_MUX_PUT(m, wire_mux_put_drain(&m->out, &(wire_mux_drain){.last_call = DRAIN_ALL, .grace_ms = grace_ms}));
    GW_MUX_PUT(m, wire_mux_put_ping(&m->out, false, DRAIN_PING));
  }
  m->drain_due_ms = earlier(m->drain_due_ms, now_ms + grace_ms);
}

/* -- life ------------------------------------------------------------------------------------------------------------------ */

static uint32_t or_default(uint32_t value, uint32_t fallback) { return value ? value : fallback; }

base_err gw_mux_new(const gw_mux_options *options, gw_gate *gate, const gw_ws_sink *sink, void *ctx, int64_t now_ms,
                    gw_mux **out) {
  gw_mux *m = calloc(1, sizeof *m);
  if (m == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  m->sink = sink;
  m->ctx = ctx;
  m->gate = gate;
  m->options = options ? *options : (gw_mux_options){0};
  m->options.call_credit = or_default(m->options.call_credit, DEFAULT_CREDIT);
  m->options.max_calls = or_default(m->options.max_calls, DEFAULT_CALLS);
  m->options.ping_interval_ms = or_default(m->options.ping_interval_ms, DEFAULT_PING_MS);
  m->options.idle_ms = m->options.idle_ms ? m->options.idle_ms : DEFAULT_IDLE_MS;
  m->options.hello_timeout_ms = or_default(m->options.hello_timeout_ms, DEFAULT_HELLO_MS);
  m->now_ms = m->heard_ms = m->sent_ms = m->pinged_ms = m->busy_ms = now_ms;
  m->hello_due_ms = now_ms + m->options.hello_timeout_ms;
  TAILQ_INIT(&m->turns);
  base_buf_init(&m->out, WIRE_MUX_MESSAGE_MAX);
  const wire_mux_hello hello = {.version = WIRE_MUX_VERSION,
                                .call_credit = m->options.call_credit,
                                .max_calls = m->options.max_calls,
                                .max_message = gate->upstream->max_message_bytes,
                                .ping_interval_ms = m->options.ping_interval_ms};
  base_err e = wire_mux_put_hello(&m->out, &hello);
  if (!base_is_ok(e)) {
    gw_mux_free(m);
    return e;
  }
  sink->want_flush(ctx);
  *out = m;
  return BASE_OK;
}

void gw_mux_free(gw_mux *m) {
  if (m == NULL) {
    return;
  }
  m->closed = true;
  gw__mux_end_all(m, BASE_OK);
  base_buf_dispose(&m->out);
  free(m->calls);
  free(m->token);
  free(m);
}

size_t gw_mux_calls(const gw_mux *m) { return m->count; }

/* -- for the endpoint ------------------------------------------------------------------------------------------------------ */

static void vt_receive(void *m, base_span message, bool begin, bool end, int64_t now_ms) {
  (void)begin, (void)end; /* whole_max_bytes: both */
  gw_mux_receive(m, message, now_ms);
}
static void vt_heard(void *m, int64_t now_ms) {
  (void)m, (void)now_ms;
} /* docs/protocol.md: frames count, and they only */
static void vt_fail(void *m, base_err why) { gw_mux_fail(m, why); }
static void vt_flush(void *m, int64_t now_ms) { gw_mux_flush(m, now_ms); }
static void vt_writable(void *m) { gw_mux_writable(m); }
static bool vt_is_busy(const void *session) { return ((const gw_mux *)session)->count > 0; }
static int64_t vt_next_due_ms(const void *m) { return gw_mux_next_due_ms(m); }
static void vt_on_time(void *m, int64_t now_ms) { gw_mux_on_time(m, now_ms); }
static void vt_drain(void *m, int64_t now_ms, uint32_t grace_ms) { gw_mux_drain(m, now_ms, grace_ms); }
static void vt_free(void *m) { gw_mux_free(m); }

const gw_ws_session_vt gw_mux_vt = {
    .whole_max_bytes = WIRE_MUX_MESSAGE_MAX,
    .receive = vt_receive,
    .heard = vt_heard,
    .fail = vt_fail,
    .flush = vt_flush,
    .writable = vt_writable,
    .is_busy = vt_is_busy,
    .next_due_ms = vt_next_due_ms,
    .on_time = vt_on_time,
    .drain = vt_drain,
    .free = vt_free,
};
