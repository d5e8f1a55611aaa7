#include <inttypes.h>
#include <stdlib.h>

#include "gen/options.h"

/* The tables of lib/pb/rules.h: one for each message type that a request can hold and that has rules, or holds one that has. */

enum {
  IS_INT32 = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32,
  IS_INT64 = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64,
  IS_STRING = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING,
  IS_BYTES = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES,
  IS_ENUM = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM,
  IS_MESSAGE = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE,
  IS_LIST = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED,
};

struct place {
  const gen_type *type;
  const gen_proto_field *field;
};

static void refuse(const struct place *at, const char *why) __attribute__((noreturn));
static void refuse(const struct place *at, const char *why) {
  gen_die("%s: %s.%s: %s", at->type->file->name, at->type->full + 1, at->field->name, why);
}

/* -- one field's limits, as designated initializers ------------------------------------------------------------------- */

static void flag(base_buf *b, const char *name, bool value) {
  if (value) {
    gen_out(b, ".%s = true, ", name);
  }
}

static void bound(base_buf *b, const char *name, int64_t value) {
  gen_out(b, ".has_%s = true, .%s = ", name, name);
  if (value == INT64_MIN) {
    gen_out(b, "INT64_MIN, "); /* has no literal */
  } else {
    gen_out(b, "INT64_C(%" PRId64 "), ", value);
  }
}

/* lt, lte, gt, gte of any integer type, as bounds that are included. */
struct range {
  bool has_low, has_high;
  int64_t low, high;
};

static struct range above(struct range r, const struct place *at, int64_t value, bool excluded) {
  if (excluded && value == INT64_MAX) {
    refuse(at, "no number is greater");
  }
  r.has_low = true;
  r.low = value + (excluded ? 1 : 0);
  return r;
}

static struct range below(struct range r, const struct place *at, int64_t value, bool excluded) {
  if (excluded && value == INT64_MIN) {
    refuse(at, "no number is less");
  }
  r.has_high = true;
  r.high = value - (excluded ? 1 : 0);
  return r;
}

static void write_range(base_buf *b, const struct place *at, struct range r) {
  /* protovalidate reads such a range as the numbers outside of it; we have no use for that. */
  if (r.has_low && r.has_high && r.low > r.high) {
    refuse(at, "the lower bound is above the upper one");
  }
  if (r.has_low) {
    bound(b, "low", r.low);
  }
  if (r.has_high) {
    bound(b, "high", r.high);
  }
}

static void int32_limits(base_buf *b, const struct place *at, const Buf__Validate__Int32Rules *r) {
  struct range range = {0};
  switch (r->greater_than_case) {
  case BUF__VALIDATE__INT32_RULES__GREATER_THAN_GT: range = above(range, at, r->gt, true); break;
  case BUF__VALIDATE__INT32_RULES__GREATER_THAN_GTE: range = above(range, at, r->gte, false); break;
  default: break;
  }
  switch (r->less_than_case) {
  case BUF__VALIDATE__INT32_RULES__LESS_THAN_LT: range = below(range, at, r->lt, true); break;
  case BUF__VALIDATE__INT32_RULES__LESS_THAN_LTE: range = below(range, at, r->lte, false); break;
  default: break;
  }
  write_range(b, at, range);
}

static void int64_limits(base_buf *b, const struct place *at, const Buf__Validate__Int64Rules *r) {
  struct range range = {0};
  switch (r->greater_than_case) {
  case BUF__VALIDATE__INT64_RULES__GREATER_THAN_GT: range = above(range, at, r->gt, true); break;
  case BUF__VALIDATE__INT64_RULES__GREATER_THAN_GTE: range = above(range, at, r->gte, false); break;
  default: break;
  }
  switch (r->less_than_case) {
  case BUF__VALIDATE__INT64_RULES__LESS_THAN_LT: range = below(range, at, r->lt, true); break;
  case BUF__VALIDATE__INT64_RULES__LESS_THAN_LTE: range = below(range, at, r->lte, false); break;
  default: break;
  }
  write_range(b, at, range);
}

/* A pair like min_len and max_len; in the table a maximum of 0 is none. */
static void sizes(base_buf *b, const struct place *at, const char *what, uint64_t min, bool has_max, uint64_t max) {
  if (has_max && (max == 0 || max < min)) {
    refuse(at, "the maximum is 0 or below the minimum");
  }
  if (min > 0) {
    gen_out(b, ".min_%s = %" PRIu64 ", ", what, min);
  }
  if (has_max) {
    gen_out(b, ".max_%s = %" PRIu64 ", ", what, max);
  }
}

