#include "gateway/http/static.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "gateway/http/testing_exchange.h"

static char folder[64];

static void put(const char *name, const char *text, int mtime) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "w");
  CHECK(f != NULL);
  if (f) {
    fputs(text, f);
    fclose(f);
  }
  struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
  CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void fill_folder(void) {
  char path[256];
  snprintf(folder, sizeof folder, "/tmp/ponte-static-XXXXXX");
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/sub", folder);
  CHECK(mkdir(path, 0755) == 0);
  put("index.html", "<p>hello", 100);
  put("app.js", "plain", 100);
  put("app.js.gz", "zipped", 100);
  put("app.js.br", "brotli", 200);
  put("stale.js", "fresh", 200);
  put("stale.js.br", "old", 100);
  put("app.3f9a2b1c.wasm", "wasm", 100);
  put("empty.txt", "", 100);
  put(".secret", "secret", 100);
  put("sub/index.html", "sub", 100);
  snprintf(path, sizeof path, "%s/inside", folder);
  CHECK(symlink("app.js", path) == 0);
  snprintf(path, sizeof path, "%s/outside", folder);
  CHECK(symlink("/etc/passwd", path) == 0);
  snprintf(path, sizeof path, "%s/hidden", folder);
  CHECK(symlink(".secret", path) == 0);
  snprintf(path, sizeof path, "%s/etc", folder);
  CHECK(symlink("/etc", path) == 0);
  put("app.css", "css", 100);
  snprintf(path, sizeof path, "%s/app.css.br", folder);
  CHECK(symlink("/etc/passwd", path) == 0);
  snprintf(path, sizeof path, "%s-beside", folder);
  CHECK(mkdir(path, 0755) == 0);
  snprintf(path, sizeof path, "%s-beside/file", folder);
  fclose(fopen(path, "w"));
  char target[256];
  snprintf(target, sizeof target, "%s/beside", folder);
  CHECK(symlink(path, target) == 0);
  snprintf(path, sizeof path, "%s/fifo", folder);
  CHECK(mkfifo(path, 0644) == 0);
}

static void empty_folder(void) {
  char command[160];
  snprintf(command, sizeof command, "rm -r '%s' '%s-beside'", folder, folder);
  CHECK(system(command) == 0);
}

static void ask(gw_static *s, testing_exchange *t, const char *method, const char *path, const char *name,
                const char *value) {
  http_header h = {base_span_str(name), base_span_str(value)};
  http_header extra = {base_span_str("access-control-allow-origin"), base_span_str("https://x")};
  http_request r = {.method = base_span_str(method), .path = base_span_str(path), .headers = &h, .header_count = 1};
  testing_exchange_init(t);
  gw_static_handle(s, &t->x, &r, &extra, 1);
  CHECK(t->x.handler != NULL);
}

static void done(testing_exchange *t) {
  testing_close(t, false);
  testing_exchange_dispose(t);
}

static void answers(void) {
  static const struct {
    const char *method, *path, *accept;
    int status;
    const char *body, *line;
    const char *reason;
  } rows[] = {
      {"GET", "/", "", 200, "<p>hello", "content-type: text/html; charset=utf-8", "the folder's page"},
      {"GET", "/index.html?x", "", 200, "<p>hello", "cache-control: no-cache", "a name without a hash"},
      {"GET", "/app.js", "", 200, "plain", "vary: accept-encoding", "plain for those who ask for nothing"},
      {"GET", "/app.js", "gzip", 200, "zipped", "content-encoding: gzip", "precompressed"},
      {"GET", "/app.js", "gzip, br", 200, "brotli", "content-encoding: br", "the better one"},
      {"GET", "/app.js", "br", 200, "brotli", "content-type: text/javascript; charset=utf-8", "its own type"},
      {"GET", "/stale.js", "br", 200, "fresh", "content-length: 5", "an older variant is not the file"},
      {"GET", "/app.3f9a2b1c.wasm", "", 200, "wasm", "cache-control: public, max-age=31536000, immutable",
       "a hashed name"},
      {"GET", "/app.3f9a2b1c.wasm", "", 200, "wasm", "content-type: application/wasm", "for compileStreaming"},
      {"GET", "/empty.txt", "", 200, "", "content-length: 0", "an empty file"},
      {"GET", "/sub/", "", 200, "sub", "x-content-type-options: nosniff", "a folder's page"},
      {"GET", "/sub", "", 301, "moved\n", "location: /sub/", "a folder without its slash"},
      {"GET", "/sub?a=b", "", 301, "moved\n", "location: /sub/", "the same with a query"},
      {"GET", "/inside", "", 200, "plain", "referrer-policy: no-referrer", "a link that stays inside"},
      {"HEAD", "/app.js", "", 200, "", "content-length: 5", "the head alone"},
      {"GET", "/outside", "", 404, "not found\n", "cache-control: no-store", "a link that leads out"},
      {"GET", "/hidden", "", 404, "not found\n", "cache-control: no-store", "a link to what is hidden"},
      {"GET", "/etc", "", 404, "not found\n", "cache-control: no-store", "a folder outside: not even said to be one"},
      {"GET", "/etc/passwd", "", 404, "not found\n", "cache-control: no-store", "through a folder that is a link"},
      {"GET", "/beside", "", 404, "not found\n", "cache-control: no-store", "a folder whose name begins as ours"},
      {"GET", "/app.css", "br", 200, "css", "content-length: 3", "a variant that leads out is none"},
      {"GET", "/../etc/passwd", "", 404, "not found\n", "cache-control: no-store", "up"},
      {"GET", "/.secret", "", 404, "not found\n", "cache-control: no-store", "hidden"},
      {"GET", "/fifo", "", 404, "not found\n", "cache-control: no-store", "no plain file, and no wait for its writer"},
      {"GET", "/nothing", "", 404, "not found\n", "access-control-allow-origin: https://x",
       "errors carry CORS headers too"},
      {"POST", "/app.js", "", 405, "files are read with GET\n", "allow: GET, HEAD", "not to be written"},
      {"DELETE", "/", "", 405, "files are read with GET\n", "allow: GET, HEAD", "nor deleted"},
  };
  gw_static *s = NULL;
  fill_folder();
  CHECK_OK(gw_static_new(folder, &s));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    testing_exchange t;
    ask(s, &t, rows[i].method, rows[i].path, "accept-encoding", rows[i].accept);
    CHECK_MSG(t.status == rows[i].status, "%s %s: %d", rows[i].path, rows[i].reason, t.status);
    CHECK_MSG(base_span_is(base_buf_span(&t.body), rows[i].body), "%s %s", rows[i].path, rows[i].reason);
    CHECK_MSG(testing_has(&t, rows[i].line), "%s %s: %s", rows[i].path, rows[i].reason, rows[i].line);
    CHECK_MSG(t.ended, "%s %s", rows[i].path, rows[i].reason);
    done(&t);
  }
  gw_static_free(s);
  empty_folder();
}

