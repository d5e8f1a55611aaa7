/* emit.h - the files that protoc-gen-ponte writes for one .proto, and what they share.
 *
 * Everything is written into a base_buf through gen_out(), which ends the process when memory runs out: a build tool has no one to
 * return an error to.
 */
#ifndef PONTE_GEN_EMIT_H
#define PONTE_GEN_EMIT_H

#include "base/buf.h"
#include "gen/names.h"
#include "google/protobuf/compiler/plugin.pb-c.h"

typedef Google__Protobuf__FileDescriptorProto gen_proto_file;
typedef Google__Protobuf__ServiceDescriptorProto gen_proto_service;
typedef Google__Protobuf__MethodDescriptorProto gen_proto_method;
typedef Google__Protobuf__Compiler__CodeGeneratorRequest gen_request;

enum gen_kind { GEN_UNARY, GEN_CLIENT_STREAM, GEN_SERVER_STREAM, GEN_BIDI };

typedef struct {
  const gen_proto_file *proto;
  const gen_request *request;
  char stem[GEN_NAME_MAX];
  char descriptor_set[GEN_NAME_MAX]; /* the name of the embedded FileDescriptorSet */
} gen_file;

/* What the emitters need of one method. */
typedef struct {
  enum gen_kind kind;
  const char *name;                                   /* "ListModels" */
  char snake[GEN_NAME_MAX];                           /* "list_models" */
  char full[2 * GEN_NAME_MAX];                        /* "ponte_transcription_v1_list_models" */
  char request[GEN_NAME_MAX], response[GEN_NAME_MAX]; /* C types */
  char request_lower[GEN_NAME_MAX], response_lower[GEN_NAME_MAX];
  bool streams_requests, streams_replies;
  const gen_proto_method *proto;
} gen_method;

typedef struct {
  const char *name;          /* "TranscriptionService" */
  char full[GEN_NAME_MAX];   /* "ponte.transcription.v1.TranscriptionService" */
  char prefix[GEN_NAME_MAX]; /* "ponte_transcription_v1" */
  size_t count;
  gen_method *methods;
} gen_service;

void gen_out(base_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A C string literal. */
void gen_text(base_buf *b, const char *text);
const char *gen_package(const gen_file *f);
/* The banner and, for a header, its include guard; gen_foot() closes the guard. */
void gen_head(base_buf *b, const gen_file *f, const char *guard_suffix);
void gen_foot(base_buf *b);
/* "rpc ListModels(ListModelsRequest) returns (ListModelsResponse)" as a comment above a method's declarations. */
void gen_method_comment(base_buf *b, const gen_method *m);

void gen_service_read(const gen_file *f, const gen_proto_service *p, gen_service *s);
void gen_service_dispose(gen_service *s);

void gen_emit_client_header(base_buf *b, const gen_file *f, const gen_service *services, size_t count);
void gen_emit_client_source(base_buf *b, const gen_file *f, const gen_service *services, size_t count);
void gen_emit_server_header(base_buf *b, const gen_file *f, const gen_service *services, size_t count);
void gen_emit_server_source(base_buf *b, const gen_file *f, const gen_service *services, size_t count);
void gen_emit_svc_header(base_buf *b, const gen_file *f, const gen_service *services, size_t count);
void gen_emit_svc_source(base_buf *b, const gen_file *f, const gen_service *services, size_t count);
/* The FileDescriptorSet of the file and all it imports, imports first, as a C array. */
void gen_emit_descriptor_set(base_buf *b, const gen_file *f);

#endif
