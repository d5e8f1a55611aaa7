#include "asr/asr.h"

#include <stdlib.h>
#include <string.h>

const asr_engine *asr_engine_find(const char *name) {
  static const asr_engine *const engines[] = {&asr_sherpa, &asr_fake};
  for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
    if (strcmp(engines[i]->name, name) == 0) return engines[i];
  }
  return NULL;
}

void asr_result_dispose(asr_result *r) {
  free(r->text);
  for (size_t i = 0; i < r->word_count; i++)
    free(r->words[i].text);
  free(r->words);
  for (size_t i = 0; i < r->alternative_count; i++)
    free(r->alternatives[i]);
  free(r->alternatives);
  free(r->confidences);
  *r = (asr_result){0};
}
