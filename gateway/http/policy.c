#include "gateway/http/policy.h"

#include <stdlib.h>
#include <string.h>

static const char *const loopback[] = {"localhost", "127.0.0.1", "[::1]"};

static bool is_name_byte(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool is_port(base_span s) {
  uint64_t port = 0;
  return s.n >= 1 && s.n <= 5 && base_span_u64(s, &port) && port <= 65535;
}

/* "host", "host:port", "[v6]", "[v6]:port"; the host alone, or the empty span for anything else. */
static base_span host_of(base_span authority) {
  const base_span none = {NULL, 0};
  size_t n = 0;
  if (authority.n > 0 && authority.p[0] == '[') {
    const uint8_t *close = memchr(authority.p, ']', authority.n);
    if (close == NULL || close == authority.p + 1) {
      return none;
    }
    n = (size_t)(close - authority.p) + 1;
    for (size_t i = 1; i + 1 < n; i++) {
      if (!strchr("0123456789abcdefABCDEF:.", authority.p[i]) || authority.p[i] == 0) {
        return none;
      }
    }
  } else {
    while (n < authority.n && is_name_byte(authority.p[n])) {
      n++;
    }
  }
  if (n == 0) {
    return none;
  }
  base_span rest = base_span_of(authority.p + n, authority.n - n);
  if (rest.n > 0 && (rest.p[0] != ':' || !is_port(base_span_of(rest.p + 1, rest.n - 1)))) {
    return none;
  }
  return base_span_of(authority.p, n);
}

static base_err keep(char *list[GW_POLICY_MAX], int *count, base_span value) {
  if (*count == GW_POLICY_MAX) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  char *copy = strndup((const char *)value.p, value.n);
  if (copy == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  list[(*count)++] = copy;
  return BASE_OK;
}

void gw_policy_init(gw_policy *p) { memset(p, 0, sizeof *p); }

void gw_policy_dispose(gw_policy *p) {
  for (int i = 0; i < p->host_count; i++) {
    free(p->hosts[i]);
  }
  for (int i = 0; i < p->origin_count; i++) {
    free(p->origins[i]);
  }
  gw_policy_init(p);
}

base_err gw_policy_add_host(gw_policy *p, const char *host) {
  base_span name = host_of(base_span_str(host));
  return name.n > 0 ? keep(p->hosts, &p->host_count, name) : base_fail(BASE_E_INVALID);
}

/* scheme "://" authority, and nothing behind it. */
static bool is_origin(base_span o) {
  size_t scheme = base_span_starts(o, "http://") ? 7 : base_span_starts(o, "https://") ? 8 : 0;
  return scheme > 0 && host_of(base_span_of(o.p + scheme, o.n - scheme)).n > 0;
}

base_err gw_policy_add_origin(gw_policy *p, const char *origin) {
  base_span o = base_span_str(origin);
  if (!base_span_is(o, "*") && !base_span_is(o, "null") && !is_origin(o)) {
    return base_fail(BASE_E_INVALID);
  }
  return keep(p->origins, &p->origin_count, o);
}

bool gw_policy_host_ok(const gw_policy *p, base_span authority) {
  base_span host = host_of(authority);
  if (host.n == 0) {
    return false;
  }
  for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++) {
    if (base_span_ieq(host, base_span_str(loopback[i]))) {
      return true;
    }
  }
  for (int i = 0; i < p->host_count; i++) {
    if (base_span_ieq(host, base_span_str(p->hosts[i]))) {
      return true;
    }
  }
  return false;
}

bool gw_origin_is_own(base_span origin, base_span authority, bool tls) {
  base_span scheme = base_span_str(tls ? "https://" : "http://");
  if (origin.n < scheme.n || !base_span_ieq(base_span_of(origin.p, scheme.n), scheme)) {
    return false;
  }
  return authority.n > 0 && base_span_ieq(base_span_of(origin.p + scheme.n, origin.n - scheme.n), authority);
}

bool gw_policy_origin_ok(const gw_policy *p, base_span origin, base_span authority, bool tls) {
  if (origin.p == NULL || gw_origin_is_own(origin, authority, tls)) {
    return true;
  }
  for (int i = 0; i < p->origin_count; i++) {
    if (strcmp(p->origins[i], "*") == 0 || base_span_ieq(origin, base_span_str(p->origins[i]))) {
      return true;
    }
  }
  return false;
}
