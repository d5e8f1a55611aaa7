#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pb/json.h"
#include "pb/json_types.h"
#include "pb/message.h"
#include "wire/metadata.h"

struct writer {
  base_buf *out;
  unsigned flags;
  int depth;
};

static base_err write_message(struct writer *w, const ProtobufCMessage *message);

/* -- values ---------------------------------------------------------------------------------------------------------- */

/* The fewest digits that read back as the same number. In the browser all 17: strtod(3) would be a seventh of the client there, and whoever parses them gets the same number. */
static void number_text(double v, bool is_float, char *text, size_t size) {
#ifdef __wasm__
  (void)is_float;
  snprintf(text, size, "%.17g", v);
#else
  int least = is_float ? 6 : 15, most = is_float ? 9 : 17;
  for (int digits = least; digits <= most; digits++) {
    snprintf(text, size, "%.*g", digits, v);
    if (is_float ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v) {
      break;
    }
  }
#endif
}

static base_err write_number(struct writer *w, double v, bool is_float) {
  char text[40];
  if (!isfinite(v)) {
    return base_buf_str(w->out, isnan(v) ? "\"NaN\"" : v < 0 ? "\"-Infinity\"" : "\"Infinity\"");
  }
  number_text(v, is_float, text, sizeof text);
  return base_buf_str(w->out, text);
}

static base_err write_bytes(struct writer *w, const ProtobufCBinaryData *b) {
  static const char *const padding[] = {"\"", "==\"", "=\""};
  BASE_TRY(base_buf_str(w->out, "\""));
  BASE_TRY(wire_base64_encode(base_span_of(b->data, b->len), w->out));
  return base_buf_str(w->out, padding[b->len % 3]);
}

static base_err write_enum(struct writer *w, const ProtobufCFieldDescriptor *f, int value) {
  if (pb_json_is_null_enum(f)) {
    return base_buf_str(w->out, "null");
  }
  const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(f->descriptor, value);
  return v ? base_buf_printf(w->out, "\"%s\"", v->name) : base_buf_printf(w->out, "%d", value);
}

static base_err write_text(struct writer *w, const char *text) {
  return base_buf_json(w->out, text ? base_span_str(text) : base_span_of(NULL, 0));
}

static base_err write_value(struct writer *w, const ProtobufCFieldDescriptor *f, const void *at) {
  const char *quote = w->flags & PB_JSON_NUMBERS ? "" : "\"";
  switch (f->type) {
  case PROTOBUF_C_TYPE_INT32:
  case PROTOBUF_C_TYPE_SINT32:
  case PROTOBUF_C_TYPE_SFIXED32: return base_buf_printf(w->out, "%" PRId32, *(const int32_t *)at);
  case PROTOBUF_C_TYPE_UINT32:
  case PROTOBUF_C_TYPE_FIXED32: return base_buf_printf(w->out, "%" PRIu32, *(const uint32_t *)at);
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_SINT64:
  case PROTOBUF_C_TYPE_SFIXED64: return base_buf_printf(w->out, "%s%" PRId64 "%s", quote, *(const int64_t *)at, quote);
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_FIXED64: return base_buf_printf(w->out, "%s%" PRIu64 "%s", quote, *(const uint64_t *)at, quote);
  case PROTOBUF_C_TYPE_FLOAT: return write_number(w, (double)*(const float *)at, true);
  case PROTOBUF_C_TYPE_DOUBLE: return write_number(w, *(const double *)at, false);
  case PROTOBUF_C_TYPE_BOOL: return base_buf_str(w->out, *(const protobuf_c_boolean *)at ? "true" : "false");
  case PROTOBUF_C_TYPE_ENUM: return write_enum(w, f, *(const int *)at);
  case PROTOBUF_C_TYPE_STRING: return write_text(w, *(char *const *)at);
  case PROTOBUF_C_TYPE_BYTES: return write_bytes(w, at);
  case PROTOBUF_C_TYPE_MESSAGE: {
    const ProtobufCMessage *child = *(ProtobufCMessage *const *)at;
    return child ? write_message(w, child) : base_buf_str(w->out, "{}"); /* the value of a map's entry that has none */
  }
  }
  return base_fail(BASE_E_INTERNAL);
}

/* -- lists and maps -------------------------------------------------------------------------------------------------- */

static base_err write_list(struct writer *w, const ProtobufCFieldDescriptor *f, const ProtobufCMessage *message) {
  size_t count = pb_field_count(f, message);
  BASE_TRY(base_buf_str(w->out, "["));
  for (size_t i = 0; i < count; i++) {
    BASE_TRY(base_buf_str(w->out, i > 0 ? "," : ""));
    BASE_TRY(write_value(w, f, pb_field_items(f, message) + i * pb_value_size(f->type)));
  }
  return base_buf_str(w->out, "]");
}

/* A key is always a text. */
static base_err write_key(struct writer *w, const ProtobufCFieldDescriptor *f, const void *at) {
  struct writer plain = {.out = w->out, .flags = PB_JSON_NUMBERS};
  const char *quote = f->type == PROTOBUF_C_TYPE_STRING ? "" : "\"";
  BASE_TRY(base_buf_str(w->out, quote));
  BASE_TRY(write_value(&plain, f, at));
  BASE_TRY(base_buf_str(w->out, quote));
  return base_buf_str(w->out, ":");
}

