#include "gateway/ws/endpoint.h"

#include "gateway/obs/obs.h"

enum {
  WRITE_AT = 65536,   /* bytes of frames that do not wait for the end of the turn */
  OUT_MAX = 16 << 20, /* a message of the largest size there is, and more */
  PONG_QUEUE_MAX =
      65536,        /* whoever does not read gets no pongs (RFC 6455 section 5.5.3 lets us answer the last ping only) */
  TEXT_MAX = 65536, /* held to tell bad UTF-8 from a text that nobody wanted */
  REASON_MAX = WIRE_WS_CONTROL_MAX - 2,
  CLOSE_PROTOCOL = 1002,
  CLOSE_UTF8 = 1007,
  CLOSE_NO_CODE = 1005,
};

/* -- out ---------------------------------------------------------------------------------------------------------------- */

static void write_out(gw_ws_endpoint *e) {
  if (base_buf_size(&e->out) > 0) {
    e->pipe->write(e->ctx, base_buf_span(&e->out));
    base_buf_clear(&e->out);
  }
}

static void close_pipe(gw_ws_endpoint *e) {
  e->over = true;
  write_out(e);
  base_buf_dispose(&e->out);
  base_buf_dispose(&e->partial);
  e->pipe->close(e->ctx);
}

static void put_frame(gw_ws_endpoint *e, uint8_t first, base_span payload) {
  uint8_t head[WIRE_WS_SENT_HEAD_MAX];
  size_t n = wire_ws_head(head, first, payload.n);
  if (!base_is_ok(base_buf_append(&e->out, base_span_of(head, n))) || !base_is_ok(base_buf_append(&e->out, payload))) {
    base_buf_clear(
        &e->out); /* out of memory: half a frame may not leave, so the peer sees the end without a close frame */
    close_pipe(e);
    return;
  }
  if (base_buf_size(&e->out) >= WRITE_AT) {
    write_out(e);
  } else {
    e->pipe->want_flush(e->ctx);
  }
}

