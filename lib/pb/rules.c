#include "pb/rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "pb/field.h"
#include "pb/formats.h"
#include "pb/message.h"

/* The place that is judged; `v` holds its path so far. */
struct judge {
  pb_violation *v;
  size_t path; /* bytes of v->path in use */
  int depth;
};

static bool fails(struct judge *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* False, for `return fails(...)`. */
static bool fails(struct judge *j, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(j->v->why, sizeof j->v->why, fmt, ap);
  va_end(ap);
  return false;
}

/* Appends to the path; one that is too long is cut, and stays a beginning. Returns what `path` was, to go back to. */
static size_t enter(struct judge *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static size_t enter(struct judge *j, const char *fmt, ...) {
  size_t before = j->path, room = sizeof j->v->path - before;
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(j->v->path + before, room, fmt, ap);
  va_end(ap);
  j->path += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
  return before;
}

static void leave(struct judge *j, size_t before) {
  j->path = before;
  j->v->path[before] = '\0';
}

/* -- values ---------------------------------------------------------------------------------------------------------- */

/* "must have at least 2 characters", and so on: the bounds as the .proto has them. */
static bool size_is_within(struct judge *j, const char *what, uint64_t n, uint64_t min, uint64_t max) {
  if (n >= min && (max == 0 || n <= max)) {
    return true;
  }
  if (n == 0 && min > 0) {
    return fails(j, "must not be empty");
  }
  if (min == max) {
    return fails(j, "must have exactly %" PRIu64 " %s%s", min, what, min == 1 ? "" : "s");
  }
  uint64_t bound = n < min ? min : max;
  return fails(j, "must have at %s %" PRIu64 " %s%s", n < min ? "least" : "most", bound, what, bound == 1 ? "" : "s");
}

static bool number_is_within(struct judge *j, const pb_limits *l, int64_t n) {
  if ((!l->has_low || n >= l->low) && (!l->has_high || n <= l->high)) {
    return true;
  }
  if (l->has_low && l->has_high) {
    return fails(j, "must be from %" PRId64 " to %" PRId64, l->low, l->high);
  }
  return l->has_low ? fails(j, "must be at least %" PRId64, l->low) : fails(j, "must be at most %" PRId64, l->high);
}

static uint64_t code_points(const char *text) {
  uint64_t n = 0;
  for (; *text; text++) {
    n += ((unsigned char)*text & 0xc0) != 0x80;
  }
  return n;
}

static bool text_keeps(struct judge *j, const pb_limits *l, const char *text) {
  text = text ? text : "";
  if (!size_is_within(j, "character", code_points(text), l->min_len, l->max_len) ||
      !size_is_within(j, "byte", strlen(text), 0, l->max_bytes)) {
    return false;
  }
  if (l->format == PB_FORMAT_EMAIL && !pb_is_email(base_span_str(text))) {
    return fails(j, "must be an e-mail address like name@example.com");
  }
  if (l->format == PB_FORMAT_UUID && !pb_is_uuid(base_span_str(text))) {
    return fails(j, "must be a UUID like 01890a5d-ac96-774b-bcce-b302099a8057");
  }
  return true;
}

static bool value_keeps(struct judge *j, const ProtobufCFieldDescriptor *f, const pb_limits *l, const void *at) {
  if (l->ignore_zero && pb_value_is_zero(f->type, at)) {
    return true;
  }
  switch (f->type) {
  case PROTOBUF_C_TYPE_INT32: return number_is_within(j, l, *(const int32_t *)at);
  case PROTOBUF_C_TYPE_INT64: return number_is_within(j, l, *(const int64_t *)at);
  case PROTOBUF_C_TYPE_STRING: return text_keeps(j, l, *(char *const *)at);
  case PROTOBUF_C_TYPE_BYTES:
    return size_is_within(j, "byte", ((const ProtobufCBinaryData *)at)->len, l->min_len, l->max_len);
  case PROTOBUF_C_TYPE_ENUM: {
    const ProtobufCEnumDescriptor *names = f->descriptor;
    if (l->defined_only && protobuf_c_enum_descriptor_get_value(names, *(const int *)at) == NULL) {
      return fails(j, "must be a value that %s declares", names->name);
    }
    return true;
  }
  default: return true; /* no other type has rules of its own */
  }
}

/* -- fields ---------------------------------------------------------------------------------------------------------- */

static bool message_keeps(struct judge *j, const ProtobufCMessage *message, const pb_rules *rules);

static bool item_keeps(struct judge *j, const ProtobufCFieldDescriptor *f, const pb_field_rules *r, const void *at) {
  if (f->type != PROTOBUF_C_TYPE_MESSAGE) {
    return value_keeps(j, f, &r->limits, at);
  }
  const ProtobufCMessage *child = *(ProtobufCMessage *const *)at;
  if (child == NULL || r->message == NULL) {
    return true;
  }
  if (j->depth >= PB_DEPTH_MAX) {
    return fails(j, "is nested too deep; %d levels are the most", PB_DEPTH_MAX);
  }
  size_t before = enter(j, ".");
  j->depth++;
  if (!message_keeps(j, child, r->message)) {
    return false;
  }
  j->depth--;
  leave(j, before);
  return true;
}

static bool list_keeps(struct judge *j, const ProtobufCFieldDescriptor *f, const pb_field_rules *r,
                       const ProtobufCMessage *message) {
  const pb_limits *l = &r->limits;
  size_t count = pb_field_count(f, message);
  if (count == 0 && l->ignore_empty) {
    return true;
  }
  if (!size_is_within(j, "item", count, l->min_items, l->max_items)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    size_t before = enter(j, "[%zu]", i);
    if (!item_keeps(j, f, r, pb_field_items(f, message) + i * pb_value_size(f->type))) {
      return false;
    }
    leave(j, before);
  }
  return true;
}

static bool absent(struct judge *j, const ProtobufCFieldDescriptor *f) {
  if (pb_field_has_presence(f) || f->type == PROTOBUF_C_TYPE_ENUM || f->type == PROTOBUF_C_TYPE_BOOL) {
    return fails(j, "must be set");
  }
  bool is_text = f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES;
  return fails(j, "must not be %s", is_text ? "empty" : "0");
}

static bool field_keeps(struct judge *j, const ProtobufCFieldDescriptor *f, const pb_field_rules *r,
                        const ProtobufCMessage *message) {
  if (pb_field_is_list(f)) {
    return list_keeps(j, f, r, message);
  }
  bool set = pb_field_is_set(f, message);
  if (!set && r->limits.required) {
    return absent(j, f);
  }
  if (!set && pb_field_has_presence(f)) {
    return true;
  }
  return item_keeps(j, f, r, pb_field_at(f, message));
}

static bool message_keeps(struct judge *j, const ProtobufCMessage *message, const pb_rules *rules) {
  for (unsigned i = 0; i < rules->count; i++) {
    const pb_field_rules *r = &rules->fields[i];
    const ProtobufCFieldDescriptor *f = &message->descriptor->fields[r->field];
    size_t before = enter(j, "%s", f->name);
    if (!field_keeps(j, f, r, message)) {
      return false;
    }
    leave(j, before);
  }
  return true;
}

bool pb_validate(const ProtobufCMessage *message, const pb_rules *rules, pb_violation *v) {
  struct judge j = {.v = v};
  v->path[0] = v->why[0] = '\0';
  return rules == NULL || message_keeps(&j, message, rules);
}