static base_err write_map(struct writer *w, const ProtobufCMessageDescriptor *entry, const ProtobufCFieldDescriptor *f,
                          const ProtobufCMessage *message) {
  const ProtobufCFieldDescriptor *key = &entry->fields[0], *value = &entry->fields[1];
  ProtobufCMessage *const *entries = (ProtobufCMessage *const *)(const void *)pb_field_items(f, message);
  BASE_TRY(base_buf_str(w->out, "{"));
  for (size_t i = 0; i < pb_field_count(f, message); i++) {
    BASE_TRY(base_buf_str(w->out, i > 0 ? "," : ""));
    BASE_TRY(write_key(w, key, pb_field_at(key, entries[i])));
    BASE_TRY(write_value(w, value, pb_field_at(value, entries[i])));
  }
  return base_buf_str(w->out, "}");
}

static base_err write_field(struct writer *w, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f) {
  if (!pb_field_is_list(f)) {
    return write_value(w, f, pb_field_at(f, message));
  }
  const ProtobufCMessageDescriptor *entry = pb_json_map_entry(message->descriptor, f);
  return entry ? write_map(w, entry, f, message) : write_list(w, f, message);
}

/* -- messages -------------------------------------------------------------------------------------------------------- */

static base_err write_name(struct writer *w, const char *name) {
  BASE_TRY(base_buf_str(w->out, "\""));
  for (char c; (c = pb_json_camel(&name)) != '\0';) {
    BASE_TRY(base_buf_u8(w->out, (uint8_t)c));
  }
  return base_buf_str(w->out, "\":");
}

static base_err write_object(struct writer *w, const ProtobufCMessage *message) {
  bool first = true;
  BASE_TRY(base_buf_str(w->out, "{"));
  for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];
    if (!pb_field_is_set(f, message) && (pb_field_has_presence(f) || (w->flags & PB_JSON_DEFAULTS) == 0)) {
      continue;
    }
    BASE_TRY(base_buf_str(w->out, first ? "" : ","));
    first = false;
    BASE_TRY(write_name(w, f->name));
    BASE_TRY(write_field(w, message, f));
  }
  return base_buf_str(w->out, "}");
}

static base_err write_mask(struct writer *w, const ProtobufCFieldDescriptor *f, const ProtobufCMessage *message) {
  char *const *paths = (char *const *)(const void *)pb_field_items(f, message);
  BASE_TRY(base_buf_str(w->out, "\""));
  for (size_t i = 0; i < pb_field_count(f, message); i++) {
    BASE_TRY(base_buf_str(w->out, i > 0 ? "," : ""));
    size_t begin = base_buf_size(w->out);
    BASE_TRY(pb_json_write_path(paths[i], w->out));
    /* Names and dots need no escapes; anything else is no path. */
    for (base_span s = base_buf_span(w->out); begin < s.n; begin++) {
      if (s.p[begin] < ' ' || s.p[begin] == '"' || s.p[begin] == '\\' || s.p[begin] == ',') {
        return base_fail(BASE_E_INVALID);
      }
    }
  }
  return base_buf_str(w->out, "\"");
}

/* The one member that is set; a Value without any is no value. */
static base_err write_dynamic(struct writer *w, const ProtobufCMessage *message) {
  for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];
    if (pb_field_is_set(f, message)) {
      if (f->type == PROTOBUF_C_TYPE_ENUM) {
        return base_buf_str(w->out, "null");
      }
      bool no_number = f->type == PROTOBUF_C_TYPE_DOUBLE && !isfinite(*(const double *)pb_field_at(f, message));
      return no_number ? base_fail(BASE_E_INVALID) : write_value(w, f, pb_field_at(f, message));
    }
  }
  return base_fail(BASE_E_INVALID);
}

static base_err write_typed(struct writer *w, const ProtobufCMessage *message) {
  const ProtobufCFieldDescriptor *f = message->descriptor->fields;
  switch (pb_json_type_of(message->descriptor)) {
  case PB_JSON_MESSAGE: break;
  case PB_JSON_TIMESTAMP:
    return pb_json_write_time(*(const int64_t *)pb_field_at(f, message), *(const int32_t *)pb_field_at(f + 1, message),
                              w->out);
  case PB_JSON_DURATION:
    return pb_json_write_duration(*(const int64_t *)pb_field_at(f, message),
                                  *(const int32_t *)pb_field_at(f + 1, message), w->out);
  case PB_JSON_FIELD_MASK: return write_mask(w, f, message);
  case PB_JSON_WRAPPER:
  case PB_JSON_STRUCT:
  case PB_JSON_LIST_VALUE: return write_field(w, message, f);
  case PB_JSON_VALUE: return write_dynamic(w, message);
  }
  return write_object(w, message);
}

static base_err write_message(struct writer *w, const ProtobufCMessage *message) {
  if (w->depth > PB_DEPTH_MAX) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  w->depth++;
  base_err e = write_typed(w, message);
  w->depth--;
  return e;
}

base_err pb_json_write(const ProtobufCMessage *message, unsigned flags, base_buf *out) {
  return write_message(&(struct writer){.out = out, .flags = flags}, message);
}
