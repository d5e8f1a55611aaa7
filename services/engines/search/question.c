#include "search/question.h"

#include <math.h>
#include <stdio.h>

#include "search/guard.h"
#include "search/sentences.h"
#include "search/words.h"

enum {
  FEW = 3, /* content words; a question with more has its subject in itself */
  BACKGROUND =
      100, /* passages of other subjects that are imagined beside the index, so that rarity means something in a small one */
  COMMON_PART = 20, /* of the passages have a common term, and more than these: */
  COMMON_MIN = 200,
  GOAL = 600, /* bytes of a passage of ordinary length (material/material.h) */
  TITLE = 2,
  HEADING = 2 /* how often a word counts that stands there */
};
/* BM25's usual constants. What takes away half of the support: a number or a name that is missing; no number where one was asked for; and nothing but the names, because a passage
 * about James Watt does not yet say where he was buried. */
static const double k1 = 1.2, length_share = 0.75, earlier_weight = 0.5, missing_must = 0.5, no_number = 0.5,
                    only_names = 0.5;

static void add(search_question *q, const search_term *t, double weight) {
  for (size_t i = 0; i < q->count; i++) {
    if (search_term_same(q->terms[i].keys, t->keys)) return;
  }
  if (q->count == QUESTION_TERMS_MAX) return;
  question_term *x = &q->terms[q->count++];
  *x = (question_term){.keys = {t->keys[0], t->keys[1]},
                       .weight = weight,
                       .must = weight == 1 && (t->number || t->name || search_word_is(t->folded, WORDS_ORDINAL)),
                       .rarity = 1};
  snprintf(x->folded, sizeof x->folded, "%s", t->folded);
  snprintf(x->stems[0], sizeof x->stems[0], "%s", t->stem[0]);
  snprintf(x->stems[1], sizeof x->stems[1], "%s", t->stem[1] ? t->stem[1] : "");
}

