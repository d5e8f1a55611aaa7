#include "material/material.h"

#include <stdio.h>
#include <stdlib.h>

#include "material/internal.h"

static material__reader *const readers[] = {
    [MATERIAL_MARKDOWN] = material__markdown,
    [MATERIAL_TEXT] = material__plain,
    [MATERIAL_SRT] = material__srt,
    [MATERIAL_VTT] = material__vtt,
};

base_err material__malformed(char why[MATERIAL_WHY_SIZE], size_t line, const char *what) {
  snprintf(why, MATERIAL_WHY_SIZE, "line %zu: %s", line, what);
  return base_fail(BASE_E_MALFORMED);
}

bool material__line(material__lines *l, base_span *line) {
  base_span s = l->rest;
  if (s.n == 0) return false;
  size_t n = 0;
  while (n < s.n && s.p[n] != '\n' && s.p[n] != '\r')
    n++;
  size_t end = n;
  if (end < s.n) end += s.p[n] == '\r' && n + 1 < s.n && s.p[n + 1] == '\n' ? 2 : 1;
  *line = base_span_of(s.p, n);
  l->rest = base_span_of(s.p + end, s.n - end);
  l->number++;
  return true;
}

bool material__is_blank(base_span s) { return base_span_trim(s).n == 0; }

static base_err check_text(base_span content, char why[MATERIAL_WHY_SIZE]) {
  material__lines lines = {.rest = content};
  base_span line;
  while (material__line(&lines, &line)) {
    if (!base_span_utf8(line)) return material__malformed(why, lines.number, "not UTF-8");
    if (line.n && memchr(line.p, '\0', line.n)) return material__malformed(why, lines.number, "a NUL byte");
  }
  return BASE_OK;
}

base_err material_parse(enum material_format format, base_span content, material *out, char why[MATERIAL_WHY_SIZE]) {
  *out = (material){0};
  why[0] = '\0';
  size_t index = (size_t)format;
  if (index >= sizeof readers / sizeof *readers || !readers[index]) {
    snprintf(why, MATERIAL_WHY_SIZE, "not a format that can be read");
    return base_fail(BASE_E_MALFORMED);
  }
  if (content.n > MATERIAL_SIZE_MAX) {
    snprintf(why, MATERIAL_WHY_SIZE, "more than %d bytes", MATERIAL_SIZE_MAX);
    return base_fail(BASE_E_TOO_LARGE);
  }
  BASE_TRY(check_text(content, why));
  base_buf_init(&out->text, MATERIAL_SIZE_MAX);
  base_err e = readers[index](content, out, why);
  if (base_is_ok(e) && out->passage_count == 0) e = material__malformed(why, 1, "there is nothing to read in it");
  if (!base_is_ok(e)) material_dispose(out);
  return e;
}

void material_dispose(material *m) {
  for (size_t i = 0; i < m->passage_count; i++)
    free(m->passages[i].heading);
  free(m->passages);
  free(m->cues);
  base_buf_dispose(&m->text);
  *m = (material){0};
}

/* Paragraphs, with blank lines between them. */
base_err material__plain(base_span content, material *m, char why[MATERIAL_WHY_SIZE]) {
  (void)why;
  BASE_TRY(base_buf_append(&m->text, content));
  base_span text = base_buf_span(&m->text), line;
  material__passages passages = {.m = m, .text = text};
  material__lines lines = {.rest = text};
  size_t begin = 0;
  while (material__line(&lines, &line)) {
    if (!material__is_blank(line)) continue;
    size_t at = (size_t)(line.p - text.p);
    BASE_TRY(material__add_block(&passages, begin, at, "", MATERIAL__PROSE));
    begin = at;
  }
  return material__add_block(&passages, begin, text.n, "", MATERIAL__PROSE);
}
