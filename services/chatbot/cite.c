#include "chatbot/cite.h"

#include <stdlib.h>

#include "chatbot/cite_code.h"
#include "chatbot/cite_match.h"

enum {
  SLICE = 4096,
  CODE_HOLD_MAX = 4096 /* of a code span that nobody may ever close, with what looks like a mark in it */
};

struct cite {
  const base_span *passages;
  size_t passage_count;
  cite_code code;
  base_buf held; /* what cannot be judged yet */
  size_t judged; /* so many bytes of it were not enough; 0: it was not judged, or any byte may decide */
  bool last;     /* nothing comes any more */
  bool opened;   /* what went on ends with '[' and digits: a mark that is left out there must not leave "[1]" behind */
  size_t sent;   /* bytes that went on */
  size_t dropped;
  cite_citation citations[CITE_COUNT_MAX];
  size_t citation_count;
};

cite *cite_new(const base_span *passages, size_t count) {
  cite *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->passages = passages;
  c->passage_count = count;
  c->code = cite_code_start();
  base_buf_init(&c->held, CODE_HOLD_MAX + CITE_MARK_MAX + SLICE);
  return c;
}

void cite_free(cite *c) {
  if (!c) return;
  base_buf_dispose(&c->held);
  free(c);
}

const cite_citation *cite_citations(const cite *c, size_t *count) {
  *count = c->citation_count;
  return c->citations;
}

size_t cite_dropped(const cite *c) { return c->dropped; }

static base_err send(cite *c, base_span text, base_buf *out) {
  BASE_TRY(base_buf_append(out, text));
  c->sent += text.n;
  return BASE_OK;
}

static base_err send_mark(cite *c, const cite_mark *mark, base_buf *out) {
  size_t begin, end;
  bool found = false;
  if (mark->number >= 1 && (size_t)mark->number <= c->passage_count && c->citation_count < CITE_COUNT_MAX) {
    BASE_TRY(cite_find(c->passages[mark->number - 1], mark->words, &found, &begin, &end));
  }
  if (!found) {
    bool opened = c->opened;
    c->dropped++;
    c->opened = false;
    return opened ? send(c, base_span_str(" "), out) : BASE_OK;
  }
  c->citations[c->citation_count++] =
      (cite_citation){.number = mark->number, .begin = begin, .end = end, .answer_offset = c->sent};
  size_t before = base_buf_size(out);
  BASE_TRY(base_buf_printf(out, "[%d]", mark->number));
  c->sent += base_buf_size(out) - before;
  c->opened = false;
  return BASE_OK;
}

enum verdict { IS_TEXT, IS_MARK, IS_UNKNOWN };

/* A piece may be a letter, and what is held long: without this each letter would have all of it read again. */
static bool may_decide(const cite *c, base_span held) {
  static const char deciding[] = {']', '\n', '`', '~'};
  size_t from = c->judged;
  if (c->last || from == 0 || held.n >= CODE_HOLD_MAX || (from < CITE_MARK_MAX && held.n >= CITE_MARK_MAX)) return true;
  if (held.p[from - 1] == '`' || held.p[from - 1] == '~')
    return true; /* how long such a string is, what follows tells */
  for (size_t i = from; i < held.n; i++) {
    if (memchr(deciding, held.p[i], sizeof deciding)) return true;
  }
  return false;
}

/* What the '[' at the beginning of `rest` is. */
static enum verdict judge(cite *c, base_span rest, cite_mark *mark) {
  base_span window = base_span_of(rest.p, rest.n < CITE_MARK_MAX ? rest.n : CITE_MARK_MAX);
  enum cite_match match = cite_match_mark(window, mark);
  bool open = match == CITE_NEED_MORE && !c->last && rest.n < CITE_MARK_MAX;
  if (match == CITE_NONE || (match == CITE_NEED_MORE && !open)) return IS_TEXT;
  if (cite_code_is_span(&c->code)) {
    window.n = rest.n < CODE_HOLD_MAX ? rest.n : CODE_HOLD_MAX;
    bool whole = c->last || window.n == CODE_HOLD_MAX;
    switch (cite_code_span_end(&c->code, window, whole)) {
    case CITE_SPAN_CLOSES: return IS_TEXT;
    case CITE_SPAN_UNKNOWN: return IS_UNKNOWN;
    case CITE_SPAN_IS_NONE:
      if (!open) cite_code_leave_span(&c->code);
      break;
    }
  }
  return open ? IS_UNKNOWN : IS_MARK;
}

/* Sends on what can be judged. */
static base_err drain(cite *c, base_buf *out) {
  base_span held = base_buf_span(&c->held);
  if (!may_decide(c, held)) {
    c->judged = held.n;
    return BASE_OK;
  }
  c->judged = 0;
  size_t at = 0, from = 0; /* [from, at) is text that has not been sent yet */
  while (at < held.n) {
    uint8_t byte = held.p[at];
    if (cite_code_may_mark(&c->code, byte)) {
      cite_mark mark;
      enum verdict v = judge(c, base_span_of(held.p + at, held.n - at), &mark);
      if (v == IS_UNKNOWN) {
        c->judged = mark.words.p ? held.n - at : 0;
        break;
      }
      if (v == IS_MARK) {
        BASE_TRY(send(c, base_span_of(held.p + from, at - from), out));
        BASE_TRY(send_mark(c, &mark, out));
        cite_code_skip(&c->code);
        at += mark.size;
        from = at;
        continue;
      }
    }
    cite_code_step(&c->code, byte);
    c->opened = byte == '[' || (c->opened && byte >= '0' && byte <= '9');
    at++;
  }
  if (at == 0) return BASE_OK;
  BASE_TRY(send(c, base_span_of(held.p + from, at - from), out));
  base_buf_consume(&c->held, at);
  return BASE_OK;
}

base_err cite_push(cite *c, base_span piece, base_buf *out) {
  while (piece.n) {
    size_t n = piece.n < SLICE ? piece.n : SLICE;
    BASE_TRY(base_buf_append(&c->held, base_span_of(piece.p, n)));
    BASE_TRY(drain(c, out));
    piece = base_span_of(piece.p + n, piece.n - n);
  }
  return BASE_OK;
}

base_err cite_end(cite *c, base_buf *out) {
  c->last = true;
  return drain(c, out);
}
