#include "golden.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Adds the bytes of `01 02ff "text"`; false if that is none, or too long. */
static bool add_bytes(golden_vector *v, const char *s) {
  bool quoted = false;
  for (; *s; s++) {
    unsigned byte = (unsigned char)*s;
    if (*s == '"') {
      quoted = !quoted;
      continue;
    }
    if (!quoted && *s == ' ') {
      continue;
    }
    if (!quoted) {
      const char digits[3] = {s[0], s[1], 0};
      if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1])) {
        return false;
      }
      byte = (unsigned)strtoul(digits, NULL, 16);
      s++;
    }
    if (v->n == GOLDEN_BYTES) {
      return false;
    }
    v->bytes[v->n++] = (uint8_t)byte;
  }
  return !quoted;
}

static bool add_line(golden_vector *v, const char *key, const char *rest) {
  if (strcmp(key, "bytes") == 0) {
    return add_bytes(v, rest);
  }
  if (strcmp(key, "means") == 0) {
    size_t at = strlen(v->means);
    return (size_t)snprintf(v->means + at, sizeof v->means - at, "%s\n", rest) < sizeof v->means - at;
  }
  if (strcmp(key, "error") == 0) {
    return (size_t)snprintf(v->error, sizeof v->error, "%s", rest) < sizeof v->error;
  }
  v->one_way = strcmp(key, "one-way") == 0;
  return v->one_way;
}

/* Cuts "key   rest" in two. */
static char *split(char *line) {
  char *rest = line + strcspn(line, " ");
  while (*rest == ' ') {
    *rest++ = 0;
  }
  return rest;
}

int golden_each(const char *path, void (*check)(const golden_vector *v)) {
  static golden_vector v;
  char line[GOLDEN_LINE];
  int count = 0, number = 0;
  bool open = false, good = true;
  FILE *f = fopen(path, "r");
  while (good && f && fgets(line, sizeof line, f)) {
    number++;
    line[strcspn(line, "\n")] = 0;
    if (line[0] == '#') {
      continue;
    }
    char *rest = split(line);
    if (line[0] == 0 && open) {
      check(&v);
      open = false;
    } else if (strcmp(line, "vector") == 0 && !open) {
      memset(&v, 0, sizeof v);
      v.path = path;
      v.line = number;
      snprintf(v.name, sizeof v.name, "%s", rest);
      open = true;
      count++;
    } else if (line[0] != 0) {
      good = open && add_line(&v, line, rest);
    }
  }
  if (f && open) {
    check(&v);
  }
  if (f == NULL || !good) {
    printf("%s:%d: %s\n", path, number, f ? "cannot be understood" : "cannot be opened");
    count = 0;
  }
  if (f) {
    fclose(f);
  }
  return count;
}

base_err golden_describe(const wire_metadata *m, base_buf *out) {
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair p = wire_metadata_at(m, i);
    BASE_TRY(base_buf_printf(out, " %.*s=", BASE_SPAN_ARG(p.key)));
    if (!wire_metadata_is_binary(p.key)) {
      BASE_TRY(base_buf_json(out, p.value));
      continue;
    }
    for (size_t k = 0; k < p.value.n; k++) {
      BASE_TRY(base_buf_printf(out, "%02x", p.value.p[k]));
    }
  }
  return BASE_OK;
}
