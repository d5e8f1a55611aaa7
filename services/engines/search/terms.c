#include "search/terms.h"

#include <libstemmer.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "search/words.h"

enum {
  GUESS_MAX = 400, /* bytes that tell the language */
  CACHED = 1024,   /* words whose stems are remembered; a lesson has about as many */
  FOLD_MAX = 18,   /* code points that NFKC makes of one (U+FDFA) */
  ENDING_MAX = 8,  /* bytes of what takes a folded ending's place */
  STEM_MIN = 2     /* bytes of a word before a plural ending: "mais" and "seis" are none */
};

struct cached {
  uint64_t hash; /* 0: free */
  enum search_kind kind;
  char folded[SEARCH_WORD_MAX];
  char stems[SEARCH_STEMS][SEARCH_WORD_MAX];
  uint64_t keys[SEARCH_STEMS]; /* 0: not made yet */
};

struct search_terms {
  struct sb_stemmer *stemmers[SEARCH_STEMS];
  struct cached cache[CACHED];
};

/* What stands in a text between `at` and the end of a word. */
struct word {
  size_t begin, end;
  size_t letters, capitals;
  bool number, leads; /* begins with a digit; with a capital */
  bool full;          /* of folded */
  char folded[SEARCH_WORD_MAX];
  size_t size;
};

/* Portuguese endings without accents, and what the stemmer is to see in their place: accents without which it does not know a suffix, and the singular of plurals that it
 * leaves apart from theirs ("sinais", "imagens"). The longest first. */
static const struct {
  const char *ending, *instead;
} endings[] = {
    {"ancias", "ância"}, {"encias", "ência"}, {"ancia", "ância"}, {"encia", "ência"}, {"aveis", "ável"},
    {"iveis", "ível"},   {"acoes", "ação"},   {"ucoes", "ução"},  {"avel", "ável"},   {"ivel", "ível"},
    {"acao", "ação"},    {"ucao", "ução"},    {"oes", "ão"},      {"aes", "ão"},      {"ais", "al"},
    {"eis", "el"},       {"ois", "ol"},       {"uis", "ul"},      {"ao", "ão"},       {"ns", "m"},
    {"on", "om"},        {"en", "em"},
};

static uint64_t hash_of(const char *s) {
  uint64_t h = 1469598103934665603U; /* FNV-1a */
  for (; *s; s++)
    h = (h ^ (uint8_t)*s) * 1099511628211U;
  return h ? h : 1;
}

