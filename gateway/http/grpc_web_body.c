#include "gateway/http/grpc_web_body.h"

#include "wire/web_text.h"

enum { MAX_TRAILERS = 65536, MAX_RUN = 64 << 20 };

void gw_web_body_init(gw_web_body *b, bool text) {
  *b = (gw_web_body){.text = text};
  wire_frame_init(&b->position, UINT32_MAX);
  base_buf_init(&b->held, GW_WEB_HOLD + WIRE_FRAME_HEAD);
}

void gw_web_body_dispose(gw_web_body *b) { base_buf_dispose(&b->held); }

/* Two pieces as one run of base64: the first is topped up to whole groups, so that it needs no padding. */
static base_err send_text(http_exchange *x, base_span first, base_span second, bool end) {
  uint8_t joint[3];
  base_buf text;
  base_buf_init(&text, MAX_RUN);
  size_t over = first.n % 3, n = 0;
  first.n -= over;
  for (; n < over; n++) {
    joint[n] = first.p[first.n + n];
  }
  for (; n > 0 && n < 3 && second.n > 0; n++) {
    joint[n] = *second.p;
    second = base_span_of(second.p + 1, second.n - 1);
  }
  base_err e = wire_web_text_encode(first, &text);
  e = base_is_ok(e) ? wire_web_text_encode(base_span_of(joint, n), &text) : e;
  e = base_is_ok(e) ? wire_web_text_encode(second, &text) : e;
  if (base_is_ok(e)) {
    http_body(x, base_buf_span(&text), end);
  }
  base_buf_dispose(&text);
  return e;
}

/* What was held back, and then the bytes. */
static base_err send(gw_web_body *b, http_exchange *x, base_span bytes) {
  base_span held = base_buf_span(&b->held);
  base_err e = BASE_OK;
  if (b->text) {
    e = send_text(x, held, bytes, false);
  } else {
    if (held.n > 0) {
      http_body(x, held, false);
    }
    if (bytes.n > 0) {
      http_body(x, bytes, false);
    }
  }
  base_buf_clear(&b->held);
  base_buf_shrink(&b->held);
  b->passing |= !base_is_ok(e); /* a piece is missing: nothing can follow it */
  return e;
}

/* How many bytes of the run end with a whole message, or belong to one that goes out as it comes. */
static base_err sendable(gw_web_body *b, base_span run, size_t *out) {
  size_t ends = 0;
  BASE_TRY(wire_frame_follow(&b->position, run, &ends));
  bool same = ends == 0 && b->passing; /* still the message that was begun before this run */
  b->passing = same || wire_frame_inside(&b->position) > GW_WEB_HOLD;
  *out = b->passing ? run.n : ends;
  return BASE_OK;
}

base_err gw_web_body_write(gw_web_body *b, http_exchange *x, base_span run) {
  size_t n = 0;
  BASE_TRY(sendable(b, run, &n));
  if (b->text && b->passing) { /* inside a message: whole groups only, so that no padding is needed */
    size_t over = (base_buf_size(&b->held) + n) % 3;
    n = over < n ? n - over : 0;
  }
  if (n > 0) {
    BASE_TRY(send(b, x, base_span_of(run.p, n)));
  }
  return base_buf_append(&b->held, base_span_of(run.p + n, run.n - n));
}

static base_err encode_trailers(const wire_status *status, base_buf *frame) {
  base_buf block;
  base_buf_init(&block, MAX_TRAILERS);
  base_err e = wire_trailers_encode(status, &block);
  e = base_is_ok(e) ? wire_frame_append(frame, WIRE_FRAME_TRAILERS, base_buf_span(&block)) : e;
  base_buf_dispose(&block);
  return e;
}

void gw_web_body_end(gw_web_body *b, http_exchange *x, const wire_status *status) {
  wire_status own;
  base_buf frame;
  wire_status_init(&own);
  base_buf_init(&frame, MAX_TRAILERS + WIRE_FRAME_HEAD);
  if (status->code == 0 && !wire_frame_at_rest(&b->position)) {
    wire_status_set(&own, BASE_GRPC_INTERNAL, "the service ended the call inside a message");
    status = &own;
  }
  base_err e = b->passing ? base_fail(BASE_E_INTERNAL) : encode_trailers(status, &frame);
  if (base_is_ok(e) && b->text) {
    e = send_text(x, base_buf_span(&frame), (base_span){NULL, 0}, true);
  } else if (base_is_ok(e)) {
    http_body(x, base_buf_span(&frame), true);
  }
  if (!base_is_ok(e)) {
    http_reset(x);
  }
  base_buf_dispose(&frame);
  wire_status_dispose(&own);
}
