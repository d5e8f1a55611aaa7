/* SubRip and WebVTT: cues with their times, and passages of cues. Rows hold the cues as "start-end text", joined by '|'. */
#include "material/material.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/test.h"
#include "material/testing.h"

typedef struct {
  const char *name, *content, *want;
} row;

#define SRT_TIME "00:00:01,000 --> 00:00:02,500\n"

static const row srt_rows[] = {
    {"plain", "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n01:02:03,004 --> 01:02:04,000\nthere\n",
     "1000-2500 Hello|3723004-3724000 there"},
    {"CR LF and a byte order mark",
     "\xEF\xBB\xBF"
     "1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\n\r\n",
     "1000-2500 Hello"},
    {"CR", "1\r00:00:01,000 --> 00:00:02,500\rHello", "1000-2500 Hello"},
    {"no counters", SRT_TIME "Hello\n\n" SRT_TIME "there", "1000-2500 Hello|1000-2500 there"},
    {"wrong counters", "7\n" SRT_TIME "Hello\n\n7\n" SRT_TIME "there", "1000-2500 Hello|1000-2500 there"},
    {"counters above each other", "1\n\n2\n" SRT_TIME "Hello", "1000-2500 Hello"},
    {"no blank line between", "1\n" SRT_TIME "Hello\n2\n" SRT_TIME "there", "1000-2500 Hello|1000-2500 there"},
    {"a blank line within", SRT_TIME "Hello\n\nthere", "1000-2500 Hello there"},
    {"two lines", SRT_TIME "- Hello\n  there", "1000-2500 - Hello there"},
    {"a number as text", SRT_TIME "42\n\n" SRT_TIME "is it", "1000-2500 42|1000-2500 is it"},
    {"dots", "00:00:01.000 --> 00:00:02.5\nHello", "1000-2500 Hello"},
    {"short numbers", "0:0:1,0 --> 1:2,50\nHello", "1000-62500 Hello"},
    {"no thousandths", "00:00:01 --> 00:00:02\nHello", "1000-2000 Hello"},
    {"no spaces", "00:00:01,000-->00:00:02,500\nHello", "1000-2500 Hello"},
    {"positions", "00:00:01,000 --> 00:00:02,500 X1:10 Y1:20\nHello", "1000-2500 Hello"},
    {"it ends before it begins", "00:00:05,000 --> 00:00:02,500\nHello", "5000-5000 Hello"},
    {"a hundred hours", "100:00:00,000 --> 100:00:01,000\nHello", "360000000-360001000 Hello"},
    {"tags", SRT_TIME "<i>He</i>llo <font color=\"#fff\">the</FONT>re {\\an8}you", "1000-2500 Hello there you"},
    {"what only looks like tags", SRT_TIME "a < b, <3, {x} & <unclosed", "1000-2500 a < b, <3, {x} & <unclosed"},
    {"an unclosed tag and closed styles", SRT_TIME "<a {\\an8}b <i {\\an8}c", "1000-2500 <a b <i c"},
    {"an unclosed style and closed tags", SRT_TIME "{\\a <i>b</i> {\\c <u>d", "1000-2500 {\\a b {\\c d"},
    {"an arrow as text", SRT_TIME "2 --> 3 and A --> B", "1000-2500 2 --> 3 and A --> B"},
    {"empty cues", SRT_TIME "\n" SRT_TIME "<i></i>\n\n" SRT_TIME "Hello", "1000-2500 Hello"},
    {"accents", SRT_TIME "Ol\xC3\xA1", "1000-2500 Ol\xC3\xA1"},
};

#define VTT "WEBVTT\n\n"
#define VTT_TIME "00:01.000 --> 00:02.500\n"

