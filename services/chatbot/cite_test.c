/* Every row is given whole, cut at each of its bytes, and byte by byte: what goes on and what is cited is always the same. */
#include "chatbot/cite.h"

#include <stdlib.h>

#include "base/test.h"

#define NBSP "\xC2\xA0"
#define LDQ "\xE2\x80\x9C"
#define RDQ "\xE2\x80\x9D"
#define LAQ "\xC2\xAB"
#define RAQ "\xC2\xBB"
#define RSQ "\xE2\x80\x99"

static const char *const passages[] = {
    "The cell is the smallest unit of life. It\n  has a \"wall\", say botanists; the **cell** lives.",
    "A fotoss\xC3\xADntese produz " LAQ "glicose" RAQ
    " e oxig\xC3\xAAnio. \xC3\x89 a luz que d\xC3\xA1 energia: it's light.",
    ("A [b] c \xE2\x80\x94 stra\xC3\x9F"
     "e und Weg. One two three one two four. naive\xCC\x81 art. A ['k'] d"),
};
enum { PASSAGES = 3 };

/* `quotes`: the passages' bytes that are cited, joined by '|'. */
static const struct {
  const char *name, *in, *out, *quotes;
  size_t dropped;
} rows[] = {
    {"no mark", "Just text, a [link](http://x.example) and [ ] [x].",
     "Just text, a [link](http://x.example) and [ ] [x].", "", 0},
    {"nothing", "", "", "", 0},
    {"a quote", "So it is [1: \"The cell is the smallest unit\"].", "So it is [1].", "The cell is the smallest unit",
     0},
    {"two", "a [1: \"unit of life\"] b [2: \"a luz\"] c", "a [1] b [2] c", "unit of life|a luz", 0},
    {"side by side", "[1: \"unit of life\"][2: \"a luz\"]", "[1][2]", "unit of life|a luz", 0},
    {"the same twice", "[1: \"of life\"] [1: \"of life\"]", "[1] [1]", "of life|of life", 0},
    {"case", "[1: \"the CELL is\"]", "[1]", "The cell is", 0},
    {"spaces and line ends", "[1: \"of\tlife. It has" NBSP " a\"]", "[1]", "of life. It\n  has a", 0},
    {"a line end in the mark", "[1: \"of\nlife\"\n]", "[1]", "of life", 0},
    {"spaces in the mark", "[ 1 : \"of life\" ]", "[1]", "of life", 0},
    {"no spaces in the mark", "[1:\"of life\"]", "[1]", "of life", 0},
    {"curved quotation marks", "[1: " LDQ "of life" RDQ "]", "[1]", "of life", 0},
    {"angled quotation marks", "[1: " LAQ "of life" RAQ "]", "[1]", "of life", 0},
    {"single quotation marks", "[1: 'of life']", "[1]", "of life", 0},
    {"none", "[1: of life]", "[1]", "of life", 0},
    {"quotation marks within", "[1: \"has a " LDQ "wall" RDQ ", say\"]", "[1]", "has a \"wall\", say", 0},
    {"other ones in the passage", "[2: \"produz \"glicose\" e\"]", "[2]", "produz " LAQ "glicose" RAQ " e", 0},
    {"an apostrophe", "[2: \"it" RSQ "s light\"]", "[2]", "it's light", 0},
    {"brackets within", "[3: \"A [b] c\"]", "[3]", "A [b] c", 0},
    {"emphasis in the passage", "[1: \"the cell lives\"]", "[1]", "the **cell** lives", 0},
    {"emphasis in the words", "[1: \"*unit* of `life`\"]", "[1]", "unit of life", 0},
    {"brackets behind quotation marks within", "[3: \"A ['k'_] d\"]", "[3]", "A ['k'] d", 0},
    {"signs around the words", "[1: \"...unit of life!\"]", "[1]", "unit of life", 0},
    {"accents", "[2: \"A FOTOSS\xC3\x8DNTESE produz\"]", "[2]", "A fotoss\xC3\xADntese produz", 0},
    {"accents made of two", "[2: \"oxige\xCC\x82nio. e\xCC\x81 a\"]", "[2]", "oxig\xC3\xAAnio. \xC3\x89 a", 0},
    {"one letter is two", "[3: \"STRASSE und\"]", "[3]",
     "stra\xC3\x9F"
     "e und",
     0},
    {"a later place", "[3: \"one two four\"]", "[3]", "one two four", 0},
    {"after a character of three bytes", "\xE2\x82\xAC [1: \"of life\"]", "\xE2\x82\xAC [1]", "of life", 0},
    {"words that are not there", "a [1: \"the largest unit\"] b", "a  b", "", 1},
    {"words of another passage", "[2: \"unit of life\"]", "", "", 1},
    {"a passage that is not there", "[4: \"unit of life\"]", "", "", 1},
    {"number zero", "[0: \"unit of life\"]", "", "", 1},
    {"number 999", "[999: \"unit of life\"]", "", "", 1},
    {"half a word", "[1: \"he cell is the small\"]", "", "", 1},
    {"it begins within a word", "[1: \"ell is the\"]", "", "", 1},
    {"it ends within a word", "[1: \"cell is th\"]", "", "", 1},
    {"half a letter", "[3: \"stras e\"]", "", "", 1},
    {"accents left out", "[2: \"oxigenio. E a\"]", "", "", 1},
    {"an accent cut off", "[3: \"four. naive\"]", "", "", 1},
    {"one word", "[1: \"cell\"]", "", "", 1},
    {"one word and signs", "[1: \"cell ... !\"]", "", "", 1},
    {"no words", "[1: \"\"]", "", "", 1},
    {"signs only", "[1: \". - .\"]", "", "", 1},
    {"nothing behind the colon", "[1:]", "", "", 1},
    {"a number alone", "as said [1].", "as said .", "", 1},
    {"a number with spaces", "as said [ 12 ].", "as said .", "", 1},
    {"bytes that are no text", "[1: \"of \xFF life\"]", "", "", 1},
    {"a mark made by one that is left out", "[[1: \"no no\"]1]", "[ 1]", "", 1},
    {"the same the other way", "[1[1: \"no no\"]]", "[1 ]", "", 1},
    {"a mark in brackets", "[[1: \"of life\"]]", "[[1]]", "of life", 0},
    {"a mark in words of none", "[1: \"x [1: \"of life\"] y\"]", " y\"]", "", 1},
    {"a time", "at [12:30] and [1: 2]", "at [12:30] and [1: 2]", "", 0},
    {"an interval", "in [0, 1] and [1; 2] and [-1]", "in [0, 1] and [1; 2] and [-1]", "", 0},
    {"a year", "in [1999] and [2024: \"x y\"]", "in [1999] and [2024: \"x y\"]", "", 0},
    {"never closed", "a [1: \"of life", "a [1: \"of life", "", 0},
    {"closed by nothing", "a [1: \"of life\" b", "a [1: \"of life\" b", "", 0},
    {"an open bracket at the end", "a [", "a [", "", 0},
    {"an open number at the end", "a [1", "a [1", "", 0},
    {"over a blank line", "[1: \"of\n\nlife\"]", "[1: \"of\n\nlife\"]", "", 0},
    {"a mark behind half a mark", "[1: x\n\n[1: \"of life\"]", "[1: x\n\n[1]", "of life", 0},
    {"a code span", "`[1: \"of life\"]` [1: \"of life\"]", "`[1: \"of life\"]` [1]", "of life", 0},
    {"a number in a code span", "`v[0] + w[1]` x[1]", "`v[0] + w[1]` x", "", 1},
    {"a code span of two", "``a ` [1: \"of life\"]`` [1: \"of life\"]", "``a ` [1: \"of life\"]`` [1]", "of life", 0},
    {"a code span that closes within the mark", "`x[1: \"a` b [1: \"of life\"]", "`x[1: \"a` b [1]", "of life", 0},
    {"a code span over lines", "`a\nb[1]` c", "`a\nb[1]` c", "", 0},
    {"a backtick that opens nothing", "a ` b [1: \"of life\"] c", "a ` b [1] c", "of life", 0},
    {"closed in the next paragraph only", "a ` b [1: \"of life\"]\n \nc ` d", "a ` b [1]\n \nc ` d", "of life", 0},
    {"closed by a string of another length", "`` b [1: \"of life\"] ` c", "`` b [1] ` c", "of life", 0},
    {"an escaped backtick", "\\` [1: \"of life\"] `", "\\` [1] `", "of life", 0},
    {"a backslash escaped", "\\\\` [1: \"of life\"] `", "\\\\` [1: \"of life\"] `", "", 0},
    {"an escaped bracket", "\\[1: \"of life\"]", "\\[1: \"of life\"]", "", 0},
    {"a fenced block", "```c\nx[1] = `\n\n[1: \"of life\"]\n```\n[1: \"of life\"]",
     "```c\nx[1] = `\n\n[1: \"of life\"]\n```\n[1]", "of life", 0},
    {"of tildes", "~~~\nx[1]\n```\nx[1]\n~~~\n[1]", "~~~\nx[1]\n```\nx[1]\n~~~\n", "", 1},
    {"a longer fence", "````\n```\nx[1]\n`````  \nx[1]", "````\n```\nx[1]\n`````  \nx", "", 1},
    {"a fence with text behind does not close", "```\nx[1]\n``` x\nx[1]\n", "```\nx[1]\n``` x\nx[1]\n", "", 0},
    {"a block that is never closed", "```\nx[1]\n", "```\nx[1]\n", "", 0},
    {"a block in a list", "- ```\n  x[1]\n  ```\n  [1]", "- ```\n  x[1]\n  ```\n  ", "", 1},
    {"a block in a quote", "> ```\n> x[1]\n> ```\n[1]", "> ```\n> x[1]\n> ```\n", "", 1},
    {"three backticks within a line", "a ```x[1]``` [1]", "a ```x[1]``` ", "", 1},
    {"three backticks that are a span", "```x[1]``` [1]", "```x[1]``` ", "", 1},
    {"a block behind a lone backtick", "a ` b\n```\nx[1]\n\n```\n[1: \"of life\"]", "a ` b\n```\nx[1]\n\n```\n[1]",
     "of life", 0},
    {"struck out", "~~[1: \"of life\"]~~", "~~[1]~~", "of life", 0},
};

