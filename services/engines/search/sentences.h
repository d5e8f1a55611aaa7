/* sentences.h - where the sentences of a passage begin and end.
 *
 * Made for Portuguese and English prose, Markdown and transcripts: abbreviations, initials and decimals end none; a line of a transcript ends none unless no full stop comes for long; headings, list
 * items and paragraphs are sentences of their own. Pure; any thread; any bytes.
 */
#ifndef PONTE_SEARCH_SENTENCES_H
#define PONTE_SEARCH_SENTENCES_H

#include "base/span.h"

enum { SEARCH_SENTENCE_LONG = 240 /* bytes after which a line's end is a sentence's, too */ };

typedef struct {
  base_span text; /* without blanks around it, and marks of lists and headings before it */
  bool heading;   /* of Markdown */
} search_sentence;

/* The next sentence from *at on, which moves behind it; false at the end. */
bool search_sentence_next(base_span text, size_t *at, search_sentence *out);

#endif