static void string_limits(base_buf *b, const struct place *at, const Buf__Validate__StringRules *r) {
  sizes(b, at, "len", r->min_len, r->has_max_len, r->max_len);
  sizes(b, at, "bytes", 0, r->has_max_bytes, r->max_bytes);
  if (r->well_known_case == BUF__VALIDATE__STRING_RULES__WELL_KNOWN_EMAIL && r->email) {
    gen_out(b, ".format = PB_FORMAT_EMAIL, ");
  }
  if (r->well_known_case == BUF__VALIDATE__STRING_RULES__WELL_KNOWN_UUID && r->uuid) {
    gen_out(b, ".format = PB_FORMAT_UUID, ");
  }
}

/* The rules that go by the type of the value: of the field, or of each item of a list. */
static void value_limits(base_buf *b, const struct place *at, const gen_rules *r) {
  static const int wants[] = {
      [BUF__VALIDATE__FIELD_RULES__TYPE_INT32] = IS_INT32,   [BUF__VALIDATE__FIELD_RULES__TYPE_INT64] = IS_INT64,
      [BUF__VALIDATE__FIELD_RULES__TYPE_STRING] = IS_STRING, [BUF__VALIDATE__FIELD_RULES__TYPE_BYTES] = IS_BYTES,
      [BUF__VALIDATE__FIELD_RULES__TYPE_ENUM] = IS_ENUM,     [BUF__VALIDATE__FIELD_RULES__TYPE_REPEATED] = 0,
  };
  if (r->type_case == BUF__VALIDATE__FIELD_RULES__TYPE__NOT_SET) {
    return;
  }
  if (wants[r->type_case] != (int)at->field->type) {
    refuse(at, "these rules are for fields of another type");
  }
  switch (r->type_case) {
  case BUF__VALIDATE__FIELD_RULES__TYPE_INT32: int32_limits(b, at, r->int32); break;
  case BUF__VALIDATE__FIELD_RULES__TYPE_INT64: int64_limits(b, at, r->int64); break;
  case BUF__VALIDATE__FIELD_RULES__TYPE_STRING: string_limits(b, at, r->string); break;
  case BUF__VALIDATE__FIELD_RULES__TYPE_BYTES:
    sizes(b, at, "len", r->bytes->min_len, r->bytes->has_max_len, r->bytes->max_len);
    break;
  default: flag(b, "defined_only", r->enum_->defined_only);
  }
}

static bool ignores_zero(const struct place *at, const gen_rules *r) {
  if (r->ignore != BUF__VALIDATE__IGNORE__IGNORE_UNSPECIFIED &&
      r->ignore != BUF__VALIDATE__IGNORE__IGNORE_IF_ZERO_VALUE) {
    refuse(at, "this kind of `ignore` is not understood");
  }
  return r->ignore == BUF__VALIDATE__IGNORE__IGNORE_IF_ZERO_VALUE;
}

static void list_limits(base_buf *b, const struct place *at, const gen_rules *r) {
  static const Buf__Validate__RepeatedRules none = BUF__VALIDATE__REPEATED_RULES__INIT;
  if (r->type_case != BUF__VALIDATE__FIELD_RULES__TYPE_REPEATED &&
      r->type_case != BUF__VALIDATE__FIELD_RULES__TYPE__NOT_SET) {
    refuse(at, "a list has `repeated` rules, and in them `items`");
  }
  const Buf__Validate__RepeatedRules *list =
      r->type_case == BUF__VALIDATE__FIELD_RULES__TYPE_REPEATED ? r->repeated : &none;
  /* A list cannot be absent: a required one has an item. */
  uint64_t min = r->required && list->min_items == 0 ? 1 : list->min_items;
  flag(b, "ignore_empty", ignores_zero(at, r) && !r->required && min > 0);
  sizes(b, at, "items", min, list->has_max_items, list->max_items);
  if (list->items) {
    /* `required` says nothing there: an item is always there. */
    flag(b, "ignore_zero", ignores_zero(at, list->items));
    value_limits(b, at, list->items);
  }
}

static void limits(base_buf *b, const struct place *at, const gen_rules *r) {
  if ((int)at->field->label == IS_LIST) {
    list_limits(b, at, r);
    return;
  }
  flag(b, "required", r->required);
  /* With presence, absence is what is ignored, and that is so already. */
  flag(b, "ignore_zero", ignores_zero(at, r) && !gen_has_presence(at->type, at->field));
  value_limits(b, at, r);
}

/* -- which messages have a table -------------------------------------------------------------------------------------- */

static void reach(const gen_types *types, gen_type *t) {
  if (t->reached) {
    return;
  }
  t->reached = true;
  gen_refuse_message_rules(t);
  for (size_t i = 0; i < t->proto->n_field; i++) {
    const gen_proto_field *f = t->proto->field[i];
    gen_rules *rules = gen_rules_read(t, f);
    t->has_rules = t->has_rules || rules;
    gen_rules_free(rules);
    if ((int)f->type == IS_MESSAGE) {
      reach(types, gen_types_find(types, f->type_name));
    }
  }
}

