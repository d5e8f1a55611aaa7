#include "base/url.h"

#include "base/test.h"

static void only_where_nobody_listens(void) {
  static const struct {
    const char *url;
    bool want;
  } rows[] = {{"https://generativelanguage.googleapis.com", true},
              {"https://example.org:8443/keys", true},
              {"http://127.0.0.1:8080", true},
              {"http://127.0.0.1/", true},
              {"http://[::1]:1/x", true},
              {"http://localhost:11434/v1", true},
              {"", false},
              {"https://", false},
              {"http://example.org", false},
              {"http://127.0.0.1.example.org/", false},
              {"http://localhost.example.org/", false},
              {"http://localhost@example.org/", false},
              {"https://user:word@example.org/", false},
              {"HTTPS", false},
              {"ftp://127.0.0.1/", false},
              {"file:///etc/passwd", false},
              {" https://example.org", false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_MSG(base_url_ok(rows[i].url) == rows[i].want, "%s", rows[i].url);
}

TEST_MAIN(TEST(only_where_nobody_listens))
