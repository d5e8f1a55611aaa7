/* The calls of a ponte.v1 connection: opening, credit both ways, the order of what is sent, and the one STATUS at the end. */
#include <stdlib.h>

#include "gateway/obs/obs.h"
#include "gateway/ws/mux_state.h"

/* SHORTEST_DATA: less room than this in a message is not worth a frame. QUANTUM: one call's turn. */
enum { SHORTEST_DATA = 2048, QUANTUM = 65536 };

/* -- the table of calls -------------------------------------------------------------------------------------------------- */

/* Where the id is, or would be. */
static size_t place(const gw_mux *m, uint32_t id) {
  size_t low = 0, high = m->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (m->calls[middle]->id < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static gw_mux_call *find(const gw_mux *m, uint32_t id) {
  size_t at = place(m, id);
  return at < m->count && m->calls[at]->id == id ? m->calls[at] : NULL;
}

static base_err make_room(gw_mux *m) {
  if (m->count < m->cap) {
    return BASE_OK;
  }
  size_t cap = m->cap ? m->cap * 2 : 4;
  gw_mux_call **grown = realloc(m->calls, cap * sizeof *grown);
  if (grown == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  m->calls = grown;
  m->cap = cap;
  return BASE_OK;
}

static void forget(gw_mux_call *c) {
  gw_mux *m = c->mux;
  size_t at = place(m, c->id);
  if (c->ready) {
    TAILQ_REMOVE(&m->turns, c, turn);
  }
  if (c->stream) {
    gw_stream_abandon(c->stream);
  }
  memmove(m->calls + at, m->calls + at + 1, (m->count - at - 1) * sizeof *m->calls);
  m->count--;
  m->busy_ms = m->now_ms;
  base_buf_dispose(&c->waiting);
  wire_status_dispose(&c->status);
  free(c);
}

/* -- to the client ----------------------------------------------------------------------------------------------------------- */

static void get_ready(gw_mux_call *c) {
  if (!c->ready) {
    c->ready = true;
    TAILQ_INSERT_TAIL(&c->mux->turns, c, turn);
  }
}

/* Puts as much of `bytes` into frames as the client's credit and one turn allow; returns how much. */
static size_t put_data(gw_mux_call *c, base_span bytes) {
  gw_mux *m = c->mux;
  size_t done = 0;
  while (done < bytes.n && done < QUANTUM && c->out_credit > 0 && base_is_ok(m->broken)) {
    if (base_buf_room(&m->out) < SHORTEST_DATA) {
      gw__mux_send(m);
    }
    size_t n = base_buf_room(&m->out) - WIRE_MUX_HEAD;
    n = n < bytes.n - done ? n : bytes.n - done;
    n = n < (size_t)c->out_credit ? n : (size_t)c->out_credit;
    GW_MUX_PUT(m, wire_mux_put_data(&m->out, c->id, base_span_of(bytes.p + done, n), false));
    c->out_credit -= (int64_t)n;
    done += n;
  }
  return done;
}

static bool is_sendable(const gw_mux_call *c) {
  size_t waiting = base_buf_size(&c->waiting);
  return waiting > 0 ? c->out_credit > 0 : c->state == GW_MUX_ENDING;
}

/* Asks the service for what fits: into the client's credit, into the window, and only while the socket keeps up. */
static void replenish(gw_mux_call *c) {
  if (c->stream == NULL || gw__mux_congested(c->mux)) {
    return;
  }
  int64_t limit = c->out_credit < GW_MUX_WINDOW ? c->out_credit : GW_MUX_WINDOW;
  int64_t room = limit - (int64_t)base_buf_size(&c->waiting) - c->asked;
  /* Not in crumbs: each grant may wake the service's side. */
  if (room > 0 && (c->asked <= 0 || room >= GW_MUX_WINDOW / 4)) {
    c->asked += room;
    gw_stream_credit(c->stream, (size_t)room);
  }
}

/* One turn of one call. */
static void take_turn(gw_mux_call *c) {
  if (base_buf_size(&c->waiting) > 0) {
    base_buf_consume(&c->waiting, put_data(c, base_buf_span(&c->waiting)));
    base_buf_shrink(&c->waiting);
  }
  if (base_buf_size(&c->waiting) == 0 && c->state == GW_MUX_ENDING) {
    GW_MUX_PUT(c->mux, wire_mux_put_status(&c->mux->out, c->id, &c->status));
    forget(c);
    return;
  }
  if (is_sendable(c)) {
    get_ready(c);
  }
  replenish(c);
}

void gw__mux_pump(gw_mux *m) {
  gw_mux_call *c;
  while (base_is_ok(m->broken) && !gw__mux_congested(m) && (c = TAILQ_FIRST(&m->turns)) != NULL) {
    TAILQ_REMOVE(&m->turns, c, turn);
    c->ready = false;
    take_turn(c);
  }
}

void gw__mux_replenish_all(gw_mux *m) {
  for (size_t i = 0; i < m->count; i++) {
    replenish(m->calls[i]);
  }
}

/* The status of a call whose stream is gone; it leaves when the data before it has left. */
static void end_call(gw_mux_call *c) {
  c->stream = NULL;
  c->state = GW_MUX_ENDING;
  get_ready(c);
  gw__mux_pump(c->mux);
}

/* Ends a call here and now: data that waits is dropped, so it may not end with OK. */
static void break_off(gw_mux_call *c, base_err why) {
  if (c->stream) {
    gw_stream_abandon(c->stream);
  }
  base_buf_dispose(&c->waiting);
  wire_status_from_err(&c->status, why);
  end_call(c);
}

void gw__mux_end_all(gw_mux *m, base_err why) {
  while (m->count > 0) {
    gw_mux_call *c = m->calls[m->count - 1];
    if (!base_is_ok(why)) {
      wire_status_from_err(&c->status, why);
      GW_MUX_PUT(m, wire_mux_put_status(&m->out, c->id, &c->status));
    }
    forget(c);
  }
}

/* -- from the service, through the stream heart --------------------------------------------------------------------------------- */

static void down_headers(void *down, const wire_metadata *headers) {
  gw_mux_call *c = down;
  GW_MUX_PUT(c->mux, wire_mux_put_headers(&c->mux->out, c->id, headers));
}

static void down_data(void *down, base_span run) {
  gw_mux_call *c = down;
  c->asked -= (int64_t)run.n;
  /* The usual case touches the bytes once: nothing waits, so they go straight into the message. */
  if (base_buf_size(&c->waiting) == 0 && TAILQ_EMPTY(&c->mux->turns) && !gw__mux_congested(c->mux)) {
    size_t n = put_data(c, run);
    run = base_span_of(run.p + n, run.n - n);
  }
  if (!base_is_ok(base_buf_append(&c->waiting, run))) {
    break_off(c, base_fail(BASE_E_NO_MEMORY));
    return;
  }
  if (is_sendable(c)) {
    get_ready(c);
    gw__mux_pump(c->mux);
  } else {
    replenish(c);
  }
}

static void down_consumed(void *down, size_t bytes) {
  gw_mux_call *c = down;
  c->consumed += (int64_t)bytes;
  /* Half a window at a time keeps the client sending without a CREDIT for each chunk. After END there is nothing to allow. */
  if (c->state == GW_MUX_OPEN && c->consumed >= c->mux->options.call_credit / 2 && c->consumed > 0) {
    GW_MUX_PUT(c->mux, wire_mux_put_credit(&c->mux->out, c->id, (uint32_t)c->consumed));
    c->in_credit += c->consumed;
    c->consumed = 0;
  }
}

static void down_status(void *down, const wire_status *status) {
  gw_mux_call *c = down;
  wire_status_set_span(&c->status, status->code, base_buf_span(&status->message));
  if (!base_is_ok(wire_metadata_merge(&c->status.trailers, &status->trailers))) {
    wire_metadata_clear(&c->status.trailers); /* out of memory: the code and message still tell the end */
  }
  end_call(c);
}

static const gw_down_vt down_vt = {
    .headers = down_headers,
    .data = down_data,
    .consumed = down_consumed,
    .status = down_status,
};

/* -- from the client: OPEN -------------------------------------------------------------------------------------------------------- */

static base_err add_token(const gw_mux *m, wire_metadata *metadata) {
  base_span present;
  base_buf value;
  if (m->token == NULL || wire_metadata_get(metadata, "authorization", &present)) {
    return BASE_OK;
  }
  base_buf_init(&value, WIRE_MUX_TOKEN_MAX + sizeof "Bearer ");
  base_err e = base_buf_str(&value, "Bearer ");
  if (base_is_ok(e)) {
    e = base_buf_append(&value, base_span_of(m->token, m->token_n));
  }
  if (base_is_ok(e)) {
    e = wire_metadata_add(metadata, base_span_str("authorization"), base_buf_span(&value));
  }
  base_buf_dispose(&value);
  return e;
}

static base_err start(gw_mux *m, gw_mux_call *c, wire_mux_open *open, wire_status *refusal) {
  base_err e = add_token(m, &open->metadata);
  if (!base_is_ok(e)) {
    wire_status_from_err(refusal, e);
    return e;
  }
  int64_t credit = c->out_credit < GW_MUX_WINDOW ? c->out_credit : GW_MUX_WINDOW;
  const gw_stream_request request = {.path = open->path,
                                     .timeout_ms = open->timeout_ms,
                                     .metadata = &open->metadata,
                                     .credit = gw__mux_congested(m) ? 0 : (size_t)credit,
                                     .kind = GW_KIND_MUX,
                                     .peer = m->options.peer};
  c->asked = (int64_t)request.credit;
  return gw_gate_open(m->gate, &request, &down_vt, c, &c->stream, refusal);
}

void gw__mux_renew_all(gw_mux *m, base_span token) {
  for (size_t i = 0; i < m->count; i++) {
    if (m->calls[i]->stream) {
      gw_gate_renew(m->gate, m->calls[i]->stream, token);
    }
  }
}

/* On an error *refusal may still be OK: then the error itself is all there is to say. */
static base_err open_call(gw_mux *m, uint32_t id, wire_mux_open *open, wire_status *refusal) {
  if (m->sealed) {
    return base_fail(BASE_E_DRAINING);
  }
  if (m->count >= m->options.max_calls) {
    gw_obs_rejected(GW_REJECT_LIMIT);
    return base_fail(BASE_E_EXHAUSTED);
  }
  BASE_TRY(make_room(m));
  gw_mux_call *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  c->mux = m;
  c->id = id;
  c->in_credit = m->options.call_credit;
  c->out_credit = m->client_credit;
  wire_status_init(&c->status);
  /* One window was asked for, and a message may pass it once. */
  base_buf_init(&c->waiting, 2 * GW_MUX_WINDOW + (size_t)m->gate->upstream->max_message_bytes + 5);
  base_err e = start(m, c, open, refusal);
  if (!base_is_ok(e)) {
    wire_status_dispose(&c->status);
    free(c);
    return e;
  }
  m->calls[m->count++] = c; /* ids ascend, so the order holds */
  return BASE_OK;
}

base_err gw__mux_open(gw_mux *m, const wire_mux_frame *f) {
  if (f->call <= m->last_id) {
    return base_fail(BASE_E_MALFORMED);
  }
  m->last_id = f->call;
  wire_mux_open open = {0};
  wire_status refusal;
  wire_metadata_init(&open.metadata);
  wire_status_init(&refusal);
  base_err e = wire_mux_get_open(f->payload, &open);
  bool fatal = base_is(e, BASE_E_MALFORMED);
  if (base_is_ok(e)) {
    e = open_call(m, f->call, &open, &refusal);
  }
  wire_metadata_dispose(&open.metadata);
  /* Sound frames, a call that cannot be: only it fails. */
  if (!base_is_ok(e) && !fatal) {
    if (refusal.code == 0) {
      wire_status_from_err(&refusal, e);
    }
    GW_MUX_PUT(m, wire_mux_put_status(&m->out, f->call, &refusal));
    e = BASE_OK;
  }
  wire_status_dispose(&refusal);
  return e;
}

/* -- from the client: frames of a call, as state x event ---------------------------------------------------------------------------- */

static base_err write_data(gw_mux_call *c, const wire_mux_frame *f) {
  c->in_credit -= (int64_t)f->payload.n;
  if (c->in_credit < 0) {
    return base_fail(BASE_E_CREDIT);
  }
  gw_stream_write(c->stream, f->payload, false);
  return BASE_OK;
}

static base_err write_end(gw_mux_call *c, const wire_mux_frame *f) {
  c->in_credit -= (int64_t)f->payload.n;
  if (c->in_credit < 0) {
    return base_fail(BASE_E_CREDIT);
  }
  c->state = GW_MUX_HALF;
  gw_stream_write(c->stream, f->payload, true);
  return BASE_OK;
}

/* What waits is dropped: a client that cancels gives no more credit, and the status must not wait for it. */
static base_err cancel(gw_mux_call *c, const wire_mux_frame *f) {
  (void)f;
  base_buf_dispose(&c->waiting);
  gw_stream_cancel(c->stream);
  return BASE_OK;
}

/* The service has ended already; what its client no longer wants is dropped, and the status goes out. */
static base_err cancel_late(gw_mux_call *c, const wire_mux_frame *f) {
  (void)f;
  break_off(c, base_fail(BASE_E_CANCELLED));
  return BASE_OK;
}

static base_err give_credit(gw_mux_call *c, const wire_mux_frame *f) {
  uint32_t bytes = 0;
  BASE_TRY(wire_mux_get_credit(f->payload, &bytes));
  if (c->out_credit + bytes > GW_MUX_CREDIT_MAX) {
    return base_fail(BASE_E_MALFORMED);
  }
  c->out_credit += bytes;
  if (is_sendable(c)) {
    get_ready(c);
    gw__mux_pump(c->mux);
  } else {
    replenish(c);
  }
  return BASE_OK;
}

static base_err ignore(gw_mux_call *c, const wire_mux_frame *f) {
  (void)c, (void)f;
  return BASE_OK;
}

enum event { EV_DATA, EV_END, EV_CANCEL, EV_CREDIT, EV_COUNT };

/* An absent cell is malformed: DATA after END. */
static base_err (*const actions[GW_MUX_STATES][EV_COUNT])(gw_mux_call *c, const wire_mux_frame *f) = {
    [GW_MUX_OPEN] = {[EV_DATA] = write_data, [EV_END] = write_end, [EV_CANCEL] = cancel, [EV_CREDIT] = give_credit},
    [GW_MUX_HALF] = {[EV_CANCEL] = cancel, [EV_CREDIT] = give_credit},
    /* The client does not know yet that the call is over: its bytes were in flight. */
    [GW_MUX_ENDING] = {[EV_DATA] = ignore, [EV_END] = ignore, [EV_CANCEL] = cancel_late, [EV_CREDIT] = give_credit},
};

static enum event event_of(const wire_mux_frame *f) {
  switch (f->type) {
  case WIRE_MUX_CANCEL: return EV_CANCEL;
  case WIRE_MUX_CREDIT: return EV_CREDIT;
  default: return f->flags & WIRE_MUX_END ? EV_END : EV_DATA;
  }
}

base_err gw__mux_call_frame(gw_mux *m, const wire_mux_frame *f) {
  if (f->call > m->last_id) {
    return base_fail(BASE_E_MALFORMED);
  }
  gw_mux_call *c = find(m, f->call);
  if (c == NULL) {
    return BASE_OK; /* closed: it was in flight */
  }
  base_err (*act)(gw_mux_call *, const wire_mux_frame *) = actions[c->state][event_of(f)];
  return act ? act(c, f) : base_fail(BASE_E_MALFORMED);
}
