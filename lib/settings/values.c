#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "settings/internal.h"

typedef struct {
  const char *name;
  uint64_t factor;
} unit;

/* Ascending, so that the largest that divides is found last. */
static const unit sizes[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
static const unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
enum { SIZES = sizeof sizes / sizeof *sizes, DURATIONS = sizeof durations / sizeof *durations };

static bool with_unit(base_span text, const unit *units, size_t count, uint64_t *out) {
  size_t digits = 0;
  while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9') {
    digits++;
  }
  base_span tail = base_span_of(text.p + digits, text.n - digits);
  if (!base_span_u64(base_span_of(text.p, digits), out)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (base_span_is(tail, units[i].name)) {
      return !__builtin_mul_overflow(*out, units[i].factor, out);
    }
  }
  return *out == 0 && tail.n == 0;
}

/* Fields are 1 byte wide (uint8_t), 4 (int, unsigned, uint32_t) or 8, and never negative. */
static uint64_t highest(const settings_row *row) {
  return row->high ? row->high : row->width == 8 ? INT64_MAX : row->width == 4 ? INT32_MAX : UINT8_MAX;
}

static base_err put_number(const settings_row *row, void *field, base_span text) {
  uint64_t n = 0;
  bool ok = row->kind == SETTINGS_NUMBER ? base_span_u64(text, &n)
            : row->kind == SETTINGS_SIZE ? with_unit(text, sizes, SIZES, &n)
                                         : with_unit(text, durations, DURATIONS, &n);
  if (!ok || n < row->low || n > highest(row)) {
    return base_fail(BASE_E_INVALID);
  }
  uint32_t four = (uint32_t)n;
  uint8_t one = (uint8_t)n;
  memcpy(field, row->width == 8 ? (void *)&n : row->width == 4 ? (void *)&four : (void *)&one, row->width);
  return BASE_OK;
}

static base_err put_ratio(void *field, base_span text) {
  char copy[32], *end = NULL;
  if (text.n == 0 || text.n >= sizeof copy || !((text.p[0] >= '0' && text.p[0] <= '9') || text.p[0] == '.')) {
    return base_fail(BASE_E_INVALID);
  }
  memcpy(copy, text.p, text.n);
  copy[text.n] = '\0';
  double d = strtod(copy, &end);
  if (*end != '\0' || !isfinite(d) || d < 0 || d > 1) {
    return base_fail(BASE_E_INVALID);
  }
  memcpy(field, &d, sizeof d);
  return BASE_OK;
}

static base_err put_bool(void *field, base_span text) {
  bool on = base_span_is(text, "true");
  if (!on && !base_span_is(text, "false")) {
    return base_fail(BASE_E_INVALID);
  }
  memcpy(field, &on, sizeof on);
  return BASE_OK;
}

static base_err put_choice(const settings_row *row, void *field, base_span text) {
  for (int i = 0; row->names[i]; i++) {
    if (base_span_is(text, row->names[i])) {
      memcpy(field, &i, sizeof i);
      return BASE_OK;
    }
  }
  return base_fail(BASE_E_INVALID);
}

