/* Lesson material: byte 0 is the format, the rest what somebody added. What is read keeps what the header promises; Markdown and plain text stay as they came; the passages of a
 * transcript's own cues come out the same again. */
#include "fuzz.h"

#include "material/material.h"
#include "material/testing.h"

static void check_again(const material *m) {
  material again;
  FUZZ_OK(material_cue_passages(base_buf_span(&m->text), m->cues, m->cue_count, &again));
  FUZZ_CHECK(again.passage_count == m->passage_count);
  for (size_t i = 0; i < again.passage_count; i++) {
    FUZZ_CHECK(again.passages[i].begin == m->passages[i].begin && again.passages[i].end == m->passages[i].end);
    FUZZ_CHECK(again.passages[i].start_ms == m->passages[i].start_ms);
  }
  material_dispose(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  enum material_format format = MATERIAL_MARKDOWN + data[0] % MATERIAL_VTT;
  base_span content = base_span_of(data + 1, size - 1);
  material m;
  char why[MATERIAL_WHY_SIZE];
  base_err e = material_parse(format, content, &m, why);
  FUZZ_CHECK(base_is_ok(e) == (why[0] == '\0') && memchr(why, '\0', sizeof why));
  if (!base_is_ok(e)) {
    FUZZ_CHECK(!m.passages && !m.cues && base_is(e, BASE_E_MALFORMED));
    return 0;
  }
  FUZZ_CHECK(material_testing_broken(&m) == NULL);
  FUZZ_CHECK((m.cue_count > 0) == (format >= MATERIAL_SRT));
  if (format < MATERIAL_SRT) FUZZ_CHECK(base_span_eq(base_buf_span(&m.text), content));
  if (m.cue_count) check_again(&m);
  material_dispose(&m);
  return 0;
}
