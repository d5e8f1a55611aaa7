#include "chatbot/cite_code.h"

enum { FENCE_MIN = 3 };

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }

/* What may stand before a fence: spaces, > and, before one that opens, the markers of lists. */
static bool is_prefix(uint8_t c, bool opens) {
  return is_space(c) || c == '>' || (opens && (c == '-' || c == '*' || c == '+' || c == '.' || c == ')')) ||
         (opens && c >= '0' && c <= '9');
}

/* A string of backticks or tildes has ended. */
static void settle(cite_code *s) {
  bool tick = s->run_byte == '`';
  size_t run = s->run;
  s->run = 0;
  switch (s->state) {
  case CITE_TEXT:
  case CITE_SPAN: /* blocks come before spans: a fence ends the paragraph, and the span was none */
    if (s->run_first && run >= FENCE_MIN) {
      s->state = CITE_FENCE_INFO;
    } else if (tick && s->state == CITE_SPAN) {
      if (run == s->size) s->state = CITE_TEXT;
      return;
    } else if (tick) {
      s->state = CITE_SPAN;
    } else {
      return;
    }
    s->fence = s->run_byte;
    s->size = run;
    return;
  case CITE_FENCE_INFO: /* no backticks there: it was a span */
    if (tick && s->fence == '`') s->state = run == s->size ? CITE_TEXT : CITE_SPAN;
    return;
  case CITE_FENCE:
    if (s->run_first && s->run_byte == s->fence && run >= s->size) s->state = CITE_FENCE_CLOSING;
    return;
  case CITE_FENCE_CLOSING: s->state = CITE_FENCE; return;
  }
}

static void end_line(cite_code *s) {
  if (s->state == CITE_SPAN && s->line_blank) s->state = CITE_TEXT;
  if (s->state == CITE_FENCE_CLOSING) s->state = CITE_TEXT;
  if (s->state == CITE_FENCE_INFO) s->state = CITE_FENCE;
  s->line_first = s->line_blank = true;
}

void cite_code_step(cite_code *s, uint8_t byte) {
  bool escaped = s->escaped && byte != '\n';
  s->escaped = false;
  if (s->run && (byte != s->run_byte || escaped)) settle(s);
  if ((byte == '`' || byte == '~') && !escaped) {
    if (s->run == 0) s->run_first = s->line_first;
    s->run_byte = byte;
    s->run++;
    s->line_first = s->line_blank = false;
    return;
  }
  if (byte == '\n') {
    end_line(s);
    return;
  }
  if (s->state == CITE_FENCE_CLOSING && !is_space(byte)) s->state = CITE_FENCE;
  s->escaped = byte == '\\' && s->state == CITE_TEXT && !escaped;
  s->line_first = s->line_first && !escaped && is_prefix(byte, s->state == CITE_TEXT);
  s->line_blank = s->line_blank && is_space(byte);
}

void cite_code_skip(cite_code *s) { s->line_first = s->line_blank = false; }

bool cite_code_may_mark(cite_code *s, uint8_t byte) {
  if (byte != '[') return false;
  if (s->run) settle(s);
  return !s->escaped && (s->state == CITE_TEXT || s->state == CITE_SPAN);
}

enum cite_span_end cite_code_span_end(const cite_code *s, base_span ahead, bool whole) {
  cite_code copy = *s;
  for (size_t i = 0; i < ahead.n; i++) {
    bool blank = copy.line_blank;
    cite_code_step(&copy, ahead.p[i]);
    if (copy.state == CITE_SPAN) continue;
    bool ends = copy.state != CITE_TEXT || (ahead.p[i] == '\n' && blank);
    return ends ? CITE_SPAN_IS_NONE : CITE_SPAN_CLOSES;
  }
  if (!whole) return CITE_SPAN_UNKNOWN;
  if (copy.run) settle(&copy);
  return copy.state == CITE_TEXT ? CITE_SPAN_CLOSES : CITE_SPAN_IS_NONE;
}

void cite_code_leave_span(cite_code *s) { s->state = CITE_TEXT; }
