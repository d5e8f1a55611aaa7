/* call.c - one gRPC call on a stream: its request on the way out, its windows, and its one status. */
#include <assert.h>
#include <stdlib.h>

#include "gateway/upstream/h2/internal.h"

enum {
  OWN_FIELDS = 8,            /* at most so many request headers are ours */
  WAITING_BESIDES = 1 << 20, /* bytes that may wait besides one message of the largest size */
  SPARE_BYTES = 32768,       /* a larger buffer is not kept for the next call */
  MAX_WINDOW = 1 << 30,      /* RFC 9113 section 6.9.1 allows twice that */
};

/* -- the end --------------------------------------------------------------------------------------------------------- */

void gw_h2c__event(gw_h2c_call *c) {
  if (!c->in_events) {
    c->in_events = true;
    c->event_next = NULL;
    *c->session->events_tail = c;
    c->session->events_tail = &c->event_next;
  }
}

void gw_h2c__call_free(gw_h2c_call *c) {
  gw_h2c *s = c->session;
  *(c->prev ? &c->prev->next : &s->all) = c->next;
  if (c->next) {
    c->next->prev = c->prev;
  }
  base_buf_dispose(&c->out);
  free(c);
}

void gw_h2c__tell(gw_h2c_call *c, const wire_status *status, bool unprocessed) {
  if (c->told) {
    return;
  }
  c->told = true;
  c->session->calls--;
  base_buf_dispose(&c->out);
  gw_h2c__event(c);
  c->events->on_status(c->ctx, status, unprocessed);
}

static void submit_reset(gw_h2c_call *c, uint32_t code) {
  gw_h2c *s = c->session;
  if (!c->closed && nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, c->id, code) != 0) {
    gw_h2c__fail(s, base_fail(BASE_E_NO_MEMORY), "out of memory");
  }
}

void gw_h2c__break(gw_h2c_call *c, const wire_status *status, uint32_t code) {
  submit_reset(c, code);
  gw_h2c__tell(c, status, false);
}

/* PROTOCOL-HTTP2.md, "Errors": what a RST_STREAM means that came without trailers. CANCEL is the server's way to drop calls when it shuts down: to our
 * caller, who did not cancel, the server went away (the C core's leg says the same). */
static const struct {
  int grpc;
  const char *name;
} resets[] = {
    [NGHTTP2_NO_ERROR] = {BASE_GRPC_INTERNAL, "NO_ERROR"},
    [NGHTTP2_PROTOCOL_ERROR] = {BASE_GRPC_INTERNAL, "PROTOCOL_ERROR"},
    [NGHTTP2_INTERNAL_ERROR] = {BASE_GRPC_INTERNAL, "INTERNAL_ERROR"},
    [NGHTTP2_FLOW_CONTROL_ERROR] = {BASE_GRPC_INTERNAL, "FLOW_CONTROL_ERROR"},
    [NGHTTP2_SETTINGS_TIMEOUT] = {BASE_GRPC_INTERNAL, "SETTINGS_TIMEOUT"},
    [NGHTTP2_STREAM_CLOSED] = {BASE_GRPC_INTERNAL, "STREAM_CLOSED"},
    [NGHTTP2_FRAME_SIZE_ERROR] = {BASE_GRPC_INTERNAL, "FRAME_SIZE_ERROR"},
    [NGHTTP2_REFUSED_STREAM] = {BASE_GRPC_UNAVAILABLE, "REFUSED_STREAM"},
    [NGHTTP2_CANCEL] = {BASE_GRPC_UNAVAILABLE, "CANCEL"},
    [NGHTTP2_COMPRESSION_ERROR] = {BASE_GRPC_INTERNAL, "COMPRESSION_ERROR"},
    [NGHTTP2_CONNECT_ERROR] = {BASE_GRPC_INTERNAL, "CONNECT_ERROR"},
    [NGHTTP2_ENHANCE_YOUR_CALM] = {8, "ENHANCE_YOUR_CALM"},
    [NGHTTP2_INADEQUATE_SECURITY] = {7, "INADEQUATE_SECURITY"},
    [NGHTTP2_HTTP_1_1_REQUIRED] = {BASE_GRPC_INTERNAL, "HTTP_1_1_REQUIRED"},
};

static void reset_status(uint32_t code, wire_status *out) {
  if (code < sizeof resets / sizeof *resets) {
    wire_status_set(out, resets[code].grpc, "the service reset the call: %s", resets[code].name);
  } else {
    wire_status_set(out, BASE_GRPC_UNKNOWN, "the service reset the call: error code %u", code);
  }
}

