#include "pb/json_reader.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/nearest.h"
#include "wire/metadata.h"

/* -- where, and what is wrong ------------------------------------------------------------------------------------------ */

bool pb_json__fails(pb_json_reader *r, const char *fmt, ...) {
  char text[256];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  size_t size = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
  base_err e = base_buf_printf(r->why, "%s%s", r->path, r->path[0] ? ": " : "");
  if (base_is_ok(e)) {
    size_t room = base_buf_room(r->why);
    e = base_buf_append(r->why, base_span_of(text, size < room ? size : room));
  }
  (void)e; /* the answer is an error already; it is told without words then */
  return false;
}

bool pb_json__syntax(pb_json_reader *r) {
  unsigned line, column;
  pb_json_place(&r->lex, &line, &column);
  return pb_json__fails(r, "line %u, column %u: %s", line, column, r->lex.why ? r->lex.why : "a value belongs here");
}

bool pb_json__no_memory(pb_json_reader *r) { return pb_json__fails(r, "this takes more memory than it may"); }

size_t pb_json__enter(pb_json_reader *r, const char *fmt, ...) {
  size_t before = r->path_n, room = sizeof r->path - before;
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(r->path + before, room, fmt, ap);
  va_end(ap);
  r->path_n += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
  return before;
}

void pb_json__leave(pb_json_reader *r, size_t before) {
  r->path_n = before;
  r->path[before] = '\0';
}

/* -- scalars --------------------------------------------------------------------------------------------------------- */

/* A number, or a number as a text. */
static bool number_text(pb_json_reader *r, base_span *out) {
  switch (pb_json_peek(&r->lex)) {
  case PB_JSON_NUMBER_KIND: return pb_json_number(&r->lex, out) || pb_json__syntax(r);
  case PB_JSON_TEXT_KIND: return pb_json_text(&r->lex, out) || pb_json__syntax(r);
  default: *out = base_span_of(NULL, 0); return true;
  }
}

bool pb_json__store_integer(pb_json_reader *r, base_span text, bool is_signed, int bits, void *at) {
  uint64_t v = 0;
  if (!pb_json_is_number(text) || !pb_json_integer(text, is_signed, bits, &v)) {
    if (is_signed) {
      return pb_json__fails(r, "give a whole number from %" PRId64 " to %" PRId64, bits == 64 ? INT64_MIN : INT32_MIN,
                            bits == 64 ? INT64_MAX : (int64_t)INT32_MAX);
    }
    return pb_json__fails(r, "give a whole number from 0 to %" PRIu64, bits == 64 ? UINT64_MAX : (uint64_t)UINT32_MAX);
  }
  if (bits == 64) {
    memcpy(at, &v, sizeof v);
  } else {
    uint32_t narrow = (uint32_t)v;
    memcpy(at, &narrow, sizeof narrow);
  }
  return true;
}

static bool read_integer(pb_json_reader *r, bool is_signed, int bits, void *at) {
  base_span text;
  return number_text(r, &text) && pb_json__store_integer(r, text, is_signed, bits, at);
}

static bool special_number(base_span text, double *out) {
  if (base_span_is(text, "NaN")) {
    *out = NAN;
  } else if (base_span_is(text, "Infinity")) {
    *out = INFINITY;
  } else if (base_span_is(text, "-Infinity")) {
    *out = -INFINITY;
  } else {
    return false;
  }
  return true;
}

static bool read_float(pb_json_reader *r, bool is_float, void *at) {
  enum { LONGEST = 1100 }; /* digits that a double can need (767), and some */
  char copy[LONGEST];
  base_span text;
  double v;
  if (!number_text(r, &text)) {
    return false;
  }
  if (!special_number(text, &v)) {
    if (!pb_json_is_number(text) || text.n >= LONGEST) {
      return pb_json__fails(r, "give a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
    }
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    v = is_float ? (double)strtof(copy, NULL) : strtod(copy, NULL);
    if (isinf(v)) {
      return pb_json__fails(r, "this is beyond the numbers of a %s", is_float ? "float" : "double");
    }
  }
  if (is_float) {
    float narrow = (float)v;
    memcpy(at, &narrow, sizeof narrow);
  } else {
    memcpy(at, &v, sizeof v);
  }
  return true;
}

static bool read_bool(pb_json_reader *r, void *at) {
  enum pb_json_kind kind = pb_json_peek(&r->lex);
  protobuf_c_boolean v = kind == PB_JSON_TRUE_KIND;
  if (kind != PB_JSON_TRUE_KIND && kind != PB_JSON_FALSE_KIND) {
    return pb_json__fails(r, "give true or false");
  }
  memcpy(at, &v, sizeof v);
  return pb_json_word(&r->lex, v ? "true" : "false") || pb_json__syntax(r);
}

bool pb_json__read_text(pb_json_reader *r, const char *what, base_span *out) {
  if (pb_json_peek(&r->lex) != PB_JSON_TEXT_KIND) {
    return pb_json__fails(r, "%s", what);
  }
  return pb_json_text(&r->lex, out) || pb_json__syntax(r);
}

bool pb_json__store_text(pb_json_reader *r, base_span text, void *at) {
  char *copy = pb_arena_copy(r->arena, text);
  memcpy(at, &copy, sizeof copy);
  return copy || pb_json__no_memory(r);
}

/* The other alphabet (RFC 4648 section 5) to the first, in the bytes' own place; bits behind the last byte are cleared, which encoders may leave set. */
static base_span standard_base64(base_span text, uint8_t *out) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t n = text.n;
  for (size_t i = 0; i < n; i++) {
    out[i] = text.p[i] == '-' ? '+' : text.p[i] == '_' ? '/' : text.p[i];
  }
  while (n > 0 && out[n - 1] == '=') {
    n--;
  }
  size_t spare = n % 4 == 2 ? 0x0f : n % 4 == 3 ? 0x03 : 0;
  const char *last = spare && out[n - 1] ? strchr(alphabet, out[n - 1]) : NULL;
  if (last) {
    out[n - 1] = (uint8_t)alphabet[(size_t)(last - alphabet) & ~spare];
  }
  return base_span_of(out, text.n);
}

