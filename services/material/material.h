/* material.h - lesson material as text and passages: Markdown (CommonMark), plain text, and transcripts with times (SubRip, WebVTT).
 *
 * Pure; any thread. What it reads comes from strangers: it is bounded by MATERIAL_SIZE_MAX and refuses what it does not understand, naming the line.
 * Sources: CommonMark 0.30; WebVTT (W3C Candidate Recommendation, 4 April 2019); SubRip as players read it.
 */
#ifndef PONTE_MATERIAL_MATERIAL_H
#define PONTE_MATERIAL_MATERIAL_H

#include "base/buf.h"

/* Numbers of ponte.chatbot.v1.MaterialFormat. */
enum material_format { MATERIAL_MARKDOWN = 1, MATERIAL_TEXT, MATERIAL_SRT, MATERIAL_VTT, MATERIAL_LIVE };

enum {
  MATERIAL_SIZE_MAX = 1 << 20,
  MATERIAL_PASSAGE_MAX =
      1200, /* bytes; a passage ends at a paragraph, else at a sentence, else at a word, and never inside a character */
  MATERIAL_PASSAGE_GOAL = 600, /* short paragraphs of one heading are put together up to this */
  MATERIAL_WHY_SIZE = 160
};

typedef struct {
  size_t begin, end;        /* of the text; passages neither overlap nor come out of order */
  int64_t start_ms, end_ms; /* -1: no times */
  char *heading;            /* "Chapter > Section"; "" without */
} material_passage;

/* Where the text has times. In order of begin; the lines between cues belong to none. */
typedef struct {
  size_t begin, end;
  int64_t start_ms, end_ms;
} material_cue;

typedef struct {
  base_buf
      text; /* what offsets count in: Markdown and plain text as they came, transcripts a line a cue, without markup. Valid UTF-8 without NUL */
  material_passage *passages;
  size_t passage_count;
  material_cue *cues;
  size_t cue_count;
} material;

/* MALFORMED (not of the format, not UTF-8, nothing to read in it; `why` names the line), TOO_LARGE, NO_MEMORY. Zeroed *out otherwise filled. */
base_err material_parse(enum material_format format, base_span content, material *out,
                        char why[MATERIAL_WHY_SIZE]) BASE_MUST_USE;
/* The passages of a transcript whose text and cues are there already (LIVE, and what material_parse() made): again the same for the same cues, and all but the last stay as
 * they are when cues are added. */
base_err material_cue_passages(base_span text, const material_cue *cues, size_t count, material *out) BASE_MUST_USE;
/* A zeroed material may be disposed. */
void material_dispose(material *m);
/* The times of text [begin, end): from the first cue in it to the last; -1, -1 if there is none. */
void material_times(const material_cue *cues, size_t count, size_t begin, size_t end, int64_t *start_ms,
                    int64_t *end_ms);

#endif
