#include "base/url.h"

#include "base/span.h"

bool base_url_ok(const char *url) {
  static const char *const allowed[] = {"http://127.0.0.1:", "http://127.0.0.1/", "http://[::1]:",
                                        "http://[::1]/",     "http://localhost:", "http://localhost/"};
  base_span s = base_span_str(url);
  bool ok = base_span_starts(s, "https://") && s.n > sizeof "https://";
  if (strchr(url, '@')) {
    return false; /* a password in a URL ends up in logs, and a name before it can pass for the host */
  }
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
    ok = ok || base_span_starts(s, allowed[i]);
  }
  return ok;
}
