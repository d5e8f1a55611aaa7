/* conn.c - one WebSocket of the ponte.v1 client: HELLO, frames in and out, liveness, drain (docs/protocol.md sections 1 and 3). */
#include <stdlib.h>

#include "wc/session_int.h"

static void on_tick(void *ctx);
static const wc_socket_events socket_events;

static wc_plat *plat_of(const wc_conn *c) { return c->session->plat; }

base_err wc_conn_new(wc_session *s, wc_conn **out) {
  wc_conn *c = calloc(1, sizeof *c);
  if (!c) return base_fail(BASE_E_NO_MEMORY);
  c->session = s;
  c->opened_ms = wc_now_ms(s->plat);
  base_buf_init(&c->out, WIRE_MUX_MESSAGE_MAX);
  base_err err = base_fail(BASE_E_NO_MEMORY);
  c->tick = s->plat->vt->timer_new(s->plat, on_tick, c);
  if (!c->tick) goto fail;
  err = s->plat->vt->socket_open(s->plat, s->url, &socket_events, c, &c->socket);
  if (!base_is_ok(err)) goto fail;
  s->plat->vt->timer_set(c->tick, s->options.connect_timeout_ms);
  c->next = s->conns;
  s->conns = c;
  *out = c;
  return BASE_OK;
fail:
  wc_conn_free(c);
  return err;
}

void wc_conn_free(wc_conn *c) {
  for (wc_conn **p = &c->session->conns; *p; p = &(*p)->next) {
    if (*p == c) {
      *p = c->next;
      break;
    }
  }
  while (c->calls.head)
    wc_call_free(c->calls.head);
  if (c->socket) plat_of(c)->vt->socket_close(c->socket, WC_CLOSE_NORMAL);
  plat_of(c)->vt->timer_free(c->tick);
  base_buf_dispose(&c->out);
  free(c);
}

void wc_conn_drop(wc_conn *c, int code, const char *reason) {
  wc_session *s = c->session;
  if (c->socket) plat_of(c)->vt->socket_close(c->socket, code == WC_CLOSE_LOST ? WC_CLOSE_NORMAL : code);
  c->socket = NULL; /* so that ending a call sends no CANCEL */
  bool current = s->conn == c;
  if (current) s->conn = NULL;
  while (c->calls.head)
    wc_call_end(c->calls.head, wc_close_grpc(code), reason);
  wc_conn_free(c);
  if (current) wc_session_lost(s, code);
}

/* -- sending */

/* Failures are handled by the tick timer: a caller's send must not bring the connection down under itself. */
static void fail_later(wc_conn *c) {
  c->failed = true;
  plat_of(c)->vt->timer_set(c->tick, 0);
}

static void flush(wc_conn *c) {
  if (base_buf_size(&c->out) == 0 || !c->socket || !c->open || c->failed) return;
  base_err err = plat_of(c)->vt->socket_send(c->socket, base_buf_span(&c->out));
  base_buf_clear(&c->out);
  c->sent_ms = wc_now_ms(plat_of(c));
  if (!base_is_ok(err)) fail_later(c);
}

/* Puts one frame with `put`; a message that is full goes out first. */
#define PUT_FRAME(c, put)                       \
  do {                                          \
    base_err put_err__ = (put);                 \
    if (base_is(put_err__, BASE_E_TOO_LARGE)) { \
      flush(c);                                 \
      put_err__ = (put);                        \
    }                                           \
    if (!base_is_ok(put_err__)) fail_later(c);  \
  } while (0)

static void put_open(wc_conn *c, wc_call *call) {
  wire_mux_open open = {.path = base_span_str(call->path), .metadata = call->metadata};
  if (call->deadline_ms) {
    int64_t left = call->deadline_ms - wc_now_ms(plat_of(c));
    open.timeout_ms = left < 1 ? 1 : left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
  }
  PUT_FRAME(c, wire_mux_put_open(&c->out, call->id, &open));
}

void wc_conn_pump_call(wc_conn *c, wc_call *call) {
  while (c->hello && !call->end_sent && !c->failed) {
    base_span bytes = base_buf_span(&call->out);
    if (base_buf_room(&c->out) <= WIRE_MUX_HEAD) flush(c);
    size_t room = base_buf_room(&c->out) - WIRE_MUX_HEAD;
    size_t n = bytes.n < call->send_credit ? bytes.n : call->send_credit;
    if (n > room) n = room;
    bool end = call->half_closed && n == bytes.n;
    if (n == 0 && !end) break;
    PUT_FRAME(c, wire_mux_put_data(&c->out, call->id, base_span_of(bytes.p, n), end));
    base_buf_consume(&call->out, n);
    call->send_credit -= (uint32_t)n;
    call->end_sent = end;
  }
  flush(c);
}

