#include "wc/keep.h"

#include <stdlib.h>

void wc_keep_init(wc_keep *k, int64_t start, size_t ceiling_bytes) {
  *k = (wc_keep){.begin = start, .end = start};
  base_buf_init(&k->bytes, ceiling_bytes);
}

void wc_keep_dispose(wc_keep *k) {
  free(k->ring);
  base_buf_dispose(&k->bytes);
  *k = (wc_keep){0};
}

static base_err make_room(wc_keep *k) {
  if (k->count < k->cap) return BASE_OK;
  size_t cap = k->cap ? 2 * k->cap : 64;
  wc_packet *ring = malloc(cap * sizeof *ring);
  if (!ring) return base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; i < k->count; i++)
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): count <= cap, so there is no turn with cap 0 */
    ring[i] = k->ring[(k->head + i) % k->cap];
  free(k->ring);
  k->ring = ring;
  k->head = 0;
  k->cap = cap;
  return BASE_OK;
}

base_err wc_keep_push(wc_keep *k, uint32_t samples, base_span bytes) {
  BASE_TRY(make_room(k));
  size_t at = k->dropped_bytes + base_buf_size(&k->bytes);
  BASE_TRY(base_buf_append(&k->bytes, bytes));
  k->ring[(k->head + k->count) % k->cap] =
      (wc_packet){.start = k->end, .samples = samples, .size = (uint32_t)bytes.n, .at = at};
  k->count++;
  k->end += samples;
  return BASE_OK;
}

void wc_keep_drop(wc_keep *k, int64_t sample) {
  while (k->count > 0) {
    const wc_packet *p = &k->ring[k->head];
    if (p->start + p->samples > sample) return;
    base_buf_consume(&k->bytes, p->size);
    k->dropped_bytes += p->size;
    k->begin = p->start + p->samples;
    k->head = (k->head + 1) % k->cap;
    k->count--;
    k->first++;
  }
}

wc_packet wc_keep_at(const wc_keep *k, uint64_t n, base_span *bytes) {
  wc_packet p = k->ring[(k->head + (size_t)(n - k->first)) % k->cap];
  *bytes = base_span_of(base_buf_span(&k->bytes).p + (p.at - k->dropped_bytes), p.size);
  return p;
}

uint64_t wc_keep_find(const wc_keep *k, int64_t sample) {
  uint64_t low = k->first, high = wc_keep_last(k);
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    base_span bytes;
    if (wc_keep_at(k, middle, &bytes).start < sample)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
