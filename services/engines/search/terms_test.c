#include "search/terms.h"

#include "base/test.h"
#include "search/words.h"

static search_terms *terms;

/* The terms of a text as "stem stem|other ...": stop words in (), names with a ^, numbers with a #. */
static void spell(const char *text, char *out, size_t size) {
  search_reader r = search_read(base_span_str(text));
  search_term t;
  size_t n = 0;
  *out = '\0';
  while (search_terms_next(terms, &r, &t) && n < size) {
    n += (size_t)snprintf(out + n, size - n, "%s%s%s%s%s%s%s%s", n ? " " : "", t.kind == SEARCH_STOP ? "(" : "",
                          t.name ? "^" : "", t.number ? "#" : "", t.stem[0], t.stem[1] ? "|" : "",
                          t.stem[1] ? t.stem[1] : "", t.kind == SEARCH_STOP ? ")" : "");
  }
}

static void test_words(void) {
  static const struct {
    const char *text, *want, *reason;
  } rows[] = {
      {"", "", "nothing"},
      {" .,;\"'()\n\t", "", "no words"},
      {"gravity", "gravity|graviti", "a stem of each language"},
      {"3.14 3,14", "#3.14 #3.14", "one number, however it is written"},
      {"1.000 1,000 1000", "#1000 #1000 #1000", "separators of thousands"},
      {"1.000.000,5", "#1000000.5", "both"},
      {"10km", "#10 km", "a unit at its number"},
      {"5. 6,", "#5 #6", "a sentence's end is no part of a number"},
      {"h2o CO\xE2\x82\x82", "h2o ^co2", "digits in names, and as they are set in books"},
      {"the de what o", "(the) (de) (what) (o)", "words of every text"},
      {"an OS. the os", "(an) ^os (the) (os)", "capitals make a word of it"},
      {"O QUE \xC3\x89 OS", "(o) (que) (e) (os)", "not where all is in capitals"},
      {"Newton saw. Then Isaac Newton saw", "newtom|newton saw (them|then) ^isaac ^newtom|newton saw",
       "names, but not at a beginning"},
      {"a\xFF\xC3"
       "b",
       "(a) b", "bytes that are no UTF-8 part words"},
      {"\xEF\xAC\x81le", "fil|file", "ligatures"},
      {"\xC2\xADx", "x", "a soft hyphen"},
  };
  char got[512];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    spell(rows[i].text, got, sizeof got);
    CHECK_MSG(strcmp(got, rows[i].want) == 0, "%s: got \"%s\", want \"%s\"", rows[i].reason, got, rows[i].want);
  }
}

static bool first(const char *text, uint64_t keys[SEARCH_STEMS]) {
  search_reader r = search_read(base_span_str(text));
  search_term t;
  if (!search_terms_next(terms, &r, &t)) return false;
  memcpy(keys, t.keys, sizeof t.keys);
  return true;
}

static void test_same(void) {
  static const struct {
    const char *a, *b;
    bool same;
  } rows[] = {
      {"fotossíntese", "FOTOSSINTESE", true},
      {"função", "funcoes", true},
      {"funções", "funcao", true},
      {"avaliação", "avaliacoes", true},
      {"avaliação", "avaliacao", true},
      {"sinais", "sinal", true},
      {"imagem", "imagens", true},
      {"níveis", "nivel", true},
      {"célula", "celulas", true},
      {"valores", "valor", true},
      {"elétron", "eletrons", true},
      {"limões", "limao", true},
      {"variável", "variaveis", true},
      {"frequência", "frequencias", true},
      {"model", "models", true},
      {"running", "runs", true},
      {"modelo", "models", true},
      {"e\xCC\x81tude", "étude", true},
      {"solution", "solutions", true},
      {"gravity", "graph", false},
      {"média", "mundo", false},
      {"12", "13", false},
      {"1.5", "15", false},
      {"carga", "carro", false},
      {"x", "y", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t a[SEARCH_STEMS], b[SEARCH_STEMS];
    REQUIRE(first(rows[i].a, a) && first(rows[i].b, b));
    CHECK_MSG(search_term_same(a, b) == rows[i].same, "%s, %s", rows[i].a, rows[i].b);
  }
}

static void test_places(void) {
  const char *text = "Ação é (1.000 m/s)!";
  search_reader r = search_read(base_span_str(text));
  search_term t;
  char got[64] = "";
  while (search_terms_next(terms, &r, &t)) {
    snprintf(got + strlen(got), sizeof got - strlen(got), "[%.*s]", (int)(t.end - t.begin), text + t.begin);
  }
  CHECK_STR(got, "[Ação][é][1.000][m][s]");
}

static void test_long_words(void) {
  char text[400], other[400];
  memset(text, 'x', sizeof text);
  memset(other, 'x', sizeof other);
  text[399] = other[399] = '\0';
  text[300] = 'y';
  uint64_t a[SEARCH_STEMS], b[SEARCH_STEMS];
  REQUIRE(first(text, a) && first(other, b));
  CHECK(search_term_same(a, b)); /* the beginning counts */
}

static void test_language(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"What is the derivative of a function?", "en"},
      {"O que é a derivada de uma função?", "pt"},
      {"o que e uma derivada", "pt"},
      {"Quem descobriu a penicilina?", "pt"},
      {"Who discovered penicillin?", "en"},
      {"fotossíntese", "pt"},
      {"photon", ""},
      {"", ""},
      {"42", ""},
      {"\xFF\xFE", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_STR(search_language(base_span_str(rows[i].text)), rows[i].want);
}

static void test_known_words(void) {
  CHECK(!search_word_find(""));
  CHECK(!search_word_find("fotossintese"));
  CHECK(!search_word_find("derivative"));
  REQUIRE(search_word_find("porque") && search_word_find("a") && search_word_find("yourself"));
  CHECK_INT(search_word_find("a")->languages, WORDS_PT | WORDS_EN);
  CHECK_INT(search_word_find("explain")->kind, SEARCH_ASKS);
}

static void run_with_terms(void (*run)(void)) {
  CHECK_OK(search_terms_new(&terms));
  if (terms) run();
  search_terms_free(terms);
}
static void words(void) { run_with_terms(test_words); }
static void same(void) { run_with_terms(test_same); }
static void places(void) { run_with_terms(test_places); }
static void long_words(void) { run_with_terms(test_long_words); }

TEST_MAIN(TEST(words), TEST(same), TEST(places), TEST(long_words), TEST(test_language), TEST(test_known_words))
