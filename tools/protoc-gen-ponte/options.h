/* options.h - the options of a .proto that the plugin understands: (buf.validate.field) and (ponte.options.v1.policy), and the tables that are made of them.
 *
 * They arrive as unknown fields, since descriptor.proto knows no extensions. An option of ours that is not understood ends the process with the file and the field: a rule
 * that nobody checks is worse than none.
 */
#ifndef PONTE_GEN_OPTIONS_H
#define PONTE_GEN_OPTIONS_H

#include "buf/validate/validate.pb-c.h"
#include "gen/emit.h"
#include "ponte/options/v1/options.pb-c.h"

typedef Buf__Validate__FieldRules gen_rules;
typedef Ponte__Options__V1__Policy gen_policy;
typedef Google__Protobuf__DescriptorProto gen_proto_message;
typedef Google__Protobuf__FieldDescriptorProto gen_proto_field;

/* A message type of any file that protoc sent. */
typedef struct {
  char full[GEN_NAME_MAX]; /* ".ponte.users.v1.User" */
  const gen_proto_message *proto;
  const gen_proto_file *file;
  bool reached, has_rules; /* of emit_rules.c */
} gen_type;

typedef struct {
  gen_type *items;
  size_t count;
} gen_types;

/* All messages of all files. Freed with free(items). */
gen_types gen_types_read(const gen_request *request);
/* By full name with its leading dot. */
gen_type *gen_types_find(const gen_types *types, const char *full);

/* The rules of a field; NULL: none. Freed with gen_rules_free(). */
gen_rules *gen_rules_read(const gen_type *type, const gen_proto_field *field);
void gen_rules_free(gen_rules *rules);
/* Ends the process if the message or its oneofs have rules as a whole: there are none that we know. */
void gen_refuse_message_rules(const gen_type *type);

/* The policy of a method; NULL: none. Freed with gen_policy_free(). */
gen_policy *gen_policy_read(const gen_file *f, const gen_types *types, const gen_method *m);
void gen_policy_free(gen_policy *policy);

/* The pb_rules of all that the services' requests hold; marks the types that have one. */
void gen_emit_rules(base_buf *b, gen_types *types, const gen_service *services, size_t count);
/* The method's pb_policy; false: it has none. */
bool gen_emit_policy(base_buf *b, const gen_file *f, const gen_types *types, const gen_method *m);

/* Whether the field can be told absent from empty or 0. */
bool gen_has_presence(const gen_type *type, const gen_proto_field *field);

#endif