static const row vtt_rows[] = {
    {"plain", VTT "00:00:01.000 --> 00:00:02.500\nHello\n\n" VTT_TIME "there\n", "1000-2500 Hello|1000-2500 there"},
    {"a byte order mark, CR LF", "\xEF\xBB\xBFWEBVTT\r\n\r\n00:01.000 --> 00:02.500\r\nHello\r\n", "1000-2500 Hello"},
    {"a title", "WEBVTT - A lesson\n\n" VTT_TIME "Hello", "1000-2500 Hello"},
    {"a header", "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000\nKind: captions\n\n" VTT_TIME "Hello", "1000-2500 Hello"},
    {"a cue right below", "WEBVTT\n" VTT_TIME "Hello", "1000-2500 Hello"},
    {"names of cues", VTT "intro\n" VTT_TIME "Hello\n\n2\n" VTT_TIME "there", "1000-2500 Hello|1000-2500 there"},
    {"a comment", VTT "NOTE said\nin two lines\n\nNOTE\n\n" VTT_TIME "Hello", "1000-2500 Hello"},
    {"a style", VTT "STYLE\n::cue { color: red }\n\n" VTT_TIME "Hello", "1000-2500 Hello"},
    {"a region", VTT "REGION\nid:fred\nwidth:40%\n\n" VTT_TIME "Hello", "1000-2500 Hello"},
    {"settings", VTT "00:01.000 --> 00:02.500 align:start position:10%,line-left\nHello", "1000-2500 Hello"},
    {"tabs and no spaces", VTT "00:01.000\t-->00:02.500\tline:0\nHello", "1000-2500 Hello"},
    {"two lines", VTT VTT_TIME "Hello\nthere", "1000-2500 Hello there"},
    {"a blank line ends it", VTT VTT_TIME "Hello\n\nlost\n\n" VTT_TIME "there", "1000-2500 Hello|1000-2500 there"},
    {"times without a blank line", VTT VTT_TIME "Hello\n" VTT_TIME "there", "1000-2500 Hello|1000-2500 there"},
    {"tags", VTT VTT_TIME "<v Ana>He<b.loud>l</b>lo <00:00:01.500>the<c>re</c></v> <unclosed", "1000-2500 Hello there"},
    {"a tag over two lines", VTT VTT_TIME "He<i\n>llo", "1000-2500 Hello"},
    {"references",
     VTT VTT_TIME "a &lt;b&gt; &amp;amp; &quot;c&apos; &#233;&#xE9; &copy; &x & &#; &#xg; &#0;&#xD800;&#x110000;",
     "1000-2500 a <b> &amp; \"c' \xC3\xA9\xC3\xA9 &copy; &x & &#; &#xg; \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"a reference cut short", VTT VTT_TIME "x &#12", "1000-2500 x &#12"},
    {"long hours", VTT "1234:00:00.000 --> 1234:00:01.000\nHello", "4442400000-4442401000 Hello"},
    {"an empty cue", VTT VTT_TIME "\n" VTT_TIME "<b></b>\n\n" VTT_TIME "Hello", "1000-2500 Hello"},
};

static void check_rows(enum material_format format, const row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    material m;
    char why[MATERIAL_WHY_SIZE];
    base_buf got;
    base_buf_init(&got, 1 << 20);
    base_err e = material_parse(format, base_span_str(rows[i].content), &m, why);
    CHECK_MSG(base_is_ok(e), "%s: %s", rows[i].name, why);
    if (!base_is_ok(e)) continue;
    const char *broken = material_testing_broken(&m);
    CHECK_MSG(!broken, "%s: %s", rows[i].name, broken);
    for (size_t k = 0; k < m.cue_count; k++) {
      const material_cue *c = &m.cues[k];
      base_span text = base_span_of(m.text.data + c->begin, c->end - c->begin);
      CHECK_OK(base_buf_printf(&got, "%s%" PRId64 "-%" PRId64 " %.*s", k ? "|" : "", c->start_ms, c->end_ms,
                               BASE_SPAN_ARG(text)));
      CHECK_MSG(c->end == base_buf_size(&m.text) || m.text.data[c->end] == '\n', "%s: a line a cue", rows[i].name);
    }
    CHECK_MSG(base_span_is(base_buf_span(&got), rows[i].want), "%s: %.*s", rows[i].name,
              BASE_SPAN_ARG(base_buf_span(&got)));
    base_buf_dispose(&got);
    material_dispose(&m);
  }
}

