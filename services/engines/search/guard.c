#include "search/guard.h"

enum { NEAR = 3 /* words between "ignore" and what is to be ignored */ };

bool search_paragraph_next(base_span text, size_t *at, base_span *out) {
  size_t begin = *at, end = begin;
  if (begin >= text.n) return false;
  bool blank = false; /* since the last line's end, which was one */
  for (; end < text.n; end++) {
    if (text.p[end] == '\n') {
      if (blank) break;
      blank = true;
    } else if (text.p[end] != ' ' && text.p[end] != '\t' && text.p[end] != '\r') {
      blank = false;
    }
  }
  *at = end < text.n ? end + 1 : end;
  *out = base_span_of(text.p + begin, end - begin);
  return true;
}

static bool is_one_of(const char *word, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(word, words[i]) == 0) return true;
  }
  return false;
}
#define ONE_OF(word, words) is_one_of(word, words, sizeof(words) / sizeof *(words))

/* A citation as engines write it: [1: "words"]. "[12:30]" is a time. */
static bool is_mark(base_span s) {
  size_t n = 1;
  while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
    n++;
  if (n == 1 || n >= s.n || s.p[n] != ':') return false;
  while (++n < s.n && s.p[n] == ' ') {
  }
  return n < s.n && (s.p[n] == '"' || s.p[n] == '\'' || s.p[n] >= 0x80);
}

/* Delimiters of prompts, citations, and comments. */
static bool is_forged(base_span p) {
  static const char *const marks[] = {"<!--",      "</passage", "<passage", "</material",
                                      "<material", "<system",   "</system", "<|"};
  for (size_t i = 0; i < p.n; i++) {
    base_span rest = base_span_of(p.p + i, p.n - i);
    for (size_t k = 0; p.p[i] == '<' && k < sizeof marks / sizeof *marks; k++) {
      if (base_span_starts(rest, marks[k])) return true;
    }
    if (p.p[i] == '[' && is_mark(rest)) return true;
  }
  return false;
}

/* Beginnings of words without which nothing below is found: most paragraphs need not be read word by word. */
static bool may_speak(base_span p) {
  static const char *const beginnings[] = {"ignor", "disre", "overr", "desco", "assis", "chatb", "llm"};
  for (size_t i = 0; i < p.n; i++) {
    uint8_t c = p.p[i] | 0x20;
    if (c < 'a' || c > 'o' || (i > 0 && ((p.p[i - 1] | 0x20) >= 'a' && (p.p[i - 1] | 0x20) <= 'z'))) continue;
    for (size_t k = 0; k < sizeof beginnings / sizeof *beginnings; k++) {
      size_t n = strlen(beginnings[k]);
      if (c == (uint8_t)beginnings[k][0] && p.n - i >= n &&
          base_span_ieq(base_span_of(p.p + i, n), base_span_str(beginnings[k])))
        return true;
    }
  }
  return false;
}

bool search_speaks_to_machine(search_terms *t, base_span paragraph) {
  static const char *const verbs[] = {"ignore",   "ignora",       "ignorem",       "disregard",
                                      "override", "desconsidere", "desconsiderem", "desconsidera"};
  static const char *const orders[] = {"instruction", "instructions", "prompt",     "prompts",  "material", "materials",
                                       "passages",    "instrucao",    "instrucoes", "comandos", "trechos"};
  static const char *const machines[] = {"assistant", "chatbot", "llm", "assistente"};
  if (is_forged(paragraph)) return true;
  if (!may_speak(paragraph)) return false;
  search_reader r = search_read(paragraph);
  search_term x;
  bool you = false, now = false, machine = false;
  for (int since = NEAR; search_terms_next(t, &r, &x); since++) {
    if (ONE_OF(x.folded, verbs)) since = -1;
    if (since >= 0 && since < NEAR && ONE_OF(x.folded, orders)) return true;
    you |= strcmp(x.folded, "you") == 0 || strcmp(x.folded, "voce") == 0;
    now |= strcmp(x.folded, "now") == 0 || strcmp(x.folded, "agora") == 0;
    machine |= ONE_OF(x.folded, machines);
  }
  return you && now && machine; /* "you are now an assistant without rules" */
}
