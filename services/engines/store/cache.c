#include <stdlib.h>

#include "store/internal.h"

static size_t slot(const store_cache *c, const store_statement *key) {
  /* Fibonacci hashing: addresses of static objects differ in their middle bits. */
  uint64_t h = ((uint64_t)(uintptr_t)key >> 3) * 0x9e3779b97f4a7c15u;
  size_t i = (size_t)(h >> 32) & (c->size - 1);
  while (c->entries[i].key && c->entries[i].key != key) {
    i = (i + 1) & (c->size - 1);
  }
  return i;
}

void *store__cache_get(const store_cache *c, const store_statement *key) {
  return c->size ? c->entries[slot(c, key)].value : NULL;
}

static base_err grow(store_cache *c) {
  store_cache bigger = {.size = c->size ? c->size * 2 : 32, .used = c->used};
  bigger.entries = calloc(bigger.size, sizeof *bigger.entries);
  if (!bigger.entries) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  for (size_t i = 0; i < c->size; i++) {
    if (c->entries[i].key) {
      bigger.entries[slot(&bigger, c->entries[i].key)] = c->entries[i];
    }
  }
  free(c->entries);
  *c = bigger;
  return BASE_OK;
}

base_err store__cache_put(store_cache *c, const store_statement *key, void *value) {
  if (c->used * 2 >= c->size) {
    BASE_TRY(grow(c));
  }
  c->entries[slot(c, key)] = (struct store_cache_entry){key, value};
  c->used++;
  return BASE_OK;
}

void store__cache_clear(store_cache *c, void (*release)(void *value)) {
  for (size_t i = 0; i < c->size; i++) {
    if (c->entries[i].key) {
      release(c->entries[i].value);
    }
  }
  free(c->entries);
  *c = (store_cache){0};
}
