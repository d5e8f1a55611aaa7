#include "failalloc.h"

#include <stddef.h>

static long left = -1, failures;

void failalloc_after(long n) {
  left = n;
  failures = 0;
}

long failalloc_failures(void) { return failures; }

static int refused(void) {
  if (left == 0) {
    failures++;
    return 1;
  }
  left -= left > 0;
  return 0;
}

/* The names are the linker's: it sends malloc() here and __real_malloc() to the C library. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n) { return refused() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return refused() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t n) { return refused() ? NULL : __real_realloc(p, n); }
