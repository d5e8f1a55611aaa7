/* terms.h - the words of a text as the search compares them: without case and accents, by their Portuguese and English stems.
 *
 * A word of a text whose language is known has the stem of that language, any other has both; two words are the same term when they have a stem in common. Accents go first and come back only where Portuguese
 * always has them and its stemmer needs them ("-cao"), so that a question typed without accents finds what one with accents finds.
 *
 * A search_terms belongs to one thread at a time; the rest is pure. Texts are of strangers: bytes that are no UTF-8 separate words, and of a long word the beginning counts.
 * Sources: Snowball's "portuguese" and "english" (libstemmer); NFKC of Unicode (utf8proc).
 */
#ifndef PONTE_SEARCH_TERMS_H
#define PONTE_SEARCH_TERMS_H

#include "base/err.h"
#include "base/span.h"

enum {
  SEARCH_WORD_MAX = 48, /* bytes of a folded word, with its NUL */
  SEARCH_STEMS = 2
};

enum search_kind {
  SEARCH_CONTENT,
  SEARCH_ASKS, /* speaks about the question, not its subject: "explain", "exemplo", "please" */
  SEARCH_STOP, /* in every text of its language: "the", "de", "what" */
};

typedef struct {
  size_t begin, end; /* in the text, bytes */
  enum search_kind kind;
  bool number;                 /* begins with a digit */
  bool name;                   /* with a capital where a sentence does not ask for one, or with several */
  const char *folded;          /* valid until the next search_terms_next(); neither quotes nor spaces in it */
  const char *stem[2];         /* the second is NULL where both are the same; as long valid */
  uint64_t keys[SEARCH_STEMS]; /* of the stems, to compare; equal where they are the same */
} search_term;

typedef struct search_terms search_terms;

/* NO_MEMORY. */
base_err search_terms_new(search_terms **out) BASE_MUST_USE;
/* NULL is allowed. */
void search_terms_free(search_terms *t);

/* A text that is being read. */
typedef struct {
  base_span text; /* borrowed */
  size_t at;
  bool shouts, starts; /* all in capitals; a sentence begins here */
  int stem;            /* of search_term the only one; -1: both */
} search_reader;

/* Of any language: a question. */
search_reader search_read(base_span text);
/* "pt" or "en" (search_language()), "": any. One stem is better where it is known: by the English one, "país" would be the plural of "pai". */
search_reader search_read_in(base_span text, const char *language);
/* False at the end. */
bool search_terms_next(search_terms *t, search_reader *r, search_term *out);

/* A word that was folded before (search_term.folded, of either stem); its place and what depends on it are not set. Longer than any is cut. */
void search_terms_folded(search_terms *t, base_span folded, search_term *out);

static inline bool search_term_same(const uint64_t a[SEARCH_STEMS], const uint64_t b[SEARCH_STEMS]) {
  return a[0] == b[0] || a[1] == b[1] || a[0] == b[1] || a[1] == b[0];
}

/* "pt", "en", or "" when its words do not tell; by the beginning of a long text. Static. */
const char *search_language(base_span text);

#endif
