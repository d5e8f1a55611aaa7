#include "wire/status.h"

#include <limits.h>

static base_err encode_pair(wire_pair pair, base_buf *out) {
  BASE_TRY(base_buf_append(out, pair.key));
  BASE_TRY(base_buf_str(out, ": "));
  BASE_TRY(wire_metadata_header_value(pair, out));
  return base_buf_str(out, "\r\n");
}

static base_err encode_block(const wire_status *s, base_buf *out) {
  BASE_TRY(base_buf_printf(out, "grpc-status: %d\r\n", s->code));
  if (base_buf_size(&s->message) > 0) {
    BASE_TRY(base_buf_str(out, "grpc-message: "));
    BASE_TRY(wire_status_message_encode(base_buf_span(&s->message), out));
    BASE_TRY(base_buf_str(out, "\r\n"));
  }
  for (uint32_t i = 0; i < s->trailers.count; i++) {
    BASE_TRY(encode_pair(wire_metadata_at(&s->trailers, i), out));
  }
  return BASE_OK;
}

base_err wire_trailers_encode(const wire_status *s, base_buf *out) {
  size_t before = base_buf_size(out);
  base_err e = encode_block(s, out);
  if (!base_is_ok(e)) {
    base_buf_truncate(out, before);
  }
  return e;
}

/* Takes the next line off the front, without its "\r\n" or "\n". */
static base_span next_line(base_span *block) {
  const uint8_t *lf = memchr(block->p, '\n', block->n);
  size_t n = lf ? (size_t)(lf - block->p) : block->n;
  base_span line = base_span_of(block->p, n);
  block->p += n + (lf != NULL);
  block->n -= n + (lf != NULL);
  line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
  return line;
}

static base_err decode_code(base_span value, bool *seen, wire_status *out) {
  uint64_t code = 0;
  if (*seen || !base_span_u64(value, &code) || code > INT_MAX) {
    return base_fail(BASE_E_MALFORMED);
  }
  *seen = true;
  out->code = (int)code;
  return BASE_OK;
}

static base_err decode_message(base_span value, wire_status *out) {
  base_buf raw;
  base_buf_init(&raw, value.n);
  base_err e = wire_status_message_decode(value, &raw);
  if (base_is_ok(e)) {
    wire_status_set_span(out, out->code, base_buf_span(&raw));
  }
  base_buf_dispose(&raw);
  return e;
}

static base_err decode_line(base_span line, bool *seen_code, wire_status *out) {
  const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
  if (colon == NULL) {
    return base_fail(BASE_E_MALFORMED);
  }
  base_span name = base_span_of(line.p, (size_t)(colon - line.p));
  base_span value = base_span_trim(base_span_of(colon + 1, line.n - name.n - 1));
  if (base_span_ieq(name, base_span_str("grpc-status"))) {
    return decode_code(value, seen_code, out);
  }
  if (base_span_ieq(name, base_span_str("grpc-message"))) {
    return decode_message(value, out);
  }
  base_err e = wire_metadata_add_header(&out->trailers, name, value);
  return base_is(e, BASE_E_INVALID) ? base_fail(BASE_E_MALFORMED) : e;
}

static void reset(wire_status *s) {
  s->code = 0;
  base_buf_clear(&s->message);
  wire_metadata_clear(&s->trailers);
}

base_err wire_trailers_decode(base_span block, wire_status *out) {
  bool seen_code = false;
  base_err e = BASE_OK;
  reset(out);
  while (block.n > 0 && base_is_ok(e)) {
    base_span line = next_line(&block);
    bool last_empty = line.n == 0 && block.n == 0;
    e = last_empty ? BASE_OK : decode_line(line, &seen_code, out);
  }
  if (base_is_ok(e) && !seen_code) {
    e = base_fail(BASE_E_MALFORMED);
  }
  if (!base_is_ok(e)) {
    reset(out);
  }
  return e;
}
