/* arena.h - memory that is freed all at once, with a cap: what one message, or one call, may cost.
 *
 * A peer's few bytes can ask protobuf-c for much memory (an empty sub-message is two bytes on the wire and a hundred in C), so unpacking
 * takes its memory here. Under AddressSanitizer each object is its own allocation, so that overruns are seen. The caller holds the struct. Not shared
 * between threads.
 */
#ifndef PONTE_PB_ARENA_H
#define PONTE_PB_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct pb_arena_chunk;

typedef struct {
  struct pb_arena_chunk *chunks;
  size_t used_bytes, cap_bytes;
  bool over_cap, no_memory; /* why allocations failed, if any did */
} pb_arena;

/* Allocates nothing yet. */
void pb_arena_init(pb_arena *a, size_t cap_bytes);
/* Frees all; the arena is then as after init with the same cap. */
void pb_arena_dispose(pb_arena *a);
/* Aligned for any type, not zeroed. NULL when out of memory or past the cap. n = 0 gives a valid pointer. */
void *pb_arena_alloc(pb_arena *a, size_t n);
/* All memory of `from` belongs to `to` now, whose cap does not count it; `from` is as after init. */
void pb_arena_join(pb_arena *to, pb_arena *from);
/* A copy with a NUL behind it. */
char *pb_arena_copy(pb_arena *a, base_span bytes);

#endif
