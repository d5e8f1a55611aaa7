/* golden.h - reads the vectors of this folder (README.md has the format) and prints metadata as they do. Test code only;
 * single thread. */
#ifndef PONTE_TESTS_GOLDEN_H
#define PONTE_TESTS_GOLDEN_H

#include <stdio.h>

#include "wire/metadata.h"

enum { GOLDEN_BYTES = 4096, GOLDEN_TEXT = 2048, GOLDEN_LINE = 512 };

typedef struct {
  const char *path;
  int line;               /* where the vector begins */
  char name[GOLDEN_LINE]; /* what follows `vector` */
  uint8_t bytes[GOLDEN_BYTES];
  size_t n;
  char means[GOLDEN_TEXT]; /* lines joined by '\n', each ended by one; "" if there is none */
  char error[GOLDEN_LINE]; /* "" if there is none */
  bool one_way;
} golden_vector;

/* Runs `check` on each vector of the file. Returns how many there were; 0 after a printed complaint if the file is
 * missing or malformed. */
int golden_each(const char *path, void (*check)(const golden_vector *v));

static inline base_span golden_span(const golden_vector *v) { return base_span_of(v->bytes, v->n); }

/* Appends ` key="value"` for each pair; the values of "-bin" keys as hexadecimal digits. */
base_err golden_describe(const wire_metadata *m, base_buf *out) BASE_MUST_USE;

/* For messages of failed checks. */
#define GOLDEN_FMT "%s:%d: %s"
#define GOLDEN_ARG(v) (v)->path, (v)->line, (v)->name

#endif
