#include "wire/details.h"

#include <stdio.h>

/* Any.type_url is this and the message's full name (google/protobuf/any.proto). */
#define TYPE_PREFIX "type.googleapis.com/google.rpc."

enum { STATUS_MAX = 8192, DETAIL_MAX = 1024, VARINT = 0, BYTES = 2 };

/* Protocol buffers' encoding (protobuf.dev/programming-guides/encoding): a tag, then a varint or a length and bytes. Fields of value 0 and empty text are left out. */
static base_err put_number(base_buf *out, uint32_t field, uint32_t value) {
  if (value == 0) {
    return BASE_OK;
  }
  BASE_TRY(base_buf_varint(out, field << 3 | VARINT));
  return base_buf_varint(out, value);
}

static base_err put_bytes(base_buf *out, uint32_t field, base_span bytes) {
  BASE_TRY(base_buf_varint(out, field << 3 | BYTES));
  BASE_TRY(base_buf_varint(out, (uint32_t)bytes.n));
  return base_buf_append(out, bytes);
}

static base_err put_text(base_buf *out, uint32_t field, const char *text) {
  return text[0] ? put_bytes(out, field, base_span_str(text)) : BASE_OK;
}

/* ErrorInfo: reason 1, domain 2, metadata 3 (a map: entries of key 1, value 2). */
static base_err error_info(const wire_details *d, base_buf *inner, base_buf *out) {
  BASE_TRY(put_text(out, 1, d->reason));
  BASE_TRY(put_text(out, 2, d->domain));
  if (d->key == NULL) {
    return BASE_OK;
  }
  BASE_TRY(put_text(inner, 1, d->key));
  BASE_TRY(put_text(inner, 2, d->value));
  return put_bytes(out, 3, base_buf_span(inner));
}

/* BadRequest: field_violations 1 (field 1, description 2). */
static base_err bad_request(const wire_details *d, base_span message, base_buf *inner, base_buf *out) {
  BASE_TRY(put_text(inner, 1, d->field));
  BASE_TRY(put_bytes(inner, 2, message));
  return put_bytes(out, 1, base_buf_span(inner));
}

/* RetryInfo: retry_delay 1 (Duration: seconds 1, nanos 2). */
static base_err retry_info(const wire_details *d, base_buf *inner, base_buf *out) {
  int64_t seconds = d->retry_after_ms / 1000;
  BASE_TRY(put_number(inner, 1, seconds > INT32_MAX ? INT32_MAX : (uint32_t)seconds));
  BASE_TRY(put_number(inner, 2, (uint32_t)(d->retry_after_ms % 1000) * 1000000));
  return put_bytes(out, 1, base_buf_span(inner));
}

enum detail { ERROR_INFO, BAD_REQUEST, RETRY_INFO };

/* One Any (type_url 1, value 2) of Status.details 3. */
static base_err put_detail(base_buf *status, enum detail which, const wire_details *d, base_span message) {
  static const char *const urls[] = {TYPE_PREFIX "ErrorInfo", TYPE_PREFIX "BadRequest", TYPE_PREFIX "RetryInfo"};
  base_buf inner, value, any;
  base_buf_init(&inner, DETAIL_MAX);
  base_buf_init(&value, DETAIL_MAX);
  base_buf_init(&any, DETAIL_MAX);
  base_err e = which == ERROR_INFO    ? error_info(d, &inner, &value)
               : which == BAD_REQUEST ? bad_request(d, message, &inner, &value)
                                      : retry_info(d, &inner, &value);
  if (base_is_ok(e)) {
    e = put_text(&any, 1, urls[which]);
  }
  if (base_is_ok(e)) {
    e = put_bytes(&any, 2, base_buf_span(&value));
  }
  if (base_is_ok(e)) {
    e = put_bytes(status, 3, base_buf_span(&any));
  }
  base_buf_dispose(&inner);
  base_buf_dispose(&value);
  base_buf_dispose(&any);
  return e;
}

static base_err put_status(base_buf *out, const wire_status *s, const wire_details *d) {
  base_span message = base_buf_span(&s->message);
  BASE_TRY(put_number(out, 1, (uint32_t)s->code));
  BASE_TRY(put_bytes(out, 2, message));
  BASE_TRY(put_detail(out, ERROR_INFO, d, message));
  if (d->field) {
    BASE_TRY(put_detail(out, BAD_REQUEST, d, message));
  }
  if (d->retry_after_ms > 0) {
    BASE_TRY(put_detail(out, RETRY_INFO, d, message));
  }
  return BASE_OK;
}

base_err wire_details_add(wire_status *s, const wire_details *d) {
  char pushback[24];
  base_buf bytes;
  base_buf_init(&bytes, STATUS_MAX);
  base_err e = put_status(&bytes, s, d);
  if (base_is_ok(e) && d->retry_after_ms > 0) {
    snprintf(pushback, sizeof pushback, "%lld", (long long)d->retry_after_ms);
    e = wire_metadata_add_str(&s->trailers, "grpc-retry-pushback-ms", pushback);
  }
  if (base_is_ok(e)) {
    e = wire_metadata_add(&s->trailers, base_span_str("grpc-status-details-bin"), base_buf_span(&bytes));
  }
  base_buf_dispose(&bytes);
  return e;
}
