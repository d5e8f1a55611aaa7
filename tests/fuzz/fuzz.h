/* fuzz.h - what every fuzz target includes. Test code only; single thread. */
#ifndef PONTE_TESTS_FUZZ_H
#define PONTE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's entry; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input: a broken one is found like a crash, in every build type. */
#define FUZZ_CHECK(cond)                                                       \
  do {                                                                         \
    if (!(cond)) {                                                             \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
      abort();                                                                 \
    }                                                                          \
  } while (0)
#define FUZZ_OK(expr) FUZZ_CHECK(base_is_ok(expr))

#endif
