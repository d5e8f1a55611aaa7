#include "gateway/upstream/h2/health.h"

enum { TAG_SERVICE = 0x0a, VARINT_BITS = 64 };

static base_err put_request(base_span service, base_buf *message) {
  if (service.n == 0) {
    return BASE_OK;
  }
  BASE_TRY(base_buf_u8(message, TAG_SERVICE));
  BASE_TRY(base_buf_varint(message, (uint32_t)service.n));
  return base_buf_append(message, service);
}

base_err gw__health_request(const char *service, base_buf *out) {
  base_buf message;
  if (strlen(service) > GW__HEALTH_SERVICE_MAX) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  base_buf_init(&message, 3 + GW__HEALTH_SERVICE_MAX);
  base_err e = put_request(base_span_str(service), &message);
  e = base_is_ok(e) ? wire_frame_append(out, 0, base_buf_span(&message)) : e;
  base_buf_dispose(&message);
  return e;
}

void gw__health_reader_init(gw__health_reader *r) {
  wire_frame_init(&r->frames, GW__HEALTH_MESSAGE_MAX);
  base_buf_init(&r->message, GW__HEALTH_MESSAGE_MAX);
}

void gw__health_reader_dispose(gw__health_reader *r) { base_buf_dispose(&r->message); }

/* Protobuf's varint: up to ten bytes, also longer than needed (base_cursor_varint is stricter). */
static uint64_t varint(base_cursor *c) {
  uint64_t v = 0;
  for (unsigned shift = 0; shift < VARINT_BITS; shift += 7) {
    uint8_t byte = base_cursor_u8(c);
    v |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      return v;
    }
  }
  c->failed = true;
  return 0;
}

/* HealthCheckResponse{status = 1}; other fields are passed over. */
static base_err parse(base_span message, uint64_t *status) {
  base_cursor c = base_cursor_of(message);
  uint64_t found = 0;
  while (!c.failed && base_cursor_left(&c) > 0) {
    uint64_t tag = varint(&c), n = 0;
    switch (tag & 7) {
    case 0:
      n = varint(&c);
      found = tag >> 3 == 1 ? n : found;
      break;
    case 1: base_cursor_bytes(&c, 8); break;
    case 2:
      n = varint(&c);
      if (n > base_cursor_left(&c)) {
        return base_fail(BASE_E_MALFORMED);
      }
      base_cursor_bytes(&c, (size_t)n);
      break;
    case 5: base_cursor_bytes(&c, 4); break;
    default: return base_fail(BASE_E_MALFORMED);
    }
  }
  if (c.failed) {
    return base_fail(BASE_E_MALFORMED);
  }
  *status = found;
  return BASE_OK;
}

base_err gw__health_read(gw__health_reader *r, base_span bytes, uint64_t *status) {
  wire_frame_step step;
  do {
    BASE_TRY(wire_frame_next(&r->frames, &bytes, &step));
    switch (step.event) {
    case WIRE_FRAME_BEGIN:
      base_buf_clear(&r->message);
      if (step.flags != 0) {
        return base_fail(BASE_E_UNIMPLEMENTED);
      }
      break;
    case WIRE_FRAME_BODY: BASE_TRY(base_buf_append(&r->message, step.body)); break;
    case WIRE_FRAME_END: BASE_TRY(parse(base_buf_span(&r->message), status)); break;
    case WIRE_FRAME_MORE: break;
    }
  } while (step.event != WIRE_FRAME_MORE);
  return BASE_OK;
}
