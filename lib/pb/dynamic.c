#include "pb/dynamic.h"

#include <stdio.h>
#include <stdlib.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "pb/message.h"

/* The C forms of an honest field (what descriptor.proto makes of it, and ours) take nine times its bytes. */
enum { MEMORY_BASE = 64 * 1024, MEMORY_FACTOR = 32, FILES_MAX = 4096, NAME_MAX_BYTES = 512, NUMBER_MAX = 536870911 };

typedef Google__Protobuf__FileDescriptorSet set_proto;
typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;
typedef Google__Protobuf__ServiceDescriptorProto service_proto;
#define LABEL(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name
#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

/* A message or an enum by its full name; exactly one of the protos is set. */
typedef struct {
  const char *name;
  const file_proto *file;
  const message_proto *message;
  const enum_proto *enumeration;
  ProtobufCMessageDescriptor *type;
  ProtobufCEnumDescriptor *values;
} symbol;

struct pb_dynamic {
  pb_arena arena; /* the protos, whose texts the descriptors point to, and the descriptors */
  symbol *symbols;
  size_t count; /* sorted by name once they are all there */
  pb_service *services;
  size_t service_count;
};

/* -- memory and names ------------------------------------------------------------------------------------------------ */

static base_err out_of(const pb_dynamic *d) {
  return base_fail(d->arena.over_cap ? BASE_E_TOO_LARGE : BASE_E_NO_MEMORY);
}

static void *take(pb_dynamic *d, size_t count, size_t size) {
  void *p = count < SIZE_MAX / size ? pb_arena_alloc(&d->arena, count * size) : NULL;
  if (p) memset(p, 0, count * size);
  return p;
}

static bool is_identifier(const char *s) {
  if (!s || !*s || (*s >= '0' && *s <= '9')) return false;
  for (const char *p = s; *p; p++) {
    bool good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_';
    if (!good || p - s >= NAME_MAX_BYTES) return false;
  }
  return true;
}

static bool is_package(const char *s) {
  for (const char *p = s; *p; p++) {
    bool good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' ||
                (*p == '.' && p > s && p[1] && p[1] != '.');
    if (!good || p - s >= NAME_MAX_BYTES) return false;
  }
  return true;
}

/* "scope.name", or the name alone in the empty scope; with `lead` before it. */
static const char *join(pb_dynamic *d, const char *lead, const char *scope, const char *separator, const char *name) {
  size_t n = strlen(lead) + strlen(scope) + strlen(separator) + strlen(name) + 1;
  char *out = pb_arena_alloc(&d->arena, n);
  if (out) snprintf(out, n, "%s%s%s%s", lead, scope, scope[0] ? separator : "", name);
  return out;
}

static const char *package_of(const file_proto *f) { return f->package ? f->package : ""; }

/* -- symbols --------------------------------------------------------------------------------------------------------- */

static size_t count_in(const message_proto *m) {
  size_t n = 1 + m->n_enum_type;
  for (size_t i = 0; i < m->n_nested_type; i++)
    n += count_in(m->nested_type[i]);
  return n;
}

static size_t count_symbols(const file_proto *f) {
  size_t n = f->n_enum_type;
  for (size_t i = 0; i < f->n_message_type; i++)
    n += count_in(f->message_type[i]);
  return n;
}

/* Full names end within NAME_MAX_BYTES times the depth that pb_check() lets pass. */
static base_err add_symbol(pb_dynamic *d, symbol s, const char *scope, const char *name) {
  if (!is_identifier(name)) return base_fail(BASE_E_MALFORMED);
  s.name = join(d, "", scope, ".", name);
  s.type = s.message ? take(d, 1, sizeof *s.type) : NULL;
  s.values = s.enumeration ? take(d, 1, sizeof *s.values) : NULL;
  if (!s.name || (!s.type && !s.values)) return out_of(d);
  d->symbols[d->count++] = s;
  return BASE_OK;
}

