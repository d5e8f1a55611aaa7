/* json.h - a provider's JSON, read with jansson. Text that is torn inside a character (a server that gives the bytes of one model token an event) does not make it malformed: the bytes come
 * out of llm_json_text() as they went in, for the reader to join. Pure; any thread.
 */
#ifndef PONTE_LLM_JSON_H
#define PONTE_LLM_JSON_H

#include <jansson.h>

#include "base/buf.h"

typedef struct {
  json_t *root;
  bool torn; /* bytes were carried through jansson in disguise */
} llm_json;

/* MALFORMED: no JSON, or no object (of an array, its first). Decref the root. */
base_err llm_json_read(base_span text, llm_json *out) BASE_MUST_USE;
/* It is of this type, or not there: NULL or null. */
bool llm_json_may_be(const json_t *value, json_type type);
/* Appends what a string of it says; nothing when it is no string. */
base_err llm_json_text(const llm_json *j, const json_t *string, base_buf *out) BASE_MUST_USE;
/* "" when there is none, or it is no string. */
const char *llm_json_str(const json_t *object, const char *name);
/* 0 when there is none, it is no integer, or it is negative. */
int64_t llm_json_count(const json_t *object, const char *name);
/* Bytes of the well-formed character at the front; 0: there is none. */
size_t llm_utf8_char(base_span s);
/* The span is the beginning of a character, and no more. */
bool llm_utf8_torn(base_span s);

#endif
