#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "llm/engines.h"
#include "search/question.h"

/* Answers by quoting: the sentences of the best passages that hold most of the question, each with its mark; or says honestly that the material does not tell. No model, no network,
 * and nothing that does not stand in a passage, so there is nothing to be talked into. */

enum {
  QUOTES_MAX = 3,
  QUOTE_MAX = 700, /* bytes; a mark has room for it (chatbot/cite.h) */
  PIECE_WORDS = 6, /* of an llm_next() */
  TOKEN_BYTES = 4, /* of a token, about, for max_tokens */
  ANSWER_MAX = 1 << 16
};

/* A passage with less support is no answer. In a question of few words each is its subject, and one that is missing makes it another question; in a long one some tell how it came up. Of wrong
 * answers, one that should have been a refusal is the worse. Chosen on the visible half of tests/quality. */
enum { FEW = 4 };
static const double support_min_few = 0.65, support_min = 0.5;
/* A further passage as good as this share of the best is worth reading, too, even if it has no word that the best has not. */
static const double as_good = 0.9;

static const struct {
  const char *language, *first, *next, *here;
} phrases[] = {
    {"en", "According to ", "See also ", "the lesson at hand"},
    {"pt", "De acordo com ", "Veja também ", "o que foi dito na aula"},
};

typedef struct {
  llm_answer base;
  base_buf text;
  enum llm_finish finish;
  int64_t deadline_ms;
  size_t room; /* bytes that may still be given */
  size_t last; /* bytes of the piece given last */
  bool over, had_text;
  atomic_bool stop;
} embedded_answer;

static base_err embedded_open(const llm_options *options, base_buf *why, llm **out) {
  (void)options, (void)why;
  llm *l = malloc(sizeof *l);
  if (!l) return base_fail(BASE_E_NO_MEMORY);
  l->engine = &llm_embedded;
  *out = l;
  return BASE_OK;
}

static void embedded_close(llm *l) { free(l); }

/* Index into phrases: the asked language, the question's, or English. */
static size_t language_of(const llm_request *r) {
  const char *language = r->language && *r->language ? r->language : search_language(base_span_str(r->question));
  for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
    if (strncmp(phrases[i].language, language, 2) == 0) return i;
  }
  return 0;
}

/* Text of a stranger within a line of Markdown: what would be markup is escaped. */
static base_err put_title(base_buf *out, const char *title) {
  for (; *title; title++) {
    if (strchr("\\`*_[]<~&", *title)) BASE_TRY(base_buf_u8(out, '\\'));
    BASE_TRY(base_buf_u8(out, (uint8_t)(*title == '\n' || *title == '\r' ? ' ' : *title)));
  }
  return BASE_OK;
}

/* The quote on one line. In a mark, a quotation mark before "]" would end it: the sign put between them is emphasis, which is not compared (chatbot/cite.h). */
static base_err put_line(base_buf *out, base_span quote, bool plain) {
  bool blank = false, open = false, quoted = false;
  for (size_t i = 0; i < quote.n; i++) {
    uint8_t c = quote.p[i];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      blank = true;
      continue;
    }
    if (blank) BASE_TRY(base_buf_u8(out, ' '));
    blank = false;
    if (c == ']' && quoted && !plain) BASE_TRY(base_buf_u8(out, '_'));
    quoted = c == '"' || c == '\'' || c >= 0x80;
    if (c == '"') {
      open = !open;
      BASE_TRY(base_buf_str(out, open ? "“" : "”"));
    } else if (plain && strchr("`<[", c)) {
      if (c != '`') BASE_TRY(base_buf_u8(out, '\\'));
      if (c != '`') BASE_TRY(base_buf_u8(out, c));
    } else {
      BASE_TRY(base_buf_u8(out, c));
    }
  }
  return BASE_OK;
}

