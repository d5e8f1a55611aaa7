/* events.c - what nghttp2 reports: the peer's frames become calls of the application, and count against its limits. */
#include "gateway/http2/internal.h"

/* Without a token for what the peer did the connection ends with ENHANCE_YOUR_CALM. */
static void charge(gw_h2_session *s, gw_bucket *b, uint32_t per_s, uint32_t burst) {
  if (base_is_ok(s->error) && gw_bucket_take(b, per_s, burst, s->now_ms) > 0) {
    s->error = base_fail(BASE_E_EXHAUSTED);
    if (nghttp2_session_terminate_session(s->ng, NGHTTP2_ENHANCE_YOUR_CALM) != 0) {
      s->failed = true;
    }
  }
}

static void charge_reset(gw_h2_session *s) { charge(s, &s->resets, s->options.resets_per_s, s->options.resets_burst); }

static void charge_oddity(gw_h2_session *s) { charge(s, &s->oddities, GW_H2_ODDITIES_PER_S, GW_H2_ODDITIES_BURST); }

static bool is_request(const nghttp2_frame *frame) {
  return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

/* nghttp2 ignores HEADERS with an id it does not know any more; one that never was is an error of the connection. */
static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *user) {
  gw_h2_session *s = user;
  if (hd->type != NGHTTP2_HEADERS || hd->stream_id % 2 == 0) {
    return 0;
  }
  if (hd->stream_id > s->last_id) {
    if (hd->stream_id > s->last_id + 2) {
      s->gaps[s->gap_count++ % GW_H2_GAPS] = (gw_h2_gap){s->last_id, hd->stream_id};
    }
    s->last_id = hd->stream_id;
    return 0;
  }
  for (int i = 0; i < GW_H2_GAPS; i++) {
    if (hd->stream_id > s->gaps[i].above && hd->stream_id < s->gaps[i].below && base_is_ok(s->error)) {
      s->error = base_fail(BASE_E_MALFORMED);
      return nghttp2_session_terminate_session(ng, NGHTTP2_PROTOCOL_ERROR) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }
  return 0;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user) {
  gw_h2_session *s = user;
  s->in_head = true;
  s->head_since_ms = s->now_ms;
  if (!is_request(frame)) {
    return 0; /* trailers of a request: nothing here reads them */
  }
  gw_h2_head_clear(&s->head);
  gw_h2_stream *st = gw_h2_stream_new(s, frame->hd.stream_id);
  if (st == NULL) {
    s->in_head = false;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  return nghttp2_session_set_stream_user_data(ng, st->id, st) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value,
                     uint8_t flags, void *user) {
  (void)flags;
  gw_h2_session *s = user;
  if (!is_request(frame) || gw_h2_head_add(&s->head, name, value)) {
    return 0;
  }
  /* nghttp2 checks every byte of every field, and HPACK makes a field of thousands of bytes out of one: stop. */
  s->error = base_fail(BASE_E_EXHAUSTED);
  s->failed |= nghttp2_session_terminate_session(ng, NGHTTP2_ENHANCE_YOUR_CALM) != 0;
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void on_request(gw_h2_session *s, gw_h2_stream *st) {
  int refusal = gw_h2_head_check(&s->head);
  const gw_h2_head *h = &s->head;
  st->is_head = base_span_is(h->method, "HEAD");
  if (refusal == 0) {
    http_request request = {.method = h->method,
                            .path = h->path,
                            .authority = h->authority,
                            .headers = h->fields,
                            .header_count = h->count,
                            .tls = s->options.tls,
                            .peer = s->options.peer ? s->options.peer : ""};
    s->app.on_request(s->app.app, &st->x, &request);
    refusal = st->x.handler || st->responded ? 0 : 404;
  }
  if (refusal == 431) {
    charge_reset(s);
  }
  if (refusal != 0) {
    const http_request known = {.headers = h->fields, .header_count = h->count};
    http_refuse(&st->x, &s->app, http_request_header(&known, "origin"), refusal, "");
  }
  gw_h2_head_clear(&s->head);
}

static void on_peer_end(gw_h2_stream *st) {
  st->peer_ended = true;
  if (st->x.handler && st->x.handler->on_end) {
    st->x.handler->on_end(st->x.ctx, &st->x);
  }
}

/* An RTT after the shutdown notice no stream is under way that the peer opened in ignorance: RFC 9113 section 6.8. */
static int on_ping_answer(gw_h2_session *s) {
  if (!s->draining || s->refusing) {
    return 0;
  }
  s->refusing = true;
  int32_t last = nghttp2_session_get_last_proc_stream_id(s->ng);
  return nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user) {
  gw_h2_session *s = user;
  gw_h2_stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
  bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
  case NGHTTP2_HEADERS:
    s->in_head = false;
    if (st && is_request(frame)) {
      on_request(s, st);
    }
    break;
  case NGHTTP2_DATA:
    if (frame->hd.length == 0 && !last) {
      charge_oddity(s);
    }
    break;
  case NGHTTP2_RST_STREAM: charge_reset(s); return 0;
  case NGHTTP2_PING:
    if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
      return on_ping_answer(s);
    }
    charge_oddity(s);
    return 0;
  case NGHTTP2_SETTINGS:
  case NGHTTP2_PRIORITY: charge_oddity(s); return 0;
  default: return 0;
  }
  if (st && last && !st->peer_ended) {
    on_peer_end(st);
  }
  return 0;
}

/* A stream error that the peer provoked costs as much as a reset: CVE-2025-8671, "made you reset". */
static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int code, void *user) {
  (void)ng, (void)code;
  gw_h2_session *s = user;
  s->in_head = s->in_head && frame->hd.type != NGHTTP2_HEADERS;
  charge_reset(s);
  return 0;
}

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user) {
  (void)flags, (void)user;
  gw_h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);
  if (nghttp2_session_consume_connection(ng, len) != 0) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  if (st) {
    st->heard = true;
  }
  if (st && st->x.handler && st->x.handler->on_body) {
    st->x.handler->on_body(st->x.ctx, &st->x, base_span_of(data, len));
    return 0;
  }
  return nghttp2_session_consume_stream(ng, id, len) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user) {
  (void)code;
  gw_h2_session *s = user;
  gw_h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);
  if (st) {
    st->open = false;
    s->stream_count--;
    gw_h2_stream_event(st);
  }
  return 0;
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user) {
  (void)user;
  bool has_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!has_end || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
    return 0;
  }
  gw_h2_stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
  if (st == NULL) {
    return 0;
  }
  st->end_sent = true;
  if (st->peer_ended) {
    return 0;
  }
  /* The answer is complete and nobody will read the rest of the request: RFC 9113 section 8.1. */
  return nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_NO_ERROR);
}

void gw_h2_events_register(nghttp2_session_callbacks *cb) {
  nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback2(cb, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
}
