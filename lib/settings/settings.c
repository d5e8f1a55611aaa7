#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "settings/internal.h"

/* Memory of the object, in one list; the bytes follow the head. */
struct settings__piece {
  settings__piece *next;
  _Alignas(max_align_t) char bytes[];
};

enum { VARIABLE_MAX = 128 };

/* -- the object -------------------------------------------------------------------------------------------------------------------- */

void *settings_alloc(settings *s, size_t n) {
  settings__piece *piece = calloc(1, sizeof *piece + n);
  if (piece == NULL) {
    return NULL;
  }
  piece->next = s->pieces;
  s->pieces = piece;
  return piece->bytes;
}

char *settings_keep(settings *s, const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = settings_alloc(s, n);
  return copy ? memcpy(copy, text, n) : NULL;
}

void settings_free(settings *s) {
  while (s && s->pieces) {
    settings__piece *next = s->pieces->next;
    free(s->pieces);
    s->pieces = next;
  }
  if (s) {
    free(s->marks);
    free(s);
  }
}

base_err settings__put_mark(settings *s, const void *field, enum settings__level level, const char *where) {
  if (s->mark_count == s->mark_room) {
    size_t room = s->mark_room ? s->mark_room * 2 : 32;
    settings__mark *grown = realloc(s->marks, room * sizeof *grown);
    if (grown == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
    s->marks = grown;
    s->mark_room = room;
  }
  char *copy = settings_keep(s, where);
  if (copy == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->marks[s->mark_count++] = (settings__mark){field, level, copy};
  return BASE_OK;
}

/* The last one counts: an array and its first element have one address. */
static const settings__mark *find_mark(const settings *s, const void *field) {
  for (size_t i = s->mark_count; i > 0; i--) {
    if (s->marks[i - 1].field == field) {
      return &s->marks[i - 1];
    }
  }
  return NULL;
}

enum settings__level settings__level_of(const settings *s, const void *field) {
  const settings__mark *mark = find_mark(s, field);
  return mark ? mark->level : SETTINGS__DEFAULT;
}

bool settings_is_given(const settings *s, const void *field) { return find_mark(s, field) != NULL; }

base_err settings_complain(const settings *s, const void *field, base_buf *why, const char *fmt, ...) {
  char text[512];
  const settings__mark *mark = find_mark(s, field);
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  base_err told = base_buf_printf(why, "%s%s%s", mark ? mark->where : "", mark ? ": " : "", text);
  return base_is_ok(told) ? base_fail(BASE_E_INVALID) : told;
}

/* -- environment and command line -------------------------------------------------------------------------------------------------- */

/* One value of a level; the first one of a list replaces what lower levels said. */
static base_err apply(settings *s, const settings_row *row, void *base, enum settings__level level, const char *where,
                      base_span text, base_buf *why) {
  void *field = settings__field(row, base);
  if (row->kind == SETTINGS_TEXTS) {
    if (settings__level_of(s, settings__count(row, base)) < level) {
      *settings__count(row, base) = 0;
    }
    BASE_TRY(settings__put_mark(s, settings__count(row, base), level, where));
    base_err e = settings__add(s, row, base, &field);
    if (base_is(e, BASE_E_EXHAUSTED)) {
      e = base_buf_printf(why, "%s: too many: at most %zu", where, row->capacity);
      return base_is_ok(e) ? base_fail(BASE_E_INVALID) : e;
    }
    BASE_TRY(e);
  }
  base_err e = settings__set(s, row, field, text);
  if (base_is(e, BASE_E_INVALID)) {
    BASE_TRY(base_buf_printf(why, "%s: \"%.*s\" is not allowed; it takes ", where, (int)(text.n < 100 ? text.n : 100),
                             (const char *)text.p));
    BASE_TRY(settings__put_allowed(row, why));
  }
  BASE_TRY(e);
  return settings__put_mark(s, field, level, where);
}

static base_err apply_words(settings *s, const settings_row *row, void *base, const char *where, const char *words,
                            base_buf *why) {
  while (*words) {
    size_t n = strcspn(words, " ");
    if (n > 0) {
      BASE_TRY(apply(s, row, base, SETTINGS__ENVIRONMENT, where, base_span_of(words, n), why));
    }
    words += n + (words[n] == ' ');
  }
  return BASE_OK;
}

/* "PONTE_GATEWAY_" + "limits-calls" in capitals. */
static void variable_of(const char *prefix, const char *path, char out[VARIABLE_MAX]) {
  int n = snprintf(out, VARIABLE_MAX, "%s%s", prefix, path);
  for (int i = (int)strlen(prefix); i < n && i < VARIABLE_MAX - 1; i++) {
    char c = out[i];
    out[i] = c == '-' || c == '.' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
  }
}

typedef struct {
  settings *s;
  const char *prefix;
  char *(*get)(const char *name);
  base_buf *why;
} environment;

static base_err walk_environment(const environment *e, const settings_table *table, const char *path, void *base) {
  for (size_t i = 0; i < table->count; i++) {
    const settings_row *row = &table->rows[i];
    char inner[VARIABLE_MAX], variable[VARIABLE_MAX];
    snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", row->key ? row->key : "");
    if (row->kind == SETTINGS_GROUP) {
      BASE_TRY(walk_environment(e, row->table, inner, settings__field(row, base)));
      continue;
    }
    variable_of(e->prefix, row->flag ? row->flag : inner, variable);
    const char *value = row->kind == SETTINGS_SWITCH || row->kind == SETTINGS_GROUPS ? NULL : e->get(variable);
    if (value == NULL || *value == '\0') {
      continue; /* what starts containers has no other way to leave a variable out */
    }
    BASE_TRY(row->kind == SETTINGS_TEXTS
                 ? apply_words(e->s, row, base, variable, value, e->why)
                 : apply(e->s, row, base, SETTINGS__ENVIRONMENT, variable, base_span_str(value), e->why));
  }
  return BASE_OK;
}

static const settings_row *find_flag(const settings_table *table, base_span name, void *base, void **found) {
  for (size_t i = 0; i < table->count; i++) {
    const settings_row *row = &table->rows[i];
    if (row->flag && base_span_is(name, row->flag)) {
      *found = base;
      return row;
    }
    const settings_row *inner =
        row->kind == SETTINGS_GROUP ? find_flag(row->table, name, settings__field(row, base), found) : NULL;
    if (inner) {
      return inner;
    }
  }
  return NULL;
}

static base_err unknown_flag(const settings_table *table, const char *arg, base_span name, base_buf *why) {
  const char *nearest = name.n > 0 ? settings__nearest(table, name, true) : NULL;
  BASE_TRY(base_buf_printf(why, "unknown option %.80s%s%s%s; --help lists those there are", arg,
                           nearest ? "; did you mean --" : "", nearest ? nearest : "", nearest ? "?" : ""));
  return base_fail(BASE_E_INVALID);
}

/* What is done with each flag: look at one only, or apply all. */
typedef struct {
  settings *s;
  const settings_table *table;
  void *base;
  const char *only; /* just the value of this flag into `value` */
  const char *value;
  bool stopped; /* a switch like --help came */
  base_buf *why;
} command_line;

static base_err switch_on(command_line *c, const settings_row *row, void *base, bool has_value, const char *arg) {
  bool on = true;
  if (has_value) {
    BASE_TRY(base_buf_printf(c->why, "%.80s: --%s takes no value", arg, row->flag));
    return base_fail(BASE_E_INVALID);
  }
  memcpy(settings__field(row, base), &on, sizeof on);
  c->stopped = c->stopped || row->stops;
  return BASE_OK;
}

static base_err walk_flags(command_line *c, int argc, char *const *argv) {
  for (int i = 1; i < argc; i++) {
    size_t n = strcspn(argv[i], "=");
    bool is_flag = n > 2 && argv[i][0] == '-' && argv[i][1] == '-';
    base_span name = is_flag ? base_span_of(argv[i] + 2, n - 2) : (base_span){0};
    void *base = NULL;
    const settings_row *row = is_flag ? find_flag(c->table, name, c->base, &base) : NULL;
    if (row == NULL) {
      return unknown_flag(c->table, argv[i], name, c->why);
    }
    const char *value = argv[i][n] == '=' ? argv[i] + n + 1 : NULL;
    if (row->kind == SETTINGS_SWITCH) {
      BASE_TRY(switch_on(c, row, base, value != NULL, argv[i]));
      continue;
    }
    if (value == NULL && i + 1 < argc) {
      value = argv[++i];
    }
    if (value == NULL) {
      BASE_TRY(base_buf_printf(c->why, "%s needs a value: %s", argv[i], row->argument ? row->argument : ""));
      return base_fail(BASE_E_INVALID);
    }
    if (c->only) {
      c->value = strcmp(row->flag, c->only) == 0 ? value : c->value;
      continue;
    }
    char where[VARIABLE_MAX];
    snprintf(where, sizeof where, "--%s", row->flag);
    BASE_TRY(apply(c->s, row, base, SETTINGS__COMMAND_LINE, where, base_span_str(value), c->why));
  }
  return BASE_OK;
}

/* -- reading ------------------------------------------------------------------------------------------------------------------------ */

static base_err read_file(const char *path, base_buf *out, base_buf *why) {
  FILE *f = fopen(path, "rbe");
  uint8_t *room = NULL;
  if (f == NULL) {
    BASE_TRY(base_buf_printf(why, "%s: %s", path, strerror(errno)));
    return base_fail(BASE_E_NOT_FOUND);
  }
  base_err e = base_buf_reserve(out, SETTINGS_FILE_MAX + 1, &room);
  if (base_is_ok(e)) {
    size_t n = fread(room, 1, SETTINGS_FILE_MAX + 1, f);
    base_buf_commit(out, n);
    if (ferror(f)) {
      e = base_buf_printf(why, "%s: cannot be read: %s", path, strerror(errno));
      e = base_is_ok(e) ? base_fail(BASE_E_NOT_FOUND) : e;
    }
  }
  fclose(f);
  return e;
}

static base_err load_file(settings *s, const settings_program *p, const char *path, void *out, base_buf *why) {
  base_buf text;
  base_buf_init(&text, SETTINGS_FILE_MAX + 1);
  base_err e = read_file(path, &text, why);
  if (base_is_ok(e)) {
    e = settings__read_yaml(s, p->table, path, base_buf_span(&text), out, why);
  }
  base_buf_dispose(&text);
  return e;
}

static base_err read_all(settings *s, const settings_program *p, int argc, char *const *argv,
                         char *(*get)(const char *name), void *out, base_buf *why) {
  command_line line = {.s = s, .table = p->table, .base = out, .only = p->file_flag ? p->file_flag : "", .why = why};
  BASE_TRY(settings__put_defaults(s, p->table, out));
  BASE_TRY(walk_flags(&line, argc, argv));
  if (line.stopped) {
    return BASE_OK;
  }
  char variable[VARIABLE_MAX];
  variable_of(p->prefix, line.only, variable);
  const char *file = line.value ? line.value : p->file_flag ? get(variable) : NULL;
  if (file && *file) {
    BASE_TRY(load_file(s, p, file, out, why));
  }
  BASE_TRY(walk_environment(&(environment){s, p->prefix, get, why}, p->table, "", out));
  line.only = NULL;
  return walk_flags(&line, argc, argv);
}

static base_err finish(base_err e, settings *s, settings **owner) {
  if (!base_is_ok(e)) {
    settings_free(s);
    s = NULL;
  }
  *owner = s;
  return e;
}

base_err settings_read(const settings_program *p, int argc, char *const *argv, char *(*get)(const char *name),
                       void *out, settings **owner, base_buf *why) {
  settings *s = calloc(1, sizeof *s);
  memset(out, 0, p->table->size);
  *owner = NULL;
  return s ? finish(read_all(s, p, argc, argv, get, out, why), s, owner) : base_fail(BASE_E_NO_MEMORY);
}

base_err settings_read_text(const settings_program *p, const char *name, base_span text, void *out, settings **owner,
                            base_buf *why) {
  settings *s = calloc(1, sizeof *s);
  memset(out, 0, p->table->size);
  *owner = NULL;
  if (s == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  base_err e = settings__put_defaults(s, p->table, out);
  if (base_is_ok(e)) {
    e = settings__read_yaml(s, p->table, name, text, out, why);
  }
  return finish(e, s, owner);
}
