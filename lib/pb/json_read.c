#include "pb/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/nearest.h"
#include "pb/json_reader.h"
#include "pb/json_types.h"
#include "pb/message.h"

static bool read_message(pb_json_reader *r, ProtobufCMessage *message);

static bool read_value(pb_json_reader *r, const ProtobufCFieldDescriptor *f, void *at) {
  if (pb_json_peek(&r->lex) == PB_JSON_NO_KIND) {
    return pb_json__syntax(r);
  }
  if (f->type != PROTOBUF_C_TYPE_MESSAGE) {
    return pb_json__read_scalar(r, f, at);
  }
  ProtobufCMessage *child = pb_message_new(f->descriptor, r->arena);
  memcpy(at, &child, sizeof child);
  return child ? read_message(r, child) : pb_json__no_memory(r);
}

/* -- lists and maps -------------------------------------------------------------------------------------------------- */

/* A list while it grows; the arena keeps what it grew out of, which is no more than the list itself. */
struct list {
  char *items;
  size_t count, room, item;
};

/* The next item, zeroed; NULL: no memory. */
static void *push(pb_json_reader *r, struct list *l) {
  if (l->count == l->room) {
    size_t room = l->room ? l->room * 2 : 4;
    char *grown = pb_arena_alloc(r->arena, room * l->item);
    if (grown == NULL) {
      pb_json__no_memory(r);
      return NULL;
    }
    if (l->count > 0) {
      memcpy(grown, l->items, l->count * l->item);
    }
    l->items = grown;
    l->room = room;
  }
  return memset(l->items + l->count++ * l->item, 0, l->item);
}

static void store_list(const ProtobufCFieldDescriptor *f, ProtobufCMessage *message, const struct list *l) {
  memcpy((char *)message + f->quantifier_offset, &l->count, sizeof l->count);
  memcpy((char *)message + f->offset, &l->items, sizeof l->items);
}

static bool is_null(pb_json_reader *r) { return pb_json_peek(&r->lex) == PB_JSON_NULL_KIND; }

/* Types for which null is a value like any other. */
static bool takes_null(const ProtobufCFieldDescriptor *f) {
  return pb_json_is_null_enum(f) ||
         (f->type == PROTOBUF_C_TYPE_MESSAGE && pb_json_type_of(f->descriptor) == PB_JSON_VALUE);
}

static bool read_list(pb_json_reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message) {
  struct list l = {.item = pb_value_size(f->type)};
  bool first = true, more;
  if (pb_json_peek(&r->lex) != PB_JSON_ARRAY_KIND) {
    return pb_json__fails(r, "give a list in brackets");
  }
  if (!pb_json_open(&r->lex, '[')) {
    return pb_json__syntax(r);
  }
  for (;;) {
    if (!pb_json_more(&r->lex, ']', &first, &more)) {
      return pb_json__syntax(r);
    }
    if (!more) {
      store_list(f, message, &l);
      return true;
    }
    size_t before = pb_json__enter(r, "[%zu]", l.count);
    if (is_null(r) && !takes_null(f)) {
      return pb_json__fails(r, "a list has no null items; leave it out");
    }
    void *at = push(r, &l);
    if (at == NULL || !read_value(r, f, at)) {
      return false;
    }
    pb_json__leave(r, before);
  }
}

static bool store_key(pb_json_reader *r, const ProtobufCFieldDescriptor *f, base_span key, void *at) {
  switch (f->type) {
  case PROTOBUF_C_TYPE_STRING: return pb_json__store_text(r, key, at);
  case PROTOBUF_C_TYPE_BOOL: {
    protobuf_c_boolean v = base_span_is(key, "true");
    memcpy(at, &v, sizeof v);
    return v || base_span_is(key, "false") || pb_json__fails(r, "the keys of this map are \"true\" and \"false\"");
  }
  case PROTOBUF_C_TYPE_UINT32:
  case PROTOBUF_C_TYPE_FIXED32: return pb_json__store_integer(r, key, false, 32, at);
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_FIXED64: return pb_json__store_integer(r, key, false, 64, at);
  default: return pb_json__store_integer(r, key, true, pb_value_size(f->type) == 8 ? 64 : 32, at);
  }
}

static int compare_keys(const void *a, const void *b) {
  const ProtobufCMessage *x = *(ProtobufCMessage *const *)a, *y = *(ProtobufCMessage *const *)b;
  const ProtobufCFieldDescriptor *f = &x->descriptor->fields[0];
  if (f->type == PROTOBUF_C_TYPE_STRING) {
    return strcmp(*(char *const *)pb_field_at(f, x), *(char *const *)pb_field_at(f, y));
  }
  return memcmp(pb_field_at(f, x), pb_field_at(f, y), pb_value_size(f->type));
}

