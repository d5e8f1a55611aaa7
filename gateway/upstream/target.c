#include "gateway/upstream/target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/span.h"

enum { HOST_MAX = 253 };

/* What the C core takes and the h2 leg does not; everything else that gw_target_parse refuses is a mistake. */
static bool is_for_the_core(const char *text) {
  static const char *const schemes[] = {"xds:", "unix-abstract:", "google-c2p:", "vsock:"};
  base_span all = base_span_str(text);
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    if (base_span_starts(all, schemes[i])) {
      return true;
    }
  }
  bool has_server = base_span_starts(all, "dns://") && text[6] != '/' && text[6] != 0;
  bool is_list = (base_span_starts(all, "ipv4:") || base_span_starts(all, "ipv6:")) && strchr(text, ',') != NULL;
  return has_server || is_list;
}

static bool is_host(base_span host) {
  if (host.n == 0 || host.n > HOST_MAX) {
    return false;
  }
  for (size_t i = 0; i < host.n; i++) {
    uint8_t c = host.p[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && !((c == '-' || c == '.') && i > 0)) {
      return false;
    }
  }
  return true;
}

/* Splits "host:port" or "[address]:port" at the last colon. */
static bool split(const char *text, base_span *host, int *port) {
  const char *colon = strrchr(text, ':');
  uint64_t number = 0;
  if (colon == NULL || !base_span_u64(base_span_str(colon + 1), &number) || number < 1 || number > 65535) {
    return false;
  }
  *host = base_span_of(text, (size_t)(colon - text));
  *port = (int)number;
  return true;
}

static base_err parse_unix(const char *path, gw_target *out) {
  /* unix:///absolute has an empty authority in front of the path. */
  if (strncmp(path, "///", 3) == 0) {
    path += 2;
  }
  size_t n = strlen(path);
  if (n == 0 || n >= sizeof((struct sockaddr_un *)NULL)->sun_path || strncmp(path, "//", 2) == 0) {
    return base_fail(BASE_E_INVALID);
  }
  out->kind = GW_TARGET_UNIX;
  snprintf(out->host, sizeof out->host, "localhost");
  snprintf(out->authority, sizeof out->authority, "localhost");
  snprintf(out->address, sizeof out->address, "unix:%s", path);
  return BASE_OK;
}

enum forms { FORM_NAME = 1, FORM_V4 = 2, FORM_V6 = 4 };

static base_err parse_host(const char *text, unsigned allowed, gw_target *out) {
  struct in6_addr v6;
  struct in_addr v4;
  base_span host;
  if (!split(text, &host, &out->port)) {
    return base_fail(BASE_E_INVALID);
  }
  bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
  if (bracketed) {
    host = base_span_of(host.p + 1, host.n - 2);
  }
  if (host.n > HOST_MAX) {
    return base_fail(BASE_E_INVALID);
  }
  snprintf(out->host, sizeof out->host, "%.*s", BASE_SPAN_ARG(host));
  enum forms form = bracketed ? FORM_V6 : inet_pton(AF_INET, out->host, &v4) == 1 ? FORM_V4 : FORM_NAME;
  bool ok = form == FORM_V6 ? inet_pton(AF_INET6, out->host, &v6) == 1 : is_host(host);
  if (!ok || !(form & allowed)) {
    return base_fail(BASE_E_INVALID);
  }
  out->kind = form == FORM_NAME ? GW_TARGET_NAME : GW_TARGET_ADDRESS;
  snprintf(out->authority, sizeof out->authority, "%s%.*s%s:%d", bracketed ? "[" : "", BASE_SPAN_ARG(host),
           bracketed ? "]" : "", out->port);
  if (out->kind == GW_TARGET_ADDRESS) {
    memcpy(out->address, out->authority, sizeof out->address);
  }
  return BASE_OK;
}

base_err gw_target_parse(const char *text, gw_target *out) {
  static const struct {
    const char *prefix;
    unsigned allowed; /* 0: a path */
  } forms[] = {
      {"dns:///", FORM_NAME | FORM_V4 | FORM_V6},
      {"dns:", FORM_NAME | FORM_V4 | FORM_V6},
      {"ipv4:", FORM_V4},
      {"ipv6:", FORM_V6},
      {"unix:", 0},
      {"", FORM_NAME | FORM_V4 | FORM_V6},
  };
  *out = (gw_target){0};
  if (is_for_the_core(text)) {
    return base_fail(BASE_E_UNIMPLEMENTED);
  }
  size_t i = 0;
  while (!base_span_starts(base_span_str(text), forms[i].prefix)) {
    i++;
  }
  const char *rest = text + strlen(forms[i].prefix);
  return forms[i].allowed ? parse_host(rest, forms[i].allowed, out) : parse_unix(rest, out);
}