static base_err add_enums(pb_dynamic *d, const file_proto *f, const char *scope, enum_proto **enums, size_t n) {
  for (size_t i = 0; i < n; i++)
    BASE_TRY(add_symbol(d, (symbol){.file = f, .enumeration = enums[i]}, scope, enums[i]->name));
  return BASE_OK;
}

static base_err add_messages(pb_dynamic *d, const file_proto *f, const char *scope, message_proto **messages,
                             size_t n) {
  for (size_t i = 0; i < n; i++) {
    const message_proto *m = messages[i];
    BASE_TRY(add_symbol(d, (symbol){.file = f, .message = m}, scope, m->name));
    const char *name = d->symbols[d->count - 1].name;
    BASE_TRY(add_enums(d, f, name, m->enum_type, m->n_enum_type));
    BASE_TRY(add_messages(d, f, name, m->nested_type, m->n_nested_type));
  }
  return BASE_OK;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const symbol *)a)->name, ((const symbol *)b)->name);
}

static base_err sort_symbols(pb_dynamic *d) {
  if (d->count) qsort(d->symbols, d->count, sizeof *d->symbols, by_name);
  for (size_t i = 1; i < d->count; i++) {
    if (strcmp(d->symbols[i - 1].name, d->symbols[i].name) == 0) return base_fail(BASE_E_MALFORMED);
  }
  return BASE_OK;
}

static const symbol *find(const pb_dynamic *d, const char *name) {
  symbol key = {.name = name};
  return d->count ? bsearch(&key, d->symbols, d->count, sizeof *d->symbols, by_name) : NULL;
}

/* As protoc writes it in type_name: from the root, with a leading dot. */
static const symbol *resolve(const pb_dynamic *d, const char *type_name) {
  return type_name && type_name[0] == '.' ? find(d, type_name + 1) : NULL;
}

/* -- what protobuf-c looks numbers and names up in -------------------------------------------------------------------- */

/* Runs of neighbouring numbers; `number(rows, i)` is sorted and distinct. One row more than runs ends the table. */
static ProtobufCIntRange *ranges_of(pb_dynamic *d, const void *rows, unsigned count,
                                    int (*number)(const void *rows, unsigned i), unsigned *runs) {
  ProtobufCIntRange *r = take(d, (size_t)count + 1, sizeof *r);
  *runs = 0;
  if (!r) return NULL;
  for (unsigned i = 0; i < count; i++) {
    if (i == 0 || number(rows, i) != number(rows, i - 1) + 1) r[(*runs)++] = (ProtobufCIntRange){number(rows, i), i};
  }
  r[*runs].orig_index = count;
  return r;
}

static int field_number(const void *rows, unsigned i) { return (int)((const ProtobufCFieldDescriptor *)rows)[i].id; }
static int value_number(const void *rows, unsigned i) { return ((const ProtobufCEnumValue *)rows)[i].value; }

/* -- enums ----------------------------------------------------------------------------------------------------------- */

/* A name keeps its place, so that the first of several names of a number is the one that is shown. */
typedef struct {
  ProtobufCEnumValue value;
  size_t at;
} placed_value;

static int by_number(const void *a, const void *b) {
  const placed_value *x = a, *y = b;
  if (x->value.value != y->value.value) return x->value.value < y->value.value ? -1 : 1;
  return x->at < y->at ? -1 : x->at > y->at;
}

static int by_value_name(const void *a, const void *b) {
  return strcmp(((const ProtobufCEnumValueIndex *)a)->name, ((const ProtobufCEnumValueIndex *)b)->name);
}