/* Only equality counts, so the order may be any; a sorted copy finds twins without looking at all pairs. */
static bool keys_differ(pb_json_reader *r, const struct list *l) {
  if (l->count < 2) {
    return true;
  }
  char *sorted = pb_arena_alloc(r->arena, l->count * l->item);
  if (sorted == NULL) {
    return pb_json__no_memory(r);
  }
  memcpy(sorted, l->items, l->count * l->item);
  qsort(sorted, l->count, l->item, compare_keys);
  for (size_t i = 1; i < l->count; i++) {
    if (compare_keys(sorted + (i - 1) * l->item, sorted + i * l->item) == 0) {
      return pb_json__fails(r, "a key comes twice");
    }
  }
  return true;
}

static bool read_map(pb_json_reader *r, const ProtobufCMessageDescriptor *entry, const ProtobufCFieldDescriptor *f,
                     ProtobufCMessage *message) {
  const ProtobufCFieldDescriptor *key = &entry->fields[0], *value = &entry->fields[1];
  struct list l = {.item = sizeof(ProtobufCMessage *)};
  bool first = true, more;
  base_span name;
  if (pb_json_peek(&r->lex) != PB_JSON_OBJECT_KIND) {
    return pb_json__fails(r, "give an object in braces");
  }
  if (!pb_json_open(&r->lex, '{')) {
    return pb_json__syntax(r);
  }
  while (pb_json_more(&r->lex, '}', &first, &more)) {
    if (!more) {
      store_list(f, message, &l);
      return keys_differ(r, &l);
    }
    size_t before = pb_json__enter(r, "[%zu]", l.count);
    if (!pb_json_key(&r->lex, &name)) {
      return pb_json__syntax(r);
    }
    ProtobufCMessage *e = pb_message_new(entry, r->arena);
    ProtobufCMessage **at = push(r, &l);
    if (e == NULL || at == NULL) {
      return pb_json__no_memory(r);
    }
    *at = e;
    if (is_null(r) && !takes_null(value)) {
      return pb_json__fails(r, "a map has no null values; leave the key out");
    }
    if (!store_key(r, key, name, (char *)e + key->offset) || !read_value(r, value, (char *)e + value->offset)) {
      return false;
    }
    pb_json__leave(r, before);
  }
  return pb_json__syntax(r);
}

/* -- fields ---------------------------------------------------------------------------------------------------------- */

/* A scalar of proto2 or `optional` says that it is there; a member of a oneof says which it is. */
static void mark_set(const ProtobufCFieldDescriptor *f, ProtobufCMessage *message) {
  char *quantifier = (char *)message + f->quantifier_offset;
  if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
    memcpy(quantifier, &f->id, sizeof f->id);
  } else if (f->label == PROTOBUF_C_LABEL_OPTIONAL && f->type != PROTOBUF_C_TYPE_MESSAGE &&
             f->type != PROTOBUF_C_TYPE_STRING) {
    memcpy(quantifier, &(protobuf_c_boolean){1}, sizeof(protobuf_c_boolean));
  }
}

static bool read_field(pb_json_reader *r, const ProtobufCFieldDescriptor *f, ProtobufCMessage *message) {
  if (is_null(r) && (!takes_null(f) || pb_field_is_list(f))) {
    return pb_json_word(&r->lex, "null") || pb_json__syntax(r);
  }
  if (pb_field_is_list(f)) {
    const ProtobufCMessageDescriptor *entry = pb_json_map_entry(message->descriptor, f);
    return entry ? read_map(r, entry, f, message) : read_list(r, f, message);
  }
  if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(uint32_t *)((char *)message + f->quantifier_offset) != 0) {
    return pb_json__fails(r, "another member of its oneof is given; give one of them");
  }
  if (!read_value(r, f, (char *)message + f->offset)) {
    return false;
  }
  mark_set(f, message);
  return true;
}

/* -1: none. */
static int find_field(const ProtobufCMessageDescriptor *type, base_span key) {
  for (unsigned i = 0; i < type->n_fields; i++) {
    if (pb_json_name_is(type->fields[i].name, key)) {
      return (int)i;
    }
  }
  return -1;
}

