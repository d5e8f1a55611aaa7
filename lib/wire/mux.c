#include "wire/mux.h"

#include <assert.h>

enum { U24_MAX = 0xffffff, LENGTH_AT = 6, HELLO_MIN = 2 + 4 * 4 + 1, OPEN_MIN = 1 + 4 + 1, STATUS_MIN = 1 + 1 + 1 };

/* The form of each type. The bounds are those of the payload's length; what lies between is judged by the decoders. */
static const struct row {
  uint8_t type, flags;
  bool on_call;
  uint32_t min, max;
} rows[] = {
    {WIRE_MUX_HELLO, 0, false, HELLO_MIN, U24_MAX},
    {WIRE_MUX_AUTH, 0, false, 0, WIRE_MUX_TOKEN_MAX},
    {WIRE_MUX_OPEN, 0, true, OPEN_MIN, U24_MAX},
    {WIRE_MUX_HEADERS, 0, true, 1, U24_MAX},
    {WIRE_MUX_DATA, WIRE_MUX_END, true, 0, U24_MAX},
    {WIRE_MUX_STATUS, 0, true, STATUS_MIN, U24_MAX},
    {WIRE_MUX_CANCEL, 0, true, 0, 0},
    {WIRE_MUX_CREDIT, 0, true, 4, 4},
    {WIRE_MUX_PING, 0, false, 8, 8},
    {WIRE_MUX_PONG, 0, false, 8, 8},
    {WIRE_MUX_DRAIN, 0, false, 8, U24_MAX},
};

static bool well_formed(const wire_mux_frame *f) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct row *r = &rows[i];
    if (r->type == f->type) {
      return (f->flags & ~r->flags) == 0 && (f->call != 0) == r->on_call && f->payload.n >= r->min &&
             f->payload.n <= r->max;
    }
  }
  return f->type >= 0x80;
}

base_err wire_mux_next(base_span *message, wire_mux_frame *out) {
  base_cursor c = base_cursor_of(*message);
  if (message->n > WIRE_MUX_MESSAGE_MAX) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  out->type = base_cursor_u8(&c);
  out->flags = base_cursor_u8(&c);
  out->call = base_cursor_u32(&c);
  out->payload = base_cursor_bytes(&c, base_cursor_u24(&c));
  if (c.failed || !well_formed(out)) {
    return base_fail(BASE_E_MALFORMED);
  }
  *message = base_span_of(c.p, base_cursor_left(&c));
  return BASE_OK;
}

static bool visible(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < 0x21 || s.p[i] > 0x7e) {
      return false;
    }
  }
  return true;
}

static bool token_allowed(base_span token) { return token.n <= WIRE_MUX_TOKEN_MAX && visible(token); }
static bool path_allowed(base_span path) {
  return path.n > 0 && path.n <= WIRE_MUX_PATH_MAX && path.p[0] == '/' && visible(path);
}

/* Encoding. A frame is begun with length 0, its payload appended, and the length filled in or all of it taken back. */

static base_err begin(base_buf *out, enum wire_mux_type type, uint8_t flags, uint32_t call) {
  uint8_t *at = NULL;
  BASE_TRY(base_buf_reserve(out, WIRE_MUX_HEAD, &at)); /* so that the head is whole or absent */
  BASE_TRY(base_buf_u8(out, (uint8_t)type));
  BASE_TRY(base_buf_u8(out, flags));
  BASE_TRY(base_buf_u32(out, call));
  return base_buf_u24(out, 0);
}

static base_err end(base_buf *out, size_t from, base_err e) {
  size_t n = base_buf_size(out) - from;
  if (base_is_ok(e) && n > WIRE_MUX_MESSAGE_MAX) {
    e = base_fail(BASE_E_TOO_LARGE);
  }
  if (!base_is_ok(e)) {
    base_buf_truncate(out, from);
    return e;
  }
  uint8_t *length = out->data + out->start + from + LENGTH_AT;
  n -= WIRE_MUX_HEAD;
  length[0] = (uint8_t)(n >> 16);
  length[1] = (uint8_t)(n >> 8);
  length[2] = (uint8_t)n;
  return BASE_OK;
}

/* One whole frame whose payload is what `payload_expr` appends. */
#define PUT(out, type, flags, call, payload_expr)       \
  do {                                                  \
    size_t put_from__ = base_buf_size(out);             \
    base_err put_err__ = begin(out, type, flags, call); \
    if (base_is_ok(put_err__)) {                        \
      put_err__ = (payload_expr);                       \
    }                                                   \
    return end(out, put_from__, put_err__);             \
  } while (0)

static base_err sized(base_buf *out, base_span s) {
  if (s.n > WIRE_MUX_MESSAGE_MAX) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  BASE_TRY(base_buf_varint(out, (uint32_t)s.n));
  return base_buf_append(out, s);
}

static base_err hello_payload(base_buf *out, const wire_mux_hello *h) {
  BASE_TRY(base_buf_u16(out, h->version));
  BASE_TRY(base_buf_u32(out, h->call_credit));
  BASE_TRY(base_buf_u32(out, h->max_calls));
  BASE_TRY(base_buf_u32(out, h->max_message));
  BASE_TRY(base_buf_u32(out, h->ping_interval_ms));
  return sized(out, h->token);
}

static base_err open_payload(base_buf *out, const wire_mux_open *o) {
  BASE_TRY(sized(out, o->path));
  BASE_TRY(base_buf_u32(out, o->timeout_ms));
  return wire_metadata_encode(&o->metadata, out);
}

static base_err status_payload(base_buf *out, const wire_status *s) {
  bool is_byte = s->code >= 0 && s->code <= UINT8_MAX;
  BASE_TRY(base_buf_u8(out, is_byte ? (uint8_t)s->code : 2));
  BASE_TRY(sized(out, base_buf_span(&s->message)));
  return wire_metadata_encode(&s->trailers, out);
}

