#include "settings/internal.h"

enum { LONGEST = 40 };

/* Levenshtein's distance, by one row of its table; names beyond LONGEST are far from everything. */
static size_t distance(base_span a, base_span b) {
  size_t row[LONGEST + 1];
  if (a.n > LONGEST || b.n > LONGEST) {
    return SIZE_MAX;
  }
  for (size_t j = 0; j <= b.n; j++) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.n; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.n; j++) {
      size_t change = diagonal + (a.p[i - 1] != b.p[j - 1]), shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      diagonal = row[j];
      row[j] = change < shift ? change : shift;
    }
  }
  return row[b.n];
}

static void look(const settings_table *table, base_span name, bool flags, const char **best, size_t *best_distance) {
  for (size_t i = 0; i < table->count; i++) {
    const settings_row *row = &table->rows[i];
    const char *candidate = flags ? row->flag : row->key;
    size_t d = candidate ? distance(name, base_span_str(candidate)) : SIZE_MAX;
    if (d < *best_distance) {
      *best_distance = d;
      *best = candidate;
    }
    if (flags && row->kind == SETTINGS_GROUP) {
      look(row->table, name, flags, best, best_distance);
    }
  }
}

const char *settings__nearest(const settings_table *table, base_span name, bool flags) {
  const char *best = NULL;
  size_t d = name.n / 3 + 2; /* farther is another word */
  look(table, name, flags, &best, &d);
  return best;
}
