#include "wc/markdown.h"

#include <stdlib.h>

#include "base/test.h"

/* What `text` is shown as, without the frame of the first rendering. */
static void check_blocks(const char *text, int passages, const char *want) {
  wc_markdown *m = wc_markdown_new();
  REQUIRE(m);
  base_buf out;
  base_buf_init(&out, 1 << 20);
  CHECK_OK(wc_markdown_render(m, base_span_str(text), passages, &out));
  CHECK_OK(base_buf_u8(&out, 0));
  const char *got = (const char *)base_buf_span(&out).p;
  static const char frame[] = "{\"keep\":0,\"blocks\":[";
  CHECK(strncmp(got, frame, sizeof frame - 1) == 0);
  got += sizeof frame - 1;
  size_t n = strlen(got);
  CHECK_MSG(n == strlen(want) + 2 && strncmp(got, want, n - 2) == 0, "\n  text %s\n  got  %.*s\n  want %s", text,
            n > 2 ? (int)(n - 2) : 0, got, want);
  base_buf_dispose(&out);
  wc_markdown_free(m);
}

static void test_elements(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"", ""},
      {"\n \n", ""},
      {"Hi", "[[\"p\"],\"Hi\",0]"},
      {"a\nb", "[[\"p\"],\"a\\nb\",0]"},
      {"a  \nb", "[[\"p\"],\"a\",[\"br\"],0,\"b\",0]"},
      {"a\n\nb", "[[\"p\"],\"a\",0],[[\"p\"],\"b\",0]"},
      {"*a* **b** ~~c~~ `d`", "[[\"p\"],[\"em\"],\"a\",0,\" \",[\"strong\"],\"b\",0,\" \",[\"del\"],\"c\",0,\" \","
                              "[\"code\"],\"d\",0,0]"},
      {"### T", "[[\"h\",3],\"T\",0]"},
      {"> q", "[[\"quote\"],[\"p\"],\"q\",0,0]"},
      {"- a\n- b", "[[\"ul\"],[\"li\"],\"a\",0,[\"li\"],\"b\",0,0]"},
      {"7. a", "[[\"ol\",7],[\"li\"],\"a\",0,0]"},
      {"---", "[[\"hr\"],0]"},
      {"```c\nx<y;\n```", "[[\"pre\"],\"x<y;\\n\",0]"},
      {"|a|b|\n|---|--:|\n|1|2|",
       "[[\"table\"],[\"thead\"],[\"tr\"],[\"th\",\"\"],\"a\",0,[\"th\",\"right\"],\"b\",0,0,0,"
       "[\"tbody\"],[\"tr\"],[\"td\",\"\"],\"1\",0,[\"td\",\"right\"],\"2\",0,0,0,0]"},
      {"a &amp; &lt; &#65;&#x2014; &unknown;", "[[\"p\"],\"a & < A\xe2\x80\x94 &unknown;\",0]"},
      {"&#0; &#xd800; &#9999999;", "[[\"p\"],\"\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\",0]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_blocks(rows[i].text, 0, rows[i].want);
}

/* Nothing in an answer becomes markup, an address that runs, or a request to a stranger's server. */
static void test_hostile(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"<script>alert(1)</script>", "[[\"p\"],\"<script>alert(1)</script>\",0]"},
      {"a <b onclick=x>c</b>", "[[\"p\"],\"a <b onclick=x>c</b>\",0]"},
      {"<!-- x -->", "[[\"p\"],\"<!-- x -->\",0]"},
      {"[a](javascript:alert(1))", "[[\"p\"],\"a\",0]"},
      {"[a](JaVaScRiPt:alert(1))", "[[\"p\"],\"a\",0]"},
      {"[a](java&#115;cript:x)", "[[\"p\"],\"a\",0]"},
      {"[a](&#1;javascript:x)", "[[\"p\"],\"a\",0]"},
      {"[a](data:text/html,x)", "[[\"p\"],\"a\",0]"},
      {"[a](file:///etc/passwd)", "[[\"p\"],\"a\",0]"},
      {"[a](//evil.example/)", "[[\"p\"],\"a\",0]"},
      {"[a](/path)", "[[\"p\"],\"a\",0]"},
      {"[a](https:)", "[[\"p\"],\"a\",0]"},
      {"[a](https://)", "[[\"p\"],\"a\",0]"},
      {"[a](<https://x.org/ y>)", "[[\"p\"],\"a\",0]"},
      {"<javascript:alert(1)>", "[[\"p\"],\"javascript:alert(1)\",0]"},
      {"<vbscript:x>", "[[\"p\"],\"vbscript:x\",0]"},
      {"![the *alt* text](http://x.org/pixel.png)", "[[\"p\"],\"the alt text\",0]"},
      {"![a [b](http://x.org/) c](http://x.org/p)", "[[\"p\"],\"a b c\",0]"},
      {"[![x](http://x.org/p)](javascript:x)", "[[\"p\"],\"x\",0]"},
      {"[r]\n\n[r]: javascript:x", "[[\"p\"],\"r\",0]"},
      {"[a](h_x <b) [b](http://x.org/) [b](h_x.y)",
       "[[\"p\"],\"[a](h_x <b) \",[\"a\",\"http://x.org/\"],\"b\",0,\" b\",0]"},
      {"\"</p>\\", "[[\"p\"],\"\\\"</p>\\\\\",0]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_blocks(rows[i].text, 3, rows[i].want);
}