static void new_cite(cite **c) {
  static base_span spans[PASSAGES];
  for (size_t i = 0; i < PASSAGES; i++)
    spans[i] = base_span_str(passages[i]);
  *c = cite_new(spans, PASSAGES);
}

static void check(const char *name, cite *c, const base_buf *out, const char *want, const char *quotes,
                  size_t dropped) {
  base_buf got;
  size_t count;
  const cite_citation *citations = cite_citations(c, &count);
  base_span text = base_buf_span(out);
  base_buf_init(&got, 1 << 16);
  CHECK_MSG(base_span_is(text, want), "%s: %.*s", name, BASE_SPAN_ARG(text));
  CHECK_MSG(cite_dropped(c) == dropped, "%s: %zu dropped", name, cite_dropped(c));
  for (size_t i = 0; i < count; i++) {
    const cite_citation *it = &citations[i];
    char mark[16];
    snprintf(mark, sizeof mark, "[%d]", it->number);
    CHECK_MSG(base_span_starts(base_span_of(text.p + it->answer_offset, text.n - it->answer_offset), mark), "%s", name);
    CHECK_OK(base_buf_printf(&got, "%s%.*s", i ? "|" : "", (int)(it->end - it->begin),
                             passages[it->number - 1] + it->begin));
  }
  CHECK_MSG(base_span_is(base_buf_span(&got), quotes), "%s: %.*s", name, BASE_SPAN_ARG(base_buf_span(&got)));
  base_buf_dispose(&got);
}