/* At most QUOTE_MAX bytes, cut between words. */
static base_span cut(base_span quote) {
  if (quote.n <= QUOTE_MAX) return quote;
  size_t n = QUOTE_MAX;
  while (n > 0 && quote.p[n] != ' ' && quote.p[n] != '\n')
    n--;
  if (n == 0) { /* one word: at least whole characters */
    for (n = QUOTE_MAX; n > 0 && (quote.p[n] & 0xC0) == 0x80;)
      n--;
  }
  return base_span_of(quote.p, n);
}

/* A citation of a single word says nothing (CITE_WORDS_MIN). */
static bool has_words(base_span quote) {
  bool gap = false;
  for (size_t i = 0; i < quote.n; i++) {
    bool blank = quote.p[i] == ' ' || quote.p[i] == '\n';
    if (gap && !blank) return true;
    gap = blank && i > 0;
  }
  return false;
}

/* The quote with its mark, behind "According to" or "See also" and where it stands: what has no title is the context that came with the question. */
static base_err put_quote(base_buf *out, size_t language, const llm_passage *p, size_t number, base_span quote) {
  bool first = base_buf_size(out) == 0;
  BASE_TRY(base_buf_str(out, first ? phrases[language].first : "\n\n"));
  if (!first) BASE_TRY(base_buf_str(out, phrases[language].next));
  BASE_TRY(base_buf_str(out, *p->title ? "**" : phrases[language].here));
  BASE_TRY(put_title(out, p->title));
  if (*p->title) BASE_TRY(base_buf_str(out, "**"));
  if (*p->heading) {
    BASE_TRY(base_buf_str(out, " ("));
    BASE_TRY(put_title(out, p->heading));
    BASE_TRY(base_buf_str(out, ")"));
  }
  BASE_TRY(base_buf_str(out, ":\n\n> "));
  BASE_TRY(put_line(out, quote, true));
  BASE_TRY(base_buf_printf(out, " [%zu: \"", number));
  BASE_TRY(put_line(out, quote, false));
  return base_buf_str(out, "\"]");
}

/* What one answer is made with. */
struct making {
  const llm_request *request;
  search_terms *terms;
  search_question question;
  question_window windows[LLM_PASSAGES_MAX];
  uint32_t told; /* terms of what was quoted */
  int quotes;
};

static void read_question(struct making *m) {
  const llm_request *r = m->request;
  search_question_read(m->terms, r->question, r->turn_count ? r->turns[r->turn_count - 1].question : NULL,
                       &m->question);
  int64_t having[QUESTION_TERMS_MAX] = {0};
  for (size_t i = 0; i < r->passage_count; i++) {
    base_span text = r->passages[i].text;
    uint32_t terms = search_question_found(m->terms, &m->question, text, search_language(text)).terms;
    for (size_t k = 0; k < m->question.count; k++)
      having[k] += terms >> k & 1;
  }
  for (size_t k = 0; k < m->question.count; k++)
    search_question_weigh(&m->question, k, having[k], (int64_t)r->passage_count);
}

static bool quoted_before(const struct making *m, size_t i) {
  for (size_t k = 0; k < i; k++) {
    if (base_span_eq(m->windows[k].text, m->windows[i].text)) return true;
  }
  return false;
}

/* Quotes the passage if it is an answer, and says something after those before it. */
static base_err try_passage(struct making *m, size_t i, base_buf *out) {
  const llm_passage *p = &m->request->passages[i];
  double best = m->request->passages[0].support;
  if (p->support < (m->question.count <= FEW ? support_min_few : support_min)) return BASE_OK;
  question_window *w = &m->windows[i];
  *w = search_question_window(m->terms, &m->question, p->title, p->heading, p->text);
  bool adds = m->quotes == 0 || (w->found.terms & ~m->told) || p->support >= as_good * best;
  if (!has_words(cut(w->text)) || !adds || quoted_before(m, i)) return BASE_OK;
  BASE_TRY(put_quote(out, language_of(m->request), p, i + 1, cut(w->text)));
  m->told |= w->found.terms;
  m->quotes++;
  return BASE_OK;
}

