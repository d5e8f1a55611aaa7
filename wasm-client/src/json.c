#include "wc/json.h"

#include <inttypes.h>
#include <math.h>

#include "wire/metadata.h"

static base_err write_name(const char *name, base_buf *out) {
  BASE_TRY(base_buf_str(out, "\""));
  for (const char *p = name; *p; p++) {
    bool up = *p == '_' && p[1] >= 'a' && p[1] <= 'z';
    BASE_TRY(base_buf_u8(out, up ? (uint8_t)(*++p - 'a' + 'A') : (uint8_t)*p));
  }
  return base_buf_str(out, "\":");
}

static base_err write_number(double v, base_buf *out) {
  return isfinite(v) ? base_buf_printf(out, "%.17g", v) : base_buf_str(out, "null");
}

static base_err write_bytes(const ProtobufCBinaryData *b, base_buf *out) {
  BASE_TRY(base_buf_str(out, "\""));
  BASE_TRY(wire_base64_encode(base_span_of(b->data, b->len), out));
  return base_buf_str(out, "\"");
}

static base_err write_enum(const ProtobufCFieldDescriptor *f, int value, base_buf *out) {
  const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(f->descriptor, value);
  return v ? base_buf_printf(out, "\"%s\"", v->name) : base_buf_printf(out, "%d", value);
}

static base_err write_value(const ProtobufCFieldDescriptor *f, const void *at, base_buf *out) {
  switch (f->type) {
  case PROTOBUF_C_TYPE_INT32:
  case PROTOBUF_C_TYPE_SINT32:
  case PROTOBUF_C_TYPE_SFIXED32: return base_buf_printf(out, "%" PRId32, *(const int32_t *)at);
  case PROTOBUF_C_TYPE_UINT32:
  case PROTOBUF_C_TYPE_FIXED32: return base_buf_printf(out, "%" PRIu32, *(const uint32_t *)at);
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_SINT64:
  case PROTOBUF_C_TYPE_SFIXED64: return base_buf_printf(out, "%" PRId64, *(const int64_t *)at);
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_FIXED64: return base_buf_printf(out, "%" PRIu64, *(const uint64_t *)at);
  case PROTOBUF_C_TYPE_FLOAT: return write_number((double)*(const float *)at, out);
  case PROTOBUF_C_TYPE_DOUBLE: return write_number(*(const double *)at, out);
  case PROTOBUF_C_TYPE_BOOL: return base_buf_str(out, *(const protobuf_c_boolean *)at ? "true" : "false");
  case PROTOBUF_C_TYPE_ENUM: return write_enum(f, *(const int *)at, out);
  case PROTOBUF_C_TYPE_STRING: return base_buf_json(out, base_span_str(*(char *const *)at));
  case PROTOBUF_C_TYPE_BYTES: return write_bytes(at, out);
  case PROTOBUF_C_TYPE_MESSAGE: return wc_json_write(*(ProtobufCMessage *const *)at, out);
  }
  return base_fail(BASE_E_INTERNAL);
}

static size_t size_of(ProtobufCType type) {
  switch (type) {
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_SINT64:
  case PROTOBUF_C_TYPE_SFIXED64:
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_FIXED64:
  case PROTOBUF_C_TYPE_DOUBLE: return 8;
  case PROTOBUF_C_TYPE_STRING:
  case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
  case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
  default: return 4;
  }
}

static bool is_default(const ProtobufCFieldDescriptor *f, const void *at) {
  switch (f->type) {
  case PROTOBUF_C_TYPE_STRING: return !*(char *const *)at || !**(char *const *)at;
  case PROTOBUF_C_TYPE_MESSAGE: return !*(void *const *)at;
  case PROTOBUF_C_TYPE_BYTES: return ((const ProtobufCBinaryData *)at)->len == 0;
  default: {
    static const uint8_t zero[8];
    return memcmp(at, zero, size_of(f->type)) == 0;
  }
  }
}

static base_err write_array(const ProtobufCFieldDescriptor *f, const char *items, size_t count, base_buf *out) {
  BASE_TRY(base_buf_str(out, "["));
  for (size_t i = 0; i < count; i++) {
    if (i > 0) BASE_TRY(base_buf_str(out, ","));
    BASE_TRY(write_value(f, items + i * size_of(f->type), out));
  }
  return base_buf_str(out, "]");
}

static bool is_absent(const ProtobufCFieldDescriptor *f, const char *message) {
  if (f->label == PROTOBUF_C_LABEL_REPEATED) return *(const size_t *)(message + f->quantifier_offset) == 0;
  if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) return *(const uint32_t *)(message + f->quantifier_offset) != f->id;
  return is_default(f, message + f->offset);
}

base_err wc_json_write(const ProtobufCMessage *message, base_buf *out) {
  const char *bytes = (const char *)message;
  bool first = true;
  BASE_TRY(base_buf_str(out, "{"));
  for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];
    if (is_absent(f, bytes)) continue;
    if (!first) BASE_TRY(base_buf_str(out, ","));
    first = false;
    BASE_TRY(write_name(f->name, out));
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
      BASE_TRY(
          write_array(f, *(char *const *)(bytes + f->offset), *(const size_t *)(bytes + f->quantifier_offset), out));
    else
      BASE_TRY(write_value(f, bytes + f->offset, out));
  }
  return base_buf_str(out, "}");
}
