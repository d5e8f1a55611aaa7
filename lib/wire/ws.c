#include "wire/ws.h"

enum { RESERVED = 0x30, MASKED = 0x80, SHORT = 0x7f, TWO_BYTES = 126, EIGHT_BYTES = 127, NO_CODE = 1005 };

void wire_ws_init(wire_ws_decoder *d, bool allow_compressed) {
  memset(d, 0, sizeof *d);
  d->allow_compressed = allow_compressed;
}

bool wire_ws_at_rest(const wire_ws_decoder *d) { return d->head_have == 0 && !d->in_frame && d->message == 0; }

static bool is_control(uint8_t opcode) { return opcode & 0x8; }

/* As far as its beginning tells. */
static size_t head_size(const wire_ws_decoder *d) {
  if (d->head_have < 2) {
    return 2;
  }
  uint8_t n = d->head[1] & SHORT;
  return 2 + (size_t)(n == EIGHT_BYTES ? 8 : n == TWO_BYTES ? 2 : 0) + sizeof d->mask;
}

/* The first two bytes say enough to refuse a frame before the rest of it comes. */
static base_err check_start(const wire_ws_decoder *d) {
  uint8_t first = d->head[0], opcode = first & 0xf;
  bool compressed = first & WIRE_WS_RSV1;
  bool known = opcode <= (is_control(opcode) ? WIRE_WS_PONG : WIRE_WS_BINARY);
  if ((first & RESERVED) || !known || !(d->head[1] & MASKED)) {
    return base_fail(BASE_E_MALFORMED);
  }
  if (is_control(opcode)) {
    bool whole = (first & WIRE_WS_FIN) && !compressed && (d->head[1] & SHORT) <= WIRE_WS_CONTROL_MAX;
    return whole ? BASE_OK : base_fail(BASE_E_MALFORMED);
  }
  if (compressed && (!d->allow_compressed || opcode == WIRE_WS_CONTINUATION)) {
    return base_fail(BASE_E_MALFORMED);
  }
  return (opcode == WIRE_WS_CONTINUATION) == (d->message != 0) ? BASE_OK : base_fail(BASE_E_MALFORMED);
}

static base_err read_length(wire_ws_decoder *d) {
  base_cursor c = base_cursor_of(base_span_of(d->head + 2, 8));
  uint8_t n = d->head[1] & SHORT;
  d->left = n == EIGHT_BYTES ? base_cursor_u64(&c) : n == TWO_BYTES ? base_cursor_u16(&c) : n;
  bool shortest = n < TWO_BYTES || d->left >= (n == TWO_BYTES ? TWO_BYTES : 0x10000);
  return shortest && d->left >> 63 == 0 ? BASE_OK : base_fail(BASE_E_MALFORMED);
}

static void begin_frame(wire_ws_decoder *d) {
  uint8_t opcode = d->head[0] & 0xf;
  memcpy(d->mask, d->head + d->head_have - sizeof d->mask, sizeof d->mask);
  d->mask_at = 0;
  d->control_have = 0;
  d->head_have = 0;
  d->in_frame = true;
  if (opcode == WIRE_WS_TEXT || opcode == WIRE_WS_BINARY) {
    d->message = opcode;
    d->compressed = d->head[0] & WIRE_WS_RSV1;
    d->begun = false;
  }
}

static base_err take_head(wire_ws_decoder *d, base_span *in) {
  while (d->head_have < head_size(d)) {
    if (in->n == 0) {
      return BASE_OK;
    }
    d->head[d->head_have++] = in->p[0];
    *in = base_span_of(in->p + 1, in->n - 1);
    if (d->head_have == 2) {
      BASE_TRY(check_start(d));
    }
  }
  BASE_TRY(read_length(d));
  begin_frame(d);
  return BASE_OK;
}

