/* The file, event by event, straight into the struct: a table's depth bounds the recursion, and aliases are refused, so nothing can expand. */
#include <stdarg.h>
#include <yaml.h>

#include "settings/internal.h"

enum { EVENTS_MAX = 100000, PATH_MAX_BYTES = 512 };

typedef struct {
  settings *s;
  const char *name;
  yaml_parser_t parser;
  yaml_event_t event; /* the one at hand */
  int events;
  base_buf path; /* "clusters[0].name" */
  base_buf *why;
} loader;

static base_err __attribute__((format(printf, 3, 4))) fail(loader *l, size_t line, const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  base_span path = base_buf_span(&l->path);
  base_err told =
      base_buf_printf(l->why, "%s:%zu: %.*s%s%s", l->name, line, BASE_SPAN_ARG(path), path.n ? ": " : "", text);
  return base_is_ok(told) ? base_fail(BASE_E_INVALID) : told;
}

static size_t line_of(const loader *l) { return l->event.start_mark.line + 1; }

static base_err refuse_anchor(loader *l, const yaml_char_t *anchor, const yaml_char_t *tag) {
  if (anchor || tag) {
    return fail(l, line_of(l), "anchors, aliases and tags are not allowed; write the value out");
  }
  return BASE_OK;
}

static base_err next(loader *l) {
  yaml_event_delete(&l->event);
  if (++l->events > EVENTS_MAX) {
    return fail(l, l->parser.mark.line + 1, "the file is too large");
  }
  if (!yaml_parser_parse(&l->parser, &l->event)) {
    memset(&l->event, 0, sizeof l->event);
    if (l->parser.error == YAML_MEMORY_ERROR) {
      return base_fail(BASE_E_NO_MEMORY);
    }
    return fail(l, l->parser.problem_mark.line + 1, "not YAML: %s",
                l->parser.problem ? l->parser.problem : "malformed");
  }
  switch (l->event.type) {
  case YAML_ALIAS_EVENT: return refuse_anchor(l, l->event.data.alias.anchor, NULL);
  case YAML_SCALAR_EVENT: return refuse_anchor(l, l->event.data.scalar.anchor, l->event.data.scalar.tag);
  case YAML_MAPPING_START_EVENT:
    return refuse_anchor(l, l->event.data.mapping_start.anchor, l->event.data.mapping_start.tag);
  case YAML_SEQUENCE_START_EVENT:
    return refuse_anchor(l, l->event.data.sequence_start.anchor, l->event.data.sequence_start.tag);
  default: return BASE_OK;
  }
}

static base_err put_mark(loader *l, const void *field) {
  char where[PATH_MAX_BYTES + 300];
  base_span path = base_buf_span(&l->path);
  snprintf(where, sizeof where, "%s:%zu: %.*s", l->name, line_of(l), BASE_SPAN_ARG(path));
  return settings__put_mark(l->s, field, SETTINGS__FILE, where);
}

static base_err scalar(loader *l, const settings_row *row, void *field) {
  if (l->event.type != YAML_SCALAR_EVENT) {
    return fail(l, line_of(l), "takes one value, not a list or keys of its own");
  }
  base_span text = base_span_of(l->event.data.scalar.value, l->event.data.scalar.length);
  base_err e = settings__set(l->s, row, field, text);
  if (base_is(e, BASE_E_INVALID)) {
    base_buf allowed;
    base_buf_init(&allowed, 512);
    base_err told = settings__put_allowed(row, &allowed);
    e = fail(l, line_of(l), "\"%.*s\" is not allowed; it takes %.*s", (int)(text.n < 100 ? text.n : 100),
             (const char *)text.p, BASE_SPAN_ARG(base_buf_span(&allowed)));
    base_buf_dispose(&allowed);
    BASE_TRY(told);
  }
  BASE_TRY(e);
  return put_mark(l, field);
}

static base_err mapping(loader *l, const settings_table *table, void *base);

static base_err element(loader *l, const settings_row *row, void *base) {
  void *at = NULL;
  size_t path = base_buf_size(&l->path);
  BASE_TRY(base_buf_printf(&l->path, "[%d]", *settings__count(row, base)));
  base_err e = settings__add(l->s, row, base, &at);
  if (base_is(e, BASE_E_EXHAUSTED)) {
    e = fail(l, line_of(l), "too many: at most %zu", row->capacity);
  }
  BASE_TRY(e);
  if (row->kind == SETTINGS_GROUPS) {
    BASE_TRY(put_mark(l, at));
    BASE_TRY(mapping(l, row->table, at));
  } else {
    BASE_TRY(scalar(l, row, at));
  }
  base_buf_truncate(&l->path, path);
  return BASE_OK;
}

