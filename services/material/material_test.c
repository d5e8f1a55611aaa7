/* Plain text, what every format refuses, and where long blocks are cut. */
#include "material/material.h"

#include <stdlib.h>

#include "base/test.h"
#include "material/testing.h"

static void test_refuses(void) {
  static const struct {
    const char *name, *content;
    size_t size; /* 0: strlen */
    enum material_format format;
    enum base_err_code want;
    const char *why;
  } rows[] = {
      {"no format", "text", 0, 0, BASE_E_MALFORMED, "not a format that can be read"},
      {"live is not read", "text", 0, MATERIAL_LIVE, BASE_E_MALFORMED, "not a format that can be read"},
      {"a format of the future", "text", 0, 9, BASE_E_MALFORMED, "not a format that can be read"},
      {"empty", "", 0, MATERIAL_TEXT, BASE_E_MALFORMED, "line 1: there is nothing to read in it"},
      {"blank", " \n\t\n", 0, MATERIAL_TEXT, BASE_E_MALFORMED, "line 1: there is nothing to read in it"},
      {"a byte order mark alone", "\xEF\xBB\xBF", 0, MATERIAL_TEXT, BASE_E_MALFORMED,
       "line 1: there is nothing to read in it"},
      {"signs only", "---\n***\n", 0, MATERIAL_TEXT, BASE_E_MALFORMED, "line 1: there is nothing to read in it"},
      {"Latin-1", "um\ndois\ntr\xEAs\n", 0, MATERIAL_TEXT, BASE_E_MALFORMED, "line 3: not UTF-8"},
      {"Latin-1 in Markdown", "# T\r\n\r\ntr\xEAs", 0, MATERIAL_MARKDOWN, BASE_E_MALFORMED, "line 3: not UTF-8"},
      {"UTF-16", "\xFF\xFEt\0e\0", 6, MATERIAL_TEXT, BASE_E_MALFORMED, "line 1: not UTF-8"},
      {"half a character at the end", "ol\xC3", 0, MATERIAL_TEXT, BASE_E_MALFORMED, "line 1: not UTF-8"},
      {"an overlong form", "a\xC0\xAF", 0, MATERIAL_TEXT, BASE_E_MALFORMED, "line 1: not UTF-8"},
      {"a surrogate", "a\rb\xED\xA0\x80", 0, MATERIAL_TEXT, BASE_E_MALFORMED, "line 2: not UTF-8"},
      {"NUL", "one\ntwo\0three", 13, MATERIAL_TEXT, BASE_E_MALFORMED, "line 2: a NUL byte"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    material m;
    char why[MATERIAL_WHY_SIZE];
    size_t size = rows[i].size ? rows[i].size : strlen(rows[i].content);
    base_err e = material_parse(rows[i].format, base_span_of(rows[i].content, size), &m, why);
    CHECK_MSG(base_is(e, rows[i].want), "%s: %s", rows[i].name, base_err_name(e));
    CHECK_MSG(strcmp(why, rows[i].why) == 0, "%s: %s", rows[i].name, why);
    CHECK_MSG(!m.passages && !m.cues && !m.text.data, "%s", rows[i].name);
    material_dispose(&m);
  }
}

static void test_size(void) {
  char *big = malloc(MATERIAL_SIZE_MAX + 1);
  REQUIRE(big);
  memset(big, 'a', MATERIAL_SIZE_MAX + 1);
  for (enum material_format format = MATERIAL_MARKDOWN; format <= MATERIAL_VTT; format++) {
    material m;
    char why[MATERIAL_WHY_SIZE];
    CHECK_ERR(material_parse(format, base_span_of(big, MATERIAL_SIZE_MAX + 1), &m, why), BASE_E_TOO_LARGE);
    CHECK_STR(why, "more than 1048576 bytes");
  }
  material m;
  char why[MATERIAL_WHY_SIZE];
  CHECK_OK(material_parse(MATERIAL_TEXT, base_span_of(big, MATERIAL_SIZE_MAX), &m, why));
  CHECK_INT(m.passage_count, (MATERIAL_SIZE_MAX + MATERIAL_PASSAGE_MAX - 1) / MATERIAL_PASSAGE_MAX);
  material_dispose(&m);
  free(big);
}

/* Passages, joined by '|'. */
static void check_passages(const char *name, const char *content, const char *want) {
  material m;
  char why[MATERIAL_WHY_SIZE];
  base_buf got;
  base_buf_init(&got, 1 << 20);
  CHECK_OK(material_parse(MATERIAL_TEXT, base_span_str(content), &m, why));
  CHECK_MSG(base_span_is(base_buf_span(&m.text), content), "%s: the text is not as it came", name);
  const char *broken = material_testing_broken(&m);
  CHECK_MSG(!broken, "%s: %s", name, broken);
  for (size_t i = 0; i < m.passage_count; i++) {
    base_span p = base_span_of(m.text.data + m.passages[i].begin, m.passages[i].end - m.passages[i].begin);
    CHECK_OK(base_buf_printf(&got, "%s%.*s", i ? "|" : "", BASE_SPAN_ARG(p)));
    CHECK_STR(m.passages[i].heading, "");
  }
  CHECK_MSG(base_span_is(base_buf_span(&got), want), "%s: %.*s", name, BASE_SPAN_ARG(base_buf_span(&got)));
  base_buf_dispose(&got);
  material_dispose(&m);
}

#define S10 "word word "
#define S100 S10 S10 S10 S10 S10 S10 S10 S10 S10 S10
#define S500 S100 S100 S100 S100 S100
#define W90 S10 S10 S10 S10 S10 S10 S10 S10 "word word"
#define W100 S10 S10 S10 S10 S10 S10 S10 S10 S10 "word word"

static void test_text(void) {
  check_passages("one line", "Only this.", "Only this.");
  check_passages("short paragraphs go together", "\xEF\xBB\xBF\n One.\n\n\nTwo.\r\n\r\nThree. \n",
                 "One.\n\n\nTwo.\r\n\r\nThree.");
  check_passages("up to the goal", S500 "x\n\n" S100 "y", S500 "x|" S100 "y");
  check_passages("a paragraph stays whole", S500 S500 "x\n\nshort", S500 S500 "x|short");
  check_passages("cut at a sentence", S500 S100 "end of it. " S500 S100 "x", S500 S100 "end of it.|" S500 S100 "x");
  check_passages("a sentence's end too early is no place", "Begin. " S500 S500 S100 W100 " " S100,
                 "Begin. " S500 S500 S100 W90 "|word word " W100);
  check_passages("a quotation mark behind the end", S500 "he said \xC2\xABno.\xC2\xBB " S500 S100 S100 "x",
                 S500 "he said \xC2\xABno.\xC2\xBB|" S500 S100 S100 "x");
}

static void test_long_words(void) {
  enum { N = 3 * MATERIAL_PASSAGE_MAX };
  char *text = malloc(N + 2);
  REQUIRE(text);
  for (size_t shift = 0; shift < 2; shift++) { /* "é" over and over: each limit meets both halves */
    memset(text, 'a', shift);
    for (size_t i = shift; i + 1 < N + shift; i += 2)
      memcpy(text + i, "\xC3\xA9", 2);
    material m;
    char why[MATERIAL_WHY_SIZE];
    CHECK_OK(material_parse(MATERIAL_TEXT, base_span_of(text, N + shift), &m, why));
    const char *broken = material_testing_broken(&m);
    CHECK_MSG(!broken, "%s", broken);
    CHECK_INT(m.passages[0].end, MATERIAL_PASSAGE_MAX - shift);
    CHECK_INT(m.passages[m.passage_count - 1].end, N + shift);
    material_dispose(&m);
  }
  free(text);
}

TEST_MAIN(TEST(test_refuses), TEST(test_size), TEST(test_text), TEST(test_long_words))
