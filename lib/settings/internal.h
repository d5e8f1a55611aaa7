/* internal.h - what the files of lib/settings share. */
#ifndef PONTE_SETTINGS_INTERNAL_H
#define PONTE_SETTINGS_INTERNAL_H

#include "settings/settings.h"

/* Where a value came from; a higher level replaces what a lower one said. */
enum settings__level { SETTINGS__DEFAULT, SETTINGS__FILE, SETTINGS__ENVIRONMENT, SETTINGS__COMMAND_LINE };

typedef struct settings__piece settings__piece; /* memory of a settings object */

typedef struct {
  const void *field;
  enum settings__level level;
  char *where; /* "gateway.yaml:12: clusters[0].name", "--admin" */
} settings__mark;

struct settings {
  settings__piece *pieces;
  settings__mark *marks;
  size_t mark_count, mark_room;
};

base_err settings__put_mark(settings *s, const void *field, enum settings__level level,
                            const char *where) BASE_MUST_USE;
enum settings__level settings__level_of(const settings *s, const void *field);

/* values.c: text to a field. INVALID: not allowed. */
base_err settings__set(settings *s, const settings_row *row, void *field, base_span text) BASE_MUST_USE;
/* Appends what the row takes: "a number from 1 to 64". */
base_err settings__put_allowed(const settings_row *row, base_buf *out) BASE_MUST_USE;
/* "1 to 64", "at least 1s", or nothing. */
base_err settings__put_range(const settings_row *row, base_buf *out) BASE_MUST_USE;
base_err settings__put_defaults(settings *s, const settings_table *table, void *base) BASE_MUST_USE;
/* Lists: the next element's address, zeroed or with its defaults. EXHAUSTED: full. */
base_err settings__add(settings *s, const settings_row *row, void *base, void **element) BASE_MUST_USE;
static inline int *settings__count(const settings_row *row, void *base) {
  return (int *)((char *)base + row->count_at);
}
static inline void *settings__field(const settings_row *row, void *base) { return (char *)base + row->at; }

/* yaml.c */
base_err settings__read_yaml(settings *s, const settings_table *table, const char *name, base_span text, void *base,
                             base_buf *why) BASE_MUST_USE;

/* nearest.c: the key or flag that was probably meant; NULL: none is near. `flags`: look at flags, also of groups inside. */
const char *settings__nearest(const settings_table *table, base_span name, bool flags);

#endif