static void test_srt(void) { check_rows(MATERIAL_SRT, srt_rows, sizeof srt_rows / sizeof *srt_rows); }
static void test_vtt(void) { check_rows(MATERIAL_VTT, vtt_rows, sizeof vtt_rows / sizeof *vtt_rows); }

static void test_refuses(void) {
#define SRT_WHY "not two times like 00:01:02,500 --> 00:01:04,000"
#define VTT_WHY "not two times like 00:01:02.500 --> 00:01:04.000"
  static const struct {
    const char *name, *content, *why;
    enum material_format format;
  } rows[] = {
      {"nothing", "", "line 1: there is nothing to read in it", MATERIAL_SRT},
      {"a counter only", "1\n", "line 1: there is nothing to read in it", MATERIAL_SRT},
      {"no text", "1\n" SRT_TIME, "line 1: there is nothing to read in it", MATERIAL_SRT},
      {"signs only", SRT_TIME "...\n", "line 1: there is nothing to read in it", MATERIAL_SRT},
      {"text only", "\nHello\n", "line 2: text before the first time, which looks like 00:01:02,500 --> 00:01:04,000",
       MATERIAL_SRT},
      {"WebVTT", VTT VTT_TIME "x", "line 1: text before the first time, which looks like 00:01:02,500 --> 00:01:04,000",
       MATERIAL_SRT},
      {"half a time", SRT_TIME "a\n\n2\n00:00:01,000 -->\nb", "line 5: " SRT_WHY, MATERIAL_SRT},
      {"a thin arrow is text", "00:00:01,000 -> 00:00:02,000\nb",
       "line 1: text before the first time, which looks like 00:01:02,500 --> 00:01:04,000", MATERIAL_SRT},
      {"sixty seconds", "00:00:60,000 --> 00:01:02,000\nb", "line 1: " SRT_WHY, MATERIAL_SRT},
      {"sixty minutes", "00:60:00,000 --> 01:01:02,000\nb", "line 1: " SRT_WHY, MATERIAL_SRT},
      {"four digits", "00:00:01,0000 --> 00:00:02,000\nb", "line 1: " SRT_WHY, MATERIAL_SRT},
      {"letters", "00:00:01,000 --> 00:00:0x,000\nb", "line 1: " SRT_WHY, MATERIAL_SRT},
      {"something behind it", "00:00:01,000 --> 00:00:02,000.5\nb", "line 1: " SRT_WHY, MATERIAL_SRT},
      {"hours without end", "999999999:00:01,000 --> 00:00:02,000\nb", "line 1: " SRT_WHY, MATERIAL_SRT},
      {"no signature", VTT_TIME "Hello", "line 1: the first line of WebVTT is WEBVTT", MATERIAL_VTT},
      {"nothing", "", "line 1: the first line of WebVTT is WEBVTT", MATERIAL_VTT},
      {"a longer word", "WEBVTTS\n\n" VTT_TIME "x", "line 1: the first line of WebVTT is WEBVTT", MATERIAL_VTT},
      {"small letters", "webvtt\n\n" VTT_TIME "x", "line 1: the first line of WebVTT is WEBVTT", MATERIAL_VTT},
      {"a blank line first", "\nWEBVTT\n\n" VTT_TIME "x", "line 1: the first line of WebVTT is WEBVTT", MATERIAL_VTT},
      {"no cue", VTT, "line 1: there is nothing to read in it", MATERIAL_VTT},
      {"a comment only", VTT "NOTE text", "line 1: there is nothing to read in it", MATERIAL_VTT},
      {"a comma", VTT "00:01,000 --> 00:02,500\nx", "line 3: " VTT_WHY, MATERIAL_VTT},
      {"one digit", VTT "0:01.000 --> 0:02.500\nx", "line 3: " VTT_WHY, MATERIAL_VTT},
      {"one digit of hours", VTT "0:00:01.000 --> 0:00:02.500\nx", "line 3: " VTT_WHY, MATERIAL_VTT},
      {"two of thousandths", VTT "00:01.00 --> 00:02.50\nx", "line 3: " VTT_WHY, MATERIAL_VTT},
      {"none of thousandths", VTT "00:01 --> 00:02\nx", "line 3: " VTT_WHY, MATERIAL_VTT},
      {"seconds only", VTT "01.000 --> 02.500\nx", "line 3: " VTT_WHY, MATERIAL_VTT},
      {"half a time", VTT VTT_TIME "x\n\n00:03.000 -->\ny", "line 6: " VTT_WHY, MATERIAL_VTT},
      {"an arrow in a text", VTT VTT_TIME "a --> b\n", "line 4: " VTT_WHY, MATERIAL_VTT},
      {"sixty seconds", VTT "00:60.000 --> 01:02.000\nb", "line 3: " VTT_WHY, MATERIAL_VTT},
      {"settings without a space", VTT "00:01.000 --> 00:02.000align:start\nb", "line 3: " VTT_WHY, MATERIAL_VTT},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    material m;
    char why[MATERIAL_WHY_SIZE];
    base_err e = material_parse(rows[i].format, base_span_str(rows[i].content), &m, why);
    CHECK_MSG(base_is(e, BASE_E_MALFORMED), "%s: %s", rows[i].name, base_err_name(e));
    CHECK_MSG(strcmp(why, rows[i].why) == 0, "%s: %s", rows[i].name, why);
    material_dispose(&m);
  }
}

