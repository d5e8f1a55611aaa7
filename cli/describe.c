#include "cli/describe.h"

#include <stdio.h>
#include <string.h>

static const char *type_name(const ProtobufCFieldDescriptor *f) {
  static const char *const names[] = {[PROTOBUF_C_TYPE_INT32] = "int32",       [PROTOBUF_C_TYPE_SINT32] = "sint32",
                                      [PROTOBUF_C_TYPE_SFIXED32] = "sfixed32", [PROTOBUF_C_TYPE_INT64] = "int64",
                                      [PROTOBUF_C_TYPE_SINT64] = "sint64",     [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
                                      [PROTOBUF_C_TYPE_UINT32] = "uint32",     [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
                                      [PROTOBUF_C_TYPE_UINT64] = "uint64",     [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
                                      [PROTOBUF_C_TYPE_FLOAT] = "float",       [PROTOBUF_C_TYPE_DOUBLE] = "double",
                                      [PROTOBUF_C_TYPE_BOOL] = "bool",         [PROTOBUF_C_TYPE_STRING] = "string",
                                      [PROTOBUF_C_TYPE_BYTES] = "bytes"};
  if (f->type == PROTOBUF_C_TYPE_ENUM) return ((const ProtobufCEnumDescriptor *)f->descriptor)->name;
  if (f->type == PROTOBUF_C_TYPE_MESSAGE) return ((const ProtobufCMessageDescriptor *)f->descriptor)->name;
  return names[f->type];
}

static const char *label_name(const ProtobufCFieldDescriptor *f) {
  static const char *const names[] = {[PROTOBUF_C_LABEL_REQUIRED] = "required ",
                                      [PROTOBUF_C_LABEL_OPTIONAL] = "optional ",
                                      [PROTOBUF_C_LABEL_REPEATED] = "repeated ",
                                      [PROTOBUF_C_LABEL_NONE] = ""};
  return names[f->label];
}

static void describe_message(const ProtobufCMessageDescriptor *m) {
  printf("message %s {\n", m->name);
  for (unsigned i = 0; i < m->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &m->fields[i];
    bool choice = f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
    printf("  %s%s %s = %u;%s\n", label_name(f), type_name(f), f->name, f->id, choice ? " // of a oneof" : "");
  }
  puts("}");
}

static void describe_enum(const ProtobufCEnumDescriptor *e) {
  printf("enum %s {\n", e->name);
  for (unsigned i = 0; i < e->n_values; i++)
    printf("  %s = %d;\n", e->values[i].name, e->values[i].value);
  puts("}");
}

static void describe_method(const pb_method *m, const char *indent) {
  bool in = m->kind == PB_CLIENT_STREAM || m->kind == PB_BIDI, out = m->kind == PB_SERVER_STREAM || m->kind == PB_BIDI;
  printf("%srpc %s(%s%s) returns (%s%s);\n", indent, strrchr(m->path, '/') + 1, in ? "stream " : "", m->request->name,
         out ? "stream " : "", m->response->name);
}

bool cli_symbol_service(const char *symbol, char out[CLI_SYMBOL_MAX]) {
  int n = snprintf(out, CLI_SYMBOL_MAX, "%s", symbol[0] == '/' ? symbol + 1 : symbol);
  if (n >= CLI_SYMBOL_MAX) return false;
  char *slash = strchr(out, '/');
  if (slash) *slash = '\0';
  return true;
}

const pb_method *cli_find_method(const pb_dynamic *types, const char *symbol) {
  char service[CLI_SYMBOL_MAX];
  if (symbol[0] == '/') symbol++;
  const char *mark = strchr(symbol, '/') ? strchr(symbol, '/') : strrchr(symbol, '.');
  int n = mark ? snprintf(service, sizeof service, "%.*s", (int)(mark - symbol), symbol) : CLI_SYMBOL_MAX;
  const pb_service *s = n < CLI_SYMBOL_MAX ? pb_dynamic_service(types, service) : NULL;
  for (int i = 0; s && i < s->count; i++) {
    if (strcmp(strrchr(s->methods[i].path, '/') + 1, mark + 1) == 0) return &s->methods[i];
  }
  return NULL;
}

bool cli_describe(const pb_dynamic *types, const char *symbol) {
  const pb_service *s = pb_dynamic_service(types, symbol);
  const pb_method *method = cli_find_method(types, symbol);
  const ProtobufCMessageDescriptor *m = pb_dynamic_message(types, symbol);
  const ProtobufCEnumDescriptor *e = pb_dynamic_enum(types, symbol);
  if (s) printf("service %s {\n", s->name);
  for (int i = 0; s && i < s->count; i++)
    describe_method(&s->methods[i], "  ");
  if (s) puts("}");
  if (method) {
    describe_method(method, "");
    describe_message(method->request);
    describe_message(method->response);
  }
  if (m) describe_message(m);
  if (e) describe_enum(e);
  return s || method || m || e;
}
