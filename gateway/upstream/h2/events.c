/* events.c - what nghttp2 reports: the server's frames become events of calls, and count against its limits. */
#include <stdio.h>

#include "gateway/upstream/h2/internal.h"

enum {
  ODDITIES_BURST = 2000, /* PING, SETTINGS, 1xx, empty DATA, broken streams: cheap to send, not free to handle */
  ODDITIES_PER_S = 200,
};

static bool take_token(gw_h2c_bucket *b, int64_t now_ms) {
  const int64_t full = ODDITIES_BURST * 1000;
  int64_t passed = now_ms - b->last_ms;
  if (passed > 0) {
    /* A minute fills the bucket; the product cannot overflow. */
    b->millitokens += (passed > 60000 ? 60000 : passed) * ODDITIES_PER_S;
    b->millitokens = b->millitokens > full ? full : b->millitokens;
    b->last_ms = now_ms;
  }
  b->millitokens -= 1000;
  return b->millitokens >= 0;
}

static void charge(gw_h2c *s) {
  if (base_is_ok(s->error) && !take_token(&s->oddities, s->now_ms)) {
    gw_h2c__fail(s, base_fail(BASE_E_EXHAUSTED), "the service floods its connection with empty frames");
  }
}

static gw_h2c_call *call_of(nghttp2_session *ng, int32_t id) { return nghttp2_session_get_stream_user_data(ng, id); }

static void break_text(gw_h2c_call *c, int code, const char *text, uint32_t reset) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set(&status, code, "%s", text);
  gw_h2c__break(c, &status, reset);
  wire_status_dispose(&status);
}

/* -- headers --------------------------------------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user) {
  (void)ng, (void)frame;
  gw_h2c_head_clear(&((gw_h2c *)user)->head);
  return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *user) {
  (void)ng, (void)frame, (void)flags;
  gw_h2c_head_add(&((gw_h2c *)user)->head, base_span_of(name, name_n), base_span_of(value, value_n));
  return 0;
}

/* The server will say no more. Its word is the status, unless a message is cut off. */
static void on_server_end(gw_h2c *s, gw_h2c_call *c, bool has_trailers) {
  wire_status status;
  wire_status_init(&status);
  if (!wire_frame_at_rest(&c->position)) {
    wire_status_set(&status, BASE_GRPC_INTERNAL, "the service's answer ends inside a message");
  } else if (!has_trailers) {
    wire_status_set(&status, BASE_GRPC_UNKNOWN, "the service ended the call without trailers");
  } else {
    gw_h2c_head_status(&s->head, &status);
  }
  if (c->end_sent) {
    gw_h2c__tell(c, &status, false); /* the stream is closing by itself */
  } else {
    /* Nobody reads the rest of the request: RFC 9113 section 8.1. */
    gw_h2c__break(c, &status, NGHTTP2_NO_ERROR);
  }
  gw_h2c_head_take_back(&s->head, &status);
  wire_status_dispose(&status);
}

static void on_block(gw_h2c *s, gw_h2c_call *c, bool last) {
  wire_status status;
  if (last) {
    on_server_end(s, c, true);
    return;
  }
  if (s->head.http_status >= 100 && s->head.http_status < 200) {
    charge(s); /* 1xx: not the answer yet */
    return;
  }
  wire_status_init(&status);
  if (gw_h2c_head_refuse(&s->head, &status)) {
    gw_h2c__break(c, &status, NGHTTP2_CANCEL);
  } else {
    c->has_headers = true;
    c->events->on_headers(c->ctx, &s->head.metadata);
  }
  wire_status_dispose(&status);
}

