/* testing.h - what the tests and the fuzz target of this module hold of every material. Test code only. */
#ifndef PONTE_MATERIAL_TESTING_H
#define PONTE_MATERIAL_TESTING_H

#include "material/material.h"

static inline bool material_testing_is_boundary(base_span text, size_t at) {
  return at == text.n || (text.p[at] & 0xC0) != 0x80;
}

/* NULL, or what the header promises and this material breaks. */
static inline const char *material_testing_broken(const material *m) {
  base_span text = base_buf_span(&m->text);
  size_t before = 0;
  if (!base_span_utf8(text)) return "text is not UTF-8";
  if (m->passage_count == 0) return "no passage";
  for (size_t i = 0; i < m->passage_count; i++) {
    const material_passage *p = &m->passages[i];
    if (p->begin < before || p->begin >= p->end || p->end > text.n) return "a passage out of order, empty or outside";
    if (p->end - p->begin > MATERIAL_PASSAGE_MAX) return "a passage too long";
    if (!material_testing_is_boundary(text, p->begin) || !material_testing_is_boundary(text, p->end)) {
      return "a passage cut within a character";
    }
    if (!p->heading || !base_span_utf8(base_span_str(p->heading))) return "a heading that is not UTF-8";
    if ((p->start_ms < 0) != (m->cue_count == 0) || p->end_ms < p->start_ms) return "a passage's times";
    before = p->end;
  }
  before = 0;
  for (size_t i = 0; i < m->cue_count; i++) {
    const material_cue *c = &m->cues[i];
    if (c->begin < before || c->begin >= c->end || c->end > text.n) return "a cue out of order, empty or outside";
    if (c->start_ms < 0 || c->end_ms < c->start_ms) return "a cue's times";
    before = c->end;
  }
  return NULL;
}

#endif
