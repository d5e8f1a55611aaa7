#include "gen/options.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALIDATE = 1159, VALIDATE_PREDEFINED = 1160, POLICY = 50100 };

/* -- types ----------------------------------------------------------------------------------------------------------- */

static void add_types(gen_types *types, const gen_proto_file *file, const char *scope,
                      Google__Protobuf__DescriptorProto *const *messages, size_t count) {
  for (size_t i = 0; i < count; i++) {
    gen_type *grown = realloc(types->items, (types->count + 1) * sizeof *grown);
    char full[GEN_NAME_MAX];
    if (grown == NULL || snprintf(full, sizeof full, "%s.%s", scope, messages[i]->name) >= (int)sizeof full) {
      gen_die("%s: out of memory, or the name of message %s is too long", file->name, messages[i]->name);
    }
    types->items = grown;
    gen_type *t = &grown[types->count++];
    *t = (gen_type){.proto = messages[i], .file = file};
    memcpy(t->full, full, sizeof full);
    add_types(types, file, full, messages[i]->nested_type, messages[i]->n_nested_type);
  }
}

gen_types gen_types_read(const gen_request *request) {
  gen_types types = {0};
  for (size_t i = 0; i < request->n_proto_file; i++) {
    const gen_proto_file *file = request->proto_file[i];
    char scope[GEN_NAME_MAX];
    const char *package = file->package ? file->package : "";
    if (snprintf(scope, sizeof scope, "%s%s", package[0] ? "." : "", package) >= (int)sizeof scope) {
      gen_die("%s: the package's name is too long", file->name);
    }
    add_types(&types, file, scope, file->message_type, file->n_message_type);
  }
  return types;
}

gen_type *gen_types_find(const gen_types *types, const char *full) {
  for (size_t i = 0; i < types->count; i++) {
    if (strcmp(types->items[i].full, full) == 0) {
      return &types->items[i];
    }
  }
  gen_die("protoc did not send the message %s", full);
}

bool gen_has_presence(const gen_type *type, const gen_proto_field *field) {
  bool proto3 = type->file->syntax && strcmp(type->file->syntax, "proto3") == 0;
  return field->label != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED &&
         (!proto3 || field->has_oneof_index ||
          field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE);
}

/* -- unknown fields -------------------------------------------------------------------------------------------------- */

/* protoc may write one option in several pieces, which parsers join. False when there is none. */
static bool join(const ProtobufCMessage *options, uint32_t number, base_buf *out) {
  bool found = false;
  for (unsigned i = 0; options && i < options->n_unknown_fields; i++) {
    const ProtobufCMessageUnknownField *u = &options->unknown_fields[i];
    if (u->tag != number) {
      continue;
    }
    /* protobuf-c keeps the length before the bytes. */
    base_cursor c = base_cursor_of(base_span_of(u->data, u->len));
    uint32_t n = base_cursor_varint(&c);
    base_span bytes = base_cursor_bytes(&c, n);
    if (u->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED || c.failed || !base_is_ok(base_buf_append(out, bytes))) {
      gen_die("the option %u is no message", number);
    }
    found = true;
  }
  return found;
}

static const ProtobufCFieldDescriptor *message_field(const ProtobufCMessageDescriptor *type, uint32_t tag) {
  const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(type, tag >> 3);
  return f && f->type == PROTOBUF_C_TYPE_MESSAGE && (tag & 7) == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED ? f : NULL;
}

/* The next field of a message: its tag, and the bytes of its value (of a message: without their length). */
static bool next(base_cursor *c, const ProtobufCMessageDescriptor *type, uint32_t *tag, base_span *value) {
  if (base_cursor_left(c) == 0) {
    return false;
  }
  *tag = base_cursor_varint(c);
  const uint8_t *begin = c->p;
  uint32_t n = 0;
  switch (*tag & 7) {
  case PROTOBUF_C_WIRE_TYPE_VARINT:
    while (base_cursor_u8(c) & 0x80) {
    }
    break;
  case PROTOBUF_C_WIRE_TYPE_64BIT: base_cursor_bytes(c, 8); break;
  case PROTOBUF_C_WIRE_TYPE_32BIT: base_cursor_bytes(c, 4); break;
  default:
    n = base_cursor_varint(c);
    begin = message_field(type, *tag) ? c->p : begin;
    base_cursor_bytes(c, n);
  }
  *value = base_span_of(begin, (size_t)(c->p - begin));
  return !c->failed;
}

static void keep(base_err e) {
  if (!base_is_ok(e)) {
    gen_die("out of memory");
  }
}

/* protobuf-c lets the second piece of a member of a oneof replace the first, where every other parser joins the two: so they are joined here, before it sees them. */
static void join_pieces(const ProtobufCMessageDescriptor *type, base_span in, base_buf *out) {
  uint32_t tag;
  base_span value;
  for (base_cursor c = base_cursor_of(in); next(&c, type, &tag, &value);) {
    if (message_field(type, tag) == NULL) {
      keep(base_buf_varint(out, tag));
      keep(base_buf_append(out, value));
    }
  }
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &type->fields[i];
    base_buf pieces, joined;
    bool found = false;
    base_buf_init(&pieces, SIZE_MAX / 2);
    base_buf_init(&joined, SIZE_MAX / 2);
    for (base_cursor c = base_cursor_of(in); next(&c, type, &tag, &value);) {
      if (message_field(type, tag) == f) {
        found = true;
        keep(base_buf_append(&pieces, value));
      }
    }
    if (found) {
      join_pieces(f->descriptor, base_buf_span(&pieces), &joined);
      keep(base_buf_varint(out, f->id << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED));
      keep(base_buf_varint(out, (uint32_t)base_buf_size(&joined)));
      keep(base_buf_append(out, base_buf_span(&joined)));
    }
    base_buf_dispose(&pieces);
    base_buf_dispose(&joined);
  }
}