/* Of a call that ended otherwise than by the server's trailers. */
static void end_call(gw_h2c_call *c) {
  wire_status status;
  bool unprocessed = !c->cancelled && (!c->sent || c->refused || (c->closed && c->code == NGHTTP2_REFUSED_STREAM));
  wire_status_init(&status);
  if (c->cancelled) {
    wire_status_set(&status, BASE_GRPC_CANCELLED, "cancelled");
  } else if (unprocessed) {
    wire_status_set(&status, BASE_GRPC_UNAVAILABLE, "the service did not take the call");
  } else if (c->reset) {
    reset_status(c->code, &status);
  } else {
    wire_status_set(&status, BASE_GRPC_INTERNAL, "the service broke the rules of HTTP/2 on this stream");
  }
  gw_h2c__tell(c, &status, unprocessed);
  wire_status_dispose(&status);
}

void gw_h2c__end_all(gw_h2c *s) {
  wire_status status;
  wire_status_init(&status);
  for (gw_h2c_call *c = s->all; c; c = c->next) {
    wire_status_set(&status, BASE_GRPC_UNAVAILABLE, "%s", s->why);
    if (c->cancelled || c->closed) {
      end_call(c);
    }
    gw_h2c__tell(c, &status, !c->sent || c->refused);
  }
  wire_status_dispose(&status);
}

bool gw_h2c__deliver(gw_h2c *s) {
  gw_h2c_call *list = s->events;
  s->events = NULL;
  s->events_tail = &s->events;
  bool any = list != NULL;
  while (list) {
    gw_h2c_call *c = list;
    list = c->event_next;
    c->in_events = false;
    if (c->written > 0 && gw_h2c__hears(c)) {
      size_t n = c->written;
      c->written = 0;
      c->events->on_written(c->ctx, n);
    }
    if (!c->told && (c->closed || c->cancelled || c->refused)) {
      end_call(c);
    }
    if (c->told && c->closed && !c->in_events) {
      gw_h2c__call_free(c);
    }
  }
  return any;
}

/* -- the request ----------------------------------------------------------------------------------------------------- */

/* An emptied buffer's memory goes to the next call that writes. */
static void give_spare(gw_h2c *s, base_buf *b) {
  if (s->spare_count < GW_H2C_SPARES && b->cap <= SPARE_BYTES) {
    s->spares[s->spare_count++] = *b;
    base_buf_init(b, b->ceiling);
    return;
  }
  base_buf_shrink(b);
}

static void take_spare(gw_h2c *s, base_buf *b) {
  if (b->data == NULL && s->spare_count > 0) {
    size_t ceiling = b->ceiling;
    *b = s->spares[--s->spare_count];
    b->ceiling = ceiling;
  }
}

void gw_h2c__sent(gw_h2c_call *c, size_t n) {
  base_buf_consume(&c->out, n);
  if (base_buf_size(&c->out) == 0) {
    give_spare(c->session, &c->out);
  }
  c->written += n;
  gw_h2c__event(c);
}

