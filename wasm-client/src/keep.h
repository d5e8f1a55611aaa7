/* keep.h - the encoded audio that the service may ask for again: a queue of packets, dropped from the front as they become committed.
 *
 * Packets follow each other without gaps, so a packet's position is the sum of those before it. The caller holds the struct. Pure; one thread.
 */
#ifndef PONTE_WC_KEEP_H
#define PONTE_WC_KEEP_H

#include "base/buf.h"

typedef struct {
  int64_t start; /* first sample */
  uint32_t samples, size;
  size_t at; /* offset into the bytes ever pushed */
} wc_packet;

typedef struct {
  wc_packet *ring;
  size_t head, count, cap;
  base_buf bytes;
  size_t dropped_bytes;
  int64_t begin, end; /* samples [begin, end) are kept */
  uint64_t first;     /* number of the packet at the front, counted from the first ever pushed */
} wc_keep;

/* start: the sample that the first packet begins at. */
void wc_keep_init(wc_keep *k, int64_t start, size_t ceiling_bytes);
void wc_keep_dispose(wc_keep *k);
/* Copies. TOO_LARGE past the ceiling, NO_MEMORY. */
base_err wc_keep_push(wc_keep *k, uint32_t samples, base_span bytes) BASE_MUST_USE;
/* Drops packets that end at or before the sample. */
void wc_keep_drop(wc_keep *k, int64_t sample);
/* Packet number first <= n < first + count; the bytes are valid until the next push. */
wc_packet wc_keep_at(const wc_keep *k, uint64_t n, base_span *bytes);
/* Number of the first packet that begins at or after the sample; first + count if there is none. */
uint64_t wc_keep_find(const wc_keep *k, int64_t sample);
static inline uint64_t wc_keep_last(const wc_keep *k) { return k->first + k->count; }

#endif
