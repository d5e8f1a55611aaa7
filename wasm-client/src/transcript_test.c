#include "wc/transcript.h"

#include "base/test.h"

static Ponte__Transcription__V1__Word word = PONTE__TRANSCRIPTION__V1__WORD__INIT;
static Ponte__Transcription__V1__Word *words[] = {&word};

static enum wc_change apply(wc_transcript *t, bool is_final, int64_t start_ms, int64_t end_ms, const char *text,
                            uint32_t stable, bool with_word) {
  wc_result r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  Ponte__Transcription__V1__Segment s = PONTE__TRANSCRIPTION__V1__SEGMENT__INIT;
  s.is_final = is_final;
  s.start_ms = start_ms;
  s.end_ms = end_ms;
  s.start_sample = start_ms * 16;
  s.end_sample = end_ms * 16;
  s.text = (char *)(uintptr_t)text;
  s.stable_bytes = stable;
  if (with_word) {
    s.n_words = 1;
    s.words = words;
  }
  r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT;
  r.segment = &s;
  enum wc_change change;
  CHECK_OK(wc_transcript_apply(t, &r, &change));
  return change;
}

static const char *written(const wc_transcript *t, enum wc_format format) {
  static char text[2048];
  base_buf out;
  base_buf_init(&out, sizeof text - 1);
  CHECK_OK(wc_transcript_write(t, format, &out));
  size_t n = base_buf_size(&out);
  if (n) memcpy(text, base_buf_span(&out).p, n);
  text[n] = 0;
  base_buf_dispose(&out);
  return text;
}

static bool starts(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static void test_interim_and_finals(void) {
  wc_transcript *t = wc_transcript_new();
  REQUIRE(t);
  CHECK(wc_transcript_interim(t) == NULL);
  CHECK_INT(apply(t, false, 0, 500, "ol\xc3\xa1", 3, false), WC_CHANGE_INTERIM);
  CHECK_INT(wc_transcript_interim(t)->stable_bytes, 2); /* not inside the accented letter */
  CHECK_INT(apply(t, false, 0, 800, "hello", 99, false), WC_CHANGE_INTERIM);
  CHECK_INT(wc_transcript_interim(t)->stable_bytes, 5);
  CHECK_INT(apply(t, true, 0, 900, "hello you", 0, false), WC_CHANGE_FINAL);
  CHECK(wc_transcript_interim(t) == NULL);
  CHECK_INT(wc_transcript_count(t), 1);
  CHECK_INT(apply(t, true, 1000, 1200, "", 0, false), WC_CHANGE_FINAL); /* a noise after all */
  CHECK_INT(wc_transcript_count(t), 1);
  wc_transcript_set_origin(t, 10000);
  apply(t, true, 5, 10, "again", 0, true);
  CHECK_INT(wc_transcript_at(t, 1)->start_ms, 10005);
  CHECK_INT(wc_transcript_at(t, 1)->words[0].end_ms, 10009);
  wc_result progress = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  enum wc_change change = WC_CHANGE_FINAL;
  CHECK_OK(wc_transcript_apply(t, &progress, &change));
  CHECK_INT(change, WC_CHANGE_NONE);
  apply(t, false, 0, 1, "lost", 0, false);
  wc_transcript_drop_interim(t);
  CHECK(wc_transcript_interim(t) == NULL);
  wc_transcript_clear(t);
  CHECK_INT(wc_transcript_count(t), 0);
  wc_transcript_free(t);
}

static void test_files(void) {
  wc_transcript *t = wc_transcript_new();
  REQUIRE(t);
  CHECK_STR(written(t, WC_FORMAT_TXT), "");
  CHECK_STR(written(t, WC_FORMAT_VTT), "WEBVTT\n\n");
  CHECK_STR(written(t, WC_FORMAT_JSON), "{\n  \"segments\": [\n  ]\n}\n");
  apply(t, true, 320, 2500, "He said \"1 < 2 & 3 --> 4\".", 0, false);
  apply(t, true, 3723004, 3723004, "At\xc3\xa9 logo", 0, true);
  for (int i = 0; i < 40; i++) { /* enough to grow; taken back below by looking at the beginning only */
    apply(t, true, 4000000 + i, 4000001 + i, "x", 0, false);
  }
  CHECK(strstr(written(t, WC_FORMAT_TXT), "He said \"1 < 2 & 3 --> 4\".\nAt\xc3\xa9 logo\nx\nx\n") != NULL);
  CHECK(starts(written(t, WC_FORMAT_SRT), "1\n00:00:00,320 --> 00:00:02,500\nHe said \"1 < 2 & 3 --> 4\".\n\n"
                                          "2\n01:02:03,004 --> 01:02:03,005\nAt\xc3\xa9 logo\n\n3\n01:06:40,000"));
  CHECK(starts(written(t, WC_FORMAT_VTT),
               "WEBVTT\n\n00:00:00.320 --> 00:00:02.500\nHe said \"1 &lt; 2 &amp; 3 --&gt; 4\".\n\n"
               "01:02:03.004 --> 01:02:03.005\nAt\xc3\xa9 logo\n\n"));
  wc_transcript_free(t);

  t = wc_transcript_new();
  REQUIRE(t);
  apply(t, true, 320, 2500, "say \"hi\"", 0, false);
  apply(t, true, 3000, 3100, "x", 0, true);
  CHECK_STR(
      written(t, WC_FORMAT_JSON),
      "{\n  \"segments\": [\n"
      "    {\"start_ms\":320,\"end_ms\":2500,\"start_sample\":5120,\"end_sample\":40000,\"text\":\"say \\\"hi\\\"\"},\n"
      "    {\"start_ms\":3000,\"end_ms\":3100,\"start_sample\":48000,\"end_sample\":49600,\"text\":\"x\","
      "\"words\":[{\"text\":\"word\",\"start_ms\":5,\"end_ms\":9,\"confidence\":0.500}]}\n  ]\n}\n");
  wc_transcript_free(t);
}

static void test_format_names(void) {
  CHECK_INT(wc_format_by_name("txt"), WC_FORMAT_TXT);
  CHECK_INT(wc_format_by_name("json"), WC_FORMAT_JSON);
  CHECK_INT(wc_format_by_name(""), -1);
  CHECK_INT(wc_format_by_name("TXT"), -1);
}

static void prepare(void) {
  static char text[] = "word";
  word.text = text;
  word.start_ms = 5;
  word.end_ms = 9;
  word.confidence = 0.5f;
}

TEST_MAIN(TEST(prepare), TEST(test_interim_and_finals), TEST(test_files), TEST(test_format_names))
