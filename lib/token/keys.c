/* Sets of public keys (RFC 7517). Of each key only the public members that belong to its type are kept. */
#include <jansson.h>
#include <stdlib.h>

#include "token/jwt_internal.h"
#include "wire/metadata.h"

/* RFC 7518 section 3.3 wants 2048 bits; more than 8192 is no key that anyone uses, only slow. In bytes of the modulus. */
enum { RSA_MIN_BYTES = 256, RSA_MAX_BYTES = 1024, P256_BYTES = 32, EXPONENT_MAX_BYTES = 8 };

#define MEMBERS_MAX 3
static const struct kind {
  const char *kty, *crv, *alg; /* crv: NULL if the type has none */
  struct {
    const char *name;
    size_t min_bytes, max_bytes;
  } members[MEMBERS_MAX];
} kinds[] = {
    {"RSA", NULL, "RS256", {{"n", RSA_MIN_BYTES, RSA_MAX_BYTES}, {"e", 1, EXPONENT_MAX_BYTES}}},
    {"EC", "P-256", "ES256", {{"x", P256_BYTES, P256_BYTES}, {"y", P256_BYTES, P256_BYTES}}},
};

static const char *text(const json_t *object, const char *name) {
  const char *value = json_string_value(json_object_get(object, name));
  return value ? value : "";
}

/* Absent is fine. */
static bool is_or_absent(const json_t *key, const char *name, const char *want) {
  const json_t *value = json_object_get(key, name);
  return value == NULL || (json_is_string(value) && strcmp(json_string_value(value), want) == 0);
}

static bool may_verify(const json_t *key) {
  const json_t *operations = json_object_get(key, "key_ops"), *one;
  size_t i;
  if (operations == NULL) {
    return true;
  }
  json_array_foreach(operations, i, one) {
    if (json_is_string(one) && strcmp(json_string_value(one), "verify") == 0) {
      return true;
    }
  }
  return false;
}

/* NULL: a key for something else. */
static const struct kind *kind_of(const json_t *key) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(text(key, "kty"), kinds[i].kty) == 0 &&
        (kinds[i].crv == NULL || strcmp(text(key, "crv"), kinds[i].crv) == 0)) {
      bool ours = is_or_absent(key, "alg", kinds[i].alg) && is_or_absent(key, "use", "sig") && may_verify(key);
      return ours ? &kinds[i] : NULL;
    }
  }
  return NULL;
}

/* Leading zeros do not make a modulus longer. */
static bool has_size(const char *value, size_t min, size_t max) {
  base_buf raw;
  base_buf_init(&raw, 2048);
  bool ok = base_is_ok(wire_base64url_decode(base_span_str(value), &raw));
  base_span s = base_buf_span(&raw);
  while (min != max && s.n > 0 && s.p[0] == 0) {
    s = base_span_of(s.p + 1, s.n - 1);
  }
  ok = ok && s.n >= min && s.n <= max;
  base_buf_dispose(&raw);
  return ok;
}

/* OK, INVALID or NO_MEMORY. */
static base_err copy_members(const json_t *from, const struct kind *kind, json_t *to) {
  int failed =
      json_object_set_new(to, "kty", json_string(kind->kty)) | json_object_set_new(to, "alg", json_string(kind->alg));
  if (kind->crv) {
    failed |= json_object_set_new(to, "crv", json_string(kind->crv));
  }
  for (size_t i = 0; i < MEMBERS_MAX && kind->members[i].name; i++) {
    const char *value = text(from, kind->members[i].name);
    if (!has_size(value, kind->members[i].min_bytes, kind->members[i].max_bytes)) {
      return base_fail(BASE_E_INVALID);
    }
    failed |= json_object_set_new(to, kind->members[i].name, json_string(value));
  }
  return failed ? base_fail(BASE_E_NO_MEMORY) : BASE_OK;
}

static base_err add_key(token_keys *k, const json_t *key) {
  const struct kind *kind = kind_of(key);
  const json_t *kid = json_object_get(key, "kid");
  if (kind == NULL) {
    return BASE_OK;
  }
  if (k->count == TOKEN_KEYS_MAX) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  struct token__key *slot = &k->keys[k->count];
  if (kid && (!json_is_string(kid) || json_string_length(kid) >= sizeof slot->kid)) {
    return base_fail(BASE_E_INVALID);
  }
  *slot = (struct token__key){.alg = kind->alg, .jwk = json_object()};
  if (slot->jwk == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  k->count++;
  memcpy(slot->kid, kid ? json_string_value(kid) : "", kid ? json_string_length(kid) + 1 : 1);
  BASE_TRY(copy_members(key, kind, slot->jwk));
  return token__key_is_sound(slot) ? BASE_OK : base_fail(BASE_E_INVALID);
}

static base_err add_all(token_keys *k, const json_t *root, base_buf *why) {
  const json_t *list = json_object_get(root, "keys"), *key;
  size_t i;
  if (!json_is_array(list)) {
    return base_fail(BASE_E_INVALID);
  }
  json_array_foreach(list, i, key) {
    base_err e = add_key(k, key);
    if (!base_is_ok(e)) {
      base_err told = why ? base_buf_printf(why, "key %zu (kid \"%.64s\") is not sound: ", i, text(key, "kid")) : e;
      (void)told; /* the error itself says enough */
      return e;
    }
  }
  return k->count > 0 ? BASE_OK : base_fail(BASE_E_INVALID);
}

base_err token_keys_parse(base_span json, base_buf *why, token_keys **out) {
  json_error_t error;
  if (json.n > TOKEN_KEYS_BYTES) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  json_t *root = json_loadb(json.n ? (const char *)json.p : "", json.n, JSON_REJECT_DUPLICATES, &error);
  token_keys *k = calloc(1, sizeof *k);
  base_err e = base_fail(k ? BASE_E_INVALID : BASE_E_NO_MEMORY);
  if (root && k) {
    atomic_init(&k->refs, 1);
    e = add_all(k, root, why);
  }
  json_decref(root);
  if (!base_is_ok(e)) {
    if (why) {
      base_err told = base_buf_str(why, "a JWKS with at least one key for RS256 (RSA of 2048 to 8192 bits) or ES256 "
                                        "(EC, P-256) is wanted");
      (void)told;
    }
    token_keys_unref(k);
    return e;
  }
  *out = k;
  return BASE_OK;
}

token_keys *token_keys_ref(token_keys *k) {
  atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
  return k;
}

void token_keys_unref(token_keys *k) {
  if (k == NULL || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) > 1) {
    return;
  }
  for (int i = 0; i < k->count; i++) {
    json_decref(k->keys[i].jwk);
  }
  free(k);
}

int token_keys_count(const token_keys *k) { return k->count; }