static base_err build_enum(pb_dynamic *d, const symbol *s) {
  const enum_proto *e = s->enumeration;
  size_t n = e->n_value;
  placed_value *placed = take(d, n, sizeof *placed);
  ProtobufCEnumValue *values = take(d, n, sizeof *values);
  ProtobufCEnumValueIndex *names = take(d, n, sizeof *names);
  unsigned distinct = 0, runs = 0;
  if (!placed || !values || !names) return out_of(d);
  for (size_t i = 0; i < n; i++) {
    if (!is_identifier(e->value[i]->name) || !e->value[i]->has_number) return base_fail(BASE_E_MALFORMED);
    placed[i] = (placed_value){{e->value[i]->name, e->value[i]->name, e->value[i]->number}, i};
  }
  if (n) qsort(placed, n, sizeof *placed, by_number);
  for (size_t i = 0; i < n; i++) {
    if (distinct == 0 || values[distinct - 1].value != placed[i].value.value) values[distinct++] = placed[i].value;
    names[i] = (ProtobufCEnumValueIndex){placed[i].value.name, distinct - 1};
  }
  if (n) qsort(names, n, sizeof *names, by_value_name);
  ProtobufCIntRange *ranges = ranges_of(d, values, distinct, value_number, &runs);
  if (!ranges) return out_of(d);
  *s->values = (ProtobufCEnumDescriptor){.magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
                                         .name = s->name,
                                         .short_name = e->name,
                                         .c_name = s->name,
                                         .package_name = package_of(s->file),
                                         .n_values = distinct,
                                         .values = values,
                                         .n_value_names = (unsigned)n,
                                         .values_by_name = names,
                                         .n_value_ranges = runs,
                                         .value_ranges = ranges};
  return BASE_OK;
}

/* -- messages -------------------------------------------------------------------------------------------------------- */

/* Every value has a slot of its own, aligned for anything; bytes and oneofs, which may hold bytes, take two. */
enum { SLOT = 8 };

typedef struct {
  unsigned case_offset, value_offset; /* 0: no member yet */
} oneof_place;

typedef struct {
  pb_dynamic *d;
  const symbol *of;
  oneof_place *oneofs;
  size_t size;           /* of the struct so far */
  bool implicit, packed; /* what the file's syntax means for a field that says nothing: no presence; packed */
} layout;

static unsigned slots(layout *l, unsigned n) {
  size_t at = l->size;
  l->size += (size_t)n * SLOT;
  return (unsigned)at;
}

static bool type_of(const field_proto *p, ProtobufCType *out) {
  static const ProtobufCType types[] = {
      [TYPE(DOUBLE)] = PROTOBUF_C_TYPE_DOUBLE,     [TYPE(FLOAT)] = PROTOBUF_C_TYPE_FLOAT,
      [TYPE(INT64)] = PROTOBUF_C_TYPE_INT64,       [TYPE(UINT64)] = PROTOBUF_C_TYPE_UINT64,
      [TYPE(INT32)] = PROTOBUF_C_TYPE_INT32,       [TYPE(FIXED64)] = PROTOBUF_C_TYPE_FIXED64,
      [TYPE(FIXED32)] = PROTOBUF_C_TYPE_FIXED32,   [TYPE(BOOL)] = PROTOBUF_C_TYPE_BOOL,
      [TYPE(STRING)] = PROTOBUF_C_TYPE_STRING,     [TYPE(MESSAGE)] = PROTOBUF_C_TYPE_MESSAGE,
      [TYPE(BYTES)] = PROTOBUF_C_TYPE_BYTES,       [TYPE(UINT32)] = PROTOBUF_C_TYPE_UINT32,
      [TYPE(ENUM)] = PROTOBUF_C_TYPE_ENUM,         [TYPE(SFIXED32)] = PROTOBUF_C_TYPE_SFIXED32,
      [TYPE(SFIXED64)] = PROTOBUF_C_TYPE_SFIXED64, [TYPE(SINT32)] = PROTOBUF_C_TYPE_SINT32,
      [TYPE(SINT64)] = PROTOBUF_C_TYPE_SINT64};
  if (!p->has_type || p->type < TYPE(DOUBLE) || p->type > TYPE(SINT64)) return false;
  *out = types[p->type];
  return true;
}