/* `first` bytes, then pieces of `each`. */
static void check_split(size_t row, size_t first, size_t each) {
  cite *c;
  base_buf out;
  base_span in = base_span_str(rows[row].in);
  new_cite(&c);
  REQUIRE(c);
  base_buf_init(&out, 1 << 16);
  for (size_t at = 0, n = first; at < in.n; at += n, n = each) {
    n = n < in.n - at ? n : in.n - at;
    CHECK_OK(cite_push(c, base_span_of(in.p + at, n), &out));
  }
  CHECK_OK(cite_end(c, &out));
  check(rows[row].name, c, &out, rows[row].out, rows[row].quotes, rows[row].dropped);
  base_buf_dispose(&out);
  cite_free(c);
}

static void test_rows(void) {
  for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
    size_t n = strlen(rows[row].in);
    for (size_t first = 1; first <= n; first++)
      check_split(row, first, n);
    check_split(row, 1, 1);
    check_split(row, 2, 3);
  }
}

static void test_goes_on_at_once(void) {
  static const struct {
    const char *name, *in;
    size_t held;
  } each[] = {
      {"text", "abc", 0},
      {"a bracket", "abc [", 1},
      {"half a mark", "abc [1: \"de f", 9},
      {"what cannot be one", "abc [d", 0},
      {"a code span that is open", "abc `def", 0},
      {"what looks like a mark in it", "abc `def[1]", 3},
      {"and more", "abc `def[1] ghi", 7},
      {"until it closes", "abc `def[1] ghi` ", 0},
      {"a block", "```\nx[1: \"a", 0},
  };
  for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
    cite *c;
    base_buf out;
    new_cite(&c);
    REQUIRE(c);
    base_buf_init(&out, 1 << 16);
    CHECK_OK(cite_push(c, base_span_str(each[i].in), &out));
    CHECK_MSG(base_buf_size(&out) + each[i].held == strlen(each[i].in), "%s: %zu went on", each[i].name,
              base_buf_size(&out));
    base_buf_dispose(&out);
    cite_free(c);
  }
}