static base_err list(loader *l, const settings_row *row, void *base) {
  if (l->event.type != YAML_SEQUENCE_START_EVENT) {
    return fail(l, line_of(l), "takes a list: [a, b], or lines that begin with \"- \"");
  }
  BASE_TRY(put_mark(l, settings__field(row, base)));
  *settings__count(row, base) = 0;
  for (;;) {
    BASE_TRY(next(l));
    if (l->event.type == YAML_SEQUENCE_END_EVENT) {
      return BASE_OK;
    }
    BASE_TRY(element(l, row, base));
  }
}

static base_err value(loader *l, const settings_row *row, void *base) {
  switch (row->kind) {
  case SETTINGS_GROUP:
    BASE_TRY(put_mark(l, settings__field(row, base)));
    return mapping(l, row->table, settings__field(row, base));
  case SETTINGS_GROUPS:
  case SETTINGS_TEXTS: return list(l, row, base);
  default: return scalar(l, row, settings__field(row, base));
  }
}

static base_err find_key(loader *l, const settings_table *table, size_t *index) {
  if (l->event.type != YAML_SCALAR_EVENT) {
    return fail(l, line_of(l), "a key must be a plain word");
  }
  base_span key = base_span_of(l->event.data.scalar.value, l->event.data.scalar.length);
  for (*index = 0; *index < table->count; (*index)++) {
    if (table->rows[*index].key && base_span_is(key, table->rows[*index].key)) {
      return BASE_OK;
    }
  }
  const char *nearest = settings__nearest(table, key, false);
  return fail(l, line_of(l), "unknown key \"%.*s\"%s%s%s", (int)(key.n < 60 ? key.n : 60), (const char *)key.p,
              nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static base_err check_required(loader *l, const settings_table *table, uint64_t seen, size_t line) {
  for (size_t i = 0; i < table->count; i++) {
    if (table->rows[i].required && !(seen >> i & 1)) {
      return fail(l, line, "\"%s\" is missing: %s", table->rows[i].key, table->rows[i].help);
    }
  }
  return BASE_OK;
}

static base_err mapping(loader *l, const settings_table *table, void *base) {
  size_t line = line_of(l), path = base_buf_size(&l->path);
  uint64_t seen = 0;
  if (l->event.type != YAML_MAPPING_START_EVENT) {
    return fail(l, line, "takes keys of its own, each on a line \"key: value\"");
  }
  for (;;) {
    size_t i = 0;
    BASE_TRY(next(l));
    if (l->event.type == YAML_MAPPING_END_EVENT) {
      return check_required(l, table, seen, line);
    }
    BASE_TRY(find_key(l, table, &i));
    BASE_TRY(base_buf_printf(&l->path, "%s%s", path ? "." : "", table->rows[i].key));
    if (seen >> i & 1) {
      return fail(l, line_of(l), "is here twice");
    }
    seen |= UINT64_C(1) << i;
    BASE_TRY(next(l));
    BASE_TRY(value(l, &table->rows[i], base));
    base_buf_truncate(&l->path, path);
  }
}

static base_err stream(loader *l, const settings_table *table, void *base) {
  BASE_TRY(next(l)); /* the stream's start */
  BASE_TRY(next(l));
  if (l->event.type == YAML_STREAM_END_EVENT) {
    return BASE_OK; /* nothing but comments */
  }
  BASE_TRY(next(l));
  BASE_TRY(mapping(l, table, base));
  BASE_TRY(next(l)); /* the document's end */
  BASE_TRY(next(l));
  return l->event.type == YAML_STREAM_END_EVENT ? BASE_OK : fail(l, line_of(l), "a second document is not allowed");
}

base_err settings__read_yaml(settings *s, const settings_table *table, const char *name, base_span text, void *base,
                             base_buf *why) {
  loader l = {.s = s, .name = name, .why = why};
  base_buf_init(&l.path, PATH_MAX_BYTES);
  if (text.n > SETTINGS_FILE_MAX) {
    return fail(&l, 1, "the file is too large: at most 1 MiB");
  }
  if (!yaml_parser_initialize(&l.parser)) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&l.parser, text.n ? text.p : (const uint8_t *)"", text.n);
  base_err e = stream(&l, table, base);
  yaml_event_delete(&l.event);
  yaml_parser_delete(&l.parser);
  base_buf_dispose(&l.path);
  return e;
}