static base_err place_in_oneof(layout *l, const field_proto *p, ProtobufCFieldDescriptor *f) {
  if (p->oneof_index < 0 || (size_t)p->oneof_index >= l->of->message->n_oneof_decl || p->label == LABEL(REPEATED))
    return base_fail(BASE_E_MALFORMED);
  oneof_place *o = &l->oneofs[p->oneof_index];
  if (!o->case_offset) *o = (oneof_place){slots(l, 1), slots(l, 2)};
  f->label = PROTOBUF_C_LABEL_NONE;
  f->flags = PROTOBUF_C_FIELD_FLAG_ONEOF;
  f->quantifier_offset = o->case_offset;
  f->offset = o->value_offset;
  return BASE_OK;
}

static bool is_packable(ProtobufCType type) {
  return type != PROTOBUF_C_TYPE_STRING && type != PROTOBUF_C_TYPE_BYTES && type != PROTOBUF_C_TYPE_MESSAGE;
}

static void place_repeated(layout *l, const field_proto *p, ProtobufCFieldDescriptor *f) {
  bool packed = p->options && p->options->has_packed ? p->options->packed : l->packed;
  f->label = PROTOBUF_C_LABEL_REPEATED;
  f->flags = packed && is_packable(f->type) ? PROTOBUF_C_FIELD_FLAG_PACKED : 0;
  f->quantifier_offset = slots(l, 1);
  f->offset = slots(l, 1);
}

static void place_single(layout *l, const field_proto *p, ProtobufCFieldDescriptor *f) {
  bool implicit = l->implicit && !p->proto3_optional;
  f->label = p->label == LABEL(REQUIRED) ? PROTOBUF_C_LABEL_REQUIRED
             : implicit                  ? PROTOBUF_C_LABEL_NONE
                                         : PROTOBUF_C_LABEL_OPTIONAL;
  bool pointer = f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE;
  if (f->label == PROTOBUF_C_LABEL_OPTIONAL && !pointer) f->quantifier_offset = slots(l, 1);
  if (f->label == PROTOBUF_C_LABEL_NONE && f->type == PROTOBUF_C_TYPE_STRING)
    f->default_value = protobuf_c_empty_string;
  f->offset = slots(l, f->type == PROTOBUF_C_TYPE_BYTES ? 2 : 1);
}

static base_err build_field(layout *l, const field_proto *p, ProtobufCFieldDescriptor *f) {
  if (!is_identifier(p->name) || !p->has_number || p->number < 1 || p->number > NUMBER_MAX)
    return base_fail(BASE_E_MALFORMED);
  *f = (ProtobufCFieldDescriptor){.name = p->name, .id = (uint32_t)p->number};
  if (!type_of(p, &f->type)) return base_fail(BASE_E_MALFORMED);
  if (f->type == PROTOBUF_C_TYPE_MESSAGE || f->type == PROTOBUF_C_TYPE_ENUM) {
    const symbol *s = resolve(l->d, p->type_name);
    f->descriptor = !s ? NULL : f->type == PROTOBUF_C_TYPE_ENUM ? (const void *)s->values : (const void *)s->type;
    if (!f->descriptor) return base_fail(BASE_E_MALFORMED);
  }
  if (p->has_oneof_index && !p->proto3_optional) return place_in_oneof(l, p, f);
  if (p->label == LABEL(REPEATED))
    place_repeated(l, p, f);
  else
    place_single(l, p, f);
  return BASE_OK;
}

static int by_id(const void *a, const void *b) {
  uint32_t x = ((const ProtobufCFieldDescriptor *)a)->id, y = ((const ProtobufCFieldDescriptor *)b)->id;
  return x < y ? -1 : x > y;
}

