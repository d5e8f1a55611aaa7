#include "wire/metadata.h"

#include <stdlib.h>

enum { FIRST_PAIRS = 8 };

void wire_metadata_init(wire_metadata *m) {
  *m = (wire_metadata){.pairs = NULL};
  base_buf_init(&m->bytes, WIRE_METADATA_MAX_BYTES);
}

void wire_metadata_dispose(wire_metadata *m) {
  free(m->pairs);
  base_buf_dispose(&m->bytes);
  wire_metadata_init(m);
}

void wire_metadata_clear(wire_metadata *m) {
  m->count = 0;
  base_buf_clear(&m->bytes);
}

bool wire_metadata_is_binary(base_span key) { return base_span_ends(key, "-bin"); }

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; }

static bool key_allowed(base_span key) {
  for (size_t i = 0; i < key.n; i++) {
    uint8_t c = key.p[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-')) {
      return false;
    }
  }
  return key.n > 0;
}

static bool text_allowed(base_span value) {
  for (size_t i = 0; i < value.n; i++) {
    if (value.p[i] < 0x20 || value.p[i] > 0x7e) {
      return false;
    }
  }
  return true;
}

static base_err grow(wire_metadata *m) {
  if (m->count == WIRE_METADATA_MAX_PAIRS) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  if (m->count < m->cap) {
    return BASE_OK;
  }
  uint32_t cap = m->cap ? m->cap * 2 : FIRST_PAIRS;
  void *grown = realloc(m->pairs, cap * sizeof *m->pairs);
  if (grown == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  m->pairs = grown;
  m->cap = cap;
  return BASE_OK;
}

/* The bytes are at the end of m->bytes, reserved and written. */
static void enter(wire_metadata *m, size_t key_n, size_t value_n) {
  uint32_t from = (uint32_t)base_buf_size(&m->bytes);
  base_buf_commit(&m->bytes, key_n + value_n);
  m->pairs[m->count].key_at = from;
  m->pairs[m->count].key_n = (uint32_t)key_n;
  m->pairs[m->count].value_at = from + (uint32_t)key_n;
  m->pairs[m->count].value_n = (uint32_t)value_n;
  m->count++;
}

static bool value_allowed(base_span key, base_span value) {
  return wire_metadata_is_binary(key) || text_allowed(value);
}

/* Copies the pair, the key in lower case. Nothing is changed on failure. */
static base_err store(wire_metadata *m, base_span key, base_span value) {
  uint8_t *at = NULL;
  BASE_TRY(grow(m));
  BASE_TRY(base_buf_reserve(&m->bytes, key.n + value.n, &at)); /* its ceiling is the limit of bytes */
  for (size_t i = 0; i < key.n; i++) {
    at[i] = lower(key.p[i]);
  }
  base_span folded = base_span_of(at, key.n);
  if (!key_allowed(folded) || !value_allowed(folded, value)) {
    return base_fail(BASE_E_INVALID);
  }
  if (value.n > 0) {
    memcpy(at + key.n, value.p, value.n);
  }
  enter(m, key.n, value.n);
  return BASE_OK;
}

base_err wire_metadata_add(wire_metadata *m, base_span key, base_span value) {
  uint8_t *at = NULL;
  if (!key_allowed(key) || !value_allowed(key, value)) {
    return base_fail(BASE_E_INVALID);
  }
  BASE_TRY(grow(m));
  BASE_TRY(base_buf_reserve(&m->bytes, key.n + value.n, &at));
  memcpy(at, key.p, key.n);
  if (value.n > 0) {
    memcpy(at + key.n, value.p, value.n);
  }
  enter(m, key.n, value.n);
  return BASE_OK;
}

base_err wire_metadata_add_str(wire_metadata *m, const char *key, const char *value) {
  return wire_metadata_add(m, base_span_str(key), base_span_str(value));
}

/* One header may carry several binary values joined by commas (PROTOCOL-HTTP2.md), since proxies join headers. */
static base_err store_base64(wire_metadata *m, base_span name, base_span list) {
  base_buf raw;
  base_err e = BASE_OK;
  bool more = true;
  base_buf_init(&raw, WIRE_METADATA_MAX_BYTES);
  while (more && base_is_ok(e)) {
    const uint8_t *comma = list.n ? memchr(list.p, ',', list.n) : NULL;
    base_span one = base_span_of(list.p, comma ? (size_t)(comma - list.p) : list.n);
    more = comma != NULL;
    list = more ? base_span_of(comma + 1, list.n - one.n - 1) : list;
    base_buf_clear(&raw);
    e = wire_base64_decode(base_span_trim(one), &raw);
    e = base_is(e, BASE_E_MALFORMED) ? base_fail(BASE_E_INVALID) : e;
    e = base_is_ok(e) ? store(m, name, base_buf_span(&raw)) : e;
  }
  base_buf_dispose(&raw);
  return e;
}

base_err wire_metadata_add_header(wire_metadata *m, base_span name, base_span value) {
  base_span suffix = name.n < 4 ? name : base_span_of(name.p + name.n - 4, 4);
  if (base_span_ieq(suffix, base_span_str("-bin"))) {
    return store_base64(m, name, value);
  }
  return store(m, name, base_span_trim(value));
}

base_err wire_metadata_header_value(wire_pair pair, base_buf *out) {
  return wire_metadata_is_binary(pair.key) ? wire_base64_encode(pair.value, out) : base_buf_append(out, pair.value);
}

/* Into an empty list: what is in a list has been checked, so its memory is copied as it is. */
static base_err clone(wire_metadata *m, const wire_metadata *from) {
  if (m->cap < from->count) {
    void *grown = realloc(m->pairs, from->count * sizeof *m->pairs);
    if (grown == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
    m->pairs = grown;
    m->cap = from->count;
  }
  BASE_TRY(base_buf_append(&m->bytes, base_buf_span(&from->bytes)));
  memcpy(m->pairs, from->pairs, from->count * sizeof *m->pairs);
  m->count = from->count;
  return BASE_OK;
}

base_err wire_metadata_merge(wire_metadata *m, const wire_metadata *from) {
  if (m->count == 0 && from->count > 0) {
    return clone(m, from);
  }
  for (uint32_t i = 0; i < from->count; i++) {
    wire_pair p = wire_metadata_at(from, i);
    BASE_TRY(store(m, p.key, p.value));
  }
  return BASE_OK;
}

wire_pair wire_metadata_at(const wire_metadata *m, uint32_t i) {
  const uint8_t *bytes = base_buf_span(&m->bytes).p;
  return (wire_pair){base_span_of(bytes + m->pairs[i].key_at, m->pairs[i].key_n),
                     base_span_of(bytes + m->pairs[i].value_at, m->pairs[i].value_n)};
}

bool wire_metadata_get(const wire_metadata *m, const char *key, base_span *value) {
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair p = wire_metadata_at(m, i);
    if (base_span_is(p.key, key)) {
      *value = p.value;
      return true;
    }
  }
  return false;
}

static base_err encode_bytes(base_buf *out, base_span s) {
  BASE_TRY(base_buf_varint(out, (uint32_t)s.n));
  return base_buf_append(out, s);
}

static base_err encode_pairs(const wire_metadata *m, base_buf *out) {
  BASE_TRY(base_buf_varint(out, m->count));
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair p = wire_metadata_at(m, i);
    BASE_TRY(encode_bytes(out, p.key));
    BASE_TRY(encode_bytes(out, p.value));
  }
  return BASE_OK;
}

base_err wire_metadata_encode(const wire_metadata *m, base_buf *out) {
  size_t before = base_buf_size(out);
  base_err e = encode_pairs(m, out);
  if (!base_is_ok(e)) {
    base_buf_truncate(out, before);
  }
  return e;
}

base_err wire_metadata_decode(base_cursor *c, wire_metadata *m) {
  uint32_t count = base_cursor_varint(c);
  if (c->failed) {
    return base_fail(BASE_E_MALFORMED);
  }
  for (uint32_t i = 0; i < count; i++) { /* a lying count ends at the first missing byte or at the pair limit */
    base_span key = base_cursor_bytes(c, base_cursor_varint(c));
    base_span value = base_cursor_bytes(c, base_cursor_varint(c));
    if (c->failed) {
      return base_fail(BASE_E_MALFORMED);
    }
    BASE_TRY(wire_metadata_add(m, key, value));
  }
  return BASE_OK;
}
