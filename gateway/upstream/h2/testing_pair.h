/* testing_pair.h - a client session in memory with nghttp2's server on the other side. Test code only. */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_TESTING_PAIR_H
#define PONTE_GATEWAY_UPSTREAM_H2_TESTING_PAIR_H

#include "gateway/upstream/h2/testing_world.h"

typedef struct {
  int32_t id;
  size_t body, left; /* request bytes so far; response bytes still to send */
  bool ended, reset;
  uint32_t code;
  char text[1024]; /* the request's fields, a line each */
} stream;

typedef struct {
  world w;
  nghttp2_session *ng;
  stream streams[MAX_CALLS];
  size_t count, answer; /* answered streams get so many bytes of message */
  bool hold, auto_answer;
  int pings, ping_acks;
} pair;

static stream *stream_of(pair *p, int32_t id) {
  for (size_t i = 0; i < p->count; i++) {
    if (p->streams[i].id == id) {
      return &p->streams[i];
    }
  }
  stream *st = &p->streams[p->count++];
  *st = (stream){.id = id};
  return st;
}

static int server_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                         const uint8_t *value, size_t value_n, uint8_t flags, void *user) {
  (void)ng, (void)flags;
  stream *st = stream_of(user, frame->hd.stream_id);
  size_t at = strlen(st->text);
  snprintf(st->text + at, sizeof st->text - at, "%.*s: %.*s\n", (int)name_n, (const char *)name, (int)value_n,
           (const char *)value);
  return 0;
}

#define NV(n, v) \
  { (uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), 0 }

static const nghttp2_nv head_fields[] = {NV(":status", "200"), NV("content-type", "application/grpc"),
                                         NV("x-test", "h")};
static const nghttp2_nv end_fields[] = {NV("grpc-status", "0"), NV("x-test", "t")};

static ssize_t server_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                           nghttp2_data_source *source, void *user) {
  (void)source;
  stream *st = stream_of(user, id);
  size_t n = st->left < length ? st->left : length;
  memset(buf, 0, n);
  if (n >= WIRE_FRAME_HEAD && st->left == ((pair *)user)->answer) {
    wire_frame_head(buf, 0, (uint32_t)(st->left - WIRE_FRAME_HEAD));
  }
  st->left -= n;
  if (st->left == 0) {
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    CHECK_INT(nghttp2_submit_trailer(ng, id, end_fields, 2), 0);
  }
  return (ssize_t)n;
}

static void answer(pair *p, stream *st) {
  nghttp2_data_provider body = {.read_callback = server_body};
  st->left = p->answer;
  CHECK_INT(nghttp2_submit_response(p->ng, st->id, head_fields, 3, &body), 0);
}

static int server_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user) {
  (void)flags, (void)data;
  pair *p = user;
  stream_of(p, id)->body += n;
  return p->hold ? 0 : nghttp2_session_consume(ng, id, n);
}
static int server_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user) {
  (void)ng;
  pair *p = user;
  if (frame->hd.type == NGHTTP2_PING) {
    p->pings += !(frame->hd.flags & NGHTTP2_FLAG_ACK);
  }
  if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
      frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
    stream *st = stream_of(p, frame->hd.stream_id);
    st->ended = true;
    if (p->auto_answer) {
      answer(p, st);
    }
  }
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    stream *st = stream_of(p, frame->hd.stream_id);
    st->reset = true;
    st->code = frame->rst_stream.error_code;
  }
  return 0;
}

static void open_pair(pair *p, const gw_h2c_options *options, const nghttp2_settings_entry *settings, size_t n) {
  *p = (pair){.answer = 1005};
  setup(&p->w, options);
  nghttp2_session_callbacks *cb = NULL;
  nghttp2_option *o = NULL;
  nghttp2_session_callbacks_new(&cb);
  nghttp2_session_callbacks_set_on_header_callback(cb, server_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, server_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(cb, server_frame);
  nghttp2_option_new(&o);
  nghttp2_option_set_no_auto_window_update(o, 1);
  nghttp2_session_server_new2(&p->ng, cb, p, o);
  nghttp2_option_del(o);
  nghttp2_session_callbacks_del(cb);
  nghttp2_submit_settings(p->ng, 0, settings, n);
}

/* Until neither side has anything to say. */
static void pump(pair *p) {
  for (bool moved = true; moved;) {
    moved = false;
    flush(&p->w);
    base_span out = base_buf_span(&p->w.out);
    if (out.n > 0) {
      moved = true;
      CHECK_INT(nghttp2_session_mem_recv(p->ng, out.p, out.n), out.n);
      base_buf_clear(&p->w.out);
    }
    const uint8_t *bytes = NULL;
    for (ssize_t n; (n = nghttp2_session_mem_send(p->ng, &bytes)) > 0; moved = true) {
      feed(&p->w, base_span_of(bytes, (size_t)n));
    }
  }
}

static void close_pair(pair *p) {
  nghttp2_session_del(p->ng);
  teardown(&p->w);
}

#endif
