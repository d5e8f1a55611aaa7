/* nearest.h - which known name was probably meant by a mistyped one. Pure; any thread. */
#ifndef PONTE_BASE_NEAREST_H
#define PONTE_BASE_NEAREST_H

#include "base/span.h"

typedef struct {
  base_span name;   /* what was typed */
  const char *best; /* NULL: none was near */
  size_t distance;
} base_nearest;

base_nearest base_nearest_of(base_span name);
/* Takes the candidate if it is nearer than those before. NULL is allowed. */
void base_nearest_try(base_nearest *n, const char *candidate);

#endif
