#include "wer/wer.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 64 * 1024, MAX_WORDS = 8192 };

static const char *const small[] = {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                                    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                                    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const tens[] = {"",      "",      "twenty",  "thirty", "forty",
                                   "fifty", "sixty", "seventy", "eighty", "ninety"};

static const char *spelled(const char *word, char out[32]) {
  char *end = NULL;
  unsigned long n = strtoul(word, &end, 10);
  if (isdigit((unsigned char)word[0]) && !*end && n < 100) {
    if (n < 20) return small[n];
    snprintf(out, 32, n % 10 ? "%s %s" : "%s", tens[n / 10], small[n % 10]);
    return out;
  }
  return strcmp(word, "mr") == 0 ? "mister" : strcmp(word, "mrs") == 0 ? "missus" : word;
}

void wer_normalise(const char *text, char *out, size_t size) {
  char word[64], number[32];
  size_t used = 0;
  out[0] = '\0';
  while (*text && used + 1 < size) {
    size_t n = 0;
    for (; *text && (isalnum((unsigned char)*text) || *text == '\'' || (unsigned char)*text >= 0x80); text++) {
      if (n + 1 < sizeof word) word[n++] = (char)tolower((unsigned char)*text);
    }
    word[n] = '\0';
    if (n > 0) used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", spelled(word, number));
    if (*text) text++;
  }
}

static size_t split(char *text, char **words) {
  size_t n = 0;
  char *rest = NULL;
  for (char *w = strtok_r(text, " ", &rest); w && n < MAX_WORDS; w = strtok_r(NULL, " ", &rest))
    words[n++] = w;
  return n;
}

/* Levenshtein's distance over words, one row at a time. */
static size_t distance(char *const *a, size_t n, char *const *b, size_t m) {
  size_t *row = calloc(m + 1, sizeof *row);
  if (!row) return n + m;
  for (size_t j = 0; j <= m; j++)
    row[j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t best = diagonal + (strcmp(a[i - 1], b[j - 1]) != 0);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  size_t d = row[m];
  free(row);
  return d;
}

size_t wer_count(const char *reference, const char *transcript, size_t *words) {
  static char a[MAX_TEXT], b[MAX_TEXT];
  static char *a_words[MAX_WORDS], *b_words[MAX_WORDS];
  wer_normalise(reference, a, sizeof a);
  wer_normalise(transcript, b, sizeof b);
  *words = split(a, a_words);
  return distance(a_words, *words, b_words, split(b, b_words));
}
