/* protoc-gen-ponte: typed client calls and server handlers from .proto files, for protoc --ponte_out=FOLDER.
 *
 * protoc writes a CodeGeneratorRequest to stdin and reads a CodeGeneratorResponse from stdout (google/protobuf/compiler/plugin.proto).
 * docs/stubs.md describes what is generated.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gen/emit.h"

enum { OUTPUT_MAX = 64 << 20, INPUT_MAX = 256 << 20 };

typedef void emitter(base_buf *b, const gen_file *f, const gen_service *services, size_t count);

static const struct {
  const char *suffix;
  emitter *emit;
} outputs[] = {
    {".ponte.h", gen_emit_client_header},        {".ponte.c", gen_emit_client_source},
    {".ponte.server.h", gen_emit_server_header}, {".ponte.server.c", gen_emit_server_source},
    {".ponte.svc.h", gen_emit_svc_header},       {".ponte.svc.c", gen_emit_svc_source},
};
enum { OUTPUTS = sizeof outputs / sizeof *outputs };

typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File output_file;

static output_file *emit(const gen_file *f, const gen_service *services, size_t count, size_t which) {
  base_buf text;
  base_buf_init(&text, OUTPUT_MAX);
  outputs[which].emit(&text, f, services, count);
  gen_out(&text, "%c", '\0');
  output_file *out = malloc(sizeof *out);
  size_t size = strlen(f->stem) + strlen(outputs[which].suffix) + 1;
  char *name = malloc(size);
  if (out == NULL || name == NULL) {
    gen_die("out of memory");
  }
  google__protobuf__compiler__code_generator_response__file__init(out);
  snprintf(name, size, "%s%s", f->stem, outputs[which].suffix);
  out->name = name;
  out->content = (char *)text.data; /* handed over */
  return out;
}

static void generate(const gen_request *request, const gen_proto_file *proto, output_file **out) {
  gen_file f = {.proto = proto, .request = request};
  gen_stem(proto->name, f.stem);
  char flat[GEN_NAME_MAX];
  gen_flat(f.stem, flat);
  if (snprintf(f.descriptor_set, sizeof f.descriptor_set, "%s_descriptor_set", flat) >= (int)sizeof f.descriptor_set) {
    gen_die("the path %s is too long", proto->name);
  }
  gen_service *services = calloc(proto->n_service + 1, sizeof *services);
  if (services == NULL) {
    gen_die("out of memory");
  }
  for (size_t i = 0; i < proto->n_service; i++) {
    gen_service_read(&f, proto->service[i], &services[i]);
  }
  for (size_t i = 0; i < OUTPUTS; i++) {
    out[i] = emit(&f, services, proto->n_service, i);
  }
  for (size_t i = 0; i < proto->n_service; i++) {
    gen_service_dispose(&services[i]);
  }
  free(services);
}

static gen_request *read_request(void) {
  base_buf in;
  uint8_t *at = NULL;
  size_t n;
  base_buf_init(&in, INPUT_MAX);
  do {
    if (!base_is_ok(base_buf_reserve(&in, 65536, &at))) {
      gen_die("the request is too large");
    }
    n = fread(at, 1, 65536, stdin);
    base_buf_commit(&in, n);
  } while (n > 0);
  base_span bytes = base_buf_span(&in);
  gen_request *request = google__protobuf__compiler__code_generator_request__unpack(NULL, bytes.n, bytes.p);
  if (request == NULL) {
    gen_die("stdin holds no CodeGeneratorRequest; run me through protoc --ponte_out=FOLDER");
  }
  base_buf_dispose(&in);
  return request;
}

static const gen_proto_file *find_file(const gen_request *request, const char *name) {
  for (size_t i = 0; i < request->n_proto_file; i++) {
    if (strcmp(request->proto_file[i]->name, name) == 0) {
      return request->proto_file[i];
    }
  }
  gen_die("protoc did not send %s", name);
}

static void write_response(output_file **files, size_t count) {
  Google__Protobuf__Compiler__CodeGeneratorResponse response =
      GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
  response.has_supported_features = true;
  response.supported_features = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__FEATURE__FEATURE_NONE;
  response.n_file = count;
  response.file = files;
  size_t n = google__protobuf__compiler__code_generator_response__get_packed_size(&response);
  uint8_t *bytes = malloc(n);
  if (bytes == NULL) {
    gen_die("out of memory");
  }
  google__protobuf__compiler__code_generator_response__pack(&response, bytes);
  if (fwrite(bytes, 1, n, stdout) != n || fflush(stdout) != 0) {
    gen_die("cannot write to stdout");
  }
  free(bytes);
}

int main(void) {
  gen_request *request = read_request();
  size_t count = request->n_file_to_generate * OUTPUTS;
  output_file **files = calloc(count + 1, sizeof(output_file *));
  if (files == NULL) {
    gen_die("out of memory");
  }
  for (size_t i = 0; i < request->n_file_to_generate; i++) {
    generate(request, find_file(request, request->file_to_generate[i]), files + i * OUTPUTS);
  }
  write_response(files, count);
  for (size_t i = 0; i < count; i++) {
    free(files[i]->name);
    free(files[i]->content);
    free(files[i]);
  }
  free(files);
  google__protobuf__compiler__code_generator_request__free_unpacked(request, NULL);
  return 0;
}
