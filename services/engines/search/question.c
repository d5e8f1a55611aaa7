#include "search/question.h"

#include <math.h>
#include <stdio.h>

enum {
  FEW = 3, /* content words; a question with more has its subject in itself */
  BACKGROUND =
      100, /* passages of other subjects that are imagined beside the index, so that rarity means something in a small one */
  GOAL = 600, /* bytes of a passage of ordinary length (material/material.h) */
  TITLE = 2,
  HEADING = 2 /* how often a word counts that stands there */
};
/* BM25's usual constants; a term that must be there and is not takes away half of the support. */
static const double k1 = 1.2, b = 0.75, earlier_weight = 0.5, missing_must = 0.5;

/* Words that stand for what was spoken of before. */
static bool refers(const char *folded) {
  static const char *const words[] = {"it",   "its",  "they", "them",  "their", "he",    "she",   "him",   "her",
                                      "ele",  "ela",  "eles", "elas",  "dele",  "dela",  "deles", "delas", "nele",
                                      "nela", "isso", "isto", "disso", "disto", "nisso", "nisto"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(words[i], folded) == 0) return true;
  }
  return false;
}

static void add(search_question *q, const search_term *t, double weight) {
  for (size_t i = 0; i < q->count; i++) {
    if (search_term_same(q->terms[i].keys, t->keys)) return;
  }
  if (q->count == QUESTION_TERMS_MAX) return;
  question_term *x = &q->terms[q->count++];
  *x = (question_term){
      .keys = {t->keys[0], t->keys[1]}, .weight = weight, .must = weight == 1 && (t->number || t->name), .rarity = 1};
  snprintf(x->folded, sizeof x->folded, "%s", t->folded);
  snprintf(x->stems[0], sizeof x->stems[0], "%s", t->stem[0]);
  snprintf(x->stems[1], sizeof x->stems[1], "%s", t->stem[1] ? t->stem[1] : "");
}

/* Adds the terms of one kind; true if one of the words refers to something before. */
static bool add_all(search_terms *t, const char *text, enum search_kind kind, double weight, search_question *q) {
  search_reader r = search_read(base_span_str(text));
  search_term x;
  bool before = false;
  while (search_terms_next(t, &r, &x)) {
    if (x.kind == kind) add(q, &x, weight);
    before |= refers(x.folded);
  }
  return before;
}

void search_question_read(search_terms *t, const char *text, const char *earlier, search_question *out) {
  out->count = 0;
  bool before = add_all(t, text, SEARCH_CONTENT, 1, out);
  size_t own = out->count;
  if (earlier && *earlier && (own == 0 || (before && own <= FEW))) {
    add_all(t, earlier, SEARCH_CONTENT, earlier_weight, out);
  }
  if (out->count == 0) add_all(t, text, SEARCH_ASKS, 1, out); /* "What is a class?" */
}

base_err search_question_match(const search_question *q, base_buf *out) {
  for (size_t i = 0; i < q->count; i++) {
    BASE_TRY(base_buf_printf(out, "%s\"%s\"", i ? " OR " : "", q->terms[i].folded));
  }
  return BASE_OK;
}

void search_question_weigh(search_question *q, size_t i, int64_t having, int64_t passages) {
  q->terms[i].rarity = log((double)(passages + BACKGROUND) / (double)(having + 1));
}

struct found {
  double times[QUESTION_TERMS_MAX];
};

static void count(search_terms *t, const search_question *q, base_span text, double weight, struct found *f) {
  search_reader r = search_read(text);
  search_term x;
  while (search_terms_next(t, &r, &x)) {
    for (size_t i = 0; x.kind != SEARCH_STOP && i < q->count; i++) {
      if (search_term_same(q->terms[i].keys, x.keys)) f->times[i] += weight;
    }
  }
}

void search_question_measure(search_terms *t, const search_question *q, search_hit *hit) {
  struct found f = {0};
  const search_passage *p = &hit->passage;
  count(t, q, base_span_str(p->title), TITLE, &f);
  count(t, q, base_span_str(p->heading), HEADING, &f);
  count(t, q, p->text, 1, &f);
  double length = k1 * (1 - b + b * (double)p->text.n / GOAL), all = 0, there = 0, score = 0, penalty = 1;
  for (size_t i = 0; i < q->count; i++) {
    const question_term *x = &q->terms[i];
    double weight = x->weight * x->rarity;
    all += weight;
    if (f.times[i] > 0) {
      there += weight;
      score += weight * f.times[i] * (k1 + 1) / (f.times[i] + length);
    } else if (x->must) {
      penalty *= missing_must;
    }
  }
  hit->support = all > 0 ? penalty * there / all : 0;
  hit->score = score * (0.5 + hit->support);
}
