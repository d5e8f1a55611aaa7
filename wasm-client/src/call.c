/* call.c - one call of the ponte.v1 client: its queue, its credit both ways, and its one status. */
#include <stdlib.h>
#include <string.h>

#include "wc/session_int.h"

void wc_list_append(wc_call_list *l, wc_call *c) {
  c->list = l;
  c->prev = l->tail;
  c->next = NULL;
  *(l->tail ? &l->tail->next : &l->head) = c;
  l->tail = c;
}

void wc_list_remove(wc_call *c) {
  wc_call_list *l = c->list;
  if (!l) return;
  *(c->prev ? &c->prev->next : &l->head) = c->next;
  *(c->next ? &c->next->prev : &l->tail) = c->prev;
  c->list = NULL;
  c->prev = c->next = NULL;
}

void wc_call_free(wc_call *c) {
  if (!c) return;
  wc_list_remove(c);
  if (c->deadline) c->session->plat->vt->timer_free(c->deadline);
  free(c->path);
  wire_metadata_dispose(&c->metadata);
  base_buf_dispose(&c->out);
  base_buf_dispose(&c->in);
  base_buf_dispose(&c->message);
  wire_status_dispose(&c->status);
  free(c);
}

static void on_deadline(void *ctx) {
  wc_call *c = ctx;
  wc_call_end(c, 4, "the deadline passed");
}

base_err wc_call_new(wc_session *s, const char *path, const ponte_call_options *o, const ponte_call_events *e,
                     void *ctx, wc_call **out) {
  wc_call *c = calloc(1, sizeof *c);
  if (!c) return base_fail(BASE_E_NO_MEMORY);
  c->base.channel = &s->channel;
  c->session = s;
  c->events = e;
  c->ctx = ctx;
  wire_metadata_init(&c->metadata);
  wire_status_init(&c->status);
  base_buf_init(&c->out, s->options.max_queue);
  base_buf_init(&c->in, s->options.call_credit);
  base_buf_init(&c->message, s->options.max_message);
  wire_frame_init(&c->frames, s->options.max_message);
  c->recv_credit = s->options.call_credit;
  base_err err = base_fail(BASE_E_NO_MEMORY);
  c->path = strdup(path);
  if (!c->path) goto fail;
  if (o && o->metadata) {
    err = wire_metadata_merge(&c->metadata, o->metadata);
    if (!base_is_ok(err)) goto fail;
  }
  if (o && o->timeout_ms > 0) {
    c->deadline_ms = wc_now_ms(s->plat) + o->timeout_ms;
    c->deadline = s->plat->vt->timer_new(s->plat, on_deadline, c);
    err = base_fail(BASE_E_NO_MEMORY);
    if (!c->deadline) goto fail;
    s->plat->vt->timer_set(c->deadline, o->timeout_ms);
  }
  *out = c;
  return BASE_OK;
fail:
  wc_call_free(c);
  return err;
}

void wc_call_deliver_status(wc_call *c) {
  wc_list_remove(c);
  c->conn = NULL;
  c->ended = true;
  c->events->on_status(c->ctx, &c->base, &c->status);
  wc_call_free(c);
}

void wc_call_end(wc_call *c, int code, const char *text) {
  if (c->ended) {
    if (!c->status_held) return;
    c->status_held = false; /* what was held back while paused is given up */
  } else if (c->conn) {
    wc_conn_send_cancel(c->conn, c->id);
  }
  wc_list_remove(c);
  c->conn = NULL;
  c->ended = true;
  base_buf_clear(&c->in);
  wire_metadata_clear(&c->status.trailers);
  wire_status_set(&c->status, code, "%s", text);
  wc_list_append(&c->session->ended, c);
  wc_session_kick(c->session);
}

/* -- received */

/* Metadata beyond its limits fails the call alone; a malformed frame is the connection's end. */
static base_err judge(wc_call *c, base_err err) {
  if (base_is_ok(err) || base_is(err, BASE_E_MALFORMED)) return err;
  wc_call_end(c, 13, "the answer's metadata is not allowed");
  return BASE_OK;
}

base_err wc_call_on_headers(wc_call *c, base_span payload) {
  if (c->headers_seen) return base_fail(BASE_E_MALFORMED);
  c->headers_seen = true;
  wire_metadata headers;
  wire_metadata_init(&headers);
  base_err err = wire_mux_get_headers(payload, &headers);
  if (base_is_ok(err) && c->events->on_headers) c->events->on_headers(c->ctx, &c->base, &headers);
  wire_metadata_dispose(&headers);
  return judge(c, err);
}

/* Bytes that left the receive window are given back in pieces of half of it, so that CREDIT stays rare. */
static void give_credit(wc_call *c, size_t bytes) {
  if (!c->conn) return;
  c->consumed += (uint32_t)bytes;
  if (c->consumed < c->session->options.call_credit / 2) return;
  c->recv_credit += c->consumed;
  wc_conn_send_credit(c->conn, c->id, c->consumed);
  c->consumed = 0;
}

/* One step of the message decoder; false: stop, the call was ended. */
static bool take_step(wc_call *c, const wire_frame_step *step) {
  switch (step->event) {
  case WIRE_FRAME_BEGIN:
    if (step->flags == 0) return true;
    wc_call_end(c, 13, "a compressed or trailer frame came where none was asked for");
    return false;
  case WIRE_FRAME_BODY:
    if (base_is_ok(base_buf_append(&c->message, step->body))) return true;
    wc_call_end(c, 8, "no memory for the message");
    return false;
  case WIRE_FRAME_END:
    c->events->on_message(c->ctx, &c->base, base_buf_span(&c->message));
    base_buf_clear(&c->message);
    base_buf_shrink(&c->message);
    return true;
  case WIRE_FRAME_MORE: return true;
  }
  return true;
}