static void test_links(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"[a](https://x.org/?q=1&amp;r=2)", "[[\"p\"],[\"a\",\"https://x.org/?q=1&r=2\"],\"a\",0,0]"},
      {"[a](HTTP://x.org)", "[[\"p\"],[\"a\",\"HTTP://x.org\"],\"a\",0,0]"},
      {"<mailto:a@x.org>", "[[\"p\"],[\"a\",\"mailto:a@x.org\"],\"mailto:a@x.org\",0,0]"},
      {"see https://x.org/a.", "[[\"p\"],\"see \",[\"a\",\"https://x.org/a\"],\"https://x.org/a\",0,\".\",0]"},
      {"[**a**][r]\n\n[r]: http://x.org \"t\"", "[[\"p\"],[\"a\",\"http://x.org\"],[\"strong\"],\"a\",0,0,0]"},
      {"[a](http://x.org/[1])", "[[\"p\"],[\"a\",\"http://x.org/[1]\"],\"a\",0,0]"},
      {"[a](http://x.org/\"b)", "[[\"p\"],[\"a\",\"http://x.org/\\\"b\"],\"a\",0,0]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_blocks(rows[i].text, 3, rows[i].want);
}

static void test_citations(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"Yes [2].", "[[\"p\"],\"Yes \",[\"cite\",2,4],0,\".\",0]"},
      {"[1][3]", "[[\"p\"],[\"cite\",1,0],0,[\"cite\",3,3],0,0]"},
      {"[4] [0] [01] [] [x] [1 [99999999999999999999]",
       "[[\"p\"],\"[4] [0] [01] [] [x] [1 [99999999999999999999]\",0]"},
      {"\xc3\xa9 [1]", "[[\"p\"],\"\xc3\xa9 \",[\"cite\",1,3],0,0]"},
      {"**b[1]**", "[[\"p\"],[\"strong\"],\"b\",[\"cite\",1,3],0,0,0]"},
      {"`[1]`", "[[\"p\"],[\"code\"],\"[1]\",0,0]"},
      {"```\n[1]\n```", "[[\"pre\"],\"[1]\\n\",0]"},
      /* What would lead a reader who presses "[1]" elsewhere: */
      {"[1](https://evil.example/)",
       "[[\"p\"],[\"cite\",1,0],0,\"(\",[\"a\",\"https://evil.example/\"],\"https://evil.example/\",0,\")\",0]"},
      {"[1]\n\n[1]: https://evil.example/", "[[\"p\"],[\"cite\",1,0],0,0],[[\"p\"],[\"cite\",1,5],0,\": "
                                            "\",[\"a\",\"https://evil.example/\"],\"https://evil.example/\",0,0]"},
      {"![1](https://evil.example/p)", "[[\"p\"],\"!\",[\"cite\",1,1],0,\"(\",[\"a\",\"https://evil.example/p\"],"
                                       "\"https://evil.example/p\",0,\")\",0]"},
      {"![a [1]](http://x.org/p)", "[[\"p\"],\"a [1]\",0]"},
      /* The stand-in of a citation, written by a stranger: */
      {"\xf3\xb0\x80\x80 [1]", "[[\"p\"],\"\xef\xbf\xbd \",[\"cite\",1,5],0,0]"},
      {"&#xf0000; [1]", "[[\"p\"],\"\xf3\xb0\x80\x80 \",[\"cite\",1,10],0,0]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_blocks(rows[i].text, 3, rows[i].want);
}

