#include "search/sentences.h"

#include "base/test.h"

static void spell(const char *text, char *out, size_t size) {
  search_sentence s;
  size_t n = 0;
  *out = '\0';
  for (size_t at = 0; search_sentence_next(base_span_str(text), &at, &s) && n < size;)
    n += (size_t)snprintf(out + n, size - n, "%s[%.*s]", s.heading ? "#" : "", BASE_SPAN_ARG(s.text));
}

static void test_sentences(void) {
  static const struct {
    const char *text, *want, *reason;
  } rows[] = {
      {"", "", "nothing"},
      {" \n\t \r\n", "", "blanks"},
      {"One. Two! Three? Four", "[One.][Two!][Three?][Four]", "full stops"},
      {"Wait... What?! Yes.", "[Wait...][What?!][Yes.]", "several of them"},
      {"It is 3.14. See example.org now.", "[It is 3.14.][See example.org now.]", "decimals and names of hosts"},
      {"Dr. Silva e a profa. Ana saíram. Fim.", "[Dr. Silva e a profa. Ana saíram.][Fim.]", "abbreviations"},
      {"J. K. Rowling wrote. E.g. this.", "[J. K. Rowling wrote.][E.g. this.]", "initials"},
      {"Ver fig. 3 e p. ex. Marte. Depois", "[Ver fig. 3 e p. ex. Marte.][Depois]", "before numbers and names"},
      {"O ano de 30 a.C. foi bom. Sim", "[O ano de 30 a.C. foi bom.][Sim]", "before Christ"},
      {"He left etc. and so on.", "[He left etc. and so on.]", "a small letter goes on"},
      {"\"Stop.\" He left. (Yes.) No.", "[\"Stop.\"][He left.][(Yes.)][No.]", "quotation marks and brackets"},
      {"Disse “não.” Saiu.", "[Disse “não.”][Saiu.]", "and other ones"},
      {"# Title\nText goes\non here. End", "#[Title][Text goes\non here.][End]", "a heading is its line"},
      {"- one\n- two\n\n1. three\n2) four", "[one][two][three][four]", "lists"},
      {"> quoted\n> again", "[quoted][again]", "quotations"},
      {"first\n\nsecond", "[first][second]", "paragraphs"},
      {"a cue goes\non in the next\none. Then", "[a cue goes\non in the next\none.][Then]", "lines of a transcript"},
      {"#\n# \n- \n", "", "marks of nothing"},
      {"...", "[...]", "nothing but stops"},
      {"\xFF.\xFE A.", "[\xFF.\xFE A.]", "bytes that are no UTF-8"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[256];
    spell(rows[i].text, got, sizeof got);
    CHECK_MSG(strcmp(got, rows[i].want) == 0, "%s: got %s", rows[i].reason, got);
  }
}

static void test_no_stops(void) {
  char text[4000];
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = i % 40 == 39 ? '\n' : 'a';
  size_t at = 0, count = 0;
  for (search_sentence s; search_sentence_next(base_span_of(text, sizeof text), &at, &s); count++)
    CHECK(s.text.n <= SEARCH_SENTENCE_LONG + 40);
  CHECK(count > 10); /* lines end them at last */
  CHECK_INT(at, sizeof text);
}

TEST_MAIN(TEST(test_sentences), TEST(test_no_stops))