static ProtobufCMessage *unpack(const ProtobufCMessage *options, uint32_t number,
                                const ProtobufCMessageDescriptor *type) {
  static const uint8_t nothing[1];
  base_buf pieces, bytes;
  base_buf_init(&pieces, SIZE_MAX / 2);
  base_buf_init(&bytes, SIZE_MAX / 2);
  ProtobufCMessage *m = NULL;
  if (join(options, number, &pieces)) {
    join_pieces(type, base_buf_span(&pieces), &bytes);
    base_span s = base_buf_span(&bytes);
    m = protobuf_c_message_unpack(type, NULL, s.n, s.n ? s.p : nothing);
    if (m == NULL) {
      gen_die("the option %u is no %s", number, type->name);
    }
  }
  base_buf_dispose(&pieces);
  base_buf_dispose(&bytes);
  return m;
}

static bool has_option(const ProtobufCMessage *options, uint32_t number) {
  for (unsigned i = 0; options && i < options->n_unknown_fields; i++) {
    if (options->unknown_fields[i].tag == number) {
      return true;
    }
  }
  return false;
}

/* The number of the first field, at any depth, that our copy of the option's .proto does not declare; 0: none. */
static uint32_t unknown_field(const ProtobufCMessage *m) {
  if (m->n_unknown_fields > 0) {
    return m->unknown_fields[0].tag;
  }
  for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
    const char *at = (const char *)m;
    bool set = (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 || *(const uint32_t *)(at + f->quantifier_offset) == f->id;
    const ProtobufCMessage *child =
        f->type == PROTOBUF_C_TYPE_MESSAGE && set ? *(ProtobufCMessage *const *)(at + f->offset) : NULL;
    uint32_t tag = child ? unknown_field(child) : 0;
    if (tag != 0) {
      return tag;
    }
  }
  return 0;
}

/* -- rules ----------------------------------------------------------------------------------------------------------- */

gen_rules *gen_rules_read(const gen_type *type, const gen_proto_field *field) {
  const ProtobufCMessage *options = field->options ? &field->options->base : NULL;
  if (has_option(options, VALIDATE_PREDEFINED)) {
    gen_die("%s: %s.%s: (buf.validate.predefined) is not understood", type->file->name, type->full + 1, field->name);
  }
  gen_rules *rules = (gen_rules *)unpack(options, VALIDATE, &buf__validate__field_rules__descriptor);
  uint32_t unknown = rules ? unknown_field(&rules->base) : 0;
  if (unknown != 0) {
    gen_die("%s: %s.%s: (buf.validate.field) has a rule (number %u) that is not understood; "
            "proto/buf/validate/validate.proto has those that are",
            type->file->name, type->full + 1, field->name, unknown);
  }
  return rules;
}

void gen_rules_free(gen_rules *rules) {
  if (rules) {
    buf__validate__field_rules__free_unpacked(rules, NULL);
  }
}

void gen_refuse_message_rules(const gen_type *type) {
  bool found = type->proto->options && has_option(&type->proto->options->base, VALIDATE);
  for (size_t i = 0; i < type->proto->n_oneof_decl; i++) {
    const Google__Protobuf__OneofDescriptorProto *oneof = type->proto->oneof_decl[i];
    found = found || (oneof->options && has_option(&oneof->options->base, VALIDATE));
  }
  if (found) {
    gen_die("%s: %s: rules of a message or oneof are not understood; those of fields are", type->file->name,
            type->full + 1);
  }
}

/* -- policy ---------------------------------------------------------------------------------------------------------- */

static const gen_proto_field *find_field(const gen_type *type, const char *name, size_t n) {
  for (size_t i = 0; i < type->proto->n_field; i++) {
    const gen_proto_field *f = type->proto->field[i];
    if (strlen(f->name) == n && memcmp(f->name, name, n) == 0) {
      return f;
    }
  }
  return NULL;
}

/* The path leads through messages to one text. */
static bool owner_is_text(const gen_types *types, const gen_type *type, const char *path) {
  while (type) {
    size_t n = strcspn(path, ".");
    const gen_proto_field *f = find_field(type, path, n);
    if (f == NULL || f->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED) {
      return false;
    }
    if (path[n] == '\0') {
      return f->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING;
    }
    bool message = f->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE;
    type = message ? gen_types_find(types, f->type_name) : NULL;
    path += n + 1;
  }
  return false;
}

gen_policy *gen_policy_read(const gen_file *f, const gen_types *types, const gen_method *m) {
  const ProtobufCMessage *options = m->proto->options ? &m->proto->options->base : NULL;
  gen_policy *p = (gen_policy *)unpack(options, POLICY, &ponte__options__v1__policy__descriptor);
  if (p == NULL) {
    return NULL;
  }
  const char *file = f->proto->name;
  if (unknown_field(&p->base) != 0) {
    gen_die("%s: %s: (ponte.options.v1.policy) has a field that is not understood", file, m->name);
  }
  if (p->public_ && (p->n_roles > 0 || p->owner[0])) {
    gen_die("%s: %s: a public method has neither roles nor an owner", file, m->name);
  }
  if (p->owner[0] && m->streams_requests) {
    gen_die("%s: %s: the owner is looked up in one request, and here is a stream of them", file, m->name);
  }
  if (p->owner[0] && !owner_is_text(types, gen_types_find(types, m->proto->input_type), p->owner)) {
    gen_die("%s: %s: the owner `%s` is no string field of %s", file, m->name, p->owner, m->proto->input_type + 1);
  }
  return p;
}

void gen_policy_free(gen_policy *policy) {
  if (policy) {
    ponte__options__v1__policy__free_unpacked(policy, NULL);
  }
}
