/* What the gateway reads out of a request's head by itself: the path of a file, Host, Origin, Accept-Encoding, If-None-Match, the WebSocket handshake.
 *
 * Input: fields separated by NUL, in the order of `enum field`. */
#include <assert.h>

#include "base/span.h"
#include "gateway/http/policy.h"
#include "gateway/http/static_path.h"
#include "gateway/ws/handshake.h"

enum field { TARGET, HOST, ORIGIN, ACCEPT, ETAGS, KEY, VERSION, PROTOCOLS, FIELDS };

/* Nothing that leads up, is hidden, or means another file than it says. */
static void check_path(base_span target) {
  char out[GW_STATIC_PATH_MAX];
  if (!base_is_ok(gw_static_path(target, out))) {
    return;
  }
  bool at_start = true;
  for (const char *p = out; *p; p++) {
    assert(*p != '\\' && (unsigned char)*p >= 0x20 && *p != 0x7f);
    assert(!at_start || (*p != '.' && *p != '/'));
    at_start = *p == '/';
  }
  assert(gw_static_type(out)[0]);
  gw_static_is_hashed(out);
}

#define CHECK_RULE(e) assert(base_is_ok(e))

static void check_policy(base_span host, base_span origin) {
  gw_policy p;
  gw_policy_init(&p);
  if (gw_policy_host_ok(&p, host)) {
    base_span lower = base_span_of(host.p, host.n < 9 ? host.n : 9);
    assert(base_span_ieq(lower, base_span_str("localhost")) || base_span_starts(host, "127.0.0.1") ||
           base_span_starts(host, "[::1]"));
    for (size_t i = 0; i < host.n; i++) {
      assert(host.p[i] > 0x20 && host.p[i] < 0x7f && host.p[i] != '@' && host.p[i] != '/' && host.p[i] != ',');
    }
  }
  /* Without a list only the gateway's own origin passes. */
  if (gw_policy_origin_ok(&p, origin, host, false)) {
    assert(origin.p == NULL || (origin.n == host.n + 7 && host.n > 0));
  }
  CHECK_RULE(gw_policy_add_origin(&p, "https://*.example.org"));
  CHECK_RULE(gw_policy_add_origin(&p, "~^https://[a-z]+\\.example\\.net$"));
  if (gw_policy_origin_listed(&p, origin)) {
    assert(base_span_ieq(base_span_of(origin.p, 8), base_span_str("https://")) && origin.n <= GW_POLICY_ORIGIN_MAX);
    base_span end = base_span_of(origin.p + origin.n - 12, 12);
    assert(base_span_ieq(end, base_span_str(".example.org")) || base_span_ieq(end, base_span_str(".example.net")));
  }
  gw_policy_dispose(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_span fields[FIELDS] = {{0}};
  for (int i = 0; i < FIELDS && size > 0; i++) {
    const uint8_t *end = memchr(data, 0, size);
    size_t n = end ? (size_t)(end - data) : size;
    fields[i] = base_span_of(data, n);
    n += end != NULL;
    data += n;
    size -= n;
  }
  check_path(fields[TARGET]);
  check_policy(fields[HOST], fields[ORIGIN]);
  gw_accepts_encoding(fields[ACCEPT], "br");
  gw_accepts_encoding(fields[ACCEPT], "gzip");
  gw_etag_matches(fields[ETAGS], "\"a-1\"");
  gw_ws_answer answer;
  gw_ws_handshake(&(gw_ws_request){.method = base_span_str("GET"),
                                   .key = fields[KEY],
                                   .version = fields[VERSION],
                                   .protocols = fields[PROTOCOLS]},
                  &answer);
  assert((answer.status == 101) == (strlen(answer.accept) == GW_WS_ACCEPT_SIZE - 1));
  return 0;
}
