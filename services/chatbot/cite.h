/* cite.h - the check of citations: takes an engine's text piece by piece and gives it on with only those citations that stand in the passages.
 *
 * Engines write [n: "words"]. If the words stand in passage n, whatever their spaces, case and kind of quotation marks, "[n]" goes on in its place and the citation with the exact bytes of the
 * passage is noted; otherwise the mark is left out, as are marks without words ("[1]"); times and intervals ("[12:30]", "[0, 1]") are text. Whole words count, and neither Markdown's
 * emphasis nor signs around the words do. A mark that is torn between pieces is held back until it is whole or too long to be one; what looks
 * like a mark inside a code span or block is text. No byte of text is lost, doubled or reordered.
 *
 * Pure; one thread. The input is what a model wrote: anything.
 */
#ifndef PONTE_CHATBOT_CITE_H
#define PONTE_CHATBOT_CITE_H

#include "base/buf.h"

enum {
  CITE_MARK_MAX = 1024, /* bytes of a mark */
  CITE_WORDS_MIN = 2,   /* words of a quote, so that it says something */
  CITE_COUNT_MAX = 64
};

typedef struct {
  int number;           /* of the passage, from 1 */
  size_t begin, end;    /* of the quote, in the passage */
  size_t answer_offset; /* where "[n]" begins in what went on */
} cite_citation;

typedef struct cite cite;

/* The passages are borrowed until cite_free(). NULL when out of memory. */
cite *cite_new(const base_span *passages, size_t count);
void cite_free(cite *c);
/* Appends to *out what can go on. NO_MEMORY, TOO_LARGE (the ceiling of *out). */
base_err cite_push(cite *c, base_span piece, base_buf *out) BASE_MUST_USE;
/* The end: what was held back. */
base_err cite_end(cite *c, base_buf *out) BASE_MUST_USE;
const cite_citation *cite_citations(const cite *c, size_t *count);
/* Marks that were left out, for metrics. */
size_t cite_dropped(const cite *c);

#endif
