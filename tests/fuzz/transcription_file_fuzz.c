/* A whole recording as TranscribeAudio takes it: any bytes end, are refused, or give samples that are numbers within -1..1. */
#include <assert.h>

#include "transcription/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { BLOCK = 1024, MAX_BLOCKS = 4096 };
  tr_file *f = NULL;
  if (!base_is_ok(tr_file_open(base_span_of(data, size), &f))) return 0;
  float mono[BLOCK];
  size_t n = 0;
  int blocks = 0;
  do {
    n = tr_file_read(f, mono, BLOCK);
    for (size_t i = 0; i < n; i++)
      assert(mono[i] >= -1.0f && mono[i] <= 1.0f);
  } while (n > 0 && ++blocks < MAX_BLOCKS);
  tr_file_free(f);
  return 0;
}
