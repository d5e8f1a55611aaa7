#include "token/jwt.h"

#include <jansson.h>
#include <jose/jose.h>
#include <jose/openssl.h>
#include <openssl/evp.h>
#include <stdarg.h>

#include "token/jwt_internal.h"
#include "wire/metadata.h"

/* Without a kid, so many keys are tried: each costs a signature's verification, and anyone can ask for it. Times beyond the last second are nonsense of a kind that
 * would overflow later. */
enum { TRIES = 4, LAST_SECOND_BITS = 40 };

/* -- reading ---------------------------------------------------------------------------------------------------------- */

static base_span part(const token_jwt *t, int i) {
  size_t from = i == 0 ? 0 : t->dots[i - 1] + 1, to = i == 2 ? t->token.n : t->dots[i];
  return base_span_of(t->token.p + from, to - from);
}

static base_err read_object(base_span text, json_t **out) {
  base_buf raw;
  base_buf_init(&raw, TOKEN_MAX);
  base_err e = wire_base64url_decode(text, &raw);
  if (base_is_ok(e)) {
    base_span s = base_buf_span(&raw);
    *out = s.n ? json_loadb((const char *)s.p, s.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    e = json_is_object(*out) ? BASE_OK : base_fail(BASE_E_MALFORMED);
  }
  base_buf_dispose(&raw);
  return e;
}

static base_err read_signature(base_span text) {
  base_buf raw;
  base_buf_init(&raw, TOKEN_MAX);
  base_err e = text.n > 0 ? wire_base64url_decode(text, &raw) : base_fail(BASE_E_MALFORMED);
  base_buf_dispose(&raw);
  return e;
}

static bool find_dots(token_jwt *t) {
  int found = 0;
  for (size_t i = 0; i < t->token.n; i++) {
    if (t->token.p[i] == '.') {
      if (found == 2) {
        return false;
      }
      t->dots[found++] = i;
    }
  }
  return found == 2;
}

base_err token_jwt_read(token_jwt *t, base_span token) {
  *t = (token_jwt){.token = token};
  if (token.n > TOKEN_MAX || !find_dots(t)) {
    return base_fail(BASE_E_MALFORMED);
  }
  BASE_TRY(read_object(part(t, 0), &t->header));
  BASE_TRY(read_object(part(t, 1), &t->claims));
  BASE_TRY(read_signature(part(t, 2)));
  /* RFC 7515 section 4.1.11: what it lists must be understood, and no extension is; RFC 7797 (b64) is one. `zip` is encryption's. */
  if (json_object_get(t->header, "crit") || json_object_get(t->header, "b64") || json_object_get(t->header, "zip") ||
      !json_is_string(json_object_get(t->header, "alg"))) {
    return base_fail(BASE_E_MALFORMED);
  }
  const json_t *kid = json_object_get(t->header, "kid");
  return kid == NULL || json_is_string(kid) ? BASE_OK : base_fail(BASE_E_MALFORMED);
}

void token_jwt_dispose(token_jwt *t) {
  json_decref(t->header);
  json_decref(t->claims);
  *t = (token_jwt){0};
}

const char *token_jwt_issuer(const token_jwt *t) {
  const char *issuer = json_string_value(json_object_get(t->claims, "iss"));
  return issuer ? issuer : "";
}

/* -- proving ---------------------------------------------------------------------------------------------------------- */

/* The library's own writes to stderr. */
static void say_nothing(void *misc, const char *file, int line, uint64_t error, const char *format, va_list ap) {
  (void)misc, (void)file, (void)line, (void)error, (void)format, (void)ap;
}

struct jose_cfg *token__jose(void) {
  jose_cfg_t *cfg = jose_cfg();
  if (cfg) {
    jose_cfg_set_err_func(cfg, say_nothing, NULL);
  }
  return cfg;
}

bool token__key_is_sound(const struct token__key *key) {
  jose_cfg_auto_t *cfg = token__jose();
  if (cfg == NULL) {
    return false;
  }
  EVP_PKEY *made = jose_openssl_jwk_to_EVP_PKEY(cfg, key->jwk);
  EVP_PKEY_free(made);
  return made != NULL;
}

static bool made_by(const token_jwt *t, const struct token__key *key) {
  static const char *const names[] = {"protected", "payload", "signature"};
  jose_cfg_auto_t *cfg = token__jose();
  json_t *jws = json_object();
  bool ok = cfg != NULL && jws != NULL;
  for (int i = 0; ok && i < 3; i++) {
    base_span s = part(t, i);
    ok = json_object_set_new(jws, names[i], json_stringn((const char *)s.p, s.n)) == 0;
  }
  if (ok) {
    ok = jose_jws_ver(cfg, jws, NULL, key->jwk, false);
  }
  json_decref(jws);
  return ok;
}

base_err token_jwt_prove(const token_jwt *t, const token_keys *keys) {
  const char *kid = json_string_value(json_object_get(t->header, "kid"));
  const char *alg = json_string_value(json_object_get(t->header, "alg"));
  bool known = false;
  int tries = 0;
  for (int i = 0; i < keys->count && tries < TRIES; i++) {
    const struct token__key *key = &keys->keys[i];
    bool fits = strcmp(key->alg, alg) == 0;
    known |= kid ? strcmp(key->kid, kid) == 0 : fits;
    if (!fits || (kid && strcmp(key->kid, kid) != 0)) {
      continue;
    }
    tries++;
    if (made_by(t, key)) {
      return BASE_OK;
    }
  }
  return base_fail(known ? BASE_E_UNAUTHENTICATED : BASE_E_NOT_FOUND);
}

/* -- claims ----------------------------------------------------------------------------------------------------------- */

/* NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction. False: of another type, or out of any sensible range. */
static bool read_date(const json_t *value, int64_t *ms) {
  double seconds = json_number_value(value);
  if (!json_is_number(value) || !(seconds >= 0 && seconds < (double)(1LL << LAST_SECOND_BITS))) {
    return false;
  }
  *ms = (int64_t)(seconds * 1000);
  return true;
}

static bool has_audience(const json_t *aud, const char *wanted) {
  const json_t *one;
  size_t i;
  if (json_is_string(aud)) {
    return strcmp(json_string_value(aud), wanted) == 0;
  }
  json_array_foreach(aud, i, one) {
    if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0) {
      return true;
    }
  }
  return false;
}

