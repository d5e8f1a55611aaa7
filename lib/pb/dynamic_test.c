#include "pb/dynamic.h"

#include <stdlib.h>

#include "base/test.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.ponte.h"
#include "pb/message.h"
#include "ponte/test/v1/echo.ponte.h"
#include "ponte/transcription/v1/transcription.ponte.h"
#include "ponte/users/v1/users.ponte.h"

enum { ROOM = 1 << 22 };

/* -- the same bytes by compiled descriptors and by ours --------------------------------------------------------------- */

/* Unpacked and packed again by `type`; false if it was refused. */
static bool repack(const ProtobufCMessageDescriptor *type, base_span bytes, base_buf *out) {
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  pb_arena_init(&arena, ROOM);
  bool good = base_is_ok(pb_unpack(type, bytes, &arena, &m)) && base_is_ok(pb_pack(m, out));
  pb_arena_dispose(&arena);
  return good;
}

static void same(const ProtobufCMessageDescriptor *compiled, const ProtobufCMessageDescriptor *ours, base_span bytes,
                 const char *reason) {
  base_buf a, b;
  base_buf_init(&a, ROOM);
  base_buf_init(&b, ROOM);
  bool taken = repack(compiled, bytes, &a);
  CHECK_MSG(repack(ours, bytes, &b) == taken, "%s", reason);
  CHECK_MSG(base_span_eq(base_buf_span(&a), base_buf_span(&b)), "%s", reason);
  base_buf_dispose(&a);
  base_buf_dispose(&b);
}

/* Every field, enum value and range table is as protobuf-c's own generator makes it; only struct offsets may differ. */
static void same_enum(const ProtobufCEnumDescriptor *a, const ProtobufCEnumDescriptor *b) {
  CHECK_STR(b->name, a->name);
  REQUIRE(a->n_values == b->n_values && a->n_value_names == b->n_value_names && a->n_value_ranges == b->n_value_ranges);
  for (unsigned i = 0; i < a->n_values; i++) {
    CHECK_STR(b->values[i].name, a->values[i].name);
    CHECK_INT(b->values[i].value, a->values[i].value);
  }
  for (unsigned i = 0; i < a->n_value_names; i++) {
    CHECK_STR(b->values_by_name[i].name, a->values_by_name[i].name);
    CHECK_INT(b->values_by_name[i].index, a->values_by_name[i].index);
  }
  CHECK(memcmp(a->value_ranges, b->value_ranges, (a->n_value_ranges + 1) * sizeof *a->value_ranges) == 0);
}

