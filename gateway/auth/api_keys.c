#include "gateway/auth/api_keys.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LIST_SIZE = 512, FIELDS = 5, DAYS_MAX_YEAR = 9999 };

struct gw_api_key {
  uint8_t hash[TOKEN_DIGEST_SIZE];
  char subject[TOKEN_SUBJECT_SIZE];
  char scopes[LIST_SIZE], roles[LIST_SIZE]; /* separated by commas */
  int64_t expires_ms;
};

struct gw_api_keys {
  atomic_int refs;
  int count;
  gw_api_key keys[];
};

static bool read_hash(base_span s, uint8_t out[TOKEN_DIGEST_SIZE]) {
  for (size_t i = 0; s.n == 2 * TOKEN_DIGEST_SIZE && i < s.n; i++) {
    int value = base_hex_value(s.p[i]);
    if (value < 0) {
      return false;
    }
    out[i / 2] = (uint8_t)(out[i / 2] << 4 | value);
  }
  return s.n == 2 * TOKEN_DIGEST_SIZE;
}

/* Visible ASCII: it becomes a metadata value. "-" is nothing, where that is allowed. */
static bool read_text(base_span s, char *out, size_t size, bool may_be_empty) {
  if (base_span_is(s, "-")) {
    s.n = may_be_empty ? 0 : s.n;
  } else if (s.n == 0) {
    return false;
  }
  if (s.n >= size) {
    return false;
  }
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] <= 0x20 || s.p[i] > 0x7e) {
      return false;
    }
  }
  memcpy(out, s.p, s.n);
  out[s.n] = '\0';
  return true;
}

static bool read_expiry(base_span s, int64_t *out) {
  char text[32];
  struct tm tm = {0};
  *out = INT64_MAX;
  if (s.n == 0) {
    return true;
  }
  if (!read_text(s, text, sizeof text, false)) {
    return false;
  }
  const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
  if (end == NULL || *end != '\0' || tm.tm_year + 1900 > DAYS_MAX_YEAR) {
    return false;
  }
  *out = (int64_t)timegm(&tm) * 1000;
  return true;
}

static base_span next_field(base_span *line) {
  *line = base_span_trim(*line);
  size_t n = 0;
  while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t') {
    n++;
  }
  base_span field = base_span_of(line->p, n);
  *line = base_span_of(line->p + n, line->n - n);
  return field;
}

static bool read_line(base_span line, gw_api_key *key) {
  base_span f[FIELDS];
  for (int i = 0; i < FIELDS; i++) {
    f[i] = next_field(&line);
  }
  return read_hash(f[0], key->hash) && read_text(f[1], key->subject, sizeof key->subject, false) &&
         read_text(f[2], key->scopes, sizeof key->scopes, true) &&
         read_text(f[3], key->roles, sizeof key->roles, true) && read_expiry(f[4], &key->expires_ms) &&
         base_span_trim(line).n == 0;
}

static base_span next_line(base_span *text) {
  const uint8_t *feed = text->n ? memchr(text->p, '\n', text->n) : NULL;
  size_t n = feed ? (size_t)(feed - text->p) : text->n;
  base_span line = base_span_of(text->p, n);
  n += feed != NULL;
  *text = base_span_of(text->p + n, text->n - n);
  line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
  return base_span_trim(line);
}

static int count_lines(base_span text) {
  int n = 1;
  for (size_t i = 0; i < text.n; i++) {
    n += text.p[i] == '\n';
  }
  return n;
}

static base_err read_all(gw_api_keys *k, base_span text, base_buf *why) {
  for (int number = 1; text.n > 0; number++) {
    base_span line = next_line(&text);
    if (line.n == 0 || line.p[0] == '#') {
      continue;
    }
    if (k->count == GW_API_KEYS_MAX) {
      return base_fail(BASE_E_TOO_LARGE);
    }
    gw_api_key *key = &k->keys[k->count++];
    if (!read_line(line, key)) {
      BASE_TRY(base_buf_printf(
          why,
          "line %d: wanted \"SHA256-HEX SUBJECT SCOPES ROLES [YYYY-MM-DDTHH:MM:SSZ]\", with - for no scopes or roles",
          number));
      return base_fail(BASE_E_INVALID);
    }
  }
  return BASE_OK;
}

base_err gw_api_keys_parse(base_span text, base_buf *why, gw_api_keys **out) {
  if (text.n > GW_API_KEYS_BYTES) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  int lines = count_lines(text);
  size_t places = (size_t)(lines < GW_API_KEYS_MAX ? lines : GW_API_KEYS_MAX);
  gw_api_keys *k = calloc(1, sizeof *k + places * sizeof *k->keys);
  if (k == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  atomic_init(&k->refs, 1);
  base_err e = read_all(k, text, why);
  if (!base_is_ok(e)) {
    gw_api_keys_unref(k);
    return e;
  }
  *out = k;
  return BASE_OK;
}

gw_api_keys *gw_api_keys_ref(gw_api_keys *k) {
  atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
  return k;
}

void gw_api_keys_unref(gw_api_keys *k) {
  if (k && atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) == 1) {
    free(k);
  }
}

const gw_api_key *gw_api_keys_find(const gw_api_keys *k, const uint8_t digest[TOKEN_DIGEST_SIZE]) {
  const gw_api_key *found = NULL;
  for (int i = 0; i < k->count; i++) {
    if (CRYPTO_memcmp(k->keys[i].hash, digest, TOKEN_DIGEST_SIZE) == 0) {
      found = &k->keys[i];
    }
  }
  return found;
}

const char *gw_api_key_subject(const gw_api_key *k) { return k->subject; }
int64_t gw_api_key_expires_ms(const gw_api_key *k) { return k->expires_ms; }

static bool has_name(const char *list, const char *name) {
  size_t n = strlen(name);
  while (*list) {
    size_t length = strcspn(list, ",");
    if (length == n && memcmp(list, name, n) == 0) {
      return true;
    }
    list += length + (list[length] == ',');
  }
  return false;
}

bool gw_api_key_has_scope(const gw_api_key *k, const char *name) { return has_name(k->scopes, name); }
bool gw_api_key_has_role(const gw_api_key *k, const char *name) { return has_name(k->roles, name); }