/* The nearest name, in the form it is nearest in; "" if none is near. */
static void nearest_name(const ProtobufCMessageDescriptor *type, base_span key, char out[PB_PATH_SIZE]) {
  base_nearest nearest = base_nearest_of(key);
  out[0] = '\0';
  for (unsigned i = 0; i < type->n_fields; i++) {
    char camel[PB_PATH_SIZE];
    const char *name = type->fields[i].name;
    size_t n = 0;
    for (const char *p = name; n + 1 < sizeof camel && (camel[n] = pb_json_camel(&p)) != '\0';) {
      n++;
    }
    camel[n] = '\0';
    size_t before = nearest.distance;
    base_nearest_try(&nearest, name);
    base_nearest_try(&nearest, camel);
    if (nearest.distance < before) {
      snprintf(out, PB_PATH_SIZE, "%s", nearest.best);
    }
  }
}

static bool unknown_field(pb_json_reader *r, const ProtobufCMessageDescriptor *type, base_span key) {
  char nearest[PB_PATH_SIZE];
  nearest_name(type, key, nearest);
  /* The key itself is shown only if it looks like a name. */
  bool plain = key.n > 0 && key.n <= 64;
  for (size_t i = 0; i < key.n; i++) {
    uint8_t c = key.p[i];
    plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_');
  }
  if (plain) {
    pb_json__enter(r, "%s%.*s", r->path_n > 0 ? "." : "", BASE_SPAN_ARG(key));
  }
  return nearest[0] ? pb_json__fails(r, "%s has no such field; did you mean %s?", type->name, nearest)
                    : pb_json__fails(r, "%s has no such field", type->name);
}

static bool read_member(pb_json_reader *r, ProtobufCMessage *message, uint8_t *seen) {
  const ProtobufCMessageDescriptor *type = message->descriptor;
  base_span key;
  if (!pb_json_key(&r->lex, &key)) {
    return pb_json__syntax(r);
  }
  int i = find_field(type, key);
  if (i < 0) {
    return unknown_field(r, type, key);
  }
  size_t before = pb_json__enter(r, "%s%s", r->path_n > 0 ? "." : "", type->fields[i].name);
  if (seen[i]) {
    return pb_json__fails(r, "comes twice");
  }
  seen[i] = 1;
  if (!read_field(r, &type->fields[i], message)) {
    return false;
  }
  pb_json__leave(r, before);
  return true;
}

static bool required_are_set(pb_json_reader *r, const ProtobufCMessageDescriptor *type, const uint8_t *seen) {
  for (unsigned i = 0; i < type->n_fields; i++) {
    if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED && !seen[i]) {
      pb_json__enter(r, "%s%s", r->path_n > 0 ? "." : "", type->fields[i].name);
      return pb_json__fails(r, "is required");
    }
  }
  return true;
}

static bool read_object(pb_json_reader *r, ProtobufCMessage *message) {
  const ProtobufCMessageDescriptor *type = message->descriptor;
  bool first = true, more;
  if (pb_json_peek(&r->lex) != PB_JSON_OBJECT_KIND) {
    return pb_json_peek(&r->lex) == PB_JSON_NO_KIND ? pb_json__syntax(r)
                                                    : pb_json__fails(r, "give an object in braces");
  }
  uint8_t *seen = pb_arena_alloc(r->arena, type->n_fields);
  if (seen == NULL) {
    return pb_json__no_memory(r);
  }
  memset(seen, 0, type->n_fields);
  if (!pb_json_open(&r->lex, '{')) {
    return pb_json__syntax(r);
  }
  while (pb_json_more(&r->lex, '}', &first, &more)) {
    if (!more) {
      return required_are_set(r, type, seen);
    }
    if (!read_member(r, message, seen)) {
      return false;
    }
  }
  return pb_json__syntax(r);
}

/* -- well-known types ------------------------------------------------------------------------------------------------- */

static bool read_time(pb_json_reader *r, ProtobufCMessage *message, bool is_duration) {
  static const char *const wants[] = {"give a time like \"2024-02-29T12:00:00Z\"", "give seconds like \"1.5s\""};
  const ProtobufCFieldDescriptor *f = message->descriptor->fields;
  base_span text;
  int64_t seconds;
  int32_t nanos;
  if (!pb_json__read_text(r, wants[is_duration], &text)) {
    return false;
  }
  if (!(is_duration ? pb_json_read_duration : pb_json_read_time)(text, &seconds, &nanos)) {
    return pb_json__fails(r, "%s", wants[is_duration]);
  }
  memcpy((char *)message + f[0].offset, &seconds, sizeof seconds);
  memcpy((char *)message + f[1].offset, &nanos, sizeof nanos);
  mark_set(&f[0], message);
  mark_set(&f[1], message);
  return true;
}

