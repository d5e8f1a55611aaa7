#include "svc/page_token.h"

#include "base/test.h"

static const uint8_t filter[SVC_PAGE_FILTER_SIZE] = {1, 2, 3, 250, 251, 252, 253, 254, 255, 0, 0, 0, 62, 63, 64, 65};

static void test_round_trip(void) {
  static const char *const keys[] = {
      "", "a", "ab", "abc", "0190b2c4-1b5c-7cc0-98a1-111111111111", "\xc3\xa9t\xc3\xa9|2022"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    uint8_t got[SVC_PAGE_FILTER_SIZE];
    base_buf token, key;
    base_buf_init(&token, SVC_PAGE_TOKEN_MAX);
    base_buf_init(&key, SVC_PAGE_KEY_MAX);
    CHECK_OK(base_buf_str(&token, "before")); /* appended */
    CHECK_OK(svc_page_token_encode(filter, base_span_str(keys[i]), &token));
    base_buf_consume(&token, 6);
    base_span text = base_buf_span(&token);
    for (size_t k = 0; k < text.n; k++) {
      CHECK(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", text.p[k]) != NULL);
    }
    CHECK_OK(svc_page_token_decode(text, got, &key));
    CHECK(memcmp(got, filter, sizeof got) == 0);
    CHECK(base_span_is(base_buf_span(&key), keys[i]));
    for (size_t n = 0; n < text.n; n++) { /* truncated: rarely a token, never a crash */
      base_buf rest;
      base_buf_init(&rest, SVC_PAGE_KEY_MAX);
      base_err e = svc_page_token_decode(base_span_of(text.p, n), got, &rest);
      CHECK(base_is_ok(e) || base_is(e, BASE_E_MALFORMED));
      base_buf_dispose(&rest);
    }
    base_buf_dispose(&token);
    base_buf_dispose(&key);
  }
}

static void test_bad(void) {
  static const struct {
    const char *token, *what;
  } rows[] = {
      {"", "empty"},
      {"A", "no length of base64"},
      {"AQ", "a version alone"},
      {"AQEBAQEBAQEBAQEBAQEBAQ", "a byte less than the filter"},
      {"AgEBAQEBAQEBAQEBAQEBAQEB", "another version"},
      {"AQEBAQEBAQEBAQEBAQEBAQEA", "a key with a NUL"},
      {"AQEBAQEBAQEBAQEBAQEBAQHA", "a key that is not UTF-8"},
      {"AQEBAQEBAQEBAQEBAQEBAQE+", "a letter of the other alphabet"},
      {"AQEBAQEBAQEBAQEBAQEBAQE/", "the other one"},
      {"AQEBAQEBAQEBAQEBAQEBAQE=", "padding"},
      {"AQEBAQEBAQEBAQEBAQEBAQE !", "blanks"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint8_t got[SVC_PAGE_FILTER_SIZE];
    base_buf key;
    base_buf_init(&key, SVC_PAGE_KEY_MAX);
    CHECK_MSG(base_is(svc_page_token_decode(base_span_str(rows[i].token), got, &key), BASE_E_MALFORMED), "%s",
              rows[i].what);
    CHECK_INT(base_buf_size(&key), 0);
    base_buf_dispose(&key);
  }
}

static void test_too_long(void) {
  char text[SVC_PAGE_TOKEN_MAX + 2];
  uint8_t got[SVC_PAGE_FILTER_SIZE];
  base_buf out;
  memset(text, 'A', sizeof text);
  base_buf_init(&out, 4096);
  CHECK_ERR(svc_page_token_encode(filter, base_span_of(text, SVC_PAGE_KEY_MAX + 1), &out), BASE_E_TOO_LARGE);
  CHECK_OK(svc_page_token_encode(filter, base_span_of(text, SVC_PAGE_KEY_MAX), &out));
  CHECK(base_buf_size(&out) <= SVC_PAGE_TOKEN_MAX);
  base_buf_clear(&out);
  memcpy(text, "AQEB", 4);
  CHECK_ERR(svc_page_token_decode(base_span_of(text, SVC_PAGE_TOKEN_MAX + 1), got, &out), BASE_E_MALFORMED);
  CHECK_ERR(svc_page_token_decode(base_span_of(text, SVC_PAGE_TOKEN_MAX), got, &out), BASE_E_MALFORMED);
  base_buf_dispose(&out);
}

TEST_MAIN(TEST(test_round_trip), TEST(test_bad), TEST(test_too_long))
