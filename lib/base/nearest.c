#include "base/nearest.h"

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

base_nearest base_nearest_of(base_span name) {
  return (base_nearest){.name = name, .distance = name.n / 3 + 2}; /* farther is another word */
}

void base_nearest_try(base_nearest *n, const char *candidate) {
  size_t d = candidate ? distance(n->name, base_span_str(candidate)) : SIZE_MAX;
  if (d < n->distance) {
    n->distance = d;
    n->best = candidate;
  }
}
