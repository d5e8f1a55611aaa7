/* stream.c - one HTTP/2 stream as an http_exchange. */
#include <stdlib.h>

#include "gateway/http2/internal.h"

enum { MAX_HEADERS = 160 }; /* of a response: all metadata a call may have, and ours */

static gw_h2_stream *of(const http_exchange *x) { return (gw_h2_stream *)x; }

void gw_h2_stream_reset(gw_h2_stream *st, uint32_t code) {
  st->ended = true; /* nothing more is accepted for it */
  if (nghttp2_submit_rst_stream(st->session->ng, NGHTTP2_FLAG_NONE, st->id, code) != 0) {
    st->session->failed = true;
  }
  gw_h2_want_flush(st->session);
}

/* nghttp2 asks how much of the body fits into its next frame; the bytes themselves go out in output.c, uncopied until then. */
static ssize_t pull(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                    nghttp2_data_source *source, void *user) {
  (void)ng, (void)id, (void)buf, (void)user;
  gw_h2_stream *st = source->ptr;
  size_t have = base_buf_size(&st->out);
  if (have == 0 && !st->ended) {
    st->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (have <= length && st->ended) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return (ssize_t)(have < length ? have : length);
}

static nghttp2_nv field(base_span name, base_span value) {
  return (nghttp2_nv){(uint8_t *)name.p, (uint8_t *)value.p, name.n, value.n, NGHTTP2_NV_FLAG_NONE};
}

static void respond(http_exchange *x, int status, const http_header *headers, size_t count, bool end) {
  gw_h2_stream *st = of(x);
  nghttp2_nv nv[MAX_HEADERS + 1];
  const char digits[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10), (char)('0' + status % 10)};
  if (!st->open || st->responded || st->ended) {
    return;
  }
  st->responded = true;
  st->ended = end || st->is_head;
  if (count > MAX_HEADERS) {
    gw_h2_stream_reset(st, NGHTTP2_INTERNAL_ERROR);
    return;
  }
  nv[0] = field(base_span_str(":status"), base_span_of(digits, sizeof digits));
  for (size_t i = 0; i < count; i++) {
    nv[i + 1] = field(headers[i].name, headers[i].value);
  }
  nghttp2_data_provider body = {.source.ptr = st, .read_callback = pull};
  if (nghttp2_submit_response(st->session->ng, st->id, nv, count + 1, st->ended ? NULL : &body) != 0) {
    gw_h2_stream_reset(st, NGHTTP2_INTERNAL_ERROR);
  }
  gw_h2_want_flush(st->session);
}

static void body(http_exchange *x, base_span bytes, bool end) {
  gw_h2_stream *st = of(x);
  if (!st->open || !st->responded || st->ended) {
    return;
  }
  if (!base_is_ok(base_buf_append(&st->out, bytes))) {
    gw_h2_stream_reset(st, NGHTTP2_INTERNAL_ERROR);
    return;
  }
  st->ended = end;
  st->was_above |= base_buf_size(&st->out) > HTTP_WRITABLE_LOW;
  if (st->deferred) {
    st->deferred = false;
    if (nghttp2_session_resume_data(st->session->ng, st->id) != 0) {
      gw_h2_stream_reset(st, NGHTTP2_INTERNAL_ERROR);
    }
  }
  gw_h2_want_flush(st->session);
}

static void consume(http_exchange *x, size_t bytes) {
  gw_h2_stream *st = of(x);
  if (st->open && bytes > 0 && nghttp2_session_consume_stream(st->session->ng, st->id, bytes) == 0) {
    gw_h2_want_flush(st->session);
  }
}

static size_t queued(const http_exchange *x) { return base_buf_size(&of(x)->out); }

static void reset(http_exchange *x) {
  if (of(x)->open) {
    gw_h2_stream_reset(of(x), NGHTTP2_INTERNAL_ERROR);
  }
}

static const http_exchange_vt exchange_vt = {
    .respond = respond, .body = body, .consume = consume, .queued = queued, .reset = reset};

gw_h2_stream *gw_h2_stream_new(gw_h2_session *s, int32_t id) {
  gw_h2_stream *st = calloc(1, sizeof *st);
  if (st == NULL) {
    return NULL;
  }
  st->x.vt = &exchange_vt;
  st->session = s;
  st->id = id;
  st->open = true;
  base_buf_init(&st->out, GW_H2_BODY_MAX);
  st->next = s->streams;
  if (st->next) {
    st->next->prev = st;
  }
  s->streams = st;
  s->stream_count++;
  return st;
}

void gw_h2_stream_free(gw_h2_stream *st) {
  if (st->prev) {
    st->prev->next = st->next;
  } else {
    st->session->streams = st->next;
  }
  if (st->next) {
    st->next->prev = st->prev;
  }
  base_buf_dispose(&st->out);
  free(st);
}

void gw_h2_stream_event(gw_h2_stream *st) {
  if (st->in_events) {
    return;
  }
  st->in_events = true;
  st->event_next = NULL;
  *st->session->events_tail = st;
  st->session->events_tail = &st->event_next;
}

void gw_h2_stream_sent(gw_h2_stream *st, size_t n) {
  st->sent = true;
  base_buf_consume(&st->out, n);
  base_buf_shrink(&st->out);
  if (st->was_above && base_buf_size(&st->out) <= HTTP_WRITABLE_LOW) {
    st->was_above = false;
    st->writable = true;
    gw_h2_stream_event(st);
  }
}
