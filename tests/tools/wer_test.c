#include "wer/wer.h"

#include "base/test.h"

static void normalise(void) {
  static const struct {
    const char *in, *want;
  } rows[] = {{"", ""},
              {"  Hello,   World! ", "hello world"},
              {"Mr. Smith's 7 of clubs", "mister smith's seven of clubs"},
              {"42 and 100 and 20", "forty two and 100 and twenty"},
              {"ill-disposed", "ill disposed"},
              {"Caf\xc3\xa9", "caf\xc3\xa9"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char out[128];
    wer_normalise(rows[i].in, out, sizeof out);
    CHECK_STR(out, rows[i].want);
  }
  char tiny[6];
  wer_normalise("hello world", tiny, sizeof tiny);
  CHECK_STR(tiny, "hello");
}

static void count(void) {
  static const struct {
    const char *reference, *transcript;
    size_t errors, words;
    const char *reason;
  } rows[] = {{"a b c", "A, b. c!", 0, 3, "equal"},
              {"a b c", "a x c", 1, 3, "substitution"},
              {"a b c", "a c", 1, 3, "deletion"},
              {"a b c", "a b b c", 1, 3, "insertion"},
              {"a b c", "", 3, 3, "nothing heard"},
              {"", "a b", 2, 0, "heard out of nothing"},
              {"a b c d", "b c d e", 2, 4, "shifted"},
              {"seven of clubs", "7 of clubs", 0, 3, "digits"},
              {"a b c", "c b a", 2, 3, "the other way round"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t words = 0;
    size_t errors = wer_count(rows[i].reference, rows[i].transcript, &words);
    CHECK_MSG(errors == rows[i].errors && words == rows[i].words, "%s: %zu of %zu", rows[i].reason, errors, words);
  }
}

TEST_MAIN(TEST(normalise), TEST(count))
