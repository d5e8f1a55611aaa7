/* cite_code.h - where an answer's Markdown is code, byte by byte: code spans and fenced blocks (CommonMark 0.30, 6.1 and 4.5). Part of cite.h. Pure.
 *
 * A backtick string opens a span only if another of its length closes it before the paragraph ends. Nobody knows that while an answer comes, and what comes is sent on at once: a span that is
 * open is taken for one, and only who finds what looks like a mark in it looks ahead, with cite_code_span_end(). Indented code is not told from text here.
 */
#ifndef PONTE_CHATBOT_CITE_CODE_H
#define PONTE_CHATBOT_CITE_CODE_H

#include "base/span.h"

enum cite_code_state { CITE_TEXT, CITE_SPAN, CITE_FENCE_INFO, CITE_FENCE, CITE_FENCE_CLOSING };

typedef struct {
  enum cite_code_state state;
  uint8_t fence; /* '`' or '~' */
  size_t size;   /* of the string that opened the span or block */
  size_t run;    /* of the string of `run_byte` that is being read */
  uint8_t run_byte;
  bool run_first;  /* it began the line, but for spaces, list markers and > */
  bool line_first; /* so does what comes next */
  bool line_blank; /* only spaces since the line began */
  bool escaped;    /* behind a backslash */
} cite_code;

static inline cite_code cite_code_start(void) { return (cite_code){.line_first = true, .line_blank = true}; }

void cite_code_step(cite_code *s, uint8_t byte);
/* Text was left out or replaced here. */
void cite_code_skip(cite_code *s);
/* `byte` comes next, is '[', and is neither escaped nor within a block. Then cite_code_is_span() tells whether it is within what is a span so far. */
bool cite_code_may_mark(cite_code *s, uint8_t byte);
static inline bool cite_code_is_span(const cite_code *s) { return s->state == CITE_SPAN; }

enum cite_span_end { CITE_SPAN_CLOSES, CITE_SPAN_IS_NONE, CITE_SPAN_UNKNOWN };
/* Whether `ahead` closes the span. `whole`: there is nothing behind it. */
enum cite_span_end cite_code_span_end(const cite_code *s, base_span ahead, bool whole);
void cite_code_leave_span(cite_code *s);

#endif
