#include "pb/message.h"

#include "pb/field.h"

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

static base_span length_delimited(base_cursor *c) {
  uint64_t n = base_cursor_varint64(c);
  if (c->failed || n > base_cursor_left(c)) {
    c->failed = true;
    return (base_span){NULL, 0};
  }
  return base_cursor_bytes(c, (size_t)n);
}

static bool text_is_valid(base_span s) { return base_span_utf8(s) && (s.n == 0 || memchr(s.p, 0, s.n) == NULL); }

static bool message_is_valid(const ProtobufCMessageDescriptor *type, base_span bytes, int depth);

static bool field_is_valid(const ProtobufCFieldDescriptor *field, base_span value, int depth) {
  if (field && field->type == PROTOBUF_C_TYPE_STRING) {
    return text_is_valid(value);
  }
  if (field && field->type == PROTOBUF_C_TYPE_MESSAGE) {
    return message_is_valid(field->descriptor, value, depth + 1);
  }
  return true;
}

static bool message_is_valid(const ProtobufCMessageDescriptor *type, base_span bytes, int depth) {
  base_cursor c = base_cursor_of(bytes);
  if (depth > PB_DEPTH_MAX) {
    return false;
  }
  while (!c.failed && base_cursor_left(&c) > 0) {
    uint64_t tag = base_cursor_varint64(&c);
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff) {
      return false;
    }
    switch (tag & 7) {
    case VARINT: base_cursor_varint64(&c); break;
    case FIXED64: base_cursor_bytes(&c, 8); break;
    case FIXED32: base_cursor_bytes(&c, 4); break;
    case LENGTH: {
      base_span value = length_delimited(&c);
      if (!c.failed &&
          !field_is_valid(protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3)), value, depth)) {
        return false;
      }
      break;
    }
    default: /* groups, which proto3 does not have */ return false;
    }
  }
  return !c.failed;
}

base_err pb_check(const ProtobufCMessageDescriptor *type, base_span bytes) {
  return message_is_valid(type, bytes, 0) ? BASE_OK : base_fail(BASE_E_MALFORMED);
}

static void *arena_alloc(void *arena, size_t n) { return pb_arena_alloc(arena, n); }

static void arena_free(void *arena, void *p) {
  (void)arena;
  (void)p;
}

base_err pb_unpack(const ProtobufCMessageDescriptor *type, base_span bytes, pb_arena *arena, ProtobufCMessage **out) {
  static const uint8_t nothing[1];
  ProtobufCAllocator allocator = {arena_alloc, arena_free, arena};
  *out = NULL;
  BASE_TRY(pb_check(type, bytes));
  /* protobuf-c's failures do not say why; an arena that refused memory does. */
  arena->over_cap = arena->no_memory = false;
  *out = protobuf_c_message_unpack(type, &allocator, bytes.n, bytes.n ? bytes.p : nothing);
  if (*out) {
    return BASE_OK;
  }
  if (arena->over_cap) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  return base_fail(arena->no_memory ? BASE_E_NO_MEMORY : BASE_E_MALFORMED);
}

/* As message_init_generic() of protobuf-c, which it keeps to itself, for types without a message_init. */
static void init_by_fields(const ProtobufCMessageDescriptor *type, ProtobufCMessage *message) {
  memset(message, 0, type->sizeof_message);
  message->descriptor = type;
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &type->fields[i];
    char *at = (char *)message + f->offset;
    if (f->default_value == NULL || pb_field_is_list(f)) {
      continue;
    }
    if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE) {
      memcpy(at, &f->default_value, sizeof f->default_value);
    } else {
      memcpy(at, f->default_value, pb_value_size(f->type));
    }
  }
}

ProtobufCMessage *pb_message_new(const ProtobufCMessageDescriptor *type, pb_arena *arena) {
  ProtobufCMessage *message = pb_arena_alloc(arena, type->sizeof_message);
  if (message && type->message_init) {
    type->message_init(message);
  } else if (message) {
    init_by_fields(type, message);
  }
  return message;
}

base_err pb_pack(const ProtobufCMessage *message, base_buf *out) {
  size_t n = protobuf_c_message_get_packed_size(message);
  uint8_t *at = NULL;
  if (n == 0) {
    return BASE_OK;
  }
  BASE_TRY(base_buf_reserve(out, n, &at));
  base_buf_commit(out, protobuf_c_message_pack(message, at));
  return BASE_OK;
}