static void test_bounds(void) {
  wc_markdown *m = wc_markdown_new();
  REQUIRE(m);
  base_buf text, out;
  base_buf_init(&text, WC_MARKDOWN_MAX + 1);
  base_buf_init(&out, 1 << 22);
  while (base_buf_size(&text) < WC_MARKDOWN_MAX)
    CHECK_OK(base_buf_str(&text, ">"));
  CHECK_OK(wc_markdown_render(m, base_buf_span(&text), 0, &out));
  int depth = 0, deepest = 0;
  for (size_t i = 0; i < base_buf_size(&out); i++) {
    depth += base_buf_span(&out).p[i] == 'q';
    if (depth > deepest) deepest = depth;
  }
  CHECK(deepest <= WC_MARKDOWN_DEPTH);
  CHECK_OK(base_buf_str(&text, ">"));
  base_buf_clear(&out);
  CHECK_ERR(wc_markdown_render(m, base_buf_span(&text), 0, &out), BASE_E_TOO_LARGE);
  CHECK_INT(base_buf_size(&out), 0);
  base_buf_clear(&text);
  while (base_buf_size(&text) < WC_MARKDOWN_MAX - 3)
    CHECK_OK(base_buf_str(&text, "a\n\n"));
  CHECK_ERR(wc_markdown_render(m, base_buf_span(&text), 0, &out), BASE_E_TOO_LARGE);
  CHECK_OK(wc_markdown_render(m, base_span_str("a"), 0, &out)); /* it goes on afterwards */
  base_buf_dispose(&text);
  base_buf_dispose(&out);
  wc_markdown_free(m);
}

/* However an answer is cut into pieces, finished blocks are told once. */
static void test_growing(void) {
  static const char text[] = "First [1] *words*.\n\n- one\n- two\n\nLast.";
  wc_markdown *m = wc_markdown_new();
  REQUIRE(m);
  int keep = 0;
  for (size_t n = 1; n < sizeof text; n++) {
    base_buf out;
    base_buf_init(&out, 1 << 20);
    CHECK_OK(wc_markdown_render(m, base_span_of(text, n), 2, &out));
    CHECK_OK(base_buf_u8(&out, 0));
    CHECK_INT(sscanf((const char *)base_buf_span(&out).p, "{\"keep\":%d", &keep), 1);
    /* The list begins at byte 20, the last paragraph at 33: what stands before them has been told by then. */
    CHECK_MSG(keep >= (n > 33 ? 2 : n > 20), "after %d bytes keep is %d", (int)n, keep);
    base_buf_dispose(&out);
  }
  CHECK_INT(keep, 2);
  base_buf out;
  base_buf_init(&out, 1 << 20);
  CHECK_OK(wc_markdown_render(m, base_span_str(text), 2, &out));
  CHECK_OK(base_buf_u8(&out, 0));
  CHECK_STR((const char *)base_buf_span(&out).p, "{\"keep\":3,\"blocks\":[]}");
  base_buf_clear(&out);
  CHECK_OK(wc_markdown_render(m, base_span_str("First"), 2, &out)); /* another text, and shorter */
  CHECK_OK(base_buf_u8(&out, 0));
  CHECK_STR((const char *)base_buf_span(&out).p, "{\"keep\":0,\"blocks\":[[[\"p\"],\"First\",0]]}");
  base_buf_clear(&out);
  wc_markdown_reset(m);
  CHECK_OK(wc_markdown_render(m, base_span_str("First"), 2, &out));
  CHECK_OK(base_buf_u8(&out, 0));
  CHECK_STR((const char *)base_buf_span(&out).p, "{\"keep\":0,\"blocks\":[[[\"p\"],\"First\",0]]}");
  base_buf_dispose(&out);
  wc_markdown_free(m);
}

/* A text that ends in digits is no list because of what stood behind them before. */
static void test_digits_at_the_end(void) {
  wc_markdown *m = wc_markdown_new();
  REQUIRE(m);
  base_buf out;
  base_buf_init(&out, 1 << 20);
  CHECK_OK(wc_markdown_render(m, base_span_str("12. x"), 0, &out));
  base_buf_clear(&out);
  CHECK_OK(wc_markdown_render(m, base_span_str("12"), 0, &out));
  CHECK_OK(base_buf_u8(&out, 0));
  CHECK_STR((const char *)base_buf_span(&out).p, "{\"keep\":0,\"blocks\":[[[\"p\"],\"12\",0]]}");
  base_buf_dispose(&out);
  wc_markdown_free(m);
}

TEST_MAIN(TEST(test_elements), TEST(test_hostile), TEST(test_links), TEST(test_citations), TEST(test_bounds),
          TEST(test_growing), TEST(test_digits_at_the_end))