base_err search_terms_new(search_terms **out) {
  static const char *const languages[SEARCH_STEMS] = {"portuguese", "english"};
  search_terms *t = calloc(1, sizeof *t);
  for (int i = 0; t && i < SEARCH_STEMS; i++) {
    if (!(t->stemmers[i] = sb_stemmer_new(languages[i], NULL))) {
      search_terms_free(t);
      t = NULL;
    }
  }
  *out = t;
  return t ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

void search_terms_free(search_terms *t) {
  for (int i = 0; t && i < SEARCH_STEMS; i++)
    sb_stemmer_delete(t->stemmers[i]);
  free(t);
}

/* One code point at p; -1 for a byte that is none, which is one long. */
static utf8proc_int32_t point(base_span text, size_t at, size_t *size) {
  *size = 1;
  if (text.p[at] < 0x80) return text.p[at];
  utf8proc_int32_t c = -1;
  utf8proc_ssize_t n = utf8proc_iterate(text.p + at, (utf8proc_ssize_t)(text.n - at), &c);
  if (n <= 0) return -1;
  *size = (size_t)n;
  return c;
}

static bool is_digit(utf8proc_int32_t c) { return c >= '0' && c <= '9'; }
static bool is_letter(utf8proc_int32_t c) {
  if (c < 0) return false;
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  utf8proc_category_t k = utf8proc_category(c);
  return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
         (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}
static bool is_mark(utf8proc_int32_t c) {
  if (c < 0x80) return false;
  utf8proc_category_t k = utf8proc_category(c);
  return (k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME) || c == 0xAD /* a soft hyphen */;
}

static void add_bytes(struct word *w, const uint8_t *p, size_t n) {
  w->full = w->full || w->size + n >= sizeof w->folded; /* the beginning counts */
  if (!w->full) {
    memcpy(w->folded + w->size, p, n);
    w->size += n;
  }
}

/* Without case, accents and the forms of one letter (NFKC); what is neither letter nor digit by then is left out. */
static void add_point(struct word *w, utf8proc_int32_t c) {
  if (c < 0x80) {
    uint8_t b = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    add_bytes(w, &b, 1);
    return;
  }
  utf8proc_int32_t parts[FOLD_MAX];
  int boundary = 0;
  utf8proc_ssize_t n = utf8proc_decompose_char(
      c, parts, FOLD_MAX,
      UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE, &boundary);
  for (utf8proc_ssize_t i = 0; i < n && i < FOLD_MAX; i++) {
    uint8_t bytes[4];
    if (is_digit(parts[i]) || is_letter(parts[i])) add_bytes(w, bytes, (size_t)utf8proc_encode_char(parts[i], bytes));
  }
}

search_reader search_read(base_span text) {
  search_reader r = {.text = text, .starts = true, .stem = -1};
  bool small = false, capital = false;
  for (size_t i = 0; i < text.n && !small; i++) {
    small = text.p[i] >= 'a' && text.p[i] <= 'z';
    capital |= text.p[i] >= 'A' && text.p[i] <= 'Z';
  }
  r.shouts = capital && !small;
  return r;
}

search_reader search_read_in(base_span text, const char *language) {
  search_reader r = search_read(text);
  r.stem = strcmp(language, "pt") == 0 ? 0 : strcmp(language, "en") == 0 ? 1 : -1;
  return r;
}

static bool digit_at(base_span text, size_t at) { return at < text.n && is_digit(text.p[at]); }

/* "3.14" and "3,14" are one number, "1.000" and "1,000" as well: three digits after it make a separator one of thousands. */
static void read_number(base_span text, struct word *w) {
  while (w->end < text.n) {
    uint8_t c = text.p[w->end];
    if (is_digit(c)) {
      add_bytes(w, &c, 1);
    } else if ((c == '.' || c == ',') && digit_at(text, w->end + 1)) {
      size_t digits = 1;
      while (digits < 4 && digit_at(text, w->end + 1 + digits))
        digits++;
      if (digits != 3) add_bytes(w, (const uint8_t *)".", 1);
    } else {
      return;
    }
    w->end++;
  }
}

static void read_letters(base_span text, struct word *w) {
  while (w->end < text.n) {
    size_t size;
    utf8proc_int32_t c = point(text, w->end, &size);
    if (c < 0 || (!is_letter(c) && !is_digit(c) && !is_mark(c))) return;
    if (!is_mark(c)) {
      bool capital = c < 0x80 ? c >= 'A' && c <= 'Z' : utf8proc_category(c) == UTF8PROC_CATEGORY_LU;
      w->leads |= capital && w->letters == 0;
      w->capitals += capital;
      w->letters++;
      add_point(w, c);
    }
    w->end += size;
  }
}

/* Pure: a word without its stems. */
static bool next_word(search_reader *r, struct word *w) {
  while (r->at < r->text.n) {
    size_t size;
    utf8proc_int32_t c = point(r->text, r->at, &size);
    if (is_digit(c) || is_letter(c)) {
      *w = (struct word){.begin = r->at, .end = r->at, .number = is_digit(c)};
      if (w->number) {
        read_number(r->text, w);
      } else {
        read_letters(r->text, w);
      }
      r->at = w->end;
      w->folded[w->size] = '\0';
      if (w->size) return true; /* a letter that folds to nothing is none */
      continue;
    }
    r->starts |= c == '.' || c == '!' || c == '?' || c == ':' || c == '\n';
    r->at += size;
  }
  return false;
}

/* The word as the Portuguese stemmer wants it. */
static size_t restore(const struct word *w, char out[SEARCH_WORD_MAX + ENDING_MAX]) {
  memcpy(out, w->folded, w->size);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t n = strlen(endings[i].ending), instead = strlen(endings[i].instead);
    if (w->size >= n + STEM_MIN && memcmp(w->folded + w->size - n, endings[i].ending, n) == 0) {
      memcpy(out + w->size - n, endings[i].instead, instead);
      return w->size - n + instead;
    }
  }
  return w->size;
}

/* Words with digits ("h2o") and of one letter are names: no stem. */
static bool has_stem(const struct word *w) {
  for (size_t i = 0; i < w->size; i++) {
    if (is_digit(w->folded[i])) return false;
  }
  return w->size > 1;
}

/* The word's i-th stem, made when it is first asked for. */
static void stem(search_terms *t, const struct word *w, struct cached *c, int i) {
  char restored[SEARCH_WORD_MAX + ENDING_MAX];
  if (c->keys[i]) return;
  const char *word = i ? w->folded : restored;
  size_t size = i ? w->size : restore(w, restored);
  struct word folded = {0};
  const sb_symbol *s = has_stem(w) ? sb_stemmer_stem(t->stemmers[i], (const sb_symbol *)word, (int)size) : NULL;
  base_span got = s ? base_span_of(s, (size_t)sb_stemmer_length(t->stemmers[i])) : base_span_of(w->folded, w->size);
  read_letters(got, &folded);
  if (folded.end != got.n || !folded.size) { /* a number; or out of memory: the word is its own stem */
    memcpy(folded.folded, w->folded, w->size + 1);
  }
  memcpy(c->stems[i], folded.folded, sizeof c->stems[i]);
  c->keys[i] = hash_of(c->stems[i]);
}

static struct cached *look_up(search_terms *t, const struct word *w) {
  uint64_t hash = hash_of(w->folded);
  struct cached *c = &t->cache[hash % CACHED];
  if (c->hash == hash && strcmp(c->folded, w->folded) == 0) return c;
  const search_word *known = search_word_find(w->folded);
  c->hash = hash;
  c->kind = known ? known->kind : SEARCH_CONTENT;
  memcpy(c->folded, w->folded, w->size + 1);
  memset(c->keys, 0, sizeof c->keys);
  return c;
}

/* With the stems from the first to the last. */
static search_term term_of(search_terms *t, const struct word *w, int first, int last) {
  struct cached *c = look_up(t, w);
  stem(t, w, c, first);
  stem(t, w, c, last);
  return (search_term){.kind = c->kind,
                       .folded = c->folded,
                       .stem = {c->stems[first], c->keys[first] == c->keys[last] ? NULL : c->stems[last]},
                       .keys = {c->keys[first], c->keys[last]}};
}

bool search_terms_next(search_terms *t, search_reader *r, search_term *out) {
  struct word w;
  if (!next_word(r, &w)) return false;
  *out = r->stem < 0 ? term_of(t, &w, 0, SEARCH_STEMS - 1) : term_of(t, &w, r->stem, r->stem);
  bool acronym = w.capitals > 1 && !r->shouts;
  out->name = acronym || (w.leads && !r->starts && !r->shouts && out->kind == SEARCH_CONTENT);
  if (acronym && out->kind == SEARCH_STOP) out->kind = SEARCH_CONTENT; /* OS, IT, US */
  out->begin = w.begin;
  out->end = w.end;
  out->number = w.number;
  r->starts = false;
  return true;
}

void search_terms_folded(search_terms *t, base_span folded, search_term *out) {
  struct word w = {.size = folded.n < SEARCH_WORD_MAX ? folded.n : SEARCH_WORD_MAX - 1};
  if (w.size) memcpy(w.folded, folded.p, w.size);
  *out = term_of(t, &w, 0, SEARCH_STEMS - 1);
}

/* Letters that Portuguese has and English has not. */
static bool is_portuguese(base_span word) {
  static const char *const letters[] = {"ã", "õ", "ç", "á", "é", "í", "ó", "ú", "â", "ê", "ô"};
  for (size_t i = 0; i < word.n; i++) {
    for (size_t k = 0; word.p[i] >= 0x80 && k < sizeof letters / sizeof *letters; k++) {
      if (base_span_starts(base_span_of(word.p + i, word.n - i), letters[k])) return true;
    }
  }
  return false;
}

const char *search_language(base_span text) {
  search_reader r = search_read(base_span_of(text.p, text.n < GUESS_MAX ? text.n : GUESS_MAX));
  struct word w;
  long portuguese = 0, english = 0;
  while (next_word(&r, &w)) {
    const search_word *known = search_word_find(w.folded);
    portuguese +=
        (known && known->languages == WORDS_PT) || is_portuguese(base_span_of(text.p + w.begin, w.end - w.begin));
    english += known && known->languages == WORDS_EN;
  }
  return portuguese > english ? "pt" : english > portuguese ? "en" : "";
}
