#include "pb/field.h"

#include <string.h>

size_t pb_value_size(ProtobufCType type) {
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

bool pb_value_is_zero(ProtobufCType type, const void *value) {
  static const uint8_t zero[8];
  switch (type) {
  case PROTOBUF_C_TYPE_STRING: return *(char *const *)value == NULL || **(char *const *)value == '\0';
  case PROTOBUF_C_TYPE_MESSAGE: return *(void *const *)value == NULL;
  case PROTOBUF_C_TYPE_BYTES: return ((const ProtobufCBinaryData *)value)->len == 0;
  default: return memcmp(value, zero, pb_value_size(type)) == 0;
  }
}

bool pb_field_has_presence(const ProtobufCFieldDescriptor *f) {
  return !pb_field_is_list(f) && (f->type == PROTOBUF_C_TYPE_MESSAGE || f->label != PROTOBUF_C_LABEL_NONE ||
                                  (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0);
}

bool pb_field_is_set(const ProtobufCFieldDescriptor *f, const ProtobufCMessage *message) {
  const void *at = pb_field_at(f, message);
  const void *quantifier = (const char *)message + f->quantifier_offset;
  if (pb_field_is_list(f)) {
    return *(const size_t *)quantifier > 0;
  }
  if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)quantifier != f->id) {
    return false;
  }
  if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
    return *(void *const *)at != NULL;
  }
  if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
    return true;
  }
  if (f->label == PROTOBUF_C_LABEL_NONE) {
    return !pb_value_is_zero(f->type, at);
  }
  if (f->type == PROTOBUF_C_TYPE_STRING) {
    /* An absent text is NULL, or points at the .proto's default. */
    return *(const void *const *)at != NULL && *(const void *const *)at != f->default_value;
  }
  return f->label == PROTOBUF_C_LABEL_REQUIRED || *(const protobuf_c_boolean *)quantifier;
}
