#include "gateway/http/static_path.h"

#include "base/test.h"

static void paths(void) {
  static const struct {
    const char *target, *want; /* NULL: not found */
    const char *reason;
  } rows[] = {
      {"/", "", "the folder"},
      {"/index.html", "index.html", "a file"},
      {"/js/app.js?v=1", "js/app.js", "the query names no file"},
      {"/js/", "js/", "a folder"},
      {"/?x=/../y", "", "dots in the query"},
      {"/a%20b.txt", "a b.txt", "an escape"},
      {"/%C3%A9.txt", "\xc3\xa9.txt", "UTF-8"},
      {"/a..b/c...d", "a..b/c...d", "dots inside names"},
      {"", NULL, "empty"},
      {"x", NULL, "no slash"},
      {"*", NULL, "asterisk-form"},
      {"/..", NULL, "up"},
      {"/../etc/passwd", NULL, "up"},
      {"/js/../../x", NULL, "up from inside"},
      {"/%2e%2e/x", NULL, "encoded up"},
      {"/%2E./x", NULL, "half-encoded up"},
      {"/..%2fx", NULL, "encoded slash"},
      {"/a%2fb", NULL, "encoded slash"},
      {"/a%5cb", NULL, "encoded backslash"},
      {"/a\\..\\b", NULL, "backslash"},
      {"/./x", NULL, "here"},
      {"//etc/passwd", NULL, "an empty part"},
      {"/js//app.js", NULL, "an empty part inside"},
      {"/.git/config", NULL, "hidden"},
      {"/js/.env", NULL, "hidden inside"},
      {"/%00", NULL, "NUL"},
      {"/a%0d%0aX: y", NULL, "line end"},
      {"/%", NULL, "a cut escape"},
      {"/%4", NULL, "a cut escape"},
      {"/%zz", NULL, "no hex"},
      {"/%%34", NULL, "no hex"},
      {"/%252e%252e/x", "%2e%2e/x", "decoded once only: a name, not a way up"},
  };
  char out[GW_STATIC_PATH_MAX];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = gw_static_path(base_span_str(rows[i].target), out);
    CHECK_MSG(base_is_ok(e) == (rows[i].want != NULL), "%s: %s", rows[i].target, rows[i].reason);
    CHECK_MSG(!rows[i].want || strcmp(out, rows[i].want) == 0, "%s gave %s", rows[i].target, out);
  }
  char long_path[GW_STATIC_PATH_MAX + 2];
  memset(long_path, 'a', sizeof long_path);
  long_path[0] = '/';
  CHECK_OK(gw_static_path(base_span_of(long_path, GW_STATIC_PATH_MAX), out));
  CHECK_ERR(gw_static_path(base_span_of(long_path, GW_STATIC_PATH_MAX + 1), out), BASE_E_NOT_FOUND);
}

static void content_types(void) {
  CHECK_STR(gw_static_type("client.wasm"), "application/wasm");
  CHECK_STR(gw_static_type("js/app.js"), "text/javascript; charset=utf-8");
  CHECK_STR(gw_static_type("js.d/noext"), "application/octet-stream");
  CHECK_STR(gw_static_type("x.unknown"), "application/octet-stream");
  CHECK_STR(gw_static_type(""), "application/octet-stream");
}

static void hashed_names(void) {
  static const struct {
    const char *path;
    bool hashed;
  } rows[] = {
      {"app.3f9a2b1c.js", true},
      {"a/app-3f9a2b1c00.wasm", true},
      {"app.js", false},
      {"app.3f9a2b1.js", false},
      {"app3f9a2b1c.js", false},
      {"3f9a2b1c.js", false},
      {"app.3f9a2b1z.js", false},
      {"app.3f9a2b1c", false},
      {"3f9a2b1c.d/app.js", false},
      {"", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(gw_static_is_hashed(rows[i].path) == rows[i].hashed, "%s", rows[i].path);
  }
}

static void encodings(void) {
  static const struct {
    const char *accept;
    bool br, gzip;
  } rows[] = {
      {"", false, false},
      {"gzip", false, true},
      {"gzip, deflate, br", true, true},
      {"BR", true, false},
      {"br;q=0", false, false},
      {"br;q=0.0, gzip", false, true},
      {"br;q=0.001", true, false},
      {"*", true, true},
      {"*;q=0", false, false},
      {"*, br;q=0", false, true},
      {"br;q=0, *", false, true},
      {"brotli", false, false},
      {" ,, br ; q=1.0", true, false},
      {"br;level=9", false, false},
      {";", false, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span accept = base_span_str(rows[i].accept);
    CHECK_MSG(gw_accepts_encoding(accept, "br") == rows[i].br, "%s", rows[i].accept);
    CHECK_MSG(gw_accepts_encoding(accept, "gzip") == rows[i].gzip, "%s", rows[i].accept);
  }
}

static void etags(void) {
  static const struct {
    const char *header;
    bool match;
  } rows[] = {
      {"\"x-1\"", true}, {"W/\"x-1\"", true}, {"\"a\", \"x-1\"", true}, {"*", true}, {"\"x-2\"", false},
      {"x-1", false},    {"", false},         {"\"x-1", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(gw_etag_matches(base_span_str(rows[i].header), "\"x-1\"") == rows[i].match, "%s", rows[i].header);
  }
}

TEST_MAIN(TEST(paths), TEST(content_types), TEST(hashed_names), TEST(encodings), TEST(etags))