enum { LINE = 60, CUES = 40, TEXT = LINE * CUES };

/* CUES lines of LINE bytes, three seconds each; every `sentence`th ends one, behind every `pause`th there is a pause. */
static void make_cues(char text[TEXT + 1], material_cue cues[CUES], size_t sentence, size_t pause) {
  int64_t at = 0;
  for (size_t i = 0; i < CUES; i++) {
    memset(text + i * LINE, 'a' + (char)(i % 26), LINE);
    text[i * LINE + LINE - 1] = '\n';
    if (sentence && (i + 1) % sentence == 0) text[i * LINE + LINE - 2] = '.';
    cues[i] = (material_cue){i * LINE, i * LINE + LINE - 1, at, at + 3000};
    at += 3000 + (pause && (i + 1) % pause == 0 ? 4000 : 0);
  }
  text[TEXT] = '\0';
}

static void test_passages(void) {
  static const struct {
    size_t sentence, pause, cues_each;
    const char *name;
  } each[] = {
      {0, 0, 11, "up to the goal"},   {3, 0, 6, "a sentence's end from half of the goal on"},
      {4, 0, 8, "a sentence's end"},  {0, 5, 5, "a pause"},
      {1, 1, 1, "pauses everywhere"},
  };
  static char text[TEXT + 1];
  material_cue cues[CUES];
  for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
    make_cues(text, cues, each[i].sentence, each[i].pause);
    material m;
    CHECK_OK(material_cue_passages(base_span_str(text), cues, CUES, &m));
    CHECK_MSG(m.passage_count == (CUES + each[i].cues_each - 1) / each[i].cues_each, "%s: %zu", each[i].name,
              m.passage_count);
    for (size_t k = 0; k < m.passage_count; k++) {
      size_t first = k * each[i].cues_each, last = first + each[i].cues_each - 1;
      last = last < CUES ? last : CUES - 1;
      const material_passage *p = &m.passages[k];
      CHECK_MSG(p->begin == cues[first].begin && p->end == cues[last].end, "%s: passage %zu", each[i].name, k);
      CHECK_MSG(p->start_ms == cues[first].start_ms && p->end_ms == cues[last].end_ms, "%s: %zu", each[i].name, k);
    }
    material_dispose(&m);
  }
}