static void same_message(const ProtobufCMessageDescriptor *a, const ProtobufCMessageDescriptor *b) {
  CHECK_STR(b->name, a->name);
  CHECK_STR(b->short_name, a->short_name);
  REQUIRE(a->n_fields == b->n_fields && a->n_field_ranges == b->n_field_ranges);
  for (unsigned i = 0; i < a->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &a->fields[i], *g = &b->fields[i];
    CHECK_STR(g->name, f->name);
    CHECK_INT(g->id, f->id);
    CHECK_INT(g->type, f->type);
    CHECK_MSG(g->label == f->label, "%s.%s", a->name, f->name);
    CHECK_INT(g->flags & PROTOBUF_C_FIELD_FLAG_ONEOF, f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
    CHECK_INT(a->fields_sorted_by_name[i], b->fields_sorted_by_name[i]);
    if (f->type == PROTOBUF_C_TYPE_ENUM) same_enum(f->descriptor, g->descriptor);
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
      CHECK_STR(((const ProtobufCMessageDescriptor *)g->descriptor)->name,
                ((const ProtobufCMessageDescriptor *)f->descriptor)->name);
  }
  if (a->n_fields)
    CHECK(memcmp(a->field_ranges, b->field_ranges, (a->n_field_ranges + 1) * sizeof *a->field_ranges) == 0);
}

static void as_compiled(void) {
  static const struct {
    const base_span *set;
    const pb_service *service;
  } rows[] = {
      {&ponte_test_v1_echo_descriptor_set, &ponte_test_v1_echo_service},
      {&ponte_transcription_v1_transcription_descriptor_set, &ponte_transcription_v1_service},
      {&ponte_users_v1_users_descriptor_set, &ponte_users_v1_user_service},
      {&opentelemetry_proto_collector_trace_v1_trace_service_descriptor_set,
       &opentelemetry_proto_collector_trace_v1_service},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    pb_dynamic *d = NULL;
    CHECK_OK(pb_dynamic_new(*rows[i].set, &d));
    REQUIRE(d != NULL);
    const pb_service *ours = pb_dynamic_service(d, rows[i].service->name);
    REQUIRE(ours != NULL && ours->count == rows[i].service->count);
    for (int k = 0; k < ours->count; k++) {
      CHECK_STR(ours->methods[k].path, rows[i].service->methods[k].path);
      CHECK_INT(ours->methods[k].kind, rows[i].service->methods[k].kind);
      same_message(rows[i].service->methods[k].request, ours->methods[k].request);
      same_message(rows[i].service->methods[k].response, ours->methods[k].response);
    }
    pb_dynamic_free(d);
  }
}

static void round_trips(void) {
  static const struct {
    const char *bytes;
    size_t n;
    const char *reason;
  } rows[] = {
      {"", 0, "empty"},
      {"\x0a\x02hi\x12\x02\xff\x00\x20\x05", 10, "a string, bytes, a number"},
      {"\x32\x03\x0a\x01z\x32\x00\x3a\x04\x0a\x02no", 13, "repeated sub-messages and a recursive one"},
      {"\x0a\x00\x20\x00", 4, "defaults on the wire are left out again"},
      {"\xa2\x06\x03"
       "abc",
       6, "an unknown field stays"},
      {"\x0a\x02\xff\xff", 4, "not UTF-8"},
      {"\x08\x01", 2, "a varint for a string"},
      {"\x0a\x09zz", 4, "cut"},
  };
  pb_dynamic *d = NULL;
  CHECK_OK(pb_dynamic_new(ponte_test_v1_echo_descriptor_set, &d));
  REQUIRE(d != NULL);
  const ProtobufCMessageDescriptor *ours = pb_dynamic_message(d, "ponte.test.v1.Payload");
  REQUIRE(ours != NULL);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    same(&ponte__test__v1__payload__descriptor, ours, base_span_of(rows[i].bytes, rows[i].n), rows[i].reason);
  CHECK(pb_dynamic_message(d, "ponte.test.v1.Payload.Sum") != NULL);
  CHECK(pb_dynamic_message(d, "ponte.test.v1") == NULL);
  CHECK(pb_dynamic_message(d, "") == NULL);
  CHECK(pb_dynamic_enum(d, "ponte.test.v1.Payload") == NULL);
  CHECK(pb_dynamic_service(d, "ponte.test.v1.Nobody") == NULL);
  pb_dynamic_free(d);
}

/* descriptor.proto is proto2 with enums, defaults, required fields, recursion and, in these sets, extensions. */
static void a_set_as_a_message(void) {
  pb_dynamic *d = NULL;
  CHECK_OK(pb_dynamic_new(ponte_users_v1_users_descriptor_set, &d));
  REQUIRE(d != NULL);
  const ProtobufCMessageDescriptor *ours = pb_dynamic_message(d, "google.protobuf.FileDescriptorSet");
  REQUIRE(ours != NULL);
  same_message(&google__protobuf__field_options__descriptor, pb_dynamic_message(d, "google.protobuf.FieldOptions"));
  same(&google__protobuf__file_descriptor_set__descriptor, ours, ponte_users_v1_users_descriptor_set, "users.proto");
  same(&google__protobuf__file_descriptor_set__descriptor, ours,
       opentelemetry_proto_collector_trace_v1_trace_service_descriptor_set, "trace_service.proto");
  pb_dynamic_free(d);
}

/* -- sets made by hand ------------------------------------------------------------------------------------------------- */

/* One file "t.proto" of package "t": message M with up to four fields, its nested entry E, enum N; service S. Tests change a part of it. */
typedef struct {
  Google__Protobuf__FileDescriptorSet set;
  Google__Protobuf__FileDescriptorProto file, *files[2];
  Google__Protobuf__DescriptorProto message, entry, *messages[2], *nested[1];
  Google__Protobuf__FieldDescriptorProto field[4], *fields[4], entry_field[2], *entry_fields[2];
  Google__Protobuf__OneofDescriptorProto oneof, *oneofs[1];
  Google__Protobuf__EnumDescriptorProto enumeration, *enums[1];
  Google__Protobuf__EnumValueDescriptorProto value[3], *values[3];
  Google__Protobuf__ServiceDescriptorProto service, *services[1];
  Google__Protobuf__MethodDescriptorProto method, *methods[1];
} hand;

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

static void set_field(Google__Protobuf__FieldDescriptorProto *f, const char *name, int number, int type, int label,
                      const char *type_name) {
  google__protobuf__field_descriptor_proto__init(f);
  f->name = (char *)name;
  f->has_number = f->has_type = f->has_label = 1;
  f->number = number;
  f->type = type;
  f->label = label;
  f->type_name = (char *)type_name;
}

static void hand_make(hand *h) {
  *h = (hand){0};
  google__protobuf__file_descriptor_set__init(&h->set);
  google__protobuf__file_descriptor_proto__init(&h->file);
  google__protobuf__descriptor_proto__init(&h->message);
  google__protobuf__descriptor_proto__init(&h->entry);
  google__protobuf__oneof_descriptor_proto__init(&h->oneof);
  google__protobuf__enum_descriptor_proto__init(&h->enumeration);
  google__protobuf__service_descriptor_proto__init(&h->service);
  google__protobuf__method_descriptor_proto__init(&h->method);
  set_field(&h->field[0], "a", 5, TYPE(SINT32), LABEL(OPTIONAL), NULL);
  set_field(&h->field[1], "m", 2, TYPE(MESSAGE), LABEL(REPEATED), ".t.M.E");
  set_field(&h->field[2], "n", 3, TYPE(ENUM), LABEL(REPEATED), ".t.N");
  set_field(&h->field[3], "o", 4, TYPE(STRING), LABEL(OPTIONAL), NULL);
  set_field(&h->entry_field[0], "key", 1, TYPE(STRING), LABEL(OPTIONAL), NULL);
  set_field(&h->entry_field[1], "value", 2, TYPE(MESSAGE), LABEL(OPTIONAL), ".t.M");
  for (int i = 0; i < 4; i++)
    h->fields[i] = &h->field[i];
  for (int i = 0; i < 2; i++)
    h->entry_fields[i] = &h->entry_field[i];
  static const char *const names[] = {"ONE", "ZERO", "UNO"};
  for (int i = 0; i < 3; i++) {
    google__protobuf__enum_value_descriptor_proto__init(&h->value[i]);
    h->value[i].name = (char *)names[i];
    h->value[i].has_number = 1;
    h->value[i].number = i != 1;
    h->values[i] = &h->value[i];
  }
  h->oneof.name = (char *)"choice";
  h->oneofs[0] = &h->oneof;
  h->entry.name = (char *)"E";
  h->entry.field = h->entry_fields;
  h->entry.n_field = 2;
  h->nested[0] = &h->entry;
  h->message.name = (char *)"M";
  h->message.field = h->fields;
  h->message.n_field = 4;
  h->message.oneof_decl = h->oneofs;
  h->message.n_oneof_decl = 1;
  h->message.nested_type = h->nested;
  h->message.n_nested_type = 1;
  h->messages[0] = h->messages[1] = &h->message;
  h->enumeration.name = (char *)"N";
  h->enumeration.value = h->values;
  h->enumeration.n_value = 3;
  h->enums[0] = &h->enumeration;
  h->method.name = (char *)"Do";
  h->method.input_type = (char *)".t.M";
  h->method.output_type = (char *)".t.M.E";
  h->methods[0] = &h->method;
  h->service.name = (char *)"S";
  h->service.method = h->methods;
  h->service.n_method = 1;
  h->services[0] = &h->service;
  h->file.name = (char *)"t.proto";
  h->file.package = (char *)"t";
  h->file.syntax = (char *)"proto3";
  h->file.message_type = h->messages;
  h->file.n_message_type = 1;
  h->file.enum_type = h->enums;
  h->file.n_enum_type = 1;
  h->file.service = h->services;
  h->file.n_service = 1;
  h->files[0] = h->files[1] = &h->file;
  h->set.file = h->files;
  h->set.n_file = 1;
}

static base_err hand_build(const hand *h, pb_dynamic **out) {
  base_buf bytes;
  base_buf_init(&bytes, ROOM);
  CHECK_OK(pb_pack(&h->set.base, &bytes));
  base_err e = pb_dynamic_new(base_buf_span(&bytes), out);
  base_buf_dispose(&bytes);
  return e;
}

static void by_hand(void) {
  hand h;
  pb_dynamic *d = NULL;
  hand_make(&h);
  h.set.n_file = 2; /* twice the same file */
  h.field[3].has_proto3_optional = h.field[3].proto3_optional = 1;
  h.field[3].has_oneof_index = 1;
  CHECK_OK(hand_build(&h, &d));
  REQUIRE(d != NULL);
  const ProtobufCMessageDescriptor *m = pb_dynamic_message(d, "t.M");
  const ProtobufCEnumDescriptor *n = pb_dynamic_enum(d, "t.N");
  const pb_service *s = pb_dynamic_service(d, "t.S");
  REQUIRE(m && n && s);
  CHECK_STR(s->methods[0].path, "/t.S/Do");
  CHECK_INT(m->fields[0].id, 2);
  CHECK(protobuf_c_message_descriptor_get_field(m, 5) == &m->fields[3]);
  CHECK(protobuf_c_message_descriptor_get_field(m, 1) == NULL);
  CHECK(protobuf_c_message_descriptor_get_field_by_name(m, "o")->label == PROTOBUF_C_LABEL_OPTIONAL);
  CHECK_STR(protobuf_c_enum_descriptor_get_value(n, 1)->name, "ONE");
  CHECK(protobuf_c_enum_descriptor_get_value_by_name(n, "UNO")->value == 1);
  CHECK(protobuf_c_enum_descriptor_get_value(n, 2) == NULL);

  /* Packed, a map of itself, and an optional text that is there and empty. */
  static const char bytes[] = "\x12\x0b\x0a\x01k\x12\x06\x28\x03\x1a\x02\x01\x00\x1a\x02\x01\x07\x22\x00\x28\x7f";
  base_buf out;
  base_buf_init(&out, ROOM);
  CHECK(repack(m, base_span_of(bytes, sizeof bytes - 1), &out));
  CHECK_INT(base_buf_size(&out), sizeof bytes - 1);
  /* The value's fields come in the order of their numbers. */
  CHECK(memcmp(out.data, "\x12\x0b\x0a\x01k\x12\x06\x1a\x02\x01\x00\x28\x03", 13) == 0);
  CHECK(memcmp(out.data + 13, bytes + 13, sizeof bytes - 1 - 13) == 0);
  base_buf_dispose(&out);
  pb_dynamic_free(d);
}

static void oneofs(void) {
  hand h;
  pb_dynamic *d = NULL;
  hand_make(&h);
  h.field[3].has_oneof_index = h.field[0].has_oneof_index = 1;
  CHECK_OK(hand_build(&h, &d));
  REQUIRE(d != NULL);
  const ProtobufCMessageDescriptor *m = pb_dynamic_message(d, "t.M");
  CHECK_INT(m->fields[2].offset, m->fields[3].offset);
  CHECK_INT(m->fields[2].quantifier_offset, m->fields[3].quantifier_offset);
  base_buf out;
  base_buf_init(&out, ROOM);
  CHECK(repack(m, base_span_of("\x28\x02\x22\x01x", 5), &out)); /* the last one wins */
  CHECK(base_span_eq(base_buf_span(&out), base_span_of("\x22\x01x", 3)));
  base_buf_clear(&out);
  CHECK(repack(m, base_span_of("\x22\x01x\x28\x00", 5), &out)); /* a default in a oneof is there */
  CHECK(base_span_eq(base_buf_span(&out), base_span_of("\x28\x00", 2)));
  base_buf_dispose(&out);
  pb_dynamic_free(d);
}

/* -- refused ----------------------------------------------------------------------------------------------------------- */

static void no_file_name(hand *h) { h->file.name = NULL; }
static void no_message_name(hand *h) { h->message.name = NULL; }
static void empty_name(hand *h) { h->message.name = (char *)""; }
static void odd_name(hand *h) { h->message.name = (char *)"M\"M"; }
static void dotted_name(hand *h) { h->entry.name = (char *)"a.b"; }
static void digit_name(hand *h) { h->field[0].name = (char *)"1a"; }
static void odd_package(hand *h) { h->file.package = (char *)"a..b"; }
static void newline_package(hand *h) { h->file.package = (char *)"a\nb"; }
static void same_names(hand *h) { h->file.n_message_type = 2; }
static void enum_like_message(hand *h) { h->enumeration.name = (char *)"M"; }
static void same_numbers(hand *h) { h->field[1].number = 5; }
static void same_field_names(hand *h) { h->field[1].name = (char *)"a"; }
static void number_zero(hand *h) { h->field[0].number = 0; }
static void number_negative(hand *h) { h->field[0].number = -1; }
static void number_large(hand *h) { h->field[0].number = 536870912; }
static void no_number(hand *h) { h->field[0].has_number = 0; }
static void no_type(hand *h) { h->field[0].has_type = 0; }
static void odd_type(hand *h) { h->field[0].type = 19; }
static void no_type_name(hand *h) { h->field[1].type_name = NULL; }
static void relative_type_name(hand *h) { h->field[1].type_name = (char *)"E"; }
static void missing_type(hand *h) { h->field[1].type_name = (char *)".t.Nobody"; }
static void enum_as_message(hand *h) { h->field[1].type_name = (char *)".t.N"; }
static void message_as_enum(hand *h) { h->field[2].type_name = (char *)".t.M"; }
static void oneof_beyond(hand *h) { h->field[0].has_oneof_index = h->field[0].oneof_index = 1; }
static void oneof_negative(hand *h) {
  h->field[0].has_oneof_index = 1;
  h->field[0].oneof_index = -1;
}
static void oneof_repeated(hand *h) { h->field[2].has_oneof_index = 1; }
static void value_without_number(hand *h) { h->value[0].has_number = 0; }
static void value_name(hand *h) { h->value[0].name = (char *)"A B"; }
static void method_name(hand *h) { h->method.name = (char *)"a/b"; }
static void method_input(hand *h) { h->method.input_type = (char *)".t.Nobody"; }
static void method_output(hand *h) { h->method.output_type = (char *)".t.N"; }
static void service_name(hand *h) { h->service.name = (char *)"a b"; }

static void refused(void) {
  static const struct {
    void (*spoil)(hand *h);
    const char *reason;
  } rows[] = {
#define ROW(f) {f, #f}
      ROW(no_file_name),    ROW(no_message_name),   ROW(empty_name),           ROW(odd_name),
      ROW(dotted_name),     ROW(digit_name),        ROW(odd_package),          ROW(newline_package),
      ROW(same_names),      ROW(enum_like_message), ROW(same_numbers),         ROW(number_zero),
      ROW(number_negative), ROW(same_field_names),  ROW(number_large),         ROW(no_number),
      ROW(no_type),         ROW(odd_type),          ROW(no_type_name),         ROW(relative_type_name),
      ROW(missing_type),    ROW(enum_as_message),   ROW(message_as_enum),      ROW(oneof_beyond),
      ROW(oneof_negative),  ROW(oneof_repeated),    ROW(value_name),           ROW(method_name),
      ROW(method_input),    ROW(method_output),     ROW(value_without_number), ROW(service_name),
#undef ROW
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    hand h;
    pb_dynamic *d = NULL;
    hand_make(&h);
    rows[i].spoil(&h);
    base_err e = hand_build(&h, &d);
    CHECK_MSG(base_is(e, BASE_E_MALFORMED) && d == NULL, "%s: %s", rows[i].reason, base_err_name(e));
    pb_dynamic_free(d);
  }
}

static void cut(void) {
  base_span set = ponte_test_v1_echo_descriptor_set;
  for (size_t n = 0; n < set.n; n++) {
    pb_dynamic *d = NULL;
    base_err e = pb_dynamic_new(base_span_of(set.p, n), &d);
    CHECK(base_is_ok(e) == (d != NULL));
    pb_dynamic_free(d);
  }
}

/* A few bytes may not ask for much: two bytes are an empty message each. */
static void greedy(void) {
  enum { PAIRS = 1 << 19 };
  uint8_t *bytes = malloc(2 * PAIRS);
  pb_dynamic *d = NULL;
  REQUIRE(bytes != NULL);
  for (size_t i = 0; i < PAIRS; i++)
    bytes[2 * i] = 0x0a, bytes[2 * i + 1] = 0;
  CHECK_ERR(pb_dynamic_new(base_span_of(bytes, 2 * PAIRS), &d), BASE_E_TOO_LARGE);
  CHECK_ERR(pb_dynamic_new(base_span_of(bytes, PB_DYNAMIC_MAX_BYTES + 1), &d), BASE_E_TOO_LARGE);
  free(bytes);
}

TEST_MAIN(TEST(as_compiled), TEST(round_trips), TEST(a_set_as_a_message), TEST(by_hand), TEST(oneofs), TEST(refused),
          TEST(cut), TEST(greedy))
