#include "gateway/http/policy.h"

#include <stdio.h>
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

void gw_policy_init(gw_policy *p) { memset(p, 0, sizeof *p); }

void gw_policy_dispose(gw_policy *p) {
  for (int i = 0; i < p->host_count; i++) {
    free(p->hosts[i]);
  }
  for (int i = 0; i < p->origin_count; i++) {
    gw_origin_rule *rule = &p->origins[i];
    free(rule->text);
    if (rule->regex) {
      regfree(rule->regex);
      free(rule->regex);
    }
  }
  gw_policy_init(p);
}

base_err gw_policy_add_host(gw_policy *p, const char *host) {
  base_span name = host_of(base_span_str(host));
  if (name.n == 0) {
    return base_fail(BASE_E_INVALID);
  }
  if (p->host_count == GW_POLICY_MAX) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  char *copy = strndup((const char *)name.p, name.n);
  if (copy == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  p->hosts[p->host_count++] = copy;
  return BASE_OK;
}

/* -- origins ------------------------------------------------------------------------------------------------------- */

static size_t scheme_length(base_span o) {
  return base_span_starts(o, "http://") ? 7 : base_span_starts(o, "https://") ? 8 : 0;
}

/* scheme "://" authority, and nothing behind it. */
static bool is_origin(base_span o) {
  size_t scheme = scheme_length(o);
  return scheme > 0 && host_of(base_span_of(o.p + scheme, o.n - scheme)).n > 0;
}

/* An origin with "*." before its name. */
static bool is_suffix(base_span o) {
  size_t scheme = scheme_length(o);
  base_span rest = base_span_of(o.p + scheme, o.n - scheme);
  if (scheme == 0 || !base_span_starts(rest, "*.")) {
    return false;
  }
  base_span name = base_span_of(rest.p + 2, rest.n - 2);
  return name.n > 0 && name.p[0] != '.' && name.p[0] != '[' && host_of(name).n > 0;
}

static base_err compile(const char *expression, regex_t **out) {
  size_t n = strlen(expression) + sizeof "^()$";
  char *whole = malloc(n);
  regex_t *regex = malloc(sizeof *regex);
  bool good = false;
  if (whole && regex) {
    snprintf(whole, n, "^(%s)$", expression);
    good = regcomp(regex, whole, REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0;
  }
  bool no_memory = whole == NULL || regex == NULL;
  free(whole);
  if (!good) {
    free(regex);
    return base_fail(no_memory ? BASE_E_NO_MEMORY : BASE_E_INVALID);
  }
  *out = regex;
  return BASE_OK;
}

base_err gw_policy_add_origin(gw_policy *p, const char *origin) {
  base_span o = base_span_str(origin);
  gw_origin_rule rule = {.kind = GW_ORIGIN_EXACT};
  if (p->origin_count == GW_POLICY_MAX) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  if (o.n > 1 && o.p[0] == '~') {
    rule.kind = GW_ORIGIN_REGEX;
    BASE_TRY(compile(origin + 1, &rule.regex));
  } else if (base_span_is(o, "*")) {
    rule.kind = GW_ORIGIN_ANY;
  } else if (is_suffix(o)) {
    rule.kind = GW_ORIGIN_SUFFIX;
  } else if (!base_span_is(o, "null") && !is_origin(o)) {
    return base_fail(BASE_E_INVALID);
  }
  if (rule.regex == NULL && (rule.text = strdup(origin)) == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  p->origins[p->origin_count++] = rule;
  return BASE_OK;
}

base_err gw_policy_check(const gw_policy *p) {
  for (int i = 0; p->credentials && i < p->origin_count; i++) {
    if (p->origins[i].kind == GW_ORIGIN_ANY) {
      return base_fail(BASE_E_INVALID);
    }
  }
  return BASE_OK;
}

/* The star stands for one label or more, and for nothing but names. */
static bool has_suffix(const char *rule, base_span origin) {
  const char *star = strchr(rule, '*');
  size_t head = (size_t)(star - rule), tail = strlen(star + 1);
  if (origin.n <= head + tail || !base_span_ieq(base_span_of(origin.p, head), base_span_of(rule, head)) ||
      !base_span_ieq(base_span_of(origin.p + origin.n - tail, tail), base_span_str(star + 1))) {
    return false;
  }
  for (size_t i = head; i < origin.n - tail; i++) {
    if (!is_name_byte(origin.p[i])) {
      return false;
    }
  }
  return origin.p[head] != '.';
}

static bool rule_matches(const gw_origin_rule *rule, base_span origin, const char *terminated) {
  switch (rule->kind) {
  case GW_ORIGIN_EXACT: return base_span_ieq(origin, base_span_str(rule->text));
  case GW_ORIGIN_SUFFIX: return has_suffix(rule->text, origin);
  case GW_ORIGIN_REGEX: return regexec(rule->regex, terminated, 0, NULL, 0) == 0;
  case GW_ORIGIN_ANY: return true;
  }
  return false;
}

bool gw_policy_origin_listed(const gw_policy *p, base_span origin) {
  char terminated[GW_POLICY_ORIGIN_MAX + 1];
  if (origin.n == 0 || origin.n > GW_POLICY_ORIGIN_MAX || memchr(origin.p, 0, origin.n)) {
    return false;
  }
  memcpy(terminated, origin.p, origin.n);
  terminated[origin.n] = 0;
  for (int i = 0; i < p->origin_count; i++) {
    if (rule_matches(&p->origins[i], origin, terminated)) {
      return true;
    }
  }
  return false;
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
  return origin.p == NULL || gw_origin_is_own(origin, authority, tls) || gw_policy_origin_listed(p, origin);
}
