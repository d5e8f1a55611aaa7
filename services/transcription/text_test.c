#include "transcription/text.h"

#include "base/test.h"

static void clean(void) {
  static const struct {
    const char *in, *want, *reason;
  } rows[] = {
      {"", "", "nothing"},
      {" \t\n ", "", "blanks only"},
      {"  He was\n not  ill. ", "He was not ill.", "blanks"},
      {"a\x80z \xc3\xa9 \xff", "az \xc3\xa9", "malformed bytes go, accents stay"},
      {"cut \xe2\x82", "cut", "a character cut short"},
      {"no matter, no matter, no matter, no matter, no matter.", "no matter.", "a phrase without end"},
      {"No no no no no", "no", "a word without end, other case"},
      {"no no no", "no no no", "three times is speech"},
      {"well, the the the the end", "well, the end", "in the middle"},
      {"one two three one two three one two three one two three go", "one two three go", "three words"},
      {"a b a b a b a c", "a b a b a b a c", "three and a half"},
      {"... ... ... ... x", "... x", "punctuation alone"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[128];
    snprintf(text, sizeof text, "%s", rows[i].in);
    tr_text_clean(text);
    CHECK_MSG(strcmp(text, rows[i].want) == 0, "%s: got \"%s\", want \"%s\"", rows[i].reason, text, rows[i].want);
  }
}

static void stable(void) {
  static const struct {
    const char *before, *now;
    size_t want;
    const char *reason;
  } rows[] = {
      {"", "he", 0, "nothing before"},
      {"he was", "he was not", 6, "both words"},
      {"he was", "he was", 2, "the last word may still change"},
      {"he wa", "he was not", 2, "a word that grew"},
      {"fellow-amer,", "fellow Americans.", 0, "a tail that flips"},
      {"he was", "", 0, "nothing now"},
      {"x y z", "he was", 0, "nothing alike"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t got = tr_text_stable(rows[i].before, rows[i].now);
    CHECK_MSG(got == rows[i].want, "%s: %zu", rows[i].reason, got);
  }
}

TEST_MAIN(TEST(clean), TEST(stable))
