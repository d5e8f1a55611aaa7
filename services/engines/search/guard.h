/* guard.h - material that does not speak to students but to the machine that answers them: "ignore all previous instructions", forged marks and delimiters, comments that no page shows.
 *
 * Such a paragraph is never a reason to answer, and never quoted. It is a second line only: what stands in the material is data wherever it goes. A lesson about such attacks loses the paragraphs that spell
 * one out.
 */
#ifndef PONTE_SEARCH_GUARD_H
#define PONTE_SEARCH_GUARD_H

#include "search/terms.h"

/* The next paragraph, up to a blank line, from *at on, which moves behind it; false at the end. Pure. */
bool search_paragraph_next(base_span text, size_t *at, base_span *out);
bool search_speaks_to_machine(search_terms *t, base_span paragraph);

#endif
