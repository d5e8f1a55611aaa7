#include "base/nearest.h"

#include "settings/internal.h"

static void look(const settings_table *table, base_nearest *nearest, bool flags) {
  for (size_t i = 0; i < table->count; i++) {
    const settings_row *row = &table->rows[i];
    base_nearest_try(nearest, flags ? row->flag : row->key);
    if (flags && row->kind == SETTINGS_GROUP) {
      look(row->table, nearest, flags);
    }
  }
}

const char *settings__nearest(const settings_table *table, base_span name, bool flags) {
  base_nearest nearest = base_nearest_of(name);
  look(table, &nearest, flags);
  return nearest.best;
}