/* A mark one byte too long, a span one byte too long, one citation too many. */
static void test_bounds(void) {
  static char in[16384], want[16384];
  static const char quote[] = "[1: \"unit";
  for (size_t spare = 0; spare < 2; spare++) {
    cite *c;
    base_buf out;
    new_cite(&c);
    REQUIRE(c);
    base_buf_init(&out, sizeof in);
    size_t size = CITE_MARK_MAX + spare;
    memset(in, ' ', size);
    memcpy(in, quote, sizeof quote - 1);
    memcpy(in + size - 4, "of\"]", 5);
    CHECK_OK(cite_push(c, base_span_str(in), &out));
    CHECK_OK(cite_end(c, &out));
    check("a long mark", c, &out, spare ? in : "[1]", spare ? "" : "unit of", 0);
    base_buf_dispose(&out);
    cite_free(c);
  }
  cite *c;
  base_buf out;
  new_cite(&c);
  REQUIRE(c);
  base_buf_init(&out, sizeof in);
  for (size_t i = 0; i < CITE_COUNT_MAX + 2; i++)
    CHECK_OK(cite_push(c, base_span_str("[1: \"of life\"]"), &out));
  size_t count;
  cite_citations(c, &count);
  CHECK_INT(count, CITE_COUNT_MAX);
  CHECK_INT(cite_dropped(c), 2);
  base_buf_clear(&out);
  memset(want, 'x', 5000);
  memcpy(want, "`[1] ", 5);
  want[5000] = '\0';
  CHECK_OK(
      cite_push(c, base_span_str(want), &out)); /* nobody waits for ever: it is taken for text, and the mark goes */
  CHECK_INT(base_buf_size(&out), 4997);
  CHECK_INT(cite_dropped(c), 3);
  base_buf_dispose(&out);
  cite_free(c);
}

static void test_errors(void) {
  cite *c;
  base_buf out;
  new_cite(&c);
  REQUIRE(c);
  base_buf_init(&out, 4);
  CHECK_ERR(cite_push(c, base_span_str("12345"), &out), BASE_E_TOO_LARGE);
  base_buf_dispose(&out);
  cite_free(c);
  c = cite_new(NULL, 0);
  REQUIRE(c);
  base_buf_init(&out, 100);
  CHECK_OK(cite_push(c, base_span_str("a [1: \"of life\"] b"), &out));
  CHECK(base_span_is(base_buf_span(&out), "a  b"));
  base_buf_dispose(&out);
  cite_free(c);
  cite_free(NULL);
}

TEST_MAIN(TEST(test_rows), TEST(test_goes_on_at_once), TEST(test_bounds), TEST(test_errors))
