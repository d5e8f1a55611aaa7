/* output.c - frames on their way out: gathered into few writes, DATA pulled only while the socket keeps up. */
#include "gateway/http2/internal.h"

enum {
  GATHER_BYTES = 65536, /* one write to the socket */
  OUTPUT_HIGH = 65536,  /* no DATA is pulled while more than this waits in the socket's queue */
  TURN_BYTES = 1 << 20, /* of one flush, then other connections have their turn */
  TURN_ROUNDS = 8,
};

struct gw_h2_gather {
  size_t n, total;
  uint8_t bytes[GATHER_BYTES];
};

void gw_h2_want_flush(gw_h2_session *s) {
  if (!s->flush_wanted && s->gather == NULL) {
    s->flush_wanted = true;
    s->sink.want_flush(s->sink_ctx);
  }
}

static void gather_write(gw_h2_session *s) {
  struct gw_h2_gather *g = s->gather;
  if (g->n > 0 && !s->failed && !base_is_ok(s->sink.write(s->sink_ctx, base_span_of(g->bytes, g->n)))) {
    s->failed = true;
  }
  g->n = 0;
}

static void gather_put(gw_h2_session *s, base_span bytes) {
  struct gw_h2_gather *g = s->gather;
  if (bytes.n > GATHER_BYTES - g->n) {
    gather_write(s);
  }
  memcpy(g->bytes + g->n, bytes.p, bytes.n); /* a frame has at most 16 KiB and its head: RFC 9113 section 4.2 */
  g->n += bytes.n;
  g->total += bytes.n;
}

static bool output_full(const gw_h2_session *s) {
  return s->failed || s->gather->total >= TURN_BYTES || s->sink.queued(s->sink_ctx) >= OUTPUT_HIGH;
}

static int on_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t length,
                        nghttp2_data_source *source, void *user) {
  (void)ng, (void)frame;
  gw_h2_session *s = user;
  gw_h2_stream *st = source->ptr;
  if (output_full(s)) {
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  gather_put(s, base_span_of(head, 9));
  gather_put(s, base_span_of(base_buf_span(&st->out).p, length));
  gw_h2_stream_sent(st, length);
  return 0;
}

static void pull_output(gw_h2_session *s) {
  struct gw_h2_gather g;
  g.n = g.total = 0;
  s->gather = &g;
  while (!output_full(s)) {
    const uint8_t *bytes = NULL;
    ssize_t n = nghttp2_session_mem_send(s->ng, &bytes);
    if (n <= 0) {
      s->failed |= n < 0;
      break;
    }
    gather_put(s, base_span_of(bytes, (size_t)n));
  }
  gather_write(s);
  s->gather = NULL;
  if (g.total >= TURN_BYTES) {
    gw_h2_want_flush(s);
  }
}

/* Tells the application what happened to its exchanges; true if there was anything. */
static bool deliver(gw_h2_session *s) {
  gw_h2_stream *list = s->events;
  s->events = NULL;
  s->events_tail = &s->events;
  bool any = list != NULL;
  while (list) {
    gw_h2_stream *st = list;
    list = st->event_next;
    st->in_events = false;
    const http_handler *handler = st->x.handler;
    if (!st->open) {
      if (handler && handler->on_closed) {
        handler->on_closed(st->x.ctx, &st->x, !st->end_sent);
      }
      gw_h2_stream_free(st);
      continue;
    }
    if (st->writable && handler && handler->on_writable) {
      handler->on_writable(st->x.ctx, &st->x);
    }
    st->writable = false;
  }
  return any;
}

void gw_h2_session_flush(gw_h2_session *s) {
  s->flush_wanted = false;
  for (int round = 0; round < TURN_ROUNDS; round++) {
    pull_output(s);
    if (!deliver(s)) {
      if (s->stream_count == 0) {
        gw_h2_head_dispose(&s->head); /* idle connections hold nothing */
      }
      return;
    }
  }
  gw_h2_want_flush(s);
}

void gw_h2_output_register(nghttp2_session_callbacks *cb) {
  nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
}
