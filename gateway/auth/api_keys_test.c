#include "gateway/auth/api_keys.h"

#include <openssl/sha.h>

#include "base/test.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const struct {
  const char *text;
  bool ok;
  const char *reason;
} rows[] = {
    {"", true, "an empty file: nobody"},
    {"# nothing\n\n", true, "comments"},
    {ZEROS " robot a,b c\n", true, "lists"},
    {ZEROS " robot - -", true, "no lists, no line feed"},
    {ZEROS "\trobot  -   - \r\n", true, "tabs and CRLF"},
    {ZEROS " robot - - 2030-01-02T03:04:05Z\n", true, "expiry"},
    {ZEROS " robot - - 2030-01-02T03:04:05+01:00\n", false, "expiry in another zone"},
    {ZEROS " robot - - 2030-13-02T03:04:05Z\n", false, "month 13"},
    {ZEROS " robot - - tomorrow\n", false, "no time"},
    {ZEROS " robot - - 2030-01-02T03:04:05Z more\n", false, "a sixth field"},
    {ZEROS " robot -\n", false, "a field is missing"},
    {ZEROS "\n", false, "no subject"},
    {ZEROS " - - -\n", true, "a subject of -"},
    {"0" ZEROS " robot - -\n", false, "a digit too many"},
    {"zz00000000000000000000000000000000000000000000000000000000000000 robot - -\n", false, "no hex"},
    {"secret robot - -\n", false, "the key itself"},
    {ZEROS " r\xc3\xb6"
           "bot - -\n",
     false, "a subject that no header can carry"},
    {ZEROS " robot - -\nx\n", false, "a bad line behind a good one"},
};

static void test_lines(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_api_keys *k = NULL;
    base_buf why;
    base_buf_init(&why, 4096);
    base_err e = gw_api_keys_parse(base_span_str(rows[i].text), &why, &k);
    CHECK_MSG(base_is_ok(e) == rows[i].ok, "%s: %s", rows[i].reason, base_err_name(e));
    CHECK_MSG((base_buf_size(&why) > 0) == !rows[i].ok, "%s", rows[i].reason);
    gw_api_keys_unref(k);
    base_buf_dispose(&why);
  }
}

static void test_find(void) {
  char text[512];
  uint8_t digest[TOKEN_DIGEST_SIZE];
  gw_api_keys *k = NULL;
  int n = 0;
  SHA256((const uint8_t *)"open sesame", 11, digest);
  for (int i = 0; i < TOKEN_DIGEST_SIZE; i++) {
    n += snprintf(text + n, sizeof text - (size_t)n, "%02X", digest[i]);
  }
  snprintf(text + n, sizeof text - (size_t)n, " ali-baba read,write - 2030-01-01T00:00:00Z\n" ZEROS " zero - admin\n");
  base_buf why;
  base_buf_init(&why, 4096);
  CHECK_OK(gw_api_keys_parse(base_span_str(text), &why, &k));
  const gw_api_key *key = gw_api_keys_find(k, digest);
  REQUIRE(key != NULL);
  CHECK_STR(gw_api_key_subject(key), "ali-baba");
  CHECK_INT(gw_api_key_expires_ms(key), 1893456000000);
  CHECK(gw_api_key_has_scope(key, "write") && gw_api_key_has_scope(key, "read"));
  CHECK(!gw_api_key_has_scope(key, "rea") && !gw_api_key_has_scope(key, "") && !gw_api_key_has_role(key, "admin"));
  memset(digest, 0, sizeof digest);
  key = gw_api_keys_find(k, digest);
  REQUIRE(key != NULL);
  CHECK(gw_api_key_has_role(key, "admin") && !gw_api_key_has_scope(key, "read"));
  CHECK(gw_api_key_expires_ms(key) == INT64_MAX);
  digest[31] = 1;
  CHECK(gw_api_keys_find(k, digest) == NULL);
  gw_api_keys_unref(k);
  base_buf_dispose(&why);
}

static void test_bounds(void) {
  static char text[(GW_API_KEYS_MAX + 1) * 80];
  size_t n = 0;
  gw_api_keys *k = NULL;
  base_buf why;
  base_buf_init(&why, 4096);
  for (int i = 0; i <= GW_API_KEYS_MAX; i++) {
    n += (size_t)snprintf(text + n, sizeof text - n, ZEROS " r - -\n");
  }
  CHECK_ERR(gw_api_keys_parse(base_span_of(text, n), &why, &k), BASE_E_TOO_LARGE);
  CHECK_OK(gw_api_keys_parse(base_span_of(text, n / (GW_API_KEYS_MAX + 1) * GW_API_KEYS_MAX), &why, &k));
  gw_api_keys_unref(k);
  base_buf_dispose(&why);
}

TEST_MAIN(TEST(test_lines), TEST(test_find), TEST(test_bounds))
