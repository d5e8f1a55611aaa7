/* markdown.h - an answer's Markdown as node operations for whoever shows it; never HTML, and only the blocks that changed since the last time.
 *
 * An answer grows while it is shown. Each wc_markdown_render() takes the whole text so far and tells how many blocks at the front are as they were, and the ones that follow as
 * JSON: a block is a list of operations, where a text is a text, a list opens an element and 0 closes the innermost one:
 *   {"keep":1,"blocks":[[["p"],"See ",["a","https://x.org/"],"this",0," ",["cite",2,14],0,0]]}
 * Elements are those of WC_MARKDOWN_NODES and no others; what stands behind the name is in its row. Raw HTML is shown as the text that it is; images are their alternative text;
 * links lead to http, https and mailto, and are plain text otherwise. Nothing nests deeper than WC_MARKDOWN_DEPTH.
 *
 * "[n]", for n from 1 to the number of passages, is a citation before it is anything else: no link, definition or emphasis can take it over (but code shows it as text).
 *
 * Pure; one thread. Source: CommonMark 0.30 with tables and strikethrough, as md4c reads it.
 */
#ifndef PONTE_WC_MARKDOWN_H
#define PONTE_WC_MARKDOWN_H

#include "base/buf.h"

enum {
  WC_MARKDOWN_MAX = 64 * 1024, /* bytes of text */
  WC_MARKDOWN_DEPTH = 20,
};

/*      name           behind the name */
#define WC_MARKDOWN_NODES(X)                        \
  X(P, "p")                                         \
  X(HEADING, "h") /* level, 1 to 6 */               \
  X(QUOTE, "quote")                                 \
  X(UL, "ul")                                       \
  X(OL, "ol") /* first number */                    \
  X(LI, "li")                                       \
  X(HR, "hr")                                       \
  X(PRE, "pre")                                     \
  X(TABLE, "table")                                 \
  X(THEAD, "thead")                                 \
  X(TBODY, "tbody")                                 \
  X(TR, "tr")                                       \
  X(TH, "th") /* "", "left", "center" or "right" */ \
  X(TD, "td") /* the same */                        \
  X(EM, "em")                                       \
  X(STRONG, "strong")                               \
  X(DEL, "del")                                     \
  X(CODE, "code")                                   \
  X(A, "a") /* address */                           \
  X(BR, "br")                                       \
  X(CITE, "cite") /* n, and the byte of the text where its "[n]" begins */

typedef struct wc_markdown wc_markdown;

/* NULL when out of memory. */
wc_markdown *wc_markdown_new(void);
/* NULL is allowed. */
void wc_markdown_free(wc_markdown *m);
/* Forgets what was shown: all blocks are new the next time. */
void wc_markdown_reset(wc_markdown *m);
/* Appends what changed since the last call that succeeded. TOO_LARGE: the text, or what becomes of it; NO_MEMORY. */
base_err wc_markdown_render(wc_markdown *m, base_span text, int passages, base_buf *out) BASE_MUST_USE;

#endif