static base_err put_text(settings *s, const settings_row *row, void *field, base_span text) {
  if (text.n == 0 || text.n > SETTINGS_TEXT_MAX || memchr(text.p, '\0', text.n)) {
    return base_fail(BASE_E_INVALID);
  }
  char *copy = settings_alloc(s, text.n + 1);
  if (copy == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  memcpy(copy, text.p, text.n);
  if (row->is_allowed && !row->is_allowed(copy)) {
    return base_fail(BASE_E_INVALID);
  }
  memcpy(field, &copy, sizeof copy);
  return BASE_OK;
}

base_err settings__set(settings *s, const settings_row *row, void *field, base_span text) {
  switch (row->kind) {
  case SETTINGS_TEXT:
  case SETTINGS_TEXTS: return put_text(s, row, field, text);
  case SETTINGS_NUMBER:
  case SETTINGS_SIZE:
  case SETTINGS_DURATION: return put_number(row, field, text);
  case SETTINGS_RATIO: return put_ratio(field, text);
  case SETTINGS_BOOL:
  case SETTINGS_SWITCH: return put_bool(field, text);
  case SETTINGS_CHOICE: return put_choice(row, field, text);
  case SETTINGS_GROUP:
  case SETTINGS_GROUPS: break;
  }
  return base_fail(BASE_E_INVALID);
}

/* -- what is allowed ------------------------------------------------------------------------------------------------------------ */

/* "4MiB", "10s": in the largest unit without a rest. */
static base_err put_with_unit(base_buf *out, uint64_t n, const unit *units, size_t count) {
  size_t best = 0;
  for (size_t i = 0; i < count && n > 0; i++) {
    best = n % units[i].factor == 0 ? i : best;
  }
  return base_buf_printf(out, "%llu%s", (unsigned long long)(n / units[best].factor), n ? units[best].name : "");
}

static base_err put_amount(base_buf *out, const settings_row *row, uint64_t n) {
  switch (row->kind) {
  case SETTINGS_SIZE: return put_with_unit(out, n, sizes, SIZES);
  case SETTINGS_DURATION: return put_with_unit(out, n, durations, DURATIONS);
  default: return base_buf_printf(out, "%llu", (unsigned long long)n);
  }
}

base_err settings__put_range(const settings_row *row, base_buf *out) {
  if (row->low == 0 && row->high == 0) {
    return BASE_OK;
  }
  BASE_TRY(base_buf_str(out, row->high ? "" : "at least "));
  BASE_TRY(put_amount(out, row, row->low));
  BASE_TRY(base_buf_str(out, row->high ? " to " : ""));
  return row->high ? put_amount(out, row, row->high) : BASE_OK;
}

static base_err put_amounts(const settings_row *row, base_buf *out) {
  const char *kind = row->kind == SETTINGS_SIZE       ? "a size such as 64KiB or 4MiB"
                     : row->kind == SETTINGS_DURATION ? "a duration such as 500ms, 10s or 5m"
                                                      : "a number";
  bool is_number = row->kind == SETTINGS_NUMBER, has_range = row->low > 0 || row->high > 0;
  BASE_TRY(base_buf_printf(out, "%s%s%s", kind, has_range && !is_number ? "," : "",
                           row->high   ? " from "
                           : has_range ? " "
                                       : ""));
  return settings__put_range(row, out);
}

base_err settings__put_allowed(const settings_row *row, base_buf *out) {
  switch (row->kind) {
  case SETTINGS_NUMBER:
  case SETTINGS_SIZE:
  case SETTINGS_DURATION: return put_amounts(row, out);
  case SETTINGS_RATIO: return base_buf_str(out, "a number from 0 to 1");
  case SETTINGS_BOOL:
  case SETTINGS_SWITCH: return base_buf_str(out, "true or false");
  case SETTINGS_CHOICE:
    for (int i = 0; row->names[i]; i++) {
      BASE_TRY(base_buf_printf(out, "%s%s", i == 0 ? "" : row->names[i + 1] ? ", " : " or ", row->names[i]));
    }
    return BASE_OK;
  default: return base_buf_str(out, row->argument ? row->argument : "a text");
  }
}

/* -- structs and lists ------------------------------------------------------------------------------------------------------------ */

base_err settings__put_defaults(settings *s, const settings_table *table, void *base) {
  for (size_t i = 0; i < table->count; i++) {
    const settings_row *row = &table->rows[i];
    if (row->kind == SETTINGS_GROUP) {
      BASE_TRY(settings__put_defaults(s, row->table, settings__field(row, base)));
    } else if (row->fallback) {
      BASE_TRY(settings__set(s, row, settings__field(row, base), base_span_str(row->fallback)));
    }
  }
  return BASE_OK;
}

base_err settings__add(settings *s, const settings_row *row, void *base, void **element) {
  int *count = settings__count(row, base);
  size_t size = row->kind == SETTINGS_GROUPS ? row->table->size : sizeof(char *);
  char *list = settings__field(row, base);
  if ((size_t)*count >= row->capacity) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  if (row->by_pointer) {
    memcpy(&list, settings__field(row, base), sizeof list);
    if (list == NULL) {
      /* All at once: marks hold addresses. */
      list = settings_alloc(s, row->capacity * size);
      if (list == NULL) {
        return base_fail(BASE_E_NO_MEMORY);
      }
      memcpy(settings__field(row, base), &list, sizeof list);
    }
  }
  *element = list + (size_t)*count * size;
  memset(*element, 0, size);
  if (row->kind == SETTINGS_GROUPS) {
    BASE_TRY(settings__put_defaults(s, row->table, *element));
  }
  (*count)++;
  return BASE_OK;
}
