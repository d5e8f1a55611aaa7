#include "rpc/descriptors.h"

#include <stdlib.h>

#include "google/protobuf/descriptor.pb-c.h"

typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__ServiceDescriptorProto service_proto;

struct rpc_descriptor_file {
  base_span bytes;
  Google__Protobuf__FileDescriptorProto *proto;
};

static base_err add_file(rpc_descriptors *d, base_span bytes) {
  Google__Protobuf__FileDescriptorProto *proto =
      google__protobuf__file_descriptor_proto__unpack(NULL, bytes.n, bytes.p);
  if (proto == NULL || proto->name == NULL) {
    if (proto) {
      google__protobuf__file_descriptor_proto__free_unpacked(proto, NULL);
    }
    return base_fail(BASE_E_MALFORMED);
  }
  rpc_descriptor_file *grown = realloc(d->files, (d->count + 1) * sizeof *grown);
  d->files = grown ? grown : d->files;
  if (grown == NULL || rpc_descriptors_by_name(d, proto->name) >= 0) {
    google__protobuf__file_descriptor_proto__free_unpacked(proto, NULL);
    return grown ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  }
  d->files[d->count++] = (rpc_descriptor_file){bytes, proto};
  return BASE_OK;
}

base_err rpc_descriptors_add(rpc_descriptors *d, base_span descriptor_set) {
  enum { FILE_FIELD = 1 << 3 | 2 }; /* FileDescriptorSet.file = 1, length-delimited */
  base_cursor c = base_cursor_of(descriptor_set);
  while (base_cursor_left(&c) > 0) {
    uint8_t tag = base_cursor_u8(&c);
    base_span file = base_cursor_bytes(&c, base_cursor_varint(&c));
    if (c.failed || tag != FILE_FIELD) {
      return base_fail(BASE_E_MALFORMED);
    }
    BASE_TRY(add_file(d, file));
  }
  return BASE_OK;
}

void rpc_descriptors_dispose(rpc_descriptors *d) {
  for (size_t i = 0; i < d->count; i++) {
    google__protobuf__file_descriptor_proto__free_unpacked(d->files[i].proto, NULL);
  }
  free(d->files);
  *d = (rpc_descriptors){0};
}

int rpc_descriptors_by_name(const rpc_descriptors *d, const char *file) {
  for (size_t i = 0; i < d->count; i++) {
    if (strcmp(d->files[i].proto->name, file) == 0) {
      return (int)i;
    }
  }
  return -1;
}

/* The rest of `symbol` after "name." ("" when it is `name` itself); NULL if it is neither. */
static const char *below(const char *symbol, const char *name) {
  size_t n = strlen(name);
  if (n == 0) {
    return symbol;
  }
  if (strncmp(symbol, name, n) != 0) {
    return NULL;
  }
  return symbol[n] == '\0' ? symbol + n : symbol[n] == '.' ? symbol + n + 1 : NULL;
}

static bool message_has(const message_proto *m, const char *symbol) {
  const char *rest = below(symbol, m->name);
  if (rest == NULL || *rest == '\0') {
    return rest != NULL;
  }
  for (size_t i = 0; i < m->n_nested_type; i++) {
    if (message_has(m->nested_type[i], rest)) {
      return true;
    }
  }
  for (size_t i = 0; i < m->n_enum_type; i++) {
    if (strcmp(m->enum_type[i]->name, rest) == 0) {
      return true;
    }
  }
  for (size_t i = 0; i < m->n_field; i++) {
    if (strcmp(m->field[i]->name, rest) == 0) {
      return true;
    }
  }
  return false;
}

static bool service_has(const service_proto *s, const char *symbol) {
  const char *rest = below(symbol, s->name);
  if (rest == NULL || *rest == '\0') {
    return rest != NULL;
  }
  for (size_t i = 0; i < s->n_method; i++) {
    if (strcmp(s->method[i]->name, rest) == 0) {
      return true;
    }
  }
  return false;
}

static bool file_has(const Google__Protobuf__FileDescriptorProto *f, const char *symbol) {
  const char *rest = below(symbol, f->package ? f->package : "");
  if (rest == NULL || *rest == '\0') {
    return false;
  }
  for (size_t i = 0; i < f->n_message_type; i++) {
    if (message_has(f->message_type[i], rest)) {
      return true;
    }
  }
  for (size_t i = 0; i < f->n_service; i++) {
    if (service_has(f->service[i], rest)) {
      return true;
    }
  }
  for (size_t i = 0; i < f->n_enum_type; i++) {
    if (strcmp(f->enum_type[i]->name, rest) == 0) {
      return true;
    }
  }
  return false;
}

int rpc_descriptors_by_symbol(const rpc_descriptors *d, const char *symbol) {
  for (size_t i = 0; i < d->count; i++) {
    if (file_has(d->files[i].proto, symbol)) {
      return (int)i;
    }
  }
  return -1;
}

static bool is_in(const base_span *out, size_t n, base_span bytes) {
  for (size_t i = 0; i < n; i++) {
    if (out[i].p == bytes.p) {
      return true;
    }
  }
  return false;
}

static size_t add_closure(const rpc_descriptors *d, int i, base_span *out, size_t n) {
  if (is_in(out, n, d->files[i].bytes)) {
    return n;
  }
  out[n++] = d->files[i].bytes;
  for (size_t k = 0; k < d->files[i].proto->n_dependency; k++) {
    int next = rpc_descriptors_by_name(d, d->files[i].proto->dependency[k]);
    n = next >= 0 ? add_closure(d, next, out, n) : n;
  }
  return n;
}

size_t rpc_descriptors_closure(const rpc_descriptors *d, int i, base_span *out) { return add_closure(d, i, out, 0); }
