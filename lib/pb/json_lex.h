/* json_lex.h - the words of a JSON text (RFC 8259), one after the other, and numbers without rounding. Strict: nothing that the RFC does not allow. Texts are UTF-8 without NUL
 * and lone surrogates. Pure; internal to json_read.c. */
#ifndef PONTE_PB_JSON_LEX_H
#define PONTE_PB_JSON_LEX_H

#include "base/err.h"
#include "pb/arena.h"

enum pb_json_kind {
  PB_JSON_OBJECT_KIND,
  PB_JSON_ARRAY_KIND,
  PB_JSON_TEXT_KIND,
  PB_JSON_NUMBER_KIND,
  PB_JSON_TRUE_KIND,
  PB_JSON_FALSE_KIND,
  PB_JSON_NULL_KIND,
  PB_JSON_NO_KIND, /* the end, or no value begins here */
};

typedef struct {
  const uint8_t *begin, *p, *end;
  pb_arena *arena; /* for texts with escapes */
  const char *why; /* what is wrong at p; NULL: nothing yet */
} pb_json_lexer;

/* What comes next; nothing but blanks is consumed. */
enum pb_json_kind pb_json_peek(pb_json_lexer *l);
/* Each consumes its word, and is false with `why` when there is another or none. Texts are borrowed from the input or live in the arena. */
bool pb_json_text(pb_json_lexer *l, base_span *out) BASE_MUST_USE;
bool pb_json_number(pb_json_lexer *l, base_span *out) BASE_MUST_USE;
bool pb_json_word(pb_json_lexer *l, const char *word) BASE_MUST_USE;
/* Into an object '{' or array '['; then, before each member, whether there is one more: at the end the closing bracket is consumed. *first is true before the first. */
bool pb_json_open(pb_json_lexer *l, char bracket) BASE_MUST_USE;
bool pb_json_more(pb_json_lexer *l, char closing, bool *first, bool *more) BASE_MUST_USE;
/* A member's name and the colon. */
bool pb_json_key(pb_json_lexer *l, base_span *out) BASE_MUST_USE;
/* Nothing but blanks is left. */
bool pb_json_end(pb_json_lexer *l) BASE_MUST_USE;
/* For messages: where p is; both count from 1, columns in bytes. */
void pb_json_place(const pb_json_lexer *l, unsigned *line, unsigned *column);

/* The whole text is one JSON number. */
bool pb_json_is_number(base_span text);
/* A JSON number as an integer of 32 or 64 bits, without rounding: "1e3" and "5.0" are integers, "1.5" is none. *out is two's complement. False: no integer, or out of range. */
bool pb_json_integer(base_span number, bool is_signed, int bits, uint64_t *out);

#endif
