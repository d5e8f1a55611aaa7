#include "gateway/limits/table.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { HEADS = 4096, V6_MARK = 0xff };

/* -- hashing ---------------------------------------------------------------------------------------------------------------- */

static uint64_t rotl(uint64_t v, int by) { return v << by | v >> (64 - by); }

static void sip_round(uint64_t v[4]) {
  v[0] += v[1], v[2] += v[3];
  v[1] = rotl(v[1], 13) ^ v[0], v[3] = rotl(v[3], 16) ^ v[2];
  v[0] = rotl(v[0], 32);
  v[2] += v[1], v[0] += v[3];
  v[1] = rotl(v[1], 17) ^ v[2], v[3] = rotl(v[3], 21) ^ v[0];
  v[2] = rotl(v[2], 32);
}

static uint64_t sip(const uint64_t seed[2], base_span text) {
  uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du, seed[0] ^ 0x6c7967656e657261u,
                   seed[1] ^ 0x7465646279746573u};
  for (size_t at = 0; at <= text.n; at += 8) {
    size_t n = text.n - at < 8 ? text.n - at : 8;
    uint64_t word = n < 8 ? (uint64_t)text.n << 56 : 0;
    for (size_t i = 0; i < n; i++) {
      word |= (uint64_t)text.p[at + i] << (8 * i);
    }
    v[3] ^= word;
    sip_round(v), sip_round(v);
    v[0] ^= word;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < 4; i++) {
    sip_round(v);
  }
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

gw_key gw_key_of_address(const char *numeric) {
  gw_key key = {{0}};
  struct in6_addr v6;
  if (strchr(numeric, ':') && inet_pton(AF_INET6, numeric, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
    key.bytes[0] = V6_MARK; /* no text begins with it */
    memcpy(&key.bytes[1], &v6, 8);
    return key;
  }
  const char *last = strrchr(numeric, ':'); /* ::ffff:1.2.3.4 is 1.2.3.4 */
  numeric = last ? last + 1 : numeric;
  size_t n = strlen(numeric);
  memcpy(key.bytes, numeric, n < sizeof key.bytes ? n : sizeof key.bytes);
  return key;
}

gw_key gw_key_of_name(const gw_table *t, base_span name) {
  gw_key key;
  const uint64_t other[2] = {~t->seed[0], t->seed[1]};
  uint64_t halves[2] = {sip(t->seed, name), sip(other, name)};
  memcpy(key.bytes, halves, sizeof key.bytes);
  return key;
}

static gw_entry **chain_of(const gw_table *t, const gw_key *key) {
  return &t->heads[sip(t->seed, base_span_of(key->bytes, sizeof key->bytes)) % HEADS];
}

/* -- entries ---------------------------------------------------------------------------------------------------------------- */

base_err gw_table_init(gw_table *t, uint32_t capacity) {
  *t = (gw_table){.capacity = capacity, .heads = calloc(HEADS, sizeof(gw_entry *))};
  TAILQ_INIT(&t->uses);
  base_random(t->seed, sizeof t->seed);
  return t->heads ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

void gw_table_dispose(gw_table *t) {
  for (size_t i = 0; t->heads && i < HEADS; i++) {
    while (t->heads[i]) {
      gw_entry *e = t->heads[i];
      t->heads[i] = e->next;
      free(e);
    }
  }
  free(t->heads);
  t->heads = NULL;
}

gw_entry *gw_table_find(const gw_table *t, const gw_key *key) {
  gw_entry *e = *chain_of(t, key);
  while (e && memcmp(&e->key, key, sizeof *key) != 0) {
    e = e->next;
  }
  return e;
}

static void evict(gw_table *t) {
  gw_entry *oldest = TAILQ_FIRST(&t->uses);
  gw_entry **at = chain_of(t, &oldest->key);
  while (*at != oldest) {
    at = &(*at)->next;
  }
  *at = oldest->next;
  TAILQ_REMOVE(&t->uses, oldest, use);
  t->idle--;
  t->count--;
  free(oldest);
}

static void make_idle(gw_table *t, gw_entry *e) {
  TAILQ_INSERT_TAIL(&t->uses, e, use);
  t->idle++;
}

static bool is_held(const gw_entry *e) { return e->connections > 0 || e->calls > 0; }

gw_entry *gw_table_get(gw_table *t, const gw_key *key, uint32_t burst, int64_t now_ms) {
  gw_entry *e = gw_table_find(t, key);
  if (e) {
    if (!is_held(e)) {
      TAILQ_REMOVE(&t->uses, e, use);
      TAILQ_INSERT_TAIL(&t->uses, e, use);
    }
    return e;
  }
  if (t->idle >= t->capacity) {
    evict(t);
  }
  e = calloc(1, sizeof *e);
  if (e == NULL) {
    return NULL;
  }
  gw_entry **chain = chain_of(t, key);
  e->key = *key;
  e->bucket = gw_bucket_full(burst, now_ms);
  e->next = *chain;
  *chain = e;
  t->count++;
  make_idle(t, e);
  return e;
}

void gw_table_hold(gw_table *t, gw_entry *e, uint32_t *count) {
  if (!is_held(e)) {
    TAILQ_REMOVE(&t->uses, e, use);
    t->idle--;
  }
  ++*count;
}

void gw_table_release(gw_table *t, gw_entry *e, uint32_t *count) {
  --*count;
  if (!is_held(e)) {
    if (t->idle >= t->capacity) {
      evict(t);
    }
    make_idle(t, e);
  }
}