void wc_conn_open_call(wc_conn *c, wc_call *call) {
  wc_list_remove(call);
  wc_list_append(&c->calls, call);
  call->conn = c;
  call->id = ++c->last_id;
  call->send_credit = c->hello ? c->peer.call_credit : 0;
  put_open(c, call);
  wc_conn_pump_call(c, call);
}

void wc_conn_send_cancel(wc_conn *c, uint32_t id) {
  if (!c->socket) return;
  PUT_FRAME(c, wire_mux_put_cancel(&c->out, id));
  flush(c);
  if (c->draining) plat_of(c)->vt->timer_set(c->tick, 0); /* perhaps that was its last call */
}

void wc_conn_send_credit(wc_conn *c, uint32_t id, uint32_t bytes) {
  PUT_FRAME(c, wire_mux_put_credit(&c->out, id, bytes));
  flush(c);
}

base_err wc_conn_send_auth(wc_conn *c) {
  if (!c->open) return BASE_OK; /* HELLO will carry it */
  BASE_TRY(wire_mux_put_auth(&c->out, base_span_str(c->session->token ? c->session->token : "")));
  flush(c);
  return BASE_OK;
}

static void send_ping(wc_conn *c, bool pong, uint64_t value) {
  PUT_FRAME(c, wire_mux_put_ping(&c->out, pong, value));
  flush(c);
}

/* -- liveness */

static void arm_tick(wc_conn *c) {
  uint32_t interval = c->session->options.ping_interval_ms;
  if (c->peer.ping_interval_ms && c->peer.ping_interval_ms < interval) interval = c->peer.ping_interval_ms;
  int64_t delay = interval / 2 + 1;
  if (c->draining) {
    int64_t grace = c->grace_until_ms - wc_now_ms(plat_of(c));
    if (grace < delay) delay = grace < 0 ? 0 : grace;
  }
  plat_of(c)->vt->timer_set(c->tick, delay);
}

static void on_tick(void *ctx) {
  wc_conn *c = ctx;
  int64_t now = wc_now_ms(plat_of(c));
  const wc_session_options *o = &c->session->options;
  if (c->failed) {
    wc_conn_drop(c, WC_CLOSE_LOST, "sending failed");
  } else if (!c->hello) {
    wc_conn_drop(c, WC_CLOSE_LOST, "the gateway did not answer in time");
  } else if (c->draining && !c->calls.head) {
    wc_conn_drop(c, WC_CLOSE_NORMAL, "");
  } else if (c->draining && now >= c->grace_until_ms) {
    wc_conn_drop(c, WC_CLOSE_LOST, "the gateway shut down");
  } else if (now - c->heard_ms >= 2 * (int64_t)o->ping_interval_ms) {
    wc_conn_drop(c, WC_CLOSE_LOST, "the gateway fell silent");
  } else {
    bool peer_waits = c->peer.ping_interval_ms && now - c->sent_ms >= c->peer.ping_interval_ms / 2;
    if (peer_waits || now - c->heard_ms >= o->ping_interval_ms) send_ping(c, false, ++c->ping_value);
    if (!c->failed) arm_tick(c);
  }
}

/* -- received frames */

static wc_call *call_by_id(wc_conn *c, uint32_t id) {
  for (wc_call *call = c->calls.head; call; call = call->next) {
    if (call->id == id) return call;
  }
  return NULL;
}

static bool is_writable_due(const wc_call *call) {
  return call->was_full && base_buf_size(&call->out) <= PONTE_CALL_WRITABLE_LOW;
}

static void tell_writable(wc_call *call) {
  call->was_full = false;
  if (call->events->on_writable) call->events->on_writable(call->ctx, &call->base);
}

/* A callback may end any call, so each round begins at the front. */
static void tell_all_writable(wc_conn *c) {
  wc_call *call = c->calls.head;
  while (call) {
    if (!is_writable_due(call)) {
      call = call->next;
      continue;
    }
    tell_writable(call);
    call = c->calls.head;
  }
}

static base_err on_hello(wc_conn *c, const wire_mux_frame *f) {
  if (c->hello) return base_fail(BASE_E_MALFORMED);
  if (!base_is_ok(wire_mux_get_hello(f->payload, &c->peer)) || c->peer.version != WIRE_MUX_VERSION)
    return base_fail(BASE_E_HELLO);
  if (c->peer.call_credit > INT32_MAX) return base_fail(BASE_E_MALFORMED);
  c->peer.token = base_span_of(NULL, 0); /* borrowed from the message */
  c->hello = true;
  arm_tick(c);
  for (wc_call *call = c->calls.head; call; call = call->next) {
    call->send_credit = c->peer.call_credit;
    wc_conn_pump_call(c, call);
  }
  wc_session_set_state(c->session, WC_SESSION_OPEN, 0);
  tell_all_writable(c);
  return BASE_OK;
}

