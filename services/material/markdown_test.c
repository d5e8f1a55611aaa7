/* Markdown: passages as exact slices, under the path of their headings. Rows hold Markdown and its passages, "heading: text" joined by '|'. */
#include "material/material.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/test.h"
#include "material/markdown_memory.h"
#include "material/testing.h"

#define X10 "xxxx xxxx "
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X600 X100 X100 X100 X100 X100 X100
#define ROW "| some cell | another cell | one more cell, to make it long |\n"
#define ROWS10 ROW ROW ROW ROW ROW ROW ROW ROW ROW ROW
#define CODE "    int x = 1; /* four spaces of its own */\n"
#define CODE10 CODE CODE CODE CODE CODE CODE CODE CODE CODE CODE

static const struct {
  const char *name, *markdown, *want;
} rows[] = {
    {"text only", "Just *text*.", ": Just *text*."},
    {"under a heading", "# Cells\n\nThe **cell** lives.\n", "Cells: The **cell** lives."},
    {"a path of headings",
     "# Biology\n\nintro\n\n## The *cell* `x`\n\ntext\n\n### Parts ###\nmore\n\n## Next\n\nlast\n",
     "Biology: intro|Biology > The cell x: text|Biology > The cell x > Parts: more|Biology > Next: last"},
    {"a level left out", "# A\n\na\n\n### C\n\nc\n\n## B\n\nb\n", "A: a|A > C: c|A > B: b"},
    {"setext headings", "Top\n===\n\na\n\nSub\nline\n---\n\nb", "Top: a|Top > Sub line: b"},
    {"headings are not crossed", "# A\na\n# A\nb\n", "A: a|A: b"},
    {"a heading without text is a passage", "# A\n\n## B\n\n## C\n\nc\n\n# D\n", "A: B|A > C: c|: D"},
    {"an outline", "# A\n# B", ": A|: B"},
    {"an empty heading", "#\n\ntext", ": text"},
    {"paragraphs go together", "one\n\n\n\n\ntwo\n\n- a\n- b\n\n> quote\n",
     ": one\n\n\n\n\ntwo\n\n- a\n- b\n\n> quote"},
    {"up to the goal", X600 "end\n\n" X600 "end", ": " X600 "end|: " X600 "end"},
    {"front matter", "---\ntitle: x\n---\n\ntext", ": text"},
    {"front matter ended by dots", "\xEF\xBB\xBF---\r\ntitle: x\r\n...\r\ntext", ": text"},
    {"front matter of TOML", "+++\ntitle = 1\n+++\ntext", ": text"},
    {"a break is no front matter", "---\n\none\n\n---\n\ntwo", ": one|: two"},
    {"front matter without an end", "---\ntitle: x\n", ": title: x"},
    {"comments", "one\n\n<!-- secret\n\nwords -->\n\ntwo", ": one|: two"},
    {"a comment of one line", "one\n\n<!-- secret -->\n\ntwo", ": one|: two"},
    {"a comment without an end", "one\n\n<!-- secret\n\ntwo", ": one"},
    {"scripts and tags", "one\n\n<SCRIPT>alert(1)</script>\n\n<div class=x>\n\ntwo", ": one|: two"},
    {"HTML with words", "<div>\nsome words\n</div>", ": <div>\nsome words\n</div>"},
    {"breaks", "one\n\n***\n\ntwo", ": one|: two"},
    {"definitions of links", "one [a]\n\n[a]: http://x.example/\n\ntwo", ": one [a]|: two"},
    {"a code block with blank lines", "text\n\n```c\nint a;\n\n\n\nint b;\n```\nafter",
     ": text\n\n```c\nint a;\n\n\n\nint b;\n```\nafter"},
    {"a heading in code", "```\n# no heading\n```\n", ": ```\n# no heading\n```"},
    {"code without an end", "```\nint a;\n", ": ```\nint a;"},
    {"a heading in a quote", "# A\n\n> # B\n> text\n", "A: > # B\n> text"},
    {"an indented block", "text\n\n    code\n\n      more\n\nend", ": text\n\n    code\n\n      more\n\nend"},
    {"CR LF", "# A\r\n\r\none\r\n\r\ntwo\r\n", "A: one\r\n\r\ntwo"},
    {"CR", "# A\r\rone\r\rtwo", "A: one\r\rtwo"},
    {"spaces in headings", "#   A \t B   \n\ntext", "A B: text"},
    {"entities in headings", "# A &amp; B\n\ntext", "A & B: text"},
    {"accents", "# Fotoss\xC3\xADntese\n\n\xC3\xA9 luz", "Fotoss\xC3\xADntese: \xC3\xA9 luz"},
    {"a table stays whole", X600 "\n\n" ROW "|---|---|---|\n" ROWS10,
     ": xxxx xxxx " X100 X100 X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 "xxxx xxxx|: " ROW
     "|---|---|---|\n" ROW ROW ROW ROW ROW ROW ROW ROW ROW
     "| some cell | another cell | one more cell, to make it long |"},
    {"a table is cut between rows", ROW "|---|---|---|\n" ROWS10 ROWS10 "| last | row | here |",
     ": " ROW "|---|---|---|\n" ROWS10 ROW ROW ROW ROW ROW ROW ROW
     "| some cell | another cell | one more cell, to make it long ||: " ROW ROW "| last | row | here |"},
    {"code is cut between lines", "```\n" CODE10 CODE10 CODE10 "```",
     ": ```\n" CODE10 CODE10 CODE CODE CODE CODE CODE CODE
     "    int x = 1; /* four spaces of its own */|: int x = 1; /* four spaces of its own */\n" CODE CODE "```"},
    {"a long list is cut between items", "- " X600 "\n- " X600 "end\n- c",
     ": - " X100 X100 X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxxx xxxx|: - " X600 "end|: - c"},
};

static void test_rows(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    material m;
    char why[MATERIAL_WHY_SIZE];
    base_buf got;
    base_buf_init(&got, 1 << 20);
    base_err e = material_parse(MATERIAL_MARKDOWN, base_span_str(rows[i].markdown), &m, why);
    CHECK_MSG(base_is_ok(e), "%s: %s", rows[i].name, why);
    if (!base_is_ok(e)) continue;
    const char *broken = material_testing_broken(&m);
    CHECK_MSG(!broken, "%s: %s", rows[i].name, broken);
    CHECK_MSG(base_span_is(base_buf_span(&m.text), rows[i].markdown), "%s: the text is not as it came", rows[i].name);
    for (size_t k = 0; k < m.passage_count; k++) {
      const material_passage *p = &m.passages[k];
      base_span text = base_span_of(m.text.data + p->begin, p->end - p->begin);
      CHECK_OK(base_buf_printf(&got, "%s%s: %.*s", k ? "|" : "", p->heading, BASE_SPAN_ARG(text)));
    }
    CHECK_MSG(base_span_is(base_buf_span(&got), rows[i].want), "%s: got\n%.*s\nwant\n%s", rows[i].name,
              BASE_SPAN_ARG(base_buf_span(&got)), rows[i].want);
    base_buf_dispose(&got);
    material_dispose(&m);
  }
}

