/* internal.h - what the readers of the formats share. Pure; any thread. */
#ifndef PONTE_MATERIAL_INTERNAL_H
#define PONTE_MATERIAL_INTERNAL_H

#include "material/material.h"

/* One a format: fills *m from content, which is UTF-8 without NUL. MALFORMED with `why`, NO_MEMORY; *m is disposed by the caller then, too. */
typedef base_err material__reader(base_span content, material *m, char why[MATERIAL_WHY_SIZE]);
material__reader material__markdown, material__plain, material__srt, material__vtt;

base_err material__malformed(char why[MATERIAL_WHY_SIZE], size_t line, const char *what) BASE_MUST_USE;

/* The next line without its end (LF, CR LF or CR), from 1; false at the end. Begin with {content, 0}. */
typedef struct {
  base_span rest;
  size_t number;
} material__lines;
bool material__line(material__lines *l, base_span *line);
bool material__is_blank(base_span s);

/* Where a block that is too long is cut. */
enum material__cut { MATERIAL__PROSE, MATERIAL__LINES };

/* Passages of *m out of blocks of `text` that come in order: small neighbours are put together, long ones are cut, what holds no word is left out. */
typedef struct {
  material *m;
  base_span text;
  size_t capacity;
} material__passages;
base_err material__add_block(material__passages *p, size_t begin, size_t end, const char *heading,
                             enum material__cut cut) BASE_MUST_USE;
/* The same without putting together. */
base_err material__add_alone(material__passages *p, size_t begin, size_t end, const char *heading,
                             enum material__cut cut) BASE_MUST_USE;
/* The text ends with a sentence: . ! ? or an ellipsis, quotation marks and brackets behind it allowed. */
bool material__ends_sentence(base_span s);

/* Cues of *m, whose text is written line by line. */
typedef struct {
  material *m;
  size_t capacity;
} material__cues;
/* Spaces and line ends of `text` become single spaces; without a word there is no cue. A cue that ends before it begins ends where it begins. */
base_err material__add_cue(material__cues *c, int64_t start_ms, int64_t end_ms, base_span text) BASE_MUST_USE;
/* The passages of m's own text and cues. */
base_err material__add_cue_passages(material *m) BASE_MUST_USE;

/* "00:01:02.500 --> 00:01:04.000 settings". Lax: one digit will do for each number, hours may be missing, comma or dot before one to three digits, or none. Strict: as WebVTT has it. */
bool material__times_line(base_span line, bool strict, int64_t *start_ms, int64_t *end_ms);

#endif
