/* markdown_memory.h - memory for cmark, which does not look whether it got any: what cannot be had ends the whole reading with NO_MEMORY, and everything is freed at once.
 *
 * Any thread; one reading at a time, and the others wait: what a document may take at most (markdown_memory.c) is then what all together may.
 */
#ifndef PONTE_MATERIAL_MARKDOWN_MEMORY_H
#define PONTE_MATERIAL_MARKDOWN_MEMORY_H

#include <cmark.h>

#include "base/err.h"

/* Calls read(mem, ctx). Whatever cmark allocates from `mem` is gone afterwards. When memory runs out, `read` does not come back: it may own nothing else then but what it keeps in ctx. */
base_err markdown_memory_run(base_err (*read)(cmark_mem *mem, void *ctx), void *ctx) BASE_MUST_USE;

#endif
