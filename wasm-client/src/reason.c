#include "wc/reason.h"

/* The few fields of google.rpc.Status, google.protobuf.Any and google.rpc.ErrorInfo that are looked at. */
enum { STATUS_DETAILS = 3, ANY_TYPE = 1, ANY_VALUE = 2, INFO_REASON = 1 };

/* The next length-delimited field of a message; others are skipped. False at the end and on malformed input. */
static bool next_field(base_cursor *c, uint32_t *number, base_span *value) {
  enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
  while (base_cursor_left(c) > 0 && !c->failed) {
    uint32_t tag = base_cursor_varint(c);
    *number = tag >> 3;
    switch (tag & 7) {
    case VARINT: base_cursor_varint(c); break;
    case FIXED64: base_cursor_bytes(c, 8); break;
    case FIXED32: base_cursor_bytes(c, 4); break;
    case BYTES: *value = base_cursor_bytes(c, base_cursor_varint(c)); return !c->failed;
    default: return false;
    }
  }
  return false;
}

static base_span field(base_span message, uint32_t wanted) {
  base_cursor c = base_cursor_of(message);
  uint32_t number;
  base_span value;
  while (next_field(&c, &number, &value)) {
    if (number == wanted) return value;
  }
  return base_span_of(NULL, 0);
}

base_span wc_reason(const wire_status *status) {
  base_span details, any;
  uint32_t number;
  if (!wire_metadata_get(&status->trailers, "grpc-status-details-bin", &details)) return base_span_of(NULL, 0);
  base_cursor c = base_cursor_of(details);
  while (next_field(&c, &number, &any)) {
    if (number == STATUS_DETAILS && base_span_ends(field(any, ANY_TYPE), "/google.rpc.ErrorInfo"))
      return field(field(any, ANY_VALUE), INFO_REASON);
  }
  return base_span_of(NULL, 0);
}