static bool read_mask(pb_json_reader *r, ProtobufCMessage *message) {
  static const char want[] = "give names of fields like \"displayName,user.email\"";
  struct list l = {.item = sizeof(char *)};
  base_span text;
  if (!pb_json__read_text(r, want, &text)) {
    return false;
  }
  while (text.n > 0) {
    const uint8_t *comma = memchr(text.p, ',', text.n);
    size_t n = comma ? (size_t)(comma - text.p) : text.n;
    char *path = pb_arena_alloc(r->arena, 2 * n + 1);
    char **at = push(r, &l);
    if (path == NULL || at == NULL) {
      return pb_json__no_memory(r);
    }
    if (!pb_json_read_path(base_span_of(text.p, n), path) || (comma && n + 1 == text.n)) {
      return pb_json__fails(r, "%s", want);
    }
    *at = path;
    text = comma ? base_span_of(comma + 1, text.n - n - 1) : base_span_of(NULL, 0);
  }
  store_list(message->descriptor->fields, message, &l);
  return true;
}

/* google.protobuf.Value: the member that fits what comes. */
static bool read_dynamic(pb_json_reader *r, ProtobufCMessage *message) {
  static const int member[] = {
      [PB_JSON_OBJECT_KIND] = 4, [PB_JSON_ARRAY_KIND] = 5, [PB_JSON_TEXT_KIND] = 2, [PB_JSON_NUMBER_KIND] = 1,
      [PB_JSON_TRUE_KIND] = 3,   [PB_JSON_FALSE_KIND] = 3, [PB_JSON_NULL_KIND] = 0,
  };
  enum pb_json_kind kind = pb_json_peek(&r->lex);
  if (kind == PB_JSON_NO_KIND) {
    return pb_json__syntax(r);
  }
  const ProtobufCFieldDescriptor *f = &message->descriptor->fields[member[kind]];
  if (!read_value(r, f, (char *)message + f->offset)) {
    return false;
  }
  mark_set(f, message);
  return true;
}

static bool read_wrapper(pb_json_reader *r, ProtobufCMessage *message) {
  const ProtobufCFieldDescriptor *f = message->descriptor->fields;
  if (!read_value(r, f, (char *)message + f->offset)) {
    return false;
  }
  mark_set(f, message);
  return true;
}

static bool read_typed(pb_json_reader *r, ProtobufCMessage *message) {
  switch (pb_json_type_of(message->descriptor)) {
  case PB_JSON_MESSAGE: break;
  case PB_JSON_TIMESTAMP: return read_time(r, message, false);
  case PB_JSON_DURATION: return read_time(r, message, true);
  case PB_JSON_FIELD_MASK: return read_mask(r, message);
  case PB_JSON_WRAPPER: return read_wrapper(r, message);
  case PB_JSON_STRUCT:
  case PB_JSON_LIST_VALUE: return read_field(r, message->descriptor->fields, message);
  case PB_JSON_VALUE: return read_dynamic(r, message);
  }
  return read_object(r, message);
}

static bool read_message(pb_json_reader *r, ProtobufCMessage *message) {
  if (r->depth > PB_DEPTH_MAX) {
    return pb_json__fails(r, "is nested too deep; %d levels are the most", PB_DEPTH_MAX);
  }
  r->depth++;
  bool ok = read_typed(r, message);
  r->depth--;
  return ok;
}

base_err pb_json_read(const ProtobufCMessageDescriptor *type, base_span json, pb_arena *arena, base_buf *why,
                      ProtobufCMessage **out) {
  static const uint8_t nothing[1];
  const uint8_t *begin = json.n > 0 ? json.p : nothing;
  pb_json_reader r = {.lex = {begin, begin, begin + json.n, arena, NULL}, .arena = arena, .why = why};
  base_buf_clear(why);
  *out = NULL;
  arena->over_cap = arena->no_memory = false;
  ProtobufCMessage *message = pb_message_new(type, arena);
  if (message ? read_message(&r, message) && (pb_json_end(&r.lex) || pb_json__syntax(&r)) : pb_json__no_memory(&r)) {
    *out = message;
    return BASE_OK;
  }
  return base_fail(arena->over_cap ? BASE_E_TOO_LARGE : arena->no_memory ? BASE_E_NO_MEMORY : BASE_E_MALFORMED);
}
