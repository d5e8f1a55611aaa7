#include "pb/json_types.h"

#include <string.h>

/* -- types ----------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  enum pb_json_type type;
} known[] = {
    {"Timestamp", PB_JSON_TIMESTAMP}, {"Duration", PB_JSON_DURATION},   {"FieldMask", PB_JSON_FIELD_MASK},
    {"DoubleValue", PB_JSON_WRAPPER}, {"FloatValue", PB_JSON_WRAPPER},  {"Int64Value", PB_JSON_WRAPPER},
    {"UInt64Value", PB_JSON_WRAPPER}, {"Int32Value", PB_JSON_WRAPPER},  {"UInt32Value", PB_JSON_WRAPPER},
    {"BoolValue", PB_JSON_WRAPPER},   {"StringValue", PB_JSON_WRAPPER}, {"BytesValue", PB_JSON_WRAPPER},
    {"Struct", PB_JSON_STRUCT},       {"Value", PB_JSON_VALUE},         {"ListValue", PB_JSON_LIST_VALUE},
};

static bool is(const ProtobufCFieldDescriptor *f, uint32_t number, ProtobufCType type, bool list) {
  return f->id == number && f->type == type && pb_field_is_list(f) == list;
}

static bool is_message(const ProtobufCFieldDescriptor *f, const char *name) {
  const ProtobufCMessageDescriptor *type = f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;
  return type && strcmp(type->name, name) == 0;
}

static bool is_value(const ProtobufCMessageDescriptor *t) {
  const ProtobufCFieldDescriptor *f = t->fields;
  if (t->n_fields != 6) {
    return false;
  }
  for (unsigned i = 0; i < 6; i++) {
    if ((f[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 || f[i].quantifier_offset != f[0].quantifier_offset) {
      return false;
    }
  }
  return is(&f[0], 1, PROTOBUF_C_TYPE_ENUM, false) && is(&f[1], 2, PROTOBUF_C_TYPE_DOUBLE, false) &&
         is(&f[2], 3, PROTOBUF_C_TYPE_STRING, false) && is(&f[3], 4, PROTOBUF_C_TYPE_BOOL, false) &&
         is(&f[4], 5, PROTOBUF_C_TYPE_MESSAGE, false) && is(&f[5], 6, PROTOBUF_C_TYPE_MESSAGE, false);
}

static bool has_shape(const ProtobufCMessageDescriptor *t, enum pb_json_type type) {
  const ProtobufCFieldDescriptor *f = t->fields;
  switch (type) {
  case PB_JSON_TIMESTAMP:
  case PB_JSON_DURATION:
    return t->n_fields == 2 && is(&f[0], 1, PROTOBUF_C_TYPE_INT64, false) && is(&f[1], 2, PROTOBUF_C_TYPE_INT32, false);
  case PB_JSON_FIELD_MASK: return t->n_fields == 1 && is(&f[0], 1, PROTOBUF_C_TYPE_STRING, true);
  case PB_JSON_WRAPPER:
    return t->n_fields == 1 && f[0].id == 1 && !pb_field_is_list(f) && f[0].type != PROTOBUF_C_TYPE_MESSAGE;
  case PB_JSON_STRUCT: return t->n_fields == 1 && pb_json_map_entry(t, &f[0]) != NULL;
  case PB_JSON_LIST_VALUE:
    return t->n_fields == 1 && is(&f[0], 1, PROTOBUF_C_TYPE_MESSAGE, true) && is_message(f, "google.protobuf.Value");
  default: return is_value(t);
  }
}

enum pb_json_type pb_json_type_of(const ProtobufCMessageDescriptor *type) {
  static const char package[] = "google.protobuf.";
  const size_t n = sizeof package - 1;
  if (strncmp(type->name, package, n) != 0) {
    return PB_JSON_MESSAGE;
  }
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(type->name + n, known[i].name) == 0 && has_shape(type, known[i].type)) {
      return known[i].type;
    }
  }
  return PB_JSON_MESSAGE;
}

/* protoc calls the entry type of `by_name` "ByNameEntry", and refuses a .proto that has another message of that name. */
static bool is_entry_name(const char *entry, const char *field) {
  bool up = true;
  for (; *field; field++) {
    if (*field == '_') {
      up = true;
      continue;
    }
    char c = up && *field >= 'a' && *field <= 'z' ? (char)(*field - 'a' + 'A') : *field;
    if (*entry++ != c) {
      return false;
    }
    up = false;
  }
  return strcmp(entry, "Entry") == 0;
}

static bool is_key(const ProtobufCFieldDescriptor *f) {
  switch (f->type) {
  case PROTOBUF_C_TYPE_FLOAT:
  case PROTOBUF_C_TYPE_DOUBLE:
  case PROTOBUF_C_TYPE_BYTES:
  case PROTOBUF_C_TYPE_ENUM:
  case PROTOBUF_C_TYPE_MESSAGE: return false;
  default: return f->id == 1 && !pb_field_is_list(f);
  }
}

const ProtobufCMessageDescriptor *pb_json_map_entry(const ProtobufCMessageDescriptor *parent,
                                                    const ProtobufCFieldDescriptor *f) {
  const ProtobufCMessageDescriptor *entry = f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;
  size_t n = strlen(parent->name);
  if (!pb_field_is_list(f) || entry == NULL || entry->n_fields != 2 || strncmp(entry->name, parent->name, n) != 0 ||
      entry->name[n] != '.' || !is_entry_name(entry->name + n + 1, f->name)) {
    return NULL;
  }
  return is_key(&entry->fields[0]) && entry->fields[1].id == 2 && !pb_field_is_list(&entry->fields[1]) ? entry : NULL;
}

bool pb_json_is_null_enum(const ProtobufCFieldDescriptor *f) {
  const ProtobufCEnumDescriptor *e = f->type == PROTOBUF_C_TYPE_ENUM ? f->descriptor : NULL;
  return e && strcmp(e->name, "google.protobuf.NullValue") == 0;
}

/* -- names ----------------------------------------------------------------------------------------------------------- */

char pb_json_camel(const char **name) {
  bool up = false;
  for (; **name == '_'; (*name)++) {
    up = true;
  }
  char c = **name;
  *name += c != '\0';
  return up && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool pb_json_name_is(const char *name, base_span key) {
  if (base_span_is(key, name)) {
    return true;
  }
  for (size_t i = 0; i < key.n; i++) {
    if ((char)key.p[i] != pb_json_camel(&name) || key.p[i] == '\0') {
      return false;
    }
  }
  return pb_json_camel(&name) == '\0';
}

base_err pb_json_write_path(const char *path, base_buf *out) {
  for (const char *p = path; *p; p++) {
    bool up = *p == '_';
    if ((*p >= 'A' && *p <= 'Z') || (up && (p[1] < 'a' || p[1] > 'z'))) {
      return base_fail(BASE_E_INVALID); /* would not read back the same */
    }
    BASE_TRY(base_buf_u8(out, up ? (uint8_t)(*++p - 'a' + 'A') : (uint8_t)*p));
  }
  return BASE_OK;
}

bool pb_json_read_path(base_span path, char *out) {
  for (size_t i = 0; i < path.n; i++) {
    char c = (char)path.p[i];
    if (c == '_') {
      return false;
    }
    if (c >= 'A' && c <= 'Z') {
      *out++ = '_';
      c = (char)(c - 'A' + 'a');
    }
    *out++ = c;
  }
  *out = '\0';
  return path.n > 0;
}