static void pages_are_guarded(void) {
  static const char csp[] =
      "content-security-policy: default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
      "img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; "
      "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
  static const char *const lines[] = {
      csp,
      "permissions-policy: microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
      "x-content-type-options: nosniff",
      "referrer-policy: no-referrer",
      "cross-origin-opener-policy: same-origin",
  };
  static const struct {
    const char *path, *authority;
    bool tls, hsts;
    const char *reason;
  } rows[] = {
      {"/", "school.example", true, true, "a page over TLS"},
      {"/", "school.example:8443", true, true, "a port changes nothing"},
      {"/sub", "school.example", true, true, "a redirection over TLS"},
      {"/nothing", "school.example", true, true, "an error over TLS"},
      {"/", "school.example", false, false, "in the clear it would count for nothing"},
      {"/nothing", "school.example", false, false, "an error in the clear"},
      {"/", "localhost:8443", true, false, "a developer's other servers"},
      {"/", "LOCALHOST", true, false, "the same"},
      {"/", "localhost.example", true, true, "another host"},
  };
  gw_static *s = NULL;
  fill_folder();
  CHECK_OK(gw_static_new(folder, &s));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    testing_exchange t;
    http_request r = {.method = base_span_str("GET"),
                      .path = base_span_str(rows[i].path),
                      .authority = base_span_str(rows[i].authority),
                      .tls = rows[i].tls};
    testing_exchange_init(&t);
    gw_static_handle(s, &t.x, &r, NULL, 0);
    CHECK_MSG(testing_has(&t, "strict-transport-security: max-age=31536000") == rows[i].hsts, "%s", rows[i].reason);
    for (size_t k = 0; t.status == 200 && k < sizeof lines / sizeof *lines; k++) {
      CHECK_MSG(testing_has(&t, lines[k]), "%s", lines[k]);
    }
    done(&t);
  }
  gw_static_free(s);
  empty_folder();
}

static void unchanged_is_304(void) {
  testing_exchange t;
  gw_static *s = NULL;
  char etag[64] = "";
  fill_folder();
  CHECK_OK(gw_static_new(folder, &s));
  ask(s, &t, "GET", "/app.js", "accept", "*");
  base_span head = base_buf_span(&t.head);
  const char *at = memmem(head.p, head.n, "etag: ", 6);
  REQUIRE(at);
  CHECK_INT(sscanf(at, "etag: %60s", etag), 1);
  done(&t);
  ask(s, &t, "GET", "/app.js", "if-none-match", etag);
  CHECK_INT(t.status, 304);
  CHECK(t.ended && base_buf_size(&t.body) == 0);
  done(&t);
  put("app.js", "other", 101);
  ask(s, &t, "GET", "/app.js", "if-none-match", etag);
  CHECK_INT(t.status, 200);
  done(&t);
  gw_static_free(s);
  empty_folder();
}

static void long_files_wait_for_the_reader(void) {
  testing_exchange t;
  gw_static *s = NULL;
  size_t n = 1 << 20;
  char *text = malloc(n + 1);
  fill_folder();
  CHECK_OK(gw_static_new(folder, &s));
  REQUIRE(text);
  memset(text, 'x', n);
  text[n] = 0;
  put("long.txt", text, 1);
  http_request r = {.method = base_span_str("GET"), .path = base_span_str("/long.txt")};
  testing_exchange_init(&t);
  t.stuck = HTTP_WRITABLE_LOW + 1;
  gw_static_handle(s, &t.x, &r, NULL, 0);
  CHECK_INT(base_buf_size(&t.body), 0);
  CHECK(!t.ended);
  t.stuck = 0;
  t.x.handler->on_writable(t.x.ctx, &t.x);
  CHECK_INT(base_buf_size(&t.body), n);
  CHECK(t.ended);
  done(&t);
  gw_static_free(s);
  empty_folder();
  free(text);
}

static void a_missing_folder_is_said(void) {
  gw_static *s = NULL;
  CHECK_ERR(gw_static_new("/nowhere/at/all", &s), BASE_E_NOT_FOUND);
  CHECK_ERR(gw_static_new("/etc/passwd", &s), BASE_E_NOT_FOUND);
}

TEST_MAIN(TEST(answers), TEST(pages_are_guarded), TEST(unchanged_is_304), TEST(long_files_wait_for_the_reader),
          TEST(a_missing_folder_is_said))
