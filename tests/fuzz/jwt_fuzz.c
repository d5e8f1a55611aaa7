/* Tokens and key sets of strangers. Byte 0 chooses: a token as it stands; header and claims as JSON, signed truly by our key or not at all; a key set. Whatever comes:
 * nobody but the key's holder gets in, and what is let in keeps the promises of token_jwt_judge. */
#include <jansson.h>
#include <jose/jose.h>

#include "fuzz.h"

#include "token/jwt.h"

enum { TOKEN, PARTS, SIGNED, KEYS, MODES, NOW_S = 1700000000 };

static json_t *key;
static token_keys *keys;

static void set_up(void) {
  /* One key for all runs, so that an input always means the same. */
  static const char text[] =
      "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"alg\":\"ES256\",\"x\":"
      "\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
      "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}";
  static const char set[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":"
                            "\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                            "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}";
  key = json_loads(text, 0, NULL);
  FUZZ_CHECK(key != NULL);
  FUZZ_OK(token_keys_parse(base_span_str(set), NULL, &keys));
}

static void put_b64(base_buf *out, base_span raw) {
  json_t *text = jose_b64_enc(raw.n ? (const void *)raw.p : "", raw.n);
  FUZZ_CHECK(text != NULL);
  FUZZ_OK(base_buf_str(out, json_string_value(text)));
  json_decref(text);
}

/* header NUL claims. True: the token at *out was signed by us. */
static bool make_token(base_span in, bool sign, base_buf *out) {
  const uint8_t *nul = in.n ? memchr(in.p, 0, in.n) : NULL;
  base_span header = base_span_of(in.p, nul ? (size_t)(nul - in.p) : in.n);
  base_span claims = nul ? base_span_of(nul + 1, in.n - header.n - 1) : base_span_of(NULL, 0);
  if (!sign) {
    put_b64(out, header);
    FUZZ_OK(base_buf_str(out, "."));
    put_b64(out, claims);
    FUZZ_OK(base_buf_str(out, ".AAAA"));
    return false;
  }
  json_t *payload = jose_b64_enc(claims.n ? (const void *)claims.p : "", claims.n);
  json_t *jws = json_pack("{s:o}", "payload", payload);
  json_t *sig = json_pack("{s:{s:s,s:s}}", "protected", "alg", "ES256", "kid", "k");
  FUZZ_CHECK(jws && sig && jose_jws_sig(NULL, jws, sig, key));
  FUZZ_OK(base_buf_printf(out, "%s.%s.%s", json_string_value(json_object_get(jws, "protected")),
                          json_string_value(json_object_get(jws, "payload")),
                          json_string_value(json_object_get(jws, "signature"))));
  json_decref(jws);
  json_decref(sig);
  return true;
}

static void check_claims(const token_jwt *t) {
  const token_jwt_demand demand = {.audience = "ponte", .skew_ms = 30000};
  char subject[TOKEN_SUBJECT_SIZE];
  const char *why = NULL;
  int64_t expires_ms = 0, now_ms = (int64_t)NOW_S * 1000;
  base_err e = token_jwt_judge(t, &demand, now_ms, subject, &expires_ms, &why);
  FUZZ_CHECK(base_is_ok(e) || why != NULL);
  if (base_is_ok(e)) {
    size_t n = strlen(subject);
    FUZZ_CHECK(n > 0 && n < sizeof subject && expires_ms > now_ms);
    for (size_t i = 0; i < n; i++) {
      FUZZ_CHECK(subject[i] >= 0x20 && subject[i] <= 0x7e);
    }
  }
  token_jwt_has_scope(t, "read");
  token_jwt_has_role(t, "read");
}

static void read_token(base_span token, bool ours) {
  token_jwt t;
  base_err e = token_jwt_read(&t, token);
  if (base_is_ok(e)) {
    FUZZ_CHECK(token_jwt_issuer(&t) != NULL);
    base_err proven = token_jwt_prove(&t, keys);
    FUZZ_CHECK(base_is_ok(proven) == ours);
    check_claims(&t);
  }
  token_jwt_dispose(&t);
}

static void read_keys(base_span text) {
  token_keys *k = NULL;
  base_buf why;
  base_buf_init(&why, 4096);
  if (base_is_ok(token_keys_parse(text, &why, &k))) {
    FUZZ_CHECK(token_keys_count(k) > 0 && token_keys_count(k) <= TOKEN_KEYS_MAX);
  }
  token_keys_unref(k);
  base_buf_dispose(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (keys == NULL) {
    set_up();
  }
  if (size == 0) {
    return 0;
  }
  base_span in = base_span_of(data + 1, size - 1);
  base_buf token;
  base_buf_init(&token, 1 << 20);
  switch (data[0] % MODES) {
  case TOKEN: read_token(in, false); break;
  case KEYS: read_keys(in); break;
  default: {
    bool ours = make_token(in, data[0] % MODES == SIGNED, &token);
    read_token(base_buf_span(&token), ours);
  }
  }
  base_buf_dispose(&token);
  return 0;
}