static base_err make(const llm_request *r, embedded_answer *a) {
  struct making *m = calloc(1, sizeof *m);
  if (!m) return base_fail(BASE_E_NO_MEMORY);
  m->request = r;
  base_err e = search_terms_new(&m->terms);
  if (base_is_ok(e)) read_question(m);
  for (size_t i = 0; base_is_ok(e) && i < r->passage_count && i < LLM_PASSAGES_MAX && m->quotes < QUOTES_MAX; i++) {
    e = try_passage(m, i, &a->text);
    if (m->quotes == 0) break; /* if the best does not tell, another only seems to */
  }
  a->finish = m->quotes ? LLM_STOP : LLM_NOT_IN_MATERIAL;
  if (base_is_ok(e) && m->quotes == 0) e = base_buf_str(&a->text, llm_refusal(phrases[language_of(r)].language));
  search_terms_free(m->terms);
  free(m);
  return e;
}

static void embedded_free(llm_answer *answer) {
  embedded_answer *a = (embedded_answer *)answer;
  base_buf_dispose(&a->text);
  free(a);
}

static base_err embedded_start(llm *l, const llm_request *r, llm_answer **out) {
  (void)l;
  embedded_answer *a = calloc(1, sizeof *a);
  if (!a) return base_fail(BASE_E_NO_MEMORY);
  a->base.engine = &llm_embedded;
  a->deadline_ms = r->deadline_ms;
  a->room = r->max_tokens > 0 ? (size_t)r->max_tokens * TOKEN_BYTES : ANSWER_MAX;
  base_buf_init(&a->text, ANSWER_MAX);
  base_err e = make(r, a);
  if (!base_is_ok(e)) {
    embedded_free(&a->base);
    return e;
  }
  *out = &a->base;
  return BASE_OK;
}

/* Bytes up to the end of some words. */
static size_t piece_of(base_span text) {
  size_t n = 0;
  for (int words = 0; n < text.n && words < PIECE_WORDS; words++) {
    while (n < text.n && text.p[n] != ' ')
      n++;
    while (n < text.n && text.p[n] == ' ')
      n++;
  }
  return n;
}

static base_err embedded_next(llm_answer *answer, llm_event *out) {
  embedded_answer *a = (embedded_answer *)answer;
  *out = (llm_event){.kind = LLM_END, .finish = a->finish};
  if (a->over) return base_fail(BASE_E_PRECONDITION);
  base_buf_consume(&a->text, a->last);
  a->last = 0;
  base_err e = atomic_load(&a->stop)             ? base_fail(BASE_E_CANCELLED)
               : base_now_ms() >= a->deadline_ms ? base_fail(BASE_E_DEADLINE)
                                                 : BASE_OK;
  size_t n = piece_of(base_buf_span(&a->text));
  a->over = !base_is_ok(e) || n == 0 || n > a->room;
  if (!base_is_ok(e)) return e;
  if (a->over) {
    if (n > 0) out->finish = LLM_MAX_TOKENS;
    return BASE_OK;
  }
  *out = (llm_event){.kind = LLM_TEXT, .text = base_span_of(base_buf_span(&a->text).p, n)};
  a->last = n;
  a->room -= n;
  a->had_text = true;
  return BASE_OK;
}

static void embedded_cancel(llm_answer *answer) { atomic_store(&((embedded_answer *)answer)->stop, true); }

static void embedded_why(llm_answer *answer, llm_why *out) {
  embedded_answer *a = (embedded_answer *)answer;
  *out = (llm_why){.had_text = a->had_text};
  if (atomic_load(&a->stop)) snprintf(out->text, sizeof out->text, "cancelled");
}

const llm_engine llm_embedded = {
    .name = "embedded",
    .open = embedded_open,
    .close = embedded_close,
    .start = embedded_start,
    .next = embedded_next,
    .cancel = embedded_cancel,
    .why = embedded_why,
    .free = embedded_free,
};