static int by_field_name(const void *a, const void *b, void *fields) {
  const ProtobufCFieldDescriptor *f = fields;
  return strcmp(f[*(const unsigned *)a].name, f[*(const unsigned *)b].name);
}

/* Neither two fields of one number nor two of one name. */
static bool are_distinct(const ProtobufCFieldDescriptor *f, const unsigned *sorted, unsigned n) {
  for (unsigned i = 1; i < n; i++) {
    if (f[i].id == f[i - 1].id || strcmp(f[sorted[i]].name, f[sorted[i - 1]].name) == 0) return false;
  }
  return true;
}

static base_err build_message(pb_dynamic *d, const symbol *s) {
  const message_proto *m = s->message;
  const char *syntax = s->file->syntax ? s->file->syntax : "";
  layout l = {.d = d, .of = s, .size = sizeof(ProtobufCMessage), .implicit = strcmp(syntax, "proto3") == 0};
  ProtobufCFieldDescriptor *fields = take(d, m->n_field, sizeof *fields);
  unsigned *sorted = take(d, m->n_field, sizeof *sorted), n = 0, runs = 0;
  l.oneofs = take(d, m->n_oneof_decl, sizeof *l.oneofs);
  l.packed = l.implicit || strcmp(syntax, "editions") == 0;
  if (!fields || !sorted || !l.oneofs) return out_of(d);
  for (size_t i = 0; i < m->n_field; i++) {
    if (m->field[i]->has_type && m->field[i]->type == TYPE(GROUP)) continue;
    BASE_TRY(build_field(&l, m->field[i], &fields[n]));
    sorted[n] = n;
    n++;
  }
  if (n) qsort(fields, n, sizeof *fields, by_id);
  if (n) qsort_r(sorted, n, sizeof *sorted, by_field_name, fields);
  if (!are_distinct(fields, sorted, n)) return base_fail(BASE_E_MALFORMED);
  ProtobufCIntRange *ranges = ranges_of(d, fields, n, field_number, &runs);
  if (!ranges) return out_of(d);
  *s->type = (ProtobufCMessageDescriptor){.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
                                          .name = s->name,
                                          .short_name = m->name,
                                          .c_name = s->name,
                                          .package_name = package_of(s->file),
                                          .sizeof_message = l.size,
                                          .n_fields = n,
                                          .fields = fields,
                                          .fields_sorted_by_name = sorted,
                                          .n_field_ranges = runs,
                                          .field_ranges = ranges};
  return BASE_OK;
}

/* -- services -------------------------------------------------------------------------------------------------------- */

static base_err build_method(pb_dynamic *d, const char *service, const Google__Protobuf__MethodDescriptorProto *p,
                             pb_method *out) {
  static const enum pb_kind kinds[2][2] = {{PB_UNARY, PB_SERVER_STREAM}, {PB_CLIENT_STREAM, PB_BIDI}};
  const symbol *in = resolve(d, p->input_type), *answer = resolve(d, p->output_type);
  if (!is_identifier(p->name) || !in || !in->type || !answer || !answer->type) return base_fail(BASE_E_MALFORMED);
  const char *path = join(d, "/", service, "/", p->name);
  if (!path) return out_of(d);
  *out = (pb_method){.path = path,
                     .kind = kinds[p->client_streaming != 0][p->server_streaming != 0],
                     .request = in->type,
                     .response = answer->type};
  return BASE_OK;
}

static base_err add_services(pb_dynamic *d, const file_proto *f) {
  for (size_t i = 0; i < f->n_service; i++) {
    const service_proto *p = f->service[i];
    if (!is_identifier(p->name) || p->n_method > INT32_MAX) return base_fail(BASE_E_MALFORMED);
    pb_method *methods = take(d, p->n_method, sizeof *methods);
    const char *name = join(d, "", package_of(f), ".", p->name);
    if (!methods || !name) return out_of(d);
    for (size_t k = 0; k < p->n_method; k++)
      BASE_TRY(build_method(d, name, p->method[k], &methods[k]));
    d->services[d->service_count++] = (pb_service){name, methods, (int)p->n_method};
  }
  return BASE_OK;
}

