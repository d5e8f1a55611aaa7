/* json_reader.h - what the parts of the JSON reader share: where it is, what went wrong, and values that are not messages. Internal to json_read.c and json_scalar.c. */
#ifndef PONTE_PB_JSON_READER_H
#define PONTE_PB_JSON_READER_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "pb/json_lex.h"
#include "pb/rules.h"

typedef struct {
  pb_json_lexer lex;
  pb_arena *arena;
  base_buf *why;
  int depth;
  size_t path_n;
  char path[PB_PATH_SIZE];
} pb_json_reader;

/* Each returns false, for `return pb_json__fails(...)`, and says why, with the path. */
bool pb_json__fails(pb_json_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool pb_json__syntax(pb_json_reader *r); /* what the lexer stumbled over, with line and column */
bool pb_json__no_memory(pb_json_reader *r);

/* Appends to the path; one that is too long is cut. Returns its length before, for leave(). */
size_t pb_json__enter(pb_json_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pb_json__leave(pb_json_reader *r, size_t before);

/* The next value, which must be a text; `what` says so otherwise. */
bool pb_json__read_text(pb_json_reader *r, const char *what, base_span *out);
/* The next value, of any type but a message; `at` is where the message or list has it. */
bool pb_json__read_scalar(pb_json_reader *r, const ProtobufCFieldDescriptor *f, void *at);
/* A text or number that was read already: the keys of maps. */
bool pb_json__store_text(pb_json_reader *r, base_span text, void *at);
bool pb_json__store_integer(pb_json_reader *r, base_span text, bool is_signed, int bits, void *at);

#endif
