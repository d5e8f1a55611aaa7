/* ponte.v1: the input is one WebSocket message. Every frame whose payload is accepted is written again, byte by byte the
 * same. */
#include "fuzz.h"

#include "wire/mux.h"

/* HELLO and DRAIN may be followed by fields of later versions, which are not written again. */
static bool same(base_span again, base_span frame, bool may_be_longer) {
  bool short_of = may_be_longer && again.n < frame.n;
  size_t from = short_of ? WIRE_MUX_HEAD : 0; /* the length in the head differs then */
  size_t n = short_of ? again.n : frame.n;
  return again.n >= from && n <= again.n &&
         base_span_eq(base_span_of(again.p + from, again.n - from), base_span_of(frame.p + from, n - from));
}

static base_err open_again(const wire_mux_frame *f, base_buf *again) {
  wire_mux_open o;
  wire_metadata_init(&o.metadata);
  base_err e = wire_mux_get_open(f->payload, &o);
  if (base_is_ok(e)) {
    FUZZ_OK(wire_mux_put_open(again, f->call, &o));
  }
  wire_metadata_dispose(&o.metadata);
  return e;
}

static base_err headers_again(const wire_mux_frame *f, base_buf *again) {
  wire_metadata m;
  wire_metadata_init(&m);
  base_err e = wire_mux_get_headers(f->payload, &m);
  if (base_is_ok(e)) {
    FUZZ_OK(wire_mux_put_headers(again, f->call, &m));
  }
  wire_metadata_dispose(&m);
  return e;
}

static base_err status_again(const wire_mux_frame *f, base_buf *again) {
  wire_status s;
  wire_status_init(&s);
  base_err e = wire_mux_get_status(f->payload, &s);
  FUZZ_CHECK(base_span_utf8(base_buf_span(&s.message)));
  base_span sent = f->payload;
  base_cursor c = base_cursor_of(sent);
  (void)base_cursor_u8(&c);
  if (base_is_ok(e) && base_cursor_varint(&c) > WIRE_STATUS_MESSAGE_MAX) {
    e = base_fail(BASE_E_TOO_LARGE); /* its message was cut, so it cannot be the same again */
  }
  if (base_is_ok(e)) {
    FUZZ_OK(wire_mux_put_status(again, f->call, &s));
  }
  wire_status_dispose(&s);
  return e;
}

static base_err control_again(const wire_mux_frame *f, base_buf *again) {
  wire_mux_hello h;
  wire_mux_drain d;
  uint64_t value;
  uint32_t bytes;
  switch (f->type) {
  case WIRE_MUX_HELLO: BASE_TRY(wire_mux_get_hello(f->payload, &h)); return wire_mux_put_hello(again, &h);
  case WIRE_MUX_AUTH: BASE_TRY(wire_mux_get_auth(f->payload, &h.token)); return wire_mux_put_auth(again, h.token);
  case WIRE_MUX_CREDIT:
    BASE_TRY(wire_mux_get_credit(f->payload, &bytes));
    return wire_mux_put_credit(again, f->call, bytes);
  case WIRE_MUX_DRAIN: BASE_TRY(wire_mux_get_drain(f->payload, &d)); return wire_mux_put_drain(again, &d);
  default:
    BASE_TRY(wire_mux_get_ping(f->payload, &value));
    return wire_mux_put_ping(again, f->type == WIRE_MUX_PONG, value);
  }
}

static base_err frame_again(const wire_mux_frame *f, base_buf *again) {
  switch (f->type) {
  case WIRE_MUX_OPEN: return open_again(f, again);
  case WIRE_MUX_HEADERS: return headers_again(f, again);
  case WIRE_MUX_STATUS: return status_again(f, again);
  case WIRE_MUX_DATA: return wire_mux_put_data(again, f->call, f->payload, f->flags == WIRE_MUX_END);
  case WIRE_MUX_CANCEL: return wire_mux_put_cancel(again, f->call);
  default: return f->type < 0x80 ? control_again(f, again) : base_fail(BASE_E_UNIMPLEMENTED);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_span message = base_span_of(data, size);
  base_buf again;
  base_buf_init(&again, WIRE_MUX_MESSAGE_MAX);
  while (message.n > 0) {
    wire_mux_frame f;
    base_span before = message;
    if (!base_is_ok(wire_mux_next(&message, &f))) {
      FUZZ_CHECK(message.n == before.n);
      break;
    }
    base_buf_clear(&again);
    bool may_be_longer = f.type == WIRE_MUX_HELLO || f.type == WIRE_MUX_DRAIN;
    if (base_is_ok(frame_again(&f, &again))) {
      FUZZ_CHECK(same(base_buf_span(&again), base_span_of(before.p, before.n - message.n), may_be_longer));
    } else {
      FUZZ_CHECK(base_buf_size(&again) == 0);
    }
  }
  base_buf_dispose(&again);
  return 0;
}
