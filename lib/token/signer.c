/* Keys and tokens of our own: ES256 only. The library signs; of a private key only the listed public members ever leave. */
#include <jansson.h>
#include <jose/jose.h>
#include <stdlib.h>

#include "base/clock.h"
#include "token/jwt_internal.h"

_Static_assert(TOKEN_KEY_ID_SIZE == (int)BASE_UUID_SIZE, "a key's id is a UUID");

static base_err append_json(base_buf *out, const json_t *value) {
  char *text = json_dumps(value, JSON_COMPACT);
  base_err e = text ? base_buf_str(out, text) : base_fail(BASE_E_NO_MEMORY);
  free(text);
  return e;
}

base_err token_key_new(char key_id[TOKEN_KEY_ID_SIZE], base_buf *private_jwk) {
  jose_cfg_auto_t *cfg = token__jose();
  base_uuid7(key_id);
  json_t *jwk = json_pack("{s:s,s:s}", "alg", "ES256", "kid", key_id);
  bool made = cfg && jwk && jose_jwk_gen(cfg, jwk);
  base_err e = made ? append_json(private_jwk, jwk) : base_fail(BASE_E_NO_MEMORY);
  json_decref(jwk);
  return e;
}

/* INVALID: no key of ours. */
static base_err read_key(base_span text, json_t **out) {
  json_t *jwk = text.n ? json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
  const char *alg = json_string_value(json_object_get(jwk, "alg"));
  bool ours = alg && strcmp(alg, "ES256") == 0 && json_is_string(json_object_get(jwk, "kid")) &&
              json_is_string(json_object_get(jwk, "d"));
  if (!ours) {
    json_decref(jwk);
    return base_fail(BASE_E_INVALID);
  }
  *out = jwk;
  return BASE_OK;
}

static base_err add_public(json_t *list, base_span private_jwk) {
  static const char *const members[] = {"kty", "crv", "x", "y", "alg", "kid"};
  json_t *jwk = NULL, *public = json_pack("{s:s}", "use", "sig");
  base_err e = public ? read_key(private_jwk, &jwk) : base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; base_is_ok(e) && i < sizeof members / sizeof *members; i++) {
    if (json_object_set(public, members[i], json_object_get(jwk, members[i])) != 0) {
      e = base_fail(BASE_E_INVALID);
    }
  }
  json_decref(jwk);
  if (!base_is_ok(e)) {
    json_decref(public);
    return e;
  }
  return json_array_append_new(list, public) == 0 ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err token_jwks_write(const base_span *private_jwks, size_t count, base_buf *out) {
  json_t *list = json_array(), *root = json_pack("{s:o}", "keys", list);
  base_err e = root ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; base_is_ok(e) && i < count; i++) {
    e = add_public(list, private_jwks[i]);
  }
  if (base_is_ok(e)) {
    e = append_json(out, root);
  }
  json_decref(root);
  return e;
}

/* -- tokens ------------------------------------------------------------------------------------------------------------- */

static json_t *roles_of(const char *roles) {
  json_t *list = json_array();
  while (list && *roles) {
    size_t n = strcspn(roles, " ");
    if (n > 0 && json_array_append_new(list, json_stringn(roles, n)) != 0) {
      json_decref(list);
      return NULL;
    }
    roles += n + (roles[n] == ' ');
  }
  return list;
}

static json_t *claims_of(const token_claims *c) {
  return json_pack("{s:s,s:s,s:s,s:I,s:I,s:s,s:o}", "iss", c->issuer, "sub", c->subject, "aud", c->audience, "exp",
                   (json_int_t)(c->expires_ms / 1000), "iat", (json_int_t)(c->issued_ms / 1000), "jti", c->token_id,
                   "roles", roles_of(c->roles));
}

static bool sign(const json_t *jwk, json_t *claims, json_t *jws) {
  jose_cfg_auto_t *cfg = token__jose();
  json_t *header = json_pack("{s:{s:s,s:O,s:s}}", "protected", "alg", "ES256", "kid", json_object_get(jwk, "kid"),
                             "typ", "at+jwt"); /* RFC 9068 section 2.1 */
  bool ok = cfg && header && claims && json_object_set_new(jws, "payload", jose_b64_enc_dump(claims)) == 0 &&
            jose_jws_sig(cfg, jws, header, jwk);
  json_decref(header);
  return ok;
}

static const char *text(const json_t *jws, const char *name) { return json_string_value(json_object_get(jws, name)); }

base_err token_sign(base_span private_jwk, const token_claims *claims, base_buf *out) {
  json_t *jwk = NULL;
  BASE_TRY(read_key(private_jwk, &jwk));
  json_t *payload = claims_of(claims), *jws = json_object();
  base_err e = base_fail(BASE_E_INVALID);
  if (payload == NULL || jws == NULL) {
    e = base_fail(BASE_E_NO_MEMORY);
  } else if (sign(jwk, payload, jws)) {
    e = base_buf_printf(out, "%s.%s.%s", text(jws, "protected"), text(jws, "payload"), text(jws, "signature"));
  }
  json_decref(jwk);
  json_decref(payload);
  json_decref(jws);
  return e;
}
