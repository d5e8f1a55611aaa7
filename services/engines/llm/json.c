#include "llm/json.h"

/* A byte 0x80..0xFF that is part of no character travels as U+10FF80..U+10FFFF, which no text uses; only texts that hold such bytes are disguised. */
enum { DISGUISE_BYTES = 4 };

static size_t char_size(uint8_t first) {
  return first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
}

size_t llm_utf8_char(base_span s) {
  size_t n = s.n ? char_size(s.p[0]) : 0;
  return n && n <= s.n && base_span_utf8(base_span_of(s.p, n)) ? n : 0;
}

bool llm_utf8_torn(base_span s) {
  size_t n = s.n ? char_size(s.p[0]) : 0;
  if (s.n == 0 || s.n >= n) return false;
  for (size_t i = 1; i < s.n; i++) {
    if ((s.p[i] & 0xc0) != 0x80) return false;
  }
  return true;
}

static base_err disguise(base_span text, base_buf *out) {
  while (text.n) {
    size_t n = llm_utf8_char(text);
    if (n) {
      BASE_TRY(base_buf_append(out, base_span_of(text.p, n)));
    } else {
      uint8_t b = text.p[0]; /* >= 0x80: U+10FF00 + b in UTF-8 */
      const uint8_t bytes[DISGUISE_BYTES] = {0xf4, 0x8f, (uint8_t)(0xbc | b >> 6), (uint8_t)(0x80 | (b & 0x3f))};
      BASE_TRY(base_buf_append(out, base_span_of(bytes, sizeof bytes)));
      n = 1;
    }
    text = base_span_of(text.p + n, text.n - n);
  }
  return BASE_OK;
}

static base_err undisguise(base_span text, base_buf *out) {
  while (text.n) {
    const uint8_t *p = text.p;
    if (text.n >= DISGUISE_BYTES && p[0] == 0xf4 && p[1] == 0x8f && p[2] >= 0xbe && p[2] <= 0xbf) {
      BASE_TRY(base_buf_u8(out, (uint8_t)((p[2] & 3) << 6 | (p[3] & 0x3f))));
      text = base_span_of(p + DISGUISE_BYTES, text.n - DISGUISE_BYTES);
    } else {
      BASE_TRY(base_buf_u8(out, p[0]));
      text = base_span_of(p + 1, text.n - 1);
    }
  }
  return BASE_OK;
}

static base_err load(base_span text, llm_json *out) {
  json_error_t error;
  json_t *root = json_loadb((const char *)text.p, text.n, 0, &error);
  if (root == NULL)
    return base_fail(json_error_code(&error) == json_error_out_of_memory ? BASE_E_NO_MEMORY : BASE_E_MALFORMED);
  out->root = json_is_array(root) ? json_incref(json_array_get(root, 0)) : json_incref(root);
  json_decref(root);
  if (json_is_object(out->root)) return BASE_OK;
  json_decref(out->root);
  out->root = NULL;
  return base_fail(BASE_E_MALFORMED);
}

base_err llm_json_read(base_span text, llm_json *out) {
  base_buf whole;
  *out = (llm_json){.torn = !base_span_utf8(text)};
  if (text.n == 0) return base_fail(BASE_E_MALFORMED);
  if (!out->torn) return load(text, out);
  base_buf_init(&whole, text.n * DISGUISE_BYTES);
  base_err e = disguise(text, &whole);
  e = base_is_ok(e) ? load(base_buf_span(&whole), out) : e;
  base_buf_dispose(&whole);
  return e;
}

bool llm_json_may_be(const json_t *value, json_type type) {
  return value == NULL || json_is_null(value) || json_typeof(value) == type;
}

base_err llm_json_text(const llm_json *j, const json_t *string, base_buf *out) {
  if (!json_is_string(string)) return BASE_OK;
  base_span text = base_span_of(json_string_value(string), json_string_length(string));
  return j->torn ? undisguise(text, out) : base_buf_append(out, text);
}

const char *llm_json_str(const json_t *object, const char *name) {
  const char *s = json_string_value(json_object_get(object, name));
  return s ? s : "";
}

int64_t llm_json_count(const json_t *object, const char *name) {
  json_int_t n = json_integer_value(json_object_get(object, name));
  return n > 0 ? (int64_t)n : 0;
}
