/* words.h - what words of Portuguese and English carry no subject. Pure; any thread. */
#ifndef PONTE_SEARCH_WORDS_H
#define PONTE_SEARCH_WORDS_H

#include "search/terms.h"

enum { WORDS_PT = 1, WORDS_EN = 2 };

typedef struct {
  const char *word; /* folded */
  enum search_kind kind;
  unsigned languages; /* in which it is so common that it tells the language */
} search_word;

/* NULL: a word with a subject. */
const search_word *search_word_find(const char *folded);

enum search_class {
  WORDS_REFER,   /* stand for what was spoken of before: "it", "dela" */
  WORDS_ORDINAL, /* one of several, and no other: "third" */
  WORDS_NUMBER   /* "thousand", "half", "dobro" */
};
bool search_word_is(const char *folded, enum search_class c);

#endif