static bool read_bytes(pb_json_reader *r, void *at) {
  static const char want[] = "give bytes as base64 in quotes";
  base_span text;
  base_buf raw;
  if (!pb_json__read_text(r, want, &text)) {
    return false;
  }
  uint8_t *bytes = pb_arena_alloc(r->arena, text.n);
  if (bytes == NULL) {
    return pb_json__no_memory(r);
  }
  base_buf_init(&raw, text.n + 1);
  base_err e = wire_base64_decode(standard_base64(text, bytes), &raw);
  base_span decoded = base_buf_span(&raw);
  if (decoded.n > 0) {
    memcpy(bytes, decoded.p, decoded.n); /* never longer than its base64 */
  }
  memcpy(at, &(ProtobufCBinaryData){decoded.n, bytes}, sizeof(ProtobufCBinaryData));
  base_buf_dispose(&raw);
  return base_is_ok(e) || pb_json__fails(r, "%s", want);
}

static bool read_enum(pb_json_reader *r, const ProtobufCFieldDescriptor *f, void *at) {
  const ProtobufCEnumDescriptor *type = f->descriptor;
  base_span name;
  switch (pb_json_peek(&r->lex)) {
  case PB_JSON_NUMBER_KIND: return read_integer(r, true, 32, at);
  case PB_JSON_NULL_KIND:
    return pb_json_word(&r->lex, "null") || pb_json__syntax(r); /* NullValue's, and in the message 0 */
  case PB_JSON_TEXT_KIND: break;
  default: return pb_json__fails(r, "give the name of a value of %s, or its number", type->name);
  }
  if (!pb_json_text(&r->lex, &name)) {
    return pb_json__syntax(r);
  }
  base_nearest nearest = base_nearest_of(name);
  for (unsigned i = 0; i < type->n_value_names; i++) {
    if (base_span_is(name, type->values_by_name[i].name)) {
      memcpy(at, &type->values[type->values_by_name[i].index].value, sizeof(int));
      return true;
    }
    base_nearest_try(&nearest, type->values_by_name[i].name);
  }
  return nearest.best ? pb_json__fails(r, "%s has no such value; did you mean %s?", type->name, nearest.best)
                      : pb_json__fails(r, "%s has no such value", type->name);
}

bool pb_json__read_scalar(pb_json_reader *r, const ProtobufCFieldDescriptor *f, void *at) {
  switch (f->type) {
  case PROTOBUF_C_TYPE_INT32:
  case PROTOBUF_C_TYPE_SINT32:
  case PROTOBUF_C_TYPE_SFIXED32: return read_integer(r, true, 32, at);
  case PROTOBUF_C_TYPE_UINT32:
  case PROTOBUF_C_TYPE_FIXED32: return read_integer(r, false, 32, at);
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_SINT64:
  case PROTOBUF_C_TYPE_SFIXED64: return read_integer(r, true, 64, at);
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_FIXED64: return read_integer(r, false, 64, at);
  case PROTOBUF_C_TYPE_FLOAT: return read_float(r, true, at);
  case PROTOBUF_C_TYPE_DOUBLE: return read_float(r, false, at);
  case PROTOBUF_C_TYPE_BOOL: return read_bool(r, at);
  case PROTOBUF_C_TYPE_ENUM: return read_enum(r, f, at);
  case PROTOBUF_C_TYPE_BYTES: return read_bytes(r, at);
  case PROTOBUF_C_TYPE_STRING: {
    base_span text;
    return pb_json__read_text(r, "give a text in quotes", &text) && pb_json__store_text(r, text, at);
  }
  case PROTOBUF_C_TYPE_MESSAGE: break;
  }
  return pb_json__fails(r, "no JSON is known for this type");
}
