#include "wire/details.h"

#include <stdio.h>

/* Any.type_url is this and the message's full name (google/protobuf/any.proto). */
#define TYPE_PREFIX "type.googleapis.com/google.rpc."

enum { STATUS_MAX = 8192, DETAIL_MAX = 1024, VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* -- writing --------------------------------------------------------------------------------------------------------- */

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

/* -- reading --------------------------------------------------------------------------------------------------------- */

struct field {
  uint32_t number;
  uint64_t value; /* of a varint */
  base_span bytes;
  bool is_bytes;
};

/* The next field of a message; false at the end, and with c->failed on what is none. */
static bool next_field(base_cursor *c, struct field *f) {
  if (c->failed || base_cursor_left(c) == 0) {
    return false;
  }
  uint64_t tag = base_cursor_varint64(c);
  *f = (struct field){.number = (uint32_t)(tag >> 3), .is_bytes = (tag & 7) == BYTES};
  switch (tag & 7) {
  case VARINT: f->value = base_cursor_varint64(c); break;
  case FIXED64: base_cursor_bytes(c, 8); break;
  case FIXED32: base_cursor_bytes(c, 4); break;
  case BYTES: {
    uint64_t n = base_cursor_varint64(c);
    c->failed = c->failed || n > base_cursor_left(c);
    f->bytes = c->failed ? f->bytes : base_cursor_bytes(c, (size_t)n);
    break;
  }
  default: c->failed = true;
  }
  c->failed = c->failed || tag >> 3 == 0 || tag >> 3 > 0x1fffffff;
  return !c->failed;
}

/* Calls `read` for each field. */
static base_err each_field(base_span message, base_err (*read)(void *out, const struct field *f), void *out) {
  base_cursor c = base_cursor_of(message);
  for (struct field f; next_field(&c, &f);) {
    BASE_TRY(read(out, &f));
  }
  return c.failed ? base_fail(BASE_E_MALFORMED) : BASE_OK;
}

static base_err keep_text(base_span *out, const struct field *f) {
  if (!f->is_bytes || !base_span_utf8(f->bytes)) {
    return base_fail(BASE_E_MALFORMED);
  }
  *out = f->bytes;
  return BASE_OK;
}

static base_err read_error_info(void *ctx, const struct field *f) {
  wire_details_found *out = ctx;
  switch (f->number) {
  case 1: return keep_text(&out->reason, f);
  case 2: return keep_text(&out->domain, f);
  default: return BASE_OK;
  }
}

static base_err read_violation(void *ctx, const struct field *f) {
  return f->number == 1 ? keep_text(ctx, f) : BASE_OK;
}

static base_err read_bad_request(void *ctx, const struct field *f) {
  wire_details_found *out = ctx;
  bool first = f->number == 1 && f->is_bytes && out->field.p == NULL;
  return first ? each_field(f->bytes, read_violation, &out->field) : BASE_OK;
}

struct duration {
  int64_t seconds, nanos;
};

static base_err read_duration(void *ctx, const struct field *f) {
  struct duration *d = ctx;
  if (f->number == 1) {
    d->seconds = (int64_t)f->value;
  } else if (f->number == 2) {
    d->nanos = (int32_t)f->value;
  }
  return BASE_OK;
}

static base_err read_retry_info(void *ctx, const struct field *f) {
  enum { YEAR_S = 86400 * 365 };
  wire_details_found *out = ctx;
  struct duration d = {0};
  if (f->number != 1 || !f->is_bytes) {
    return BASE_OK;
  }
  BASE_TRY(each_field(f->bytes, read_duration, &d));
  if (d.seconds >= 0 && d.seconds < YEAR_S && d.nanos >= 0) {
    out->retry_after_ms = d.seconds * 1000 + d.nanos / 1000000;
  }
  return BASE_OK;
}

struct any {
  base_span type_url, value;
};

static base_err read_any(void *ctx, const struct field *f) {
  struct any *any = ctx;
  if (f->number == 2 && f->is_bytes) {
    any->value = f->bytes;
  }
  return f->number == 1 ? keep_text(&any->type_url, f) : BASE_OK;
}

static base_err read_status(void *ctx, const struct field *f) {
  static const struct {
    const char *type;
    base_err (*read)(void *out, const struct field *f);
  } known[] = {
      {"/google.rpc.ErrorInfo", read_error_info},
      {"/google.rpc.BadRequest", read_bad_request},
      {"/google.rpc.RetryInfo", read_retry_info},
  };
  struct any any = {0};
  if (f->number != 3 || !f->is_bytes) {
    return BASE_OK;
  }
  BASE_TRY(each_field(f->bytes, read_any, &any));
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (base_span_ends(any.type_url, known[i].type)) {
      return each_field(any.value, known[i].read, ctx);
    }
  }
  return BASE_OK;
}

base_err wire_details_read(const wire_status *s, wire_details_found *out) {
  base_span bytes;
  *out = (wire_details_found){0};
  if (!wire_metadata_get(&s->trailers, "grpc-status-details-bin", &bytes)) {
    return BASE_OK;
  }
  base_err e = each_field(bytes, read_status, out);
  if (!base_is_ok(e)) {
    *out = (wire_details_found){0};
  }
  return e;
}
