/* table.h - who has taken how much: entries by key, bounded, the one unused for longest goes first. Entries of open connections and calls stay, or their count would be
 * lost; there are at most as many of them as connections and calls.
 *
 * The hash is keyed by a random seed, because peers choose their addresses and names (SipHash-2-4, Aumasson and Bernstein, 2012). The caller locks.
 */
#ifndef PONTE_GATEWAY_LIMITS_TABLE_H
#define PONTE_GATEWAY_LIMITS_TABLE_H

#include <sys/queue.h>

#include "base/err.h"
#include "base/span.h"
#include "gateway/limits/bucket.h"

enum { GW_KEY_BYTES = 16 };

typedef struct {
  uint8_t bytes[GW_KEY_BYTES];
} gw_key;

typedef struct gw_entry {
  gw_key key;
  gw_bucket bucket;
  uint32_t connections, calls;
  struct gw_entry *next; /* in its chain */
  TAILQ_ENTRY(gw_entry) use;
} gw_entry;

typedef struct {
  uint64_t seed[2];
  gw_entry **heads;
  uint32_t capacity, count, idle;          /* idle: entries without a connection or a call, which the capacity is for */
  TAILQ_HEAD(gw_entry_use, gw_entry) uses; /* the idle ones, last used last */
} gw_table;

base_err gw_table_init(gw_table *t, uint32_t capacity) BASE_MUST_USE;
void gw_table_dispose(gw_table *t); /* a zeroed one is fine */

/* IPv4 addresses as they are, IPv6 by their /64, which is what one household or server has. Any other text is cut to the key's size. */
gw_key gw_key_of_address(const char *numeric);
/* A hash of 128 bits: names that meet there are not to be found without the seed. */
gw_key gw_key_of_name(const gw_table *t, base_span name);

/* Finds or adds; a new one has a full bucket. NULL without memory. */
gw_entry *gw_table_get(gw_table *t, const gw_key *key, uint32_t burst, int64_t now_ms);
/* NULL if there is none. */
gw_entry *gw_table_find(const gw_table *t, const gw_key *key);
/* One more of e->connections or e->calls; one less. */
void gw_table_hold(gw_table *t, gw_entry *e, uint32_t *count);
void gw_table_release(gw_table *t, gw_entry *e, uint32_t *count);

#endif