/* Eight bytes a step, which is most of what a message costs here. */
static void unmask(wire_ws_decoder *d, base_span from, uint8_t *to) {
  uint8_t pattern[8];
  uint64_t mask;
  size_t i = 0;
  for (size_t k = 0; k < sizeof pattern; k++) {
    pattern[k] = d->mask[(d->mask_at + k) % 4];
  }
  memcpy(&mask, pattern, sizeof mask);
  for (; i + sizeof mask <= from.n; i += sizeof mask) {
    uint64_t word;
    memcpy(&word, from.p + i, sizeof word);
    word ^= mask;
    memcpy(to + i, &word, sizeof word);
  }
  for (; i < from.n; i++) {
    to[i] = from.p[i] ^ pattern[i % sizeof pattern];
  }
  d->mask_at = (uint8_t)((d->mask_at + from.n) % 4);
}

/* The next piece of the present frame's payload, unmasked. */
static base_span take_payload(wire_ws_decoder *d, base_span *in, uint8_t *to) {
  size_t n = d->left < in->n ? (size_t)d->left : in->n;
  unmask(d, base_span_of(in->p, n), to);
  if (n > 0) {
    *in = base_span_of(in->p + n, in->n - n);
  }
  d->left -= n;
  d->in_frame = d->left > 0;
  return base_span_of(to, n);
}

static base_err check_close(wire_ws_step *step) {
  base_cursor c = base_cursor_of(step->payload);
  step->close_code = NO_CODE;
  if (step->payload.n == 0) {
    return BASE_OK;
  }
  step->close_code = base_cursor_u16(&c);
  if (c.failed || !wire_ws_is_close_code(step->close_code)) {
    return base_fail(BASE_E_MALFORMED);
  }
  step->payload = base_span_of(c.p, base_cursor_left(&c));
  return base_span_utf8(step->payload) ? BASE_OK : base_fail(BASE_E_INVALID);
}

/* Control frames are held until they are whole: they are short, and may stand between the fragments of a message. */
static base_err take_control(wire_ws_decoder *d, base_span *in, wire_ws_step *step) {
  d->control_have += (uint8_t)take_payload(d, in, d->control + d->control_have).n;
  if (d->in_frame) {
    return BASE_OK;
  }
  step->event = WIRE_WS_CONTROL;
  step->opcode = d->head[0] & 0xf;
  step->payload = base_span_of(d->control, d->control_have);
  return step->opcode == WIRE_WS_CLOSE ? check_close(step) : BASE_OK;
}

static void take_data(wire_ws_decoder *d, base_span *in, uint8_t *room, wire_ws_step *step) {
  step->payload = take_payload(d, in, room);
  step->begin = !d->begun;
  step->end = !d->in_frame && (d->head[0] & WIRE_WS_FIN);
  if (step->payload.n == 0 && !step->end) {
    return; /* nothing yet, or an empty fragment */
  }
  step->event = WIRE_WS_DATA;
  step->opcode = d->message;
  step->compressed = d->compressed;
  d->begun = true;
  if (step->end) {
    d->message = 0;
  }
}

base_err wire_ws_next(wire_ws_decoder *d, base_span *in, uint8_t *room, wire_ws_step *step) {
  *step = (wire_ws_step){.event = WIRE_WS_MORE};
  while (step->event == WIRE_WS_MORE) {
    if (!d->in_frame) {
      BASE_TRY(take_head(d, in));
    }
    if (!d->in_frame || (in->n == 0 && d->left > 0)) {
      return BASE_OK;
    }
    if (is_control(d->head[0] & 0xf)) {
      BASE_TRY(take_control(d, in, step));
    } else {
      take_data(d, in, room, step);
    }
  }
  return BASE_OK;
}

size_t wire_ws_head(uint8_t out[WIRE_WS_SENT_HEAD_MAX], uint8_t first, uint64_t n) {
  size_t at = 0;
  int bytes = n > 0xffff ? 8 : n >= TWO_BYTES ? 2 : 0;
  out[at++] = first;
  out[at++] = bytes == 8 ? EIGHT_BYTES : bytes == 2 ? TWO_BYTES : (uint8_t)n;
  while (bytes-- > 0) {
    out[at++] = (uint8_t)(n >> (8 * bytes));
  }
  return at;
}

bool wire_ws_is_close_code(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
