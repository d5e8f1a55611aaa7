/* question.h - a question as terms with weights, the FTS5 expression that finds passages with any of them, and the measure of how well a passage answers.
 *
 * Pure but for the search_terms, which belong to one thread at a time.
 */
#ifndef PONTE_SEARCH_QUESTION_H
#define PONTE_SEARCH_QUESTION_H

#include "base/buf.h"
#include "search/search.h"
#include "search/terms.h"

enum {
  QUESTION_TERMS_MAX = 32, /* the first ones count: who asks with more has pasted a text */
  QUESTION_MATCH_MAX = QUESTION_TERMS_MAX * (SEARCH_WORD_MAX + 8)
};

typedef struct {
  uint64_t keys[SEARCH_STEMS];
  char folded[SEARCH_WORD_MAX];
  char stems[SEARCH_STEMS][SEARCH_WORD_MAX]; /* the second is "" where both are the same */
  double weight;                             /* 1, or less for what the question before asked */
  bool must;                                 /* a number or a name: a passage without it speaks of something else */
  double rarity;                             /* set by search_question_weigh() */
  bool common, absent; /* so are these: it stands in so many passages that it chooses none; in none */
} question_term;

typedef struct {
  question_term terms[QUESTION_TERMS_MAX];
  size_t count;
  bool wants_number; /* asks how many, or when something was */
} search_question;

/* `earlier` may be NULL. */
void search_question_read(search_terms *t, const char *text, const char *earlier, search_question *out);
/* Appends the expression; nothing for a question without terms that stand somewhere. Common terms are left out where there are others: they make the search slow and the choice no better, and count in the measure
 * all the same. TOO_LARGE, NO_MEMORY. */
base_err search_question_match(const search_question *q, base_buf *out) BASE_MUST_USE;
/* The i-th term stands in `having` of `passages` passages. */
void search_question_weigh(search_question *q, size_t i, int64_t having, int64_t passages);
/* What a text has of a question. */
typedef struct {
  uint32_t terms; /* bit i: the i-th */
  bool number;
} question_found;

/* `language` is the text's, as of search_language(). */
question_found search_question_found(search_terms *t, const search_question *q, base_span text, const char *language);
static inline question_found question_both(question_found a, question_found b) {
  return (question_found){a.terms | b.terms, a.number || b.number};
}
/* 0..1: how much of the question that is. Rare terms weigh more; a number or a name that is missing takes much away, and so does an answer without what was asked for. */
double search_question_share(const search_question *q, question_found found);
/* What an answer could quote. */
typedef struct {
  base_span text; /* of the passage: a sentence, or two where both are needed; empty: there is nothing to quote */
  question_found found;
  double share;
} question_window;

/* The best window of a passage; its title and heading count as said in each. */
question_window search_question_window(search_terms *t, const search_question *q, const char *title,
                                       const char *heading, base_span text);
/* Sets score and support of the hit from its passage. */
void search_question_measure(search_terms *t, const search_question *q, search_hit *hit);

#endif
