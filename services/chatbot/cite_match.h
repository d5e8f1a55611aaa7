/* cite_match.h - a mark's form, and the place of its words in a passage. Part of cite.h. Pure. */
#ifndef PONTE_CHATBOT_CITE_MATCH_H
#define PONTE_CHATBOT_CITE_MATCH_H

#include "base/err.h"
#include "base/span.h"

typedef struct {
  int number;      /* 0: none that a passage could have */
  base_span words; /* empty: none */
  size_t size;     /* of the whole mark */
} cite_mark;

enum cite_match { CITE_NONE, CITE_MATCH, CITE_NEED_MORE };
/* Whether a mark begins at text.p[0], which is '[': [n: "words"], with any quotation marks or none, or [n]. "[12:30]" is a time and "[0, 1]" an interval: none. NEED_MORE: as far as it goes; out->words.p is
 * set once its words have begun, and from then on only ']' and line ends can decide. */
enum cite_match cite_match_mark(base_span text, cite_mark *out);

/* Where the words stand in the passage. Spaces, case, the kind of quotation marks, Markdown's emphasis and signs around the words do not count; whole words do. NO_MEMORY. */
base_err cite_find(base_span passage, base_span words, bool *found, size_t *begin, size_t *end) BASE_MUST_USE;

#endif