static void test_refuses(void) {
  static const struct {
    const char *name, *markdown, *why;
  } bad[] = {
      {"nothing", "", "line 1: there is nothing to read in it"},
      {"front matter only", "---\ntitle: x\n---\n", "line 1: there is nothing to read in it"},
      {"a comment only", "<!-- x -->\n", "line 1: there is nothing to read in it"},
      {"a definition only", "[a]: /x\n", "line 1: there is nothing to read in it"},
      {"breaks only", "---\n***\n", "line 1: there is nothing to read in it"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    material m;
    char why[MATERIAL_WHY_SIZE];
    base_err e = material_parse(MATERIAL_MARKDOWN, base_span_str(bad[i].markdown), &m, why);
    CHECK_MSG(base_is(e, BASE_E_MALFORMED), "%s", bad[i].name);
    CHECK_MSG(strcmp(why, bad[i].why) == 0, "%s: %s", bad[i].name, why);
    material_dispose(&m);
  }
}

enum { HOSTILE_SIZE = MATERIAL_SIZE_MAX / 4 };

static char *repeat(const char *unit, size_t *size) {
  char *text = malloc(HOSTILE_SIZE);
  size_t n = strlen(unit);
  *size = HOSTILE_SIZE / n * n;
  for (size_t i = 0; text && i < *size; i += n)
    memcpy(text + i, unit, n);
  return text;
}

/* What makes parsers of Markdown slow or deep: it ends, within the test's time limit, and what comes out is sound. */
static void test_hostile(void) {
  static const char *const units[] = {
      "> ",    "- ",       "* a ", "1. ",       "[",     "![",     "[a](",  "*a_ ",    "`a``",      "<!-- ",
      "<a ",   "<?",       "&",    "\\",        "# a\n", "a\n\n",  "- a\n", "> a\n\n", "\n",        "|a|\n|-|",
      "```\n", "[a]: u\n", "**a ", "<![CDATA[", "_",     "[a][a]", "\t",    "a\r",     "  - a\n\n", "&#x41;"};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    size_t size;
    char *text = repeat(units[i], &size), why[MATERIAL_WHY_SIZE];
    REQUIRE(text);
    material m;
    base_err e = material_parse(MATERIAL_MARKDOWN, base_span_of(text, size), &m, why);
    CHECK_MSG(base_is_ok(e) || base_is(e, BASE_E_MALFORMED), "%s: %s", units[i], base_err_name(e));
    const char *broken = base_is_ok(e) ? material_testing_broken(&m) : NULL;
    CHECK_MSG(!broken, "%s: %s", units[i], broken);
    material_dispose(&m);
    free(text);
  }
}

