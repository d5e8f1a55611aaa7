#include "transcription/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/span.h"

enum { MAX_PHRASE = 6, MIN_REPEATS = 4, MAX_UTF8 = 4 };

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Copies whole well-formed characters only, and one space for a run of blanks. */
static size_t squeeze(char *text) {
  size_t out = 0, n = strlen(text);
  bool space = false;
  for (size_t at = 0; at < n;) {
    if (is_blank(text[at])) {
      space = out > 0;
      at++;
      continue;
    }
    size_t len = 1;
    while (len <= MAX_UTF8 && at + len <= n && !base_span_utf8(base_span_of(text + at, len)))
      len++;
    if (len > MAX_UTF8 || at + len > n) {
      at++;
      continue;
    }
    if (space) text[out++] = ' ';
    space = false;
    memmove(text + out, text + at, len);
    out += len;
    at += len;
  }
  text[out] = '\0';
  return out;
}

/* The word at `p` without punctuation and case, compared: "Matter," equals "matter". Returns whether they are equal and where both end. */
static bool same_word(const char **a, const char **b) {
  const char *p = *a, *q = *b;
  for (;;) {
    while (*p && *p != ' ' && ispunct((unsigned char)*p))
      p++;
    while (*q && *q != ' ' && ispunct((unsigned char)*q))
      q++;
    bool p_end = !*p || *p == ' ', q_end = !*q || *q == ' ';
    if (p_end || q_end) {
      *a = *p ? p + 1 : p;
      *b = *q ? q + 1 : q;
      return p_end && q_end;
    }
    if (tolower((unsigned char)*p++) != tolower((unsigned char)*q++)) return false;
  }
}

static const char *skip_words(const char *p, int words) {
  while (words-- > 0) {
    while (*p && *p != ' ')
      p++;
    if (!*p) return words == 0 ? p : NULL;
    p++;
  }
  return p;
}

static bool same_phrase(const char *a, const char *b, int words) {
  for (int i = 0; i < words; i++) {
    if (!*a || !*b || !same_word(&a, &b)) return false;
  }
  return true;
}

/* If the phrase of `words` words at `p` is said MIN_REPEATS times or more, where the last repetition begins; else NULL. */
static const char *last_repeat(const char *p, int words) {
  const char *last = p;
  int times = 1;
  for (;;) {
    const char *next = skip_words(last, words);
    if (!next || !*next || !same_phrase(p, next, words)) return times >= MIN_REPEATS ? last : NULL;
    last = next;
    times++;
  }
}

static void drop_repeats(char *text) {
  for (char *p = text; p && *p; p = (char *)skip_words(p, 1)) {
    for (int words = 1; words <= MAX_PHRASE; words++) {
      const char *last = last_repeat(p, words);
      /* The last one stays: its punctuation is the sentence's. */
      if (last) memmove(p, last, strlen(last) + 1);
    }
  }
}

void tr_text_clean(char *text) {
  squeeze(text);
  drop_repeats(text);
}

size_t tr_text_stable(const char *before, const char *now) {
  size_t stable = 0, i = 0;
  for (; now[i] && before[i] == now[i]; i++) {
    if (now[i] == ' ') stable = i;
  }
  return now[i] == ' ' && !before[i] ? i : stable;
}
