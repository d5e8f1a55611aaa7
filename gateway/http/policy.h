/* policy.h - who may talk to the gateway: the Host allow-list, which stops DNS rebinding, and the Origin check, which stops other sites' pages. Both are asked before
 * anything is forwarded, for plain requests and for the upgrade to a WebSocket alike. Pure; any thread once it is filled.
 *
 * DNS rebinding: a page on evil.example makes its own name point to 127.0.0.1; its requests are same-origin for the browser, but carry Host: evil.example.
 * Origin: RFC 6454; CORS: https://fetch.spec.whatwg.org/#http-cors-protocol.
 */
#ifndef PONTE_GATEWAY_POLICY_H
#define PONTE_GATEWAY_POLICY_H

#include <regex.h>

#include "base/err.h"
#include "base/span.h"

enum { GW_POLICY_MAX = 32, GW_POLICY_ORIGIN_MAX = 300 };

enum gw_origin_kind { GW_ORIGIN_EXACT, GW_ORIGIN_SUFFIX, GW_ORIGIN_REGEX, GW_ORIGIN_ANY };

typedef struct {
  enum gw_origin_kind kind;
  char *text;     /* EXACT: the origin; SUFFIX: with a star for the names in front of it */
  regex_t *regex; /* REGEX: compiled */
} gw_origin_rule;

typedef struct {
  char *hosts[GW_POLICY_MAX]; /* without port; IPv6 in brackets */
  int host_count;
  gw_origin_rule origins[GW_POLICY_MAX];
  int origin_count;
  bool credentials;  /* pages may send cookies and read what comes back to them */
  int64_t max_age_s; /* how long browsers may keep a preflight's answer; 0 = a day; below 0: not at all */
} gw_policy;

/* The loopback names are allowed from the start. */
void gw_policy_init(gw_policy *p);
void gw_policy_dispose(gw_policy *p);
/* Copies. "app.example", "10.0.0.5", "[fe80::1]"; a port is cut off. INVALID: no host name; EXHAUSTED: too many. */
base_err gw_policy_add_host(gw_policy *p, const char *host) BASE_MUST_USE;
/* Copies. "https://app.example[:port]"; the same with "*." before the name, for any name below that one; "~REGEX", a POSIX extended regular expression that the whole origin
 * must match, whether or not it says ^ and $ (half an origin is somebody else's); "null"; "*". INVALID: none of these. */
base_err gw_policy_add_origin(gw_policy *p, const char *origin) BASE_MUST_USE;
/* INVALID: credentials for pages of any origin, which would give every site the user's session. */
base_err gw_policy_check(const gw_policy *p) BASE_MUST_USE;

/* Host header or :authority. */
bool gw_policy_host_ok(const gw_policy *p, base_span authority);
/* An absent Origin (p == NULL) is fine: no browser's cross-site request comes without it. */
bool gw_policy_origin_ok(const gw_policy *p, base_span origin, base_span authority, bool tls);
/* True if it is one of those added. Longer than GW_POLICY_ORIGIN_MAX bytes none is. */
bool gw_policy_origin_listed(const gw_policy *p, base_span origin);
/* True if the origin is the gateway's own: no CORS headers are needed. */
bool gw_origin_is_own(base_span origin, base_span authority, bool tls);

#endif