static base_err drain_payload(base_buf *out, const wire_mux_drain *d) {
  BASE_TRY(base_buf_u32(out, d->last_call));
  return base_buf_u32(out, d->grace_ms);
}

base_err wire_mux_put_hello(base_buf *out, const wire_mux_hello *h) {
  if (!token_allowed(h->token)) {
    return base_fail(BASE_E_INVALID);
  }
  PUT(out, WIRE_MUX_HELLO, 0, 0, hello_payload(out, h));
}

base_err wire_mux_put_auth(base_buf *out, base_span token) {
  if (!token_allowed(token)) {
    return base_fail(BASE_E_INVALID);
  }
  PUT(out, WIRE_MUX_AUTH, 0, 0, base_buf_append(out, token));
}

base_err wire_mux_put_open(base_buf *out, uint32_t call, const wire_mux_open *o) {
  assert(call != 0);
  if (!path_allowed(o->path)) {
    return base_fail(BASE_E_INVALID);
  }
  PUT(out, WIRE_MUX_OPEN, 0, call, open_payload(out, o));
}

base_err wire_mux_put_headers(base_buf *out, uint32_t call, const wire_metadata *m) {
  assert(call != 0);
  PUT(out, WIRE_MUX_HEADERS, 0, call, wire_metadata_encode(m, out));
}

base_err wire_mux_put_data(base_buf *out, uint32_t call, base_span bytes, bool is_end) {
  assert(call != 0);
  PUT(out, WIRE_MUX_DATA, is_end ? WIRE_MUX_END : 0, call, base_buf_append(out, bytes));
}

base_err wire_mux_put_status(base_buf *out, uint32_t call, const wire_status *s) {
  assert(call != 0);
  PUT(out, WIRE_MUX_STATUS, 0, call, status_payload(out, s));
}

base_err wire_mux_put_cancel(base_buf *out, uint32_t call) {
  assert(call != 0);
  PUT(out, WIRE_MUX_CANCEL, 0, call, BASE_OK);
}

base_err wire_mux_put_credit(base_buf *out, uint32_t call, uint32_t bytes) {
  assert(call != 0);
  if (bytes == 0) {
    return base_fail(BASE_E_INVALID);
  }
  PUT(out, WIRE_MUX_CREDIT, 0, call, base_buf_u32(out, bytes));
}

base_err wire_mux_put_ping(base_buf *out, bool pong, uint64_t value) {
  PUT(out, pong ? WIRE_MUX_PONG : WIRE_MUX_PING, 0, 0, base_buf_u64(out, value));
}

base_err wire_mux_put_drain(base_buf *out, const wire_mux_drain *d) {
  PUT(out, WIRE_MUX_DRAIN, 0, 0, drain_payload(out, d));
}

/* Decoding. */

static base_err sound(bool ok) { return ok ? BASE_OK : base_fail(BASE_E_MALFORMED); }
static bool used_up(const base_cursor *c) { return !c->failed && base_cursor_left(c) == 0; }

base_err wire_mux_get_hello(base_span payload, wire_mux_hello *out) {
  base_cursor c = base_cursor_of(payload);
  out->version = base_cursor_u16(&c);
  out->call_credit = base_cursor_u32(&c);
  out->max_calls = base_cursor_u32(&c);
  out->max_message = base_cursor_u32(&c);
  out->ping_interval_ms = base_cursor_u32(&c);
  out->token = base_cursor_bytes(&c, base_cursor_varint(&c));
  return sound(!c.failed && token_allowed(out->token));
}

base_err wire_mux_get_auth(base_span payload, base_span *token) {
  *token = payload;
  return sound(token_allowed(payload));
}

/* Metadata that runs to the end of the payload. */
static base_err last_metadata(base_cursor *c, wire_metadata *out) {
  BASE_TRY(sound(!c->failed));
  BASE_TRY(wire_metadata_decode(c, out));
  return sound(used_up(c));
}

base_err wire_mux_get_open(base_span payload, wire_mux_open *out) {
  base_cursor c = base_cursor_of(payload);
  out->path = base_cursor_bytes(&c, base_cursor_varint(&c));
  out->timeout_ms = base_cursor_u32(&c);
  BASE_TRY(sound(!c.failed && path_allowed(out->path)));
  return last_metadata(&c, &out->metadata);
}

base_err wire_mux_get_headers(base_span payload, wire_metadata *out) {
  base_cursor c = base_cursor_of(payload);
  return last_metadata(&c, out);
}

base_err wire_mux_get_status(base_span payload, wire_status *out) {
  base_cursor c = base_cursor_of(payload);
  int code = base_cursor_u8(&c);
  base_span message = base_cursor_bytes(&c, base_cursor_varint(&c));
  BASE_TRY(sound(!c.failed && base_span_utf8(message)));
  wire_status_set_span(out, code, message);
  return last_metadata(&c, &out->trailers);
}

base_err wire_mux_get_credit(base_span payload, uint32_t *bytes) {
  base_cursor c = base_cursor_of(payload);
  *bytes = base_cursor_u32(&c);
  return sound(used_up(&c) && *bytes > 0);
}

base_err wire_mux_get_ping(base_span payload, uint64_t *value) {
  base_cursor c = base_cursor_of(payload);
  *value = base_cursor_u64(&c);
  return sound(used_up(&c));
}

base_err wire_mux_get_drain(base_span payload, wire_mux_drain *out) {
  base_cursor c = base_cursor_of(payload);
  out->last_call = base_cursor_u32(&c);
  out->grace_ms = base_cursor_u32(&c);
  return sound(!c.failed);
}
