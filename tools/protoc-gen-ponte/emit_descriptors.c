#include <stdlib.h>

#include "gen/emit.h"

struct set {
  const gen_request *request;
  Google__Protobuf__FileDescriptorProto **files;
  size_t count;
};

static Google__Protobuf__FileDescriptorProto *find(const gen_request *r, const char *name) {
  for (size_t i = 0; i < r->n_proto_file; i++) {
    if (strcmp(r->proto_file[i]->name, name) == 0) {
      return r->proto_file[i];
    }
  }
  gen_die("protoc did not send %s", name);
}

/* Depth first: protoc has refused import cycles before it called us. */
static void add(struct set *s, const char *name) {
  for (size_t i = 0; i < s->count; i++) {
    if (strcmp(s->files[i]->name, name) == 0) {
      return;
    }
  }
  Google__Protobuf__FileDescriptorProto *file = find(s->request, name);
  for (size_t i = 0; i < file->n_dependency; i++) {
    add(s, file->dependency[i]);
  }
  /* Comments and positions are most of a descriptor, and no client of reflection asks for them. */
  if (file->source_code_info) {
    google__protobuf__source_code_info__free_unpacked(file->source_code_info, NULL);
    file->source_code_info = NULL;
  }
  s->files[s->count++] = file;
}

static void array(base_buf *b, const uint8_t *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    gen_out(b, "%s%d,", i % 24 == 0 ? "\n    " : "", bytes[i]);
  }
}

void gen_emit_descriptor_set(base_buf *b, const gen_file *f) {
  struct set s = {.request = f->request, .files = calloc(f->request->n_proto_file, sizeof *s.files)};
  if (s.files == NULL) {
    gen_die("out of memory");
  }
  add(&s, f->proto->name);
  Google__Protobuf__FileDescriptorSet set = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;
  set.n_file = s.count;
  set.file = s.files;
  size_t n = google__protobuf__file_descriptor_set__get_packed_size(&set);
  uint8_t *bytes = malloc(n);
  if (bytes == NULL) {
    gen_die("out of memory");
  }
  google__protobuf__file_descriptor_set__pack(&set, bytes);
  gen_out(b, "static const uint8_t descriptor_set[] = {");
  array(b, bytes, n);
  gen_out(b, "\n};\nconst base_span %s = {descriptor_set, sizeof descriptor_set};\n", f->descriptor_set);
  free(bytes);
  free(s.files);
}