/* -- the set --------------------------------------------------------------------------------------------------------- */

/* Drops files that came before. */
static base_err unique_files(set_proto *set) {
  size_t kept = 0;
  if (set->n_file > FILES_MAX) return base_fail(BASE_E_TOO_LARGE);
  for (size_t i = 0; i < set->n_file; i++) {
    size_t k = 0;
    if (!set->file[i]->name || !is_package(package_of(set->file[i]))) return base_fail(BASE_E_MALFORMED);
    while (k < kept && strcmp(set->file[k]->name, set->file[i]->name) != 0)
      k++;
    if (k == kept) set->file[kept++] = set->file[i];
  }
  set->n_file = kept;
  return BASE_OK;
}

static base_err collect(pb_dynamic *d, const set_proto *set) {
  size_t symbols = 0, services = 0;
  for (size_t i = 0; i < set->n_file; i++) {
    symbols += count_symbols(set->file[i]);
    services += set->file[i]->n_service;
  }
  d->symbols = take(d, symbols, sizeof *d->symbols);
  d->services = take(d, services, sizeof *d->services);
  if (!d->symbols || !d->services) return out_of(d);
  for (size_t i = 0; i < set->n_file; i++) {
    const file_proto *f = set->file[i];
    BASE_TRY(add_enums(d, f, package_of(f), f->enum_type, f->n_enum_type));
    BASE_TRY(add_messages(d, f, package_of(f), f->message_type, f->n_message_type));
  }
  return sort_symbols(d);
}

static base_err build(pb_dynamic *d, base_span bytes) {
  ProtobufCMessage *m = NULL;
  BASE_TRY(pb_unpack(&google__protobuf__file_descriptor_set__descriptor, bytes, &d->arena, &m));
  set_proto *set = (set_proto *)m;
  BASE_TRY(unique_files(set));
  BASE_TRY(collect(d, set));
  for (size_t i = 0; i < d->count; i++)
    BASE_TRY(d->symbols[i].message ? build_message(d, &d->symbols[i]) : build_enum(d, &d->symbols[i]));
  for (size_t i = 0; i < set->n_file; i++)
    BASE_TRY(add_services(d, set->file[i]));
  return BASE_OK;
}

base_err pb_dynamic_new(base_span descriptor_set, pb_dynamic **out) {
  *out = NULL;
  if (descriptor_set.n > PB_DYNAMIC_MAX_BYTES) return base_fail(BASE_E_TOO_LARGE);
  pb_dynamic *d = calloc(1, sizeof *d);
  if (!d) return base_fail(BASE_E_NO_MEMORY);
  pb_arena_init(&d->arena, MEMORY_BASE + MEMORY_FACTOR * descriptor_set.n);
  base_err e = build(d, descriptor_set);
  if (!base_is_ok(e)) {
    pb_dynamic_free(d);
    return e;
  }
  *out = d;
  return BASE_OK;
}

void pb_dynamic_free(pb_dynamic *d) {
  if (!d) return;
  pb_arena_dispose(&d->arena);
  free(d);
}

const ProtobufCMessageDescriptor *pb_dynamic_message(const pb_dynamic *d, const char *name) {
  const symbol *s = find(d, name);
  return s ? s->type : NULL;
}

const ProtobufCEnumDescriptor *pb_dynamic_enum(const pb_dynamic *d, const char *name) {
  const symbol *s = find(d, name);
  return s ? s->values : NULL;
}

const pb_service *pb_dynamic_service(const pb_dynamic *d, const char *name) {
  for (size_t i = 0; i < d->service_count; i++) {
    if (strcmp(d->services[i].name, name) == 0) return &d->services[i];
  }
  return NULL;
}