static bool is_any(const char *word, const char *a, const char *b, const char *c) {
  return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* A past tense, after "when" and "quando": a date is wanted. "When does ..." wants a condition. */
static bool is_past(const char *folded) {
  size_t n = strlen(folded);
  if (is_any(folded, "did", "was", "were") || is_any(folded, "foi", "foram", "had")) return true;
  return n > 3 && folded[n - 1] == 'u' && strchr("oei", folded[n - 2]); /* "nasceu", "acabou", "caiu" */
}

/* The two words ask for a number: "how many", "quantos", "when did", "what year", "que ano". */
static bool asks_number(const char *before, const char *folded) {
  if (strncmp(folded, "quant", 5) == 0) return strlen(folded) <= 7;
  if (strcmp(before, "how") == 0) return is_any(folded, "many", "much", "many");
  if (is_any(before, "when", "quando", "qdo")) return is_past(folded);
  return is_any(before, "what", "which", "que") && is_any(folded, "year", "ano", "date");
}

/* Adds the terms of one kind; true if one of the words refers to something before. */
static bool add_all(search_terms *t, const char *text, enum search_kind kind, double weight, search_question *q) {
  search_reader r = search_read(base_span_str(text));
  search_term x;
  char last[SEARCH_WORD_MAX] = "";
  bool before = false;
  while (search_terms_next(t, &r, &x)) {
    if (x.kind == kind) add(q, &x, weight);
    before |= search_word_is(x.folded, WORDS_REFER);
    q->wants_number |= weight == 1 && asks_number(last, x.folded);
    snprintf(last, sizeof last, "%s", x.folded);
  }
  return before;
}

void search_question_read(search_terms *t, const char *text, const char *earlier, search_question *out) {
  *out = (search_question){0};
  bool before = add_all(t, text, SEARCH_CONTENT, 1, out);
  size_t own = out->count;
  if (earlier && *earlier && (own == 0 || (before && own <= FEW))) {
    add_all(t, earlier, SEARCH_CONTENT, earlier_weight, out);
  }
  if (out->count == 0) add_all(t, text, SEARCH_ASKS, 1, out); /* "What is a class?" */
}

base_err search_question_match(const search_question *q, base_buf *out) {
  size_t chosen = 0;
  for (int common = 0; common < 2 && chosen == 0; common++) {
    for (size_t i = 0; i < q->count; i++) {
      if (q->terms[i].absent || q->terms[i].common != common) continue;
      BASE_TRY(base_buf_printf(out, "%s\"%s\"", chosen++ ? " OR " : "", q->terms[i].folded));
    }
  }
  return BASE_OK;
}

void search_question_weigh(search_question *q, size_t i, int64_t having, int64_t passages) {
  q->terms[i].absent = having == 0;
  q->terms[i].common = having > COMMON_MIN && having > passages / COMMON_PART;
  q->terms[i].rarity = log((double)(passages + BACKGROUND) / (double)(having + 1));
}

/* Adds what the text has; each term's times, if they are wanted, with a weight. */
static question_found count(search_terms *t, const search_question *q, search_reader r, double weight, double *times) {
  question_found found = {0};
  search_term x;
  while (search_terms_next(t, &r, &x)) {
    found.number |= x.number || search_word_is(x.folded, WORDS_NUMBER);
    for (size_t i = 0; x.kind != SEARCH_STOP && i < q->count; i++) {
      if (!search_term_same(q->terms[i].keys, x.keys)) continue;
      found.terms |= UINT32_C(1) << i;
      if (times) times[i] += weight;
    }
  }
  return found;
}

question_found search_question_found(search_terms *t, const search_question *q, base_span text, const char *language) {
  return count(t, q, search_read_in(text, language), 1, NULL);
}

double search_question_share(const search_question *q, question_found found) {
  double all = 0, there = 0, factor = q->wants_number && !found.number ? no_number : 1;
  bool asks = false, told = false; /* something about the names and numbers */
  for (size_t i = 0; i < q->count; i++) {
    const question_term *x = &q->terms[i];
    double weight = x->weight * x->rarity;
    bool has = found.terms >> i & 1;
    all += weight;
    if (has) there += weight;
    if (x->must && !has) factor *= missing_must;
    asks |= !x->must;
    told |= !x->must && has;
  }
  if (asks && !told) factor *= only_names;
  return all > 0 ? factor * there / all : 0;
}

/* What the passage is about; "Lesson 4" tells no amount. */
static question_found read_about(search_terms *t, const search_question *q, const char *title, const char *heading,
                                 double *times) {
  question_found in_title = count(t, q, search_read(base_span_str(title)), TITLE, times);
  question_found in_heading = count(t, q, search_read(base_span_str(heading)), HEADING, times);
  return (question_found){.terms = in_title.terms | in_heading.terms};
}

/* What the windows of a passage are looked for with. */
struct looking {
  search_terms *terms;
  const search_question *question;
  const char *language;
  question_found about, whole; /* whole: without what speaks to machines */
  double *times;               /* NULL: nobody counts */
  question_window best;
};

static void consider(struct looking *l, base_span text, question_found found) {
  double share = search_question_share(l->question, question_both(found, l->about));
  if (found.terms && share > l->best.share) l->best = (question_window){text, found, share};
}

/* One sentence, or two neighbours if they tell more. A heading and a question tell nothing alone. */
static void look_at_paragraph(struct looking *l, base_span paragraph) {
  search_sentence s, before = {.text = {NULL, 0}};
  question_found in, in_before = {0};
  for (size_t at = 0; search_sentence_next(paragraph, &at, &s); before = s, in_before = in) {
    in = count(l->terms, l->question, search_read_in(s.text, l->language), 1, l->times);
    l->whole = question_both(l->whole, in);
    if (s.heading) continue;
    if (s.text.p[s.text.n - 1] != '?') consider(l, s.text, in);
    const uint8_t *begin = before.text.n && !before.heading ? before.text.p : s.text.p;
    consider(l, base_span_of(begin, (size_t)(s.text.p + s.text.n - begin)), question_both(in_before, in));
  }
}

static void look(struct looking *l, base_span text) {
  base_span paragraph;
  l->language = search_language(text);
  for (size_t at = 0; search_paragraph_next(text, &at, &paragraph);) {
    if (!search_speaks_to_machine(l->terms, paragraph)) look_at_paragraph(l, paragraph);
  }
}

question_window search_question_window(search_terms *t, const search_question *q, const char *title,
                                       const char *heading, base_span text) {
  struct looking l = {.terms = t, .question = q, .about = read_about(t, q, title, heading, NULL)};
  look(&l, text);
  return l.best;
}

void search_question_measure(search_terms *t, const search_question *q, search_hit *hit) {
  const search_passage *p = &hit->passage;
  double times[QUESTION_TERMS_MAX] = {0}, score = 0;
  struct looking l = {
      .terms = t, .question = q, .about = read_about(t, q, p->title, p->heading, times), .times = times};
  look(&l, p->text);
  double length = k1 * (1 - length_share + length_share * (double)p->text.n / GOAL);
  for (size_t i = 0; i < q->count; i++)
    score += q->terms[i].weight * q->terms[i].rarity * times[i] * (k1 + 1) / (times[i] + length);
  hit->support = (search_question_share(q, question_both(l.whole, l.about)) + l.best.share) / 2;
  hit->score = score * (0.5 + hit->support);
}