/* What AppendTranscript rests on. */
static void test_passages_stay(void) {
  static char text[TEXT + 1];
  material_cue cues[CUES];
  make_cues(text, cues, 7, 13);
  material before = {0};
  for (size_t count = 1; count <= CUES; count++) {
    material m;
    CHECK_OK(material_cue_passages(base_span_of(text, cues[count - 1].end), cues, count, &m));
    CHECK(m.passage_count >= before.passage_count && m.text.data == NULL && m.cues == NULL);
    for (size_t k = 0; k + 1 < before.passage_count; k++) {
      CHECK(m.passages[k].begin == before.passages[k].begin && m.passages[k].end == before.passages[k].end);
    }
    material_dispose(&before);
    before = m;
  }
  material_dispose(&before);
}

static void test_long_cue(void) {
  static char text[8192 + 1];
  memset(text, 'a', sizeof text - 1);
  for (size_t i = 5; i < sizeof text - 1; i += 6)
    text[i] = ' ';
  text[sizeof text - 2] = 'a';
  const material_cue cues[] = {{0, 8000, 1000, 2000}, {8001, 8192, 2000, 3000}};
  material m;
  CHECK_OK(material_cue_passages(base_span_str(text), cues, 2, &m));
  REQUIRE(m.passage_count == 8);
  for (size_t i = 0; i < 7; i++)
    CHECK(m.passages[i].start_ms == 1000 && m.passages[i].end_ms == 2000);
  CHECK(m.passages[7].begin == 8001 && m.passages[7].start_ms == 2000);
  material_dispose(&m);
}

static void test_cues_refused(void) {
  static const struct {
    const char *name;
    material_cue cues[2];
  } rows[] = {
      {"outside", {{0, 4, 0, 1}, {5, 11, 1, 2}}},
      {"over each other", {{0, 5, 0, 1}, {4, 9, 1, 2}}},
      {"out of order", {{5, 9, 0, 1}, {0, 4, 1, 2}}},
      {"it ends before it begins", {{0, 4, 0, 1}, {9, 6, 1, 2}}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    material m;
    base_err e = material_cue_passages(base_span_str("0123456789"), rows[i].cues, 2, &m);
    CHECK_MSG(base_is(e, BASE_E_INVALID), "%s: %s", rows[i].name, base_err_name(e));
    CHECK(!m.passages);
  }
  material m;
  CHECK_OK(material_cue_passages(base_span_str(""), NULL, 0, &m));
  CHECK_INT(m.passage_count, 0);
}

static void test_times(void) {
  static const material_cue cues[] = {{0, 10, 100, 200}, {11, 20, 300, 400}, {21, 30, 350, 360}, {31, 40, 50, 90}};
  static const struct {
    size_t begin, end;
    int64_t start_ms, end_ms;
  } rows[] = {
      {0, 1, 100, 200}, {9, 10, 100, 200},  {0, 10, 100, 200},  {0, 11, 100, 200}, {0, 12, 100, 400},
      {10, 11, -1, -1}, {15, 25, 300, 400}, {22, 23, 350, 360}, {25, 35, 50, 360}, {0, 40, 50, 400},
      {40, 50, -1, -1}, {100, 200, -1, -1}, {5, 5, 100, 200},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t start_ms, end_ms;
    material_times(cues, 4, rows[i].begin, rows[i].end, &start_ms, &end_ms);
    CHECK_MSG(start_ms == rows[i].start_ms && end_ms == rows[i].end_ms, "row %zu: %" PRId64 " %" PRId64, i, start_ms,
              end_ms);
  }
  int64_t start_ms, end_ms;
  material_times(NULL, 0, 0, 10, &start_ms, &end_ms);
  CHECK(start_ms == -1 && end_ms == -1);
}

TEST_MAIN(TEST(test_srt), TEST(test_vtt), TEST(test_refuses), TEST(test_passages), TEST(test_passages_stay),
          TEST(test_long_cue), TEST(test_cues_refused), TEST(test_times))