static void put_close(gw_ws_endpoint *e, int code, base_span reason) {
  uint8_t payload[WIRE_WS_CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
  size_t n = reason.n < REASON_MAX ? reason.n : REASON_MAX;
  if (n > 0) {
    memcpy(payload + 2, reason.p, n);
  }
  put_frame(e, WIRE_WS_FIN | WIRE_WS_CLOSE, base_span_of(payload, code == CLOSE_NO_CODE ? 0 : n + 2));
  if (!e->over) {
    close_pipe(e);
  }
}

static void drop_session(gw_ws_endpoint *e) {
  if (e->session) {
    e->vt->free(e->session);
    e->session = NULL;
  }
}

/* What the session has gathered by now leaves before the close frame. */
static void end(gw_ws_endpoint *e, int code, const char *reason, int64_t now_ms) {
  e->vt->flush(e->session, now_ms);
  if (!e->over) {
    put_close(e, code, base_span_str(reason));
  }
  drop_session(e);
}

/* The peer broke RFC 6455. */
static void break_off(gw_ws_endpoint *e, int code, const char *reason, int64_t now_ms) {
  gw_obs_rejected(GW_REJECT_MALFORMED);
  end(e, code, reason, now_ms);
}

/* -- the session's sink ---------------------------------------------------------------------------------------------------- */

static void sink_send(void *ctx, base_span message) {
  gw_ws_endpoint *e = ctx;
  uint8_t first = WIRE_WS_FIN | WIRE_WS_BINARY;
  base_buf packed;
  if (e->over) {
    return;
  }
  base_buf_init(&packed, OUT_MAX);
  if (e->deflate && gw_deflate_compress(e->deflate, message, &packed)) {
    first |= WIRE_WS_RSV1;
    message = base_buf_span(&packed);
  }
  put_frame(e, first, message);
  base_buf_dispose(&packed);
}

static size_t sink_queued(void *ctx) {
  gw_ws_endpoint *e = ctx;
  return e->pipe->queued(e->ctx) + base_buf_size(&e->out);
}

static void sink_want_flush(void *ctx) {
  gw_ws_endpoint *e = ctx;
  e->pipe->want_flush(e->ctx);
}

static void sink_close(void *ctx, int code, const char *reason) {
  gw_ws_endpoint *e = ctx;
  if (!e->over) {
    put_close(e, code, base_span_str(reason));
  }
}

static void sink_pause(void *ctx, bool paused) {
  gw_ws_endpoint *e = ctx;
  if (!e->over) {
    e->pipe->pause(e->ctx, paused);
  }
}

static void sink_ping(void *ctx) {
  gw_ws_endpoint *e = ctx;
  if (!e->over) {
    put_frame(e, WIRE_WS_FIN | WIRE_WS_PING, base_span_of(NULL, 0));
  }
}

const gw_ws_sink gw_ws_endpoint_sink = {
    .send = sink_send,
    .queued = sink_queued,
    .want_flush = sink_want_flush,
    .close = sink_close,
    .pause = sink_pause,
    .ping = sink_ping,
};

/* -- in ---------------------------------------------------------------------------------------------------------------------- */

static void whole_message(gw_ws_endpoint *e, bool text, base_span message, int64_t now_ms) {
  if (!text) {
    e->vt->receive(e->session, message, true, true, now_ms);
  } else if (base_span_utf8(message)) {
    e->vt->fail(e->session, base_fail(BASE_E_MALFORMED)); /* both subprotocols are binary */
  } else {
    break_off(e, CLOSE_UTF8, "text that is no UTF-8", now_ms);
  }
}

/* A piece of a message, inflated. */
static void deliver(gw_ws_endpoint *e, bool text, base_span piece, bool begin, bool end, int64_t now_ms) {
  size_t max = text ? TEXT_MAX : e->vt->whole_max_bytes;
  if (max == 0) {
    e->vt->receive(e->session, piece, begin, end, now_ms);
    return;
  }
  if (piece.n > max - base_buf_size(&e->partial)) {
    e->vt->fail(e->session, base_fail(BASE_E_TOO_LARGE));
    return;
  }
  if (begin && end) {
    whole_message(e, text, piece, now_ms);
    return;
  }
  base_err err = base_buf_append(&e->partial, piece);
  if (!base_is_ok(err)) {
    e->vt->fail(e->session, err);
  } else if (end) {
    whole_message(e, text, base_buf_span(&e->partial), now_ms);
    base_buf_dispose(&e->partial);
  }
}

struct inflating {
  gw_ws_endpoint *e;
  int64_t now_ms;
  bool text, begin;
};

static bool on_inflated(void *ctx, base_span piece, bool end) {
  struct inflating *i = ctx;
  bool begin = i->begin;
  i->begin = false;
  deliver(i->e, i->text, piece, begin, end, i->now_ms);
  return !i->e->over;
}

static void on_data(gw_ws_endpoint *e, const wire_ws_step *step, int64_t now_ms) {
  bool text = step->opcode == WIRE_WS_TEXT;
  if (!step->compressed) {
    deliver(e, text, step->payload, step->begin, step->end, now_ms);
    return;
  }
  e->inflated_begin |= step->begin;
  struct inflating i = {e, now_ms, text, e->inflated_begin};
  base_err err = gw_deflate_inflate(e->deflate, step->payload, step->end, on_inflated, &i);
  e->inflated_begin = i.begin;
  if (!base_is_ok(err) && !e->over) {
    e->vt->fail(e->session, err);
  }
}

static void on_control(gw_ws_endpoint *e, const wire_ws_step *step, int64_t now_ms) {
  switch (step->opcode) {
  case WIRE_WS_PING:
    if (sink_queued(e) <= PONG_QUEUE_MAX) {
      put_frame(e, WIRE_WS_FIN | WIRE_WS_PONG, step->payload);
    }
    break;
  case WIRE_WS_CLOSE: end(e, step->close_code, "", now_ms); return;
  default: break;
  }
  if (!e->over) {
    e->vt->heard(e->session, now_ms);
  }
}

static void take(gw_ws_endpoint *e, base_span bytes, int64_t now_ms) {
  wire_ws_step step;
  do {
    base_err err = wire_ws_next(&e->decoder, &bytes, e->scratch, &step);
    if (base_is(err, BASE_E_INVALID)) {
      break_off(e, CLOSE_UTF8, "a close reason that is no UTF-8", now_ms);
    } else if (!base_is_ok(err)) {
      break_off(e, CLOSE_PROTOCOL, "a malformed frame", now_ms);
    } else if (step.event == WIRE_WS_DATA) {
      on_data(e, &step, now_ms);
    } else if (step.event == WIRE_WS_CONTROL) {
      on_control(e, &step, now_ms);
    }
  } while (!e->over && step.event != WIRE_WS_MORE);
}

void gw_ws_endpoint_receive(gw_ws_endpoint *e, base_span bytes, int64_t now_ms) {
  while (bytes.n > 0 && !e->over) {
    size_t n = bytes.n < GW_WS_SCRATCH ? bytes.n : GW_WS_SCRATCH;
    take(e, base_span_of(bytes.p, n), now_ms);
    bytes = base_span_of(bytes.p + n, bytes.n - n);
  }
}

/* -- life ---------------------------------------------------------------------------------------------------------------------- */

void gw_ws_endpoint_flush(gw_ws_endpoint *e, int64_t now_ms) {
  if (!e->over) {
    e->vt->flush(e->session, now_ms);
  }
  write_out(e);
  base_buf_shrink(&e->out);
}

void gw_ws_endpoint_drained(gw_ws_endpoint *e) {
  if (!e->over) {
    e->vt->writable(e->session);
  }
}

bool gw_ws_endpoint_is_busy(const gw_ws_endpoint *e) { return !e->over && e->vt->is_busy(e->session); }

int64_t gw_ws_endpoint_next_due_ms(const gw_ws_endpoint *e) {
  return e->over ? INT64_MAX : e->vt->next_due_ms(e->session);
}

void gw_ws_endpoint_on_time(gw_ws_endpoint *e, int64_t now_ms) {
  if (!e->over) {
    e->vt->on_time(e->session, now_ms);
  }
  gw_ws_endpoint_flush(e, now_ms);
}

void gw_ws_endpoint_drain(gw_ws_endpoint *e, int64_t now_ms, uint32_t grace_ms) {
  if (!e->over) {
    e->vt->drain(e->session, now_ms, grace_ms);
  }
}

void gw_ws_endpoint_init(gw_ws_endpoint *e, const gw_ws_pipe *pipe, void *ctx, uint8_t *scratch, gw_deflate *deflate) {
  *e = (gw_ws_endpoint){.pipe = pipe, .ctx = ctx, .scratch = scratch, .deflate = deflate};
  wire_ws_init(&e->decoder, deflate != NULL);
  base_buf_init(&e->partial, TEXT_MAX);
  base_buf_init(&e->out, OUT_MAX);
}

void gw_ws_endpoint_attach(gw_ws_endpoint *e, const gw_ws_session_vt *vt, void *session) {
  e->vt = vt;
  e->session = session;
}

void gw_ws_endpoint_dispose(gw_ws_endpoint *e) {
  e->over = true;
  drop_session(e);
  gw_deflate_free(e->deflate);
  base_buf_dispose(&e->partial);
  base_buf_dispose(&e->out);
}
