#include "gateway/upstream/h2/balance.h"

/* The first usable one from `at` on, around the end, that is not `other`; n when there is none. */
static size_t next_usable(const gw__choice *of, size_t at, size_t other) {
  for (size_t k = 0; k < of->n; k++) {
    size_t i = (at + k) % of->n;
    if (i != other && of->is_usable(of->ctx, i)) {
      return i;
    }
  }
  return of->n;
}

static size_t less_loaded(const gw__choice *of, uint32_t random) {
  size_t a = next_usable(of, (random & 0xffff) % of->n, of->n);
  if (a == of->n) {
    return a;
  }
  size_t b = next_usable(of, (random >> 16) % of->n, a);
  return b < of->n && of->load(of->ctx, b) < of->load(of->ctx, a) ? b : a;
}

size_t gw__pick(enum gw_balance how, const gw__choice *of, size_t *cursor, uint32_t random) {
  if (of->n == 0) {
    return 0;
  }
  switch (how) {
  case GW_PICK_FIRST: return next_usable(of, 0, of->n);
  case GW_LEAST_REQUEST: return less_loaded(of, random);
  case GW_ROUND_ROBIN: break;
  }
  size_t i = next_usable(of, *cursor % of->n, of->n);
  if (i < of->n) {
    *cursor = i + 1;
  }
  return i;
}
