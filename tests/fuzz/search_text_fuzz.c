/* Questions and material as the search reads them: words and sentences lie in the text and in order, what FTS5 gets to see is a list of quoted words and nothing else, folding a folded word changes
 * nothing, and what a passage has of a question is a share. The first line is the question, the rest the passage. */
#include "fuzz.h"

#include <string.h>

#include "search/guard.h"
#include "search/question.h"
#include "search/sentences.h"

enum { TEXT_MAX = 4096 };

static search_terms *terms;

/* The question's words go through FTS5 folded: there they must be found as the passage's words were. */
static void fold_again(const search_term *x) {
  char folded[SEARCH_WORD_MAX];
  uint64_t keys[SEARCH_STEMS] = {x->keys[0], x->keys[1]};
  size_t n = strlen(x->folded);
  search_term again;
  memcpy(folded, x->folded, n + 1);
  search_terms_folded(terms, base_span_of(folded, n), &again);
  FUZZ_CHECK(strcmp(again.folded, folded) == 0 && search_term_same(again.keys, keys));
}

static void words(base_span text) {
  search_reader r = search_read(text);
  search_term x;
  size_t end = 0;
  while (search_terms_next(terms, &r, &x)) {
    FUZZ_CHECK(x.begin >= end && x.begin < x.end && x.end <= text.n);
    FUZZ_CHECK(*x.folded && strlen(x.folded) < SEARCH_WORD_MAX && base_span_utf8(base_span_str(x.folded)));
    FUZZ_CHECK(!strpbrk(x.folded, "\" \t\r\n*^(){}:+-"));
    FUZZ_CHECK(*x.stem[0] && (!x.stem[1] || *x.stem[1]));
    end = x.end;
    fold_again(&x);
  }
}

/* What is asked of FTS5, as its tokenizer reads it again. */
static void match(const search_question *q) {
  base_buf b;
  base_buf_init(&b, QUESTION_MATCH_MAX);
  FUZZ_OK(search_question_match(q, &b));
  base_span s = base_buf_span(&b);
  size_t quotes = 0;
  for (size_t i = 0; i < s.n; i++)
    quotes += s.p[i] == '"';
  FUZZ_CHECK(quotes == 2 * q->count);
  base_buf_dispose(&b);
}

static void sentences(base_span text) {
  base_span p;
  size_t paragraph_end = 0;
  for (size_t at = 0; search_paragraph_next(text, &at, &p);) {
    size_t begin = (size_t)(p.p - text.p), end = 0;
    FUZZ_CHECK(begin >= paragraph_end && begin + p.n <= at && at <= text.n);
    paragraph_end = begin + p.n;
    search_speaks_to_machine(terms, p);
    search_sentence s;
    for (size_t next = 0; search_sentence_next(p, &next, &s);) {
      size_t from = (size_t)(s.text.p - p.p);
      FUZZ_CHECK(s.text.n && from >= end && from + s.text.n <= next && next <= p.n);
      end = from + s.text.n;
    }
  }
}

static void measure(const search_question *q, base_span text) {
  search_hit hit = {.passage = {.title = "", .heading = "", .text = text}};
  search_question_measure(terms, q, &hit);
  FUZZ_CHECK(hit.support >= 0 && hit.support <= 1 && hit.score >= 0);
  question_window w = search_question_window(terms, q, "", "", text);
  FUZZ_CHECK(w.share >= 0 && w.share <= 1);
  FUZZ_CHECK(w.text.n == 0 || (w.text.p >= text.p && w.text.p + w.text.n <= text.p + text.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char question[TEXT_MAX + 1];
  if (size > TEXT_MAX) return 0;
  if (!terms) FUZZ_OK(search_terms_new(&terms)); /* kept: what it remembers of one input must not change the next */
  size_t line = 0;
  while (line < size && data[line] != '\n')
    line++;
  if (line) memcpy(question, data, line);
  question[line] = '\0';
  base_span text = base_span_of(data + (line < size ? line + 1 : line), line < size ? size - line - 1 : 0);
  words(base_span_str(question));
  words(text);
  sentences(text);
  search_language(text);
  search_question q;
  search_question_read(terms, question, NULL, &q);
  match(&q);
  measure(&q, text);
  return 0;
}
