#include "http/target.h"

#include "base/test.h"

typedef struct {
  const char *text;
  size_t n; /* 0: as strlen says */
  bool good;
  const char *reason;
} row;

static void check_rows(const char *what, bool (*is)(base_span), const row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    base_span s = base_span_of(rows[i].text, rows[i].n ? rows[i].n : strlen(rows[i].text));
    CHECK_MSG(is(s) == rows[i].good, "%s \"%s\": %s", what, rows[i].text, rows[i].reason);
  }
}
#define CHECK_ROWS(is, rows) check_rows(#is, is, rows, sizeof(rows) / sizeof *(rows))

static void method(void) {
  static const row rows[] = {
      {"GET", 0, true, "served"},
      {"HEAD", 0, true, "served"},
      {"POST", 0, true, "served"},
      {"PUT", 0, true, "served"},
      {"PATCH", 0, true, "served"},
      {"DELETE", 0, true, "served"},
      {"OPTIONS", 0, true, "served: CORS asks with it"},
      {"", 0, false, "empty"},
      {"get", 0, false, "case matters"},
      {"GE", 0, false, "a prefix"},
      {"GETS", 0, false, "longer"},
      {"GET\0", 4, false, "a NUL behind"},
      {"GET ", 0, false, "a space behind"},
      {"CONNECT", 0, false, "no tunnels"},
      {"TRACE", 0, false, "would tell cookies"},
      {"PRI", 0, false, "HTTP/2's preface"},
  };
  CHECK_ROWS(http_is_method, rows);
}

static void target(void) {
  static const row rows[] = {
      {"/", 0, true, "the root"},
      {"/a/b;c?d=e&f=%20", 0, true, "path and query"},
      {"//a.example", 0, true, "an empty segment"},
      {"/!~", 0, true, "the first and last visible byte"},
      {"", 0, false, "empty"},
      {"*", 0, false, "asterisk form"},
      {"a", 0, false, "no slash"},
      {"?a", 0, false, "a query alone"},
      {"http://a.example/", 0, false, "absolute form"},
      {"/a b", 0, false, "a space"},
      {"/a#b", 0, false, "a fragment"},
      {"/a\t", 0, false, "a tab"},
      {"/a\r\nb", 0, false, "a line break"},
      {"/a\0b", 4, false, "a NUL"},
      {"/\x7f", 0, false, "DEL"},
      {"/\x80", 0, false, "the first byte beyond ASCII"},
      {"/\xc3\xa4", 0, false, "UTF-8, not escaped"},
      {"/\xff", 0, false, "the last byte"},
  };
  CHECK_ROWS(http_is_origin_form, rows);
  static const row text[] = {
      {"", 0, true, "nothing wrong in it"},
      {"*", 0, true, "asterisk form"},
      {"http://a.example/?b", 0, true, "absolute form"},
      {"http://a.example/ b", 0, false, "a space"},
      {"http://a.example/#b", 0, false, "a fragment"},
      {"*\0", 2, false, "a NUL"},
      {"*\x80", 0, false, "beyond ASCII"},
  };
  CHECK_ROWS(http_is_target_text, text);
}

/* Well-formed for both, or wrong for both. */
static const row either[] = {
    {"a", 0, true, "one letter"},
    {"a.example", 0, true, "a name"},
    {"A.Example:443", 0, true, "capitals and a port"},
    {"127.0.0.1:8080", 0, true, "IPv4"},
    {"[::]", 0, true, "the shortest address in brackets"},
    {"[::1]:8080", 0, true, "IPv6 and a port"},
    {"[::ffff:127.0.0.1]", 0, true, "IPv4 within IPv6"},
    {"[v1.a:b]", 0, true, "a future address"},
    {"-._~!$&'()*+,;=%", 0, true, "every mark of a name"},
    {"a:0", 0, true, "the lowest port"},
    {"a:65535", 0, true, "the highest port"},
    {"", 0, false, "empty"},
    {"user@a", 0, false, "user information"},
    {"user:1@a", 0, false, "user information that begins like a port"},
    {"a/b", 0, false, "a path"},
    {"a?b", 0, false, "a query"},
    {"a#b", 0, false, "a fragment"},
    {"a\\b", 0, false, "a backslash"},
    {"a b", 0, false, "a space"},
    {" a", 0, false, "a space before"},
    {"a,b c", 0, false, "two names"},
    {"a\0b", 3, false, "a NUL"},
    {"a:8\0", 4, false, "a NUL behind the port"},
    {"a\r\n", 0, false, "a line break"},
    {"\"a\"", 0, false, "quotes"},
    {"<a>", 0, false, "angle brackets"},
    {"{a|b}^`", 0, false, "what URIs escape"},
    {"a\x7f", 0, false, "DEL"},
    {"\xc3\xa4.example", 0, false, "UTF-8, not escaped"},
    {"[::1\x80]", 0, false, "beyond ASCII, in brackets"},
};

/* Only the bytes are right: where the two part. */
static const char *const text_only[] = {
    ":",
    ":80",
    "a:",
    "a:b",
    "a:65536",
    "a:18446744073709551616",
    "a:80:80",
    "a:+1",
    "a:-1",
    "::1",
    "[",
    "]",
    "[]",
    "[]:1",
    "[1]",
    "[::1",
    "::1]",
    "a]",
    "a[::]",
    "[[::1]",
    "[::]]",
    "[::]1",
    "[::]:",
    "[::]:b",
    "[fe80::1%25a]",
    "[a-b]",
    "[::]:65536",
};

static void authority(void) {
  CHECK_ROWS(http_is_authority, either);
  CHECK_ROWS(http_is_authority_text, either);
  for (size_t i = 0; i < sizeof text_only / sizeof *text_only; i++) {
    base_span s = base_span_str(text_only[i]);
    CHECK_MSG(!http_is_authority(s), "\"%s\" is no host and port", text_only[i]);
    CHECK_MSG(http_is_authority_text(s), "\"%s\" has only bytes of one", text_only[i]);
  }
}

static void nothing(void) {
  base_span none = {0};
  CHECK(!http_is_method(none));
  CHECK(!http_is_origin_form(none));
  CHECK(http_is_target_text(none));
  CHECK(!http_is_authority_text(none));
  CHECK(!http_is_authority(none));
}

TEST_MAIN(TEST(method), TEST(target), TEST(authority), TEST(nothing))
