/* Fields of requests that the framework knows by name, through protobuf-c's descriptors. */
#include <sodium.h>
#include <stdlib.h>

#include "pb/message.h"
#include "svc/internal.h"

const ProtobufCFieldDescriptor *svc__field(const ProtobufCMessageDescriptor *type, const char *name,
                                           ProtobufCType kind) {
  const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(type, name);
  return f && f->type == kind && f->label != PROTOBUF_C_LABEL_REPEATED ? f : NULL;
}

bool svc__field_path_find(const ProtobufCMessageDescriptor *type, const char *text, svc__field_path *out) {
  char name[64];
  *out = (svc__field_path){.count = 0};
  while (out->count < SVC__PATH_DEPTH) {
    size_t n = strcspn(text, ".");
    bool last = text[n] == '\0';
    if (n >= sizeof name) {
      return false;
    }
    memcpy(name, text, n);
    name[n] = '\0';
    const ProtobufCFieldDescriptor *f = svc__field(type, name, last ? PROTOBUF_C_TYPE_STRING : PROTOBUF_C_TYPE_MESSAGE);
    if (f == NULL) {
      return false;
    }
    out->fields[out->count++] = f;
    if (last) {
      return true;
    }
    type = f->descriptor;
    text += n + 1;
  }
  return false;
}

/* A member of a oneof shares its place with others. */
static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f) {
  return !(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
         *(const uint32_t *)((const char *)message + f->quantifier_offset) == f->id;
}

const char *svc__string(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
  const char *s = is_set(message, field) ? *(char *const *)((const char *)message + field->offset) : NULL;
  return s ? s : "";
}

const char *svc__field_path_get(const svc__field_path *path, const ProtobufCMessage *message) {
  for (int i = 0; i + 1 < path->count && message; i++) {
    const ProtobufCFieldDescriptor *f = path->fields[i];
    message = is_set(message, f) ? *(ProtobufCMessage *const *)((const char *)message + f->offset) : NULL;
  }
  return message && path->count > 0 ? svc__string(message, path->fields[path->count - 1]) : "";
}

/* -- what a request asks, as a hash ---------------------------------------------------------------------------------- */

static void blank(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f) {
  if (f && f->type == PROTOBUF_C_TYPE_STRING) {
    *(const char **)((char *)m + f->offset) = protobuf_c_empty_string;
  } else if (f) {
    *(int32_t *)((char *)m + f->offset) = 0;
  }
}

base_err svc__request_hash(const svc__route *route, const ProtobufCMessage *request, const ProtobufCFieldDescriptor *a,
                           const ProtobufCFieldDescriptor *b, uint8_t out[SVC_HASH_SIZE]) {
  crypto_hash_sha256_state state;
  base_buf packed;
  _Static_assert(SVC_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256");
  ProtobufCMessage *copy = malloc(request->descriptor->sizeof_message);
  if (copy == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  memcpy(copy, request, request->descriptor->sizeof_message);
  blank(copy, a);
  blank(copy, b);
  /* The hash is kept for days, and a quick one would give a password away to whoever guesses. */
  blank(copy, svc__field(request->descriptor, "password", PROTOBUF_C_TYPE_STRING));
  copy->n_unknown_fields = 0;
  base_buf_init(&packed, SIZE_MAX / 2);
  base_err e = pb_pack(copy, &packed);
  base_span bytes = base_buf_span(&packed);
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, (const uint8_t *)route->path, strlen(route->path) + 1);
  if (bytes.n > 0) {
    crypto_hash_sha256_update(&state, bytes.p, bytes.n);
  }
  crypto_hash_sha256_final(&state, out);
  base_buf_dispose(&packed);
  free(copy);
  return e;
}