/* -- data ------------------------------------------------------------------------------------------------------------ */

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user) {
  (void)flags;
  gw_h2c *s = user;
  gw_h2c_call *c = call_of(ng, id);
  if (nghttp2_session_consume_connection(ng, len) != 0) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  if (c == NULL || !gw_h2c__hears(c)) {
    return 0;
  }
  c->window -= (int64_t)len;
  base_err e = wire_frame_follow(&c->position, base_span_of(data, len), NULL);
  if (base_is(e, BASE_E_TOO_LARGE)) {
    char text[GW_H2C_WHY];
    snprintf(text, sizeof text, "a message of the service is larger than %u bytes", s->options.max_message_bytes);
    break_text(c, BASE_GRPC_RESOURCE_EXHAUSTED, text, NGHTTP2_CANCEL);
    return 0;
  }
  if (!base_is_ok(e)) {
    break_text(c, BASE_GRPC_INTERNAL, "the service's answer is not framed as gRPC", NGHTTP2_CANCEL);
    return 0;
  }
  c->events->on_data(c->ctx, base_span_of(data, len));
  return 0;
}

/* -- the connection -------------------------------------------------------------------------------------------------- */

static void on_goaway(gw_h2c *s) {
  s->owes_going |= !s->going;
  s->going = true;
  /* nghttp2 ends streams above the last one itself; what still waits to be sent it would keep for ever at the stream limit. */
  for (gw_h2c_call *c = s->all; c; c = c->next) {
    if (!c->sent && gw_h2c__hears(c)) {
      c->refused = true;
      if (nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_CANCEL) != 0) {
        gw_h2c__fail(s, base_fail(BASE_E_NO_MEMORY), "out of memory");
      }
      gw_h2c__event(c);
    }
  }
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user) {
  gw_h2c *s = user;
  gw_h2c_call *c = frame->hd.stream_id ? call_of(ng, frame->hd.stream_id) : NULL;
  bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
  case NGHTTP2_HEADERS:
    if (c && gw_h2c__hears(c)) {
      on_block(s, c, last);
    }
    return 0;
  case NGHTTP2_DATA:
    if (last && c && gw_h2c__hears(c)) {
      on_server_end(s, c, false);
    } else if (frame->hd.length == 0 || c == NULL) {
      charge(s);
    }
    return 0;
  case NGHTTP2_SETTINGS:
    s->owes_room |= !s->has_settings || (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
    s->has_settings |= (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
    charge(s);
    return 0;
  case NGHTTP2_GOAWAY: on_goaway(s); return 0;
  case NGHTTP2_RST_STREAM:
    if (c == NULL) {
      charge(s);
    } else {
      c->reset = true;
    }
    return 0;
  case NGHTTP2_PING: /* ours are few, so an answer may cost what theirs costs */
  case NGHTTP2_PRIORITY: charge(s); return 0;
  default: return 0;
  }
}

/* nghttp2 resets the stream: say why, as long as the call is there. */
static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int code, void *user) {
  gw_h2c *s = user;
  gw_h2c_call *c = frame->hd.stream_id ? call_of(ng, frame->hd.stream_id) : NULL;
  charge(s);
  if (c && gw_h2c__hears(c)) {
    wire_status status;
    wire_status_init(&status);
    wire_status_set(&status, BASE_GRPC_INTERNAL, "the service broke the rules of HTTP/2: %s", nghttp2_strerror(code));
    gw_h2c__tell(c, &status, false);
    wire_status_dispose(&status);
  }
  return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user) {
  gw_h2c *s = user;
  gw_h2c_call *c = call_of(ng, id);
  if (c) {
    c->closed = true;
    c->code = code;
    s->streams--;
    s->owes_room = true;
    gw_h2c__event(c);
  }
  return 0;
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user) {
  (void)user;
  bool is_headers = frame->hd.type == NGHTTP2_HEADERS;
  if (!is_headers && frame->hd.type != NGHTTP2_DATA) {
    return 0;
  }
  gw_h2c_call *c = call_of(ng, frame->hd.stream_id);
  if (c == NULL) {
    return 0;
  }
  if (is_headers) {
    c->sent = true;
    gw_h2c__grant(c);
  }
  c->end_sent |= (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  return 0;
}

void gw_h2c__events_register(nghttp2_session_callbacks *cb) {
  nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
}