/* nghttp2 asks how much fits into its next frame; the bytes themselves go out in output.c. */
static ssize_t pull(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                    nghttp2_data_source *source, void *user) {
  (void)ng, (void)id, (void)buf;
  gw_h2c_call *c = source->ptr;
  size_t have = base_buf_size(&c->out);
  if (have == 0 && !c->ended) {
    c->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (gw_h2c__output_full(user)) {
    return NGHTTP2_ERR_PAUSE;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (have <= length && c->ended) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return (ssize_t)(have < length ? have : length);
}

static nghttp2_nv field(base_span name, base_span value) {
  return (nghttp2_nv){(uint8_t *)name.p, (uint8_t *)value.p, name.n, value.n, NGHTTP2_NV_FLAG_NONE};
}
#define FIELD(name, value) field(base_span_of(name, sizeof(name) - 1), value)

/* The caller's metadata behind our fields. Secrets are kept out of the compression's table: RFC 7541 section 7.1. */
static base_err put_metadata(gw_h2c *s, const wire_metadata *metadata, nghttp2_nv *nv, size_t *n) {
  base_buf_clear(&s->scratch);
  for (uint32_t i = 0; metadata && i < metadata->count; i++) {
    wire_pair pair = wire_metadata_at(metadata, i);
    if (base_span_is(pair.key, "user-agent")) {
      continue;
    }
    nv[*n] = field(pair.key, pair.value);
    if (wire_metadata_is_binary(pair.key)) {
      size_t before = base_buf_size(&s->scratch);
      BASE_TRY(wire_base64_encode(pair.value, &s->scratch));
      nv[*n].value = NULL; /* scratch may still move */
      nv[*n].valuelen = base_buf_size(&s->scratch) - before;
    } else if (base_span_is(pair.key, "authorization") || base_span_is(pair.key, "cookie")) {
      nv[*n].flags = NGHTTP2_NV_FLAG_NO_INDEX;
    }
    (*n)++;
  }
  uint8_t *at = (uint8_t *)base_buf_span(&s->scratch).p;
  for (size_t i = 0; i < *n; i++) {
    if (nv[i].value == NULL && nv[i].valuelen > 0) {
      nv[i].value = at;
      at += nv[i].valuelen;
    }
  }
  return BASE_OK;
}

static base_err submit(gw_h2c_call *c, base_span path, int64_t timeout_ms, const wire_metadata *metadata) {
  gw_h2c *s = c->session;
  nghttp2_nv nv[OWN_FIELDS + WIRE_METADATA_MAX_PAIRS];
  char timeout[16];
  size_t n = 0;
  nv[n++] = FIELD(":method", base_span_str("POST"));
  nv[n++] = FIELD(":scheme", s->options.tls ? base_span_str("https") : base_span_str("http"));
  nv[n++] = FIELD(":path", path);
  nv[n++] = FIELD(":authority", base_span_str(s->authority));
  nv[n++] = FIELD("te", base_span_str("trailers"));
  nv[n++] = FIELD("content-type", base_span_str("application/grpc"));
  nv[n++] = FIELD("user-agent", base_span_str("grpc-c-ponte/1"));
  if (timeout_ms > 0) {
    wire_timeout_encode(timeout_ms, timeout);
    nv[n++] = FIELD("grpc-timeout", base_span_str(timeout));
  }
  BASE_TRY(put_metadata(s, metadata, nv, &n));
  nghttp2_data_provider body = {.source.ptr = c, .read_callback = pull};
  c->id = nghttp2_submit_request(s->ng, NULL, nv, n, &body, c);
  if (c->id == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  return c->id > 0 ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err gw_h2c_start(gw_h2c *s, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                      const gw_h2c_call_events *events, void *ctx, gw_h2c_call **out) {
  if (gw_h2c_room(s) == 0) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  gw_h2c_call *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  c->session = s;
  c->events = events;
  c->ctx = ctx;
  base_buf_init(&c->out, (size_t)s->options.max_message_bytes + WAITING_BESIDES);
  wire_frame_init(&c->position, s->options.max_message_bytes);
  base_err e = submit(c, path, timeout_ms, metadata);
  if (!base_is_ok(e)) {
    free(c);
    return e;
  }
  c->next = s->all;
  if (c->next) {
    c->next->prev = c;
  }
  s->all = c;
  s->calls++;
  s->streams++;
  if (!nghttp2_session_check_request_allowed(s->ng)) { /* that was the last stream id */
    s->owes_going |= !s->going;
    s->going = true;
  }
  gw_h2c__want_flush(s);
  *out = c;
  return BASE_OK;
}

base_err gw_h2c_write(gw_h2c_call *c, base_span bytes, bool end) {
  gw_h2c *s = c->session;
  if (c->ended) {
    return base_fail(BASE_E_PRECONDITION);
  }
  if (!gw_h2c__hears(c) || c->closed) {
    return BASE_OK; /* the end is on its way to the caller */
  }
  if (bytes.n > 0) {
    take_spare(s, &c->out);
    BASE_TRY(base_buf_append(&c->out, bytes));
  }
  c->ended = end;
  if (c->deferred && (bytes.n > 0 || end)) {
    c->deferred = false;
    if (nghttp2_session_resume_data(s->ng, c->id) != 0) {
      gw_h2c__fail(s, base_fail(BASE_E_NO_MEMORY), "out of memory");
    }
  }
  gw_h2c__want_flush(s);
  return BASE_OK;
}

/* Half of what is allowed goes out at a time, so that not each run of DATA costs a WINDOW_UPDATE. */
void gw_h2c__grant(gw_h2c_call *c) {
  gw_h2c *s = c->session;
  if (!c->sent || c->closed || c->owed == 0 || c->owed < c->window || !gw_h2c__hears(c)) {
    return;
  }
  int64_t n = c->owed < MAX_WINDOW - c->window ? c->owed : MAX_WINDOW - c->window;
  if (nghttp2_submit_window_update(s->ng, NGHTTP2_FLAG_NONE, c->id, (int32_t)n) != 0) {
    gw_h2c__fail(s, base_fail(BASE_E_NO_MEMORY), "out of memory");
  }
  c->window += n;
  c->owed -= n;
  gw_h2c__want_flush(s);
}

void gw_h2c_credit(gw_h2c_call *c, size_t bytes) {
  int64_t room = INT64_MAX / 2 - c->owed;
  c->owed += bytes < (uint64_t)room ? (int64_t)bytes : room;
  gw_h2c__grant(c);
}

void gw_h2c_cancel(gw_h2c_call *c) {
  if (!gw_h2c__hears(c)) {
    return;
  }
  c->cancelled = true;
  submit_reset(c, NGHTTP2_CANCEL);
  gw_h2c__event(c);
  gw_h2c__want_flush(c->session);
}