/* Delivers messages until the bytes are used up, the call is paused, or it ended; returns the bytes used. */
static size_t deliver(wc_call *c, base_span bytes, bool own_buffer) {
  base_span left = bytes;
  /* A call whose status is held has ended already; only wc_call_end empties `in` under us. */
  while (!c->paused && (!c->ended || c->status_held)) {
    wire_frame_step step;
    base_err err = wire_frame_next(&c->frames, &left, &step);
    if (base_is(err, BASE_E_TOO_LARGE)) {
      wc_call_end(c, 8, "the message is larger than this client accepts");
      break;
    }
    if (!base_is_ok(err)) {
      wc_call_end(c, 13, "the answer is not gRPC-framed");
      break;
    }
    if (!take_step(c, &step) || step.event == WIRE_FRAME_MORE) break;
  }
  size_t used = bytes.n - left.n;
  if (own_buffer && (!c->ended || c->status_held)) base_buf_consume(&c->in, used);
  give_credit(c, used);
  return used;
}

base_err wc_call_on_data(wc_call *c, base_span payload) {
  if (payload.n > c->recv_credit) return base_fail(BASE_E_CREDIT);
  c->recv_credit -= (uint32_t)payload.n;
  if (base_buf_size(&c->in) > 0 || c->paused) {
    if (!base_is_ok(base_buf_append(&c->in, payload)))
      wc_call_end(c, 8, "no memory for the answer");
    else if (!c->paused)
      wc_call_resume(c);
    return BASE_OK;
  }
  size_t used = deliver(c, payload, false);
  if (c->ended || used == payload.n) return BASE_OK;
  if (!base_is_ok(base_buf_append(&c->in, base_span_of(payload.p + used, payload.n - used))))
    wc_call_end(c, 8, "no memory for the answer");
  return BASE_OK;
}

static void deliver_final(wc_call *c) {
  bool whole = wire_frame_at_rest(&c->frames);
  if (!whole && c->status.code == 0)
    wire_status_set(&c->status, BASE_GRPC_INTERNAL, "the answer ends inside a message");
  wc_call_deliver_status(c);
}

void wc_call_resume(wc_call *c) {
  c->resume_due = false;
  if (c->paused) return;
  deliver(c, base_buf_span(&c->in), true);
  if (c->status_held && !c->paused && base_buf_size(&c->in) == 0) deliver_final(c);
}

base_err wc_call_on_status(wc_call *c, base_span payload) {
  base_err err = wire_mux_get_status(payload, &c->status);
  if (!base_is_ok(err)) return judge(c, err);
  if (base_buf_size(&c->in) == 0) {
    deliver_final(c);
    return BASE_OK;
  }
  wc_list_remove(c);
  c->conn = NULL;
  c->ended = c->status_held = true;
  wc_list_append(&c->session->ended, c);
  return BASE_OK;
}

/* -- ponte_channel */

static wc_call *call_of(const ponte_call *base) { return (wc_call *)(uintptr_t)base; }

static base_err channel_start(ponte_channel *ch, const char *path, const ponte_call_options *options,
                              const ponte_call_events *events, void *ctx, ponte_call **out) {
  wc_session *s = (wc_session *)ch;
  if (s->freeing) return base_fail(BASE_E_PRECONDITION);
  if (path[0] != '/' || !wc_is_visible(path, WIRE_MUX_PATH_MAX)) return base_fail(BASE_E_INVALID);
  wc_call *c;
  BASE_TRY(wc_call_new(s, path, options, events, ctx, &c));
  wc_list_append(&s->waiting, c);
  if (s->conn && s->conn->open)
    wc_conn_open_call(s->conn, c);
  else
    wc_session_kick(s);
  *out = &c->base;
  return BASE_OK;
}

static base_err channel_send(ponte_call *base, base_span message) {
  wc_call *c = call_of(base);
  if (c->ended || c->half_closed) return base_fail(BASE_E_PRECONDITION);
  if (message.n + WIRE_FRAME_HEAD > base_buf_room(&c->out)) return base_fail(BASE_E_TOO_LARGE);
  BASE_TRY(wire_frame_append(&c->out, 0, message));
  if (c->conn) wc_conn_pump_call(c->conn, c);
  c->was_full = base_buf_size(&c->out) > PONTE_CALL_WRITABLE_LOW;
  return BASE_OK;
}

static void channel_half_close(ponte_call *base) {
  wc_call *c = call_of(base);
  if (c->ended || c->half_closed) return;
  c->half_closed = true;
  if (c->conn) wc_conn_pump_call(c->conn, c);
}

/* The call ends here at once; what the gateway still sends for it, its status included, is for a closed id. */
static void channel_cancel(ponte_call *base) { wc_call_end(call_of(base), 1, "cancelled"); }

static size_t channel_queued(const ponte_call *base) { return base_buf_size(&call_of(base)->out); }

static void channel_pause(ponte_call *base, bool paused) {
  wc_call *c = call_of(base);
  c->paused = paused;
  if (paused || base_buf_size(&c->in) == 0) return;
  c->resume_due = true;
  wc_session_kick(c->session);
}

const ponte_channel_vt wc_channel_vt = {
    .start = channel_start,
    .send = channel_send,
    .half_close = channel_half_close,
    .cancel = channel_cancel,
    .queued = channel_queued,
    .pause = channel_pause,
};