static bool holds_rules(const gen_types *types, const gen_type *t) {
  for (size_t i = 0; i < t->proto->n_field; i++) {
    const gen_proto_field *f = t->proto->field[i];
    if ((int)f->type == IS_MESSAGE && gen_types_find(types, f->type_name)->has_rules) {
      return true;
    }
  }
  return false;
}

/* Messages may hold themselves, so this goes round until nothing changes. */
static void spread(gen_types *types) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < types->count; i++) {
      gen_type *t = &types->items[i];
      if (t->reached && !t->has_rules && holds_rules(types, t)) {
        t->has_rules = changed = true;
      }
    }
  }
}

/* -- tables ---------------------------------------------------------------------------------------------------------- */

/* protobuf-c orders a descriptor's fields by their numbers. */
static size_t index_of(const gen_type *t, const gen_proto_field *field) {
  size_t index = 0;
  for (size_t i = 0; i < t->proto->n_field; i++) {
    index += t->proto->field[i]->number < field->number;
  }
  return index;
}

static bool row(base_buf *b, const gen_types *types, const gen_type *t, const gen_proto_field *f) {
  gen_rules *rules = gen_rules_read(t, f);
  const gen_type *child = (int)f->type == IS_MESSAGE ? gen_types_find(types, f->type_name) : NULL;
  bool nested = child && child->has_rules;
  if (rules == NULL && !nested) {
    return false;
  }
  gen_out(b, "    {.field = %zu, .limits = {", index_of(t, f));
  if (rules) {
    limits(b, &(struct place){t, f}, rules);
  }
  gen_out(b, "}");
  if (nested) {
    char lower[GEN_NAME_MAX];
    gen_c_lower(child->full, lower);
    gen_out(b, ", .message = &%s_rules", lower);
  }
  gen_out(b, "},\n");
  gen_rules_free(rules);
  return true;
}

static int by_number(const void *a, const void *b) {
  const gen_proto_field *x = *(const gen_proto_field *const *)a, *y = *(const gen_proto_field *const *)b;
  return (x->number > y->number) - (x->number < y->number);
}

static void table(base_buf *b, const gen_types *types, const gen_type *t) {
  char lower[GEN_NAME_MAX];
  const gen_proto_field **fields = calloc(t->proto->n_field + 1, sizeof *fields);
  if (fields == NULL) {
    gen_die("out of memory");
  }
  for (size_t i = 0; i < t->proto->n_field; i++) {
    fields[i] = t->proto->field[i];
  }
  qsort(fields, t->proto->n_field, sizeof *fields, by_number);
  gen_c_lower(t->full, lower);
  size_t rows = 0;
  gen_out(b, "static const pb_field_rules %s_field_rules[] = {\n", lower);
  for (size_t i = 0; i < t->proto->n_field; i++) {
    rows += row(b, types, t, fields[i]);
  }
  gen_out(b, "};\nstatic const pb_rules %s_rules = {%s_field_rules, %zu};\n\n", lower, lower, rows);
  free(fields);
}

void gen_emit_rules(base_buf *b, gen_types *types, const gen_service *services, size_t count) {
  for (size_t s = 0; s < count; s++) {
    for (size_t i = 0; i < services[s].count; i++) {
      reach(types, gen_types_find(types, services[s].methods[i].proto->input_type));
    }
  }
  spread(types);
  bool any = false;
  for (size_t i = 0; i < types->count; i++) {
    if (types->items[i].has_rules) {
      char lower[GEN_NAME_MAX];
      gen_c_lower(types->items[i].full, lower);
      gen_out(b, "static const pb_rules %s_rules;\n", lower);
      any = true;
    }
  }
  gen_out(b, "%s", any ? "\n" : "");
  for (size_t i = 0; i < types->count; i++) {
    if (types->items[i].has_rules) {
      table(b, types, &types->items[i]);
    }
  }
}

/* -- policies -------------------------------------------------------------------------------------------------------- */

bool gen_emit_policy(base_buf *b, const gen_file *f, const gen_types *types, const gen_method *m) {
  gen_policy *p = gen_policy_read(f, types, m);
  if (p == NULL) {
    return false;
  }
  if (p->n_roles > 0) {
    gen_out(b, "static const char *const %s_roles[] = {", m->full);
    for (size_t i = 0; i < p->n_roles; i++) {
      gen_text(b, p->roles[i]);
      gen_out(b, ", ");
    }
    gen_out(b, "NULL};\n");
  }
  gen_out(b, "static const pb_policy %s_policy = {", m->full);
  flag(b, "is_public", p->public_);
  flag(b, "mutates", p->mutates);
  if (p->n_roles > 0) {
    gen_out(b, ".roles = %s_roles, ", m->full);
  }
  if (p->owner[0]) {
    gen_out(b, ".owner = \"%s\", ", p->owner); /* a path of field names */
  }
  gen_out(b, "};\n\n");
  gen_policy_free(p);
  return true;
}
