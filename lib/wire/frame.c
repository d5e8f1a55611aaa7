#include "wire/frame.h"

enum { KNOWN_FLAGS = WIRE_FRAME_COMPRESSED | WIRE_FRAME_TRAILERS };

void wire_frame_init(wire_frame_decoder *d, uint32_t max_bytes) { *d = (wire_frame_decoder){.max_bytes = max_bytes}; }

bool wire_frame_at_rest(const wire_frame_decoder *d) { return d->head_have == 0; }

/* The first n <= in->n bytes, n > 0. */
static base_span take(base_span *in, size_t n) {
  base_span front = base_span_of(in->p, n);
  in->p += n;
  in->n -= n;
  return front;
}

static uint32_t head_length(const wire_frame_decoder *d) {
  return (uint32_t)d->head[1] << 24 | (uint32_t)d->head[2] << 16 | (uint32_t)d->head[3] << 8 | d->head[4];
}

static base_err read_head(wire_frame_decoder *d, base_span *in, wire_frame_step *step) {
  while (d->head_have < WIRE_FRAME_HEAD && in->n > 0) {
    d->head[d->head_have++] = *take(in, 1).p;
  }
  /* Flags are judged at once, so that bytes of another protocol fail at the first and not after a bogus length. */
  if (d->head_have > 0 && (d->head[0] & ~KNOWN_FLAGS) != 0) {
    return base_fail(BASE_E_MALFORMED);
  }
  if (d->head_have < WIRE_FRAME_HEAD) {
    return BASE_OK;
  }
  d->body_left = head_length(d);
  if (d->body_left > d->max_bytes) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  *step = (wire_frame_step){.event = WIRE_FRAME_BEGIN, .flags = d->head[0], .length = d->body_left};
  return BASE_OK;
}

base_err wire_frame_next(wire_frame_decoder *d, base_span *in, wire_frame_step *step) {
  *step = (wire_frame_step){.event = WIRE_FRAME_MORE};
  if (d->head_have < WIRE_FRAME_HEAD) {
    return read_head(d, in, step);
  }
  step->flags = d->head[0];
  step->length = head_length(d);
  if (d->body_left == 0) {
    step->event = WIRE_FRAME_END;
    d->head_have = 0;
    return BASE_OK;
  }
  if (in->n > 0) {
    step->event = WIRE_FRAME_BODY;
    step->body = take(in, in->n < d->body_left ? in->n : d->body_left);
    d->body_left -= (uint32_t)step->body.n;
  }
  return BASE_OK;
}

uint32_t wire_frame_inside(const wire_frame_decoder *d) { return d->head_have == WIRE_FRAME_HEAD ? head_length(d) : 0; }

/* A head is complete: its length is allowed. */
static base_err enter(wire_frame_decoder *d) {
  d->body_left = head_length(d);
  return d->body_left > d->max_bytes ? base_fail(BASE_E_TOO_LARGE) : BASE_OK;
}

base_err wire_frame_follow(wire_frame_decoder *d, base_span run, size_t *ends) {
  size_t at = 0, complete = 0;
  while (at < run.n) {
    if (d->head_have < WIRE_FRAME_HEAD) {
      size_t want = WIRE_FRAME_HEAD - d->head_have;
      size_t n = run.n - at < want ? run.n - at : want;
      memcpy(d->head + d->head_have, run.p + at, n);
      d->head_have = (uint8_t)(d->head_have + n);
      at += n;
      if ((d->head[0] & ~WIRE_FRAME_COMPRESSED) != 0) {
        return base_fail(BASE_E_MALFORMED);
      }
      if (d->head_have < WIRE_FRAME_HEAD) {
        break;
      }
      BASE_TRY(enter(d));
    }
    size_t n = run.n - at < d->body_left ? run.n - at : d->body_left;
    at += n;
    d->body_left -= (uint32_t)n;
    if (d->body_left == 0) {
      d->head_have = 0;
      complete = at;
    }
  }
  if (ends) {
    *ends = complete;
  }
  return BASE_OK;
}

void wire_frame_head(uint8_t out[WIRE_FRAME_HEAD], uint8_t flags, uint32_t length) {
  out[0] = flags;
  for (int i = 0; i < 4; i++) {
    out[1 + i] = (uint8_t)(length >> (24 - 8 * i));
  }
}

base_err wire_frame_append(base_buf *out, uint8_t flags, base_span payload) {
  uint8_t *at = NULL;
  if (payload.n > UINT32_MAX || payload.n > SIZE_MAX - WIRE_FRAME_HEAD) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  BASE_TRY(base_buf_reserve(out, WIRE_FRAME_HEAD + payload.n, &at)); /* both or none */
  wire_frame_head(at, flags, (uint32_t)payload.n);
  if (payload.n > 0) {
    memcpy(at + WIRE_FRAME_HEAD, payload.p, payload.n);
  }
  base_buf_commit(out, WIRE_FRAME_HEAD + payload.n);
  return BASE_OK;
}