static void test_long_headings(void) {
  enum { N = 1000 };
  char text[N + 16] = "# a", why[MATERIAL_WHY_SIZE];
  for (size_t i = 0; i < N / 2; i++)
    memcpy(text + 3 + 2 * i, "\xC3\xA9", 2);
  memcpy(text + 3 + N, "\n\nx", 4);
  material m;
  CHECK_OK(material_parse(MATERIAL_MARKDOWN, base_span_str(text), &m, why));
  const char *broken = material_testing_broken(&m);
  CHECK_MSG(!broken, "%s", broken);
  CHECK_INT(strlen(m.passages[0].heading), 199); /* of 200, as 200 would cut a character */
  material_dispose(&m);
}

enum { READERS = 4, LOOKS = 300 };
static atomic_int inside, most;

static base_err look_around(cmark_mem *mem, void *ctx) {
  (void)ctx;
  int mine = atomic_fetch_add(&inside, 1) + 1;
  void *some = mem->calloc(1, 100);
  for (int i = 0; i < LOOKS && mine == 1; i++) {
    sched_yield();
    mine = atomic_load(&inside);
  }
  if (mine > 1) atomic_store(&most, mine);
  mem->free(some);
  atomic_fetch_sub(&inside, 1);
  return BASE_OK;
}

static base_err take_too_much(cmark_mem *mem, void *ctx) {
  (void)ctx;
  return mem->calloc(SIZE_MAX / 2, 1) ? BASE_OK : base_fail(BASE_E_INTERNAL);
}

static void *read_both(void *ctx) {
  (void)ctx;
  CHECK_ERR(markdown_memory_run(take_too_much, NULL), BASE_E_NO_MEMORY);
  CHECK_OK(markdown_memory_run(look_around, NULL));
  return NULL;
}

/* Whoever runs out of memory lets the next one in, too. */
static void test_one_document_at_a_time(void) {
  pthread_t threads[READERS];
  for (int i = 0; i < READERS; i++)
    REQUIRE(pthread_create(&threads[i], NULL, read_both, NULL) == 0);
  for (int i = 0; i < READERS; i++)
    pthread_join(threads[i], NULL);
  CHECK_INT(atomic_load(&most), 0);
}

TEST_MAIN(TEST(test_rows), TEST(test_refuses), TEST(test_hostile), TEST(test_long_headings),
          TEST(test_one_document_at_a_time))