static base_err on_credit(wc_conn *c, wc_call *call, base_span payload) {
  uint32_t bytes;
  BASE_TRY(wire_mux_get_credit(payload, &bytes));
  if ((uint64_t)call->send_credit + bytes > INT32_MAX) return base_fail(BASE_E_MALFORMED);
  call->send_credit += bytes;
  wc_conn_pump_call(c, call);
  if (is_writable_due(call)) tell_writable(call);
  return BASE_OK;
}

static base_err on_ping(wc_conn *c, const wire_mux_frame *f) {
  uint64_t value;
  BASE_TRY(wire_mux_get_ping(f->payload, &value));
  if (f->type == WIRE_MUX_PING) send_ping(c, true, value);
  return BASE_OK;
}

static base_err on_drain(wc_conn *c, const wire_mux_frame *f) {
  wire_mux_drain drain;
  BASE_TRY(wire_mux_get_drain(f->payload, &drain));
  wc_session *s = c->session;
  c->draining = true;
  c->grace_until_ms = wc_now_ms(plat_of(c)) + drain.grace_ms;
  for (wc_call *call = c->calls.head, *next; call; call = next) {
    next = call->next;
    if (call->id > drain.last_call) wc_call_end(call, 14, "the gateway shuts down; the call was not processed");
  }
  arm_tick(c);
  if (s->conn == c) {
    s->conn = NULL;
    wc_session_set_state(s, WC_SESSION_IDLE, 4001);
    wc_session_proceed(s);
  }
  return BASE_OK;
}

static base_err on_call_frame(wc_conn *c, const wire_mux_frame *f) {
  if (f->call > c->last_id) return base_fail(BASE_E_MALFORMED);
  wc_call *call = call_by_id(c, f->call);
  if (!call) return BASE_OK;                               /* it ended here while this was in flight */
  if (f->type != WIRE_MUX_CREDIT) c->session->attempt = 0; /* the road works again, down to a service */
  switch (f->type) {
  case WIRE_MUX_HEADERS: return wc_call_on_headers(call, f->payload);
  case WIRE_MUX_DATA: return wc_call_on_data(call, f->payload);
  case WIRE_MUX_STATUS: return wc_call_on_status(call, f->payload);
  case WIRE_MUX_CREDIT: return on_credit(c, call, f->payload);
  default: return base_fail(BASE_E_MALFORMED); /* OPEN, CANCEL: a client's */
  }
}

static base_err on_frame(wc_conn *c, const wire_mux_frame *f) {
  if (!c->hello && f->type != WIRE_MUX_HELLO) return base_fail(BASE_E_HELLO);
  switch (f->type) {
  case WIRE_MUX_HELLO: return on_hello(c, f);
  case WIRE_MUX_PING:
  case WIRE_MUX_PONG: return on_ping(c, f);
  case WIRE_MUX_DRAIN: return on_drain(c, f);
  case WIRE_MUX_AUTH: return base_fail(BASE_E_MALFORMED);
  default: return f->type >= 0x80 ? BASE_OK : on_call_frame(c, f);
  }
}

static void on_message(void *ctx, base_span message) {
  wc_conn *c = ctx;
  c->heard_ms = wc_now_ms(plat_of(c));
  base_err err = message.n == 0 ? base_fail(BASE_E_MALFORMED) : BASE_OK;
  if (message.n > WIRE_MUX_MESSAGE_MAX) err = base_fail(BASE_E_TOO_LARGE);
  while (message.n > 0 && base_is_ok(err)) {
    wire_mux_frame f;
    err = wire_mux_next(&message, &f);
    if (base_is_ok(err)) err = on_frame(c, &f);
  }
  if (!base_is_ok(err)) {
    wc_conn_drop(c, base_err_close(err), "the gateway broke the protocol");
  } else if (c->draining && !c->calls.head) {
    wc_conn_drop(c, WC_CLOSE_NORMAL, "");
  }
}

static void on_open(void *ctx) {
  wc_conn *c = ctx;
  wc_session *s = c->session;
  c->open = true;
  c->heard_ms = c->sent_ms = wc_now_ms(plat_of(c));
  wire_mux_hello hello = {.version = WIRE_MUX_VERSION,
                          .call_credit = s->options.call_credit,
                          .max_message = s->options.max_message,
                          .ping_interval_ms = s->options.ping_interval_ms,
                          .token = base_span_str(s->token ? s->token : "")};
  PUT_FRAME(c, wire_mux_put_hello(&c->out, &hello));
  flush(c);
  wc_session_proceed(s);
}

static void on_close(void *ctx, int code, const char *reason) {
  wc_conn *c = ctx;
  c->socket = NULL;
  (void)reason; /* the gateway's words are not ours to show; the table of session.c has the texts */
  wc_conn_drop(c, code, c->hello ? "the connection was lost" : "no connection to the gateway");
}

static const wc_socket_events socket_events = {.on_open = on_open, .on_message = on_message, .on_close = on_close};