/* It becomes a metadata value, so it must be plain ASCII; and no name may be made to look like another by blanks around it. */
static bool read_subject(const json_t *sub, char out[TOKEN_SUBJECT_SIZE]) {
  size_t n = json_string_length(sub);
  if (n == 0 || n >= TOKEN_SUBJECT_SIZE) {
    return false;
  }
  memcpy(out, json_string_value(sub), n + 1);
  for (size_t i = 0; i < n; i++) {
    if (out[i] < 0x20 || out[i] > 0x7e) {
      return false;
    }
  }
  return out[0] != ' ' && out[n - 1] != ' ';
}

/* True: the claim is absent, or a date that is not in the future. */
static bool is_past(const json_t *value, int64_t now_ms) {
  int64_t ms;
  return value == NULL || (read_date(value, &ms) && ms <= now_ms);
}

base_err token_jwt_judge(const token_jwt *t, const token_jwt_demand *demand, int64_t wall_ms,
                         char subject[TOKEN_SUBJECT_SIZE], int64_t *expires_ms, const char **why) {
  const json_t *c = t->claims;
  base_err no = base_fail(BASE_E_UNAUTHENTICATED);
  if (!read_date(json_object_get(c, "exp"), expires_ms)) {
    *why = "its exp is missing or no date";
    return no;
  }
  *expires_ms += demand->skew_ms;
  if (*expires_ms <= wall_ms) {
    *why = "it has expired";
    return base_fail(BASE_E_DEADLINE);
  }
  if (!is_past(json_object_get(c, "nbf"), wall_ms + demand->skew_ms)) {
    *why = "it is not valid yet";
    return no;
  }
  if (!is_past(json_object_get(c, "iat"), wall_ms + demand->skew_ms)) {
    *why = "it was issued in the future";
    return no;
  }
  if (demand->audience && !has_audience(json_object_get(c, "aud"), demand->audience)) {
    *why = "it is meant for another audience";
    return no;
  }
  if (!read_subject(json_object_get(c, "sub"), subject)) {
    *why = "its sub is missing, too long, or not plain ASCII";
    return no;
  }
  return BASE_OK;
}

base_err token_jwt_roles(const token_jwt *t, char *out, size_t size) {
  const json_t *roles = json_object_get(t->claims, "roles"), *one;
  size_t used = 0, i;
  out[0] = '\0';
  if (roles != NULL && !json_is_array(roles)) {
    return base_fail(BASE_E_UNAUTHENTICATED);
  }
  json_array_foreach(roles, i, one) {
    const char *name = json_string_value(one);
    size_t n = json_string_length(one);
    if (n == 0 || strpbrk(name, " \t\r\n") || used + (used > 0) + n >= size) {
      return base_fail(BASE_E_UNAUTHENTICATED);
    }
    if (used > 0) {
      out[used++] = ' ';
    }
    memcpy(out + used, name, n + 1);
    used += n;
  }
  return BASE_OK;
}

/* Of a text with blanks between its words (RFC 8693 section 4.2). */
static bool has_word(const json_t *words, const char *name) {
  return json_is_string(words) && base_span_has_word(base_span_str(json_string_value(words)), ' ', base_span_str(name));
}

bool token_jwt_has_scope(const token_jwt *t, const char *name) {
  const json_t *scp = json_object_get(t->claims, "scp");
  return has_word(json_object_get(t->claims, "scope"), name) || has_word(scp, name) ||
         (json_is_array(scp) && has_audience(scp, name));
}

bool token_jwt_has_role(const token_jwt *t, const char *name) {
  const json_t *roles = json_object_get(t->claims, "roles");
  return json_is_array(roles) && has_audience(roles, name);
}
