#include "gen/names.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gen_die(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fputs("protoc-gen-ponte: ", stderr);
  vfprintf(stderr, fmt, ap);
  fputc('\n', stderr);
  va_end(ap);
  exit(1);
}

/* Text under construction in a caller's buffer. */
struct writer {
  char *out;
  size_t n;
};

static void put(struct writer *w, char c) {
  if (w->n + 1 >= GEN_NAME_MAX) {
    gen_die("a name is longer than %d bytes", GEN_NAME_MAX);
  }
  w->out[w->n++] = c;
  w->out[w->n] = '\0';
}

static void put_text(struct writer *w, const char *text) {
  while (*text) {
    put(w, *text++);
  }
}

static struct writer begin(char *out) {
  out[0] = '\0';
  return (struct writer){out, 0};
}

static const char *skip_dot(const char *full_name) { return full_name[0] == '.' ? full_name + 1 : full_name; }

void gen_c_type(const char *full_name, char out[GEN_NAME_MAX]) {
  struct writer w = begin(out);
  bool upper = true;
  for (const char *p = skip_dot(full_name); *p; p++) {
    if (*p == '.') {
      put_text(&w, "__");
    } else if (*p != '_') {
      put(&w, upper ? (char)toupper((unsigned char)*p) : *p);
    }
    upper = *p == '.' || *p == '_';
  }
}

void gen_c_lower(const char *full_name, char out[GEN_NAME_MAX]) {
  struct writer w = begin(out);
  bool was_upper = true; /* no '_' at the beginning of a part */
  for (const char *p = skip_dot(full_name); *p; p++) {
    bool is_upper = isupper((unsigned char)*p);
    if (*p == '.') {
      put_text(&w, "__");
      was_upper = true;
      continue;
    }
    if (is_upper && !was_upper) {
      put(&w, '_');
    }
    put(&w, (char)tolower((unsigned char)*p));
    was_upper = is_upper;
  }
}

void gen_snake(const char *camel, char out[GEN_NAME_MAX]) {
  struct writer w = begin(out);
  for (const char *p = camel; *p; p++) {
    bool is_upper = isupper((unsigned char)*p);
    bool after_small = p > camel && p[-1] != '_' && !isupper((unsigned char)p[-1]);
    bool ends_acronym = p > camel && isupper((unsigned char)p[-1]) && islower((unsigned char)p[1]);
    if (is_upper && (after_small || ends_acronym)) {
      put(&w, '_');
    }
    put(&w, (char)tolower((unsigned char)*p));
  }
}

/* Whether some part of the package is `name`: "transcription" in "ponte.transcription.v1". */
static bool has_part(const char *package, const char *name) {
  size_t n = strlen(name);
  for (const char *p = package; p; p = strchr(p, '.')) {
    p += *p == '.';
    if (strncmp(p, name, n) == 0 && (p[n] == '.' || p[n] == '\0')) {
      return true;
    }
  }
  return false;
}

void gen_service_prefix(const char *package, const char *service, char out[GEN_NAME_MAX]) {
  char name[GEN_NAME_MAX];
  static const char suffix[] = "_service";
  gen_snake(service, name);
  size_t n = strlen(name), cut = sizeof suffix - 1;
  if (n > cut && strcmp(name + n - cut, suffix) == 0) {
    name[n - cut] = '\0';
  }
  gen_flat(package, out);
  if (!has_part(package, name)) {
    struct writer w = {out, strlen(out)};
    if (w.n > 0) {
      put(&w, '_');
    }
    put_text(&w, name);
  }
}

void gen_stem(const char *proto_file, char out[GEN_NAME_MAX]) {
  struct writer w = begin(out);
  put_text(&w, proto_file);
  char *dot = strrchr(out, '.');
  if (dot && strcmp(dot, ".proto") == 0) {
    *dot = '\0';
  }
}

static void map(const char *text, int (*to)(int), char *out) {
  struct writer w = begin(out);
  for (; *text; text++) {
    put(&w, isalnum((unsigned char)*text) ? (char)to((unsigned char)*text) : '_');
  }
}

void gen_upper(const char *text, char out[GEN_NAME_MAX]) { map(text, toupper, out); }
void gen_flat(const char *text, char out[GEN_NAME_MAX]) { map(text, tolower, out); }
